"""RTSP over WebSocket, served by a WebSocket that we did not write (aiohttp's).

tests/peers has an RTSP server behind one that we did not write either.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Ping, Pong

from tests.rtp.work import lines
from tests.rtsp.bridge import bridged
from tests.rtsp.camera import run_camera
from tests.waiting import until
from vidgate.aio.clock import SystemClock
from vidgate.aio.supervisor import cancel_and_wait
from vidgate.errors import (
    MissingStreamError,
    ProtocolError,
    RemoteError,
    UnauthorizedError,
    UnreachableError,
    UnsupportedError,
)
from vidgate.rtsp.address import RtspAddress
from vidgate.rtsp.client import RtspClient
from vidgate.rtsp.player import Player
from vidgate.rtsp.tracks import choose
from vidgate.rtsp.tunnel import PORTION
from vidgate.rtsp.websocket_tunnel import SUBPROTOCOL, WebSocketTunnel
from vidgate.wire.uri import Uri

pytestmark = pytest.mark.usefixtures("no_descriptor_left")


@dataclass
class Pair:
    """The tunnel and a server of another make, joined."""

    tunnel: WebSocketTunnel = field(
        default_factory=lambda: WebSocketTunnel(Uri.parse("ws://10.0.0.1:8080/main?a=1"))
    )
    server: WSConnection = field(default_factory=lambda: WSConnection(ConnectionType.SERVER))

    def accept(self, subprotocol: str | None = SUBPROTOCOL) -> bytes:
        """The server's answer to what the tunnel asks first."""
        self.server.receive_data(self.tunnel.get())
        list(self.server.events())
        return self.server.send(AcceptConnection(subprotocol=subprotocol))


def test_the_request_and_ours() -> None:
    pair = Pair()
    first = pair.tunnel.get()
    assert first.startswith(b"GET /main?a=1 HTTP/1.1\r\nHost: 10.0.0.1:8080\r\n")
    assert b"\r\nSec-WebSocket-Protocol: rtsp.onvif.org\r\n" in first
    pair = Pair()
    assert pair.tunnel.receive(pair.accept()) == b""
    assert pair.tunnel.is_open
    pair.server.receive_data(pair.tunnel.send(b"OPTIONS"))
    (event,) = pair.server.events()
    assert isinstance(event, BytesMessage)
    assert bytes(event.data) == b"OPTIONS"


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=6), st.integers(1, 50))
def test_however_it_is_split(messages: list[bytes], size: int) -> None:
    pair = Pair()
    data = pair.accept() + b"".join(pair.server.send(BytesMessage(data=one)) for one in messages)
    came = b"".join(pair.tunnel.receive(data[at : at + size]) for at in range(0, len(data), size))
    assert came == b"".join(messages)


def test_pings_are_answered_and_goodbyes_said() -> None:
    pair = Pair()
    pair.tunnel.receive(pair.accept())
    assert pair.tunnel.receive(pair.server.send(Ping(payload=b"x"))) == b""
    pair.server.receive_data(pair.tunnel.data_to_send())
    (pong,) = pair.server.events()
    assert isinstance(pong, Pong)
    assert pair.tunnel.data_to_send() == b""
    pair.server.receive_data(pair.tunnel.goodbye())
    (event,) = pair.server.events()
    assert isinstance(event, CloseConnection)
    assert pair.tunnel.goodbye() == b""


@pytest.mark.parametrize("frame", [b"\x89\0", b"\x82\0", b"\x81\1a"])
def test_a_portion_of_small_frames_costs_little(frame: bytes) -> None:
    """Eight kibibytes of pings held the event loop for as long as a picture lasts."""
    pair = Pair()
    pair.tunnel.receive(pair.accept())
    portion = frame * (PORTION // len(frame))
    assert lines(lambda: pair.tunnel.receive(portion)) < 200_000


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", MissingStreamError),
        (b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", UnsupportedError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ProtocolError),
        (b"RTSP/1.0 400 Bad Request\r\n\r\n", ProtocolError),
        (b"\xff" * 100_000, ProtocolError),
        (b"HTTP/1.1 101 OK\r\nConnection: \xe4\r\nUpgrade: websocket\r\n\r\n", ProtocolError),
    ],
)
def test_no_websocket_there(answer: bytes, error: type[RemoteError]) -> None:
    pair = Pair()
    pair.tunnel.get()
    with pytest.raises(error) as caught:
        pair.tunnel.receive(answer)
    assert not isinstance(caught.value, UnauthorizedError)  # no password was sent to it


def test_another_protocol_inside() -> None:
    pair = Pair()
    with pytest.raises(UnsupportedError, match="FLV"):
        pair.tunnel.receive(pair.accept(None))


def test_broken_frames_and_the_peers_goodbye() -> None:
    pair = Pair()
    pair.tunnel.receive(pair.accept())
    with pytest.raises(UnreachableError, match="1001"):
        pair.tunnel.receive(pair.server.send(CloseConnection(code=1001)))
    pair = Pair()
    pair.tunnel.receive(pair.accept())
    with pytest.raises(ProtocolError, match="WebSocket"):
        pair.tunnel.receive(b"\xf7\xff\xff\xff")


async def test_a_pull() -> None:
    frames: list[object] = []
    async with run_camera() as camera, bridged(camera.port) as (url, ways):
        async with (
            RtspClient.connect(RtspAddress(url=url), SystemClock()) as client,
            Player.open(client, SystemClock(), frames.append) as player,
        ):
            offers, _ = choose(await client.describe())
            await player.setup(offers)
            await player.play()
            camera.send_pictures(3)
            await until(lambda: len(frames) >= 2)
            client.send_frame(1, b"\x80\xc9\x00\x01abcd")
            await until(lambda: bool(camera.frames))
        assert camera.methods[-1] == "TEARDOWN"
        assert camera.asked("DESCRIBE")[0].uri == url.replace("ws://", "rtsp://")
        await until(lambda: [way.close_code for way in ways] == [1000])


async def test_a_server_that_hangs_up() -> None:
    async with (
        run_camera() as camera,
        bridged(camera.port) as (url, ways),
        RtspClient.connect(RtspAddress(url=url), SystemClock()) as client,
    ):
        await client.describe()
        closing = asyncio.ensure_future(ways[0].close())
        with pytest.raises(UnreachableError, match="WebSocket|connection lost"):
            await client.wait(5)
        await closing


@asynccontextmanager
async def flv() -> AsyncIterator[str]:
    """A WebSocket of another kind."""

    async def serve(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_bytes(b"FLV\x01")
        await socket.close()
        return socket

    app = web.Application()
    app.router.add_get("/live", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"ws://127.0.0.1:{runner.addresses[0][1]}/live"
    finally:
        await runner.cleanup()


async def test_flv_is_told_apart() -> None:
    async with flv() as url:
        with pytest.raises(UnsupportedError, match="FLV"):
            async with RtspClient.connect(RtspAddress(url=url), SystemClock()):
                pytest.fail("there is no RTSP inside")


@asynccontextmanager
async def flood(piece: bytes) -> AsyncIterator[str]:
    """A WebSocket that switches over, sends the piece without end, and reads nothing."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        server = WSConnection(ConnectionType.SERVER)
        server.receive_data(head)
        list(server.events())
        writer.write(server.send(AcceptConnection(subprotocol=SUBPROTOCOL)))
        with suppress(ConnectionError):
            while True:
                writer.write(piece * 1000)
                await writer.drain()
        ended.set()

    ended = asyncio.Event()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/main"
        await ended.wait()


@pytest.mark.parametrize("piece", [b"\x82\x00", b"\x89\x7d" + b"x" * 125, b"\x8a\x00"])
async def test_frames_that_bring_nothing_end_the_connection(piece: bytes) -> None:
    """In turns, so that others have theirs; what is not read of our pongs is bounded too."""
    loop = asyncio.get_running_loop()
    late = [0.0]

    async def beat() -> None:
        while True:
            due = loop.time() + 0.01
            await asyncio.sleep(0.01)
            late.append(loop.time() - due)

    beating = asyncio.create_task(beat())
    async with flood(piece) as url:
        address = RtspAddress(url=url, request_timeout=60)  # a busy machine floods more slowly
        with pytest.raises((ProtocolError, UnreachableError), match="packets a second|not read"):
            async with RtspClient.connect(address, SystemClock()) as client:
                await client.describe()
    await cancel_and_wait(beating)
    assert max(late) < 5.0  # as one read it was 26 s
