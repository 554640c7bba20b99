"""AAC over RTP: RFC 3640 (mpeg4-generic, AAC-hbr and AAC-lbr) and RFC 6416 (MP4A-LATM)."""

from collections.abc import Mapping
from dataclasses import dataclass

from vidgate.errors import ProtocolError
from vidgate.rtp.bits import BitReader
from vidgate.rtp.sequence import Follower

MAX_UNIT = 8191  # bytes of one access unit; AAC-hbr cannot say more
MAX_UNITS = 64  # access units of one packet
MAX_ELEMENT = 64 << 10  # bytes of one LATM element
MAX_PIECES = 64  # packets of one unit or element: eight channels of 6,144 bits fill five
MAX_LENGTH = 4  # bytes that tell the length of LATM's other data: enough for 512 MiB

RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
_GENERAL_AUDIO = frozenset((1, 2, 3, 4, 6, 7, 17, 19, 20, 21, 22, 23))
_EXTENSIONS = frozenset((5, 29))  # SBR and PS: a second rate and the core's type follow
_SYNC_SBR, _SYNC_PS = 0x2B7, 0x548

Units = list[tuple[int, list[bytes]]]


@dataclass(frozen=True, slots=True)
class Config:
    """An AudioSpecificConfig (ISO/IEC 14496-3 1.6.2.1): `rate` in Hz and `samples` of the core."""

    data: bytes
    rate: int
    channels: int
    samples: int = 1024

    @classmethod
    def parse(cls, data: bytes) -> "Config":
        """Read one; raises ProtocolError when it is none."""
        try:
            return _config(BitReader(data), data)
        except EOFError:
            raise ProtocolError("AAC 配置不完整 / an AAC configuration ends too early") from None

    def step(self, clock_rate: int) -> int:
        """Ticks of that clock from one access unit to the next."""
        return self.samples * clock_rate // self.rate


def _config(bits: BitReader, data: bytes) -> Config:
    total = 8 * len(data)
    start = total - bits.left
    kind = _object_type(bits)
    rate = _rate(bits)
    channels = bits.bits(4)
    if kind in _EXTENSIONS:
        _rate(bits)
        kind = _object_type(bits)
    if kind not in _GENERAL_AUDIO or channels == 0:
        raise ProtocolError(
            f"不支持的 AAC 类型 / AAC of object type {kind} with channel configuration {channels}"
        )
    samples = 960 if bits.flag() else 1024
    if bits.flag():  # depends on a core coder
        bits.skip(14)
    bits.skip(1)
    _extension(bits)
    whole = _cut(data, start, total - bits.left)
    return Config(whole, rate, 8 if channels == 7 else channels, samples)


def _extension(bits: BitReader) -> None:
    """Pass over what tells old decoders nothing (1.6.6.1): whether there is SBR, and PS."""
    if bits.left < 17 or bits.peek(11) != _SYNC_SBR:
        return
    bits.skip(11)
    if _object_type(bits) != 5 or not bits.flag():
        return
    _rate(bits)
    if bits.left >= 12 and bits.peek(11) == _SYNC_PS:
        bits.skip(12)


def _object_type(bits: BitReader) -> int:
    kind = bits.bits(5)
    return 32 + bits.bits(6) if kind == 31 else kind


def _rate(bits: BitReader) -> int:
    index = bits.bits(4)
    rate = bits.bits(24) if index == 15 else RATES[index] if index < len(RATES) else 0
    if not 1000 <= rate <= 192_000:
        raise ProtocolError(f"不支持的 AAC 采样率 / AAC of {rate} Hz")
    return rate


def _cut(data: bytes, start: int, end: int) -> bytes:
    """The bits from `start` to `end` as bytes, the last one filled with zeros."""
    size = end - start
    value = int.from_bytes(data, "big") >> (8 * len(data) - end) & ((1 << size) - 1)
    return (value << (-size % 8)).to_bytes(-(-size // 8), "big")


@dataclass(frozen=True, slots=True)
class Layout:
    """The bits of an AU header (RFC 3640 3.2.1): size, then index or its difference."""

    size: int = 13
    index: int = 3
    delta: int = 3

    @classmethod
    def of(cls, fmtp: Mapping[str, str]) -> "Layout":
        """By `a=fmtp`; raises ProtocolError for what neither AAC-hbr nor AAC-lbr has."""
        default = cls(6, 2, 2) if fmtp.get("mode", "").lower() == "aac-lbr" else cls()
        for name in ("ctsdeltalength", "dtsdeltalength", "auxiliarydatasizelength", "constantsize"):
            if fmtp.get(name, "0") != "0":
                raise ProtocolError(f"不支持的 AAC 封装 / AAC with {name}")
        size = _length(fmtp, "sizelength", default.size)
        index = _length(fmtp, "indexlength", default.index)
        return cls(size, index, _length(fmtp, "indexdeltalength", default.delta))


def _length(fmtp: Mapping[str, str], name: str, default: int) -> int:
    text = fmtp.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit()) or int(text[:6]) > 16:
        raise ProtocolError(f"不支持的 AAC 封装 / AAC with {name} {text[:20]!r}")
    return int(text)


class _Joiner(Follower):
    """Puts the pieces of a unit together; a hole ends what it has of one."""

    __slots__ = ("_pieces", "ignored")

    def __init__(self) -> None:
        super().__init__()
        self.ignored = 0
        self._pieces: list[bytes] = []

    def _arrive(self, sequence: int) -> bool:
        """Whether nothing is missing before this packet."""
        is_next = self._follow(sequence)
        if not is_next:
            self._pieces = []
        return is_next

    def _hold(self, piece: bytes, most: int) -> bool:
        """Keep a piece; False where those held are too many, or of more than `most` bytes."""
        self._pieces.append(piece)
        return len(self._pieces) <= MAX_PIECES and sum(map(len, self._pieces)) <= most

    def _nonsense(self) -> Units:
        self.ignored += 1
        self._pieces = []
        return []


class Depacketiser(_Joiner):
    """mpeg4-generic: each access unit with its own timestamp, `step` ticks after the last one's."""

    __slots__ = ("_layout", "_start", "_step")

    def __init__(self, layout: Layout, step: int) -> None:
        super().__init__()
        self._layout = layout
        self._step = step
        self._start = -1

    def take(self, sequence: int, timestamp: int, marker: bool, payload: bytes) -> Units:
        """The access units that this packet completes, in order."""
        self._arrive(sequence)
        try:
            sizes, at = self._headers(payload)
        except EOFError:
            return self._nonsense()
        rest = payload[at:]
        if len(sizes) == 1 and sizes[0] > len(rest):
            return self._fragment(timestamp, sizes[0], rest)
        if self._pieces:
            if timestamp == self._start and len(sizes) == 1:
                return self._fragment(timestamp, sizes[0], rest)
            self._pieces = []
        if not sizes or sum(sizes) > len(rest):
            return self._nonsense()
        return self._split(timestamp, sizes, rest)

    def _split(self, timestamp: int, sizes: list[int], data: bytes) -> Units:
        done: Units = []
        at = 0
        for place, size in enumerate(sizes):
            unit = plain(data[at : at + size])
            at += size
            if unit:
                done.append((timestamp + place * self._step & 0xFFFFFFFF, [unit]))
        return done

    def _headers(self, payload: bytes) -> tuple[list[int], int]:
        """The sizes told, and where the access units begin."""
        head = int.from_bytes(payload[:2], "big")
        end = 2 + -(-head // 8)
        bits = BitReader(payload[2:end])
        if len(payload) < 3 or end > len(payload):
            raise EOFError("an AU header section is longer than its packet")
        layout = self._layout
        sizes: list[int] = []
        used, index = 0, layout.index
        while used + layout.size + index <= head and len(sizes) < MAX_UNITS:
            sizes.append(bits.bits(layout.size))
            bits.skip(index)
            used += layout.size + index
            index = layout.delta
        return sizes, end

    def _fragment(self, timestamp: int, size: int, piece: bytes) -> Units:
        """A unit larger than a packet: each piece comes with the size of the whole."""
        if timestamp != self._start:
            self._pieces = []
        self._start = timestamp
        if not self._hold(piece, MAX_UNIT):
            return self._nonsense()
        if sum(map(len, self._pieces)) < size:
            return []
        unit = plain(b"".join(self._pieces)[:size])
        self._pieces = []
        return [(timestamp, [unit])] if unit else []


def plain(unit: bytes) -> bytes:
    """An access unit without the ADTS header that some cameras leave on it."""
    if len(unit) > 9 and unit[0] == 0xFF and unit[1] & 0xF6 == 0xF0:
        told = (unit[3] & 3) << 11 | unit[4] << 3 | unit[5] >> 5
        if told == len(unit):
            return unit[7 if unit[1] & 1 else 9 :]
    return unit


@dataclass(frozen=True, slots=True)
class Mux:
    """A StreamMuxConfig (ISO/IEC 14496-3 1.7.3) of one programme with one layer."""

    config: Config
    frames: int = 1  # access units of one element

    @classmethod
    def parse(cls, data: bytes) -> "Mux":
        """Read one; raises ProtocolError for what cameras do not send.

        GStreamer and others leave out what follows the audio's own configuration.
        """
        try:
            return cls.read(BitReader(data + bytes(4)), data + bytes(4))
        except EOFError:
            raise ProtocolError("LATM 配置不完整 / a LATM configuration ends too early") from None

    @classmethod
    def read(cls, bits: BitReader, data: bytes) -> "Mux":
        """Read one at the place of `bits`, which is moved behind it; raises EOFError too."""
        if bits.bits(2) != 0b01:  # audioMuxVersion 0, allStreamsSameTimeFraming
            raise ProtocolError("不支持的 LATM / LATM of another version, or not framed alike")
        frames = bits.bits(6) + 1
        if bits.bits(7):
            raise ProtocolError("不支持的 LATM / LATM of several programmes or layers")
        config = _config(bits, data)
        if bits.bits(3):
            raise ProtocolError("不支持的 LATM / LATM of frames with a fixed length")
        bits.skip(8)
        if bits.flag():  # otherDataPresent
            _skip_length(bits)
        if bits.flag():  # crcCheckPresent
            bits.skip(8)
        return cls(config, frames)


def _skip_length(bits: BitReader) -> None:
    """Pass over otherDataLenBits: a byte at a time, each behind a bit that says if more follow."""
    for _ in range(MAX_LENGTH):
        is_last = not bits.flag()
        bits.skip(8)
        if is_last:
            return
    raise ProtocolError(f"LATM 长度无效 / LATM with a length of more than {MAX_LENGTH} bytes")


def _payload_size(bits: BitReader) -> int:
    """PayloadLengthInfo (ISO/IEC 14496-3 1.7.3.1): a sum of bytes that ends at one below 255."""
    size = 0
    while (more := bits.bits(8)) == 255 and size <= MAX_UNIT:
        size += more
    if size + more > MAX_UNIT:
        raise ProtocolError(f"LATM 单元过长 / LATM with a unit of more than {MAX_UNIT} bytes")
    return size + more


class LatmDepacketiser(_Joiner):
    """MP4A-LATM: an element may span packets, the marker ends it."""

    __slots__ = ("_is_broken", "_is_inside", "_mux", "_step")

    def __init__(self, mux: Mux, *, is_inside: bool, step: int) -> None:
        super().__init__()
        self._mux = mux
        self._is_inside = is_inside  # the configuration may come in the stream (cpresent=1)
        self._step = step
        self._is_broken = False  # a piece of the element under way is missing

    def take(self, sequence: int, timestamp: int, marker: bool, payload: bytes) -> Units:
        """The access units that this packet completes, in order."""
        self._is_broken |= not self._arrive(sequence)
        if not self._is_broken and not self._hold(payload, MAX_ELEMENT):
            self._is_broken = True
            self._pieces = []
        if not marker:
            return []
        element, self._pieces = b"".join(self._pieces), []
        if self._is_broken:
            self._is_broken = False
            return self._nonsense()
        try:
            units = self._units(element)
        except (EOFError, ProtocolError):
            return self._nonsense()
        return [(timestamp + place * self._step, [unit]) for place, unit in enumerate(units)]

    def _units(self, element: bytes) -> list[bytes]:
        bits = BitReader(element)
        if self._is_inside and not bits.flag():
            self._mux = Mux.read(bits, element)
        units: list[bytes] = []
        for _ in range(self._mux.frames):
            size = _payload_size(bits)
            units.append(bits.bits(8 * size).to_bytes(size, "big"))
        return [unit for unit in units if unit]
