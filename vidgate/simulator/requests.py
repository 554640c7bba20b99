"""What a simulated camera answers to one request (RFC 2326), as its manner has it."""

import asyncio
import re
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from vidgate.model.media import Variant
from vidgate.simulator.answers import DESCRIPTIONS, MOVED, babble, location
from vidgate.simulator.camera import Camera, LiveStream
from vidgate.simulator.describe import describe
from vidgate.simulator.footage import Footage
from vidgate.simulator.gate import Entry
from vidgate.simulator.manner import Link, Manner, Redirect, Replay, Sound
from vidgate.simulator.players import Destination, Session, TcpDestination, UdpDestination
from vidgate.simulator.replay import FEATURE
from vidgate.wire.clock import ClockRange
from vidgate.wire.headers import Headers
from vidgate.wire.message import Message

if TYPE_CHECKING:
    from vidgate.simulator.server import Connection

METHODS = "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER, SET_PARAMETER"
TRACK = re.compile(r"/trackID=(\d)$")
_PAIR = re.compile(r"(?:interleaved|client_port)=(\d{1,5})(?:-(\d{1,5}))?")
REASONS = {
    200: "OK",
    302: "Moved Temporarily",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    453: "Not Enough Bandwidth",
    454: "Session Not Found",
    455: "Method Not Valid in This State",
    457: "Invalid Range",
    461: "Unsupported Transport",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    551: "Option Not Supported",
}

MakeDestination = Callable[[Session], Destination]


class Request:
    """One request to one camera."""

    def __init__(
        self,
        connection: "Connection",
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
        """Answer, or do what the camera does instead."""
        method, manner = self.message.method, self.camera.manner
        is_describe = method == "DESCRIBE"
        if self._is_fated(manner):
            self.camera.counts.describes += is_describe
            return
        handler = self._handlers.get(method)
        if handler is None:
            self._answer(501)
        elif method == "OPTIONS" or self._is_authorised(is_describe=is_describe):
            status = manner.status_of(method)
            if status:
                self.camera.counts.refused += status == 453
                self._answer(status)
            elif self._is_replay and manner.replay is Replay.UNKNOWN:
                self._answer(551, ("Unsupported", FEATURE))
            else:
                handler(self)

    def _is_fated(self, manner: Manner) -> bool:
        """Whether something else than an answer to the request has come of it."""
        status = dict(manner.statuses).get("*")
        if manner.link is not Link.ANSWERS:
            _FATES[manner.link](self)
        elif status:
            self._answer(status)
        elif self._is_redirected(manner.redirect):
            self._answer(302, ("Location", location(manner.redirect, self.message.uri)))
        else:
            return False
        return True

    def _is_redirected(self, redirect: Redirect) -> bool:
        if redirect is Redirect.NONE or self.message.method != "DESCRIBE":
            return False
        return redirect is not Redirect.NEAR or MOVED not in self.message.uri

    def _is_authorised(self, *, is_describe: bool) -> bool:
        camera, connection = self.camera, self.connection
        has_ticket = (camera, self.variant) in connection.tickets.values()
        if has_ticket and not camera.manner.refuses_password:
            camera.counts.describes += is_describe
            return True
        gate, given = connection.gate(camera), self.message.headers.get("Authorization")
        entry = gate.check(self.message.method, self.message.uri, given, camera.manner)
        camera.counts.challenges += entry is Entry.ASKED and camera.login is not None
        if entry is not Entry.ASKED or camera.login is None:
            camera.counts.describes += is_describe
        if entry is Entry.OPEN:
            return True
        camera.counts.unauthorized += entry is Entry.WRONG or camera.login is None
        self._answer(401, *gate.challenges(is_stale=entry is Entry.STALE))
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
        manner = self.camera.manner
        hostile = DESCRIPTIONS.get(manner.description)
        if hostile is not None:
            cseq = self.message.headers.get("CSeq", "0")
            head = f"RTSP/1.0 200 OK\r\nCSeq: {cseq}\r\nContent-Type: application/sdp\r\n"
            self.connection.pour(hostile(head.encode()))
            return
        base = self.message.uri.rstrip("/") + "/"
        body = describe(footage.result(), self.connection.host, manner)
        self._answer(200, ("Content-Base", base), ("Content-Type", "application/sdp"), body=body)

    def _setup(self) -> None:
        footage, camera = self._footage(), self.camera
        if not footage.done():
            self.connection.wait_for(footage, self._setup)
            return
        transport = self._choose_transport()
        if footage.cancelled():
            self._answer(503)
        elif self.track not in (0, 1) or (self.track and camera.manner.sound is Sound.NONE):
            self._answer(404)
        elif transport is None:
            self._answer(461)
        elif self._take_session():
            make, reply = transport
            session = self.connection.session
            assert session is not None
            session.tracks[self.track] = make(session)
            camera.counts.setups += 1
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
        if camera.is_full:
            camera.counts.refused += 1
            camera.place.refused += camera.place.is_full
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
        moments = ClockRange.parse(self.message.headers.get("Range"))
        if self._is_replay and moments is not None:
            stream = self._recording(moments)
        else:
            stream, moments = self._stream(), None
        if stream is None:
            self._answer(457)
            return
        self.camera.counts.plays += 1
        self._answer(
            200,
            ("Session", session.id),
            ("Range", "npt=0.000-" if moments is None else str(moments)),
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

    @property
    def _is_replay(self) -> bool:
        is_asked = FEATURE in self.message.headers.get("Require")
        return is_asked and self.camera.manner.replay is not Replay.IGNORED

    def _recording(self, moments: ClockRange) -> LiveStream | None:
        cseq = self.message.headers.get("CSeq", "0")
        number = int(cseq) if cseq.isdecimal() and len(cseq) < 10 else 0
        return self.connection.fleet.record(self.camera, self._footage().result(), moments, number)

    def _footage(self) -> "asyncio.Future[Footage]":
        return self.connection.fleet.footage(self.camera, self.variant)

    def _rtp_info(self, session: Session, stream: LiveStream) -> str:
        base = TRACK.sub("", self.message.uri.rstrip("/"))
        tracks, stamps = (stream.video, stream.sound), stream.timestamps()
        return ",".join(
            f"url={base}/trackID={at};seq={tracks[at].sequence};rtptime={stamps[at]}"
            for at in sorted(session.tracks)
        )

    def _choose_transport(self) -> tuple[MakeDestination, str] | None:
        """The first offer that we can serve, and how it is confirmed."""
        for offer in self.message.headers.get("Transport").split(","):
            fields = [part.strip() for part in offer.split(";")]
            pair = next((found for part in fields if (found := _PAIR.fullmatch(part))), None)
            protocol, refused = fields[0].upper(), self.camera.manner.refused
            if protocol == "RTP/AVP/TCP" and refused != "tcp":
                return self._tcp(pair)
            is_udp = protocol in ("RTP/AVP", "RTP/AVP/UDP") and "multicast" not in fields
            can_udp = refused != "udp" and ":" not in self.connection.host  # its pair is of IPv4
            if is_udp and pair and can_udp:
                return self._udp(int(pair[1]), int(pair[2] or int(pair[1]) + 1))
        return None

    def _tcp(self, pair: re.Match[str] | None) -> tuple[MakeDestination, str]:
        first = int(pair[1]) & 0xFF if pair else 2 * (self.track or 0)
        second = int(pair[2]) & 0xFF if pair and pair[2] else (first + 1) & 0xFF

        def make(session: Session) -> Destination:
            return TcpDestination(self.connection, first, second, session.garbles)

        return make, f"RTP/AVP/TCP;unicast;interleaved={first}-{second}"

    def _udp(self, rtp: int, rtcp: int) -> tuple[MakeDestination, str] | None:
        if not (0 < rtp < 65536 and 0 < rtcp < 65536):
            return None
        pair = self.connection.fleet.udp_pair()
        peer, host = self.connection.peer, self.connection.host

        def make(session: Session) -> Destination:
            session.listen(pair, (peer, rtcp))
            return UdpDestination(pair, host, (peer, rtp), (peer, rtcp), session.impair)

        reply = (
            f"RTP/AVP;unicast;client_port={rtp}-{rtcp};server_port={pair.ports[0]}-{pair.ports[1]}"
        )
        return make, reply

    def _answer(self, status: int, *headers: tuple[str, str], body: bytes = b"") -> None:
        self.connection.answer_for(self.camera, status, Headers(headers), self.message, body)

    def _break(self) -> None:
        self.connection.reset()

    def _ignore(self) -> None:
        pass

    def _leave(self) -> None:
        self.connection.close()

    def _freeze(self) -> None:
        self.connection.freeze(self.camera)

    def _babble(self) -> None:
        self.connection.pour(babble())

    _handlers: ClassVar[dict[str, Callable[["Request"], None]]] = {
        "OPTIONS": _options,
        "DESCRIBE": _describe,
        "SETUP": _setup,
        "PLAY": _play,
        "TEARDOWN": _teardown,
        "GET_PARAMETER": _parameter,
        "SET_PARAMETER": _parameter,
    }


_FATES: dict[Link, Callable[[Request], None]] = {
    Link.RESETS: Request._break,
    Link.CLOSES: Request._leave,
    Link.SILENT: Request._ignore,
    Link.HALF_OPEN: Request._freeze,
    Link.BABBLES: Request._babble,
}
