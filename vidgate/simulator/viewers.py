"""Light WHEP viewers for load: hundreds in one process, each with real DTLS and SRTP.

A viewer authenticates and counts every packet but decodes nothing, reports by RTCP as a browser
does, and never asks for a lost packet: what is lost is counted, not repaired.
"""

import asyncio
import secrets
import socket
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from aioice import stun

from vidgate.aio.supervisor import Supervisor, cancel_and_wait
from vidgate.errors import ProtocolError, RemoteTimeoutError
from vidgate.rtp.rtcp import ReceiverReport, ReportBlock, is_rtcp
from vidgate.webrtc.dtls import Certificate, Dtls, Security
from vidgate.webrtc.fingerprint import Fingerprint
from vidgate.webrtc.srtp import GcmOpener
from vidgate.wire.sdp import Session

CODECS = {
    "video": (
        "96 H264/90000",
        "96 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
    ),
    "audio": ("8 PCMA/8000", ""),
}
READS = 128  # datagrams of one viewer before the others get their turn
BUFFER = 2 << 20
CHECK_INTERVAL = 0.05  # seconds between connectivity checks until one is answered
CONSENT_INTERVAL = 4.0  # seconds between checks afterwards (RFC 7675 wants about 5)
REPORT_INTERVAL = 1.0
OUR_SSRC = 1


@dataclass(slots=True)
class Received:
    """One RTP stream as it arrived; `lost` counts gaps that nothing has filled."""

    payload_type: int
    packets: int = 0
    octets: int = 0
    first: int = -1
    highest: int = -1

    @property
    def lost(self) -> int:
        """Packets that were sent and never came."""
        return 0 if self.first < 0 else self.highest - self.first + 1 - self.packets


@dataclass(slots=True)
class Counts:
    """What one viewer has seen; instants are seconds of the loop's clock."""

    forged: int = 0
    streams: dict[int, Received] = field(default_factory=dict)
    first_packet: float | None = None
    first_key_frame: float | None = None

    @property
    def packets(self) -> int:
        """Authentic RTP packets."""
        return sum(stream.packets for stream in self.streams.values())

    @property
    def octets(self) -> int:
        """Bytes of RTP payload."""
        return sum(stream.octets for stream in self.streams.values())

    @property
    def lost(self) -> int:
        """Packets that never came."""
        return sum(stream.lost for stream in self.streams.values())


class _Wire:
    """A UDP socket connected to the server, as DTLS wants it and as SRTP needs it."""

    role = "controlling"

    def __init__(self, address: tuple[str, int]) -> None:
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        self.socket.connect(address)
        self.handshake: asyncio.Queue[bytes] = asyncio.Queue(32)
        self.on_stun: Callable[[bytes], None] = lambda _: None
        self.early: deque[bytes] = deque(maxlen=4096)  # media before our end knows the keys
        self.on_media: Callable[[bytes], None] = self.early.append
        asyncio.get_running_loop().add_reader(self.socket.fileno(), self._readable)

    def close(self) -> None:
        if self.socket.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self.socket.fileno())
            self.socket.close()
        self.on_stun = self.on_media = lambda _: None  # they hold the viewer, who holds us

    def send(self, data: bytes) -> None:
        try:
            self.socket.send(data)
        except OSError:
            pass  # as on the wire: lost

    async def _recv(self) -> bytes:
        return await self.handshake.get()

    async def _send(self, data: bytes) -> None:
        self.send(data)

    def _readable(self) -> None:
        receive, on_media = self.socket.recv, self.on_media
        for _ in range(READS):
            try:
                data = receive(2048)
            except OSError:
                return
            if not data:
                continue
            if data[0] >= 128:
                on_media(data)
            elif data[0] < 4:
                self.on_stun(data)
            elif not self.handshake.full():
                self.handshake.put_nowait(data)


@dataclass(frozen=True, slots=True)
class _Answer:
    address: tuple[str, int]
    ufrag: str
    password: str
    fingerprint: Fingerprint


class LightViewer:
    """One viewer: `offer` is for the server, `connect` takes its answer, leaving the block ends it.

    `on_payload(ssrc, payload)` is called for every authentic packet. `vanish` ends it as a killed
    browser does: without a word.
    """

    def __init__(
        self,
        certificate: Certificate,
        *,
        kinds: Sequence[str] = ("video", "audio"),
        on_payload: Callable[[int, bytes], None] | None = None,
    ) -> None:
        self.counts = Counts()
        self.ended = asyncio.Event()  # the server said goodbye
        self.pictured = asyncio.Event()  # the first whole key frame is there
        self._certificate = certificate
        self._ufrag, self._password = secrets.token_hex(4), secrets.token_hex(16)
        self._kinds = tuple(kinds)
        self._on_payload = on_payload
        self._wire: _Wire | None = None
        self._answer: _Answer | None = None
        self._dtls: Dtls | None = None
        self._security: Security | None = None
        self._opener: GcmOpener | None = None
        self._checked = asyncio.Event()
        self._tasks = Supervisor("viewer")

    @property
    def offer(self) -> str:
        """The offer as a browser would make it, for H.264 and PCMA."""
        fingerprint = self._certificate.fingerprint
        lines = [
            "v=0",
            "o=- 1 1 IN IP4 127.0.0.1",
            "s=-",
            "t=0 0",
            "a=group:BUNDLE " + " ".join(map(str, range(len(self._kinds)))),
        ]
        for mid, kind in enumerate(self._kinds):
            rtpmap, fmtp = CODECS[kind]
            lines += [
                f"m={kind} 9 UDP/TLS/RTP/SAVPF {rtpmap.split()[0]}",
                "c=IN IP4 0.0.0.0",
                f"a=mid:{mid}",
                "a=recvonly",
                "a=rtcp-mux",
                f"a=ice-ufrag:{self._ufrag}",
                f"a=ice-pwd:{self._password}",
                f"a=fingerprint:{fingerprint.algorithm} {fingerprint.value}",
                "a=setup:actpass",
                f"a=rtpmap:{rtpmap}",
                *([f"a=fmtp:{fmtp}"] if fmtp else []),
            ]
        return "\r\n".join(lines) + "\r\n"

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._tasks.__aexit__(kind, error, trace)
        if self._dtls is not None:
            await self._dtls.close()
        if self._wire is not None:
            self._wire.close()

    def vanish(self) -> None:
        """Close the socket now; what is left of the viewer can tell the server nothing."""
        if self._wire is not None:
            self._wire.close()

    def stop_reading(self) -> None:
        """Take nothing more from the socket, and go on saying that we are alive."""
        if self._wire is not None:
            asyncio.get_running_loop().remove_reader(self._wire.socket.fileno())

    def tell(self, compound: bytes) -> None:
        """Send this RTCP, whatever it says."""
        assert self._security is not None
        assert self._wire is not None
        self._wire.send(self._security.seal_rtcp(compound))

    async def connect(
        self,
        answer: str,
        timeout: float = 10.0,
        *,
        host: str = "",
        through: tuple[str, int] | None = None,
    ) -> None:
        """Check, shake hands, then receive until the block is left.

        `host` is the candidate to take, by default the first; `through` a proxy on the way to it.
        Raises RemoteTimeoutError or ProtocolError.
        """
        self._answer = _parse(answer, host)
        self._wire = wire = _Wire(through or self._answer.address)
        wire.on_stun = self._stun
        checking = self._tasks.start(self._check(CHECK_INTERVAL), "check")
        try:
            async with asyncio.timeout(timeout):
                await self._checked.wait()
        except TimeoutError:
            raise RemoteTimeoutError(f"no answer to a check within {timeout:g} s") from None
        await cancel_and_wait(checking)
        self._dtls = Dtls(wire, self._certificate, self.ended.set, role="client")
        self._security = await self._dtls.handshake([self._answer.fingerprint], timeout)
        if "GCM" not in self._security.profile:
            raise ProtocolError(f"the server chose {self._security.profile}")
        self._opener = GcmOpener(self._security.remote)
        for data in wire.early:
            self._media(data)
        wire.early.clear()
        wire.on_media = self._media
        _ = self._tasks.start(self._check(CONSENT_INTERVAL), "consent")
        _ = self._tasks.start(self._report(), "report")

    async def _check(self, interval: float) -> None:
        answer, wire = self._answer, self._wire
        assert answer is not None
        assert wire is not None
        while True:
            request = stun.Message(
                message_method=stun.Method.BINDING,
                message_class=stun.Class.REQUEST,
                attributes={
                    "USERNAME": f"{answer.ufrag}:{self._ufrag}",
                    "PRIORITY": 1,
                    "ICE-CONTROLLING": 1,
                    "USE-CANDIDATE": None,
                },
            )
            request.add_message_integrity(answer.password.encode())
            wire.send(bytes(request))
            await asyncio.sleep(interval)

    def _stun(self, data: bytes) -> None:
        assert self._answer is not None
        message = stun.parse_message(data)
        if message.message_class is stun.Class.RESPONSE and message.check_message_integrity(
            self._answer.password.encode()
        ):
            self._checked.set()

    def _media(self, data: bytes) -> None:
        if is_rtcp(data):
            return
        assert self._opener is not None
        opened = self._opener.open(data)
        counts = self.counts
        if opened is None:
            counts.forged += 1
            return
        index, payload = opened
        ssrc = int.from_bytes(data[8:12], "big")
        stream = counts.streams.get(ssrc)
        if stream is None:
            stream = counts.streams[ssrc] = Received(data[1] & 0x7F)
            stream.first = index
        stream.packets += 1
        stream.octets += len(payload)
        if index > stream.highest:
            stream.highest = index
        if counts.first_key_frame is None:
            self._look(stream, payload)
        if self._on_payload is not None:
            self._on_payload(ssrc, payload)

    def _look(self, stream: Received, payload: bytes) -> None:
        now = asyncio.get_running_loop().time()
        if self.counts.first_packet is None:
            self.counts.first_packet = now
        if stream.payload_type == 96 and _is_key_end(payload):
            self.counts.first_key_frame = now
            self.pictured.set()

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(REPORT_INTERVAL)
            blocks = tuple(
                ReportBlock(ssrc, 0, stream.lost, stream.highest & 0xFFFFFFFF)
                for ssrc, stream in self.counts.streams.items()
            )
            self.tell(bytes(ReceiverReport(OUR_SSRC, blocks)))


def _is_key_end(payload: bytes) -> bool:
    """Whether this packet ends an IDR slice: whole, or the last of its fragments (RFC 6184)."""
    kind = payload[0] & 31
    if kind == 28:
        return payload[1] & 0x5F == 0x45
    if kind == 24:
        return any(unit & 31 == 5 for unit in _stap_heads(payload))
    return kind == 5


def _stap_heads(payload: bytes) -> list[int]:
    heads, at = [], 1
    while at + 2 < len(payload):
        heads.append(payload[at + 2])
        at += 2 + int.from_bytes(payload[at : at + 2], "big")
    return heads


def _parse(answer: str, host: str) -> _Answer:
    session = Session.parse(answer)
    for media in session.media:
        candidates = [value.split() for value in media.all("candidate")]
        parts = next((parts for parts in candidates if host in ("", parts[4])), None)
        if media.port == 0 or parts is None:
            continue
        algorithm, _, value = (media.get("fingerprint") or "").partition(" ")
        return _Answer(
            (parts[4], int(parts[5])),
            media.get("ice-ufrag") or "",
            media.get("ice-pwd") or "",
            Fingerprint(algorithm, value),
        )
    raise ProtocolError("the answer takes none of our offers")
