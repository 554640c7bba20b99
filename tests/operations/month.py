"""A month that was written down beforehand, lived through by the real parts under a moved clock.

April 2026 in Shanghai, thirty days. Two own downtimes: the 12th 02:00-03:30 (states are too old to
be believed afterwards: unknown for 5 minutes until the first looks), the 25th for 20 seconds.
On the 23rd the platform p1 accepts connections and hangs for an hour, which is one incident of all
its channels; at the same time G of the platform p2 hangs alone.

| id | department | behind | what happens                                                        |
|----|------------|--------|---------------------------------------------------------------------|
| A  | police     | p1     | unreachable 3rd 00:00 - 4th 12:00                                   |
| B  | police     | p1     | 6th: busy 10 h, then a picture fault 5 h; 7th: password refused 24 h |
| C  | police     |        | maintenance 9th and 16th 08-20 h; 20th: 100 x (540 s up, 60 s down)  |
| J  | police     |        | suspended on the 10th                                               |
| D  | emergency  |        | never looked at 18th, 19th; 21st: answers without a picture 6 h     |
| E  | emergency  |        | registered (planned) 5th, accepted 10th 12:00; 22nd: no media 4.5 h |
| F  | emergency  |        | retired 20th 06:00                                                  |
| L  | emergency  |        | maintenance 11th 12:00 - 12th 06:00; refuses the last hour          |
| G  | campus     | p2     | 2nd: time-out 7 h; switched off 13th - 17th, then unknown for 60 s  |
| H  | campus     | p2     | removed from the register 15th 00:00                                |
| K  | campus     |        | switched off 11th - 13th, then unknown for 60 s                     |
| I  | campus     |        | planned all month                                                   |
"""

from collections.abc import AsyncIterator, Collection, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert

from vidgate.aio.bus import Bus
from vidgate.aio.clock import ManualClock
from vidgate.health import history as histories
from vidgate.health.attribution import Attribution
from vidgate.health.book import Book
from vidgate.health.history import History
from vidgate.health.kpi import load_definitions
from vidgate.model.channel import Channel, Lifecycle
from vidgate.model.health import Health, Level, Reason, State
from vidgate.model.incident import Cause, Incident, Member
from vidgate.model.maintenance import Window
from vidgate.model.standing import Circumstances, Run
from vidgate.operations.reports import Reports
from vidgate.registry.edits import snapshot
from vidgate.settings.tree import HistorySettings
from vidgate.storage.audit import Audit
from vidgate.storage.database import Database
from vidgate.storage.history import HistoryStore
from vidgate.storage.incidents import IncidentStore
from vidgate.storage.models import change_rows, changes
from vidgate.storage.states import States

SHANGHAI = ZoneInfo("Asia/Shanghai")
START = datetime(2026, 4, 1, tzinfo=SHANGHAI).timestamp()
HOUR, DAY = 3600, 86_400
MONTH = 30 * DAY
SINCE, UNTIL = "2026-04-01", "2026-05-01"
SETTINGS = HistorySettings(timezone="Asia/Shanghai")
DEFINITIONS = load_definitions()

POLICE, EMERGENCY, CAMPUS = "公安局", "应急局", "教育局"
CHANNELS = {
    id_: Channel(id=id_, name=f"通道{id_}", number=number, department=department, platform=platform)
    for number, (id_, department, platform) in enumerate(
        (
            ("A", POLICE, "p1"), ("B", POLICE, "p1"), ("C", POLICE, ""), ("J", POLICE, ""),
            ("D", EMERGENCY, ""), ("E", EMERGENCY, ""), ("F", EMERGENCY, ""),
            ("L", EMERGENCY, ""), ("G", CAMPUS, "p2"), ("H", CAMPUS, "p2"), ("K", CAMPUS, ""),
            ("I", CAMPUS, ""),
        ),
        1,
    )
}  # fmt: skip
REGISTER = {id_.lower(): one for id_, one in CHANNELS.items() if id_ != "H"}

# What each hour of every channel comes to, by hand. The first downtime takes an hour and a half
# and five minutes until the states are known again; the second twenty seconds.
FIRST, AFTER, SECOND = HOUR + HOUR // 2, 300, 20
BOTH = {"own": FIRST + SECOND, "unknown": AFTER}


@dataclass(frozen=True)
class Expected:
    """Seconds that count, seconds missing by cause, what is left out; days and their shares."""

    counted: int
    missing: dict[str, int]
    days: int
    day_shares: Fraction  # of the days, summed
    left_out: int = 0
    impaired: dict[str, int] = field(default_factory=dict)  # online all the same

    @property
    def online(self) -> int:
        return self.counted - sum(self.missing.values())


def off(*seconds: int, of: int = DAY) -> Fraction:
    """What days lose of their shares."""
    return sum((Fraction(one, of) for one in seconds), Fraction())


DOWNTIMES = off(FIRST + AFTER, SECOND)
EXPECTED = {
    # two days and a half less: the 3rd whole, half of the 4th
    "A": Expected(
        MONTH, BOTH | {"upstream": 37 * HOUR}, 30, 30 - off(DAY, DAY // 2, HOUR) - DOWNTIMES
    ),
    # busy and degraded count as up; the 7th is refused as a whole
    "B": Expected(
        MONTH, BOTH | {"unauthorized": DAY, "upstream": HOUR}, 30, 30 - off(DAY, HOUR) - DOWNTIMES,
        impaired={"busy": 10 * HOUR, "picture": 5 * HOUR},
    ),
    # the other half of the days of maintenance was up: such a day's share is whole
    "C": Expected(
        MONTH - 2 * 12 * HOUR, BOTH | {"device": 100 * 60}, 30, 30 - off(6000) - DOWNTIMES,
        left_out=24 * HOUR,
    ),
    "J": Expected(MONTH - DAY, BOTH, 29, 29 - DOWNTIMES),
    "D": Expected(
        MONTH, {"own": FIRST + SECOND, "unknown": 2 * DAY + AFTER, "unproved": 6 * HOUR}, 30,
        30 - off(2 * DAY, 6 * HOUR) - DOWNTIMES,
    ),
    # counts from the 10th 12:00: nine days and a half less, twenty days and a half left
    "E": Expected(
        MONTH - 9 * DAY - 12 * HOUR, BOTH | {"device": 4 * HOUR + 1800}, 21,
        21 - off(4 * HOUR + 1800) - DOWNTIMES,
    ),
    # gone before the second downtime; the six hours of the 20th are a day whose share is whole
    "F": Expected(
        19 * DAY + 6 * HOUR, {"own": FIRST, "unknown": AFTER}, 20, 20 - off(FIRST + AFTER)
    ),
    # eighteen hours of maintenance but for the downtime in them, in which nobody knows;
    # of the 12th nineteen hours and a half count
    "L": Expected(
        MONTH - 18 * HOUR + FIRST, {"own": FIRST + SECOND, "device": HOUR}, 30,
        30 - off(FIRST, of=24 * HOUR - 6 * HOUR + FIRST) - off(SECOND, HOUR),
        left_out=18 * HOUR - FIRST,
    ),
    "G": Expected(
        MONTH - 5 * DAY,
        {"own": FIRST + SECOND, "unknown": AFTER + 60, "upstream": 7 * HOUR, "device": HOUR}, 25,
        25 - off(7 * HOUR, 60, HOUR) - DOWNTIMES, left_out=5 * DAY,
    ),
    "H": Expected(14 * DAY, {"own": FIRST, "unknown": AFTER}, 14, 14 - off(FIRST + AFTER)),
    # switched off over the first downtime: off it stays
    "K": Expected(
        MONTH - 3 * DAY, {"own": SECOND, "unknown": 60}, 27, 27 - off(60, SECOND),
        left_out=3 * DAY,
    ),
}  # fmt: skip
GROUPS = {POLICE: "ABCJ", EMERGENCY: "DEFL", CAMPUS: "GHK"}
# As the month ends L is down, F is retired, H is gone, I is planned.
SNAPSHOT = {POLICE: (4, 4), EMERGENCY: (2, 3), CAMPUS: (2, 2), "": (8, 9)}


def share(ids: str) -> Fraction:
    """The rate in time of some channels."""
    some = [EXPECTED[id_] for id_ in ids]
    return Fraction(sum(one.online for one in some), sum(one.counted for one in some))


def mean_of_days(ids: str) -> Fraction:
    """The rate as mean of days."""
    some = [EXPECTED[id_] for id_ in ids]
    return sum((one.day_shares for one in some), Fraction()) / sum(one.days for one in some)


def watched_share(ids: str) -> Fraction:
    """The rate while vidgate was at work."""
    some = [EXPECTED[id_] for id_ in ids]
    counted = sum(one.counted - one.missing["own"] for one in some)
    return Fraction(sum(one.online for one in some), counted)


def missing(ids: str) -> dict[str, int]:
    """Seconds by cause."""
    return _summed(EXPECTED[id_].missing for id_ in ids)


def impaired(ids: str) -> dict[str, int]:
    """Seconds by cause of what counts as online all the same."""
    return _summed(EXPECTED[id_].impaired for id_ in ids)


def _summed(parts: Iterable[dict[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for part in parts:
        for cause, seconds in part.items():
            total[cause] = total.get(cause, 0) + seconds
    return total


# -- living through it ---------------------------------------------------------------------------

UP = (State.UP, Reason.OK, Level.MEDIA)
UNKNOWN = (State.UNKNOWN, Reason.NOT_TESTED, Level.NONE)
DISABLED = (State.DISABLED, Reason.NOT_TESTED, Level.NONE)
MAINTENANCE = (State.MAINTENANCE, Reason.NOT_TESTED, Level.NONE)
M = TypeVar("M", bound="Month")
Look = tuple[State, Reason, Level]
Event = tuple[float, str, Look | Lifecycle | None]


def on(day: int, hour: float = 0) -> float:
    """Seconds since the month began, of a day of the month."""
    return (day - 1) * DAY + hour * HOUR


def script() -> Iterator[Event]:
    """What happens to whom; a state, a step, or (None) leaving the register."""
    yield on(3), "A", (State.DOWN, Reason.UNREACHABLE, Level.NONE)
    yield on(4, 12), "A", UP
    yield on(6), "B", (State.BUSY, Reason.BUSY, Level.REACH)
    yield on(6, 10), "B", (State.DEGRADED, Reason.FROZEN, Level.MEDIA)
    yield on(6, 15), "B", UP
    yield on(7), "B", (State.UNAUTHORIZED, Reason.UNAUTHORIZED, Level.REACH)
    yield on(8), "B", UP
    for day in (9, 16):
        yield on(day, 8), "C", MAINTENANCE
        yield on(day, 20), "C", UP
    for cycle in range(100):
        yield on(20) + cycle * 600 + 540, "C", (State.DOWN, Reason.TIMEOUT, Level.NONE)
        yield on(20) + cycle * 600 + 600, "C", UP
    yield on(10), "J", Lifecycle.SUSPENDED
    yield on(11), "J", Lifecycle.ACCEPTED
    yield on(18), "D", UNKNOWN
    yield on(20), "D", UP
    yield on(21), "D", (State.REACHABLE, Reason.OK, Level.DESCRIBE)
    yield on(21, 6), "D", UP
    yield on(5), "E", Lifecycle.PLANNED
    yield on(10, 6), "E", UP
    yield on(10, 12), "E", Lifecycle.ACCEPTED
    yield on(22), "E", (State.DOWN, Reason.NO_MEDIA, Level.DESCRIBE)
    yield on(22, 4.5), "E", UP
    yield on(20, 6), "F", Lifecycle.RETIRED
    yield on(11, 12), "L", MAINTENANCE
    yield on(12, 6), "L", UP
    yield on(30, 23), "L", (State.DOWN, Reason.REFUSED, Level.REACH)
    yield on(2), "G", (State.DOWN, Reason.TIMEOUT, Level.NONE)
    yield on(2, 7), "G", UP
    for id_, first, last in (("G", 13, 18), ("K", 11, 14)):
        yield on(first), id_, DISABLED
        yield on(last), id_, UNKNOWN
        yield on(last) + 60, id_, UP
    yield on(15), "H", None
    for id_ in "ABG":
        yield on(23, 9), id_, (State.DOWN, Reason.TIMEOUT, Level.REACH)
        yield on(23, 10), id_, UP


def told_together() -> Iterator[Incident]:
    """What the alarms of the 23rd were."""
    for number, cause, subject, ids in (
        (1, Cause.PLATFORM, "p1", "AB"),
        (2, Cause.SINGLE, "G", "G"),
    ):
        opened, ended = START + on(23, 9), START + on(23, 10)
        members = {id_: Member(channel=id_, since=opened, until=ended) for id_ in ids}
        yield Incident(
            id=number, cause=cause, subject=subject, opened=opened, ended=ended, members=members
        )


class Month:
    """The parts that keep the past, and a clock that a script moves."""

    def __init__(self, db: Database, clock: ManualClock) -> None:
        self.db, self.clock = db, clock
        self.store = HistoryStore(db)
        self.incidents = IncidentStore(db, Audit(db))
        self.attribution = Attribution(self, self.incidents)
        self.health: dict[str, Health] = {}
        self.steps: dict[str, Lifecycle] = {}
        self.excuses: dict[str, list[Run]] = {}
        self.history: History
        self.book: Book

    def reports(self) -> Reports:
        """Reports of it, by the real service."""
        return Reports(
            self, self.store, self.history, self.attribution, DEFINITIONS, SHANGHAI, self.clock
        )

    revision = 0

    async def left_out(
        self, ids: Collection[str], start: int, end: int
    ) -> dict[str, Circumstances]:
        """What a test excuses."""
        return {id_: Circumstances(self.excuses.get(id_, [])) for id_ in ids}

    def recorded(self) -> list[Window]:
        """None by name."""
        return []

    @property
    def channels(self) -> dict[str, Channel]:
        """The register as the month ends."""
        return REGISTER

    async def live(self) -> None:
        """All thirty days."""
        events = sorted(script(), key=lambda event: event[0])
        for id_ in CHANNELS:
            if id_ != "E":
                self._appears(id_, Lifecycle.PLANNED if id_ == "I" else Lifecycle.ACCEPTED)
                self._look(id_, UNKNOWN if id_ == "I" else UP)
        halts = [(on(12, 2), FIRST, True), (on(25, 10), SECOND, False), (MONTH, 0, False)]
        async with self._running():
            await self._until(events, halts[0][0])
        await self._halt(halts[0][1], forgets=True)
        async with self._running():
            later = self.clock.wall() - START + AFTER
            await self._until(events, later)
            for id_ in CHANNELS:
                if self._is_looked_at(id_) and id_ != "I":
                    self._look(id_, UP)
            await self._until(events, halts[1][0])
        await self._halt(halts[1][1], forgets=False)
        async with self._running():
            await self._until(events, MONTH)
        self.history.is_settled = lambda: True
        await self._tell_of_h()
        await self.incidents.save([(one, list(one.members)) for one in told_together()])

    def _is_looked_at(self, id_: str) -> bool:
        return id_ in self.steps and self.health[id_].state is State.UNKNOWN

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[None]:
        """One life of vidgate, from start to stop."""
        self.history = History(self.store, SETTINGS, self.clock, self.attribution)
        # Or days would be rolled up before a test has said what it excuses, or after, by chance.
        self.history.is_settled = lambda: False
        async with self.history:
            states = States(self.db)
            self.book = Book(states, Bus(clock=self.clock), self.clock)
            await self.book.load()
            for id_, step in self.steps.items():
                self.book.adopt(self.health[id_], step)
            self.book.adopted_all()
            yield
            await self.book.close()

    async def _halt(self, seconds: float, *, forgets: bool) -> None:
        self.clock.advance(seconds)
        for id_, health in self.health.items():
            if forgets and health.state not in (State.DISABLED, State.MAINTENANCE):
                self._keep(id_, UNKNOWN)

    async def _until(self, events: list[Event], end: float) -> None:
        while events and events[0][0] <= end:
            at, id_, what = events.pop(0)
            await self.passes(at)
            self.clock.advance(START + at - self.clock.wall())
            self._happens(id_, what)
            if len(events) % 50 == 0:
                await self.book.save()
        await self.passes(end)
        self.clock.advance(START + end - self.clock.wall())
        await self.history.beat()

    async def passes(self, until: float) -> None:
        """Nothing happens until then (seconds since the month began); for whoever samples."""

    def _happens(self, id_: str, what: Look | Lifecycle | None) -> None:
        if what is None:
            del self.steps[id_]
            self.book.remove(id_)
        elif not isinstance(what, Lifecycle):
            self._look(id_, what)
        elif id_ not in self.steps:
            self._appears(id_, what)
            self.book.adopt(self.health[id_], what)
        else:
            self.steps[id_] = what
            self.book.follow(id_, what)

    def _appears(self, id_: str, step: Lifecycle) -> None:
        self.steps[id_] = step
        self.health[id_] = Health(channel=id_)

    def _keep(self, id_: str, look: Look) -> None:
        state, reason, level = look
        self.health[id_] = replace(self.health[id_], state=state, reason=reason, level=level)

    def _look(self, id_: str, look: Look) -> None:
        self._keep(id_, look)
        if hasattr(self, "book"):
            self.book.put(self.health[id_])

    async def _tell_of_h(self) -> None:
        """The register's own history knows whose H was."""
        row = {"kind": "channel", "object": "H", "before": snapshot(CHANNELS["H"]), "after": None}
        async with self.db.write() as session:
            await session.execute(
                insert(changes).values(
                    id=1, time=START, actor="x", action="remove", source="H",
                    created=0, updated=0, removed=1,
                )
            )  # fmt: skip
            await session.execute(insert(change_rows).values(change=1, position=0, **row))


@asynccontextmanager
async def lived(folder: Path, monkeypatch: pytest.MonkeyPatch, kind: type[M]) -> AsyncIterator[M]:
    """The month, over; its last life goes on, so that now is the month's end."""
    monkeypatch.setattr(histories, "GAP", 1 << 60)  # beats are few here
    clock = ManualClock(wall=START)
    async with Database(folder / "month.db", clock=clock) as db:
        month = kind(db, clock)
        await month.live()
        yield month
