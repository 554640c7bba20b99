"""What watches the service itself: metrics pages, liveness, readiness, the API's description."""

from aiohttp import web

from vidgate.web.context import CONTEXT
from vidgate.web.exchange import reply_packed
from vidgate.web.parts import Page

TEXT = "text/plain"


async def metrics(request: web.Request) -> web.Response:
    """The process and the fleet, for Prometheus."""
    return await _page(request, request.app[CONTEXT].parts.metrics)


async def channel_metrics(request: web.Request) -> web.Response:
    """Every channel, for Prometheus."""
    return await _page(request, request.app[CONTEXT].parts.channel_metrics)


async def healthz(request: web.Request) -> web.Response:
    """The event loop turns."""
    return web.Response(text="ok\n")


async def readyz(request: web.Request) -> web.Response:
    """The service can do its work: 200, else 503.

    A disk that takes no changes is told in a second line: watching and reading go on, and a load
    balancer that turned viewers away would make it worse.
    """
    parts = request.app[CONTEXT].parts
    if not await parts.is_ready():
        return web.Response(status=503, text="not ready\n")
    state = parts.storage.state
    return web.Response(text="ready\n" if state == "ok" else f"ready\nstorage {state}\n")


async def openapi(request: web.Request) -> web.Response:
    """This document."""
    return await reply_packed(request, await request.app[CONTEXT].description.get())


async def _page(request: web.Request, render: Page) -> web.Response:
    response = await reply_packed(request, await render(), TEXT)
    # The exposition format that the bytes are in; Prometheus 3 refuses a page that does not say.
    response.headers["Content-Type"] = "text/plain; version=0.0.4; charset=utf-8"
    return response
