"""Writes configs/grafana/dashboards/*.json from dashboards.yaml: `python -m scripts.dashboards`.

The files are committed so that Grafana takes them as they are, and a test holds them equal to what
this writes.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

TABLE = Path(__file__).with_name("dashboards.yaml")
FOLDER = Path(__file__).resolve().parents[1] / "configs" / "grafana" / "dashboards"
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH = 24  # columns of Grafana's grid
STATES = ("未知", "在线", "画面异常", "忙", "离线", "未授权", "检修", "停用", "可达")
ONE_MOMENT = ("stat", "bargauge", "table")  # kinds that show the newest value only

Entry = Mapping[str, Any]


def table() -> Entry:
    """What dashboards.yaml says."""
    found: Entry = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    return found


def text(dashboard: Entry, colours: Entry) -> str:
    """A dashboard as Grafana reads it (schema 39, Grafana 10 and later)."""
    made = {
        "uid": dashboard["uid"],
        "title": dashboard["title"],
        "tags": ["vidgate"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "1m",
        "time": {"from": "now-24h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [_source(), *map(_variable, dashboard.get("variables", ()))]},
        "panels": _laid_out(dashboard["panels"], colours),
    }
    return json.dumps(made, ensure_ascii=False, indent=1) + "\n"


def _source() -> Entry:
    return {
        "name": "datasource",
        "label": "数据源 source",
        "type": "datasource",
        "query": "prometheus",
    }


def _variable(variable: Entry) -> Entry:
    made = {
        "name": variable["name"],
        "label": variable["label"],
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": variable["query"], "refId": variable["name"]},
        "refresh": 2,  # when the time range changes
        "sort": 1,
    }
    if variable["query"].startswith("query_result"):  # shown by its name, used by its id
        made["regex"] = '/.*channel="(?<value>[^"]+)".*name="(?<text>[^"]+)".*/'
    return made


def _laid_out(panels: Sequence[Entry], colours: Entry) -> list[Entry]:
    """Panels from left to right; a row ends where the next does not fit."""
    made: list[Entry] = []
    x = y = row = 0
    for number, panel in enumerate(panels, 1):
        width, height = panel["form"]["w"], panel["form"]["h"]
        if x + width > WIDTH:
            x, y, row = 0, y + row, 0
        place = {"x": x, "y": y, "w": width, "h": height}
        made.append({"id": number, "gridPos": place, **_panel(panel, colours)})
        x, row = x + width, max(row, height)
    return made


def _panel(panel: Entry, colours: Entry) -> Entry:
    kind = panel["kind"]
    if kind == "row":  # the panels below it, up to the next row, are folded with it
        return {"title": panel["title"], "type": kind, "collapsed": False, "panels": []}
    return {
        "title": panel["title"],
        **({"description": panel["note"]} if "note" in panel else {}),
        "type": kind,
        "datasource": SOURCE,
        "fieldConfig": {"defaults": _defaults(panel["form"], colours), "overrides": []},
        "targets": [
            _target(kind, chr(ord("A") + at), legend, expression)
            for at, (legend, expression) in enumerate(panel["queries"].items())
        ],
        "options": {"orientation": "horizontal"} if kind == "bargauge" else {},
    }


def _target(kind: str, name: str, legend: str, expression: str) -> Entry:
    target: dict[str, Any] = {"refId": name, "expr": expression, "datasource": SOURCE}
    if legend:
        target["legendFormat"] = legend
    if kind in ONE_MOMENT:
        target["instant"] = True
    if kind == "table":
        target["format"] = "table"
    return target


def _defaults(form: Entry, colours: Entry) -> Entry:
    defaults: dict[str, Any] = {"unit": form.get("unit", "short")}
    if "span" in form:
        defaults["min"], defaults["max"] = form["span"]
    if "colours" in form:
        (_, lowest), *bounds = colours[form["colours"]].items()  # Grafana begins without a bound
        steps = [{"value": None, "color": lowest}]
        steps += [{"value": bound, "color": colour} for bound, colour in bounds]
        defaults["thresholds"] = {"mode": "absolute", "steps": steps}
        defaults["color"] = {"mode": "thresholds"}
    if form.get("states"):
        shown = {str(code): {"text": name, "index": code} for code, name in enumerate(STATES)}
        defaults["mappings"] = [{"type": "value", "options": shown}]
    return defaults


def files() -> dict[str, str]:
    """Every file's name and content."""
    found = table()
    return {f"{one['uid']}.json": text(one, found["colours"]) for one in found["dashboards"]}


def main() -> None:
    """Write them all."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, content in files().items():
        (FOLDER / name).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
