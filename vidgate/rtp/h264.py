"""H.264 over RTP (RFC 6184) and the few fields of its bit stream that we need."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vidgate.errors import ProtocolError
from vidgate.rtp import assembler
from vidgate.rtp.bits import BitReader, unescape

SLICE, PARTITION_A, IDR, SEI, SPS, PPS, AUD, FILLER = 1, 2, 5, 6, 7, 8, 9, 12
STAP_A, STAP_B, FU_A, FU_B = 24, 25, 28, 29

_PICTURES = frozenset((1, 2, 3, 4, 5))
_HIGH_PROFILES = frozenset((100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135))


def is_key(nals: Iterable[bytes]) -> bool:
    """Whether an access unit is an IDR picture, from which decoding can start."""
    # A plain loop: asked for each frame of each pull, and any() would make a generator.
    for nal in nals:  # noqa: SIM110
        if nal and nal[0] & 31 == IDR:
            return True
    return False


class Depacketiser(assembler.Depacketiser):
    """RFC 6184 5: single NAL units, STAP-A/B and FU-A/B; interleaving is not undone."""

    __slots__ = ()

    def _is_picture(self, unit: bytes) -> bool:
        return unit[0] & 31 in _PICTURES

    def _is_key(self, unit: bytes) -> bool:
        return unit[0] & 31 == IDR

    def _is_filler(self, unit: bytes) -> bool:
        return unit[0] & 31 == FILLER

    def _is_first_slice(self, unit: bytes) -> bool:
        return len(unit) > 1 and unit[1] > 127  # first_mb_in_slice is ue(v): a set bit is zero

    def _payload(self, payload: bytes) -> None:
        kind = payload[0] & 31
        if kind == FU_A:
            self._fragment(payload, 2)
        elif kind < STAP_A:
            if self._fragments:
                self._end_fragments()
            if kind in (SLICE, IDR):
                self._add(payload)
            elif kind != FILLER:
                self._add_any(payload)
        elif kind in (STAP_A, STAP_B):
            self._aggregate(payload, 1 if kind == STAP_A else 3, 1)
        elif kind == FU_B:
            self._fragment(payload, 4)
        else:
            self.ignored += 1

    def _fragment(self, payload: bytes, head: int) -> None:
        if len(payload) < 2:
            self.ignored += 1
            return
        flags = payload[1]
        if flags & 0x80:
            # A camera that forgets the end bit: what came is whole as far as sequence tells.
            self._end_fragments()
            self._fragments = [bytes((payload[0] & 0xE0 | flags & 31,)), payload[head:]]
        elif self._fragments:
            self._fragments.append(payload[2:])
        else:
            self.ignored += 1
            self._is_broken = True  # a fragment without its start
            self._is_key_broken |= flags & 31 == IDR
            return
        if flags & 0x40:
            self._end_fragments()


def packetise(nals: Sequence[bytes], max_payload: int = 1180) -> list[bytes]:
    """RTP payloads of one access unit for packetization-mode 1; the last one gets the marker.

    Small neighbours share a STAP-A. A large unit is cut into FU-A pieces of equal size, the last
    one shorter at most: so one UDP GSO call can send them all.
    """
    payloads: list[bytes] = []
    group: list[bytes] = []
    room = max_payload - 1
    for nal in nals:
        if not nal:
            continue
        if len(nal) + 2 <= room:
            group.append(nal)
            room -= len(nal) + 2
            continue
        _close_group(group, payloads)
        group, room = [], max_payload - 1
        if len(nal) <= room - 2:
            group.append(nal)
            room -= len(nal) + 2
        elif len(nal) <= max_payload:
            payloads.append(nal)
        else:
            payloads += _fragments(nal, max_payload)
    _close_group(group, payloads)
    return payloads


def _close_group(group: list[bytes], payloads: list[bytes]) -> None:
    if len(group) == 1:
        payloads.append(group[0])
    elif group:
        # RFC 6184 5.7: F is the OR and NRI the maximum of the aggregated units'.
        forbidden = 0x80 if any(nal[0] & 0x80 for nal in group) else 0
        head = forbidden | max(nal[0] & 0x60 for nal in group) | STAP_A
        units = b"".join(len(nal).to_bytes(2, "big") + nal for nal in group)
        payloads.append(bytes((head,)) + units)


def _fragments(nal: bytes, max_payload: int) -> list[bytes]:
    room = max_payload - 2
    size = len(nal) - 1
    pieces = -(-size // room)
    step = -(-size // pieces)
    indicator = nal[0] & 0xE0 | FU_A
    kind = nal[0] & 31
    first = bytes((indicator, kind | 0x80))
    inner = bytes((indicator, kind))
    last = bytes((indicator, kind | 0x40))
    starts = range(1, len(nal), step)
    whole = memoryview(nal)  # its slices are joined to their heads without a copy before
    heads = [first, *([inner] * (len(starts) - 2)), last]
    return [head + whole[at : at + step] for head, at in zip(heads, starts, strict=True)]


@dataclass(frozen=True, slots=True)
class SpsInfo:
    """What a sequence parameter set tells; `fps` is None where it holds no timing."""

    width: int
    height: int
    profile: str  # profile-level-id: profile, constraints and level as six hex digits
    fps: float | None = None


def parse_sps(sps: bytes) -> SpsInfo:
    """Read an SPS NAL unit (H.264 7.3.2.1.1); raises ProtocolError when it is none."""
    if len(sps) < 4 or sps[0] & 31 != SPS:
        raise ProtocolError("not a sequence parameter set")
    try:
        return _parse_sps(BitReader(unescape(sps[1:1024])), sps[1:4].hex())
    except EOFError as error:
        raise ProtocolError(f"H.264: {error}") from error


def _parse_sps(bits: BitReader, profile: str) -> SpsInfo:
    profile_idc = bits.bits(8)
    bits.skip(16)
    bits.ue()  # seq_parameter_set_id
    chroma = _chroma(bits) if profile_idc in _HIGH_PROFILES else 1
    bits.ue()  # log2_max_frame_num_minus4
    _picture_order(bits)
    bits.ue()  # max_num_ref_frames
    bits.skip(1)
    columns, rows = bits.ue() + 1, bits.ue() + 1
    fields = 1 if bits.flag() else 2  # frame_mbs_only_flag
    if fields == 2:
        bits.skip(1)
    bits.skip(1)
    width, height = columns * 16, rows * 16 * fields
    if bits.flag():
        left, right, top, bottom = (bits.ue() for _ in range(4))
        unit_x = 2 if chroma in (1, 2) else 1
        unit_y = (2 if chroma == 1 else 1) * fields
        width -= unit_x * (left + right)
        height -= unit_y * (top + bottom)
    if not (0 < width <= 16384 and 0 < height <= 16384):
        raise ProtocolError(f"H.264: pictures of {width} x {height}")
    return SpsInfo(width, height, profile, _fps(bits))


def _chroma(bits: BitReader) -> int:
    chroma = bits.ue()
    if chroma == 3:
        bits.skip(1)
    bits.ue()
    bits.ue()
    bits.skip(1)
    if bits.flag():
        for index in range(12 if chroma == 3 else 8):
            if bits.flag():
                _scaling_list(bits, 16 if index < 6 else 64)
    return chroma


def _scaling_list(bits: BitReader, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.se()) % 256
        last = following or last


def _picture_order(bits: BitReader) -> None:
    kind = bits.ue()
    if kind == 0:
        bits.ue()
    elif kind == 1:
        bits.skip(1)
        bits.se()
        bits.se()
        for _ in range(min(bits.ue(), 255)):
            bits.se()


def _fps(bits: BitReader) -> float | None:
    """Frames a second from the VUI (H.264 E.1.1); a VUI that ends early tells nothing."""
    try:
        if not bits.flag():
            return None
        if bits.flag() and bits.bits(8) == 255:
            bits.skip(32)
        if bits.flag():
            bits.skip(1)
        if bits.flag():
            bits.skip(4)
            if bits.flag():
                bits.skip(24)
        if bits.flag():
            bits.ue()
            bits.ue()
        if not bits.flag():
            return None
        ticks, scale = bits.bits(32), bits.bits(32)
    except EOFError:
        return None
    fps = scale / (2 * ticks) if ticks else 0.0
    return round(fps, 3) if 0 < fps <= 1000 else None
