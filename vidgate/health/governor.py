"""How many probes may be in flight without holding the event loop that viewers share."""

import asyncio
import os
import time
from contextlib import suppress
from dataclasses import dataclass, field

BEAT = 0.02  # seconds between two looks at the loop
LONG_TURN = 0.012  # seconds of one turn: the budget for a held loop is 0.02
LEAST = 16
START = 64
SCHEDSTAT = "/proc/thread-self/schedstat"


@dataclass(slots=True)
class Governor:
    """An allowance between `LEAST` and `most`: it grows while the loop turns quickly.

    Cameras that answer at once come back in batches, and 320 pictures at a time are a whole core's
    work; cameras that are slow to answer, or dead, leave the loop free and then the full number is
    allowed. A late beat counts only as far as this thread itself was at work: on a crowded machine
    waiting for the processor says nothing about us.
    """

    most: int
    allowed: float = field(init=False)
    _timer: asyncio.TimerHandle | None = None
    _due: float = 0.0
    _worked: float = 0.0
    _waited: float = 0.0
    _schedstat: int | None = None

    def __post_init__(self) -> None:
        self.allowed = min(START, self.most)

    def start(self) -> None:
        """Begin to look at the loop, if that has not begun."""
        if self._timer is None:
            with suppress(OSError):  # a kernel without it: then waiting may be taken for work
                self._schedstat = os.open(SCHEDSTAT, os.O_RDONLY | os.O_CLOEXEC)
            self._beat_later()

    def stop(self) -> None:
        """Nothing is in flight any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._schedstat is not None:
            os.close(self._schedstat)
            self._schedstat = None

    def note(self, late: float, worked: float, waited: float = 0.0) -> None:
        """A beat came `late` seconds late, since the one before which the thread has `worked` and
        `waited` for the processor for so many seconds.
        """
        if min(late - waited, worked) > LONG_TURN:
            self.allowed = max(min(LEAST, self.most), self.allowed * 0.7)
        else:
            self.allowed = min(self.most, self.allowed + self.most / 64)

    def _beat(self) -> None:
        late = asyncio.get_running_loop().time() - self._due
        self.note(late, time.thread_time() - self._worked, self._queued() - self._waited)
        self._beat_later()

    def _beat_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._due = loop.time() + BEAT
        self._worked, self._waited = time.thread_time(), self._queued()
        self._timer = loop.call_later(BEAT, self._beat)

    def _queued(self) -> float:
        """Seconds that this thread was ready and another had the processor (proc(5), schedstat)."""
        if self._schedstat is None:
            return 0.0
        return int(os.pread(self._schedstat, 80, 0).split()[1]) / 1e9
