"""What happened to a channel: its states, and whose pictures its stream showed."""

from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from vidgate.health.days import Day
from vidgate.health.looks import Look
from vidgate.operations.reports import Window
from vidgate.storage.states import Transition
from vidgate.storage.switches import KEPT, Switch
from vidgate.web.context import CONTEXT
from vidgate.web.exchange import encode_rows, read_query, reply, reply_packed

Instant = Annotated[float, Field(ge=0, le=1e11, allow_inf_nan=False)]


class TimelineQuery(BaseModel):
    """How many, the newest first; of a time (wall-clock seconds) where one is given."""

    model_config = ConfigDict(extra="forbid")
    limit: int = Field(50, ge=1, le=200)
    since: Instant = 0.0
    until: Instant = 1e11


class DaysQuery(BaseModel):
    """So many days, today the last."""

    model_config = ConfigDict(extra="forbid")
    days: int = Field(30, ge=1, le=90)


class DayList(BaseModel):
    """The oldest first."""

    items: list[Day]


class LooksQuery(BaseModel):
    """`since`, `until`: a length (1d, 12h), a day or an instant."""

    model_config = ConfigDict(extra="forbid")
    since: str = Field("1d", min_length=1, max_length=40)
    until: str = Field("", max_length=40)


class LookView(BaseModel):
    """One look, or `count` equal ones in a row within `seconds`; `time` is the first's.

    `t1` response, `t2` first packet, `t3` first key frame: seconds after the request, null where
    not reached. Of a run `t1` is the mean, `least` and `most` its bounds. `fps`, `bitrate` (bits a
    second), `group_seconds` (from a key frame to the next) and `loss` (share of RTP packets) are
    measured, null where the look was too short to tell.
    """

    time: float
    asked: str
    level: str
    reason: str
    count: int
    seconds: float
    t1: float | None
    least: float | None
    most: float | None
    t2: float | None
    t3: float | None
    fps: float | None
    bitrate: float | None
    group_seconds: float | None
    loss: float | None


class LookList(BaseModel):
    """In order of time."""

    items: list[LookView]


class MomentView(BaseModel):
    """At a wall-clock `time` the channel went from `before` to `after`, for `reason`.

    `what` is `state`, where both are states; or `source`, where `after` is the channel whose
    pictures the stream `variant` showed from then on (itself: its own are `back`).
    """

    time: float
    what: Literal["state", "source"]
    before: str
    after: str
    reason: str
    variant: str


class Timeline(BaseModel):
    """The newest first."""

    items: list[MomentView]


async def show(request: web.Request) -> web.Response:
    """The last changes of one channel's state, and of the source of its streams."""
    parts, query = request.app[CONTEXT].parts, read_query(request.query, TimelineQuery)
    id_ = parts.registry.get(request.match_info["id"]).id
    changed = await parts.states.transitions(
        id_, limit=query.limit, since=query.since, until=query.until
    )
    states = [_state(one) for one in changed]
    switched = [_source(one) for one in await parts.switches.of(id_, limit=KEPT)]
    sources = [one for one in switched if query.since <= one.time < query.until]
    items = sorted(states + sources, key=lambda one: one.time, reverse=True)
    return reply(Timeline(items=items[: query.limit]))


async def days(request: web.Request) -> web.Response:
    """The last days of one channel at a glance."""
    parts, query = request.app[CONTEXT].parts, read_query(request.query, DaysQuery)
    id_ = parts.registry.get(request.match_info["id"]).id
    found = await parts.reports.days(id_, query.days)
    return reply(DayList(items=found))


async def looks(request: web.Request) -> web.Response:
    """What the looks at one channel found, as long as they are kept."""
    parts, query = request.app[CONTEXT].parts, read_query(request.query, LooksQuery)
    id_ = parts.registry.get(request.match_info["id"]).id
    found = await parts.reports.looks(id_, Window(query.since, query.until))
    return await reply_packed(request, b'{"items":%b}' % await encode_rows(found, _look))


def _look(one: Look) -> dict[str, Any]:
    told = {name: getattr(one, name) for name in LookView.model_fields}
    return told | {"asked": one.asked.label, "level": one.level.label}


def _state(one: Transition) -> MomentView:
    told: dict[str, Any] = {"before": one.before.label, "after": one.after.label}
    return MomentView(time=one.time, what="state", reason=one.reason.value, variant="", **told)


def _source(one: Switch) -> MomentView:
    return MomentView(
        time=one.time,
        what="source",
        before="",
        after=one.source,
        reason=one.reason,
        variant=one.variant,
    )
