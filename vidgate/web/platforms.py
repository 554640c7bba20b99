"""Platforms that channels come through."""

from collections import Counter

from aiohttp import web

from vidgate.errors import NotFoundError
from vidgate.model.channel import Platform
from vidgate.web.access import actor_of
from vidgate.web.context import CONTEXT
from vidgate.web.exchange import read_json, reply
from vidgate.web.schemas import PlatformFields, PlatformList, PlatformView


async def list_(request: web.Request) -> web.Response:
    """All platforms, with how many channels came through each."""
    registry = request.app[CONTEXT].parts.registry
    counts = Counter(channel.platform for channel in registry.channels.values())
    platforms = sorted(registry.platforms.values(), key=lambda platform: platform.id)
    return reply(PlatformList(items=[_view(one, counts[one.id]) for one in platforms]))


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
    count = sum(channel.platform == platform.id for channel in registry.channels.values())
    return reply(_view(platform, count))


def _view(platform: Platform, channels: int) -> PlatformView:
    return PlatformView(
        id=platform.id,
        name=platform.name,
        slots=platform.slots,
        describe_parallel=platform.describe_parallel,
        quota=platform.quota,
        describe_proves=platform.describe_proves,
        resolver=platform.resolver,
        channels=channels,
    )
