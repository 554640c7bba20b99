"""The RTSP side of the simulated cameras (RFC 2326): one connection, one session at most."""

import asyncio
import re
import secrets
import socket
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, cast

from vidgate.errors import ProtocolError
from vidgate.model.media import Variant
from vidgate.simulator.camera import Camera, LiveStream
from vidgate.simulator.describe import describe
from vidgate.simulator.faults import Fault
from vidgate.simulator.footage import Footage
from vidgate.simulator.platform import Admitted
from vidgate.simulator.players import Destination, Session, TcpDestination, UdpDestination
from vidgate.wire.buffer import Buffer
from vidgate.wire.digest import DigestServer
from vidgate.wire.headers import Headers
from vidgate.wire.message import Message, MessageLimits, MessageReader

if TYPE_CHECKING:
    from vidgate.simulator.fleet import Fleet

METHODS = "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER, SET_PARAMETER"
_LIMITS = MessageLimits(head=8 << 10, body=8 << 10, headers=64)
_MAX_BUFFER = 128 << 10
_WRITE_LIMIT = 512 << 10  # bytes that may wait for a slow client before pictures are dropped
_TRACK = re.compile(r"/trackID=(\d)$")
_PAIR = re.compile(r"(?:interleaved|client_port)=(\d{1,5})(?:-(\d{1,5}))?")
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER of zero: close with a reset
REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    453: "Not Enough Bandwidth",
    454: "Session Not Found",
    455: "Method Not Valid in This State",
    461: "Unsupported Transport",
    501: "Not Implemented",
    503: "Service Unavailable",
}


class Connection(asyncio.Protocol):
    """One client. Requests are answered in order, each after the camera's delay."""

    def __init__(self, fleet: "Fleet") -> None:
        self.host = ""
        self.peer = ""
        self.heard = 0.0
        self.session: Session | None = None
        self._fleet = fleet
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._buffer = Buffer(_MAX_BUFFER)
        self._reader = MessageReader(_LIMITS)
        self._digests: dict[str, DigestServer] = {}
        self._is_waiting = False  # a request is being answered later
        self.tickets: dict[str, Admitted] = {}
        self.is_slow = False

    # -- asyncio.Protocol ------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Only loopback addresses are cameras; anybody else is turned away."""
        # uvloop's transports do not derive from asyncio's, an isinstance would be wrong.
        transport = cast("asyncio.Transport", transport)
        self._transport = transport
        self.host = transport.get_extra_info("sockname")[0]
        self.peer = transport.get_extra_info("peername")[0]
        self.heard = self._loop.time()
        if not self.host.startswith("127."):
            self.reset()
            return
        transport.set_write_buffer_limits(high=_WRITE_LIMIT)
        self._fleet.connected(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client left; a session without TEARDOWN is counted."""
        if self.session is not None:
            self.session.camera.counts.dropped += 1
            self.end_session()
        self._fleet.disconnected(self)
        self._transport = None

    def pause_writing(self) -> None:
        """The client does not read: it loses pictures up to a key frame."""
        self.is_slow = True

    def resume_writing(self) -> None:
        """It reads again."""
        self.is_slow = False

    def data_received(self, data: bytes) -> None:
        """Requests and interleaved frames (receiver reports)."""
        self.heard = self._loop.time()
        try:
            self._buffer.append(data)
            self._parse()
        except ProtocolError:
            self._answer(400, Headers())
            self.close()

    # -- for the fleet and the session -----------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes as they are."""
        if self._transport is not None:
            self._transport.write(data)

    def close(self) -> None:
        """Close when everything is written."""
        if self._transport is not None:
            self._transport.close()

    def reset(self) -> None:
        """Break the connection as a camera does that loses power behind a living switch."""
        if self._transport is None:
            return
        sock = self._transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._transport.abort()

    def end_session(self) -> None:
        """Stop sending and give the session back."""
        session, self.session = self.session, None
        if session is not None:
            session.end()

    # -- requests --------------------------------------------------------------------------------

    def _parse(self) -> None:
        while len(self._buffer) and not self._is_waiting:
            if not self._reader.is_inside and self._buffer.peek(1) == b"$":
                if len(self._buffer) < 4:
                    return
                size = 4 + int.from_bytes(self._buffer.peek(4)[2:], "big")
                if len(self._buffer) < size:
                    return
                self._buffer.skip(size)
                continue
            message = self._reader.next(self._buffer)
            if message is None:
                return
            if not message.is_response:
                self._dispatch(message)

    def _dispatch(self, request: Message) -> None:
        uri = request.uri
        track = _TRACK.search(uri)
        path = uri[: track.start()] if track else uri
        found = self._fleet.find(self.host, path) or self._admitted(path)
        if found is None:
            if request.method == "OPTIONS":
                self._options(request)
            else:
                self._answer(404, Headers(), request)
            return
        camera, variant = found
        wanted = _Request(self, request, camera, variant, int(track[1]) if track else None)
        if camera.delay:
            self._is_waiting = True
            self._loop.call_later(camera.delay, self._resume, wanted)
        else:
            wanted.handle()

    def _admitted(self, path: str) -> Admitted | None:
        """What a ticket opens; once opened it holds for this connection."""
        start = path.find("/", path.find("://") + 3) if "://" in path else 0
        name = path[start:].rstrip("/")
        found = self.tickets.get(name) or self._fleet.platform.redeem(self.host, name)
        if found is not None:
            self.tickets[name] = found
        return found

    def _resume(self, request: "_Request") -> None:
        if self._transport is None:
            return
        self._is_waiting = False
        request.handle()
        self._continue()

    def _continue(self) -> None:
        try:
            self._parse()
        except ProtocolError:
            self._answer(400, Headers())
            self.close()

    def _options(self, request: Message) -> None:
        self._answer(200, Headers([("Public", METHODS)]), request)

    def wait_for(self, footage: "asyncio.Future[Footage]", then: Callable[[], None]) -> None:
        """Answer no more until the footage is there."""
        self._is_waiting = True

        def ready(_: "asyncio.Future[Footage]") -> None:
            if self._transport is not None:
                self._is_waiting = False
                then()
                self._continue()

        footage.add_done_callback(ready)

    def digest(self, camera: Camera) -> DigestServer:
        """The challenges given on this connection for a camera's account."""
        assert camera.login is not None
        known = self._digests.get(camera.id)
        if known is None:
            login = camera.login
            known = DigestServer(self._fleet.realm, "MD5", login.username, login.password)
            self._digests = {camera.id: known}  # one camera a connection is the rule
        return known

    def _answer(
        self, status: int, headers: Headers, request: Message | None = None, body: bytes = b""
    ) -> None:
        first = [("CSeq", request.headers.get("CSeq", "0"))] if request is not None else []
        head = Headers.received([*first, *headers])
        response = Message.response(status, REASONS[status], head)
        response.body = body
        self.write(bytes(response))

    answer = _answer

    @property
    def fleet(self) -> "Fleet":
        """The fleet that this connection belongs to."""
        return self._fleet


class _Request:
    """One request to one camera."""

    def __init__(
        self,
        connection: Connection,
        message: Message,
        camera: Camera,
        variant: Variant,
        track: int | None,
    ) -> None:
        self.connection = connection
        self.message = message
        self.camera = camera
        self.variant = variant
        self.track = track

    def handle(self) -> None:
        """Answer, or do what the camera's fault does instead."""
        method, fault = self.message.method, self.camera.fault
        is_describe = method == "DESCRIBE"
        if fault in _FATES:
            self.camera.counts.describes += is_describe
            _FATES[fault](self)
            return
        handler = self._handlers.get(method)
        if handler is None:
            self._answer(501)
        elif method == "OPTIONS" or self._is_authorised(is_describe=is_describe):
            handler(self)

    def _is_authorised(self, *, is_describe: bool) -> bool:
        camera = self.camera
        is_open = camera.login is None or (
            (camera, self.variant) in self.connection.tickets.values()
        )
        if is_open and camera.fault is not Fault.UNAUTHORIZED:
            camera.counts.describes += is_describe
            return True
        given = self.message.headers.get("Authorization")
        if camera.login is None:
            camera.counts.describes += is_describe
            camera.counts.unauthorized += 1
            self._answer(401)
            return False
        digest = self.connection.digest(camera)
        if given:
            camera.counts.describes += is_describe
            is_right = digest.check(self.message.method, self.message.uri, given)
            if is_right and camera.fault is not Fault.UNAUTHORIZED:
                return True
            camera.counts.unauthorized += 1
        else:
            camera.counts.challenges += 1
        self._answer(401, ("WWW-Authenticate", digest.challenge()))
        return False

    def _options(self) -> None:
        self._answer(200, ("Public", METHODS))

    def _describe(self) -> None:
        footage = self._footage()
        if not footage.done():
            self.connection.wait_for(footage, self._describe)
            return
        if footage.cancelled():
            self._answer(503)
            return
        base = self.message.uri.rstrip("/") + "/"
        body = describe(footage.result(), self.connection.host)
        self._answer(200, ("Content-Base", base), ("Content-Type", "application/sdp"), body=body)

    def _setup(self) -> None:
        footage = self._footage()
        if not footage.done():
            self.connection.wait_for(footage, self._setup)
            return
        transport = self._choose_transport()
        if footage.cancelled():
            self._answer(503)
        elif self.track not in (0, 1):
            self._answer(404)
        elif transport is None:
            self._answer(461)
        elif self._take_session():
            destination, reply = transport
            session = self.connection.session
            assert session is not None
            session.tracks[self.track] = destination
            self.camera.counts.setups += 1
            timeout = self.connection.fleet.session_timeout
            self._answer(
                200, ("Transport", reply), ("Session", f"{session.id};timeout={timeout:g}")
            )

    def _take_session(self) -> bool:
        session = self.connection.session
        if session is not None:
            if session.camera is self.camera and session.variant is self.variant:
                return True
            self._answer(455)
            return False
        camera = self.camera
        if camera.fault is Fault.BUSY or camera.usage.is_full or camera.place.is_full:
            camera.counts.refused += 1
            self._answer(453)
            return False
        self.connection.session = Session(
            secrets.token_hex(8), camera, self.variant, self.connection
        )
        return True

    def _play(self) -> None:
        session = self._own_session()
        if session is None:
            return
        if not session.tracks:
            self._answer(455)
            return
        stream = self._stream()
        self.camera.counts.plays += 1
        self._answer(
            200,
            ("Session", session.id),
            ("Range", "npt=0.000-"),
            ("RTP-Info", self._rtp_info(session, stream)),
        )
        session.play(stream)

    def _teardown(self) -> None:
        session = self._own_session()
        if session is not None:
            self.camera.counts.teardowns += 1
            self.connection.end_session()
            self._answer(200, ("Session", session.id))

    def _parameter(self) -> None:
        session = self.connection.session
        self._answer(200, *([("Session", session.id)] if session else []))

    def _own_session(self) -> Session | None:
        session = self.connection.session
        given = self.message.headers.get("Session").partition(";")[0].strip()
        if session is None or given != session.id:
            self._answer(454)
            return None
        return session

    def _stream(self) -> LiveStream:
        stream = self.camera.streams.get(self.variant)
        if stream is None:
            stream = self.connection.fleet.make_stream(self.camera, self._footage().result())
            self.camera.streams[self.variant] = stream
        return stream

    def _footage(self) -> "asyncio.Future[Footage]":
        return self.connection.fleet.footage(self.camera, self.variant)

    def _rtp_info(self, session: Session, stream: LiveStream) -> str:
        base = _TRACK.sub("", self.message.uri.rstrip("/"))
        index = stream.next_index()
        tracks = {0: stream.video, 1: stream.sound}
        return ",".join(
            f"url={base}/trackID={at};seq={tracks[at].sequence};"
            f"rtptime={tracks[at].timestamp(index)}"
            for at in sorted(session.tracks)
        )

    def _choose_transport(self) -> tuple[Destination, str] | None:
        """The first offer that we can serve, and how it is confirmed."""
        for offer in self.message.headers.get("Transport").split(","):
            fields = [part.strip() for part in offer.split(";")]
            pair = next((found for part in fields if (found := _PAIR.fullmatch(part))), None)
            protocol = fields[0].upper()
            if protocol == "RTP/AVP/TCP":
                return self._tcp(pair)
            if protocol in ("RTP/AVP", "RTP/AVP/UDP") and "multicast" not in fields and pair:
                return self._udp(int(pair[1]), int(pair[2] or int(pair[1]) + 1))
        return None

    def _tcp(self, pair: re.Match[str] | None) -> tuple[Destination, str]:
        first = int(pair[1]) & 0xFF if pair else 2 * (self.track or 0)
        second = int(pair[2]) & 0xFF if pair and pair[2] else (first + 1) & 0xFF
        destination = TcpDestination(self.connection, first, second)
        return destination, f"RTP/AVP/TCP;unicast;interleaved={first}-{second}"

    def _udp(self, rtp: int, rtcp: int) -> tuple[Destination, str] | None:
        if not (0 < rtp < 65536 and 0 < rtcp < 65536):
            return None
        pair = self.connection.fleet.udp_pair()
        peer, host = self.connection.peer, self.connection.host
        destination = UdpDestination(pair, host, (peer, rtp), (peer, rtcp))
        reply = (
            f"RTP/AVP;unicast;client_port={rtp}-{rtcp};server_port={pair.ports[0]}-{pair.ports[1]}"
        )
        return destination, reply

    def _answer(self, status: int, *headers: tuple[str, str], body: bytes = b"") -> None:
        self.connection.answer(status, Headers(headers), self.message, body)

    def _break(self) -> None:
        self.connection.reset()

    def _ignore(self) -> None:
        pass

    def _miss(self) -> None:
        self._answer(404)

    _handlers: ClassVar[dict[str, Callable[["_Request"], None]]] = {
        "OPTIONS": _options,
        "DESCRIBE": _describe,
        "SETUP": _setup,
        "PLAY": _play,
        "TEARDOWN": _teardown,
        "GET_PARAMETER": _parameter,
        "SET_PARAMETER": _parameter,
    }


_FATES: dict[Fault | None, Callable[[_Request], None]] = {
    Fault.DOWN: _Request._break,
    Fault.SILENT: _Request._ignore,
    Fault.MISSING: _Request._miss,
}
