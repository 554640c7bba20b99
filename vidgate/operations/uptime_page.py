"""The uptime report as one file of HTML: needs nothing from anywhere, prints on A4, no script.

Each rate stands as text; cells that programs read carry their exact value in `data-value`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import groupby
from typing import Any

from vidgate.operations import uptime_words as words
from vidgate.operations.uptime_words import Document

COLOURS = {
    "own": "#6b7280", "unauthorized": "#a855f7", "busy": "#0ea5e9", "picture": "#14b8a6",
    "upstream": "#dc2626", "unproved": "#94a3b8", "unknown": "#475569", "device": "#ea580c",
    "maintenance": "#cbd5e1", "disabled": "#e2e8f0",
}  # fmt: skip
OTHER = "#78716c"
NAMED = 2  # causes of a group in words
# Widths in the table of groups, in px: what A4 has between its margins, what stands beside the
# rates at least, "100. %" with its padding, a digit.
PAPER, BESIDE, RATE, DIGIT = 703, 260, 54, 8
PERCENT = re.compile(r"(?:&lt; )?[0-9.]+ %")
STYLE = """
@page { size: A4; margin: 14mm 12mm; }
* { box-sizing: border-box; }
body { font: 13px/1.5 "Noto Sans CJK SC", "Microsoft YaHei", "PingFang SC", sans-serif;
  color: #111827; background: #fff; max-width: 190mm; margin: 8mm auto; padding: 0 4mm; }
h1 { font-size: 22px; margin: 0; } h2 { font-size: 15px; margin: 22px 0 6px; }
.en { color: #6b7280; font-weight: 400; font-size: 12px; margin-left: 6px; }
.window { color: #4b5563; margin: 2px 0 14px; }
.limit { border-left: 3px solid #b45309; margin: 0 0 8px; padding-left: 8px; }
.figures { display: flex; flex-wrap: wrap; gap: 10px; } .figures > div { flex: 1 1 22%;
  border: 1px solid #d1d5db; border-radius: 6px; padding: 8px 10px; }
.figures > :first-child:nth-last-child(n+5), .figures > :first-child:nth-last-child(n+5) ~ div {
  flex-basis: 30%; } /* four in a row; of more than four, three */
.figures b { display: block; font-size: 24px; line-height: 1.25; white-space: nowrap; }
.figures small { color: #6b7280; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; } thead { display: table-header-group; }
th, td { text-align: left; padding: 4px 6px; border-bottom: 1px solid #e5e7eb; }
th { color: #4b5563; font-weight: 600; border-bottom-color: #9ca3af; }
td.n, th.n { text-align: right; } td.n { font-variant-numeric: tabular-nums; white-space: nowrap; }
td:not(.n) { min-width: 5em; } #worst td:first-child { min-width: 12.5em; } /* 20 digits */
#groups th.n { width: 1px; } #groups th:last-child { min-width: 11em; } /* heads wrap */
tr { break-inside: avoid; } h2, thead { break-after: avoid; }
svg { display: block; width: 100%; height: auto; } #groups svg { height: 8px; }
i { font-style: normal; white-space: nowrap; }
.key { display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin-right: 5px; }
ol, ul { margin: 4px 0; padding-left: 20px; } li { margin: 2px 0; }
footer { margin-top: 18px; color: #6b7280; font-size: 12px; }
@media print { body { margin: 0; padding: 0 1px; max-width: none;
  -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  .wide { overflow: visible; zoom: var(--fit, 1); } td, th { overflow-wrap: anywhere; } }
"""


def page_of(document: Document) -> str:
    """The whole file."""
    title = f"视频通道在线率报表 {words.window(document)}"
    body = "".join(
        (
            f"<h1>视频通道在线率报表{_en('Channel uptime')}</h1>",
            f'<p class="window">{escape(words.window(document))} · '
            f"按{words.BY[document['by']]} by {document['by']} · "
            f"{document['total']['channels']} 路 channels</p>",
            *(f'<p class="limit">{escape(one)}</p>' for one in words.limits(document)),
            _figures(document),
            trend_of(document),
            _groups(document),
            _causes(document),
            _exclusions(document),
            _worst(document),
            _definitions(document),
        )
    )
    return (
        '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>{body}</body></html>"
    )


def _figures(document: Document) -> str:
    parts = []
    for kpi in document["kpis"]:
        figure = document["total"]["kpis"][kpi["id"]]
        parts.append(
            f'<div data-kpi="{kpi["id"]}" data-value="{_value(figure["share"])}">'
            f"<small>{escape(kpi['zh'])}</small><b>{words.percent(figure)}</b>"
            f"<small>{escape(kpi['en'])}</small></div>"
        )
    return f'<div class="figures">{"".join(parts)}</div>'


def _groups(document: Document) -> str:
    heads = [words.BY[document["by"]], "路数", *(kpi["zh"] for kpi in document["kpis"]), "缺失归因"]
    rows = []
    for group in [*document["groups"], {**document["total"], "name": None}]:
        name = group["name"]
        shown = "合计 total" if name is None else words.group_name(document, name)
        cells = [f"<td>{escape(shown)}</td>", f'<td class="n">{group["channels"]}</td>']
        for kpi in document["kpis"]:
            figure = group["kpis"][kpi["id"]]
            cells.append(
                f'<td class="n" data-kpi="{kpi["id"]}" data-value="{_value(figure["share"])}">'
                f"{words.percent(figure)}</td>"
            )
        cells.append(f"<td>{_bar(group)}{_biggest(document, group)}</td>")
        mark = ' data-total="1"' if name is None else f' data-group="{escape(name)}"'
        rows.append(f"<tr{mark}>{''.join(cells)}</tr>")
    table = _table("groups", heads, rows, text=(0, -1), fit=_fit(document["kpis"]))
    return _section("各组在线率", "by group") + table


def _fit(kpis: Sequence[Mapping[str, Any]]) -> float:
    """What is left of the size of many rates on paper: nothing scrolls there, no number breaks."""
    wanted: int = BESIDE + sum(RATE + DIGIT * kpi["decimals"] for kpi in kpis)
    return min(1.0, PAPER / wanted)


def _bar(group: Mapping[str, Any]) -> str:
    """What is missing by cause, the whole bar being all that is missing."""
    missing = sum(one["seconds"] for one in group["causes"] if one["counted"])
    if not missing:
        return ""
    x, parts = 0.0, []
    for one in group["causes"]:
        if one["counted"]:
            width = 100 * one["seconds"] / missing
            parts.append(
                f'<rect x="{x:.2f}" width="{width:.2f}" height="10" fill="{_colour(one["id"])}"/>'
            )
            x += width
    return (
        f'<svg viewBox="0 0 100 10" preserveAspectRatio="none" height="10">{"".join(parts)}</svg>'
    )


def _biggest(document: Document, group: Mapping[str, Any]) -> str:
    """The largest causes in words: a bar alone says nothing on paper without colours."""
    names = {one["id"]: one["zh"] for one in document["causes"]}
    spent = [one for one in group["causes"] if one["counted"] and one["seconds"]]
    largest = sorted(spent, key=lambda one: -one["seconds"])[:NAMED]
    told = " · ".join(f"{names[one['id']]} {words.share(one['share'])}" for one in largest)
    also = words.impaired(document, group)
    online = f"<br><small>计为在线 online: {_whole(also)}</small>" if also else ""
    return f"<small>{_whole(told)}</small>{online}"


def _causes(document: Document) -> str:
    rows = []
    names = {one["id"]: one for one in document["causes"]}
    spent = document["total"]["causes"]
    for one in sorted(spent, key=lambda c: (not c["counted"], not c["online"], -c["seconds"])):
        name = names[one["id"]]
        rows.append(
            f'<tr data-cause="{one["id"]}" data-kind="{words.kind(one)}" '
            f'data-value="{one["share"]!r}">'
            f'<td><svg class="key" viewBox="0 0 1 1"><rect width="1" height="1" '
            f'fill="{_colour(one["id"])}"/></svg>{escape(name["zh"])}{words.note(one)}'
            f"{_en(name['en'])}</td>"
            f'<td class="n">{words.share(one["share"])}</td>'
            f'<td class="n">{words.length(one["seconds"])}</td></tr>'
        )
    heads = ["原因 cause", "占应在线时间 share", "路·时长 channel time"]
    return _section("缺失的百分比从何而来", "why time is missing") + _table("causes", heads, rows)


def _exclusions(document: Document) -> str:
    """What was left out on somebody's word; nothing where there was none."""
    told = words.exclusions(document)
    if not told:
        return ""
    rows = ["<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in told]
    table = _table("exclusions", words.EXCLUSION_HEADS, rows, right=())
    return _section("不计入的时段", "left out, why and by whom") + table


def _worst(document: Document) -> str:
    names = {one["id"]: one["zh"] for one in document["causes"]}
    rows = []
    for one in document["channels"]:
        if one["online"] >= one["counted"]:
            continue
        why = max((c for c in one["causes"] if c["counted"]), key=lambda c: c["seconds"])
        rows.append(
            f'<tr data-channel="{escape(one["id"])}"><td>{escape(one["id"])}</td>'
            f"<td>{escape(one['name'])}</td><td>{escape(one['department'])}</td>"
            f'<td class="n" data-value="{_value(one["share"])}">{words.percent(one)}</td>'
            f'<td class="n">{words.length(one["counted"] - one["online"])}</td>'
            f"<td>{escape(names[why['id']])}</td><td>{words.STATES[one['state']]}</td></tr>"
        )
    heads = ["编号", "名称", "部门", "在线率", "缺失时长", "主要原因", "现状"]
    return _section("缺失最多的通道", "worst channels") + _table("worst", heads, rows, right=(3, 4))


def trend_of(document: Document) -> str:
    """A line of the days' rates; a gap where nothing counted."""
    days = document["days"]
    known = [day["share"] for day in days if day["share"] is not None]
    if len(known) < 2:
        return ""
    low = min(0.9, *known) if min(known) > 0.9 else min(known) * 0.98
    wide, high, left, top, right = 700, 150, 44, 8, 18
    step = (wide - left - right) / max(1, len(days) - 1)

    def y(value: float) -> float:
        height: float = top + high * (1 - (value - low) / (1 - low))
        return height

    lines = [
        f'<line x1="{left}" x2="{wide - right}" y1="{y(v):.1f}" y2="{y(v):.1f}" stroke="#e5e7eb"/>'
        f'<text x="{left - 6}" y="{y(v) + 4:.1f}" text-anchor="end" font-size="11" '
        f'fill="#6b7280">{100 * v:.1f}%</text>'
        for v in (low, (1 + low) / 2, 1.0)
    ]
    marks = [
        f'<text x="{left + n * step:.1f}" y="{top + high + 18}" font-size="11" fill="#6b7280" '
        f'text-anchor="middle">{day["date"][5:]}</text>'
        for n, day in enumerate(days)
        if n % max(1, len(days) // 8) == 0
    ]
    drawn = [
        f'<polyline points="{" ".join(points)}" fill="none" stroke="#1d4ed8" stroke-width="2" '
        'stroke-linecap="round"/>'
        for points in _pieces(
            None if day["share"] is None else f"{left + n * step:.1f},{y(day['share']):.1f}"
            for n, day in enumerate(days)
        )
    ]
    return _section("每日在线率", "day by day") + (
        f'<svg viewBox="0 0 {wide} {high + 34}" role="img">'
        f"{''.join(lines)}{''.join(marks)}{''.join(drawn)}</svg>"
    )


def _pieces(points: Iterable[str | None]) -> list[list[str]]:
    """Points that follow each other; one alone is there twice, to be seen as a dot."""
    found = [[one for one in some if one] for _, some in groupby(points, key=bool)]
    return [piece * 2 if len(piece) == 1 else piece for piece in found if piece]


def _definitions(document: Document) -> str:
    told = "".join(
        f"<li><b>{escape(kpi['zh'])}</b> ({kpi['id']} v{kpi['version']}): "
        f"{escape(words.definition(kpi))}</li>"
        for kpi in document["kpis"]
    )
    causes = " · ".join(
        f"{one['zh']} ({one['id']} v{one['version']})" for one in document["causes"]
    )
    told += f"<li><b>归因 causes</b>: {escape(causes)}</li>"
    made = words.moment(document, document["generated"])
    zone = escape(words.zone(document))
    return (
        _section("口径", "what was counted")
        + f"<ul>{told}</ul><footer>vidgate · 生成于 {made} · {zone}</footer>"
    )


def _table(
    name: str,
    heads: Sequence[str],
    rows: Iterable[str],
    *,
    text: tuple[int, ...] = (0,),
    right: tuple[int, ...] | None = None,
    fit: float = 1.0,
) -> str:
    """A table; columns are numbers but those in `text`, or only those in `right`.

    On screens that are too narrow it scrolls, alone; on paper it has `fit` of its size.
    """
    left = {number % len(heads) for number in text}
    head = "".join(
        f"<th{' class=n' if (n in right if right is not None else n not in left) else ''}>"
        f"{escape(one)}</th>"
        for n, one in enumerate(heads)
    )
    body = "".join(rows) or f'<tr><td colspan="{len(heads)}">无 none</td></tr>'
    table = f'<table id="{name}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    smaller = f' style="--fit:{fit:.3f}"' if fit < 1 else ""
    return f'<div class="wide"{smaller}>{table}</div>'


def _section(chinese: str, english: str) -> str:
    return f"<h2>{chinese}{_en(english)}</h2>"


def _en(text: str) -> str:
    return f'<span class="en">{escape(text)}</span>'


def _whole(text: str) -> str:
    """A text whose percentages do not break over lines."""
    return PERCENT.sub(r"<i>\g<0></i>", escape(text))


def _value(number: float | None) -> str:
    return "" if number is None else repr(number)


def _colour(cause: str) -> str:
    return COLOURS.get(cause, OTHER)
