"""How many probes may be in flight without holding the event loop that viewers share."""

import asyncio
from dataclasses import dataclass, field

from vidgate.aio.processor import Processor

BEAT = 0.02  # seconds between two looks at the loop
LONG_TURN = 0.012  # seconds of one turn: the budget for a held loop is 0.02
LEAST = 16
START = 64


@dataclass(slots=True)
class Governor:
    """An allowance between `LEAST` and `most`: it grows while the loop turns quickly.

    Cameras that answer at once come back in batches, and 320 pictures at a time are a whole core's
    work; cameras that are slow to answer, or dead, leave the loop free and then the full number is
    allowed. A late beat counts only as far as we were at work.
    """

    most: int
    allowed: float = field(init=False)
    _timer: asyncio.TimerHandle | None = None
    _processor: Processor | None = None

    def __post_init__(self) -> None:
        self.allowed = min(START, self.most)

    def start(self) -> None:
        """Begin to look at the loop, if that has not begun."""
        if self._timer is None:
            self._processor = Processor()
            self._beat_later(self._processor)

    def stop(self) -> None:
        """Nothing is in flight any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._processor is not None:
            self._processor.close()
            self._processor = None

    def note(self, held: float) -> None:
        """Our own work made a beat late by `held` seconds."""
        if held > LONG_TURN:
            self.allowed = max(min(LEAST, self.most), self.allowed * 0.7)
        else:
            self.allowed = min(self.most, self.allowed + self.most / 64)

    def _beat(self, processor: Processor, due: float) -> None:
        self.note(processor.held(asyncio.get_running_loop().time() - due))
        self._beat_later(processor)

    def _beat_later(self, processor: Processor) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + BEAT
        processor.start()
        self._timer = loop.call_at(due, self._beat, processor, due)
