"""H.265 for browsers that decode it: RTP payloads of one access unit (RFC 7798, no DONL)."""

from collections.abc import Iterable

FRAGMENT = 49


def packetise(units: Iterable[bytes], max_payload: int) -> list[bytes]:
    """Single NAL unit packets, and fragments of equal size (the last may be shorter, for GSO)."""
    payloads: list[bytes] = []
    for unit in units:
        if len(unit) <= max_payload:
            if len(unit) > 2:
                payloads.append(unit)
        else:
            payloads += _fragments(unit, max_payload)
    return payloads


def _fragments(unit: bytes, max_payload: int) -> list[bytes]:
    """4.4.3: the two-byte header with type 49, then start, end and the unit's own type."""
    kind = unit[0] >> 1 & 63
    head = bytes((unit[0] & 0x81 | FRAGMENT << 1, unit[1]))
    size = len(unit) - 2
    pieces = -(-size // (max_payload - 3))
    step = -(-size // pieces)
    starts = range(2, len(unit), step)
    last = starts[-1]
    return [
        head + bytes((0x80 * (at == 2) | 0x40 * (at == last) | kind,)) + unit[at : at + step]
        for at in starts
    ]
