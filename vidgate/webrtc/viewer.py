"""One viewer: its flows (one RTP stream each), what it asks by RTCP, and what it has got."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from vidgate.aio.clock import Clock
from vidgate.aio.limits import Allowed
from vidgate.rtp.rtcp import (
    Fir,
    Nack,
    Pli,
    ReceiverReport,
    ReportBlock,
    Sdes,
    SenderReport,
    is_rtcp,
    middle,
    ntp_from_unix,
    parse_compound,
)
from vidgate.webrtc.dtls import Security
from vidgate.webrtc.line import Batch, Line
from vidgate.webrtc.mux import Leg
from vidgate.webrtc.srtp import LibsrtpError, nearest

CATCH_UP_STEP = 90  # ticks between the pictures of a catch-up: a millisecond
CATCH_UP_SPAN = 1500  # ticks that a repeated group may take: less than one frame's time
SPANS = 4
REPEATS_PER_SECOND = 500  # packets sent again to one viewer; beyond, a key frame is cheaper
# Compound packets of one viewer that are taken apart, a second and at once. Chromium looks for
# losses every 20 ms and reports once a second; what a slow network hands over together is more.
COMPOUNDS, COMPOUNDS_BURST = 200, 100
MAX_RTCP_TICKS = 0x10000
MAX_ENTRIES = 16  # of one FIR or report that are looked at; a browser's has one for each flow


@dataclass(frozen=True, slots=True)
class Span:
    """From wire index `start` on, a packet's wire index is its shared index plus `shift`.

    `moved` holds the timestamps of batches that were sent with another than their own.
    """

    start: int
    shift: int
    moved: dict[int, int]


@dataclass(slots=True, eq=False)
class Flow:
    """A line on its way to one viewer.

    `next` is the shared index of the packet to send next, None while it waits for a key frame. The
    viewer's own sequence has no gap when it skips pictures, for that moves `shift`. `moved` are the
    timestamps of batches that this flow sends with another than their own, by batch index.
    """

    line: Line
    payload_type: int
    security: Security
    leg: Leg
    next: int | None = None
    shift: int = 0
    moved: dict[int, int] = field(default_factory=dict)
    packets: int = 0
    octets: int = 0
    repeats: int = 0
    drops: int = 0
    timestamp: int | None = None
    report: ReportBlock | None = None
    _wire: int | None = None  # next wire index; None until the first packet
    _spans: deque[Span] = field(default_factory=lambda: deque(maxlen=SPANS))

    def jump(self, index: int, moved: dict[int, int] | None = None) -> None:
        """Go on at this shared index, without a gap in what the viewer sees.

        A first sequence number below 32768 keeps the receiver's guess of the rollover counter
        right even if the first packets are lost (RFC 3711 3.3.1).
        """
        wire = index & 0x7FFF if self._wire is None else self._wire
        self.next = index
        self.shift = wire - index
        self.moved = moved or {}
        self._wire = wire
        self._spans.append(Span(wire, self.shift, self.moved))

    def settle(self) -> None:
        """The flow is live: no batch with a moved timestamp is sent any more, but for NACKs."""
        self.moved = {}

    def stop(self) -> None:
        """Send nothing until the next key frame."""
        self.next = None
        self.drops += 1

    def headers(self, batch: Batch) -> list[bytes]:
        """The headers of a batch for this flow's lane."""
        return batch.headers(self.payload_type, self.shift, self._stamp(batch))

    def send(self, batch: Batch, headers: Sequence[bytes]) -> bool:
        """Seal and send the batch that `next` points at; False when the socket is full.

        Then part of it may have been sent, so that its wire indexes are spent whatever comes next:
        another packet under one of them would use a nonce twice. Sending the batch again is safe.
        """
        shift, end = self.shift, batch.end
        self._wire = end + shift
        sealed = self.security.sealer.seal(batch.ssrc, batch.index + shift, headers, batch.payloads)
        if not self.leg.send(sealed, batch.runs):
            return False
        self.next = end
        self.packets += len(sealed)
        self.octets += batch.octets
        self.timestamp = self._stamp(batch) if self.moved else batch.timestamp
        return True

    def repeat(self, sequence: int) -> bool:
        """Send a packet again, byte for byte; False when it is no longer kept."""
        if self._wire is None:
            return False
        wire = nearest(self._wire, sequence)
        span = next((s for s in reversed(self._spans) if s.start <= wire), None)
        if span is None or wire >= self._wire:
            return False
        batch = self.line.at(wire - span.shift)
        if batch is None:
            return False
        position = wire - span.shift - batch.index
        stamp = span.moved.get(batch.index, batch.timestamp)
        header = batch.headers(self.payload_type, span.shift, stamp)[position]
        payload = batch.payloads[position]
        try:
            sealed = self.security.sealer.seal(batch.ssrc, wire, [header], [payload])
        except LibsrtpError:  # AES-CM only: older than the 1,024 packets that libsrtp looks back
            return False
        self.repeats += 1
        return self.leg.send(sealed, [(0, 1)])

    def sender_report(self, now: float, wall: float) -> SenderReport | None:
        """What has been sent until now (RFC 3550 6.4.1), once there is something to tell."""
        stamp = self.line.timestamp_at(now)
        if stamp is None or not self.packets:
            return None
        return SenderReport(
            self.line.ssrc, ntp_from_unix(wall), stamp & 0xFFFFFFFF, self.packets, self.octets
        )

    def _stamp(self, batch: Batch) -> int:
        return self.moved.get(batch.index, batch.timestamp)


class Viewer:
    """A connected browser. `on_lost_picture` is called when it asks for a key frame."""

    def __init__(
        self,
        leg: Leg,
        security: Security,
        clock: Clock,
        cname: str,
        on_lost_picture: Callable[["Viewer"], None],
    ) -> None:
        self.leg = leg
        self.security = security
        self.flows: list[Flow] = []
        self.round_trip: float | None = None
        self.nacks = 0
        self.plis = 0
        self._clock = clock
        self._cname = cname
        self._on_lost_picture = on_lost_picture
        self._commands: dict[int, int] = {}
        self._repeats = Allowed(REPEATS_PER_SECOND, REPEATS_PER_SECOND, clock.now())
        self._compounds = Allowed(COMPOUNDS, COMPOUNDS_BURST, clock.now())
        leg.on_media = self.receive

    def receive(self, data: bytes) -> None:
        """Take an SRTCP packet; SRTP is not expected, for nothing was offered to us."""
        if not is_rtcp(data):
            return
        compound = self.security.open_rtcp(data)
        if compound is None:
            return
        self.leg.heard = now = self._clock.now()
        # Opening one costs a hundredth of what can be in it; and if forged ones counted, anybody
        # who sends in the viewer's name could keep it from asking.
        if not self._compounds.takes(1, now):
            return
        for packet in parse_compound(compound):
            match packet:
                case Nack():
                    self._repeat(packet)
                case Pli():
                    self._refresh(packet.media)
                case Fir(entries=entries):
                    self._command(entries)
                case ReceiverReport() | SenderReport():
                    self._note(packet.reports)
                case _:
                    pass

    def report(self) -> None:
        """Send sender reports and our name; how the browser ties sound to picture."""
        now, wall = self._clock.now(), self._clock.wall()
        reports = [sr for flow in self.flows if (sr := flow.sender_report(now, wall)) is not None]
        if not reports:
            return
        names = Sdes(tuple((report.ssrc, self._cname) for report in reports))
        compound = b"".join(map(bytes, reports)) + bytes(names)
        self.leg.send([self.security.seal_rtcp(compound)], [(0, 1)])

    def _flow(self, ssrc: int) -> Flow | None:
        return next((flow for flow in self.flows if flow.line.ssrc == ssrc), None)

    def _repeat(self, nack: Nack) -> None:
        flow = self._flow(nack.media)
        if flow is None:
            return
        self.nacks += len(nack.lost)
        # What is no longer kept costs a try as well.
        allowed = self._repeats.part(len(nack.lost), self._clock.now())
        for sequence in nack.lost[:allowed]:
            flow.repeat(sequence)

    def _refresh(self, ssrc: int) -> None:
        if self._flow(ssrc) is not None:
            self.plis += 1
            self._on_lost_picture(self)

    def _command(self, entries: Sequence[tuple[int, int]]) -> None:
        for ssrc, number in entries[:MAX_ENTRIES]:
            if self._commands.get(ssrc) != number and self._flow(ssrc) is not None:
                self._commands[ssrc] = number
                self._refresh(ssrc)

    def _note(self, reports: Sequence[ReportBlock]) -> None:
        for block in reports[:MAX_ENTRIES]:
            flow = self._flow(block.ssrc)
            if flow is None:
                continue
            flow.report = block
            if block.lsr:
                now = middle(ntp_from_unix(self._clock.wall()))
                ticks = (now - block.lsr - block.dlsr) & 0xFFFFFFFF
                if ticks < 60 * MAX_RTCP_TICKS:
                    self.round_trip = ticks / MAX_RTCP_TICKS


def compress(batches: Sequence[Batch], after: int | None) -> dict[int, int]:
    """Timestamps that let a browser show these batches at once, by batch index.

    For a new viewer (`after` None) they end at the newest picture's own; for one who has seen
    pictures until the timestamp `after` they follow on it, and end before the next picture.
    """
    stamps = list(dict.fromkeys(batch.timestamp for batch in batches))
    count = len(stamps)
    if after is None:
        places = {
            stamp: stamps[-1] - (count - 1 - place) * CATCH_UP_STEP
            for place, stamp in enumerate(stamps)
        }
    else:
        step = max(1, min(CATCH_UP_STEP, CATCH_UP_SPAN // max(1, count)))
        places = {stamp: after + (place + 1) * step for place, stamp in enumerate(stamps)}
    return {batch.index: places[batch.timestamp] for batch in batches}
