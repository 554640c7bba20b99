"""A receive buffer that is a type: bytes in at the end, out at the front, searched only once."""

import re
from functools import lru_cache

from vidgate.errors import ProtocolError


class Buffer:
    """Bytes of a stream not yet understood.

    `find` remembers how far it looked, so a peer that sends a long line byte by byte costs linear,
    not quadratic time. Taking from the front of a bytearray is O(1) amortised in CPython: it moves
    an offset and copies only when much is gone.
    """

    __slots__ = ("_data", "_searched", "limit")

    def __init__(self, limit: int = 256 << 10) -> None:
        self.limit = limit
        self._data = bytearray()
        self._searched = 0

    def __len__(self) -> int:
        return len(self._data)

    def append(self, data: bytes | bytearray | memoryview) -> None:
        """Add received bytes; raises ProtocolError when more than `limit` would be held."""
        if len(self._data) + len(data) > self.limit:
            raise ProtocolError(
                f"对端发来 {self.limit} 多字节, 不成报文 / "
                f"the peer sent more than {self.limit} bytes that make no message"
            )
        self._data += data

    def peek(self, size: int) -> bytes:
        """The first `size` bytes (or fewer), left in place."""
        return bytes(self._data[:size])

    def take(self, size: int) -> bytes:
        """Remove and return the first `size` bytes, all of which must be there."""
        if size > len(self._data):
            raise IndexError(f"{size} bytes asked of {len(self._data)}")
        taken = bytes(self._data[:size])
        self.skip(size)
        return taken

    def skip(self, size: int) -> None:
        """Forget the first `size` bytes."""
        del self._data[:size]
        self._searched = 0

    def find(self, *marks: bytes) -> tuple[int, int] | None:
        """Where the first of the marks stands: (start, end), or None as long as none came."""
        start = max(0, self._searched - max(map(len, marks)) + 1)
        found = _any_of(marks).search(self._data, start)
        self._searched = 0 if found else len(self._data)
        return found.span() if found else None


@lru_cache(maxsize=16)
def _any_of(marks: tuple[bytes, ...]) -> re.Pattern[bytes]:
    # One search for all: a search for each would run past the first found to the end, every time.
    return re.compile(b"|".join(map(re.escape, marks)))
