"""A WHEP endpoint of one camera in this process, for players that nobody here wrote."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from tests.webrtc.clients import open_session
from tests.webrtc.feeds import Camera, group
from vidgate.aio.bus import Bus
from vidgate.media.hub import Hub, HubSettings
from vidgate.model.media import StreamKey, Variant
from vidgate.settings.tree import WebrtcSettings
from vidgate.web.problems import problems
from vidgate.webrtc.whep import WhepService

SETTINGS = WebrtcSettings(port=0)


@dataclass
class Place:
    """A media plane with one camera, and its front over HTTP."""

    url: str
    whep: WhepService
    camera: Camera


@asynccontextmanager
async def serving(
    camera: Camera, settings: WebrtcSettings = SETTINGS, *, has_sub: bool = False
) -> AsyncIterator[Place]:
    """Serve the camera as main stream, an H.264 one as sub-stream."""
    sub = Camera(group())
    bus = Bus()

    def source(key: StreamKey) -> Camera:
        return camera if key.variant is Variant.MAIN else sub

    async with (
        Hub(source, bus, HubSettings(idle_stop=0.0)) as hub,
        WhepService(hub, bus, settings) as whep,
    ):

        async def post(request: web.Request) -> web.Response:
            stream = request.query.get("stream", "auto")
            offer = await request.text()
            session = await open_session(whep, "cam", offer, stream=stream, has_sub=has_sub)
            return web.Response(text=session.answer_sdp, status=201)

        app = web.Application(middlewares=[problems])
        app.router.add_post("/whep/cam", post)
        runner = web.AppRunner(app, shutdown_timeout=1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            yield Place(f"http://127.0.0.1:{runner.addresses[0][1]}/whep/cam", whep, camera)
        finally:
            await runner.cleanup()
