"""A past of which the oldest changes of state are forgotten, and the days are rolled up."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from vidgate.aio.clock import ManualClock
from vidgate.health.history import History, NoAttribution
from vidgate.health.kpi import load_definitions
from vidgate.health.trust import Trust
from vidgate.model.channel import Channel, Lifecycle
from vidgate.model.health import Level, Reason, State
from vidgate.model.maintenance import Window as MaintenanceWindow
from vidgate.model.standing import Run
from vidgate.operations.reports import Reports, Window
from vidgate.settings.tree import HistorySettings
from vidgate.storage.database import Database
from vidgate.storage.history import HistoryStore
from vidgate.storage.states import States, Transition

DAY, HOUR = 86_400.0, 3600.0
BEGAN = 1_699_977_600.0  # 2023-11-15 in the zone, a midnight
SHANGHAI = ZoneInfo("Asia/Shanghai")
KEEP = HistorySettings(timezone="Asia/Shanghai", transition_days=35, rollup_days=80)
DEFINITIONS = load_definitions()
LIVED = 70  # days
TURNED = 30  # the day on which B, C and D, down until then, come up; A is up for good
NOON = Window(str(BEGAN + 19.5 * DAY), str(BEGAN + 21.5 * DAY))  # forgotten, but for its days


class Nobody(NoAttribution):
    """Nothing is excused."""

    def recorded(self) -> list[MaintenanceWindow]:
        return []


class Past:
    """Four channels of one department; vidgate was at work all the time."""

    def __init__(self, db: Database, clock: ManualClock) -> None:
        self.db, self.clock, self.store = db, clock, HistoryStore(db)

    channels: Mapping[str, Channel] = {
        one.lower(): Channel(id=one, name=one, department="D") for one in "ABCD"
    }

    async def runs(self, start: int, end: int) -> list[Run]:
        return await self.store.runs(start, end)

    def reports(self, keep: HistorySettings = KEEP, zone: ZoneInfo = SHANGHAI) -> Reports:
        return Reports(self, self.store, self, Nobody(), DEFINITIONS, zone, self.clock, keep)

    async def told(self, window: Window, **how: Any) -> dict[str, Any]:
        return await self.reports(**how).uptime("department", window)

    async def live(self, days: int, keep: HistorySettings = KEEP) -> None:
        """So many more days."""
        trust = Trust(self.clock)
        history = History(self.store, keep, self.clock, trust=trust)
        for _ in range(days):
            self.clock.advance(DAY)
            trust.look()
            now = round(self.clock.wall() * 1000)
            await self.store.save_runs([Run(round(BEGAN * 1000), now)])
            await history.roll_up()
        while await history.roll_up():
            pass
        await history.forget()


def moved(channel: str, day: float, state: State) -> Transition:
    reason = Reason.OK if state is State.UP else Reason.TIMEOUT
    return Transition(
        channel=channel, time=BEGAN + day * DAY, before=State.UNKNOWN, after=state, reason=reason,
        level=Level.MEDIA, step=Lifecycle.ACCEPTED,
    )  # fmt: skip


@asynccontextmanager
async def lived(folder: Path, days: int = LIVED) -> AsyncIterator[Past]:
    """The past, so many days long."""
    clock = ManualClock(wall=BEGAN)
    async with Database(folder / "past.db", clock=clock) as db:
        past = Past(db, clock)
        moves = [moved("A", 0, State.UP)]
        for id_ in "BCD":
            moves += [moved(id_, 0, State.DOWN), moved(id_, TURNED, State.UP)]
        await States(db).save([], moves)
        await past.live(days)
        yield past
