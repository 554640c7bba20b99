"""The RTSP side of the simulated cameras (RFC 2326): one connection, one session at most."""

import asyncio
import socket
import struct
from collections.abc import Callable, Iterator
from email.utils import formatdate
from functools import lru_cache
from typing import TYPE_CHECKING, cast

from vidgate.errors import ProtocolError
from vidgate.model.channel import Login
from vidgate.simulator.camera import Camera
from vidgate.simulator.footage import Footage
from vidgate.simulator.gate import Gate
from vidgate.simulator.platform import Admitted
from vidgate.simulator.players import Session
from vidgate.simulator.requests import METHODS, REASONS, TRACK, Request
from vidgate.wire.buffer import Buffer
from vidgate.wire.headers import Headers
from vidgate.wire.message import Message, MessageLimits, MessageReader

if TYPE_CHECKING:
    from vidgate.simulator.fleet import Fleet

_LIMITS = MessageLimits(head=8 << 10, body=8 << 10, headers=64)
_MAX_BUFFER = 128 << 10
_WRITE_LIMIT = 512 << 10  # bytes that may wait for a slow client before pictures are dropped
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER of zero: close with a reset


NOBODY = Login("", "")
LOOPBACK_IPV6 = "::1"


@lru_cache(maxsize=64)
def _date(seconds: int) -> str:
    """The Date header of a wall-clock second (RFC 9110 5.6.7)."""
    return formatdate(min(max(seconds, 0), 253_402_300_799), usegmt=True)


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
        self._gates: dict[str, Gate] = {}
        self._is_waiting = False  # a request is being answered later
        self._left_by: Camera | None = None  # the camera that has left it half open
        self._pouring: Iterator[bytes] | None = None  # an answer that has no end
        self._timer: asyncio.TimerHandle | None = None
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
        if not self.host.startswith("127.") and self.host != LOOPBACK_IPV6:
            self.reset()
            return
        transport.set_write_buffer_limits(high=_WRITE_LIMIT)
        self._fleet.connected(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client left; a session without TEARDOWN is counted."""
        if self.session is not None:
            self.session.camera.counts.dropped += 1
            self.end_session()
        if self._left_by is not None:
            self._left_by.frozen.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        self._fleet.disconnected(self)
        self._transport = self._pouring = None

    def pause_writing(self) -> None:
        """The client does not read: it loses pictures up to a key frame."""
        self.is_slow = True

    def resume_writing(self) -> None:
        """It reads again."""
        self.is_slow = False
        if self._pouring is not None:
            self._pour()

    def data_received(self, data: bytes) -> None:
        """Requests and interleaved frames (receiver reports)."""
        self.heard = self._loop.time()
        try:
            self._buffer.append(data)
            self._parse()
        except ProtocolError:
            self.answer(400, Headers())
            self.close()

    # -- for the fleet and the session -----------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes as they are."""
        if self._transport is not None and self._left_by is None:
            self._transport.write(data)

    def pour(self, pieces: Iterator[bytes]) -> None:
        """Write without end, as fast as the client reads; nothing else is answered any more."""
        self._is_waiting = True
        self._pouring = pieces
        self._pour()

    def _pour(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._pouring is None or self.is_slow or self._transport is None:
            return
        piece = next(self._pouring, None)
        if piece is None:
            self._pouring = None
            return
        self.write(piece)
        self._timer = self._loop.call_later(0, self._pour)

    def trickle(self, data: bytes, rate: float) -> None:
        """Write so many bytes a second."""
        size = max(1, int(rate / 20))
        self.write(data[:size])
        if len(data) > size:
            self._timer = self._loop.call_later(size / rate, self.trickle, data[size:], rate)

    def freeze(self, camera: Camera) -> None:
        """Neither read nor write any more, and do not end: half-open until the camera is back."""
        if self._transport is None or self._left_by is not None:
            return
        self._left_by = camera
        self._transport.pause_reading()
        camera.frozen.add(self)

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
                frame = self._buffer.take(size)
                if self.session is not None and self.session.camera.manner.takes_pli:
                    self.session.hear(frame[4:])
                continue
            message = self._reader.next(self._buffer)
            if message is None:
                return
            if not message.is_response:
                self._dispatch(message)

    def _dispatch(self, request: Message) -> None:
        uri = request.uri
        track = TRACK.search(uri)
        path = uri[: track.start()] if track else uri
        found = self._fleet.find(self.host, path) or self._admitted(path)
        if found is None:
            if request.method == "OPTIONS":
                self._options(request)
            else:
                self.answer(404, Headers(), request)
            return
        camera, variant = found
        if camera.id not in self._gates:
            self._meet(camera)
        wanted = Request(self, request, camera, variant, int(track[1]) if track else None)
        if camera.manner.delay:
            self._is_waiting = True
            self._loop.call_later(camera.manner.delay, self._resume, wanted)
        else:
            wanted.handle()

    def _meet(self, camera: Camera) -> None:
        """The first request to a camera on this connection; one camera a connection is the rule."""
        camera.counts.connections += 1
        self._gates = {camera.id: Gate(self._fleet.realm, camera.login or NOBODY, camera.auth)}

    def _admitted(self, path: str) -> Admitted | None:
        """What a ticket opens; once opened it holds for this connection."""
        start = path.find("/", path.find("://") + 3) if "://" in path else 0
        name = path[start:].rstrip("/")
        found = self.tickets.get(name) or self._fleet.platform.redeem(self.host, name)
        if found is not None:
            self.tickets[name] = found
        return found

    def _resume(self, request: Request) -> None:
        if self._transport is None:
            return
        self._is_waiting = False
        request.handle()
        self._continue()

    def _continue(self) -> None:
        try:
            self._parse()
        except ProtocolError:
            self.answer(400, Headers())
            self.close()

    def _options(self, request: Message) -> None:
        self.answer(200, Headers([("Public", METHODS)]), request)

    def wait_for(self, footage: "asyncio.Future[Footage]", then: Callable[[], None]) -> None:
        """Answer no more until the footage is there."""
        self._is_waiting = True

        def ready(_: "asyncio.Future[Footage]") -> None:
            if self._transport is not None:
                self._is_waiting = False
                then()
                self._continue()

        footage.add_done_callback(ready)

    def gate(self, camera: Camera) -> Gate:
        """The challenges given on this connection for a camera's account."""
        known = self._gates[camera.id]
        if known.auth is not camera.auth:
            known = Gate(self._fleet.realm, camera.login or NOBODY, camera.auth)
            self._gates[camera.id] = known
        return known

    def answer(
        self, status: int, headers: Headers, request: Message | None = None, body: bytes = b""
    ) -> None:
        """Answer a request, at the camera's own speed."""
        self.write(self._response(status, headers, request, body))

    def answer_for(
        self, camera: Camera, status: int, headers: Headers, request: Message, body: bytes = b""
    ) -> None:
        """The same with the camera's clock and speed."""
        date = _date(int(self._fleet.wall() + camera.manner.skew))
        data = self._response(status, Headers([("Date", date), *headers]), request, body)
        if camera.manner.rate:
            self.trickle(data, camera.manner.rate)
        else:
            self.write(data)

    def _response(
        self, status: int, headers: Headers, request: Message | None, body: bytes
    ) -> bytes:
        first = [("CSeq", request.headers.get("CSeq", "0"))] if request is not None else []
        head = Headers.received([*first, *headers])
        response = Message.response(status, REASONS[status], head)
        response.body = body
        return bytes(response)

    @property
    def fleet(self) -> "Fleet":
        """The fleet that this connection belongs to."""
        return self._fleet
