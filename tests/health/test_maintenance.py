"""Maintenance windows and excuses, over a real database and by an injected clock."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from vidgate.aio.bus import Bus
from vidgate.aio.clock import ManualClock
from vidgate.errors import ConflictError, InputError, NotFoundError, NotPermittedError
from vidgate.health.maintenance import Booking, Maintenance
from vidgate.health.uptime import spans, tally
from vidgate.model.channel import Channel, Lifecycle, Platform
from vidgate.model.health import Level, Reason, State
from vidgate.model.maintenance import Scope, Window
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

    def maintenance(self) -> Maintenance:
        store = MaintenanceStore(self.db, Audit(self.db))
        return Maintenance(self, store, Bus(), ZONE, self.clock)


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
