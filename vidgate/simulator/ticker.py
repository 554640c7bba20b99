"""One timer for all streams: pictures are due 25 times a second, spread over eight instants."""

import asyncio
from typing import Protocol

from vidgate.simulator.pictures import FPS

SLOTS = 8  # instants in one picture's time, 5 ms apart
MAX_LATE = 2 * FPS * SLOTS  # steps made up for when the process was held up


class Ticking(Protocol):
    """What is due once a picture."""

    def tick(self, index: int) -> None:
        """Picture `index` since the start is due."""
        ...


class Timer(Protocol):
    """What a stream needs of the ticker."""

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        ...

    def add(self, member: Ticking, slot: int) -> None:
        """Call the member from its next instant on."""
        ...

    def remove(self, member: Ticking, slot: int) -> None:
        """Call the member no more."""
        ...


class Ticker:
    """Calls its members; sleeps as long as there are none."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.epoch = self._loop.time()
        self._slots: list[list[Ticking]] = [[] for _ in range(SLOTS)]
        self._done = 0  # the last step that was called
        self._timer: asyncio.TimerHandle | None = None
        self.skipped = 0

    def __len__(self) -> int:
        return sum(map(len, self._slots))

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return self._loop.time() - self.epoch

    def add(self, member: Ticking, slot: int) -> None:
        """Call the member from its next instant on."""
        if self._timer is None:
            self._done = self._step_now()
        else:
            self._timer.cancel()
        self._slots[slot % SLOTS].append(member)
        self._sleep()

    def remove(self, member: Ticking, slot: int) -> None:
        """Call the member no more."""
        members = self._slots[slot % SLOTS]
        if member in members:
            # A copy: removal may come from inside a call of the same slot.
            self._slots[slot % SLOTS] = [other for other in members if other is not member]
        if not any(self._slots):
            self.stop()

    def stop(self) -> None:
        """Sleep until somebody is added."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _step_now(self) -> int:
        return int(self.seconds * FPS * SLOTS)

    def _sleep(self) -> None:
        step = self._done + 1
        while not self._slots[step % SLOTS]:
            step += 1
        self._timer = self._loop.call_at(self.epoch + step / (FPS * SLOTS), self._run)

    def _run(self) -> None:
        now = max(self._step_now(), self._done + 1)
        if now - self._done > MAX_LATE:
            self.skipped += now - self._done - 1
            self._done = now - 1
        try:
            while self._done < now:
                self._done += 1
                for member in self._slots[self._done % SLOTS]:
                    member.tick(self._done // SLOTS)
        finally:  # one member's failure is its own
            self._timer = None
            if any(self._slots):
                self._sleep()
