"""The uptime report as a workbook, for whoever counts on. Made in a worker: it needs openpyxl."""

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from io import BytesIO
from typing import Any, NamedTuple

from vidgate.operations import uptime_words as words
from vidgate.operations.uptime_words import Document
from vidgate.registry.export import escaped, text_cells
from vidgate.registry.rows import guarded

Row = list[Any]
HOUR = 3600
MARKS = {
    words.MISSING: "",
    words.ONLINE: ", 计为在线 online",
    words.LEFT_OUT: ", 不计入 left out",
}


def workbook_of(packed: bytes) -> bytes:
    """An xlsx of the document (JSON): groups, causes, days, channels, definitions.

    Rates are numbers, cut off (not rounded) at the percent that the report shows.
    """
    from openpyxl import Workbook  # noqa: PLC0415 - only the worker needs it

    document = json.loads(packed)
    book = Workbook(write_only=True)
    for title, make in SHEETS:
        sheet = book.create_sheet(title)
        sheet.freeze_panes = "B2"
        sheet.column_dimensions["A"].width = 26
        text = text_cells(sheet)
        for row in make(document):
            sheet.append([_cell(sheet, text, value) for value in row])
    out = BytesIO()
    book.save(out)
    return out.getvalue()


class Rate(NamedTuple):
    """A share that is shown as percent with so many decimals; fewer would round it up."""

    share: float
    decimals: int = 2

    @property
    def format(self) -> str:
        """As spreadsheets write it."""
        return f"{0:.{self.decimals}f}%"


def _cell(sheet: Any, text: Any, value: Any) -> Any:
    from openpyxl.cell import WriteOnlyCell  # noqa: PLC0415 - only the worker needs it

    if isinstance(value, Rate):
        cell = WriteOnlyCell(sheet, value=value.share)
        cell.number_format = value.format
        return cell
    if isinstance(value, str):
        return text(escaped(guarded(value))) if value else None
    return value


def _groups(document: Document) -> Iterable[Row]:
    kpis = document["kpis"]
    yield [
        words.BY[document["by"]], "路数", *(kpi["zh"] for kpi in kpis),
        "应在线小时", "在线小时", "缺失小时",
    ]  # fmt: skip
    for group in [*document["groups"], {**document["total"], "name": None}]:
        figure = words.main(group)
        name = group["name"]
        yield [
            "合计 total" if name is None else words.group_name(document, name),
            group["channels"],
            *(_rate(group["kpis"][kpi["id"]]) for kpi in kpis),
            *_hours(figure),
        ]
    yield from ([one] for one in words.limits(document))


def _causes(document: Document) -> Iterable[Row]:
    yield [words.BY[document["by"]], *_cause_heads(document)]
    for group in [*document["groups"], {**document["total"], "name": None}]:
        name = group["name"]
        shown = "合计 total" if name is None else words.group_name(document, name)
        yield [shown, *_cause_hours(document, group)]


def _cause_heads(document: Document) -> Iterable[str]:
    """What is missing by cause, which adds up; then, marked, what is told and not missing."""
    names = {one["id"]: f"{one['zh']} {one['en']}" for one in document["causes"]}
    yield from (f"{names[id_]}{MARKS[of]} (小时 h)" for of, id_ in words.spent_columns(document))


def _cause_hours(document: Document, group: Document) -> Iterable[float]:
    """What stands under these heads, of a group or a channel."""
    spent = words.spent(group)
    yield from (spent.get(column, 0) / HOUR for column in words.spent_columns(document))


def _days(document: Document) -> Iterable[Row]:
    names = [group["name"] for group in document["groups"]]
    yield ["日期 date", "合计 total", *(words.group_name(document, name) for name in names)]
    for day in document["days"]:
        shares = [day["groups"].get(name) for name in names]
        rate = _rate(day) if day["is_known"] else "未知 unknown"
        yield [day["date"], rate, *(None if one is None else _cut(one) for one in shares)]


def _channels(document: Document) -> Iterable[Row]:
    yield [
        "编号 id", "名称 name", "部门 department", "平台 platform", "行政区划 area",
        "点位类型 class", "现状 state", "在线率 uptime", "应在线小时", "在线小时", "缺失小时",
        *_cause_heads(document),
    ]  # fmt: skip
    for one in document["channels"]:
        yield [
            *(one[name] for name in ("id", "name", "department", "platform", "area")),
            words.CLASSES.get(one["class"], one["class"]),
            words.STATES[one["state"]],
            _rate(one),
            *_hours(one),
            *_cause_hours(document, one),
        ]


def _exclusions(document: Document) -> Iterable[Row]:
    yield list(words.EXCLUSION_HEADS)
    yield from map(list, words.exclusions(document))


def _definitions(document: Document) -> Iterable[Row]:
    yield ["时间窗 window", words.window(document)]
    yield from (["注意 note", one] for one in words.limits(document))
    yield ["时区 zone", words.zone(document)]
    yield ["生成于 made", words.moment(document, document["generated"])]
    for kpi in document["kpis"]:
        named = f"{kpi['id']} v{kpi['version']}"
        yield [named, f"{kpi['zh']} {kpi['en']}: {words.definition(kpi)}"]
    for cause in document["causes"]:
        yield [f"{cause['id']} v{cause['version']}", f"归因 cause: {cause['zh']} {cause['en']}"]


def _rate(figure: Document) -> Rate | None:
    if (percent := figure["percent"]) is None:
        return None
    return Rate(float(Decimal(percent) / 100), len(percent.partition(".")[2]))


def _cut(share: float) -> Rate:
    """What a spreadsheet would round up to 100 % is not whole."""
    return Rate(int(share * 10_000 + 1e-9) / 10_000)


def _hours(figure: Document) -> Sequence[float]:
    counted, online = figure["counted"], figure["online"]
    missing = round(counted - online, 3)  # whole milliseconds again, as the causes are
    return counted / HOUR, online / HOUR, missing / HOUR


SHEETS = (
    ("在线率", _groups),
    ("缺失归因", _causes),
    ("每日", _days),
    ("通道", _channels),
    ("不计入", _exclusions),
    ("口径", _definitions),
)
