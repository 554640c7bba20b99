"""RTP packets (RFC 3550 5.1)."""

from struct import Struct

from vidgate.errors import ProtocolError

HEADER = Struct(">BBHII")
HEADER_SIZE = HEADER.size
_EXTENSION = Struct(">HH")


class RtpPacket:
    """One packet. `extension` is (profile, data) or None; padding is dropped when parsed.

    Written by hand instead of as a dataclass: pulls make some hundred thousand a second.
    """

    __slots__ = (
        "csrcs",
        "extension",
        "marker",
        "payload",
        "payload_type",
        "sequence",
        "ssrc",
        "timestamp",
    )

    def __init__(
        self,
        payload_type: int = 96,
        marker: bool = False,
        sequence: int = 0,
        timestamp: int = 0,
        ssrc: int = 0,
        payload: bytes = b"",
    ) -> None:
        self.payload_type = payload_type
        self.marker = marker
        self.sequence = sequence
        self.timestamp = timestamp
        self.ssrc = ssrc
        self.payload = payload
        self.csrcs: tuple[int, ...] = ()
        self.extension: tuple[int, bytes] | None = None

    @classmethod
    def parse(cls, data: bytes) -> "RtpPacket":
        """Read a packet; raises ProtocolError when it is none."""
        if len(data) < HEADER_SIZE:
            raise ProtocolError(f"an RTP packet of {len(data)} bytes")
        first, second, sequence, timestamp, ssrc = HEADER.unpack_from(data)
        packet = cls(second & 127, second > 127, sequence, timestamp, ssrc)
        if first == 0x80:  # no padding, no extension, no contributing sources: nearly all
            packet.payload = data[HEADER_SIZE:]
        elif first >> 6 == 2:
            packet._parse_rest(first, data)
        else:
            raise ProtocolError(f"RTP version {first >> 6}")
        return packet

    def _parse_rest(self, first: int, data: bytes) -> None:
        at = HEADER_SIZE + 4 * (first & 15)
        end = len(data)
        if at > end:
            raise ProtocolError("an RTP packet ends inside its list of sources")
        self.csrcs = tuple(
            int.from_bytes(data[i : i + 4], "big") for i in range(HEADER_SIZE, at, 4)
        )
        if first & 0x10:
            if at + 4 > end:
                raise ProtocolError("an RTP packet ends inside its header extension")
            profile, words = _EXTENSION.unpack_from(data, at)
            at += 4 + 4 * words
            if at > end:
                raise ProtocolError("an RTP header extension is longer than its packet")
            self.extension = profile, data[at - 4 * words : at]
        if first & 0x20:
            padding = data[-1]
            if padding == 0 or at + padding > end:
                raise ProtocolError(f"an RTP packet with {padding} bytes of padding")
            end -= padding
        self.payload = data[at:end]

    def __bytes__(self) -> bytes:
        first = 0x80 | len(self.csrcs)
        rest = b"".join(source.to_bytes(4, "big") for source in self.csrcs)
        if self.extension is not None:
            profile, data = self.extension
            if len(data) % 4:
                raise ValueError("the data of a header extension are whole 32-bit words")
            first |= 0x10
            rest += _EXTENSION.pack(profile, len(data) // 4) + data
        second = self.payload_type | (0x80 if self.marker else 0)
        head = HEADER.pack(first, second, self.sequence, self.timestamp, self.ssrc)
        return head + rest + self.payload

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RtpPacket):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        return (
            f"RtpPacket(pt={self.payload_type}, marker={self.marker}, sequence={self.sequence}, "
            f"timestamp={self.timestamp}, ssrc={self.ssrc:08x}, {len(self.payload)} bytes)"
        )
