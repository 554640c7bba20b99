"""Reads bits and Exp-Golomb codes (H.264 9.1) of a parameter set."""


class BitReader:
    """Bits of an RBSP, most significant first; raises EOFError at the end.

    A field costs by its own size, whatever that of the data: an element of LATM has up to 64 KiB.
    """

    __slots__ = ("_at", "_data", "_size")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._size = 8 * len(data)
        self._at = 0

    @property
    def left(self) -> int:
        """Bits not read yet."""
        return self._size - self._at

    def bits(self, count: int) -> int:
        """The next `count` bits as a number."""
        if count > self._size - self._at:
            raise EOFError("a parameter set ends too early")
        value = self.peek(count)
        self._at += count
        return value

    def peek(self, count: int) -> int:
        """The next `count` bits, which stay; zeros stand for those behind the end."""
        first, end = self._at // 8, self._at + count
        size = -(-end // 8) - first
        data = self._data[first : first + size].ljust(size, b"\0")
        return int.from_bytes(data, "big") >> -end % 8 & ((1 << count) - 1)

    def flag(self) -> bool:
        """One bit."""
        return self.bits(1) == 1

    def skip(self, count: int) -> None:
        """Pass over bits."""
        self.bits(count)

    def ue(self) -> int:
        """An unsigned Exp-Golomb code of at most 32 bits of value."""
        zeros = 33 - self.peek(33).bit_length()
        if zeros > 32:
            raise EOFError("a parameter set holds no such number")
        return self.bits(2 * zeros + 1) - 1

    def se(self) -> int:
        """A signed Exp-Golomb code."""
        code = self.ue()
        return (code + 1) // 2 if code & 1 else -(code // 2)


def unescape(nal: bytes) -> bytes:
    """A NAL unit without its emulation prevention bytes (H.264 7.4.1, H.265 7.4.2)."""
    return nal.replace(b"\x00\x00\x03", b"\x00\x00")
