"""What cameras show: looped pictures, cut into packets once for all who show the same."""

from collections.abc import Sequence
from enum import Enum
from typing import Protocol

from vidgate.model.media import Codec
from vidgate.rtp.h264 import packetise
from vidgate.simulator.coded import CodedLoop, build_loop, plain_loop
from vidgate.simulator.coded_h265 import CodedLoopH265, build_loop_h265
from vidgate.simulator.framing import EMPTY, MAX_PAYLOAD, Block, make_block
from vidgate.simulator.pictures import FPS, Recipe

VIDEO_TYPE = 96  # RTP payload type
_FROZEN_KEY_EVERY = 10  # pictures, where a repeated key frame is all that a frozen camera can send


class Motion(Enum):
    """How a picture relates to the one before it."""

    STEP = "step"  # the counter goes one on
    FREEZE = "freeze"  # nothing changes


class Footage(Protocol):
    """A loop of pictures as packets."""

    codec: Codec
    parameter_sets: tuple[bytes, ...]
    bitrate: int  # bits per second, about

    def __len__(self) -> int:
        """Pictures in the loop."""
        ...

    def is_key(self, index: int) -> bool:
        """Whether that picture can be decoded alone."""
        ...

    def blocks(self, index: int, number: int, counter: int, motion: Motion) -> Sequence[Block]:
        """The packets of picture `index` as channel `number` shows it at `counter`."""
        ...


def make_footage(recipe: Recipe, units: list[list[bytes]]) -> Footage:
    """Cut what `pictures.encode` made of the recipe."""
    if recipe.codec == "h265":
        if not recipe.coded:
            return PlainH265(units)
        loop = build_loop_h265(recipe.width, recipe.height, units)
        return Coded(Codec.H265, loop, bitrate_of(units), _h265)
    if recipe.coded:
        loop_h264 = build_loop(recipe.width, recipe.height, units)
        return Coded(Codec.H264, loop_h264, bitrate_of(units), _h264)
    return PlainH264(plain_loop(recipe.width, recipe.height, units), units)


def bitrate_of(units: list[list[bytes]]) -> int:
    """Bits per second of a loop."""
    return 8 * sum(len(nal) for unit in units for nal in unit) * FPS // len(units)


def _h264(units: Sequence[bytes], *, ends: bool) -> Block:
    return make_block(packetise(units, MAX_PAYLOAD), VIDEO_TYPE, ends=ends)


def _h265(units: Sequence[bytes], *, ends: bool) -> Block:
    return make_block(packetise_h265(units, MAX_PAYLOAD), VIDEO_TYPE, ends=ends)


class Pack(Protocol):
    """Cuts the units of a picture, or of a part that does not end it, into packets."""

    def __call__(self, units: Sequence[bytes], *, ends: bool) -> Block:
        """The packets."""
        ...


class Coded:
    """Pictures whose first row says channel and frame; all below is shared by all channels."""

    def __init__(
        self, codec: Codec, loop: CodedLoop | CodedLoopH265, bitrate: int, pack: Pack
    ) -> None:
        self.codec = codec
        self.bitrate = bitrate
        self.parameter_sets = loop.parameter_sets
        self._loop = loop
        self._pack = pack
        self._head = pack(loop.parameter_sets, ends=False)
        self._rest = [pack(picture.rest, ends=True) for picture in loop.pictures]
        self._rows: dict[bytes, Block] = {}

    def __len__(self) -> int:
        return len(self._loop)

    def is_key(self, index: int) -> bool:
        """Whether that picture can be decoded alone."""
        return self._loop.pictures[index].key

    def blocks(self, index: int, number: int, counter: int, motion: Motion) -> Sequence[Block]:
        """See `Footage`; a key frame is written for the channel, other rows come from a cache."""
        if self.is_key(index):
            row = self._pack(self._loop.key_row(index, number, counter), ends=False)
            return self._head, row, self._rest[index]
        if motion is Motion.FREEZE:
            return (self._cached(self._loop.still(index), ends=True),)
        return self._cached(self._loop.flip_row(index, counter), ends=False), self._rest[index]

    def _cached(self, unit: bytes, *, ends: bool) -> Block:
        # Bounded: per picture 24 bits x 2 levels and one still, of some 400 bytes each.
        block = self._rows.get(unit)
        if block is None:
            block = self._rows[unit] = self._pack([unit], ends=ends)
        return block


class PlainH264:
    """H.264 with one slice a picture, as an ordinary camera sends it."""

    codec = Codec.H264

    def __init__(self, loop: CodedLoop, units: list[list[bytes]]) -> None:
        self.bitrate = bitrate_of(units)
        self.parameter_sets = loop.parameter_sets
        self._loop = loop
        self._pictures = [_h264(unit, ends=True) for unit in units]
        self._stills: dict[int, Block] = {}

    def __len__(self) -> int:
        return len(self._loop)

    def is_key(self, index: int) -> bool:
        """Whether that picture can be decoded alone."""
        return self._loop.pictures[index].key

    def blocks(self, index: int, number: int, counter: int, motion: Motion) -> Sequence[Block]:
        """See `Footage`; number and counter do not show."""
        if motion is not Motion.FREEZE or self.is_key(index):
            return (self._pictures[index],)
        if index not in self._stills:
            self._stills[index] = _h264([self._loop.still(index)], ends=True)
        return (self._stills[index],)


class PlainH265:
    """H.265 (RFC 7798); number and counter do not show."""

    codec = Codec.H265

    def __init__(self, units: list[list[bytes]]) -> None:
        self.bitrate = bitrate_of(units)
        self.parameter_sets = tuple(unit for unit in units[0] if unit[0] >> 1 & 63 in (32, 33, 34))
        self._pictures = [_h265(unit, ends=True) for unit in units]

    def __len__(self) -> int:
        return len(self._pictures)

    def is_key(self, index: int) -> bool:
        """Whether that picture can be decoded alone."""
        return index == 0

    def blocks(self, index: int, number: int, counter: int, motion: Motion) -> Sequence[Block]:
        """See `Footage`; a frozen one repeats its key frame now and then."""
        if motion is Motion.FREEZE:
            return (self._pictures[0] if index % _FROZEN_KEY_EVERY == 0 else EMPTY,)
        return (self._pictures[index],)


def packetise_h265(units: Sequence[bytes], max_payload: int) -> list[bytes]:
    """RTP payloads: single NAL unit packets and fragmentation units (RFC 7798 4.4.1, 4.4.3)."""
    payloads: list[bytes] = []
    for unit in units:
        if len(unit) <= max_payload:
            payloads.append(unit)
            continue
        head = bytes([unit[0] & 0x81 | 49 << 1, unit[1]])
        kind = unit[0] >> 1 & 63
        room = max_payload - 3
        starts = range(2, len(unit), room)
        for at in starts:
            flags = (0x80 if at == 2 else 0) | (0x40 if at == starts[-1] else 0)
            payloads.append(head + bytes([flags | kind]) + unit[at : at + room])
    return payloads
