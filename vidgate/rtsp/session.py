"""The client's side of an RTSP session, without I/O: requests out, replies and frames in.

    request(...)     queue a request          receive(data) -> events
    data_to_send()   bytes for the socket     wake_at, handle_timer(now): the keepalive

Answers 401 by itself, answers the server's own requests, keeps CSeq, Session and its timeout.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, cast

from vidgate.model.channel import Login
from vidgate.rtsp.headers import DEFAULT_TIMEOUT, parse_public, parse_session
from vidgate.rtsp.messages import Frame, Parser
from vidgate.wire.allowance import Turn
from vidgate.wire.digest import Challenge, DigestClient, is_stale, parse_challenges
from vidgate.wire.headers import Headers
from vidgate.wire.message import Message
from vidgate.wire.uri import Uri

KEEPALIVE_SHARE = 0.4  # of the session's timeout
KEEPALIVE_MOST = 30.0  # seconds; some cameras end sessions earlier than they say
# Answers to challenges that are refused in a row, whatever for (the password, the algorithm, a
# nonce called stale): a second one is worth it, a third is a step towards a locked account.
MAX_REFUSALS = 2
MAX_PENDING = 16
USER_AGENT = "vidgate"  # some cameras refuse a DESCRIBE that has none

ONVIF_REPLAY = "onvif-replay"  # ONVIF Streaming Specification 6.4
_REQUIRING = frozenset(("DESCRIBE", "SETUP", "PLAY"))
_ANSWERED = frozenset(("OPTIONS", "GET_PARAMETER", "SET_PARAMETER"))


@dataclass(slots=True)
class Reply:
    """The final reply to a request of ours; a 401 only when no further try makes sense."""

    cseq: int
    method: str
    message: Message


@dataclass(frozen=True, slots=True)
class Ended:
    """The server ended the session by itself."""

    why: str


Event = Frame | Reply | Ended


@dataclass(slots=True)
class _Pending:
    method: str
    uri: str
    headers: list[tuple[str, str]]
    cseq: int  # as given to the caller; a repeated request has another one on the wire
    is_keepalive: bool = False
    is_signed: bool = False  # it carries an answer, to this challenge or an earlier one
    is_answer: bool = False  # it was sent again for the sake of a challenge


class Gate(Protocol):
    """Who knows how often a login may be tried."""

    def challenged(self, session: "ClientSession", *, may_wait: bool) -> Turn:
        """Whether a challenge may be answered. LATER, only if it may: `go_on` will be called.

        Sets `session.taken` to what others have learnt since it began.
        """
        ...

    def accepted(self, session: "ClientSession") -> None:
        """The answer to a challenge was taken."""
        ...


class _Open:
    def challenged(self, session: "ClientSession", *, may_wait: bool) -> Turn:
        return Turn.NOW

    def accepted(self, session: "ClientSession") -> None:
        pass


@dataclass(slots=True)
class ClientSession:
    """One connection to one camera. `now` is monotonic seconds, given by the caller.

    `taken` is the scheme and algorithm by which this login was let in before, or is now. `refusals`
    counts answers refused since one was accepted, `stale` those of them that the server refused for
    an old nonce alone (RFC 7616 3.3); `gate` is asked before each is given.
    """

    uri: Uri
    login: Login | None = None
    taken: tuple[str, str] | None = None
    gate: Gate = field(default_factory=_Open, repr=False)
    refusals: int = 0
    stale: int = 0
    parser: Parser = field(default_factory=Parser)
    id: str = ""
    timeout: float = DEFAULT_TIMEOUT
    public: frozenset[str] = frozenset()
    wake_at: float | None = None
    play_uri: str = ""
    requires: str = ""  # an option that the server must know (RFC 2326 12.32)
    _digest: DigestClient | None = None
    _cseq: int = 0
    _pending: dict[int, _Pending] = field(default_factory=dict)
    _held: _Pending | None = None  # its challenge is to be answered later
    _out: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.play_uri = str(self.uri)
        if self.login is not None:
            self._digest = DigestClient(self.login, self.taken)

    def request(self, method: str, uri: str, *headers: tuple[str, str]) -> int:
        """Queue a request; returns the CSeq that its `Reply` will carry."""
        self._cseq += 1
        self._send(_Pending(method, uri, list(headers), self._cseq), self._cseq)
        return self._cseq

    def frame(self, channel: int, payload: bytes) -> None:
        """Queue an interleaved frame (RTCP)."""
        self._out.append(b"$" + bytes((channel,)) + len(payload).to_bytes(2, "big") + payload)

    def data_to_send(self) -> bytes:
        """What is queued; forgotten here."""
        if not self._out:
            return b""
        data = b"".join(self._out)
        self._out.clear()
        return data

    def receive(self, data: bytes) -> list[Event]:
        """Take received bytes; raises ProtocolError when they are nonsense."""
        before = self.parser.messages
        items = self.parser.feed(data)
        if self.parser.messages == before:  # frames alone, as nearly always while playing
            return cast(list[Event], items)
        events: list[Event] = []
        for item in items:
            event = self._message(item) if isinstance(item, Message) else item
            if event is not None:
                events.append(event)
        return events

    def playing(self, now: float) -> None:
        """PLAY succeeded: keepalives begin."""
        self.wake_at = now + self._interval()

    def handle_timer(self, now: float) -> None:
        """Queue a keepalive when one is due. Its reply is not waited for."""
        if self.wake_at is None or now < self.wake_at:
            return
        self.wake_at = now + self._interval()
        self._forget_keepalives()
        method = "GET_PARAMETER" if "GET_PARAMETER" in self.public else "OPTIONS"
        self._cseq += 1
        pending = _Pending(method, self.play_uri, [], self._cseq, is_keepalive=True)
        self._send(pending, self._cseq)

    def go_on(self) -> None:
        """Queue the answer that was to be given later."""
        held, self._held = self._held, None
        if held is not None and self._digest is not None:
            self._answer_challenge(self._digest, held)

    # -- inside ----------------------------------------------------------------------------------

    def _interval(self) -> float:
        return min(KEEPALIVE_SHARE * self.timeout, KEEPALIVE_MOST)

    def _forget_keepalives(self) -> None:
        for cseq in [cseq for cseq, pending in self._pending.items() if pending.is_keepalive]:
            if len(self._pending) >= MAX_PENDING:
                del self._pending[cseq]

    def _send(self, pending: _Pending, cseq: int) -> None:
        self._pending[cseq] = pending
        headers = Headers([("CSeq", str(cseq)), ("User-Agent", USER_AGENT), *pending.headers])
        if self.id:
            headers.add("Session", self.id)
        if self.requires and pending.method in _REQUIRING:
            headers.add("Require", self.requires)
        if answer := self._answer(pending):
            headers.add("Authorization", answer)
        pending.is_signed = bool(answer)
        self._out.append(bytes(Message.request(pending.method, pending.uri, headers)))

    def _answer(self, pending: _Pending) -> str | None:
        if self._digest is None or self.refusals >= MAX_REFUSALS:
            return None
        return self._digest.authorization(pending.method, pending.uri)

    def _message(self, message: Message) -> Event | None:
        if not message.is_response:
            return self._asked(message)
        status = message.status
        if status < 200:
            return None
        pending = self._match(message)
        if pending is None:
            return None
        offers = parse_challenges(message.headers.all("WWW-Authenticate") if status == 401 else ())
        if pending.is_signed and status in (401, 403):
            self.refusals += 1
            self.stale += is_stale(offers)
        if status == 401 and self._try_again(pending, offers):
            return None
        if self._digest is not None and pending.is_signed and status not in (401, 403):
            self._digest.accepted()
            self.taken, self.refusals, self.stale = self._digest.taken, 0, 0
            if pending.is_answer:
                self.gate.accepted(self)
        self._learn(message, status)
        if pending.is_keepalive:
            return (
                Ended("摄像机已忘记会话 / the camera forgot the session") if status == 454 else None
            )
        return Reply(pending.cseq, pending.method, message)

    def _match(self, message: Message) -> _Pending | None:
        cseq = message.headers.get("CSeq").strip()
        if cseq.isdecimal() and len(cseq) < 10:
            found = self._pending.pop(int(cseq), None)
            if found is not None:
                return found
        # No CSeq, or a wrong one: with one request under way there is one reading only.
        waiting = [number for number, each in self._pending.items() if not each.is_keepalive]
        return self._pending.pop(waiting[0]) if len(waiting) == 1 else None

    def _try_again(self, pending: _Pending, offers: Sequence[Challenge]) -> bool:
        if self._digest is None or self.refusals >= MAX_REFUSALS:
            return False
        if not self._digest.challenge(offers):
            return False
        may_wait = not pending.is_keepalive and pending.method != "TEARDOWN"
        turn = self.gate.challenged(self, may_wait=may_wait)
        if turn is Turn.NOW:
            self._answer_challenge(self._digest, pending)
        elif turn is Turn.LATER:
            self._held = pending
        return turn is not Turn.NEVER

    def _answer_challenge(self, digest: DigestClient, pending: _Pending) -> None:
        digest.prefer(self.taken)
        pending.is_answer = True
        self._cseq += 1
        self._send(pending, self._cseq)

    def _learn(self, message: Message, status: int) -> None:
        if status >= 300:
            return
        public = message.headers.all("Public")
        if public:
            self.public = parse_public(public)
        session = message.headers.get("Session")
        if session:
            # Some cameras change the id after SETUP, and some tell the timeout only once.
            self.id, timeout = parse_session(session)
            if "timeout" in session.lower():
                self.timeout = timeout

    def _asked(self, message: Message) -> Event | None:
        """A request of the server: a ping is answered, anything else politely refused."""
        method = message.method.upper()
        known = method in _ANSWERED
        headers = Headers([("CSeq", _one_line(message.headers.get("CSeq", "0")))])
        status, reason = (200, "OK") if known or method == "TEARDOWN" else (501, "Not Implemented")
        self._out.append(bytes(Message.response(status, reason, headers)))
        return (
            Ended("摄像机结束了会话 / the camera ended the session")
            if method == "TEARDOWN"
            else None
        )


def _one_line(text: str) -> str:
    return "".join(c for c in text[:32] if c.isprintable())
