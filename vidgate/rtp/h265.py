"""H.265 over RTP (RFC 7798) and the few fields of its bit stream that we need."""

from collections.abc import Iterable
from dataclasses import dataclass

from vidgate.errors import ProtocolError
from vidgate.rtp import assembler
from vidgate.rtp.bits import BitReader, unescape
from vidgate.rtp.h264 import SpsInfo

VPS, SPS, PPS, AUD, FILLER = 32, 33, 34, 35, 38
AGGREGATE, FRAGMENT = 48, 49
IRAP = range(16, 22)  # BLA, IDR, CRA


def kind(unit: bytes) -> int:
    """The NAL unit type."""
    return unit[0] >> 1 & 63


def is_key(nals: Iterable[bytes]) -> bool:
    """Whether an access unit is an IRAP picture, from which decoding can start."""
    return any(nal and kind(nal) in IRAP for nal in nals)


class Depacketiser(assembler.Depacketiser):
    """RFC 7798 4.4: single NAL units, aggregation packets and fragments, without DONL."""

    __slots__ = ()

    def _is_picture(self, unit: bytes) -> bool:
        return unit[0] & 0x7E < 0x40  # types 0 to 31 are slices

    def _is_key(self, unit: bytes) -> bool:
        return kind(unit) in IRAP

    def _is_filler(self, unit: bytes) -> bool:
        return kind(unit) == FILLER

    def _is_first_slice(self, unit: bytes) -> bool:
        return len(unit) > 2 and unit[2] > 127  # first_slice_segment_in_pic_flag

    def _payload(self, payload: bytes) -> None:
        if len(payload) < 3:
            self.ignored += 1
            return
        unit_kind = kind(payload)
        if unit_kind == FRAGMENT:
            self._fragment(payload)
        elif unit_kind == AGGREGATE:
            self._aggregate(payload, 2, 2)
        elif unit_kind < AGGREGATE:
            self._end_fragments()
            if unit_kind != FILLER:
                self._add_any(payload)
        else:
            self.ignored += 1

    def _fragment(self, payload: bytes) -> None:
        flags = payload[2]
        if flags & 0x80:
            self._end_fragments()
            head = bytes((payload[0] & 0x81 | (flags & 63) << 1, payload[1]))
            self._fragments = [head, payload[3:]]
        elif self._fragments:
            self._fragments.append(payload[3:])
        else:
            self.ignored += 1
            self._is_broken = True  # a fragment without its start
            self._is_key_broken |= flags & 63 in IRAP
            return
        if flags & 0x40:
            self._end_fragments()


def parse_sps(sps: bytes) -> SpsInfo:
    """Picture size of an SPS NAL unit (H.265 7.3.2.2.1); raises ProtocolError when it is none."""
    if len(sps) < 4 or kind(sps) != SPS:
        raise ProtocolError("not a sequence parameter set")
    try:
        return _parse_sps(BitReader(unescape(sps[2:1024])))
    except EOFError as error:
        raise ProtocolError(f"H.265: {error}") from error


def _parse_sps(bits: BitReader) -> SpsInfo:
    bits.skip(4)
    layers = bits.bits(3)
    bits.skip(1)
    profile = f"{bits.bits(8):02x}"
    bits.skip(80)  # compatibility and constraint flags
    level = bits.bits(8)
    _sub_layers(bits, layers)
    bits.ue()  # sps_seq_parameter_set_id
    chroma = bits.ue()
    if chroma == 3:
        bits.skip(1)
    width, height = bits.ue(), bits.ue()
    if bits.flag():
        left, right, top, bottom = (bits.ue() for _ in range(4))
        width -= (2 if chroma in (1, 2) else 1) * (left + right)
        height -= (2 if chroma == 1 else 1) * (top + bottom)
    if not (0 < width <= 16384 and 0 < height <= 16384):
        raise ProtocolError(f"H.265: pictures of {width} x {height}")
    return SpsInfo(width, height, f"{profile}00{level:02x}")


@dataclass(frozen=True, slots=True)
class Profile:
    """What a decoder must be able to do (H.265 7.3.3, general_*); `level` is 30 times its number.

    `compatible` has bit 31 - n set where a decoder of profile n can decode the stream too.
    """

    space: int
    is_high_tier: bool
    idc: int
    compatible: int
    level: int

    def is_for(self, idc: int) -> bool:
        """Whether a decoder of that profile can decode it."""
        return idc == self.idc or (0 <= idc < 32 and self.compatible >> (31 - idc) & 1 == 1)


def profile_of(units: Iterable[bytes]) -> Profile | None:
    """The profile by the SPS among the units; None where there is no SPS."""
    for unit in units:
        data = unescape(unit[2:32]) if len(unit) > 2 and kind(unit) == SPS else b""
        if len(data) >= 13:  # profile_tier_level begins at a whole byte
            return Profile(
                data[1] >> 6,
                data[1] & 32 > 0,
                data[1] & 31,
                int.from_bytes(data[2:6], "big"),
                data[12],
            )
    return None


def _sub_layers(bits: BitReader, count: int) -> None:
    """Pass over profile_tier_level of the sub-layers (H.265 7.3.3)."""
    present = [(bits.flag(), bits.flag()) for _ in range(count)]
    if count:
        bits.skip(2 * (8 - count))
    for has_profile, has_level in present:
        bits.skip(88 * has_profile + 8 * has_level)
