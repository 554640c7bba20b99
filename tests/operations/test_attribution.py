"""A day on which a platform of twenty channels hangs: the report says what the alarm said."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.health.fakes import Known
from vidgate.aio.bus import Bus
from vidgate.aio.clock import ManualClock
from vidgate.health.attribution import Attribution
from vidgate.health.book import Book
from vidgate.health.causes import Rules
from vidgate.health.history import SETTLE, History
from vidgate.health.incidents import Fold
from vidgate.health.kpi import load_definitions
from vidgate.model.channel import Channel
from vidgate.model.health import Health, Level, Reason, State
from vidgate.model.incident import Cause
from vidgate.model.maintenance import Window as MaintenanceWindow
from vidgate.model.standing import Circumstances, Run
from vidgate.operations.alarms import Alarms
from vidgate.operations.reports import Reports, Window
from vidgate.settings.tree import HistorySettings
from vidgate.storage.audit import Audit
from vidgate.storage.database import Database
from vidgate.storage.history import HistoryStore
from vidgate.storage.incidents import IncidentStore
from vidgate.storage.states import States

DAY, HOUR = 86_400.0, 3600.0
MIDNIGHT = 1_773_072_000.0  # 2026-03-10 in the zone
ZONE = ZoneInfo("Asia/Shanghai")
DEFINITIONS = load_definitions()
TOLD = Window("2026-03-10", "2026-03-11")
PLATFORM = [f"p{number}" for number in range(20)]
OTHERS = [f"q{number}" for number in range(6)]
RECORDER = [f"r{number}" for number in range(4)]


class NoExcuses:
    """Nobody excuses anything."""

    revision = 0

    async def left_out(self, ids: Iterable[str], start: int, end: int) -> dict[str, Circumstances]:
        return dict.fromkeys(ids, Circumstances())

    def recorded(self) -> list[MaintenanceWindow]:
        return []


class Town(Known):
    """Channels of the platforms p and q, and of a recorder without one; health as the test says."""

    def __init__(self, db: Database, clock: ManualClock) -> None:
        self.clock, bus = clock, Bus(clock=clock)
        of = dict.fromkeys(PLATFORM, "p") | dict.fromkeys(OTHERS, "q") | dict.fromkeys(RECORDER, "")
        self.channels = {
            id_: Channel(id=id_, name=id_, platform=platform, number=number)
            for number, (id_, platform) in enumerate(of.items())
        }
        self.book = Book(States(db), bus, clock)
        self.health = self.book.health
        for id_ in self.channels:
            self.book.adopt(Health(channel=id_, since=clock.wall()))
        self.store, incidents = HistoryStore(db), IncidentStore(db, Audit(db))
        known = Attribution(NoExcuses(), incidents)
        settings = HistorySettings(timezone="Asia/Shanghai")
        self.history = History(self.store, settings, clock, known)
        self.reports = Reports(self, self.store, self.history, known, DEFINITIONS, ZONE, clock)
        rules = Rules(patience=0.0)
        self.fold = Fold(rules=rules)
        self.alarms = Alarms(self, self, bus, incidents, self.host, clock, rules=rules)

    def host(self, channel: Channel) -> str:
        """All of the platforms have one server each, the rest a recorder."""
        return channel.platform or "recorder"

    async def at(self, hour: float, state: State, ids: Iterable[str]) -> None:
        """These stand so from then on; the others are seen well half a minute later."""
        self.clock.advance(MIDNIGHT + hour * HOUR - self.clock.wall())
        level, reason = Level.MEDIA, Reason.OK
        if state is State.DOWN:
            level, reason = Level.REACH, Reason.TIMEOUT  # connected, and no answer
        self._see(ids, state=state, level=level, reason=reason, since=self.clock.wall())
        self.clock.advance(30)
        self._see(id_ for id_, one in self.health.items() if one.state is State.UP)
        await self.book.save()
        await self._turn()

    def _see(self, ids: Iterable[str], **fields: Any) -> None:
        for id_ in list(ids):
            self.book.put(replace(self.health[id_], probed=self.clock.wall(), **fields))

    async def _turn(self) -> None:
        self.alarms.wake()
        await self.alarms.turn(self.fold)

    async def ends(self, after: float) -> None:
        """The day is over since so many seconds, and vidgate was at work all the time."""
        self.clock.advance(MIDNIGHT + DAY + after - self.clock.wall())
        now = round(self.clock.wall() * 1000)
        await self.store.save_runs([Run(round(MIDNIGHT * 1000), now)])

    async def document(self) -> dict[str, Any]:
        """The day's report; the same once the day is rolled up."""
        raw = await self.reports.uptime("platform", TOLD, worst=100)
        assert await self.history.roll_up() == 1
        rolled = await self.reports.uptime("platform", TOLD, worst=100)
        assert {**rolled, "generated": 0} == {**raw, "generated": 0}
        return raw


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    clock = ManualClock(wall=MIDNIGHT)
    async with Database(tmp_path / "vidgate.db", clock=clock) as db:
        town = Town(db, clock)
        await town.at(0, State.UP, town.channels)
        yield town


def hours_missing(told: dict[str, Any]) -> dict[str, float]:
    return {one["id"]: one["seconds"] / HOUR for one in told["causes"] if one["counted"]}


async def test_a_platform_that_accepts_and_hangs_is_upstream(town: Town) -> None:
    await town.at(8, State.DOWN, [*PLATFORM, OTHERS[0], *RECORDER])
    causes = {one.cause: len(one.members) for one in town.fold.open}
    assert causes == {Cause.PLATFORM: 20, Cause.SINGLE: 1, Cause.HOST: 4}
    await town.at(9, State.UP, [*PLATFORM, OTHERS[0], *RECORDER])
    assert not town.fold.open
    await town.ends(HOUR)
    document = await town.document()
    groups = {one["name"]: one for one in document["groups"]}
    assert hours_missing(groups["p"]) == {"upstream": 20}
    assert hours_missing(groups["q"]) == {"device": 1}
    assert hours_missing(groups[""]) == {"device": 4}  # a recorder is a device
    channels = {one["id"]: hours_missing(one) for one in document["channels"]}
    assert all(channels[id_] == {"upstream": 1} for id_ in PLATFORM)
    assert channels[OTHERS[0]] == {"device": 1}
    shares = {one["id"]: one["online"] / one["counted"] for one in document["channels"]}
    assert shares["p0"] == shares["q0"] == shares["r0"] == 23 / 24  # whatever the cause
    assert shares["q1"] == 1


async def test_a_fault_that_lasts_over_midnight_is_upstream_on_both_days(town: Town) -> None:
    await town.at(23, State.DOWN, PLATFORM)
    await town.ends(HOUR)
    assert hours_missing((await town.document())["total"]) == {"upstream": 20}
    today = await town.reports.uptime("platform", Window("2026-03-11"))
    assert hours_missing(today["total"]) == {"upstream": 20}


async def test_a_day_is_not_rolled_up_while_a_cause_may_still_be_found(town: Town) -> None:
    assert Rules().widest * 1000 <= SETTLE
    await town.ends(HOUR - 1)
    assert await town.history.roll_up() == 0
