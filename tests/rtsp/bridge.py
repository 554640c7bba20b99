"""A WebSocket (aiohttp's) in front of an RTSP server's port."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from aiohttp import WSMsgType, web

from vidgate.aio.supervisor import cancel_and_wait

PIECE = 700  # bytes of a message: neither packets nor requests end with one


@asynccontextmanager
async def bridged(
    port: int, path: str = "/main"
) -> AsyncIterator[tuple[str, list[web.WebSocketResponse]]]:
    """The address of the bridge to that port of loopback, and the sockets that were opened."""
    ways: list[web.WebSocketResponse] = []

    async def serve(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=("rtsp.onvif.org",))
        await socket.prepare(request)
        ways.append(socket)
        answers, requests = await asyncio.open_connection("127.0.0.1", port)
        returning = asyncio.create_task(_back(answers, socket))
        try:
            async for message in socket:
                if message.type is WSMsgType.BINARY:
                    requests.write(message.data)
        finally:
            await cancel_and_wait(returning)
            requests.close()
            with suppress(ConnectionError):
                await requests.wait_closed()
        return socket

    app = web.Application()
    app.router.add_get(path, serve)
    runner = web.AppRunner(app, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"ws://127.0.0.1:{runner.addresses[0][1]}{path}", ways
    finally:
        await runner.cleanup()


async def _back(answers: asyncio.StreamReader, socket: web.WebSocketResponse) -> None:
    with suppress(ConnectionError):
        while data := await answers.read(PIECE):
            await socket.send_bytes(data)
