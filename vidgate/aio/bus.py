"""The one event bus: in process, bounded, resumable by sequence number."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from vidgate.aio.clock import Clock, SystemClock
from vidgate.model.event import Event


class Subscription:
    """One listener's queue: the oldest events are dropped when it is slow, and `lost` says so."""

    def __init__(self, limit: int, types: frozenset[str] | None) -> None:
        self._queue: deque[Event] = deque(maxlen=limit)
        self._ready = asyncio.Event()
        self._types = types
        self.lost = 0

    def offer(self, event: Event) -> None:
        """Take an event if it is of a wanted type."""
        if self._types is not None and event.type not in self._types:
            return
        if len(self._queue) == self._queue.maxlen:
            self.lost += 1
        self._queue.append(event)
        self._ready.set()

    async def get(self) -> Event:
        """Wait for the next event."""
        while not self._queue:
            self._ready.clear()
            await self._ready.wait()
        return self._queue.popleft()

    def __aiter__(self) -> AsyncIterator[Event]:
        return self._iterate()

    async def _iterate(self) -> AsyncIterator[Event]:
        while True:
            yield await self.get()


class Bus:
    """Publishes immutable events to any number of listeners, in order, without waiting for them.

    `first`: events are numbered from the next number on. A service gives milliseconds of the wall
    clock, so that who asks for what came after an event of the run before is not misunderstood.
    """

    def __init__(
        self, *, history: int = 20_000, clock: Clock | None = None, first: int = 0
    ) -> None:
        self._clock = clock or SystemClock()
        self._history: deque[Event] = deque(maxlen=history)
        self._listeners: set[Subscription] = set()
        self._seq = first

    @property
    def seq(self) -> int:
        """The number of the last event published."""
        return self._seq

    def publish(self, type_: str, object_: str, data: Mapping[str, Any] | None = None) -> Event:
        """Publish a fact; `data` must be JSON-ready and is never changed afterwards."""
        self._seq += 1
        event = Event(self._seq, self._clock.wall(), type_, object_, data or {})
        self._history.append(event)
        for listener in self._listeners:
            listener.offer(event)
        return event

    def since(self, seq: int) -> tuple[bool, list[Event]]:
        """Events after `seq`, and whether none between was forgotten (False: reload everything)."""
        if seq > self._seq:
            return False, []
        oldest = self._history[0].seq if self._history else self._seq + 1
        return oldest <= seq + 1, [event for event in self._history if event.seq > seq]

    @asynccontextmanager
    async def subscribe(
        self, types: Iterable[str] | None = None, *, limit: int = 10_000
    ) -> AsyncIterator[Subscription]:
        """Listen to the given types (default all) until the block is left."""
        subscription = Subscription(limit, frozenset(types) if types is not None else None)
        self._listeners.add(subscription)
        try:
            yield subscription
        finally:
            self._listeners.discard(subscription)
