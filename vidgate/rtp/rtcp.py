"""RTCP (RFC 3550 6, RFC 4585 6, RFC 5104 4.3.1): reports, names, goodbye, NACK, PLI, FIR."""

from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from struct import Struct

NTP_EPOCH = 2_208_988_800  # seconds from 1900 to 1970

# Bytes of a compound packet that are looked at. It is made to fit a datagram (RFC 3550 6.1), also
# where it goes over TCP; a report of 31 blocks has 772.
MAX_COMPOUND = 1500
MAX_PACKETS = 32  # of one that are looked at; a browser's or a camera's has two to six
MAX_LOST = 512  # sequence numbers that its NACKs may name; Chromium's name up to 253 ranges of them

SR, RR, SDES, BYE, RTPFB, PSFB = 200, 201, 202, 203, 205, 206
ALL = frozenset((SR, RR, SDES, BYE, RTPFB, PSFB))
_NACK_FORMAT, _PLI_FORMAT, _FIR_FORMAT = 1, 1, 4

_HEADER = Struct(">BBH")
_SSRC = Struct(">I")
_TWO_SSRC = Struct(">II")
_SENDER = Struct(">IQIII")
_BLOCK = Struct(">IIIIII")
_PAIR = Struct(">HH")
_FIR_ENTRY = Struct(">IB3x")


def ntp_from_unix(seconds: float) -> int:
    """Seconds since 1970 as a 64-bit NTP timestamp (32.32 fixed point since 1900)."""
    whole = int(seconds // 1)
    fraction = int((seconds - whole) * (1 << 32))
    return ((whole + NTP_EPOCH) & 0xFFFFFFFF) << 32 | fraction


def unix_from_ntp(ntp: int) -> float:
    """A 64-bit NTP timestamp as seconds since 1970."""
    return (ntp >> 32) - NTP_EPOCH + (ntp & 0xFFFFFFFF) / (1 << 32)


def middle(ntp: int) -> int:
    """The middle 32 bits, as LSR and DLSR use them (units of 1/65536 s)."""
    return (ntp >> 16) & 0xFFFFFFFF


def _pack(packet_type: int, count: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    return _HEADER.pack(0x80 | count, packet_type, len(body) // 4) + body


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """What a receiver tells of one sender. `lost` may be negative (duplicates)."""

    ssrc: int
    fraction_lost: int = 0
    lost: int = 0
    highest: int = 0
    jitter: int = 0
    lsr: int = 0
    dlsr: int = 0

    @classmethod
    def parse(cls, data: bytes, at: int = 0) -> "ReportBlock":
        """Read 24 bytes."""
        ssrc, loss, highest, jitter, lsr, dlsr = _BLOCK.unpack_from(data, at)
        lost = loss & 0xFFFFFF
        if lost & 0x800000:
            lost -= 1 << 24
        return cls(ssrc, loss >> 24, lost, highest, jitter, lsr, dlsr)

    def __bytes__(self) -> bytes:
        lost = max(-(1 << 23), min(self.lost, (1 << 23) - 1)) & 0xFFFFFF
        loss = (self.fraction_lost & 255) << 24 | lost
        return _BLOCK.pack(self.ssrc, loss, self.highest, self.jitter, self.lsr, self.dlsr)


def _blocks(body: bytes, at: int, count: int) -> tuple[ReportBlock, ...]:
    # A count that promises more than is there is cut: cameras fill it carelessly.
    count = min(count, (len(body) - at) // _BLOCK.size)
    return tuple(ReportBlock.parse(body, at + i * _BLOCK.size) for i in range(count))


@dataclass(frozen=True, slots=True)
class SenderReport:
    """SR: `ntp` 64 bits, `rtp_timestamp` at that same instant."""

    ssrc: int
    ntp: int
    rtp_timestamp: int
    packets: int = 0
    octets: int = 0
    reports: tuple[ReportBlock, ...] = ()

    @classmethod
    def parse(cls, count: int, body: bytes) -> "SenderReport":
        """Read the body after the common header."""
        ssrc, ntp, timestamp, packets, octets = _SENDER.unpack_from(body)
        blocks = _blocks(body, _SENDER.size, count)
        return cls(ssrc, ntp, timestamp, packets, octets, blocks)

    def __bytes__(self) -> bytes:
        sender = _SENDER.pack(
            self.ssrc,
            self.ntp,
            self.rtp_timestamp & 0xFFFFFFFF,
            self.packets & 0xFFFFFFFF,
            self.octets & 0xFFFFFFFF,
        )
        return _pack(SR, len(self.reports), sender + b"".join(map(bytes, self.reports)))


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    """RR."""

    ssrc: int
    reports: tuple[ReportBlock, ...] = ()

    @classmethod
    def parse(cls, count: int, body: bytes) -> "ReceiverReport":
        """Read the body after the common header."""
        return cls(_SSRC.unpack_from(body)[0], _blocks(body, _SSRC.size, count))

    def __bytes__(self) -> bytes:
        body = _SSRC.pack(self.ssrc) + b"".join(map(bytes, self.reports))
        return _pack(RR, len(self.reports), body)


@dataclass(frozen=True, slots=True)
class Sdes:
    """SDES, of which only CNAME items are kept: (ssrc, name) each."""

    names: tuple[tuple[int, str], ...] = ()

    @classmethod
    def parse(cls, count: int, body: bytes) -> "Sdes":
        """Read the body after the common header."""
        names: list[tuple[int, str]] = []
        at = 0
        for _ in range(count):
            if at + 4 > len(body):
                break
            ssrc = int.from_bytes(body[at : at + 4], "big")
            name, at = cls._items(body, at + 4)
            if name is not None:
                names.append((ssrc, name))
        return cls(tuple(names))

    @staticmethod
    def _items(body: bytes, at: int) -> tuple[str | None, int]:
        name: str | None = None
        while at + 1 < len(body) and body[at]:
            kind, length = body[at], body[at + 1]
            if kind == 1:
                name = body[at + 2 : at + 2 + length].decode("utf-8", "replace")
            at += 2 + length
        return name, (at // 4 + 1) * 4  # at least one zero ends the chunk

    def __bytes__(self) -> bytes:
        body = b""
        for ssrc, name in self.names:
            text = name.encode()[:255]
            chunk = _SSRC.pack(ssrc) + bytes([1, len(text)]) + text + b"\0"
            body += chunk + bytes(-len(chunk) % 4)
        return _pack(SDES, len(self.names), body)


@dataclass(frozen=True, slots=True)
class Bye:
    """BYE."""

    ssrcs: tuple[int, ...] = ()

    @classmethod
    def parse(cls, count: int, body: bytes) -> "Bye":
        """Read the body after the common header; the reason is not kept."""
        count = min(count, len(body) // 4)
        return cls(tuple(_SSRC.unpack_from(body, 4 * i)[0] for i in range(count)))

    def __bytes__(self) -> bytes:
        return _pack(BYE, len(self.ssrcs), b"".join(map(_SSRC.pack, self.ssrcs)))


@dataclass(frozen=True, slots=True)
class Nack:
    """Generic NACK: the 16-bit sequence numbers that are missing."""

    sender: int
    media: int
    lost: tuple[int, ...] = ()

    @classmethod
    def parse(cls, body: bytes, most: int = MAX_LOST) -> "Nack":
        """Read the body after the common header: its first `most` numbers."""
        sender, media = _TWO_SSRC.unpack_from(body)
        lost: list[int] = []
        for at in range(8, len(body) - 3, 4):
            if len(lost) >= most:
                break
            first, mask = _PAIR.unpack_from(body, at)
            lost.append(first)
            if mask:
                lost += [(first + bit + 1) & 0xFFFF for bit in range(16) if mask >> bit & 1]
        return cls(sender, media, tuple(lost[:most]))

    def __bytes__(self) -> bytes:
        body = _TWO_SSRC.pack(self.sender, self.media)
        return _pack(RTPFB, _NACK_FORMAT, body + b"".join(_pairs(self.lost)))


def _pairs(lost: Iterable[int]) -> Iterable[bytes]:
    first, mask = -1, 0
    for number in lost:
        ahead = (number - first - 1) & 0xFFFF
        if first >= 0 and ahead < 16:
            mask |= 1 << ahead
            continue
        if first >= 0:
            yield _PAIR.pack(first, mask)
        first, mask = number, 0
    if first >= 0:
        yield _PAIR.pack(first, mask)


@dataclass(frozen=True, slots=True)
class Pli:
    """Picture loss indication: please send a key frame."""

    sender: int
    media: int

    @classmethod
    def parse(cls, body: bytes) -> "Pli":
        """Read the body after the common header."""
        return cls(*_TWO_SSRC.unpack_from(body))

    def __bytes__(self) -> bytes:
        return _pack(PSFB, _PLI_FORMAT, _TWO_SSRC.pack(self.sender, self.media))


@dataclass(frozen=True, slots=True)
class Fir:
    """Full intra request: (ssrc, command number) each; an equal number is a repetition."""

    sender: int
    entries: tuple[tuple[int, int], ...] = field(default=())

    @classmethod
    def parse(cls, body: bytes) -> "Fir":
        """Read the body after the common header."""
        sender, _ = _TWO_SSRC.unpack_from(body)
        count = (len(body) - 8) // 8
        return cls(sender, tuple(_FIR_ENTRY.unpack_from(body, 8 + 8 * i) for i in range(count)))

    def __bytes__(self) -> bytes:
        body = _TWO_SSRC.pack(self.sender, 0)
        return _pack(PSFB, _FIR_FORMAT, body + b"".join(_FIR_ENTRY.pack(*e) for e in self.entries))


Rtcp = SenderReport | ReceiverReport | Sdes | Bye | Nack | Pli | Fir

_Parser = tuple[int, Callable[[int, bytes], Rtcp]]  # shortest body; of (count, body)
_NACK: _Parser = (12, lambda _, body: Nack.parse(body))
# By packet type and format, None where the type alone tells.
_PARSERS: dict[tuple[int, int | None], _Parser] = {
    (SR, None): (_SENDER.size, SenderReport.parse),
    (RR, None): (_SSRC.size, ReceiverReport.parse),
    (SDES, None): (0, Sdes.parse),
    (BYE, None): (0, Bye.parse),
    (RTPFB, _NACK_FORMAT): _NACK,
    (PSFB, _PLI_FORMAT): (8, lambda _, body: Pli.parse(body)),
    (PSFB, _FIR_FORMAT): (16, lambda _, body: Fir.parse(body)),
}


def parse_compound(data: bytes, wanted: Container[int] = ALL) -> list[Rtcp]:
    """The packets of one datagram that we know, in order; only the types that are wanted.

    Never raises: what cannot be read is left out, and a broken length ends the reading, as does
    `MAX_COMPOUND`; `MAX_PACKETS` and `MAX_LOST` bound what those bytes may cost. Hanwha and others
    send invalid RTCP, which must not end a stream.
    """
    packets: list[Rtcp] = []
    room = MAX_LOST
    for packet_type, count, body in islice(_bodies(data[:MAX_COMPOUND]), MAX_PACKETS):
        row = _PARSERS.get((packet_type, None)) or _PARSERS.get((packet_type, count))
        if row is None or packet_type not in wanted or len(body) < row[0]:
            continue
        if row is _NACK:
            nack = Nack.parse(body, room)
            room -= len(nack.lost)
            packets.append(nack)
        else:
            packets.append(row[1](count, body))
    return packets


def _bodies(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Type, count (or format) and body of each packet, without its padding."""
    at = 0
    while at + 4 <= len(data):
        first, packet_type, words = _HEADER.unpack_from(data, at)
        end = at + 4 + 4 * words
        if first >> 6 != 2 or end > len(data):
            return
        body = data[at + 4 : end]
        if first & 0x20 and body and 0 < body[-1] <= len(body):
            body = body[: -body[-1]]
        yield packet_type, first & 31, body
        at = end


def is_rtcp(data: bytes) -> bool:
    """Whether a datagram on a shared port is RTCP (RFC 5761 4)."""
    return len(data) >= 4 and 192 <= data[1] <= 223
