"""What happened to a channel: its states, and whose pictures its stream showed."""

from typing import Any, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from vidgate.storage.states import Transition
from vidgate.storage.switches import Switch
from vidgate.web.context import CONTEXT
from vidgate.web.exchange import read_query, reply


class TimelineQuery(BaseModel):
    """How many, the newest first."""

    model_config = ConfigDict(extra="forbid")
    limit: int = Field(50, ge=1, le=200)


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
    parts, limit = request.app[CONTEXT].parts, read_query(request.query, TimelineQuery).limit
    id_ = parts.registry.get(request.match_info["id"]).id
    states = [_state(one) for one in await parts.states.transitions(id_, limit=limit)]
    sources = [_source(one) for one in await parts.switches.of(id_, limit=limit)]
    items = sorted(states + sources, key=lambda one: one.time, reverse=True)
    return reply(Timeline(items=items[:limit]))


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
