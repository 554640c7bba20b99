"""Concurrency limits with two priorities, and a pace for new connections."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import IntEnum

from vidgate.aio.clock import Clock, SystemClock


class Priority(IntEnum):
    """Who asks: an operator's demand always beats a probe."""

    OPERATOR = 0
    PROBE = 1


@dataclass(slots=True, eq=False)
class _Holder:
    priority: Priority
    task: asyncio.Task[object] | None
    preempted: bool = False


class Preempted(Exception):
    """A probe's slot was taken by an operator; nothing was learnt about the camera."""


class Slots:
    """At most `capacity` holders at once (0: no limit).

    An operator waits before no probe, and takes the slot of a running probe: the probe's task is
    cancelled inside `hold`, which turns that into `Preempted`.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._used = 0
        self._holders: set[_Holder] = set()
        self._waiting: dict[Priority, deque[asyncio.Future[None]]] = {p: deque() for p in Priority}

    @property
    def used(self) -> int:
        """Slots held now."""
        return self._used

    @property
    def is_free(self) -> bool:
        """Whether a slot could be had at once."""
        return self.capacity <= 0 or self._used < self.capacity

    @asynccontextmanager
    async def hold(self, priority: Priority = Priority.OPERATOR) -> AsyncIterator[None]:
        """Hold one slot; waits for a free one. Raises `Preempted` when an operator took it away."""
        await self._acquire(priority)
        holder = _Holder(priority, asyncio.current_task())
        self._holders.add(holder)
        try:
            yield
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if holder.preempted and task is not None and task.uncancel() == 0:
                raise Preempted from None
            raise
        finally:
            self._holders.discard(holder)
            self._release()

    async def _acquire(self, priority: Priority) -> None:
        if self.is_free and not any(self._waiting.values()):
            self._used += 1
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[priority].append(waiter)
        if priority is Priority.OPERATOR:
            self._preempt()
        self._grant()
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.cancelled():
                self._waiting[priority].remove(waiter)
            else:  # granted in the same turn: hand it on
                self._release()
            raise

    def _preempt(self) -> None:
        for holder in self._holders:
            if holder.priority is Priority.PROBE and not holder.preempted and holder.task:
                holder.preempted = True
                holder.task.cancel()
                return

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


@dataclass(slots=True)
class Pace:
    """Lets at most `rate` events a second through, evenly spaced (0: no limit)."""

    rate: float
    clock: Clock = field(default_factory=SystemClock)
    _next: float = 0.0

    async def wait(self) -> None:
        """Wait for this caller's turn."""
        if self.rate <= 0:
            return
        now = self.clock.now()
        turn = max(now, self._next)
        self._next = turn + 1 / self.rate
        if turn > now:
            await asyncio.sleep(turn - now)
