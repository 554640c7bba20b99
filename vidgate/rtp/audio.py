"""G.711 (ITU-T G.711, RFC 3551 4.5.14) and the one-frame-a-packet payload of sound."""

from collections.abc import Sequence

from vidgate.rtp.packet import RtpPacket
from vidgate.rtp.sequence import Follower

PCMU, PCMA = 0, 8  # static payload types
CLOCK_RATE = 8000
MAX_PAYLOAD = 8000  # one second; nobody packs more


class AudioDepacketiser(Follower):
    """Every packet is a frame: (timestamp, [payload])."""

    __slots__ = ("ignored",)

    def __init__(self) -> None:
        super().__init__()
        self.ignored = 0

    def push(self, packet: RtpPacket) -> list[tuple[int, list[bytes]]]:
        """Take the next packet; an empty or absurdly long one is ignored."""
        return self.take(packet.sequence, packet.timestamp, packet.marker, packet.payload)

    def take(
        self, sequence: int, timestamp: int, marker: bool, payload: bytes
    ) -> list[tuple[int, list[bytes]]]:
        """`push` for who has taken the packet apart already; the marker means nothing here."""
        self._follow(sequence)
        if not 0 < len(payload) <= MAX_PAYLOAD:
            self.ignored += 1
            return []
        return [(timestamp, [payload])]


def _alaw_decode(code: int) -> int:
    code ^= 0x55
    segment, mantissa = code >> 4 & 7, code & 15
    value = (mantissa << 4) + 8 if segment == 0 else ((mantissa << 4) + 0x108) << (segment - 1)
    return value if code & 0x80 else -value


def _ulaw_decode(code: int) -> int:
    code ^= 0xFF
    segment, mantissa = code >> 4 & 7, code & 15
    value = (((mantissa << 3) + 0x84) << segment) - 0x84
    return -value if code & 0x80 else value


def _inverse(decoded: list[int]) -> bytes:
    """For every sample >> 3 (13 bits, offset 4096) the code whose value is nearest."""
    order = sorted(range(256), key=decoded.__getitem__)
    table = bytearray()
    at = 0
    for sample in range(-32768, 32768, 8):
        while at < 255 and abs(decoded[order[at + 1]] - sample) <= abs(decoded[order[at]] - sample):
            at += 1
        table.append(order[at])
    return bytes(table)


_ALAW = [_alaw_decode(code) for code in range(256)]
_ULAW = [_ulaw_decode(code) for code in range(256)]
_ALAW_CODES = _inverse(_ALAW)
_ULAW_CODES = _inverse(_ULAW)


def alaw_encode(samples: Sequence[int]) -> bytes:
    """16-bit samples as A-law, a byte each."""
    return bytes(_ALAW_CODES[(sample >> 3) + 4096] for sample in samples)


def ulaw_encode(samples: Sequence[int]) -> bytes:
    """16-bit samples as mu-law, a byte each."""
    return bytes(_ULAW_CODES[(sample >> 3) + 4096] for sample in samples)


def alaw_decode(data: bytes) -> list[int]:
    """A-law as 16-bit samples."""
    return [_ALAW[code] for code in data]


def ulaw_decode(data: bytes) -> list[int]:
    """Mu-law as 16-bit samples."""
    return [_ULAW[code] for code in data]
