"""What a window is for is what the register said at the time, whatever it says afterwards."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.effort import longest_turn
from tests.registry.conftest import in_thread
from vidgate.aio.bus import Bus
from vidgate.aio.clock import ManualClock
from vidgate.errors import ConflictError
from vidgate.health.attribution import Attribution
from vidgate.health.history import History
from vidgate.health.kpi import load_definitions
from vidgate.health.maintenance import Booking, Maintenance
from vidgate.health.windows import Windows
from vidgate.model.channel import Lifecycle
from vidgate.model.health import Level, Reason, State
from vidgate.model.maintenance import Scope
from vidgate.model.maintenance import Window as MaintenanceWindow
from vidgate.model.standing import Run
from vidgate.operations.reports import Reports, Window
from vidgate.registry.registry import Registry
from vidgate.settings.tree import HistorySettings
from vidgate.storage.audit import Audit
from vidgate.storage.database import Database
from vidgate.storage.history import HistoryStore
from vidgate.storage.incidents import IncidentStore
from vidgate.storage.maintenance import MaintenanceStore
from vidgate.storage.secrets import SecretBox
from vidgate.storage.states import States, Transition

DAY, HOUR = 86_400.0, 3600.0
MIDNIGHT = 1_773_072_000.0  # 2026-03-10 in the zone
ZONE = ZoneInfo("Asia/Shanghai")
SETTINGS = HistorySettings(timezone="Asia/Shanghai", transition_days=35)
DEFINITIONS = load_definitions()
TOLD = Window("2026-03-10", "2026-03-11")


class Site:
    """Two channels that fail from the hour before the day on: `c` in area A, `f` in area B."""

    def __init__(self, db: Database, clock: ManualClock, register: Registry) -> None:
        self.db, self.clock, self.register = db, clock, register
        self.windows = Maintenance(
            register, MaintenanceStore(db, Audit(db)), Bus(clock=clock), ZONE, clock,
            past_days=SETTINGS.transition_days,
        )  # fmt: skip
        self.store = HistoryStore(db)
        known = Attribution(self.windows, IncidentStore(db, Audit(db)))
        self.history = History(self.store, SETTINGS, clock, known)
        parts = (register, self.store, self.history, known, DEFINITIONS, ZONE, clock)
        self.reports = Reports(*parts, SETTINGS)

    async def begin(self) -> None:
        for id_, area in (("c", "A"), ("f", "B"), ("z", "A")):
            fields = {"id": id_, "name": id_, "area": area, "department": "d", "kind": "push"}
            await self.register.add(fields | {"lifecycle": "accepted"}, "admin")
        failed = {"after": State.DOWN, "reason": Reason.TIMEOUT, "level": Level.NONE}
        for id_ in ("c", "f"):
            one = Transition(
                channel=id_, time=self.clock.wall(), before=State.UNKNOWN,
                step=Lifecycle.ACCEPTED, **failed,  # type: ignore[arg-type]
            )  # fmt: skip
            await States(self.db).save([], [one])

    async def end(self) -> None:
        """The day is over, and vidgate was at work all the time."""
        self.clock.advance(MIDNIGHT + DAY + HOUR - self.clock.wall())
        now = round(self.clock.wall() * 1000)
        await self.store.save_runs([Run(round((MIDNIGHT - HOUR) * 1000), now)])

    def ms(self) -> int:
        return round(self.clock.wall() * 1000)

    async def excuse(self, scope: Scope, subject: str) -> None:
        day = Booking(scope, subject, "2026-03-10", "2026-03-11", "the power was cut")
        await self.windows.add(day, "admin", may_excuse=True)

    async def excused(self) -> dict[str, float]:
        """The hours of the day that are excused; told the same once the day is rolled up."""
        raw = await self._excused()
        while await self.history.roll_up():
            pass
        assert await self._excused() == raw
        return raw

    async def _excused(self) -> dict[str, float]:
        document = await self.reports.uptime("department", TOLD)
        missing = {one["id"]: _seconds(one, "device") / HOUR for one in document["channels"]}
        excused = {id_: 24 - missing.get(id_, 0) for id_ in ("c", "f")}
        assert _seconds(document["total"], "excused") == sum(excused.values()) * HOUR
        return excused


def _seconds(told: dict[str, Any], cause: str) -> float:
    found = (one["seconds"] for one in told["causes"] if one["id"] == cause)
    return float(sum(found))


@pytest.fixture
async def site(tmp_path: Path, box: SecretBox) -> AsyncIterator[Site]:
    clock = ManualClock(wall=MIDNIGHT - HOUR)
    async with (
        Database(tmp_path / "vidgate.db", clock=clock) as db,
        Registry(db, box, Bus(clock=clock), in_thread) as register,
    ):
        site = Site(db, clock, register)
        await site.begin()
        yield site


async def test_who_moves_away_afterwards_stays_excused(site: Site) -> None:
    await site.end()
    await site.excuse(Scope.AREA, "A")
    assert await site.excused() == {"c": 24, "f": 0}
    await site.register.set("c", {"area": "B"}, "engineer")
    await site.excuse(Scope.CHANNEL, "z")  # the day is told anew
    assert await site.excused() == {"c": 24, "f": 0}


async def test_who_moves_in_afterwards_is_not_excused(site: Site) -> None:
    await site.end()
    await site.register.set("f", {"area": "A"}, "engineer")
    await site.excuse(Scope.AREA, "A")
    assert await site.excused() == {"c": 24, "f": 0}


async def test_who_is_removed_afterwards_stays_excused(site: Site) -> None:
    await site.end()
    await site.register.remove("c", "admin")
    await site.excuse(Scope.AREA, "A")
    assert await site.excused() == {"c": 24, "f": 0}


async def test_who_moves_in_the_midst_is_excused_while_there(site: Site) -> None:
    site.clock.advance(HOUR + 6 * HOUR)
    await site.register.set("c", {"area": "B"}, "engineer")
    site.clock.advance(4 * HOUR)
    await site.register.set("f", {"area": "A", "name": "ford"}, "engineer")
    site.clock.advance(4 * HOUR)
    await site.register.set("f", {"name": "f"}, "engineer")  # no move
    await site.end()
    await site.excuse(Scope.AREA, "A")
    assert await site.excused() == {"c": 6, "f": 14}


async def test_a_channel_excused_by_name_is_so_wherever_it_was(site: Site) -> None:
    site.clock.advance(HOUR + 6 * HOUR)
    await site.register.set("c", {"area": "B", "department": "e"}, "engineer")
    await site.end()
    await site.excuse(Scope.CHANNEL, "c")
    assert await site.excused() == {"c": 24, "f": 0}
    await site.excuse(Scope.DEPARTMENT, "d")
    assert await site.excused() == {"c": 24, "f": 24}


async def test_who_leaves_and_comes_back_elsewhere_was_in_both(site: Site) -> None:
    site.clock.advance(HOUR + 6 * HOUR)
    await site.register.remove("c", "admin")
    site.clock.advance(2 * HOUR)
    again = {"id": "c", "name": "c", "area": "B", "kind": "push", "lifecycle": "accepted"}
    await site.register.add(again, "admin")
    await site.end()
    await site.excuse(Scope.AREA, "B")
    assert await site.excused() == {"c": 16, "f": 24}


async def test_where_the_clock_was_put_back_the_later_word_holds(site: Site) -> None:
    site.clock.advance(HOUR + 6 * HOUR)
    await site.register.set("c", {"area": "B"}, "engineer")
    site.clock.jump_wall(-2 * HOUR)
    await site.register.set("c", {"area": "far"}, "engineer")
    await site.end()
    await site.excuse(Scope.AREA, "A")
    assert await site.excused() == {"c": 4, "f": 0}


class Meddled:
    """Somebody excuses or takes back something whenever the report reads a day."""

    def __init__(self, site: Site, times: int) -> None:
        self._site, self._times = site, times
        self._tallies = site.store.tallies
        site.store.tallies = self._read  # type: ignore[method-assign]

    async def _read(self, day: int, after: int = 0, limit: int = 100) -> Any:
        if self._times:
            self._times -= 1
            await self._site.excuse(Scope.CHANNEL, "f")
        return await self._tallies(day, after, limit)


async def test_a_report_made_while_something_is_excused_is_whole(site: Site) -> None:
    await site.end()
    await site.history.roll_up()
    Meddled(site, 1)
    during = await site.reports.uptime("department", TOLD)
    after = await site.reports.uptime("department", TOLD)
    assert during["total"] == after["total"]
    assert _seconds(during["total"], "excused") == DAY
    assert _seconds(during["total"], "device") == DAY


async def test_a_report_that_never_finds_rest_says_so(site: Site) -> None:
    await site.end()
    subjects = site.store.subjects

    async def excuse_first() -> dict[str, int]:
        await site.excuse(Scope.CHANNEL, "f")
        return await subjects()

    site.store.subjects = excuse_first  # type: ignore[method-assign]
    with pytest.raises(ConflictError, match="try again"):
        await site.reports.uptime("department", TOLD)


async def test_an_excuse_does_not_drop_a_day_that_cannot_be_told_anew(site: Site) -> None:
    await site.end()
    await site.history.roll_up()
    keys = list((await site.store.subjects()).values())
    end = round((MIDNIGHT + DAY / 2) * 1000)
    await site.store.forget_transitions(keys, end)
    rolled = await site.store.days(0, 1 << 60)
    await site.excuse(Scope.CHANNEL, "c")
    assert await site.store.days(0, 1 << 60) == rolled


@pytest.mark.parametrize("late", [300, 1800, 3600])
async def test_an_excuse_does_not_drop_a_day_that_is_about_to_be_forgotten(
    site: Site, late: int
) -> None:
    """The house was kept at midnight; all of the oldest day is there, and never will be again."""
    await site.end()
    site.clock.advance(34 * DAY - HOUR)
    await site.store.save_runs([Run(round((MIDNIGHT - HOUR) * 1000), site.ms())])
    while await site.history.roll_up():
        pass
    await site.history.forget()
    assert await site.store.forgotten() == round(MIDNIGHT * 1000)
    rolled = await site.store.days(0, 1 << 60)
    site.clock.advance(late)
    since = site.clock.wall() - 35 * DAY + 60
    hour = Booking(Scope.CHANNEL, "f", str(since), str(since + HOUR), "the power was cut")
    await site.windows.add(hour, "admin", may_excuse=True)
    site.clock.advance(HOUR)
    while await site.history.roll_up():
        pass
    assert rolled.keys() <= (await site.store.days(0, 1 << 60)).keys()


async def test_many_windows_do_not_hold_the_loop_at_the_end_of_a_report(site: Site) -> None:
    await site.end()
    now = site.clock.wall()
    known = {"scope": Scope.CHANNEL, "subject": "f", "reason": "", "actor": "", "created": now}
    turns = []
    for number in (10, 20_000):
        windows = [
            MaintenanceWindow(id=n, start=now - n, end=now - n + 1, **known)  # type: ignore[arg-type]
            for n in range(1, number + 1)
        ]
        site.windows._windows = Windows(windows)
        document = await site.reports.uptime("department", Window("30d"))
        told = [one["id"] for one in document["exclusions"]]
        assert told == list(range(number, 0, -1))
        turns.append(await longest_turn(lambda: site.reports.uptime("department", Window("30d"))))
    assert turns[1] - turns[0] < 0.005  # 10 to 13 ms in the loop
