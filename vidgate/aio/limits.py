"""Concurrency limits with two priorities, a pace for connections, a bound for what peers ask."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from enum import IntEnum
from math import inf

from vidgate.aio.clock import Clock


class Priority(IntEnum):
    """Who asks: an operator's demand always beats a probe."""

    OPERATOR = 0
    PROBE = 1


Leave = Callable[[], bool]
"""Asks a holder to leave its slot; False where it stays."""


@dataclass(slots=True, eq=False)
class _Holder:
    priority: Priority
    name: str
    task: asyncio.Task[object] | None
    leave: Leave | None
    is_leaving: bool = False

    def ask_to_leave(self) -> bool:
        """A probe is cancelled; whoever holds for people knows whether anybody needs it still."""
        if self.leave is not None:
            self.is_leaving = self.leave()
        elif self.priority is Priority.PROBE and self.task is not None:
            self.is_leaving = self.task.cancel()
        return self.is_leaving


class Preempted(Exception):
    """A probe's slot was taken by an operator; nothing was learnt about the camera."""


class SlotsTaken(Exception):
    """No slot could be had within the time."""


class Slots:
    """At most `capacity` holders at once (0: no limit).

    An operator waits for no probe, and for nobody whose slot serves no person any more: as many of
    them are asked to leave as operators wait. A probe's task is cancelled inside `hold`, which
    turns that into `Preempted`.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._used = 0
        self._holders: dict[_Holder, None] = {}  # in the order of their coming
        self._waiting: dict[Priority, deque[asyncio.Future[None]]] = {p: deque() for p in Priority}

    @property
    def capacity(self) -> int:
        """How many there are; who waits for more has them at once."""
        return self._capacity

    @capacity.setter
    def capacity(self, capacity: int) -> None:
        if capacity != self._capacity:
            self._capacity = capacity
            self._grant()

    @property
    def used(self) -> int:
        """Slots held now."""
        return self._used

    @property
    def held(self) -> int:
        """Slots that no probe holds."""
        return sum(holder.priority is Priority.OPERATOR for holder in self._holders)

    @property
    def names(self) -> list[str]:
        """Who holds them, the first to come first."""
        return [holder.name for holder in self._holders]

    @property
    def is_free(self) -> bool:
        """Whether a slot could be had at once."""
        return self._capacity <= 0 or self._used < self._capacity

    def is_slow(self, queue: int) -> bool:
        """Whether a probe would wait long: `queue` of them do, or operators hold every slot."""
        if self.is_free:
            return False
        has_probes = any(holder.priority is Priority.PROBE for holder in self._holders)
        return not has_probes or len(self._waiting[Priority.PROBE]) >= queue

    @asynccontextmanager
    async def hold(
        self,
        priority: Priority = Priority.OPERATOR,
        *,
        patience: float | None = None,
        name: str = "",
        leave: Leave | None = None,
    ) -> AsyncIterator[None]:
        """Hold one slot; waits `patience` seconds for a free one (None: as long as it takes).

        Raises `SlotsTaken` when none came, `Preempted` when an operator took it away. `leave` is
        asked instead, where it is given: it may end the holder in its own way, soon.
        """
        await self._acquire(priority, patience)
        holder = _Holder(priority, name, asyncio.current_task(), leave)
        self._holders[holder] = None
        try:
            yield
        except asyncio.CancelledError:
            if _is_preempted(holder):
                raise Preempted from None
            raise
        finally:
            del self._holders[holder]
            self._release()

    def make_room(self) -> None:
        """Ask holders to leave for the operators who wait; for when one is needed no longer."""
        leaving = sum(holder.is_leaving for holder in self._holders)
        missing = self._used + len(self._waiting[Priority.OPERATOR]) - self._capacity - leaving
        for holder in self._order():
            if missing <= 0:
                return
            if not holder.is_leaving:
                missing -= holder.ask_to_leave()

    def _order(self) -> list[_Holder]:
        """Who is asked first: what nobody watches, oldest first; then the probes that began last,
        which have the least to lose.
        """
        kept = [holder for holder in self._holders if holder.priority is Priority.OPERATOR]
        probes = [holder for holder in self._holders if holder.priority is Priority.PROBE]
        return kept + probes[::-1]

    async def _acquire(self, priority: Priority, patience: float | None) -> None:
        if self.is_free and not any(self._waiting.values()):
            self._used += 1
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[priority].append(waiter)
        if priority is Priority.OPERATOR:
            self.make_room()
        self._grant()
        try:
            async with asyncio.timeout(patience):
                await waiter
        except (asyncio.CancelledError, TimeoutError) as error:
            if waiter.cancelled():
                with suppress(ValueError):  # a grant that came first has passed it over
                    self._waiting[priority].remove(waiter)
            else:  # granted in the same turn: hand it on
                self._release()
            if isinstance(error, TimeoutError):
                raise SlotsTaken from None
            raise

    def _release(self) -> None:
        self._used -= 1
        self._grant()

    def _grant(self) -> None:
        for queue in self._waiting.values():
            while queue and self.is_free:
                waiter = queue.popleft()
                if not waiter.done():
                    self._used += 1  # counted at the grant, so that nobody slips in between
                    waiter.set_result(None)


def _is_preempted(holder: _Holder) -> bool:
    """Whether its task was cancelled for the slot alone; the cancellation is taken back then."""
    if holder.leave is not None or not holder.is_leaving or holder.task is None:
        return False
    return holder.task.uncancel() == 0


MARGIN = 1.05  # seconds that count as one: what was started late may arrive bunched
SPURT = 2.0  # times the rate, so long as less was used than is allowed
BUNCH = 4  # events at once after one, for a caller who was late


class Pace:
    """At most `rate` events in any one second (0: no limit); below 1, one every `1 / rate` seconds.

    Events that are merely spaced lose whatever a caller was late for, and what was not asked for;
    here it is made up for at `SPURT` times the rate, within what a second may have.
    """

    def __init__(self, rate: float) -> None:
        self.rate = rate
        count = max(1, int(rate))
        self._window = MARGIN * (1.0 if rate >= 1 else 1 / rate if rate > 0 else 0.0)
        self._gap = 1 / (SPURT * rate) if rate > 0 else 0.0
        self._events: deque[float] = deque(maxlen=count)
        self._spaced = -inf

    @property
    def turn(self) -> float:
        """When the next may be, in monotonic seconds; at once if that has passed."""
        if len(self._events) < (self._events.maxlen or 0):
            return self._spaced
        return max(self._spaced, self._events[0] + self._window)

    async def wait(self, clock: Clock) -> None:
        """Until the turn of one, which is noted."""
        while True:
            now, turn = clock.now(), self.turn
            if now >= turn:
                self.note(now)
                return
            await asyncio.sleep(turn - now)

    def note(self, now: float) -> None:
        """One event is now."""
        if self.rate > 0:
            self._events.append(now)
            self._spaced = max(self._spaced + self._gap, now - (BUNCH - 1) * self._gap)

    def move(self, noted: float, now: float) -> None:
        """What was noted for then happens only now: who notes and who acts may be turns apart."""
        if noted in self._events:
            self._events.remove(noted)
            self._events.append(now)


class Allowed:
    """What a peer may send or ask for: `rate` items a second, `burst` at once (a leaky bucket).

    What is refused costs nothing, so that who sends too much has his rate all the same. `now` is
    monotonic seconds.
    """

    def __init__(self, rate: float, burst: int, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._level = 0.0
        self._looked = now

    def takes(self, items: int, now: float) -> bool:
        """Whether so many more may be: all of them are counted, or none."""
        self._leak(now)
        if self._level + items > self._burst:
            return False
        self._level += items
        return True

    def part(self, items: int, now: float) -> int:
        """How many of so many may be: those are counted."""
        self._leak(now)
        most = min(items, int(self._burst - self._level))
        self._level += most
        return most

    def _leak(self, now: float) -> None:
        self._level = max(0.0, self._level - (now - self._looked) * self._rate)
        self._looked = now
