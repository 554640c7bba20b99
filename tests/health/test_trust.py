"""A wall clock that is wrong writes nothing among what is true, and takes nothing of it away."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.health.test_history import SETTINGS
from vidgate.aio.bus import Bus
from vidgate.aio.clock import ManualClock
from vidgate.health.book import Book
from vidgate.health.history import History
from vidgate.health.trust import DAY, SLACK, STEADY, Trust
from vidgate.health.uptime import merged, spans
from vidgate.model.health import Health, Level, Reason, State
from vidgate.storage.database import Database
from vidgate.storage.history import HistoryStore
from vidgate.storage.states import States

HOUR = 3600.0
YEAR = 365 * DAY
UP = Health(channel="c", state=State.UP, reason=Reason.OK, level=Level.MEDIA)
DOWN = Health(channel="c", state=State.DOWN, reason=Reason.TIMEOUT, level=Level.NONE)
FOREVER = (0, 1 << 60)


@pytest.mark.parametrize(
    ("ahead", "is_believed"), [(-YEAR, False), (-SLACK - 1, False), (-SLACK, True), (YEAR, True)]
)
def test_no_time_is_before_what_was_stored(ahead: float, is_believed: bool) -> None:
    clock = ManualClock()
    assert Trust(clock, clock.wall() - ahead).look() is is_believed


def test_nothing_stored_is_nothing_to_lose() -> None:
    clock = ManualClock()
    trust = Trust(clock)
    clock.jump_wall(-8 * HOUR)
    assert trust.look()
    assert trust.may_forget


@pytest.mark.parametrize(("back", "may_drop"), [(DAY / 2, True), (2 * DAY, False)])
def test_after_an_hour_any_clock_is_believed(back: float, may_drop: bool) -> None:
    clock = ManualClock()
    trust = Trust(clock, clock.wall() + back)
    clock.advance(STEADY - 1)
    assert not trust.look()
    clock.advance(1)
    assert trust.look()
    assert trust.may_drop is may_drop


def test_for_a_day_after_a_leap_nothing_is_old() -> None:
    clock = ManualClock()
    trust = Trust(clock, clock.wall())
    told = [trust.may_forget]
    for leap, later in ((3 * YEAR, 0.0), (0.0, DAY)):
        clock.jump_wall(leap)
        clock.advance(later)
        told.append(trust.may_forget)
    assert told == [True, False, True]


class Machine:
    """vidgate's past on a disk, and a clock that goes wrong."""

    def __init__(self, db: Database, clock: ManualClock) -> None:
        self.store, self.states, self.clock = HistoryStore(db), States(db), clock

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """One life of the service."""
        newest = await self.store.last_run()
        trust = Trust(self.clock, None if newest is None else newest / 1000)
        async with History(self.store, SETTINGS, self.clock, trust=trust) as self.history:
            self.book = Book(self.states, Bus(clock=self.clock), self.clock, trust)
            await self.book.load()
            self.book.adopt(Health(channel="c", since=self.book.wall()))
            yield
            await self.book.close()

    async def pass_(self, hours: float, state: Health | None = None, *, jump: float = 0) -> None:
        """The clock jumps, the channel is seen so, and time goes by, a minute at a time."""
        self.clock.jump_wall(jump)
        self.book.wall()
        if state is not None:
            self.book.put(state)
        for _ in range(round(hours * 60)):
            self.clock.advance(60)
            self.book.wall()
            await self.history.beat()
        await self.book.save()

    async def told(self) -> list[tuple[float, str]]:
        """What history says: hours since the beginning until which the channel was what."""
        (key,) = (await self.store.subjects()).values()
        runs = await self.store.runs(*FOREVER)
        begin, end = runs[0].start, round(self.clock.wall() * 1000)
        entries = await self.store.entries([key], begin, end)
        seen = merged(spans(entries[key], runs, begin, end))
        return [(round((one.end - begin) / 3.6e6, 1), one.standing.state.label) for one in seen]

    async def kept(self) -> tuple[int, int, int]:
        """How many entries, runs and days there are."""
        entries = await self.store.entries((await self.store.subjects()).values(), *FOREVER)
        days = await self.store.days(*FOREVER)
        return sum(map(len, entries.values())), len(await self.store.runs(*FOREVER)), len(days)


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    clock = ManualClock()
    async with Database(tmp_path / "vidgate.db", clock=clock) as db:
        yield Machine(db, clock)


@pytest.mark.parametrize("step", [-25 * YEAR, -8 * HOUR, 3 * YEAR])
async def test_a_clock_set_wrong_for_a_while_takes_nothing_away(
    machine: Machine, step: float
) -> None:
    async with machine.running():
        await machine.pass_(2, UP)
        for _ in range(10):
            await machine.pass_(0.1, DOWN)
            machine.clock.advance(DAY - 720)
            await machine.pass_(0.1, UP)
        await machine.history.keep_house()
        before = await machine.kept()
        await machine.pass_(0.2, DOWN, jump=step)
        await machine.history.keep_house()
        await machine.pass_(0.2, DOWN, jump=-step)
        await machine.history.keep_house()
        after = await machine.kept()
    assert all(kept <= now for kept, now in zip(before, after, strict=True))
    assert (await machine.told())[-1][1] == "down"


@pytest.mark.parametrize("slow", [8 * HOUR, 26 * YEAR])
async def test_a_start_by_an_empty_battery_writes_nothing(machine: Machine, slow: float) -> None:
    async with machine.running():
        await machine.pass_(20, UP)
    machine.clock.advance(360)
    machine.clock.jump_wall(-slow)
    async with machine.running():
        await machine.pass_(0.1, DOWN)
        await machine.pass_(10, jump=slow)
    assert await machine.told() == [(20, "up"), (20.2, "unknown"), (30.2, "down")]


async def test_what_a_fast_clock_wrote_goes_an_hour_after_a_start_by_the_right_one(
    machine: Machine,
) -> None:
    async with machine.running():
        await machine.pass_(2, DOWN)
        await machine.pass_(1, UP, jump=20 * HOUR)
    machine.clock.jump_wall(-20 * HOUR)
    async with machine.running():
        await machine.pass_(4, DOWN)
        await machine.pass_(2, UP)
        await machine.pass_(24, DOWN)
    told = [(2, "down"), (4, "unknown"), (7, "down"), (9, "up"), (33, "down")]
    assert await machine.told() == told
    assert len(await machine.store.runs(*FOREVER)) == 2
