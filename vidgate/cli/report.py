"""`vidgate report`: figures of the past."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from vidgate.cli import files, next_steps, output, tables
from vidgate.cli.client import Client, Query
from vidgate.cli.errors import UsageError, both
from vidgate.cli.options import option
from vidgate.cli.progress import Meter
from vidgate.operations import uptime_words as words

OK = 0
CAUSES_SHOWN = 3
Form = Literal["table", "json", "csv", "xlsx", "html"]
TIMES = ("since", "until", "asked_since", "asked_until")
FILES = ("csv", "xlsx", "html")


@Parameter(name="*")
@dataclass(kw_only=True)
class Shape:
    """How the report is given out."""

    form: Annotated[
        Form, option("输出格式, csv 为各组的原始值 · the form; csv: the groups", "--output", "-o")
    ] = "table"
    file: Annotated[
        Path | None, option("csv, xlsx 或 html 写到这个文件 · where csv, xlsx or html goes")
    ] = None
    force: Annotated[bool, option("覆盖已有文件 · replace the file of --file")] = False
    json: Annotated[bool, option("即 -o json · the same as -o json", "--json")] = False

    def check(self) -> Form:
        """The form that is meant; UsageError where the options do not go together."""
        form: Form = "json" if self.json and self.form == "table" else self.form
        if self.json and form != "json":
            raise UsageError(
                both(f"--json 和 -o {form} 只能选一个", f"--json or -o {form}: not both")
            )
        if form == "xlsx" and self.file is None:
            raise UsageError(
                both("xlsx 要写到文件, 请加 --file", "xlsx goes to a file: give --file"),
                hint="-o xlsx --file uptime.xlsx",
            )
        if self.file is not None:
            if form not in FILES:
                raise UsageError(
                    both("--file 只用于 -o csv, xlsx 或 html", "--file goes with csv, xlsx, html"),
                    hint=f"-o html --file {self.file}",
                )
            files.check_free(self.file, force=self.force)
        return form


async def uptime(
    *,
    by: Annotated[
        Literal["department", "platform", "area", "class"],
        option("按部门, 平台, 行政区划或点位类型 · grouped by", shown=True),
    ] = "department",
    since: Annotated[str, option("从: 30d, 12h, 2026-04-01 · from", shown=True)] = "30d",
    until: Annotated[str, option("到, 默认现在 · until, by default now")] = "",
    worst: Annotated[int, option("列出多少最差的通道 · how many of the worst", shown=True)] = 20,
    shape: Shape | None = None,
) -> int:
    """Uptime by group: the rate, why the rest is missing, the worst channels."""
    chosen = shape or Shape()
    form = chosen.check()
    query: Query = {"by": by, "since": since, "until": until, "worst": worst}
    async with Client() as client:
        with Meter("汇总"):
            if form in ("xlsx", "html"):
                query = {**query, "format": form}
            found = await client.get("/reports/uptime", query)
    if form == "json":
        output.document(found)
    elif form == "table":
        _show(found)
    else:
        path = chosen.file or tables.STDOUT
        content = found
        if form == "csv":
            content = _csv(found, is_marked=chosen.file is not None)
            _tell_limits(found)
        files.write(path, content, force=chosen.force)
        if chosen.file:
            output.note(f"已写入 written: {path}")
    return OK


def _csv(found: Any, *, is_marked: bool) -> bytes:
    """The groups and their total: rates in percent, durations in seconds.

    Columns `missing_*` are what a row's `online` lacks of its `counted`; those of causes that are
    `online_*` or `left_out_*` are no part of that. Each row bears the time that it is of, which
    may be more than was asked for, and the time that was.
    """
    times = {name: tables.instant(found[name]) for name in TIMES}
    of = {"by": found["by"], "unknown_days": words.unknown_days(found), **times}
    kpis = [one["id"] for one in found["kpis"]]
    columns = ("row", "by", "name", "channels", "online", "counted", *kpis)
    columns += tuple(f"{kind}_{cause}" for kind, cause in words.spent_columns(found))
    columns += (*TIMES, "unknown_days")
    sheet = tables.Sheet("uptime", columns)
    groups = [("group", group) for group in found["groups"]] + [("total", found["total"])]
    items = [{"row": row} | of | _flat(group) for row, group in groups]
    return tables.csv_of(sheet.rows(items), is_marked=is_marked)


def _flat(group: Any) -> dict[str, Any]:
    figure = words.main(group)
    named = {name: group[name] for name in ("name", "channels")}
    named |= {name: figure[name] for name in ("online", "counted")}
    rates = {kpi: one["percent"] for kpi, one in group["kpis"].items()}
    spent = {f"{kind}_{id_}": seconds for (kind, id_), seconds in words.spent(group).items()}
    return named | rates | spent


def _show(found: Any) -> None:
    zone = words.zone(found)
    output.note(f"{words.window(found)} {zone}   按{words.BY[found['by']]} by {found['by']}")
    _tell_limits(found)
    names = {one["id"]: one["zh"] for one in found["causes"]}
    total = found["total"] | {"name": None}
    rates: list[output.Column] = [(kpi["zh"], _rate_of(kpi["id"])) for kpi in found["kpis"]]
    impaired: list[output.Column] = [("计为在线的", lambda group: words.impaired(found, group))]
    output.table(
        (
            (words.BY[found["by"]], lambda group: _group(found, group)),
            ("路数", "channels"),
            *rates,
            ("缺失归因", lambda group: _why(group, names)),
            *(impaired if words.impaired(found, total) else ()),
        ),
        [*found["groups"], total],
    )
    if left_out := words.exclusions(found):
        output.say("")
        heads = words.EXCLUSION_HEADS
        items = [dict(zip(heads, row, strict=True)) for row in left_out]
        output.table([(head, head) for head in heads], items)
    _show_worst(found, names)


def _tell_limits(found: Any) -> None:
    for one in words.limits(found):
        output.note(one)


def _show_worst(found: Any, names: dict[str, str]) -> None:
    worst = [one for one in found["channels"] if one["online"] < one["counted"]]
    if not worst:
        next_steps.tell("report uptime")
        return
    output.say("")
    output.table(
        (
            ("编号", "id"),
            ("名称", "name"),
            ("部门", "department"),
            ("在线率", words.percent),
            ("缺失", lambda one: words.length(one["counted"] - one["online"])),
            ("归因", lambda one: _why(one, names)),
        ),
        worst,
    )
    next_steps.tell("report uptime", "worst", id=worst[0]["id"])


def _rate_of(kpi: str) -> Any:
    return lambda group: words.percent(group["kpis"][kpi])


def _group(found: Any, group: Any) -> str:
    return "合计 total" if group["name"] is None else words.group_name(found, group["name"])


def _why(one: Any, names: dict[str, str]) -> str:
    """The greatest causes with their share of the time that counts."""
    counted = sorted((c for c in one["causes"] if c["counted"]), key=lambda c: -c["seconds"])
    return " · ".join(
        f"{names[cause['id']]} {words.share(cause['share'])}" for cause in counted[:CAUSES_SHOWN]
    )
