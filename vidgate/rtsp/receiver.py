"""The way of one track's packets: RTP in, order, access units out, reports back."""

import math
from collections import Counter
from collections.abc import Callable

from vidgate.errors import ProtocolError
from vidgate.model.media import Codec, Frame
from vidgate.rtp import assembler, h264, h265
from vidgate.rtp.jitter import ReorderBuffer
from vidgate.rtp.packet import HEADER, HEADER_SIZE, RtpPacket
from vidgate.rtp.replay import ReplayStamp
from vidgate.rtp.rtcp import BYE, SR, Bye, Pli, ReceiverReport, Sdes, SenderReport, parse_compound
from vidgate.rtp.sequence import Unwrapper
from vidgate.rtp.stats import Reception
from vidgate.rtp.tally import Count, Tally
from vidgate.rtsp.probation import Probation
from vidgate.rtsp.tracks import Offer

CNAME = "vidgate"
OUR_SSRC = 0x76696467
MAX_STAMPS = 4
UNITS_EACH = 8  # units of a picture that cost as much as one packet; parameter sets are three
_USED = frozenset((SR, BYE))
# Seconds for which pictures are held back where the key frame was lost that they refer to. It is
# asked for meanwhile; where none comes so soon, a picture with faults serves people better than
# none, as long as it is called one (`Publisher.missed`).
HELD = 2.0
# Bytes of a parameter set that is kept, to stand before each key frame that comes without. Cameras'
# have some hundred; the scaling lists of H.265, were all of them told, would make 3 KiB.
MAX_SET = 16 << 10


class ParameterSets:
    """The parameter sets in force: from the description, then whatever comes in band."""

    def __init__(self, codec: Codec, units: tuple[bytes, ...]) -> None:
        self._is_h264 = codec is Codec.H264
        self._wanted = (h264.SPS, h264.PPS) if self._is_h264 else (h265.VPS, h265.SPS, h265.PPS)
        self._units: dict[int, bytes] = {}
        self.learn(units)

    @property
    def units(self) -> tuple[bytes, ...]:
        """Those known, in the order a decoder wants them."""
        return tuple(self._units[kind] for kind in self._wanted if kind in self._units)

    @property
    def is_complete(self) -> bool:
        """Whether a decoder could start."""
        return len(self._units) == len(self._wanted)

    def learn(self, units: tuple[bytes, ...]) -> frozenset[int]:
        """Remember the parameter sets among the units; returns which kinds came."""
        came: set[int] = set()
        for unit in units:
            kind = unit[0] & 31 if self._is_h264 else h265.kind(unit)
            if kind in self._wanted and kind not in came and len(unit) <= MAX_SET:
                self._units[kind] = unit
                came.add(kind)
        return frozenset(came)

    def complete(self, units: tuple[bytes, ...]) -> tuple[bytes, ...]:
        """A key frame with its parameter sets in band."""
        came = self.learn(units)
        if len(came) == len(self._wanted):
            return units
        missing = [kind for kind in self._wanted if kind not in came and kind in self._units]
        return (*(self._units[kind] for kind in missing), *units)


class TrackReceiver:
    """One track. `on_frame` gets every frame; video begins with a key frame. `on_missed` is told of
    pictures that were lost, before the next one.

    `rtp` and `rtcp` are handlers for the transport; `received` says when the bytes came (monotonic
    seconds), so that no clock is read per packet.
    """

    def __init__(
        self,
        number: int,
        offer: Offer,
        received: Callable[[], float],
        on_frame: Callable[[Frame], None],
        on_missed: Callable[[], None] = lambda: None,
    ) -> None:
        codec = offer.codec
        self.number = number
        self.codec = codec
        self.clock_rate = offer.clock_rate
        self.packets = 0
        self.bytes = 0
        self.ignored = 0
        self.foreign = Counter[int]()  # packets of each payload type that is not ours
        self.first_packet: float | None = None
        self.last_frame: float | None = None
        self.has_key = not codec.is_video
        self.sets = ParameterSets(codec, offer.parameter_sets if codec.is_video else ())
        self.ended = False
        self._tally: Tally | None = None
        self.payload_type = offer.payload_type
        self._received = received
        self._on_frame = on_frame
        self._on_missed = on_missed
        self._holes = 0  # packets and access units of this source that were lost
        self._missed_keys = 0
        self._held_until = math.inf
        self._is_key = h265.is_key if codec is Codec.H265 else h264.is_key
        self._make = offer.depacketiser
        self._depacketiser = self._make()
        self._reorder: ReorderBuffer | None = None
        self._reception: Reception | None = None
        self._probation = Probation()
        self._frames = 0  # for `work`
        self._time = Unwrapper(32)
        self._stamps: dict[int, ReplayStamp] = {}  # of access units under way, by RTP timestamp

    @property
    def lost(self) -> int:
        """RTP packets that never came."""
        return self._depacketiser.lost

    @property
    def expected(self) -> int:
        """RTP packets that should have come since the source began."""
        return 0 if self._reception is None else self._reception.expected

    @property
    def damaged(self) -> int:
        """Access units dropped because a piece was missing."""
        return getattr(self._depacketiser, "damaged", 0)

    @property
    def work(self) -> int:
        """Units of what came by UDP so far, a whole frame as much as `UNITS_EACH`."""
        return UNITS_EACH * self._frames + getattr(self._depacketiser, "units", 0)

    def count_pictures(self) -> None:
        """From now on, also those before the first key frame."""
        self._tally = Tally(self.clock_rate)

    @property
    def count(self) -> Count:
        """What the pictures that were counted tell."""
        return Count() if self._tally is None else self._tally.count()

    @property
    def has_group(self) -> bool:
        """Whether a whole group of pictures was counted."""
        return self._tally is not None and self._tally.has_group

    def use_udp(self) -> None:
        """Packets may come out of order."""
        self._reorder = ReorderBuffer()

    def rtp(self, data: bytes) -> None:
        """One RTP packet as it came.

        The plain header (no padding, no extension, no sources) is read here without making an
        `RtpPacket`: a hall full of tiles pulls tens of thousands of packets a second.
        """
        if len(data) < HEADER_SIZE or data[0] != 0x80 or self._reorder is not None:
            self._any_rtp(data)
            return
        _, second, sequence, timestamp, ssrc = HEADER.unpack_from(data)
        if second & 127 != self.payload_type:
            self._pass_over(second & 127, sequence, ssrc)
            return
        reception = self._reception
        if reception is None or reception.ssrc != ssrc:
            self._any_rtp(data)
            return
        now = self._received()
        self.packets += 1
        self.bytes += len(data)
        reception.packet(sequence, timestamp, now)
        done = self._depacketiser.take(sequence, timestamp, second > 127, data[HEADER_SIZE:])
        if done:
            for at, units in done:
                self._emit(at, units, now)

    def _any_rtp(self, data: bytes) -> None:
        try:
            packet = RtpPacket.parse(data)
        except ProtocolError:
            self.ignored += 1
            return
        if packet.payload_type != self.payload_type:
            self._pass_over(packet.payload_type, packet.sequence, packet.ssrc, packet)
            return
        if self._reception is not None and self._reception.ssrc != packet.ssrc:
            self._try(data, packet, self._reception)
            return
        now = self._received()
        self.packets += 1
        self.bytes += len(data)
        reception = self._reception or self._new_source(packet.ssrc, now)
        reception.packet(packet.sequence, packet.timestamp, now)
        self._order(packet, now)

    def _order(self, packet: RtpPacket, now: float) -> None:
        in_order = [packet] if self._reorder is None else self._reorder.push(packet, now)
        for ordered in in_order:
            self._take(ordered, now)

    def _pass_over(
        self, payload_type: int, sequence: int, ssrc: int, packet: RtpPacket | None = None
    ) -> None:
        """A packet of a foreign type: Uniview and others slip them into a track. Where it has its
        number among ours, as all of one source should (RFC 3550 5.1), it leaves no hole.
        """
        self.ignored += 1
        self.foreign[payload_type] += 1
        if self._reception is None or self._reception.ssrc != ssrc:
            return
        if self._reorder is None:
            self._depacketiser.skip(sequence)
        elif packet is not None and self._reorder.is_near(sequence):
            self._order(packet, self._received())

    def _try(self, data: bytes, packet: RtpPacket, heard: Reception) -> None:
        """A packet of another source: the camera's new one, or one that strays in."""
        refused = self._probation.refused
        now = self._received()
        taken = self._probation.take(data, packet.sequence, packet.ssrc, heard.received, now)
        self.ignored += self._probation.refused - refused
        if taken:
            self._probation.displaced(heard.ssrc)
            self._new_source(packet.ssrc, now)
        for each in taken:
            self._any_rtp(each)

    def _take(self, packet: RtpPacket, now: float) -> None:
        if packet.payload_type != self.payload_type:
            self._depacketiser.skip(packet.sequence)
            return
        if packet.extension is not None:
            self._stamped(packet.timestamp, packet.extension, now)
        done = self._depacketiser.take(
            packet.sequence, packet.timestamp, packet.marker, packet.payload
        )
        self._frames += len(done)
        for at, units in done:
            self._emit(at, units, now)

    def _stamped(self, timestamp: int, extension: tuple[int, bytes], now: float) -> None:
        stamp = ReplayStamp.parse(extension)
        if stamp is None or timestamp in self._stamps:
            return
        if self._reception is not None:
            self._reception.stamped(stamp.recorded, now)
        if stamp.is_discontinuity and not stamp.is_clean and self.codec.is_video:
            self.wait_for_key()  # what it refers to was never sent
        if len(self._stamps) >= MAX_STAMPS:
            del self._stamps[next(iter(self._stamps))]
        self._stamps[timestamp] = stamp

    def _recorded(self, timestamp: int) -> float | None:
        """When the access unit was recorded; after the last one of all there is no more."""
        stamp = self._stamps.pop(timestamp, None)
        if stamp is None:
            return None
        self.ended |= stamp.is_terminal
        return stamp.recorded

    def rtcp(self, data: bytes) -> None:
        """One compound RTCP packet as it came; nonsense is ignored."""
        for packet in parse_compound(data, _USED):
            if isinstance(packet, SenderReport) and self._reception is not None:
                if packet.ssrc == self._reception.ssrc:
                    self._reception.report(packet, self._received())
            elif isinstance(packet, Bye):
                self.ended = True

    @property
    def jitter(self) -> float:
        """Seconds by which packets come unevenly."""
        return self._reception.jitter_seconds if self._reception is not None else 0.0

    def clock(self, ahead: float) -> tuple[float | None, str]:
        """By how many seconds the camera's clock is ahead, and what says so: its sender report goes
        before the times in its packets. See `rtp.stats.Reception`.
        """
        if self._reception is None:
            return None, ""
        reported = self._reception.clock_offset(ahead)
        if reported is not None:
            return reported, "sr"
        stamped = self._reception.stamp_offset(ahead)
        return stamped, "" if stamped is None else "extension"

    def report(self, now: float) -> bytes:
        """The receiver report due, before the first packet an empty one."""
        blocks = (self._reception.block(now),) if self._reception is not None else ()
        return bytes(ReceiverReport(OUR_SSRC, blocks)) + bytes(Sdes(((OUR_SSRC, CNAME),)))

    def picture_loss(self) -> bytes:
        """A compound packet that asks for a key frame; empty before the first packet."""
        if self._reception is None:
            return b""
        return bytes(ReceiverReport(OUR_SSRC)) + bytes(Pli(OUR_SSRC, self._reception.ssrc))

    def _new_source(self, ssrc: int, now: float) -> Reception:
        if self.first_packet is None:
            self.first_packet = now
        else:  # the camera restarted its encoder: old order and old fragments mean nothing
            self._depacketiser = self._make()
            self._holes = self._missed_keys = 0
            if self.codec.is_video:
                self.wait_for_key()
            if self._reorder is not None:
                self._reorder = ReorderBuffer()
            self._tally = self._tally and Tally(self.clock_rate)
        self.ended = False
        self._reception = Reception(ssrc, self.clock_rate)
        return self._reception

    def wait_for_key(self, until: float = math.inf) -> None:
        """Hold pictures back until the next key frame; at `until` (monotonic seconds) they are
        given out all the same.
        """
        self.has_key = False
        self._held_until = until

    def _look_for_holes(self, key: bool, now: float) -> None:
        """Before a picture is given out: whether another one should have come before it."""
        depacketiser = self._depacketiser
        assert isinstance(depacketiser, assembler.Depacketiser)
        holes = depacketiser.lost + depacketiser.damaged
        if holes == self._holes:
            return
        self._holes = holes
        is_key_lost = depacketiser.damaged_keys != self._missed_keys
        self._missed_keys = depacketiser.damaged_keys
        if key:
            return  # whatever was lost, this one mends it
        if is_key_lost and self.has_key:
            self.wait_for_key(now + HELD)
        self._on_missed()

    def _is_held(self, now: float) -> bool:
        """Whether a picture is held back, for which a key frame is asked for once it has begun."""
        if self.last_frame is not None:
            self._on_missed()
        self.has_key = now >= self._held_until
        return not self.has_key

    def _emit(self, timestamp: int, nals: list[bytes], now: float) -> None:
        units = tuple(nals)
        key = True
        if self.codec.is_video:
            key = self._is_key(units)
            self._look_for_holes(key, now)
            if self._tally is not None:
                self._tally.picture(timestamp, now, self.bytes, self.lost, key=key)
            if key:
                units = self.sets.complete(units)
                self.has_key = True
            elif not self.has_key:
                self.sets.learn(units)
                if self._is_held(now):
                    return
        self.last_frame = now
        frame = Frame(self.number, self._time.unwrap(timestamp), key, units, now)
        if self._stamps:
            frame.recorded = self._recorded(timestamp)
        self._on_frame(frame)
