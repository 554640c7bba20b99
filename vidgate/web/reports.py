"""Reports: the uptime of the fleet by group, as JSON, as a workbook, as a page to print."""

import asyncio
from enum import StrEnum
from typing import Any, Literal

from aiohttp import hdrs, web
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_json

from vidgate.operations.reports import By, Window
from vidgate.operations.uptime_page import page_of
from vidgate.operations.uptime_workbook import workbook_of
from vidgate.web.access import actor_of
from vidgate.web.context import CONTEXT
from vidgate.web.exchange import read_query, reply_packed
from vidgate.web.register import XLSX

EVERYTHING = 100_000
PAGE_WORST = 50


class As(StrEnum):
    """What a report is written as."""

    JSON = "json"
    XLSX = "xlsx"
    HTML = "html"


class UptimeQuery(BaseModel):
    """`since`, `until`: a length (30d, 12h), a day or an instant; `worst`: so many channels."""

    model_config = ConfigDict(extra="forbid")
    by: By = "department"
    since: str = Field("30d", min_length=1, max_length=40)
    until: str = Field("", max_length=40)
    worst: int = Field(20, ge=0, le=EVERYTHING)
    format: As = As.JSON


class KpiView(BaseModel):
    """What a KPI counts, as of this report; see `health/kpis.yaml`."""

    id: str
    version: int
    zh: str
    en: str
    form: Literal["time", "days", "snapshot"]
    numerator: list[str]
    lifecycles: list[str]
    without: list[str]
    own_downtime: Literal["count", "leave_out"]
    excused: Literal["count", "leave_out"]
    decimals: int


class CauseName(BaseModel):
    """A cause of missing time; `version` of its meaning, see `health/kpis.yaml`."""

    id: str
    version: int
    zh: str
    en: str


class FigureView(BaseModel):
    """`online` of `counted`: seconds (time), channel-days (days) or channels (snapshot).

    `share` is null where nothing counted; `percent` is cut off, never rounded up.
    """

    share: float | None
    percent: str | None
    online: float
    counted: float


class CauseView(BaseModel):
    """Time that one cause took.

    `counted`: it is missing; `online`: it counts as online all the same (busy, a picture fault).
    Where it is neither it was left out. One id may be there once for each of the three.
    `share`: of the time that counts; where it is neither, of all.
    """

    id: str
    counted: bool
    online: bool
    seconds: float
    share: float
    reasons: dict[str, float]


class GroupView(BaseModel):
    """A group's figures; `channels` of which any time counted."""

    name: str
    channels: int
    kpis: dict[str, FigureView]
    causes: list[CauseView]


class DayView(FigureView):
    """A local day, or the part of one inside the window; `groups`: each one's share.

    `is_known`: False where it is in no figure, because what was seen of it is forgotten.
    """

    start: float
    end: float
    date: str
    is_known: bool
    groups: dict[str, float]


class WorstView(FigureView):
    """A channel's figure; `state` as the window ends: empty where it is not registered then, null
    where that is forgotten.
    """

    id: str
    name: str
    department: str
    platform: str
    area: str
    # `class` is a word of Python's
    point_class: str = Field(alias="class")
    state: str | None
    causes: list[CauseView]


class ExclusionView(BaseModel):
    """A maintenance window of the report's time: what was left out, why, and who said so.

    `is_excuse`: made afterwards, for what had failed already.
    """

    id: int
    scope: str
    subject: str
    start: float
    end: float | None
    reason: str
    actor: str
    is_excuse: bool


class UptimeView(BaseModel):
    """The uptime report; instants are wall-clock seconds, durations seconds.

    `timezone`: whose midnights divide the days; empty: the machine's, which has no name.
    `since`, `until`: what the figures are of. An end before `changes_since`, from when changes of
    state are kept, is the midnight before or after the one that was asked for (`asked_since`,
    `asked_until`), and a snapshot of a time before it is null.
    """

    since: float
    until: float
    asked_since: float
    asked_until: float
    changes_since: float
    generated: float
    timezone: str
    exclusions: list[ExclusionView]
    by: str
    kpis: list[KpiView]
    causes: list[CauseName]
    total: GroupView
    groups: list[GroupView]
    days: list[DayView]
    channels: list[WorstView]


async def uptime(request: web.Request) -> web.Response:
    """One rate for each group, why the rest is missing, days, and the worst channels."""
    context, query = request.app[CONTEXT], read_query(request.query, UptimeQuery)
    worst = {As.XLSX: EVERYTHING, As.HTML: PAGE_WORST}.get(query.format, query.worst)
    document = await context.parts.reports.uptime(
        query.by, Window(query.since, query.until), worst=worst
    )
    if query.format is As.JSON:
        return await reply_packed(request, await asyncio.to_thread(to_json, document))
    context.notes.note(
        actor_of(request),
        "report.export",
        "uptime",
        {"by": query.by, "format": query.format, **_window(document)},
    )
    if query.format is As.HTML:
        page = await asyncio.to_thread(page_of, document)
        return _file(page.encode(), "html", "text/html")
    packed = await asyncio.to_thread(to_json, document)
    return _file(await context.parts.texts(workbook_of, packed), "xlsx", XLSX)


def _window(document: dict[str, Any]) -> dict[str, Any]:
    return {name: document[name] for name in ("since", "until")}


def _file(data: bytes, ending: str, type_: str) -> web.Response:
    headers = {hdrs.CONTENT_DISPOSITION: f'attachment; filename="uptime.{ending}"'}
    charset = "utf-8" if type_.startswith("text/") else None
    return web.Response(body=data, content_type=type_, charset=charset, headers=headers)
