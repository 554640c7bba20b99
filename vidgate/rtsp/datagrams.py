"""A camera's datagrams, counted by the work they make and taken in turns."""

import asyncio
from collections import deque
from collections.abc import Callable
from time import perf_counter

from vidgate.rtsp.intake import TURN, allowed
from vidgate.rtsp.receiver import UNITS_EACH

# What may wait for its turn, as much as the kernel holds for a socket (`rtp.transport`). What comes
# then is lost as it would be there: a socket of datagrams cannot hold its sender back.
MOST_WAITING = 2048
MOST_BYTES = 2 << 20

Take = Callable[[bytes], object]
Work = Callable[[], int]


def _none() -> int:
    return 0


class Datagrams:
    """What one camera sends by UDP, by all its ports.

    Beyond what `intake.allowed` lets through nothing is looked at any more, and `on_flood` is
    called, once. A datagram is one item, and so are `UNITS_EACH` units that its handler says it
    found: one of 1,452 bytes may hold hundreds. When the work of one turn of the event loop has
    taken `TURN` seconds the rest waits for the next; the loop itself reads up to 32 in a turn.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        on_arrival: Callable[[float], None],
        on_flood: Callable[[], None],
        now: Callable[[], float] = perf_counter,
    ) -> None:
        self.is_flooded = False
        self._clock = clock
        self._on_arrival = on_arrival
        self._on_flood = on_flood
        self._now = now
        self._allowed = allowed(clock())
        self._waiting: deque[tuple[bytes, Take, Work]] = deque()
        self._bytes = 0  # of those that wait
        self._next: asyncio.Handle | None = None
        self._worked = 0.0  # seconds, less the time that went to others since
        self._looked = now()

    def handler(self, take: Take, work: Work = _none) -> Callable[[bytes], None]:
        """Of the datagrams of one port; `work` counts the units that `take` has found so far."""

        def receive(data: bytes) -> None:
            if self.is_flooded:
                return
            if self._next is not None:
                self._wait(data, take, work)
                return
            now = self._now()
            self._worked = max(0.0, self._worked - (now - self._looked))
            self._looked = now
            if self._worked > TURN:
                self._wait(data, take, work)
                self._next = asyncio.get_running_loop().call_soon(self._go_on)
            else:
                self._take(data, take, work)

        return receive

    def close(self) -> None:
        """What waits is forgotten, and so is whom this was for."""
        self.is_flooded = True
        self._forget()
        self._on_arrival, self._on_flood = _nobody, _nothing

    def _wait(self, data: bytes, take: Take, work: Work) -> None:
        if len(self._waiting) < MOST_WAITING and self._bytes + len(data) <= MOST_BYTES:
            self._waiting.append((data, take, work))
            self._bytes += len(data)
        else:
            self._count(1, self._clock())

    def _take(self, data: bytes, take: Take, work: Work) -> None:
        arrived = self._clock()
        self._on_arrival(arrived)
        before = work()
        take(data)
        # Less than before where the track has begun anew.
        self._count(1 + max(0, work() - before) // UNITS_EACH, arrived)
        now = self._now()
        self._worked += now - self._looked
        self._looked = now

    def _count(self, items: int, arrived: float) -> None:
        if not self._allowed.takes(items, arrived) and not self.is_flooded:
            self.is_flooded = True
            self._forget()
            self._on_flood()

    def _go_on(self) -> None:
        self._next = None
        self._worked = 0.0
        self._looked = self._now()
        while self._waiting and self._worked <= TURN:
            data, take, work = self._waiting.popleft()
            self._bytes -= len(data)
            self._take(data, take, work)
        if self._waiting:
            self._next = asyncio.get_running_loop().call_soon(self._go_on)

    def _forget(self) -> None:
        self._waiting.clear()
        self._bytes = 0
        if self._next is not None:
            self._next.cancel()
            self._next = None


def _nobody(_: float) -> None:
    pass


def _nothing() -> None:
    pass
