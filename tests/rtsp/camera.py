"""A camera for tests: a small RTSP server whose every habit can be set.

async with run_camera(Habits(...)) as camera:
    camera.url, camera.requests, camera.send_frames(...), camera.hang_up()
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.rtp.packets import PPS, SPS, inter, key, packets
from vidgate.rtp.packet import RtpPacket
from vidgate.rtsp.messages import Parser
from vidgate.wire.digest import DigestServer
from vidgate.wire.headers import Headers
from vidgate.wire.message import Message

SDP = (
    "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=camera\r\nt=0 0\r\na=control:*\r\n"
    "m=video 0 RTP/AVP 96\r\nb=AS:1000\r\na=rtpmap:96 H264/90000\r\n"
    "a=fmtp:96 packetization-mode=1;sprop-parameter-sets="
    "Z0LADdoFB+wFqDAwNSgAAAMACAAAAwGUeKFV,aM48gA==\r\na=control:trackID=1\r\n"
    "m=audio 0 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=control:trackID=2\r\n"
)

Change = Callable[[Message, Message], Message | bytes | None]


def _same(_: Message, reply: Message) -> Message:
    return reply


@dataclass
class Habits:
    """What this camera does. `change` may replace any reply, or swallow it (None)."""

    sdp: str = SDP
    digest: DigestServer | None = None
    session: str = "abc123;timeout=60"
    content_base: str = ""
    transport: Callable[[str], str] = str
    change: Change = _same
    plays: Sequence[bytes] = ()  # written right behind the reply to PLAY
    holds: Callable[[Message], bool] = lambda request: False  # replies that `release` writes
    udp: bool = False
    tls: ssl.SSLContext | None = None


@dataclass
class Camera:
    """The running camera and what was asked of it."""

    habits: Habits
    port: int = 0
    requests: list[Message] = field(default_factory=list)
    frames: list[tuple[int, bytes]] = field(default_factory=list)
    connections: "list[_Connection]" = field(default_factory=list)
    held: "list[tuple[asyncio.Transport, bytes]]" = field(default_factory=list)
    udp: socket.socket | None = None
    _counts: dict[int, int] = field(default_factory=dict)

    @property
    def url(self) -> str:
        scheme = "rtsps" if self.habits.tls else "rtsp"
        return f"{scheme}://127.0.0.1:{self.port}/main"

    @property
    def methods(self) -> list[str]:
        return [request.method for request in self.requests]

    def asked(self, method: str) -> list[Message]:
        return [request for request in self.requests if request.method == method]

    def udp_port(self, setup: int = 0) -> int:
        """Where that SETUP wants its track; reports go to the port above."""
        asked = self.asked("SETUP")[setup].headers.get("Transport")
        return int(asked.partition("client_port=")[2].partition("-")[0])

    def hang_up(self) -> None:
        for connection in self.connections:
            connection.transport.abort()

    def release(self) -> None:
        """Give every answer that was held back."""
        self.habits.holds = lambda request: False
        held, self.held = self.held, []
        for transport, data in held:
            transport.write(data)

    def write(self, data: bytes) -> None:
        self.connections[-1].transport.write(data)

    def send(self, made: Sequence[RtpPacket], channel: int = 0) -> None:
        self.write(interleave(made, channel))

    def send_pictures(self, count: int = 1, channel: int = 0) -> None:
        """A key frame and `count - 1` others, numbered on from the last call."""
        first = self._counts.get(channel, 0)
        made = pictures(count, first)
        self._counts[channel] = first + len(made)
        self.send(made, channel)


def pictures(count: int, first: int = 0) -> list[RtpPacket]:
    return packets([key(), *([inter()] * (count - 1))], first=first)


def interleave(made: Sequence[RtpPacket], channel: int = 0) -> bytes:
    return b"".join(
        b"$" + bytes([channel]) + len(bytes(p)).to_bytes(2, "big") + bytes(p) for p in made
    )


class _Connection(asyncio.Protocol):
    def __init__(self, camera: Camera) -> None:
        self.camera = camera
        self.parser = Parser()
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self.camera.connections.append(self)

    def data_received(self, data: bytes) -> None:
        for item in self.parser.feed(data):
            if isinstance(item, Message):
                self._request(item)
            else:
                self.camera.frames.append(item)

    def _request(self, request: Message) -> None:
        camera = self.camera
        camera.requests.append(request)
        if request.is_response:
            return
        reply = self._reply(request)
        reply.headers.add("CSeq", request.headers.get("CSeq"))
        changed = camera.habits.change(request, reply)
        if changed is None:
            return
        data = bytes(changed)
        if request.method == "PLAY":
            data += b"".join(camera.habits.plays)
        if camera.habits.holds(request):
            camera.held.append((self.transport, data))
        else:
            self.transport.write(data)

    def _reply(self, request: Message) -> Message:
        habits = self.camera.habits
        digest = habits.digest
        if digest is not None and not digest.check(
            request.method, request.uri, request.headers.get("Authorization")
        ):
            refused = Headers([("WWW-Authenticate", digest.challenge())])
            return Message.response(401, "Unauthorized", refused)
        reply = Message.response(200, "OK")
        if request.method == "DESCRIBE":
            reply.headers.add("Content-Type", "application/sdp")
            if habits.content_base:
                reply.headers.add("Content-Base", habits.content_base)
            reply.body = habits.sdp.encode()
        elif request.method == "OPTIONS":
            reply.headers.add("Public", "OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN")
        elif request.method == "SETUP":
            asked = request.headers.get("Transport")
            if habits.udp and self.camera.udp is not None:
                port = self.camera.udp.getsockname()[1]
                asked += f";server_port={port}-{port + 1}"
            reply.headers.add("Transport", habits.transport(asked))
            reply.headers.add("Session", habits.session)
        return reply


@asynccontextmanager
async def run_camera(habits: Habits | None = None) -> AsyncIterator[Camera]:
    """Serve one camera on a free port of 127.0.0.1."""
    camera = Camera(habits or Habits())
    if camera.habits.udp:
        camera.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        camera.udp.setblocking(False)
        camera.udp.bind(("127.0.0.1", 0))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: _Connection(camera), "127.0.0.1", 0, ssl=camera.habits.tls
    )
    camera.port = server.sockets[0].getsockname()[1]
    try:
        yield camera
    finally:
        server.close()
        camera.hang_up()
        await server.wait_closed()
        if camera.udp is not None:
            camera.udp.close()


__all__ = ["PPS", "SDP", "SPS", "Camera", "Habits", "interleave", "pictures", "run_camera"]
