"""Maintenance windows, and excusing what failed."""

from dataclasses import asdict
from typing import Any, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from vidgate.auth.permissions import permissions_of
from vidgate.health.maintenance import Booking
from vidgate.model.maintenance import Scope, Window
from vidgate.model.user import Permission
from vidgate.web.access import actor_of, principal_of
from vidgate.web.context import CONTEXT
from vidgate.web.exchange import (
    encode_rows,
    read_json,
    read_number,
    read_query,
    reply,
    reply_packed,
)
from vidgate.web.schemas import Body


class MaintenanceQuery(BaseModel):
    """With `past` also those that are over; of one `channel` those that are for it."""

    model_config = ConfigDict(extra="forbid")
    past: bool = False
    channel: str = Field("", max_length=64)


class NewWindow(Body):
    """`from`: a day, an instant, wall-clock seconds, or a length ago; empty: now.

    `until`: the same, or a length after `from` (`4h`); empty: until further notice. One that begins
    in the past excuses what failed then.
    """

    scope: Literal["channel", "platform", "department", "area"]
    subject: str = Field(min_length=1, max_length=128)
    since: str = Field("", alias="from", max_length=40)
    until: str = Field("", max_length=40)
    reason: str = Field(max_length=1000)


class WindowView(BaseModel):
    """A window; `end` null: until further notice. `actor` made it at `created`.

    `now`: whether it lasts; `is_excuse`: made afterwards, for what had failed already.
    """

    id: int
    scope: Literal["channel", "platform", "department", "area"]
    subject: str
    start: float
    end: float | None
    reason: str
    actor: str
    created: float
    now: bool
    is_excuse: bool


class WindowList(BaseModel):
    """In order of their beginnings."""

    items: list[WindowView]


async def list_(request: web.Request) -> web.Response:
    """Windows that last or are to come."""
    context, query = request.app[CONTEXT], read_query(request.query, MaintenanceQuery)
    channel = context.parts.registry.get(query.channel) if query.channel else None
    found = context.parts.maintenance.windows(past=query.past, channel=channel)
    now = context.clock.wall()
    rows = await encode_rows(found, lambda one: _told(one, now))
    return await reply_packed(request, b'{"items":%b}' % rows)


async def add(request: web.Request) -> web.Response:
    """Add a window."""
    context, asked = request.app[CONTEXT], await read_json(request, NewWindow)
    booking = Booking(Scope(asked.scope), asked.subject, asked.since, asked.until, asked.reason)
    window = await context.parts.maintenance.add(
        booking, str(actor_of(request)), may_excuse=_may_excuse(request)
    )
    return reply(WindowView(**_told(window, context.clock.wall())), status=201)


async def end(request: web.Request) -> web.Response:
    """End a window that lasts; drop one that is to come, or an excuse (204)."""
    context, number = request.app[CONTEXT], read_number(request, "id", "检修时段")
    window = await context.parts.maintenance.end(
        number, str(actor_of(request)), may_excuse=_may_excuse(request)
    )
    if window is None:
        return web.Response(status=204)
    return reply(WindowView(**_told(window, context.clock.wall())))


def _may_excuse(request: web.Request) -> bool:
    """Who may accept a channel may also say that its failures count for nothing."""
    return Permission.CHANNEL_ACCEPT in permissions_of(principal_of(request))


def _told(window: Window, now: float) -> dict[str, Any]:
    return asdict(window) | {
        "scope": window.scope.value,
        "now": window.is_at(now),
        "is_excuse": window.is_excuse,
    }
