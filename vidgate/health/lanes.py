"""Who may be probed now: a limit for each host or platform, and turns between them."""

from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class _Lane(Generic[T]):
    limit: int
    active: int = 0
    urgent: deque[T] = field(default_factory=deque)
    again: deque[T] = field(default_factory=deque)
    routine: deque[T] = field(default_factory=deque)

    @property
    def is_open(self) -> bool:
        return self.limit <= 0 or self.active < self.limit


class Lanes(Generic[T]):
    """Items waiting in lanes; `take` gives the next that no limit holds back.

    Lanes take turns, so that a platform with two thousand channels does not hold back the others.
    What a person asked for (`urgent`) goes before the routine, and of the routine what settles a
    doubt (`again`) first: behind a platform that times out it would wait for a round of all, three
    times, before the first channel is known to be down. A limit of 0 is none. Every operation
    but `discard` is O(1), amortised.

    `room` says how many may be at work in a lane for one more of the routine to start; None: as
    many as its limit says.
    """

    def __init__(self, room: Callable[[Hashable], int | None] = lambda key: None) -> None:
        self._room = room
        self._shut: list[Hashable] = []  # for want of room, until `reopen`
        self.active = 0
        self.waiting = 0
        self._lanes: dict[Hashable, _Lane[T]] = {}
        # Lanes that may have something to start, in turn; checked when taken.
        self._urgent: OrderedDict[Hashable, None] = OrderedDict()
        self._routine: OrderedDict[Hashable, None] = OrderedDict()

    def put(
        self, key: Hashable, limit: int, item: T, *, urgent: bool = False, again: bool = False
    ) -> None:
        """Let `item` wait in the lane `key`, whose limit is `limit` from now on."""
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = _Lane(limit)
        lane.limit = limit
        (lane.urgent if urgent else lane.again if again else lane.routine).append(item)
        self.waiting += 1
        (self._urgent if urgent else self._routine)[key] = None

    def take(self, *, routine: bool = True) -> tuple[Hashable, T] | None:
        """The next item and its lane, counted as active until `release`; None: nobody may go."""
        return self._take(self._urgent, True) or (
            self._take(self._routine, False) if routine else None
        )

    def release(self, key: Hashable) -> None:
        """An item of that lane is done."""
        lane = self._lanes[key]
        lane.active -= 1
        self.active -= 1
        if lane.urgent:
            self._urgent[key] = None
        if lane.again or lane.routine:
            self._routine[key] = None
        if not (lane.active or lane.urgent or lane.again or lane.routine):
            del self._lanes[key]

    def discard(self, key: Hashable, item: T) -> None:
        """An item that waits in the lane is not to be taken any more; O(n) of those who wait."""
        lane = self._lanes.get(key)
        for queue in () if lane is None else (lane.urgent, lane.again, lane.routine):
            if item in queue:
                queue.remove(item)
                self.waiting -= 1
                return

    def reopen(self) -> None:
        """There may be room again where there was none."""
        self._routine.update(dict.fromkeys(self._shut))
        self._shut.clear()

    def is_full(self, key: Hashable, *, urgent: bool = False) -> bool:
        """Whether nothing more may start in the lane now."""
        lane = self._lanes.get(key)
        return lane is not None and not (lane.is_open and (urgent or self._has_room(key, lane)))

    def _has_room(self, key: Hashable, lane: _Lane[T]) -> bool:
        room = self._room(key)
        return room is None or lane.active < room

    def _take(self, ready: OrderedDict[Hashable, None], urgent: bool) -> tuple[Hashable, T] | None:
        while ready:
            key, _ = ready.popitem(last=False)
            lane = self._lanes.get(key)
            if lane is None or not lane.is_open:
                continue  # a release brings it back
            if not (urgent or self._has_room(key, lane)):
                self._shut.append(key)
                continue
            queue = lane.urgent if urgent else lane.again or lane.routine
            if not queue:
                continue
            item = queue.popleft()
            lane.active += 1
            self.active += 1
            self.waiting -= 1
            if queue or (lane.routine and not urgent):
                ready[key] = None  # at the end: the others come first
            return key, item
        return None
