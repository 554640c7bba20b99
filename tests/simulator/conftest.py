"""Rows, fleets and a plain RTSP client for the simulator's tests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from vidgate.model.channel import Login, Transport
from vidgate.rtsp.address import RtspAddress
from vidgate.simulator.fleet import Fleet, FleetSettings
from vidgate.simulator.pictures import FPS, LOOP
from vidgate.simulator.register import generate
from vidgate.wire.digest import DigestClient, parse_challenges
from vidgate.wire.message import Message, parse_head
from vidgate.wire.uri import Uri


@pytest.fixture
async def fleet(no_descriptor_left: None) -> AsyncIterator[Fleet]:
    """Twenty cameras."""
    async with Fleet(generate(20)) as fleet:
        yield fleet


def address_of(
    fleet: Fleet, number: int = 1, *, column: str = "url", transport: Transport = Transport.TCP
) -> RtspAddress:
    """Where a camera is, by its number."""
    uri = Uri.parse(fleet.register_rows[number - 1][column])
    login = Login(uri.username or "", uri.password or "")
    url = str(uri.without_credentials())
    return RtspAddress(url=url, login=login, transport=transport, stall_timeout=3.0)


def id_of(fleet: Fleet, number: int = 1) -> str:
    """A camera's channel id."""
    return fleet.register_rows[number - 1]["id"]


def next_to_show(fleet: Fleet) -> int:
    """The number of the H.264 camera whose key frame comes next, to wait little."""
    index = int(fleet.truth()["uptime"] * FPS) + 5  # it takes a while to connect
    numbers = [camera.number for camera in fleet.cameras.values()]
    return min(numbers, key=lambda number: -(index + number * 37) % LOOP)


class PlainClient:
    """Sends requests word by word, so that tests can also send wrong ones."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, uri: Uri
    ) -> None:
        self.reader = reader
        self.writer = writer
        self.url = str(uri.without_credentials())
        self._digest = DigestClient(Login(uri.username or "", uri.password or ""))
        self._cseq = 0

    async def ask(self, method: str, path: str = "", **headers: str) -> Message:
        """One request, answered; a challenge is met once."""
        response = await self.ask_once(method, path, **headers)
        if response.status == 401 and self._digest.challenge(
            parse_challenges(response.headers.all("WWW-Authenticate"))
        ):
            response = await self.ask_once(method, path, **headers)
        return response

    async def ask_once(self, method: str, path: str = "", **headers: str) -> Message:
        """One request, whatever the answer."""
        self._cseq += 1
        uri = self.url + path
        lines = [f"{method} {uri} RTSP/1.0", f"CSeq: {self._cseq}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        authorization = self._digest.authorization(method, uri)
        if authorization:
            lines.append(f"Authorization: {authorization}")
        self.writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        return await self.response()

    async def response(self) -> Message:
        """The next response; frames of media before it are skipped."""
        async with asyncio.timeout(10):
            while (first := await self.reader.readexactly(1)) == b"$":
                head = await self.reader.readexactly(3)
                await self.reader.readexactly(int.from_bytes(head[1:], "big"))
            head = first + await self.reader.readuntil(b"\r\n\r\n")
            response = parse_head(head)
            length = int(response.headers.get("Content-Length", "0"))
            response.body = await self.reader.readexactly(length)
            return response

    async def frame(self) -> tuple[int, bytes]:
        """The next interleaved frame: channel and packet."""
        async with asyncio.timeout(10):
            head = await self.reader.readexactly(4)
            assert head[:1] == b"$"
            return head[1], await self.reader.readexactly(int.from_bytes(head[2:], "big"))


@asynccontextmanager
async def plain_client(
    fleet: Fleet, number: int = 1, column: str = "url"
) -> AsyncIterator[PlainClient]:
    """A connection to one camera."""
    uri = Uri.parse(fleet.register_rows[number - 1][column])
    reader, writer = await asyncio.open_connection(uri.host, uri.port)
    try:
        yield PlainClient(reader, writer, uri)
    finally:
        writer.close()
        try:
            await writer.wait_closed()
        except ConnectionError:
            pass  # the camera was the first to break it


def small_fleet(channels: int = 4, **settings: object) -> Fleet:
    """A fleet with other settings."""
    return Fleet(generate(channels), FleetSettings(**settings))  # type: ignore[arg-type]
