"""Arithmetic of counters that wrap: 16-bit sequence numbers, 32-bit timestamps (RFC 3550 A.1)."""


class Follower:
    """Who takes the packets of one source and counts those that never came.

    `_expected` is the number of the next one, below zero before the first.
    """

    __slots__ = ("_expected", "lost")

    def __init__(self) -> None:
        self.lost = 0
        self._expected = -1

    def skip(self, sequence: int) -> None:
        """The next packet of the source is not of this format; one with another number is ignored,
        for there are cameras that count such packets apart.
        """
        if sequence == self._expected:
            self._expected = (sequence + 1) & 0xFFFF

    def _follow(self, sequence: int) -> bool:
        """Whether this packet is the next one; where it is not, those before it are lost."""
        ahead = (sequence - self._expected) & 0xFFFF if self._expected >= 0 else 0
        self._expected = (sequence + 1) & 0xFFFF
        if ahead < 0x8000:
            self.lost += ahead
        return ahead == 0


class Unwrapper:
    """Turns a wrapping counter into one that does not; reordered values keep their place.

    The first value is kept as it is. A value counts as later when it is less than half the range
    ahead of the last one.
    """

    __slots__ = ("_half", "_last", "_mask")

    def __init__(self, bits: int) -> None:
        self._mask = (1 << bits) - 1
        self._half = 1 << (bits - 1)
        self._last: int | None = None

    @property
    def last(self) -> int | None:
        """The value unwrapped last, None before the first."""
        return self._last

    def unwrap(self, value: int) -> int:
        """The unwrapped value; may be lower than the last one, even negative, when reordered."""
        last = self._last
        if last is None:
            self._last = value
            return value
        step = (value - last) & self._mask
        if step >= self._half:
            step -= self._mask + 1
        self._last = last + step
        return self._last
