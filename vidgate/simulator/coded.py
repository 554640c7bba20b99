"""Pictures that say which channel and frame they are, and tones that say which channel.

The layout (others read it too): 16-pixel cells along the top macroblock row of a picture at least
640 wide; luma 235 is 1, 16 is 0; cells 0-1 are 1,0; cells 2-15 the channel's number, most
significant bit first; cells 16-39 the frame counter in Gray code, most significant bit first.

One looped group of pictures is shared by all channels; only the slice of the first macroblock row
is written anew for each channel and frame. It is made of I_PCM macroblocks, so no encoder runs: on
a key frame every cell is written, on any other frame the one bit that the Gray code flips, and all
else is P_Skip. That needs a slice per macroblock row, CAVLC and no deblocking (`pictures`).
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vidgate.rtp.bits import BitReader, unescape
from vidgate.rtp.h264 import IDR, PPS, SLICE, SPS
from vidgate.simulator.bits import BitWriter, escape

if TYPE_CHECKING:
    import numpy as np

CELL = 16
NUMBER_BITS = 14
COUNTER_BITS = 24
COUNTER_CELL = 2 + NUMBER_BITS
CELLS = COUNTER_CELL + COUNTER_BITS
MIN_WIDTH = CELLS * CELL
ONE, ZERO, REST = 235, 16, 48
COUNTER_MASK = (1 << COUNTER_BITS) - 1

_I_PCM = 25  # mb_type in an I slice (table 7-11); 5 more in a P slice (table 7-13)
_CHROMA = bytes([128]) * 128
_PCM = {level: bytes([level]) * 256 + _CHROMA for level in (ONE, ZERO, REST)}
# ue(25), then pcm_alignment_zero_bit up to the byte: what stands between two I_PCM macroblocks.
_JOINT = b"\x0d\x00"


@dataclass(frozen=True, slots=True)
class Strip:
    """What a coded picture says: the channel's number and the frame counter."""

    number: int
    counter: int


def gray(counter: int) -> int:
    """The Gray code of a counter: neighbours differ in one bit, also where it wraps."""
    counter &= COUNTER_MASK
    return counter ^ (counter >> 1)


def ungray(code: int) -> int:
    """The counter of a Gray code."""
    counter = 0
    while code:
        counter ^= code
        code >>= 1
    return counter


def tone_of(number: int) -> int:
    """The frequency in Hz of a channel's sound."""
    return 400 + 8 * (number % 256)


def read_strip(
    picture: "np.ndarray[tuple[int, ...], np.dtype[np.generic]]", width: int | None = None
) -> Strip | None:
    """Read a decoded picture: luma (H, W) or RGB (H, W, 3); None where there is no clear strip.

    `width` is the coded width when the picture was scaled (a screenshot of a tile).
    """
    plane = picture.mean(axis=2) if picture.ndim == 3 else picture
    cell = CELL * plane.shape[1] / (width or plane.shape[1])
    if plane.shape[1] + 0.5 < CELLS * cell or plane.shape[0] < cell or cell < 2:
        return None
    value = 0
    top, bottom = int(cell * 0.3), max(int(cell * 0.3) + 1, int(cell * 0.7))
    for index in range(CELLS):
        left, right = int((index + 0.3) * cell), max(1, int((index + 0.7) * cell))
        level = float(plane[top:bottom, left : max(left + 1, right)].mean())
        if 80 < level < 170:  # neither black nor white: not ours, or torn
            return None
        value = value << 1 | (level >= 170)
    if value >> (CELLS - 2) != 0b10:
        return None
    number = value >> COUNTER_BITS & ((1 << NUMBER_BITS) - 1)
    return Strip(number, ungray(value & COUNTER_MASK))


@dataclass(frozen=True, slots=True)
class Picture:
    """One access unit of the loop as the encoder made it.

    `head` is the header of its first slice (bits, and how many of them); `rest` are the slices
    of all other macroblock rows, the same for every channel.
    """

    key: bool
    nal: int
    head: int
    head_bits: int
    rest: tuple[bytes, ...]


@dataclass(slots=True)
class CodedLoop:
    """A looped group of pictures whose first row is written for each channel and frame."""

    width: int
    height: int
    parameter_sets: tuple[bytes, ...]
    pictures: tuple[Picture, ...]
    _flips: dict[tuple[int, int, int], bytes] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.pictures)

    def key_row(self, index: int, number: int, counter: int) -> list[bytes]:
        """The first slice of key picture `index`: every cell, then grey to the right edge."""
        picture = self.pictures[index]
        first = BitWriter(picture.head, picture.head_bits).unsigned(_I_PCM).align().bytes()
        bits = (0b10 << NUMBER_BITS | number & ((1 << NUMBER_BITS) - 1)) << COUNTER_BITS
        bits |= gray(counter)
        rows = [_PCM[ONE] if mark == "1" else _PCM[ZERO] for mark in f"{bits:0{CELLS}b}"]
        rows += [_PCM[REST]] * (self.width // CELL - CELLS)
        # No escape is needed past the header: samples are never zero and the joint has one zero.
        return [bytes([picture.nal]) + escape(first) + _JOINT.join(rows) + b"\x80"]

    def flip_row(self, index: int, counter: int) -> bytes:
        """The first slice of picture `index` (not a key one) that steps from `counter` - 1."""
        code = gray(counter)
        flipped = (code ^ gray(counter - 1)).bit_length() - 1
        level = code >> flipped & 1
        known = self._flips.get((index, flipped, level))
        if known is None:
            known = self._make_flip(self.pictures[index], CELLS - 1 - flipped, level)
            self._flips[index, flipped, level] = known
        return known

    def still(self, index: int) -> bytes:
        """A whole picture in the place of `index` that repeats the one before it."""
        picture = self.pictures[index]
        blocks = self.width // CELL * -(-self.height // CELL)
        bits = BitWriter(picture.head, picture.head_bits).unsigned(blocks).trail()
        return bytes([picture.nal]) + escape(bits.bytes())

    def _make_flip(self, picture: Picture, cell: int, level: int) -> bytes:
        before = BitWriter(picture.head, picture.head_bits).unsigned(cell)  # mb_skip_run
        before.unsigned(_I_PCM + 5).align()
        after = BitWriter()
        remaining = self.width // CELL - cell - 1
        if remaining:
            after.unsigned(remaining)
        samples = _PCM[ONE if level else ZERO]
        return (
            bytes([picture.nal]) + escape(before.bytes()) + samples + escape(after.trail().bytes())
        )


def build_loop(width: int, height: int, units: list[list[bytes]]) -> CodedLoop:
    """Make a loop from encoded access units (lists of NAL units, one slice a macroblock row).

    The first must be a key frame with its parameter sets. Raises ValueError for any other shape.
    """
    first = {unit[0] & 31: unit for unit in units[0]}
    if not {SPS, PPS, IDR} <= first.keys() or width < MIN_WIDTH:
        raise ValueError("a coded loop begins with SPS, PPS and a key frame, at least 640 wide")
    sets = (first[SPS], first[PPS])
    layout = _SliceLayout.of(*sets)
    pictures = []
    for unit in units:
        slices = [nal for nal in unit if nal[0] & 31 in (SLICE, IDR)]
        if len(slices) != -(-height // CELL):
            raise ValueError(f"{len(slices)} slices in a picture {height} high")
        pictures.append(_picture(slices, layout))
    return CodedLoop(width, height, sets, tuple(pictures))


def plain_loop(width: int, height: int, units: list[list[bytes]]) -> CodedLoop:
    """A loop of one-slice pictures; only `still` may be asked of it."""
    first = {unit[0] & 31: unit for unit in units[0]}
    sets = (first[SPS], first[PPS])
    layout = _SliceLayout.of(*sets)
    wanted = [[nal for nal in unit if nal[0] & 31 in (SLICE, IDR)] for unit in units]
    pictures = [_picture(slices, layout) for slices in wanted]
    whole = (
        Picture(made.key, made.nal, made.head, made.head_bits, tuple(slices))
        for made, slices in zip(pictures, wanted, strict=True)
    )
    return CodedLoop(width, height, sets, tuple(whole))


def _picture(slices: list[bytes], layout: "_SliceLayout") -> Picture:
    head, bits = layout.head(slices[0])
    return Picture(slices[0][0] & 31 == IDR, slices[0][0], head, bits, tuple(slices[1:]))


@dataclass(frozen=True, slots=True)
class _SliceLayout:
    """What of the parameter sets a baseline slice header depends on (7.3.3)."""

    frame_num_bits: int
    order_bits: int
    has_deblocking: bool

    @staticmethod
    def of(sps: bytes, pps: bytes) -> "_SliceLayout":
        bits = BitReader(unescape(sps[4:]))  # behind profile, constraints and level
        if sps[1] != 66:
            raise ValueError("only the baseline profile can be rewritten")
        bits.ue()  # seq_parameter_set_id
        frame_num_bits = bits.ue() + 4
        order_type = bits.ue()
        if order_type == 1:
            raise ValueError("picture order count type 1 is not written by our encoder")
        order_bits = bits.ue() + 4 if order_type == 0 else 0
        return _SliceLayout(frame_num_bits, order_bits, _has_deblocking(pps))

    def head(self, nal: bytes) -> tuple[int, int]:
        """The slice header of a NAL unit as a number, and its length in bits."""
        data = unescape(nal[1:64])
        bits = BitReader(data)
        bits.ue()  # first_mb_in_slice
        is_p = bits.ue() % 5 == 0
        bits.ue()  # pic_parameter_set_id
        bits.skip(self.frame_num_bits)
        is_idr = nal[0] & 31 == IDR
        if is_idr:
            bits.ue()  # idr_pic_id
        bits.skip(self.order_bits)
        if is_p and bits.flag():  # num_ref_idx_active_override_flag
            bits.ue()
        if is_p and bits.flag():
            raise ValueError("reordered references are not written by our encoder")
        if nal[0] >> 5:
            _skip_marking(bits, is_idr)
        bits.se()  # slice_qp_delta
        if self.has_deblocking and bits.ue() != 1:
            raise ValueError("the deblocking filter must be off")
        return int.from_bytes(data, "big") >> bits.left, len(data) * 8 - bits.left


def _skip_marking(bits: BitReader, is_idr: bool) -> None:
    """dec_ref_pic_marking (7.3.3.3)."""
    if is_idr:
        bits.skip(2)
    elif bits.flag():
        raise ValueError("adaptive reference marking is not written by our encoder")


def _has_deblocking(pps: bytes) -> bool:
    """deblocking_filter_control_present_flag (7.3.2.2)."""
    bits = BitReader(unescape(pps[1:]))
    bits.ue()  # pic_parameter_set_id
    bits.ue()  # seq_parameter_set_id
    if bits.flag():
        raise ValueError("only CAVLC can be rewritten")
    bits.skip(1)
    if bits.ue():
        raise ValueError("slice groups are not written by our encoder")
    bits.ue()
    bits.ue()
    bits.skip(3)
    for _ in range(3):
        bits.se()  # initial QP, QS and the chroma offset
    return bits.flag()
