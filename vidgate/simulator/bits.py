"""Writes bits of H.264 (ITU-T H.264 7.2, 7.4.1, 9.1); `rtp.bits` reads them."""


class BitWriter:
    """Collects bits, most significant first."""

    def __init__(self, value: int = 0, count: int = 0) -> None:
        self._value = value
        self._count = count

    def put(self, value: int, count: int) -> "BitWriter":
        """Append `count` bits."""
        self._value = (self._value << count) | value
        self._count += count
        return self

    def unsigned(self, value: int) -> "BitWriter":
        """Append ue(v)."""
        return self.put(value + 1, 2 * (value + 1).bit_length() - 1)

    def align(self) -> "BitWriter":
        """Append zeros to the next byte."""
        return self.put(0, -self._count % 8)

    def trail(self) -> "BitWriter":
        """Append rbsp_trailing_bits (7.3.2.11): a one, then zeros to the next byte."""
        return self.put(1, 1).align()

    def bytes(self) -> bytes:
        """What was written; must be aligned."""
        return self._value.to_bytes(self._count // 8, "big")


def escape(data: bytes) -> bytes:
    """Insert emulation_prevention_three_byte where two zeros precede a byte up to 3."""
    if b"\x00\x00" not in data:
        return data
    out = bytearray()
    zeros = 0
    for byte in data:
        if zeros >= 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = 0 if byte else zeros + 1
    return bytes(out)
