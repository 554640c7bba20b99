"""One elementary stream as RTP, packetised once for all its viewers.

Viewers share SSRC, sequence numbers and timestamps (each has keys of its own, so that no nonce is
used twice), and with them the packets' headers: per viewer only the cipher is left to do.
"""

import secrets
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from struct import Struct

from vidgate.model.media import Codec, Frame, Track
from vidgate.rtp import h264
from vidgate.rtp.h265 import profile_of
from vidgate.webrtc import h265
from vidgate.webrtc.mux import Run, runs_of
from vidgate.webrtc.sound import Packer

HEADER = Struct("!BBHII")
VERSION = 0x80
MARKER = 0x80
MAX_PAYLOAD = 1180  # with header, tag, UDP and IPv6 below every path's 1,280 bytes
BURST = 40  # packets sent in one go: what fits a browser's 64 KiB receive buffer
KEEP = 1.0  # seconds of packets kept for NACK beyond the current group of pictures
MAX_KEPT = 8 << 20  # bytes
MAX_BATCHES = 4096  # of a hostile camera's tiny pictures 8 MiB would be millions
SMOOTHING = 1 / 64  # of the sender clock's estimate


@dataclass(slots=True)
class Batch:
    """Up to `BURST` consecutive packets of one frame.

    `index` is the extended sequence number of the first on the shared scale, `end` the one after
    the last; `timestamp` is unwrapped; `key` is whether a viewer can begin with its frame, as with
    any sound; `is_first` and `is_last` tell where in its frame it stands.
    """

    index: int
    end: int
    timestamp: int
    received: float
    key: bool
    is_first: bool
    is_last: bool
    payloads: list[bytes]
    runs: list[Run]
    octets: int
    ssrc: int
    marker: bool

    def headers(self, payload_type: int, shift: int, timestamp: int) -> list[bytes]:
        """The RTP headers, with sequence numbers moved by `shift`."""
        pack, ssrc, stamp = HEADER.pack, self.ssrc, timestamp & 0xFFFFFFFF
        last = self.end + shift - 1
        heads = [
            pack(VERSION, payload_type, number & 0xFFFF, stamp, ssrc)
            for number in range(self.index + shift, last)
        ]
        if self.is_last and self.marker:
            payload_type |= MARKER
        heads.append(pack(VERSION, payload_type, last & 0xFFFF, stamp, ssrc))
        return heads


@dataclass(slots=True)
class Line:
    """Cuts the frames of one track into batches and remembers the newest."""

    track: Track
    ssrc: int = field(default_factory=lambda: secrets.randbelow(1 << 32))
    next: int = field(default_factory=lambda: secrets.randbelow(1 << 15))
    offset: int = field(default_factory=lambda: secrets.randbelow(1 << 32))
    gop: int | None = None  # index of the newest key frame's first packet
    is_video: bool = field(init=False)
    _packer: Packer | None = field(init=False)
    _batches: list[Batch] = field(default_factory=list)
    _bytes: int = 0
    _zero: float | None = None  # monotonic seconds at which the timestamp was `offset`

    def __post_init__(self) -> None:
        self.is_video = self.track.is_video
        self._packer = Packer() if self.track.codec in (Codec.PCMA, Codec.PCMU) else None

    def cut(self, frame: Frame) -> list[Batch]:
        """The frame as batches, which are kept for viewers who come or ask again.

        Sound may be held until a packet is full, so that a frame of it may give none.
        """
        self._follow(frame)
        if self._packer is not None:
            sound = self._packer.push(frame.timestamp, b"".join(frame.units))
            batches = [self._batch(frame, start, [payload]) for start, payload in sound]
        else:
            payloads = frame.packets
            if payloads is None:
                payloads = frame.packets = self._packetise(frame.units)
            if len(payloads) <= BURST:
                batches = [self._batch(frame, frame.timestamp, payloads)] if payloads else []
            else:
                batches = self._bursts(frame, payloads)
        if batches:
            self._keep(batches)
        return batches

    def _bursts(self, frame: Frame, payloads: list[bytes]) -> list[Batch]:
        parts = [payloads[start : start + BURST] for start in range(0, len(payloads), BURST)]
        batches = [self._batch(frame, frame.timestamp, part) for part in parts]
        for batch in batches[1:]:
            batch.is_first = False
        for batch in batches[:-1]:
            batch.is_last = False
        return batches

    def _batch(self, frame: Frame, timestamp: int, payloads: list[bytes]) -> Batch:
        # Positional, for this is made for each frame of each stream.
        sizes = [len(payload) for payload in payloads]
        index = self.next
        self.next = end = index + len(sizes)
        is_video = self.is_video
        return Batch(
            index,
            end,
            timestamp + self.offset,
            frame.received,
            frame.key or not is_video,
            True,
            True,
            payloads,
            runs_of(sizes),
            sum(sizes),
            self.ssrc,
            is_video,
        )

    def goes_on(self, track: Track) -> bool:
        """Whether viewers of this line can take that track in its place."""
        if track.codec is not self.track.codec:
            return False
        before, after = self.track.parameter_sets, track.parameter_sets
        return track.codec is not Codec.H265 or h265.goes_on(profile_of(before), profile_of(after))

    def at(self, index: int) -> Batch | None:
        """The batch that holds the packet of that index, if it is still kept."""
        position = bisect_right(self._batches, index, key=lambda batch: batch.index) - 1
        if position < 0 or index >= self._batches[position].end:
            return None
        return self._batches[position]

    def since(self, index: int) -> list[Batch]:
        """The kept batches from that index on."""
        position = bisect_right(self._batches, index, key=lambda batch: batch.index) - 1
        return self._batches[max(0, position) :]

    def timestamp_at(self, now: float) -> int | None:
        """The RTP timestamp of the monotonic instant `now`, for sender reports."""
        if self._zero is None:
            return None
        return self.offset + int((now - self._zero) * self.track.clock_rate)

    def _packetise(self, units: Sequence[bytes]) -> list[bytes]:
        if self.track.codec is Codec.H264:
            return h264.packetise(units, MAX_PAYLOAD)
        if self.track.codec is Codec.H265:
            return h265.packetise(units, MAX_PAYLOAD)
        return [unit for unit in units if unit]

    def _follow(self, frame: Frame) -> None:
        zero = frame.received - frame.timestamp / self.track.clock_rate
        if self._zero is None or abs(zero - self._zero) > 1.0:
            self._zero = zero
        else:
            self._zero += (zero - self._zero) * SMOOTHING

    def _keep(self, batches: list[Batch]) -> None:
        first = batches[0]
        if first.key and self.is_video:
            self.gop = first.index
        self._batches += batches
        for batch in batches:
            self._bytes += batch.octets
        self._forget(first)

    def _forget(self, first: Batch) -> None:
        """Drop what is neither of the current group nor asked for again, or beyond the limits."""
        oldest, oldest_needed = self._batches[0], first.index if self.gop is None else self.gop
        excess = len(self._batches) - MAX_BATCHES
        if oldest.index >= oldest_needed and self._bytes <= MAX_KEPT and excess <= 0:
            return  # nearly always
        forget = 0
        for batch in self._batches:
            is_old = batch.received < first.received - KEEP and batch.index < oldest_needed
            if not is_old and self._bytes <= MAX_KEPT and forget >= excess:
                break
            if self.gop is not None and batch.index >= self.gop:
                self.gop = None  # half a group of pictures is useless
            self._bytes -= batch.octets
            forget += 1
        if forget:
            del self._batches[:forget]
