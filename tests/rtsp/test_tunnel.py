"""Pulls through HTTP from a camera behind a tunnel, and each way in which one fails.

tests/peers has a server that we did not write.
"""

import asyncio
import gc
import re
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest

from tests.rtsp.camera import Camera, run_camera
from tests.waiting import until
from vidgate.aio.clock import SystemClock
from vidgate.errors import (
    DeniedAddressError,
    MissingStreamError,
    RemoteError,
    RemoteTimeoutError,
    UnreachableError,
    UnsupportedError,
)
from vidgate.model.channel import Transport
from vidgate.rtsp.address import RtspAddress
from vidgate.rtsp.client import RtspClient
from vidgate.rtsp.player import Player
from vidgate.rtsp.tracks import choose
from vidgate.rtsp.tunnel import Tunnel

pytestmark = pytest.mark.usefixtures("no_descriptor_left")

OPENED = b"HTTP/1.0 200 OK\r\nContent-Type: application/x-rtsp-tunnelled\r\n\r\n"


@dataclass
class Front:
    """Turns a tunnel into the connection that the camera behind it takes."""

    camera: Camera
    answer: bytes = OPENED
    refusal: bytes = b""  # of POST
    url: str = ""
    heads: list[bytes] = field(default_factory=list)
    ways: list[asyncio.StreamWriter] = field(default_factory=list)
    ended: int = 0
    down: dict[bytes, asyncio.StreamWriter] = field(default_factory=dict)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.ways.append(writer)
        try:
            await self._serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            await closed(writer)
            self.ended += 1

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        found = re.search(rb"x-sessioncookie: (\S+)", head)
        assert found is not None
        if head.startswith(b"GET"):
            self.down[found[1]] = writer
            writer.write(self.answer)
            await reader.read()
        elif self.refusal:
            writer.write(self.refusal)
            await reader.read()
        else:
            await self._carry(reader, self.down[found[1]])

    async def _carry(self, reader: asyncio.StreamReader, down: asyncio.StreamWriter) -> None:
        answers, requests = await asyncio.open_connection("127.0.0.1", self.camera.port)

        async def back() -> None:
            while data := await answers.read(4096):
                down.write(data)

        returning = asyncio.create_task(back())
        try:
            while True:
                requests.write(b64decode(await reader.readexactly(4)))
        finally:
            returning.cancel()
            await asyncio.gather(returning, return_exceptions=True)
            await closed(requests)


async def closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


@asynccontextmanager
async def front(answer: bytes = OPENED, refusal: bytes = b"") -> AsyncIterator[Front]:
    async with run_camera() as camera:
        made = Front(camera, answer, refusal)
        server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
        made.url = f"rtsph://127.0.0.1:{server.sockets[0].getsockname()[1]}/main"
        async with server:
            yield made
            for way in made.ways:
                way.transport.abort()
            await until(lambda: made.ended == len(made.ways))


def connected(tunnel: Front) -> AbstractAsyncContextManager[RtspClient]:
    return RtspClient.connect(RtspAddress(url=tunnel.url), SystemClock())


async def test_a_pull() -> None:
    frames: list[object] = []
    async with front() as tunnel:
        async with (
            RtspClient.connect(RtspAddress(url=tunnel.url), SystemClock()) as client,
            Player.open(client, SystemClock(), frames.append) as player,
        ):
            offers, _ = choose(await client.describe())
            await player.setup(offers)
            await player.play()
            tunnel.camera.send_pictures(3)
            await until(lambda: len(frames) >= 2)
            client.send_frame(1, b"\x80\xc9\x00\x01abcd")
            await until(lambda: bool(tunnel.camera.frames))
        assert tunnel.camera.frames == [(1, b"\x80\xc9\x00\x01abcd")]
        assert tunnel.camera.methods[-1] == "TEARDOWN"
        asked = tunnel.camera.asked("DESCRIBE")[0].uri
        assert asked == tunnel.url.replace("rtsph://", "rtsp://")
        assert [head.split()[0] for head in tunnel.heads] == [b"GET", b"POST"]
        assert len(tunnel.down) == 1


async def test_cookies_differ_and_are_long() -> None:
    async with front() as tunnel:
        for _ in range(2):
            async with connected(tunnel) as client:
                await client.describe()
        assert len(tunnel.down) == 2
        assert all(len(cookie) >= 20 for cookie in tunnel.down)


@pytest.mark.parametrize("way", [0, 1])
async def test_half_a_tunnel_is_none(way: int) -> None:
    async with front() as tunnel, connected(tunnel) as client:
        await client.describe()
        tunnel.ways[way].transport.abort()
        with pytest.raises(UnreachableError, match="connection lost"):
            await client.wait(5)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"HTTP/1.1 404 Not Found\r\n\r\n", MissingStreamError),
        (b"HTTP/1.1 401 Unauthorized\r\n\r\n", UnsupportedError),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>", UnsupportedError),
        (b"HTTP/1.1 200 ", RemoteTimeoutError),
    ],
)
async def test_no_tunnel_there(answer: bytes, error: type[RemoteError]) -> None:
    async with front(answer) as tunnel:
        address = RtspAddress(url=tunnel.url, connect_timeout=0.5)
        with pytest.raises(error):
            async with RtspClient.connect(address, SystemClock()):
                pytest.fail("there is no tunnel")
        assert len(tunnel.heads) == 1


async def test_a_refused_post() -> None:
    refusal = b"HTTP/1.1 403 Forbidden\r\n\r\n"
    async with front(refusal=refusal) as tunnel, connected(tunnel) as client:
        with pytest.raises(UnreachableError, match="POST: 403"):
            await client.describe()


async def test_a_denied_address_is_not_connected_to() -> None:
    async with front() as tunnel:
        address = RtspAddress(url=tunnel.url, allowed=lambda ip: False)
        with pytest.raises(DeniedAddressError):
            async with RtspClient.connect(address, SystemClock()):
                pytest.fail("it is denied")
        assert tunnel.ways == []


async def test_udp_is_not_for_tunnels() -> None:
    async with front() as tunnel:
        address = RtspAddress(url=tunnel.url, transport=Transport.UDP)
        async with RtspClient.connect(address, SystemClock()) as client:
            with pytest.raises(UnsupportedError, match="TCP only"):
                Player(client, SystemClock(), lambda frame: None)


async def test_a_failed_one_leaves_no_circle() -> None:
    async with front(b"HTTP/1.1 404 Not Found\r\n\r\n") as tunnel:
        gc.collect()
        gc.disable()
        try:
            with pytest.raises(MissingStreamError):
                async with connected(tunnel):
                    pytest.fail("there is no tunnel")
            await until(lambda: not any(isinstance(o, Tunnel) for o in gc.get_objects()))
        finally:
            gc.enable()
