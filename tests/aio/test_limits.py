"""Slots are never exceeded; operators come before probes and take their slots."""

import asyncio
import random
from bisect import bisect_left
from collections.abc import AsyncIterator, Callable

import pytest

from tests.waiting import until
from vidgate.aio.limits import MARGIN, Allowed, Pace, Preempted, Priority, Slots, SlotsTaken


async def test_never_more_holders_than_slots() -> None:
    slots = Slots(3)
    most = 0

    async def work() -> None:
        nonlocal most
        async with slots.hold(Priority.PROBE):
            most = max(most, slots.used)
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for _ in range(50):
            group.create_task(work())
    assert most == 3
    assert slots.used == 0


async def test_an_operator_takes_a_probes_slot_at_once() -> None:
    slots = Slots(1)
    outcome: list[str] = []

    async def probe() -> None:
        try:
            async with slots.hold(Priority.PROBE):
                await asyncio.Event().wait()
        except Preempted:
            outcome.append("preempted")

    async with asyncio.TaskGroup() as group:
        group.create_task(probe())
        await until(lambda: slots.used == 1)
        async with asyncio.timeout(2), slots.hold(Priority.OPERATOR):
            outcome.append("watching")
    assert sorted(outcome) == ["preempted", "watching"]
    assert slots.used == 0


async def test_a_cancelled_probe_is_cancelled_not_preempted() -> None:
    slots = Slots(1)

    async def probe() -> None:
        async with slots.hold(Priority.PROBE):
            await asyncio.Event().wait()

    task = asyncio.create_task(probe())
    await until(lambda: slots.used == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert slots.used == 0


async def test_a_cancelled_waiter_gives_its_place_away() -> None:
    slots = Slots(1)
    async with slots.hold():
        waiter = asyncio.create_task(slots.hold(Priority.PROBE).__aenter__())
        await asyncio.sleep(0)
        waiter.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiter
    async with asyncio.timeout(1), slots.hold():
        assert slots.used == 1


async def test_a_waiter_cancelled_when_a_slot_comes_leaves_nothing_behind() -> None:
    slots = Slots(1)
    async with slots.hold():
        waiter = asyncio.create_task(slots.hold().__aenter__())
        await asyncio.sleep(0)
        waiter.cancel()  # and before it runs, the slot is free
    with pytest.raises(asyncio.CancelledError):
        await waiter
    assert slots.used == 0


async def test_who_waits_in_vain_is_told() -> None:
    slots = Slots(2)
    async with slots.hold(name="a"), slots.hold(name="b"):
        with pytest.raises(SlotsTaken):
            async with slots.hold(patience=0.01):
                pass
        assert slots.names == ["a", "b"]
    assert slots.used == 0


class Room:
    """Slots held by tasks that leave when they are asked, where nobody needs them any more."""

    def __init__(self, capacity: int) -> None:
        self.slots = Slots(capacity)
        self.needed: set[str] = set()
        self.tasks: dict[str, asyncio.Task[None]] = {}

    def leave(self, name: str) -> bool:
        """Asked to leave."""
        return name not in self.needed and self.tasks[name].cancel()

    async def _hold(self, name: str, priority: Priority) -> None:
        leave = None if priority is Priority.PROBE else lambda: self.leave(name)
        async with self.slots.hold(priority, name=name, leave=leave):
            await asyncio.get_running_loop().create_future()

    async def come(self, *names: str, priority: Priority = Priority.OPERATOR) -> None:
        """Let them ask, one after the other."""
        for name in names:
            self.tasks[name] = asyncio.create_task(self._hold(name, priority))
            await asyncio.sleep(0)

    async def holds(self, *names: str) -> None:
        """Wait until just these hold a slot."""
        await until(lambda: set(self.slots.names) == set(names))

    @property
    def asked(self) -> set[str]:
        """Who was asked to leave, from the beginning."""
        return {name for name, task in self.tasks.items() if task.cancelling() or task.done()}

    async def close(self) -> None:
        """End all."""
        for task in self.tasks.values():
            task.cancel()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)
        assert self.slots.used == 0


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    """Three slots."""
    room = Room(3)
    yield room
    await room.close()


async def test_what_nobody_needs_leaves_before_any_probe(room: Room) -> None:
    room.needed = {"watched", "new"}
    await room.come("watched", "left")
    await room.come("probe", priority=Priority.PROBE)
    await room.come("new")
    await room.holds("watched", "probe", "new")
    assert room.asked == {"left"}


async def test_of_probes_the_youngest_leaves(room: Room) -> None:
    await room.come("first", "second", "third", priority=Priority.PROBE)
    await room.come("new")
    await room.holds("first", "second", "new")
    assert room.asked == {"third"}


async def test_no_more_leave_than_wait(room: Room) -> None:
    await room.come("a", "b", "c", priority=Priority.PROBE)
    room.needed = {"d", "e"}
    await room.come("d", "e")
    await room.holds("a", "d", "e")
    assert room.asked == {"b", "c"}


async def test_who_becomes_unneeded_leaves_for_who_waits(room: Room) -> None:
    room.needed = {"a", "b", "c", "new"}
    await room.come("a", "b", "c", "new")
    room.slots.make_room()
    assert room.asked == set()
    room.needed.remove("b")
    room.slots.make_room()
    await room.holds("a", "c", "new")
    assert room.asked == {"b"}


async def test_nobody_is_asked_to_leave_for_a_probe(room: Room) -> None:
    await room.come("a", "b", "c")
    await room.come("probe", priority=Priority.PROBE)
    room.slots.make_room()
    await room.holds("a", "b", "c")
    assert room.asked == set()


async def test_more_slots_are_had_at_once_and_fewer_only_when_left(room: Room) -> None:
    room.needed = {"a", "b", "c", "d", "e"}
    await room.come("a", "b", "c", "d")
    room.slots.capacity = 4
    await room.holds("a", "b", "c", "d")
    room.slots.capacity = 2
    await room.come("e")
    assert room.asked == set()
    room.needed -= {"a", "b"}
    room.slots.make_room()
    await room.holds("c", "d")
    room.needed -= {"c"}
    room.slots.make_room()
    await room.holds("d", "e")
    assert room.asked == {"a", "b", "c"}


async def test_zero_means_no_limit() -> None:
    slots = Slots(0)
    async with slots.hold(), slots.hold(), slots.hold():
        assert slots.used == 3


def paced(pace: Pace, seconds: float, late: Callable[[], float] = lambda: 0.0) -> list[float]:
    """The instants of a caller who always has another event, and is woken late."""
    now, events = 50.0, list[float]()
    while now < 50.0 + seconds:
        if now >= pace.turn:
            pace.note(now)
            events.append(now)
        else:
            now = pace.turn + late()
    return events


def most_in_a_second(events: list[float]) -> int:
    """In any, wherever it begins."""
    return max(bisect_left(events, begin + 1.0) - at for at, begin in enumerate(events))


@pytest.mark.parametrize("late", [0.0, 0.004, 0.05, 0.3])
def test_no_second_has_more_events_than_the_pace_allows_however_late_its_caller(
    late: float,
) -> None:
    rng = random.Random(1)
    events = paced(Pace(80.0), 20.0, lambda: rng.uniform(0.0, late))
    assert most_in_a_second(events) <= 80


def test_a_pace_loses_little_by_a_caller_who_is_a_little_late() -> None:
    rng = random.Random(1)
    assert len(paced(Pace(80.0), 20.0, lambda: rng.uniform(0.0, 0.03))) >= 0.97 * 20 * 80 / MARGIN


@pytest.mark.parametrize(("rate", "count"), [(0.5, 10), (1.0, 20), (2.5, 39)])
def test_a_slow_pace_is_kept_as_well(rate: float, count: int) -> None:
    assert len(paced(Pace(rate), 20.0)) == pytest.approx(count, abs=1)


def test_no_pace_holds_nobody_back() -> None:
    pace = Pace(0.0)
    for _ in range(1_000):
        pace.note(5.0)
    assert pace.turn < 0


def test_what_is_allowed_is_a_rate_beyond_a_burst() -> None:
    allowed = Allowed(8.0, 5, 100.0)
    assert [allowed.takes(1, 100.0) for _ in range(7)] == [True] * 5 + [False] * 2
    assert allowed.takes(1, 100.125)
    assert not allowed.takes(1, 100.125), "what was refused has cost nothing, and saved nothing"
    assert [allowed.takes(1, 900.0) for _ in range(6)] == [True] * 5 + [False]


def test_who_asks_for_more_than_is_allowed_has_all_or_nothing_or_a_part() -> None:
    allowed = Allowed(10.0, 5, 100.0)
    assert not allowed.takes(6, 100.0)
    assert allowed.part(3, 100.0) == 3
    assert allowed.part(3, 100.0) == 2
    assert allowed.part(3, 100.0) == 0
    assert allowed.part(3, 100.25) == 2


def test_a_flood_has_the_rate_all_the_same() -> None:
    allowed = Allowed(200.0, 100, 0.0)
    assert sum(allowed.takes(1, at / 10_000) for at in range(100_000)) == pytest.approx(2100, abs=2)
