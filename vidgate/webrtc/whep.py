"""WHEP sessions: from a browser's offer to pictures, and their end.

One session is one viewer of one stream. It survives a camera that fails and comes back; it ends
when the browser says so, falls silent, the stream changes its picture codec, or is over.
"""

import asyncio
import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import structlog

from vidgate.aio.bus import Bus
from vidgate.aio.clock import Clock, SystemClock
from vidgate.aio.supervisor import Supervisor, cancel_and_wait
from vidgate.errors import (
    InputError,
    LimitError,
    NotAcceptableError,
    NotFoundError,
    RemoteError,
    UnsupportedError,
)
from vidgate.media.hub import Hub
from vidgate.media.opus import OpusWorks
from vidgate.media.replay import ReplayKey
from vidgate.model.media import Codec, StreamKey, Variant
from vidgate.model.user import Principal
from vidgate.settings.tree import WebrtcSettings
from vidgate.webrtc.dtls import Certificate, Dtls
from vidgate.webrtc.fanout import Fanout
from vidgate.webrtc.known import KnownCodecs
from vidgate.webrtc.line import Line
from vidgate.webrtc.mux import Leg, Mux, plain_host
from vidgate.webrtc.offers import Local, Offer, Outgoing, Pick, answer, choose, parse_offer
from vidgate.webrtc.viewer import Flow, Viewer
from vidgate.wire.clock import ClockRange

log = structlog.get_logger(__name__)

DESCRIBE_TIMEOUT = 10.0  # seconds a browser waits for a cold camera to say what it sends
TICK = 1.0  # seconds between sender reports, and between looks for silent browsers
TURN = 50  # sessions looked at before other tasks get their turn
CNAME = "vidgate"


@dataclass(eq=False, slots=True)
class WhepSession:
    """One viewer; `state` is connecting, connected or closed."""

    id: str
    name: str
    variant: Variant
    answer_sdp: str = field(repr=False)  # holds the password of our ICE agent
    principal: Principal
    started: float  # wall seconds
    codecs: tuple[Codec, ...]
    leg: Leg = field(repr=False)
    shared: "_Shared" = field(repr=False)
    state: str = "connecting"
    reason: str = ""
    viewer: Viewer | None = field(default=None, repr=False)
    closing: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    closed: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    @property
    def replay(self) -> ClockRange | None:
        """Which stretch of the recording it shows; None for what is live."""
        key = self.shared.fanout.key
        return key.moments if isinstance(key, ReplayKey) else None

    @property
    def recorded(self) -> float | None:
        """When what is shown was recorded (wall-clock seconds), where the device says."""
        return self.shared.fanout.recorded if self.replay is not None else None

    def close(self, reason: str) -> None:
        """Ask for the end; `closed` is set once the browser has been told."""
        self.reason = self.reason or reason
        self.closing.set()

    def stats(self) -> dict[str, Any]:
        """Counters for the API and the metrics; seconds, packets and bytes."""
        flows = self.viewer.flows if self.viewer else []
        reports = [flow.report for flow in flows if flow.report is not None]
        return {
            "id": self.id,
            "stream": self.name,
            "variant": self.variant.value,
            "state": self.state,
            "user": self.principal.name,
            "since": self.started,
            "codecs": [codec.value for codec in self.codecs],
            "packets": sum(flow.packets for flow in flows),
            "bytes": sum(flow.octets for flow in flows),
            "repeats": sum(flow.repeats for flow in flows),
            "drops": sum(flow.drops for flow in flows),
            "lost": sum(report.lost for report in reports),
            "plis": self.viewer.plis if self.viewer else 0,
            "round_trip": self.viewer.round_trip if self.viewer else None,
        }


@dataclass(slots=True)
class _Shared:
    """A fan-out, its task, and how many sessions (and offers under way) hold it."""

    fanout: Fanout
    task: asyncio.Task[None] | None = None
    holders: int = 0


class WhepService:
    """All viewers by WebRTC: `async with WhepService(hub, bus, settings) as whep:`."""

    def __init__(
        self,
        hub: Hub,
        bus: Bus,
        settings: WebrtcSettings,
        clock: Clock | None = None,
        opus: OpusWorks | None = None,
        replays: Hub | None = None,
    ) -> None:
        self.sessions: dict[str, WhepSession] = {}
        self._hub = hub
        self._replays = replays or hub  # recordings are apart: nobody takes one for what is live
        self._bus = bus
        self._settings = settings
        self._opus = opus  # without it sound that must be recoded is left out
        self._clock = clock or SystemClock()
        self._mux = Mux(settings.port, self._clock)
        self._certificate = Certificate.generateCertificate()
        self._tasks = Supervisor("whep")
        self._shared: dict[StreamKey, _Shared] = {}
        self._known = KnownCodecs(self._clock)
        self._opening: Counter[str] = Counter()  # offers under way, by user

    async def __aenter__(self) -> Self:
        await self._mux.__aenter__()
        await self._tasks.__aenter__()
        self._tasks.keep(self._tick, "tick")
        self._tasks.keep(self._listen, "listen")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._tasks.__aexit__(kind, error, trace)
        await self._mux.__aexit__(kind, error, trace)

    @property
    def port(self) -> int:
        """The UDP port in use."""
        return self._mux.port

    @property
    def counters(self) -> dict[str, int]:
        """Datagrams refused and sends that found the socket full."""
        return {"dropped": self._mux.dropped, "full": self._mux.full}

    def find(self, session_id: str) -> WhepSession:
        """The session of that id. Raises NotFoundError."""
        session = self.sessions.get(session_id)
        if session is None:
            raise NotFoundError(
                "没有这个会话, 可能已结束 / there is no such session; it may have ended"
            )
        return session

    def viewers(self, name: str) -> int:
        """How many sessions watch this stream live, either variant."""
        return sum(one.name == name and one.replay is None for one in self.sessions.values())

    async def open(
        self,
        name: str,
        offer_sdp: str,
        *,
        stream: str = "auto",
        has_sub: bool = False,
        local_address: str,
        principal: Principal,
    ) -> WhepSession:
        """Answer an offer for a channel's `main` or `sub` stream, or (`auto`) what it can take.

        Raises InputError for a bad offer, NotAcceptableError when no variant can be taken,
        LimitError when too many watch, and the camera's RemoteError.
        """
        offer = parse_offer(offer_sdp)
        keys = [StreamKey(name, each) for each in self._variants(name, offer, stream, has_sub)]
        return await self._open(offer, keys, local_address, principal)

    async def replay(
        self,
        keys: Sequence[ReplayKey],
        offer_sdp: str,
        *,
        local_address: str,
        principal: Principal,
    ) -> WhepSession:
        """Answer an offer for a recording, the first of `keys` that it can take.

        Raises what `open` does; NoReplayError and NoRecordingError of a device that has none.
        """
        return await self._open(parse_offer(offer_sdp), keys, local_address, principal)

    async def close(self, session_id: str) -> None:
        """End a session and wait for it. Raises NotFoundError."""
        session = self.find(session_id)
        session.close("closed by the viewer")
        await session.closed.wait()

    def _check_limits(self, user: str) -> None:
        limit, own = self._settings.max_sessions, self._settings.max_user_sessions
        if len(self.sessions) + self._opening.total() >= limit:
            raise LimitError(f"已有 {limit} 路观看 / {limit} viewers are watching already")
        held = sum(session.principal.name == user for session in self.sessions.values())
        if held + self._opening[user] >= own:
            raise LimitError(f"您已在观看 {own} 路 / you are watching {own} streams already")

    # -- opening ---------------------------------------------------------------------------------

    async def _open(
        self, offer: Offer, keys: Sequence[StreamKey], local_address: str, principal: Principal
    ) -> WhepSession:
        self._check_limits(principal.name)
        self._opening[principal.name] += 1
        try:
            shared, picks = await self._choose(offer, keys)
        finally:
            self._opening[principal.name] -= 1
            self._opening += Counter()  # forgets who has none
        return self._start(shared, offer, picks, local_address, principal)

    def _variants(self, name: str, offer: Offer, stream: str, has_sub: bool) -> list[Variant]:
        if stream not in ("auto", "main", "sub"):
            raise InputError(
                f"stream 应为 main, sub 或 auto / stream={stream}: must be main, sub or auto"
            )
        if stream == "main" or (stream == "auto" and not has_sub):
            return [Variant.MAIN]
        if not has_sub:
            raise NotAcceptableError(
                f"{name} 没有子码流 / {name} has no sub-stream",
                hint="请看主码流 / watch it with ?stream=main",
            )
        if stream == "sub" or self._known.is_known_to_fail(name, offer):
            return [Variant.SUB]
        return [Variant.MAIN, Variant.SUB]

    async def _choose(self, offer: Offer, keys: Sequence[StreamKey]) -> tuple[_Shared, list[Pick]]:
        """Hold the first variant that the browser can take; the caller releases it."""
        refusals: list[NotAcceptableError | UnsupportedError] = []
        for key in keys:
            shared = self._hold(key)
            try:
                tracks = await shared.fanout.tracks(DESCRIBE_TIMEOUT)
                if key.variant is Variant.MAIN and not isinstance(key, ReplayKey):
                    self._known.learn(key.name, tracks)
                return shared, choose(offer, tracks)
            except (NotAcceptableError, UnsupportedError) as refusal:
                self._release(shared)
                refusals.append(refusal)
            except BaseException:
                self._release(shared)
                raise
        if len({refusal.message for refusal in refusals}) == 1:
            raise refusals[0]  # the offer's own mistake, whatever the variant
        raise NotAcceptableError(
            "; ".join(f"{key.variant}: {e.message}" for key, e in zip(keys, refusals, strict=True)),
            hint="把摄像机的子码流设为 H.264 / set the camera's sub-stream to H.264",
        )

    def _hold(self, key: StreamKey) -> _Shared:
        shared = self._shared.get(key)
        if shared is None or shared.task is None or shared.task.done():
            hub = self._replays if isinstance(key, ReplayKey) else self._hub
            fanout = Fanout(key, hub, self._mux, self._clock, self._opus)
            shared = self._shared[key] = _Shared(fanout)
            shared.task = self._tasks.start(shared.fanout.run(), f"fanout {key.name}")
            shared.task.add_done_callback(lambda task: self._stream_ended(shared, task))
        shared.holders += 1
        return shared

    def _release(self, shared: _Shared) -> None:
        shared.holders -= 1
        if shared.holders == 0 and shared.task is not None:
            shared.task.cancel()
            if self._shared.get(shared.fanout.key) is shared:
                del self._shared[shared.fanout.key]

    def _stream_ended(self, shared: _Shared, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            return  # by ourselves: nobody holds it, or the service stops
        for session in self.sessions.values():
            if session.shared is shared:
                session.close(shared.fanout.why_over)

    def _start(
        self,
        shared: _Shared,
        offer: Offer,
        picks: Sequence[Pick],
        local_address: str,
        principal: Principal,
    ) -> WhepSession:
        leg = self._mux.leg()
        flows = [(pick, shared.fanout.line(pick.track)) for pick in picks]
        hosts = tuple(self._settings.hosts) or (plain_host(local_address),)
        session = WhepSession(
            id=secrets.token_urlsafe(16),
            name=shared.fanout.key.name,
            variant=shared.fanout.key.variant,
            answer_sdp=answer(
                offer,
                [Outgoing(pick, line.ssrc, CNAME) for pick, line in flows],
                Local(leg.ufrag, leg.password, self._certificate.fingerprint, hosts, self.port),
            ),
            principal=principal,
            started=self._clock.wall(),
            codecs=tuple(pick.track.codec for pick in picks),
            leg=leg,
            shared=shared,
        )
        self.sessions[session.id] = session
        _ = self._tasks.start(self._run(session, offer, flows), f"session {session.name}")
        return session

    # -- one session's life ----------------------------------------------------------------------

    async def _run(
        self, session: WhepSession, offer: Offer, flows: Sequence[tuple[Pick, Line]]
    ) -> None:
        dtls = Dtls(session.leg, self._certificate, lambda: session.close("closed by the viewer"))
        connecting = self._tasks.start(self._connect(session, dtls, offer, flows), "handshake")
        try:
            await session.closing.wait()
        finally:
            await cancel_and_wait(connecting)
            if session.viewer is not None:
                await session.shared.fanout.leave(session.viewer)
            await dtls.close()
            session.leg.close()
            self._release(session.shared)
            del self.sessions[session.id]
            session.state = "closed"
            session.closed.set()
            log.info("viewer left", channel=session.name, reason=session.reason or "stopped")

    async def _connect(
        self,
        session: WhepSession,
        dtls: Dtls,
        offer: Offer,
        flows: Sequence[tuple[Pick, Line]],
    ) -> None:
        fanout = session.shared.fanout
        try:
            security = await dtls.handshake(offer.fingerprints, self._settings.handshake_timeout)
        except RemoteError as error:
            session.close(error.message)
            return
        viewer = Viewer(session.leg, security, self._clock, CNAME, fanout.refresh)
        viewer.flows = [
            Flow(line, pick.payload_type, security, session.leg) for pick, line in flows
        ]
        session.viewer = viewer
        session.state = "connected"
        fanout.join(viewer)
        log.info(
            "viewer connected",
            channel=session.name,
            variant=session.variant.value,
            cipher=security.profile,
        )

    # -- looking after all -----------------------------------------------------------------------

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            for turn, session in enumerate(list(self.sessions.values()), 1):
                silence = self._clock.now() - session.leg.heard
                if silence > self._settings.silence_timeout:
                    session.close(f"silent for {silence:.0f} s")
                elif session.viewer is not None:
                    session.viewer.report()
                if turn % TURN == 0:
                    await asyncio.sleep(0)

    async def _listen(self) -> None:
        """Forget what was learnt of channels that change."""
        async with self._bus.subscribe(("register.changed",)) as events:
            async for _ in events:
                self._known.clear()
