"""Maintenance windows and excuses, over a real database and by an injected clock."""

import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.effort import effort, longest_turn
from vidgate.aio.bus import Bus
from vidgate.aio.clock import ManualClock
from vidgate.errors import ConflictError, InputError, NotFoundError, NotPermittedError
from vidgate.health import maintenance
from vidgate.health.maintenance import KEPT, MAX_WINDOWS, Booking, Maintenance
from vidgate.health.trust import Trust
from vidgate.health.uptime import spans, tally
from vidgate.model.channel import Channel, Lifecycle, Platform
from vidgate.model.health import Level, Reason, State
from vidgate.model.maintenance import Scope, Stay, Window
from vidgate.model.standing import Circumstances, Entry, Run, Standing
from vidgate.storage.audit import Audit
from vidgate.storage.database import Database
from vidgate.storage.maintenance import MaintenanceStore

HOUR = 3600.0
ZONE = ZoneInfo("Asia/Shanghai")
CHANNELS = (
    Channel(id="Gate-1", name="城关", platform="p", department="公安局", area="城关镇"),
    Channel(id="b", name="河堤", department="教育局", area="城关镇"),
)


@dataclass
class Desk:
    """A register of two channels, and a clock that stands at noon of 2026-03-10 in the zone."""

    db: Database
    clock: ManualClock
    channels: dict[str, Channel] = field(
        default_factory=lambda: {one.id.lower(): one for one in CHANNELS}
    )
    platforms: dict[str, Platform] = field(default_factory=lambda: {"p": Platform(id="p")})

    def day(self, ago: int) -> str:
        """The day so many days ago, as people write it."""
        return datetime.fromtimestamp(self.clock.wall() - ago * 86400, ZONE).strftime("%Y-%m-%d")

    def maintenance(self, past_days: int = 400) -> Maintenance:
        store = MaintenanceStore(self.db, Audit(self.db))
        return Maintenance(self, store, Bus(), ZONE, self.clock, past_days=past_days)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    clock = ManualClock()
    clock.jump_wall(1_773_115_200.0 - clock.wall())
    async with Database(tmp_path / "vidgate.db", clock=clock) as db:
        yield Desk(db, clock)


def booking(scope: Scope, subject: str, since: str = "", until: str = "") -> Booking:
    return Booking(scope, subject, since, until, "the pole is moved")


async def test_a_window_covers_what_it_names_while_it_lasts(desk: Desk) -> None:
    one, other = desk.channels.values()
    async with desk.maintenance() as windows:
        for scope, subject, both in (
            (Scope.CHANNEL, "gate-1", False),
            (Scope.PLATFORM, "p", False),
            (Scope.DEPARTMENT, "公安局", False),
            (Scope.AREA, "城关镇", True),
        ):
            made = await windows.add(booking(scope, subject, "", "4h"), "li", may_excuse=False)
            now = desk.clock.wall()
            assert made.end == now + 4 * HOUR
            assert windows.covers(one, now)
            assert windows.covers(other, now) is both
            assert not windows.covers(one, now + 4 * HOUR)
            assert await windows.end(made.id, "li", may_excuse=False) is not None
            assert not windows.covers(one, now)


async def test_windows_survive_a_restart_and_are_audited(desk: Desk) -> None:
    async with desk.maintenance() as windows:
        made = await windows.add(booking(Scope.PLATFORM, "p"), "li", may_excuse=False)
        assert made.end is None
    async with desk.maintenance() as windows:
        assert windows.windows() == [made]
        desk.clock.advance(100 * HOUR)
        assert windows.covers(CHANNELS[0], desk.clock.wall())
        ended = await windows.end(made.id, "wang", may_excuse=False)
        assert ended is not None
        assert ended.end == desk.clock.wall()
        assert windows.windows() == []
        assert windows.windows(past=True) == [ended]
        with pytest.raises(ConflictError):
            await windows.end(made.id, "wang", may_excuse=True)
    rows = [row.action for row in await Audit(desk.db).rows()]
    assert rows == ["maintenance.end", "maintenance.add"]


async def test_times_are_the_sites_own(desk: Desk) -> None:
    async with desk.maintenance() as windows:
        asked = booking(Scope.CHANNEL, "b", "2026-03-12", "2026-03-12T08:30")
        made = await windows.add(asked, "li", may_excuse=False)
        assert made.end is not None
        assert (made.start, made.end - made.start) == (1_773_244_800.0, 8.5 * HOUR)
        assert not windows.covers(CHANNELS[1], desk.clock.wall())
        assert await windows.end(made.id, "li", may_excuse=False) is None  # it is not to be
        assert windows.windows(past=True) == []


async def test_what_is_forgotten_cannot_be_excused(desk: Desk) -> None:
    async with desk.maintenance(past_days=35) as windows:
        ago = booking(Scope.CHANNEL, "b", *map(desk.day, (36, 34)))
        with pytest.raises(InputError, match="35 天前"):
            await windows.add(ago, "li", may_excuse=True)
        since = booking(Scope.CHANNEL, "b", *map(desk.day, (34, 33)))
        assert (await windows.add(since, "li", may_excuse=True)).is_excuse


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (booking(Scope.PLATFORM, "nosuch"), "nosuch"),
        (booking(Scope.AREA, ""), "area"),
        (booking(Scope.CHANNEL, "b", "soon"), "soon"),
        (booking(Scope.CHANNEL, "b", "", "2026-03-01"), "until"),
        (booking(Scope.CHANNEL, "b", "2026-03-12", "2026-03-11"), "until"),
        (booking(Scope.CHANNEL, "b", "", "2030-01-01"), "一年"),
        (booking(Scope.CHANNEL, "b", "2020-01-01", "2020-01-02"), "400"),
        (booking(Scope.CHANNEL, "b", "", "9999-12-31"), "一年"),
        (Booking(Scope.CHANNEL, "b", "", "1h", "  "), "原因"),
        (Booking(Scope.CHANNEL, "b", "", "1h", "x" * 201), "200"),
    ],
)
async def test_nonsense_is_told_and_changes_nothing(desk: Desk, asked: Booking, told: str) -> None:
    async with desk.maintenance() as windows:
        with pytest.raises(InputError, match=told):
            await windows.add(asked, "li", may_excuse=True)
        assert windows.windows(past=True) == []
        with pytest.raises(NotFoundError):
            await windows.end(1, "li", may_excuse=True)


async def test_only_who_accepts_may_excuse_and_take_it_back(desk: Desk) -> None:
    asked = booking(Scope.CHANNEL, "gate-1", "2026-03-09", "2026-03-10")
    async with desk.maintenance() as windows:
        with pytest.raises(NotPermittedError):
            await windows.add(asked, "engineer", may_excuse=False)
        made = await windows.add(asked, "admin", may_excuse=True)
        assert made.is_excuse
        excused = [Run(1_772_985_600_000, 1_773_072_000_000)]
        assert await windows.left_out(["Gate-1"]) == {"Gate-1": Circumstances(excused, (), [])}
        assert await windows.left_out(["b"]) == {"b": Circumstances([], (), [])}
        with pytest.raises(NotPermittedError):
            await windows.end(made.id, "engineer", may_excuse=False)
        assert await windows.end(made.id, "admin", may_excuse=True) is None
        assert await windows.left_out(["Gate-1"]) == {"Gate-1": Circumstances()}


async def test_overlapping_windows_are_one_time(desk: Desk) -> None:
    async with desk.maintenance() as windows:
        for since, until in (("3h", "1h"), ("2h", "2h"), ("30m", "")):
            await windows.add(booking(Scope.PLATFORM, "p", since, until), "a", may_excuse=True)
        noon = round(desk.clock.wall() * 1000)
        hour = 3_600_000
        assert await windows.left_out(["gate-1"]) == {
            "gate-1": Circumstances([Run(noon - 3 * hour, noon)], (), [])
        }


async def test_what_is_planned_excuses_nothing(desk: Desk) -> None:
    """Somebody excused what lay before the window was made; what came after is maintenance."""
    async with desk.maintenance() as windows:
        noon = round(desk.clock.wall() * 1000)
        await windows.add(booking(Scope.PLATFORM, "p", "1h", "3h"), "admin", may_excuse=True)
        await windows.add(booking(Scope.CHANNEL, "b", "", "1h"), "li", may_excuse=False)
        desk.clock.advance(1800)
        hour = 3_600_000
        now = [Run(noon, noon + hour // 2)]
        assert await windows.left_out(["gate-1", "b"]) == {
            "gate-1": Circumstances([Run(noon - hour, noon)], (), now),
            "b": Circumstances([], (), now),
        }


class Crowd:
    """A register of many channels under few platforms, and nobody ever moved."""

    def __init__(self, number: int = 1000) -> None:
        self.clock = ManualClock()
        self.trust = Trust(self.clock, self.clock.wall())
        self.channels = {
            f"c{n}": Channel(id=f"C{n}", name="", platform=f"p{n % 3}", area=f"a{n % 30}")
            for n in range(number)
        }
        self.platforms = {id_: Platform(id=id_) for id_ in ("p0", "p1", "p2")}
        self.booked: list[Window] = []

    async def load(self, since: float) -> list[Window]:
        return [one for one in self.booked if one.end is None or one.end > since]

    async def stays(self, ids: Collection[str]) -> dict[str, list[Stay]]:
        return {}

    async def add(self, fields: dict[str, Any], *, past: object) -> Window:
        return Window(id=len(self.booked) + 1, **fields)

    def book(self, scope: Scope, subject: str, ago: float, end: float | None) -> None:
        """A window that began so many seconds ago."""
        start = self.clock.wall() - ago
        fields = {"subject": subject, "start": start, "created": start, "reason": "", "actor": ""}
        self.booked.append(
            Window(id=len(self.booked) + 1, scope=scope, end=end, **fields)  # type: ignore[arg-type]
        )

    @asynccontextmanager
    async def maintenance(self) -> AsyncIterator[Maintenance]:
        parts = (self, self, Bus(), ZONE, self.clock)
        async with Maintenance(*parts, trust=self.trust) as found:  # type: ignore[arg-type]
            yield found


@pytest.mark.parametrize("scope", [Scope.CHANNEL, Scope.PLATFORM])
async def test_many_windows_cost_who_asks_of_a_channel_nothing(scope: Scope) -> None:
    """Whether each is of another channel, or all are of one platform, day after day."""
    costs = []
    for number in (10, MAX_WINDOWS):
        crowd = Crowd()
        now = crowd.clock.wall()
        for n in range(number):
            subject = f"other{n}" if scope is Scope.CHANNEL else "p0"
            crowd.book(scope, subject, 0.0 - 7200.0 * n, now + 7200.0 * n + 3600.0)
        async with crowd.maintenance() as windows:

            def everybody(windows: Maintenance = windows, crowd: Crowd = crowd) -> None:
                for channel in crowd.channels.values():
                    windows.covers(channel, crowd.clock.wall() + 7300.0)

            everybody()  # what is looked up is sorted out once
            costs.append(effort(everybody))
    assert costs[1] < 5 * costs[0]


async def test_a_report_goes_through_each_window_once_and_holds_nobody() -> None:
    """Not once for every channel, and not in one turn of the event loop."""
    costs, turns = [], []
    for number in (10, MAX_WINDOWS):
        crowd = Crowd()
        now = crowd.clock.wall()
        for n in range(number):
            ago = 6000.0 * (number - n)
            crowd.book(Scope.PLATFORM, "p0", ago, now - ago + 3600.0)
        async with crowd.maintenance() as windows:
            asked = partial(windows.left_out, crowd.channels)
            whole = time.process_time()
            told = await asked()
            costs.append(time.process_time() - whole)
            turns.append(await longest_turn(asked))
        assert len(told["c0"].maintained) == len(told["c999"].maintained) == number
        assert told["c1"].maintained == []
    assert costs[1] - costs[0] < 1.0  # 5 s where each of 1,000 goes through all 5,000
    assert turns[1] - turns[0] < 0.005  # 10 to 13 ms in the loop


async def test_a_clock_that_leaps_ahead_forgets_no_window() -> None:
    """Nor at a start, where vidgate was at work until lately."""
    crowd = Crowd(1)
    crowd.book(Scope.CHANNEL, "C0", 24 * HOUR, crowd.clock.wall() - 23 * HOUR)
    newest = crowd.clock.wall()
    async with crowd.maintenance() as windows:
        crowd.clock.jump_wall(KEPT + 48 * HOUR)
        assert len(windows.windows(past=True)) == 1
        crowd.trust = Trust(crowd.clock, newest)
        async with crowd.maintenance() as again:
            assert len(again.recorded()) == 1
        for _ in range(25):  # nobody put it right
            crowd.clock.advance(HOUR)
            crowd.trust.look()
        assert windows.windows(past=True) == []


async def test_what_is_to_come_throws_no_report_away(desk: Desk) -> None:
    async with desk.maintenance() as windows:
        known = windows.revision
        soon = booking(Scope.CHANNEL, "b", "2026-03-12", "2026-03-13")
        made = await windows.add(soon, "li", may_excuse=False)
        await windows.end(made.id, "li", may_excuse=False)
        assert windows.revision == known
        await windows.add(soon, "li", may_excuse=False)
        desk.clock.advance(48 * HOUR)  # it begins
        await windows.end(windows.windows()[0].id, "li", may_excuse=False)
        assert windows.revision > known
        known = windows.revision
        await windows.add(booking(Scope.CHANNEL, "b", "2h", "1h"), "li", may_excuse=True)
        assert windows.revision > known


async def test_what_begins_while_it_is_written_throws_a_report_away() -> None:
    class Slow(Crowd):
        async def add(self, fields: dict[str, Any], *, past: object) -> Window:
            self.clock.advance(120)
            return await super().add(fields, past=past)

    crowd = Slow(1)
    async with crowd.maintenance() as windows:
        known = windows.revision
        soon = str(crowd.clock.wall() + 60)
        await windows.add(booking(Scope.CHANNEL, "c0", soon, "1h"), "li", may_excuse=False)
        assert windows.revision > known


async def test_of_a_report_only_its_own_time_is_told() -> None:
    crowd = Crowd(1)
    now = crowd.clock.wall()
    for days in range(5, 0, -1):
        crowd.book(Scope.CHANNEL, "C0", days * 24 * HOUR, now - days * 24 * HOUR + 2 * HOUR)
    async with crowd.maintenance() as windows:
        ms = [round((now - hours * HOUR) * 1000) for hours in (3 * 24 - 1, 2 * 24 - 1)]
        told = (await windows.left_out(["C0"], *ms))["C0"].maintained
        begin = round((now - 2 * 24 * HOUR) * 1000)
        assert told == [Run(ms[0], ms[0] + 3_600_000), Run(begin, ms[1])]


async def test_what_is_over_takes_nobody_the_room() -> None:
    """Thirteen jobs of two hours a day, for longer than a year."""
    crowd = Crowd(1)
    step = 24 * HOUR / 13
    for number in range(MAX_WINDOWS, 0, -1):
        begin = crowd.clock.wall() - number * step
        crowd.book(Scope.CHANNEL, "C0", number * step, begin + 2 * HOUR)
    for _ in range(3):
        crowd.book(Scope.PLATFORM, "p0", 0.0, None)
    async with crowd.maintenance() as windows:
        assert len(windows.windows()) == 4  # the last job lasts
        with pytest.raises(ConflictError):
            await windows.end(1, "li", may_excuse=True)
        made = await windows.add(booking(Scope.CHANNEL, "c0", "", "2h"), "li", may_excuse=False)
        assert made in windows.windows()


async def test_there_is_room_for_so_many_at_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance, "MAX_WINDOWS", 2)
    monkeypatch.setattr(maintenance, "MAX_KEPT", 4)
    asked = booking(Scope.CHANNEL, "b", "", "1h")
    async with desk.maintenance() as windows:
        for _ in range(2):
            for _ in range(2):
                await windows.add(asked, "li", may_excuse=False)
            with pytest.raises(InputError, match="未结束"):
                await windows.add(asked, "li", may_excuse=False)
            desk.clock.advance(HOUR)
        with pytest.raises(InputError, match="400 天内"):
            await windows.add(asked, "li", may_excuse=False)
        desk.clock.advance(maintenance.KEPT - HOUR)  # the first two are too old, without a restart
        assert len(windows.windows(past=True)) == 2
        await windows.add(asked, "li", may_excuse=False)


def test_what_fails_while_maintenance_begins_is_maintenance() -> None:
    down, planned = standing(State.DOWN), standing(State.MAINTENANCE, Reason.NOT_TESTED)
    entries = [Entry(0, down), Entry(105, planned)]
    known = Circumstances([Run(50, 120)], maintained=[Run(100, 200)])
    assert dict(tally(spans(entries, [Run(0, 200)], 0, 200, known))) == {
        down: 50,
        standing(State.MAINTENANCE, Reason.EXCUSED): 50,
        planned: 100,
    }


def standing(state: State, reason: Reason | None = Reason.TIMEOUT) -> Standing:
    return Standing(Lifecycle.ACCEPTED, state, reason, Level.NONE)


def test_only_failures_are_excused() -> None:
    up, down, off = standing(State.UP), standing(State.DOWN), standing(State.DISABLED)
    entries = [Entry(0, up), Entry(100, down), Entry(200, off), Entry(300, down), Entry(400, up)]
    runs = [Run(0, 340), Run(360, 1000)]
    excused = [Run(50, 150), Run(180, 320), Run(345, 500)]
    told = tally(spans(entries, runs, 0, 500, Circumstances(excused)))
    assert told.length == 500
    assert dict(told) == {
        up: 200,
        off: 100,
        # 150-180, 320-340 and 360 on but for the excused 360-400
        down: 30 + 20,
        standing(State.MAINTENANCE, Reason.EXCUSED): 50 + 20 + 20 + 40,
        standing(State.UNKNOWN, None): 20,  # vidgate's own downtime is nobody's failure
    }


def test_a_window_made_in_advance_is_no_excuse() -> None:
    known = {"id": 1, "scope": Scope.AREA, "subject": "x", "reason": "", "actor": "", "end": None}
    assert not Window(start=100.0, created=130.0, **known).is_excuse  # type: ignore[arg-type]
    assert Window(start=100.0, created=161.0, **known).is_excuse  # type: ignore[arg-type]
