"""A camera's datagrams, counted by the work they make and taken in turns."""

import asyncio
from collections import deque
from collections.abc import Callable
from time import perf_counter

from vidgate.rtsp.address import nothing
from vidgate.rtsp.intake import TURN, allowed
from vidgate.rtsp.receiver import UNITS_EACH

# What may wait for its turn, as much as the kernel holds for a socket (`rtp.transport`). What comes
# then is lost as it would be there: a socket of datagrams cannot hold its sender back.
MOST_WAITING = 2048
MOST_BYTES = 2 << 20

Take = Callable[[bytes], object]
Work = Callable[[], int]


class _Port:
    """Who takes the datagrams of a port, and the work that he had found after the last one."""

    __slots__ = ("found", "take", "work")

    def __init__(self, take: Take, work: Work | None) -> None:
        self.take = take
        self.work = work
        self.found = 0 if work is None else work()


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
        self._is_over = False  # flooded or closed
        self._clock = clock
        self._on_arrival = on_arrival
        self._on_flood = on_flood
        self._now = now
        self._allowed = allowed(clock())
        self._waiting: deque[tuple[bytes, _Port]] = deque()
        self._bytes = 0  # of those that wait
        self._next: asyncio.Handle | None = None
        self._worked = 0.0  # seconds, less the time that went to others since
        self._looked = now()

    def handler(self, take: Take, work: Work | None = None) -> Callable[[bytes], None]:
        """Of the datagrams of one port; `work` counts the units that `take` has found so far."""
        port = _Port(take, work)

        def receive(data: bytes) -> None:
            if self._is_over:
                return
            if self._next is not None:
                self._wait(data, port)
                return
            now = self._now()
            worked = self._worked - (now - self._looked)
            self._worked = worked if worked > 0.0 else 0.0
            self._looked = now
            if worked > TURN:
                self._wait(data, port)
                self._next = asyncio.get_running_loop().call_soon(self._go_on)
            else:
                self._take(data, port)

        return receive

    def close(self) -> None:
        """What waits is forgotten, and so is whom this was for."""
        self._end()
        self._on_arrival = self._on_flood = nothing

    def _wait(self, data: bytes, port: _Port) -> None:
        if len(self._waiting) < MOST_WAITING and self._bytes + len(data) <= MOST_BYTES:
            self._waiting.append((data, port))
            self._bytes += len(data)
        elif not self._allowed.takes(1, self._clock()):
            self._flood()

    def _take(self, data: bytes, port: _Port) -> None:
        arrived = self._clock()
        self._on_arrival(arrived)
        port.take(data)
        items = 1
        if port.work is not None:
            before, port.found = port.found, port.work()
            if port.found > before:  # less where the track has begun anew
                items += (port.found - before) // UNITS_EACH
        if not self._allowed.takes(items, arrived):
            self._flood()
        now = self._now()
        self._worked += now - self._looked
        self._looked = now

    def _flood(self) -> None:
        if not self._is_over:
            self.is_flooded = True
            self._end()
            self._on_flood()

    def _go_on(self) -> None:
        self._next = None
        self._worked = 0.0
        self._looked = self._now()
        while self._waiting and self._worked <= TURN:
            data, port = self._waiting.popleft()
            self._bytes -= len(data)
            self._take(data, port)
        if self._waiting:
            self._next = asyncio.get_running_loop().call_soon(self._go_on)

    def _end(self) -> None:
        self._is_over = True
        self._waiting.clear()
        self._bytes = 0
        if self._next is not None:
            self._next.cancel()
            self._next = None
