"""How many probes may be in flight without holding the event loop that viewers share."""

import asyncio
import time
from dataclasses import dataclass, field

BEAT = 0.02  # seconds between two looks at the loop
LONG_TURN = 0.012  # seconds of one turn: the budget for a held loop is 0.02
LEAST = 16
START = 64


@dataclass(slots=True)
class Governor:
    """An allowance between `LEAST` and `most`: it grows while the loop turns quickly.

    Cameras that answer at once come back in batches, and 320 pictures at a time are a whole core's
    work; cameras that are slow to answer, or dead, leave the loop free and then the full number is
    allowed. A late beat counts only when this thread itself was at work: on a crowded machine
    waiting for the processor says nothing about us.
    """

    most: int
    allowed: float = field(init=False)
    _timer: asyncio.TimerHandle | None = None
    _due: float = 0.0
    _worked: float = 0.0

    def __post_init__(self) -> None:
        self.allowed = min(START, self.most)

    def start(self) -> None:
        """Begin to look at the loop, if that has not begun."""
        if self._timer is None:
            self._beat_later()

    def stop(self) -> None:
        """Nothing is in flight any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def note(self, late: float, worked: float) -> None:
        """A beat came `late` seconds late, the thread having worked for `worked` seconds."""
        if min(late, worked) > LONG_TURN:
            self.allowed = max(min(LEAST, self.most), self.allowed * 0.7)
        else:
            self.allowed = min(self.most, self.allowed + self.most / 64)

    def _beat(self) -> None:
        now, worked = asyncio.get_running_loop().time(), time.thread_time()
        self.note(now - self._due, worked - self._worked)
        self._beat_later()

    def _beat_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._due = loop.time() + BEAT
        self._worked = time.thread_time()
        self._timer = loop.call_later(BEAT, self._beat)
