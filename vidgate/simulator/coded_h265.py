"""The strip of `coded` in H.265: a looped group of pictures whose first row is written anew.

The encoder draws everything below the first row of 16-pixel blocks, in one slice a picture. Its
slice is given the address of the second row, and slices of our own are put before it: on a key
frame flat intra blocks, each the step in brightness from its neighbour; on any other frame skipped
blocks and one that adds the step of the bit that the Gray code flips. The blocks of a slice start
from nothing that lies outside, so each slice is made once and found again (ITU-T H.265 7.3.8).
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from vidgate.rtp.bits import BitReader, unescape
from vidgate.rtp.h265 import PPS, SPS, VPS, kind
from vidgate.simulator.bits import BitWriter, escape
from vidgate.simulator.cabac import CabacWriter
from vidgate.simulator.coded import (
    CELL,
    CELLS,
    COUNTER_BITS,
    MIN_WIDTH,
    NUMBER_BITS,
    ONE,
    REST,
    ZERO,
    gray,
)

GROUP = 8  # cells in one slice of a key frame: few enough patterns to keep them all
QP = 28  # the step of a 16 x 16 block's mean is then exactly one
_MIDDLE = 128  # what a block without neighbours is predicted from
_INTRA, _INTER = 0, 1
_P_SLICE, _I_SLICE = 1, 2
_IDR = (19, 20)

# initValue of the contexts that flat blocks use, in I and in P slices (tables 9-5 to 9-37).
_INITIAL = (
    {
        "split_cu": 139, "part_mode": 184, "intra_pred": 184, "intra_chroma": 63,
        "split_transform": 138, "cbf_luma": 141, "cbf_chroma": 94, "qp_delta": 154,
        "last_x": 125, "last_y": 125, "greater1": 92, "greater2": 138,
    },
    {
        "split_cu": 107, "skip": 197, "skip_beside": 185, "pred_mode": 149, "part_mode": 154,
        "skip_between": 201, "merge": 110, "merge_index": 122, "split_transform": 138,
        "cbf_chroma": 149, "qp_delta": 154, "last_x": 125, "last_y": 125, "greater1": 196,
        "greater2": 107,
    },
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Head:
    """A slice header (7.3.6.1) in pieces; each piece is bits and how many of them.

    Between them go first_slice_segment_in_pic_flag, slice_segment_address and slice_qp_delta.
    """

    nal: bytes
    before: tuple[int, int]
    middle: tuple[int, int]
    after: tuple[int, int]
    qp_delta: int
    merges: int  # MaxNumMergeCand

    @property
    def is_key(self) -> bool:
        """Whether it heads an IDR picture."""
        return (self.nal[0] >> 1 & 63) in _IDR

    def write(self, address: int, address_bits: int, qp_delta: int) -> bytes:
        """The header with its NAL unit header, padded to a byte."""
        bits = BitWriter(int(address == 0), 1).put(*self.before)
        if address:
            bits.put(address, address_bits)
        bits.put(*self.middle)
        bits.unsigned(2 * qp_delta - 1 if qp_delta > 0 else -2 * qp_delta)
        return self.nal + bits.put(*self.after).trail().bytes()


@dataclass(frozen=True, slots=True)
class Layout:
    """What of the parameter sets headers and blocks depend on (7.3.2.2, 7.3.2.3)."""

    width: int
    height: int
    order_bits: int
    has_split_cu: bool
    has_min_part: bool
    depths: tuple[int, int]  # max_transform_hierarchy_depth of intra and of inter blocks
    has_temporal: bool
    initial_qp: int
    has_qp_delta: bool
    has_cabac_init: bool

    @property
    def columns(self) -> int:
        """Blocks in a row."""
        return -(-self.width // CELL)

    @property
    def address_bits(self) -> int:
        """Of slice_segment_address."""
        return (self.columns * -(-self.height // CELL) - 1).bit_length()

    @property
    def qp_delta(self) -> int:
        """That makes a slice's QP ours."""
        return QP - self.initial_qp


@dataclass(frozen=True, slots=True)
class Picture:
    """One access unit; `rest` is the encoder's slice behind our first row."""

    head: Head
    rest: tuple[bytes, ...]

    @property
    def key(self) -> bool:
        """Whether it can be decoded alone."""
        return self.head.is_key


@dataclass(slots=True)
class CodedLoopH265:
    """A looped group of pictures; the same three questions as `coded.CodedLoop` answers."""

    layout: Layout
    parameter_sets: tuple[bytes, ...]
    pictures: tuple[Picture, ...]
    _rows: dict[tuple[int, int, int], bytes] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.pictures)

    def key_row(self, index: int, number: int, counter: int) -> list[bytes]:
        """The slices of the first row of key picture `index`."""
        bits = (0b10 << NUMBER_BITS | number & ((1 << NUMBER_BITS) - 1)) << COUNTER_BITS
        bits |= gray(counter)
        slices = []
        for at in range(0, CELLS, GROUP):
            part = bits >> (CELLS - GROUP - at) & ((1 << GROUP) - 1)
            slices.append(self._slice(index, at, part))
        if self.layout.columns > CELLS:
            slices.append(self._slice(index, CELLS, -1))
        return slices

    def flip_row(self, index: int, counter: int) -> bytes:
        """The first row of picture `index` (not a key one) that steps from `counter` - 1."""
        code = gray(counter)
        flipped = (code ^ gray(counter - 1)).bit_length() - 1
        step = (ONE - ZERO) * (1 if code >> flipped & 1 else -1)
        cell = CELLS - 1 - flipped
        known = self._rows.get((index, cell, step))
        if known is None:
            head = self.pictures[index].head
            body = _step(self.layout, head.merges, self.layout.columns, cell, step)
            known = self._rows[index, cell, step] = self._join(head, 0, body)
        return known

    def still(self, index: int) -> bytes:
        """A whole picture in the place of `index` that repeats the one before it."""
        head, layout = self.pictures[index].head, self.layout
        blocks = layout.columns * -(-layout.height // CELL)
        return self._join(head, 0, _step(layout, head.merges, blocks, -1, 0))

    def _slice(self, index: int, address: int, part: int) -> bytes:
        known = self._rows.get((index, address, part))
        if known is None:
            columns = range(address, self.layout.columns)[: GROUP if part >= 0 else None]
            levels = [REST if part < 0 else ZERO for _ in columns]
            if part >= 0:
                levels = [ONE if mark == "1" else ZERO for mark in f"{part:0{GROUP}b}"]
            body = _flat(self.layout, tuple(levels))
            known = self._join(self.pictures[index].head, address, body)
            self._rows[index, address, part] = known
        return known

    def _join(self, head: Head, address: int, body: bytes) -> bytes:
        layout = self.layout
        made = head.write(address, layout.address_bits, layout.qp_delta)
        return made[:2] + escape(made[2:] + body)


# -- what the encoder wrote ------------------------------------------------------------------------


def build_loop_h265(width: int, height: int, units: list[list[bytes]]) -> CodedLoopH265:
    """Make a loop from encoded access units that lack the first row (`height` counts it).

    The first must be a key frame with its parameter sets, each picture one slice. Raises ValueError
    for what our encoder does not write.
    """
    first = {kind(unit): unit for unit in units[0]}
    if not {VPS, SPS, PPS} <= first.keys() or width < MIN_WIDTH:
        raise ValueError("a coded loop begins with VPS, SPS, PPS and a key frame, 640 wide")
    sps = _with_height(first[SPS], height)
    layout = _layout(sps, first[PPS])
    pictures = tuple(_picture(unit, layout) for unit in units)
    return CodedLoopH265(layout, (first[VPS], sps, first[PPS]), pictures)


def _picture(unit: list[bytes], layout: Layout) -> Picture:
    slices = [nal for nal in unit if kind(nal) < VPS]
    if len(slices) != 1:
        raise ValueError(f"{len(slices)} slices in a picture, one is needed")
    head, body = _head(slices[0], layout)
    made = head.write(layout.columns, layout.address_bits, head.qp_delta)
    return Picture(head, (made[:2] + escape(made[2:] + body),))


def _with_height(sps: bytes, height: int) -> bytes:
    """The same SPS for pictures of another height."""
    data = unescape(sps[2:])
    bits = BitReader(data)
    bits.skip(104)  # no sub-layers: profile and level are of fixed length
    bits.ue()  # sps_seq_parameter_set_id
    bits.ue()  # chroma_format_idc
    bits.ue()  # pic_width_in_luma_samples
    before = len(data) * 8 - bits.left
    whole = int.from_bytes(data, "big")
    out = BitWriter(whole >> bits.left, before)
    bits.ue()
    left = bits.left
    tail = whole & ((1 << left) - 1)
    zeros = (tail & -tail).bit_length()  # rbsp_trailing_bits: the last one and what follows
    out.unsigned(height).put(tail >> zeros, left - zeros)
    return sps[:2] + escape(out.trail().bytes())


def _layout(sps: bytes, pps: bytes) -> Layout:
    bits = BitReader(unescape(sps[2:]))
    bits.skip(104)
    bits.ue()
    bits.ue()
    width, height = bits.ue(), bits.ue()
    if bits.flag():  # conformance_window_flag
        raise ValueError("a cropped picture is not written by our encoder")
    bits.ue()
    bits.ue()  # bit depths
    order_bits = bits.ue() + 4
    bits.skip(1)
    for _ in range(3):  # of the one sub-layer: buffers, reorder, latency
        bits.ue()
    smallest = bits.ue() + 3
    if smallest + bits.ue() != CELL.bit_length() - 1:
        raise ValueError("coding tree blocks must be 16 samples wide")
    bits.ue()
    bits.ue()  # transform sizes
    inter_depth, intra_depth = bits.ue(), bits.ue()
    _refuse(bits.flag(), "scaling lists")
    bits.skip(1)  # amp_enabled_flag: no block of ours is divided
    _refuse(bits.flag(), "sample adaptive offset")
    _refuse(bits.flag(), "PCM")
    _refuse(bits.ue() > 0, "reference sets in the SPS")
    _refuse(bits.flag(), "long-term references")
    has_temporal = bits.flag()
    return Layout(
        width=width,
        height=height,
        order_bits=order_bits,
        has_split_cu=smallest < 4,
        has_min_part=smallest == 4,
        depths=(intra_depth, inter_depth),
        has_temporal=has_temporal,
        **_pps(pps),
    )


def _pps(pps: bytes) -> dict[str, Any]:
    bits = BitReader(unescape(pps[2:]))
    bits.ue()
    bits.ue()
    _refuse(bits.bits(5) > 0, "dependent slices, output flags or extra bits")
    bits.skip(1)  # sign_data_hiding_enabled_flag: one coefficient has nothing to hide in
    has_cabac_init = bits.flag()
    _refuse(bits.ue() + bits.ue() > 0, "several references")
    initial_qp = 26 + bits.se()
    bits.skip(2)  # constrained intra prediction, transform skip
    has_qp_delta = bits.flag()
    if has_qp_delta:
        bits.ue()
    bits.se()
    bits.se()
    # Slice chroma offsets, weighted prediction (two), transquant bypass, tiles, wavefronts.
    _refuse(bits.bits(6) > 0, "weighted prediction, tiles or wavefronts")
    bits.skip(1)  # filtering across slices: there is none
    _refuse(not bits.flag() or bits.flag() or not bits.flag(), "deblocking")
    _refuse(bits.bits(2) > 0, "scaling lists or another order of references")
    return {
        "initial_qp": initial_qp,
        "has_qp_delta": has_qp_delta,
        "has_cabac_init": has_cabac_init,
    }


def _refuse(is_there: bool, what: str) -> None:
    if is_there:
        raise ValueError(f"{what} cannot be rewritten")


def _head(nal: bytes, layout: Layout) -> tuple[Head, bytes]:
    """The header of a picture's only slice, and the slice data."""
    data = unescape(nal[2:])
    whole, size = int.from_bytes(data, "big"), len(data) * 8
    bits = BitReader(data[:64])
    spare = size - min(size, 512)

    def since(start: int) -> tuple[int, int]:
        end = size - bits.left - spare
        return whole >> (size - end) & ((1 << (end - start)) - 1), end - start

    is_key = kind(nal) in _IDR
    _refuse(not bits.flag(), "a second slice")
    bits.skip(int(is_key))  # no_output_of_prior_pics_flag
    bits.ue()
    before = since(1)
    start = 1 + before[1]
    is_p = bits.ue() == _P_SLICE
    merges = 0
    if not is_key:
        _skip_references(bits, layout)
    if is_p:
        _refuse(bits.flag(), "several references")
        bits.skip(int(layout.has_cabac_init))
        merges = 5 - bits.ue()
    middle = since(start)
    qp_delta = bits.se()
    start = size - bits.left - spare
    after = since(start)
    bits.skip(1 + (bits.left - 1) % 8)  # byte_alignment
    body = data[(size - bits.left - spare) // 8 :]
    return Head(nal[:2], before, middle, after, qp_delta, merges), body


def _skip_references(bits: BitReader, layout: Layout) -> None:
    bits.skip(layout.order_bits)  # slice_pic_order_cnt_lsb
    _refuse(bits.flag(), "reference sets in the SPS")
    negative, positive = bits.ue(), bits.ue()
    _refuse(positive > 0, "pictures out of order")
    for _ in range(negative):
        bits.ue()
        bits.skip(1)
    bits.skip(int(layout.has_temporal))  # slice_temporal_mvp_enabled_flag


# -- blocks ----------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def _flat(layout: Layout, levels: tuple[int, ...]) -> bytes:
    """Slice data of intra blocks of those brightnesses (7.3.8)."""
    cabac, before = CabacWriter(_INITIAL[_INTRA], QP), _MIDDLE
    for at, level in enumerate(levels, 1):
        if layout.has_split_cu:
            cabac.put("split_cu", 0)
        if layout.has_min_part:
            cabac.put("part_mode", 1)  # 2Nx2N
        cabac.put("intra_pred", 1)
        cabac.bypass(0b10, 2)  # the second most probable mode, which is DC
        cabac.put("intra_chroma", 0)
        _transform(cabac, layout, _INTRA, level - before)
        cabac.terminate(int(at == len(levels)))
        before = level
    return cabac.finish()


@lru_cache(maxsize=1024)
def _step(layout: Layout, merges: int, blocks: int, cell: int, step: int) -> bytes:
    """Slice data of skipped blocks, all but `cell`, which becomes `step` brighter."""
    cabac = CabacWriter(_INITIAL[_INTER], QP)
    is_skipped = False  # the one to the left
    for at in range(blocks):
        if layout.has_split_cu:
            cabac.put("split_cu", 0)
        is_beside = at % layout.columns > 0 and is_skipped
        is_skipped = at != cell
        above = at >= layout.columns and blocks > layout.columns
        cabac.put(_SKIP[is_beside + above], int(is_skipped))
        if not is_skipped:
            cabac.put("pred_mode", 0)  # inter
            cabac.put("part_mode", 1)
            cabac.put("merge", 1)
        if merges > 1:
            cabac.put("merge_index", 0)  # the same place in the picture before
        if not is_skipped:
            _transform(cabac, layout, _INTER, step)
        cabac.terminate(int(at == blocks - 1))
    return cabac.finish()


_SKIP = ("skip", "skip_beside", "skip_between")


def _transform(cabac: CabacWriter, layout: Layout, mode: int, step: int) -> None:
    """transform_tree (7.3.8.8) of one coefficient, or none, no chroma."""
    if layout.depths[mode]:
        cabac.put("split_transform", 0)
    cabac.put("cbf_chroma", 0)
    cabac.put("cbf_chroma", 0)
    if mode == _INTRA:
        cabac.put("cbf_luma", int(step != 0))
    if not step:
        return
    if layout.has_qp_delta:
        cabac.put("qp_delta", 0)
    cabac.put("last_x", 0)
    cabac.put("last_y", 0)
    size = abs(step)
    cabac.put("greater1", int(size > 1))
    if size > 1:
        cabac.put("greater2", int(size > 2))
    cabac.bypass(int(step < 0), 1)
    if size > 2:
        _remaining(cabac, size - 3)


def _remaining(cabac: CabacWriter, value: int) -> None:
    """coeff_abs_level_remaining (9.3.3.11) at a Rice parameter of zero."""
    if value < 4:
        cabac.bypass((1 << (value + 1)) - 2, value + 1)
        return
    cabac.bypass(0b1111, 4)
    value, order = value - 4, 1
    while value >= 1 << order:
        cabac.bypass(1, 1)
        value -= 1 << order
        order += 1
    cabac.bypass(0, 1)
    cabac.bypass(value, order)
