"""Clocks: monotonic seconds for every interval, wall seconds only for stamps that people read."""

import time
from typing import Protocol


class Clock(Protocol):
    """What a component needs to know about time; tests inject their own."""

    def now(self) -> float:
        """Monotonic seconds; comparable only with itself."""
        ...

    def wall(self) -> float:
        """Seconds since the epoch (UTC)."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now(self) -> float:
        """Monotonic seconds."""
        return time.monotonic()

    def wall(self) -> float:
        """Seconds since the epoch."""
        return time.time()


class SteadyClock:
    """Wall time without jumps: what the wall clock said at first, and monotonic seconds since.

    For what ends by age within one run of the process: a clock that is put right by an hour or by
    years must end nobody's session, and must not keep one alive.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead = clock.wall() - clock.now()

    def now(self) -> float:
        """Monotonic seconds."""
        return self._clock.now()

    def wall(self) -> float:
        """Seconds since the epoch, as the clock stood at the start."""
        return self._clock.now() + self._ahead


class ManualClock:
    """A clock that moves only when told; for tests."""

    def __init__(self, now: float = 1000.0, wall: float = 1_700_000_000.0) -> None:
        self._now = now
        self._wall = wall

    def now(self) -> float:
        """Monotonic seconds."""
        return self._now

    def wall(self) -> float:
        """Seconds since the epoch."""
        return self._wall

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass on both clocks."""
        self._now += seconds
        self._wall += seconds

    def jump_wall(self, seconds: float) -> None:
        """Step the wall clock alone, as NTP or a person does."""
        self._wall += seconds
