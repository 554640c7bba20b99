"""Gathers NAL units into access units: what the H.264 and H.265 payload formats share.

The marker bit ends an access unit, and so does a new timestamp: cameras exist that never set the
marker, that set it on parameter sets, and that set it on every slice.
"""

from abc import ABC, abstractmethod

from vidgate.rtp import annexb
from vidgate.rtp.packet import RtpPacket
from vidgate.rtp.sequence import Follower

MAX_BYTES = 8 << 20  # of one access unit; a 4K key frame has about 2 MiB
MAX_PIECES = 16384  # fragments and units of one access unit
MAX_UNITS = 2048  # of one access unit; H.265 allows 600 slices, and all is done for each unit
MAX_LOOSE_UNITS = 16  # units without a picture, kept for the next one
MAX_SEARCHED = 256 << 10  # bytes of a unit in which start codes are looked for
MARKER_FAULTS = 2  # access units cut apart by the marker before it is no longer believed

AccessUnit = tuple[int, list[bytes]]


class Depacketiser(Follower, ABC):
    """RTP packets of one track in, access units out.

    `push` returns a list of (RTP timestamp, NAL units), nearly always empty or of one. An access
    unit with a hole in it is dropped and counted in `damaged`, and in `damaged_keys` where one of
    its pieces shows that it was a key frame; `ignored` counts payloads that make no sense.
    """

    __slots__ = (
        "_bytes",
        "_fragments",
        "_has_picture",
        "_is_broken",
        "_is_key_broken",
        "_is_suspect",
        "_last",
        "_marker_faults",
        "_pieces",
        "_seen",
        "_timestamp",
        "_units",
        "damaged",
        "damaged_keys",
        "ignored",
        "units",
    )

    def __init__(self) -> None:
        super().__init__()
        self.damaged = 0
        self.damaged_keys = 0
        self.ignored = 0
        self.units = 0  # taken apart so far, also those that were not kept
        self._units: list[bytes] = []
        self._fragments: list[bytes] = []
        self._timestamp = -1
        self._bytes = 0
        self._pieces = 0
        self._seen = 0  # units of the access unit, also those that are not kept
        self._is_broken = False  # a piece of the access unit held is missing
        self._is_key_broken = False  # and another one was of a key frame
        self._is_suspect = False  # its beginning may be
        self._has_picture = False
        self._last = -1  # timestamp of the access unit given out last
        self._marker_faults = 0

    def push(self, packet: RtpPacket) -> list[AccessUnit]:
        """Take the next packet, in order of sequence; returns the access units it completes."""
        return self.take(packet.sequence, packet.timestamp, packet.marker, packet.payload)

    def take(self, sequence: int, timestamp: int, marker: bool, payload: bytes) -> list[AccessUnit]:
        """`push` for who has taken the packet apart already: the hot path of every pull."""
        done: list[AccessUnit] = []
        if sequence == self._expected:
            self._expected = (sequence + 1) & 0xFFFF
        elif not self._follow(sequence):
            self._gap()
        if timestamp != self._timestamp:
            if self._timestamp >= 0:
                self._finish(done)
            self._timestamp = timestamp
        if payload:
            self._bytes += len(payload)
            self._pieces += 1
            if self._bytes > MAX_BYTES or self._pieces > MAX_PIECES:
                self._break()
            else:
                self._payload(payload)
        if marker and self._has_picture and self._marker_faults < MARKER_FAULTS:
            self._finish(done)
        return done

    def flush(self) -> list[AccessUnit]:
        """What is held, at the end of a stream."""
        done: list[AccessUnit] = []
        self._finish(done)
        return done

    @abstractmethod
    def _payload(self, payload: bytes) -> None:
        """Take one RTP payload that is not empty apart."""

    @abstractmethod
    def _is_picture(self, unit: bytes) -> bool:
        """Whether the unit is a coded slice."""

    @abstractmethod
    def _is_key(self, unit: bytes) -> bool:
        """Whether the unit, of which nothing but the header is looked at, is of a key frame."""

    @abstractmethod
    def _is_filler(self, unit: bytes) -> bool:
        """Whether the unit holds nothing."""

    @abstractmethod
    def _is_first_slice(self, unit: bytes) -> bool:
        """Whether a coded slice starts a picture."""

    def _gap(self) -> None:
        # Which access unit the hole is in cannot be told: the one held is broken, and so is the
        # next one unless its first slice came (`_add` looks).
        if self._fragments or self._has_picture:
            self._is_broken = True
        if self._fragments:
            self._is_key_broken |= self._is_key(self._fragments[0])
        self._fragments = []
        self._is_suspect = True

    def _break(self) -> None:
        self.ignored += 1
        self._is_broken = True
        self._units = []
        self._fragments = []

    def _add(self, unit: bytes) -> None:
        """One whole NAL unit, not empty."""
        if self._is_crowded():
            return
        self._units.append(unit)
        if self._has_picture or not self._is_picture(unit):
            return
        self._has_picture = True
        if not self._is_first_slice(unit):
            if self._is_suspect:
                self._is_broken = True
            elif self._timestamp == self._last:
                self._marker_faults += 1
        self._is_suspect = False

    def _is_crowded(self) -> bool:
        """Count one unit more; whether that is one too many, which breaks the access unit."""
        self._seen += 1
        self.units += 1
        if self._seen == MAX_UNITS + 1:
            self._break()
        return self._seen > MAX_UNITS

    def _aggregate(self, payload: bytes, at: int, least: int) -> None:
        """The units of an aggregation packet from `at` on, each behind its size."""
        self._end_fragments()
        end = len(payload)
        while at + 2 < end and self._seen <= MAX_UNITS:
            size = payload[at] << 8 | payload[at + 1]
            at += 2
            if size < least or at + size > end:
                self.ignored += 1
                return
            unit = payload[at : at + size]
            at += size
            if not self._is_filler(unit):
                self._add_any(unit)
            elif self._is_crowded():
                return

    def _end_fragments(self) -> None:
        if self._fragments:
            unit = b"".join(self._fragments)
            self._fragments = []
            self._add_any(unit)

    def _add_any(self, unit: bytes) -> None:
        """A unit that may be several with start codes between them: some cameras do that.

        What stands before a picture is small. Searched to its end, one unit of mebibytes would hold
        the event loop for tens of milliseconds.
        """
        is_slice = self._is_picture(unit) and unit[0]
        last = -1 if is_slice else unit.rfind(b"\x00\x00\x01", 0, MAX_SEARCHED)
        if last < 0:
            self._add(unit)
            return
        for part in annexb.split(unit[:last], MAX_UNITS):
            self._add(part)
        rest = unit[last + 3 :]
        if any(rest[:2]):  # the header of a unit is not of zeros
            self._add(rest)

    def _finish(self, done: list[AccessUnit]) -> None:
        self._end_fragments()
        if self._is_broken:
            self.damaged += 1
            self.damaged_keys += self._is_key_broken or any(map(self._is_key, self._units))
            self._units = []
        elif self._has_picture:
            done.append((self._timestamp, self._units))
            self._last = self._timestamp
            self._units = []
        else:  # parameter sets under a timestamp of their own belong to the picture that follows
            del self._units[:-MAX_LOOSE_UNITS]
        self._bytes = sum(map(len, self._units))  # they are of the next one
        self._pieces = self._seen = 0
        self._is_broken = self._is_key_broken = self._has_picture = False
