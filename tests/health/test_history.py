"""The past is kept over restarts, full disks and clocks that jump; days equal what they sum up."""

import random
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.health.fakes import result
from vidgate.aio.clock import ManualClock
from vidgate.errors import StorageError
from vidgate.health import history as histories
from vidgate.health.calendar import zone_of
from vidgate.health.history import BEAT, History
from vidgate.health.looks import unpack
from vidgate.health.trust import Trust
from vidgate.health.uptime import spans, tally
from vidgate.model.channel import Lifecycle
from vidgate.model.health import Level, Reason, State
from vidgate.model.standing import Circumstances, Run, Tally, together
from vidgate.settings.tree import HistorySettings
from vidgate.storage.codes import unpack_tally
from vidgate.storage.database import Database
from vidgate.storage.history import HistoryStore
from vidgate.storage.states import States, Transition

SETTINGS = HistorySettings(timezone="Asia/Shanghai", result_days=30, transition_days=35)
LONDON, GREENWICH = (HistorySettings(timezone=name) for name in ("Europe/London", "Etc/UTC"))
ZONES = [zone_of(one.zone) for one in (LONDON, GREENWICH)]  # read from their files
DAY = 86_400
MIDNIGHT = 1_699_977_600.0  # 2023-11-15 in Shanghai


class FullStore(HistoryStore):
    """A disk that can be full."""

    full = False

    async def save_runs(self, some: object) -> None:
        if self.full:
            raise StorageError("the disk is full")
        await super().save_runs(some)  # type: ignore[arg-type]

    async def add_looks(self, rows: object) -> None:
        if self.full:
            raise StorageError("the disk is full")
        await super().add_looks(rows)  # type: ignore[arg-type]


class Desk:
    def __init__(self, db: Database, clock: ManualClock) -> None:
        self.db, self.clock, self.store = db, clock, FullStore(db)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[History]:
        async with History(self.store, SETTINGS, self.clock) as history:
            yield history

    async def runs(self) -> list[Run]:
        return await self.store.runs(0, 1 << 60)

    def ms(self) -> int:
        return round(self.clock.wall() * 1000)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    clock = ManualClock(wall=MIDNIGHT)
    async with Database(tmp_path / "vidgate.db", clock=clock) as db:
        yield Desk(db, clock)


async def test_what_no_heartbeat_covers_is_a_gap(desk: Desk) -> None:
    began = desk.ms()
    async with desk.running() as history:
        desk.clock.advance(BEAT)
        await history.beat()
        desk.clock.advance(30)
    ended = desk.ms()
    desk.clock.advance(600)
    async with desk.running():
        again = desk.ms()
    assert await desk.runs() == [Run(began, ended), Run(again, again)]


async def test_a_machine_that_slept_was_not_looking(desk: Desk) -> None:
    began = desk.ms()
    async with desk.running() as history:
        desk.clock.advance(3600)
        await history.beat()
        woke = desk.ms()
    assert await desk.runs() == [Run(began, began), Run(woke, woke)]


async def test_a_full_disk_costs_no_heartbeat(desk: Desk) -> None:
    began = desk.ms()
    async with desk.running() as history:
        desk.store.full = True
        for _ in range(20):
            desk.clock.advance(BEAT)
            await history.beat()
        desk.store.full = False
        await history.beat()
    assert await desk.runs() == [Run(began, desk.ms())]


async def test_a_clock_put_back_begins_anew(desk: Desk) -> None:
    began = desk.ms()
    async with desk.running() as history:
        desk.clock.advance(100)
        await history.beat()
        desk.clock.jump_wall(-50)
        await history.beat()
        back = desk.ms()
        desk.clock.advance(BEAT)
        await history.beat()
    assert await desk.runs() == [Run(began, back), Run(back, desk.ms())]


async def test_looks_survive_a_full_disk_and_the_end(desk: Desk) -> None:
    look = replace(result("a", asked=Level.MEDIA), t0=desk.clock.wall(), t3=1.5)
    async with desk.running() as history:
        history.observe(look)
        desk.store.full = True
        await history.save_looks(all_=True)
        history.observe(replace(look, t0=look.t0 + 5))
        desk.store.full = False
    rows = await desk.store.looks("a", 0, 1 << 60)
    found = [one for slot, data in rows for one in unpack(slot, data)]
    assert [(one.time, one.t3) for one in found] == [(look.t0, 1.5), (look.t0 + 5, 1.5)]
    assert history.lost_looks == 0


def scattered(seed: int, channels: int, days: int) -> list[Transition]:
    """A made-up past: every channel changes some five times a day."""
    rng = random.Random(seed)
    moves = []
    for number in range(channels):
        times = sorted(rng.uniform(0, days * DAY) for _ in range(5 * days))
        moves += [
            Transition(
                channel=f"c{number}",
                time=MIDNIGHT + round(time, 3),
                before=State.UNKNOWN,
                after=rng.choice(list(State)),
                reason=rng.choice([Reason.OK, Reason.TIMEOUT]),
                level=rng.choice(list(Level)),
                step=rng.choice([*Lifecycle, None]),
            )
            for time in times
        ]
    return moves


async def test_a_rolled_up_day_is_what_the_transitions_say(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(histories, "CHUNK", 3)
    await States(desk.db).save([], scattered(1, channels=8, days=4))
    start = desk.ms()
    runs = [Run(start, start + 40_000_000), Run(start + 90_000_000, start + 4 * DAY * 1000)]
    await desk.store.save_runs(runs)
    desk.clock.advance(4 * DAY + 3600)
    history = History(desk.store, SETTINGS, desk.clock)
    assert [await history.roll_up(), await history.roll_up()] == [3, 1]
    days = await desk.store.days(0, 1 << 60)
    assert days == {start + n * DAY * 1000: start + (n + 1) * DAY * 1000 for n in range(4)}
    keys = list((await desk.store.subjects()).values())
    raw = await desk.store.entries(keys, start, start + 4 * DAY * 1000)
    rolled: dict[int, list[Tally]] = {key: [] for key in keys}
    for day in days:
        for key, data in await desk.store.tallies(day):
            rolled[key].append(unpack_tally(data))
    for key in keys:
        whole = tally(spans(raw[key], runs, start, start + 4 * DAY * 1000))
        assert together(rolled[key]) == whole


async def test_no_day_is_rolled_up_before_all_of_it_is_written(desk: Desk) -> None:
    async with desk.running() as history:
        desk.clock.advance(2 * DAY)
        history.is_settled = lambda: False
        await history.keep_house()
        assert await desk.store.days(0, 1 << 60) == {}
        history.is_settled = lambda: True
        await history.keep_house()
        assert len(await desk.store.days(0, 1 << 60)) == 1  # the second is not over for sure


class Booked:
    """What is excused, while a day is rolled up."""

    def __init__(self, store: HistoryStore) -> None:
        self.revision, self.runs, self._close = 0, list[Run](), store.close_day
        store.close_day = self._book_before  # type: ignore[method-assign]

    async def of(self, ids: Collection[str], start: int, end: int) -> dict[str, Circumstances]:
        return dict.fromkeys(ids, Circumstances(self.runs))

    async def _book_before(self, day: int, end: int) -> None:
        if not self.runs:
            self.revision += 1
            self.runs = [Run(day, end)]
        await self._close(day, end)


async def test_what_is_excused_while_a_day_is_rolled_up_is_excused(desk: Desk) -> None:
    start, end = desk.ms(), desk.ms() + DAY * 1000
    failed = {"before": State.UP, "after": State.DOWN, "reason": Reason.TIMEOUT}
    entry = Transition(channel="c", time=MIDNIGHT, level=Level.NONE, **failed)  # type: ignore[arg-type]
    await States(desk.db).save([], [entry])
    await desk.store.save_runs([Run(start, end)])
    desk.clock.advance(DAY + 3600)
    history = History(desk.store, SETTINGS, desk.clock, Booked(desk.store))
    await history.roll_up()
    assert await desk.store.days(0, 1 << 60) == {}
    await history.roll_up()
    ((_, data),) = await desk.store.tallies(start)
    assert [one.state for one, _ in unpack_tally(data)] == [State.MAINTENANCE]


async def test_what_is_old_goes_and_what_still_holds_stays(desk: Desk) -> None:
    states = States(desk.db)
    await states.save([], scattered(2, channels=5, days=3))
    look = replace(result("c1", asked=Level.MEDIA), t0=desk.clock.wall())
    async with desk.running() as history:
        history.observe(look)
        await history.save_looks(all_=True)
        desk.clock.advance(37 * DAY)
        await history.forget()
        for number in range(5):
            left = await states.transitions(f"c{number}")
            assert [one.time > MIDNIGHT + 2 * DAY for one in left[:-1]] == [True] * (len(left) - 1)
            assert left[-1].time <= MIDNIGHT + 2 * DAY
        assert await desk.store.looks("c1", 0, 1 << 60) == []


async def test_a_day_is_rolled_up_whatever_is_kept_longer(desk: Desk) -> None:
    """A day that is forgotten at once would be due again and again."""
    settings = HistorySettings(timezone="Asia/Shanghai", transition_days=60, rollup_days=35)
    await States(desk.db).save([], scattered(3, channels=1, days=2))
    began = desk.ms()
    trust = Trust(desk.clock)
    history = History(desk.store, settings, desk.clock, trust=trust)
    for _ in range(50):
        desk.clock.advance(DAY)
        trust.look()
        await desk.store.save_runs([Run(began, desk.ms())])
        await history.keep_house()
    desk.clock.advance(3600)
    await history.keep_house()
    days = await desk.store.days(0, 1 << 60)
    assert max(days.values()) == began + 50 * DAY * 1000
    assert len(days) in (34, 35)


async def test_a_zone_whose_midnight_is_the_same_once_is_no_end_of_rolling_up(desk: Desk) -> None:
    start = datetime(2026, 3, 27, tzinfo=UTC).timestamp()
    desk.clock.advance(start - desk.clock.wall())
    began = desk.ms()
    moved = {"before": State.UNKNOWN, "after": State.UP, "reason": Reason.OK, "level": Level.MEDIA}
    await States(desk.db).save([], [Transition(channel="c", time=start, **moved)])  # type: ignore[arg-type]
    desk.clock.advance(5 * DAY)
    await desk.store.save_runs([Run(began, desk.ms())])
    for settings in (LONDON, GREENWICH):  # where the clocks went forward on the 29th, and not
        history = History(desk.store, settings, desk.clock)
        for _ in range(3):
            await history.keep_house()
    days = await desk.store.days(0, 1 << 60)
    whole = {began + n * DAY * 1000: began + (n + 1) * DAY * 1000 for n in range(4)}
    assert whole.items() <= days.items()
    for day in whole:
        ((_, data),) = await desk.store.tallies(day)
        assert [ms for _, ms in unpack_tally(data)] == [DAY * 1000]


async def test_the_day_of_the_first_run_is_rolled_up(desk: Desk) -> None:
    desk.clock.advance(DAY / 2)
    await desk.store.save_runs([Run(desk.ms(), desk.ms() + DAY * 1000)])
    desk.clock.advance(DAY / 2 + 3600)
    assert await History(desk.store, SETTINGS, desk.clock).roll_up() == 1


async def test_no_day_is_rolled_up_from_changes_that_are_forgotten(desk: Desk) -> None:
    """Nor once more is to be kept than was before."""
    await States(desk.db).save([], scattered(4, channels=3, days=2))
    began = desk.ms()
    desk.clock.advance(37 * DAY)
    await desk.store.save_runs([Run(began, desk.ms())])
    await History(desk.store, SETTINGS, desk.clock).forget()
    cut = desk.ms() - 35 * DAY * 1000
    longer = HistorySettings(timezone="Asia/Shanghai", transition_days=400)
    history = History(desk.store, longer, desk.clock)
    while await history.roll_up():
        pass
    assert min(await desk.store.days(0, 1 << 60)) >= cut
