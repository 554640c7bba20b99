"""Platforms that channels come through."""

from collections import Counter
from typing import Literal

from aiohttp import web
from pydantic import BaseModel, Field

from vidgate.auth.permissions import permissions_of
from vidgate.errors import NotFoundError
from vidgate.model.channel import Lifecycle, Platform
from vidgate.model.user import Permission
from vidgate.web.access import actor_of, principal_of
from vidgate.web.context import CONTEXT
from vidgate.web.exchange import read_json, reply
from vidgate.web.schemas import Body


class PlatformFields(Body):
    """What can be set of a platform.

    `options` tells the resolver: `main`, `sub` (template); `endpoint`, `method`, `body`, `auth`,
    `credential`, `path`, `fingerprint` (http). Only those that are sent change; null clears one.
    """

    name: str | None = Field(None, max_length=128)
    slots: int | None = Field(None, ge=0, le=100_000)
    describe_parallel: int | None = Field(None, ge=1, le=10_000)
    quota: int | None = Field(None, ge=0, le=1_000_000)
    describe_proves: bool | None = None
    resolver: Literal["static", "template", "http"] | None = None
    options: dict[str, str | None] | None = Field(None, max_length=16)


class DemandView(BaseModel):
    """What looking at a platform's channels asks of its sessions, on average.

    `needed` sessions by the wished period, each look holding one for `seconds`; `periods` by class
    of points are what is kept: longer where `needed` is more than the platform allows. People hold
    `held` sessions now; `is_short`: pictures wait, for the periods or for the people.
    """

    needed: float
    seconds: float
    wished: float
    periods: dict[str, float]
    is_stretched: bool
    held: int
    is_short: bool


class PlatformView(BaseModel):
    """A platform; `channels` counts those that came through it.

    `delivered` counts those of them that were accepted (also if suspended since); `delivery_rate`
    is 接入率: delivered by quota, null without a quota. `options` only for who may edit.
    `without_address` counts the accepted channels that there is no way to; told after a change.
    """

    id: str
    name: str
    slots: int
    describe_parallel: int
    quota: int
    describe_proves: bool
    resolver: str
    options: dict[str, str]
    channels: int
    delivered: int
    delivery_rate: float | None
    lifecycles: dict[str, int]
    without_address: int | None = None
    demand: DemandView | None = None


class PlatformList(BaseModel):
    """All platforms."""

    items: list[PlatformView]


async def list_(request: web.Request) -> web.Response:
    """All platforms, with how many channels came through each and how many it still owes."""
    registry = request.app[CONTEXT].parts.registry
    counts: dict[str, Counter[Lifecycle]] = {}
    for channel in registry.channels.values():
        counts.setdefault(channel.platform, Counter())[channel.lifecycle] += 1
    platforms = sorted(registry.platforms.values(), key=lambda platform: platform.id)
    return reply(
        PlatformList(
            items=[_view(request, one, counts.get(one.id, Counter())) for one in platforms]
        )
    )


async def put(request: web.Request) -> web.Response:
    """Add a platform, or set the fields that were sent."""
    return await _set(request)


async def change(request: web.Request) -> web.Response:
    """Set the fields that were sent of a platform that exists."""
    id_ = request.match_info["id"]
    if id_ not in request.app[CONTEXT].parts.registry.platforms:
        raise NotFoundError(f"没有平台 {id_} / no such platform")
    return await _set(request)


async def _set(request: web.Request) -> web.Response:
    registry = request.app[CONTEXT].parts.registry
    fields = (await read_json(request, PlatformFields)).model_dump(exclude_unset=True)
    platform = await registry.set_platform(request.match_info["id"], fields, actor_of(request))
    channels = registry.channels.values()
    counts = Counter(one.lifecycle for one in channels if one.platform == platform.id)
    view = _view(request, platform, counts)
    view.without_address = await registry.without_address(platform.id)
    return reply(view)


def _view(request: web.Request, platform: Platform, counts: Counter[Lifecycle]) -> PlatformView:
    delivered = sum(counts[step] for step in Lifecycle if step.is_delivered)
    # Where its addresses are asked for is no viewer's business.
    may_edit = Permission.PLATFORM_WRITE in permissions_of(principal_of(request))
    return PlatformView(
        id=platform.id,
        name=platform.name,
        slots=platform.slots,
        describe_parallel=platform.describe_parallel,
        quota=platform.quota,
        describe_proves=platform.describe_proves,
        resolver=platform.resolver,
        options=platform.options if may_edit else {},
        channels=counts.total(),
        delivered=delivered,
        delivery_rate=round(delivered / platform.quota, 4) if platform.quota else None,
        demand=_demand(request, platform.id),
        lifecycles={step.value: counts[step] for step in Lifecycle if counts[step]},
    )


def _demand(request: web.Request, id_: str) -> DemandView | None:
    """What looking at its channels asks of it; None for one without any."""
    found = request.app[CONTEXT].parts.health.demands.by_platform.get(id_)
    if found is None:
        return None
    return DemandView(
        needed=round(found.needed, 2),
        seconds=round(found.seconds, 2),
        wished=found.wished,
        periods={of.value: round(period, 1) for of, period in found.periods.items()},
        is_stretched=found.is_stretched,
        held=found.held,
        is_short=found.is_short,
    )
