"""Keeps the past: that vidgate was at work, what looks found, days rolled up, and forgetting.

    async with History(HistoryStore(db), settings, clock) as history:
        history.observe(result)

A minute's heartbeat says that somebody was looking; what no heartbeat covers is unknown for every
channel. A day is rolled up once it is over and all that was decided in it is written. Nothing here
is needed to judge a channel: a full disk stops it, and it goes on where it was.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from types import TracebackType
from typing import Protocol, Self

import structlog

from vidgate.aio.clock import Clock, SystemClock
from vidgate.aio.report import Report
from vidgate.aio.supervisor import Supervisor
from vidgate.errors import StorageError
from vidgate.health import calendar
from vidgate.health.looks import LookLog
from vidgate.health.trust import STEP, Trust
from vidgate.health.uptime import ORDINARY, spans, tally
from vidgate.model.health import ProbeResult
from vidgate.model.standing import Circumstances, Entry, Run, milliseconds
from vidgate.settings.tree import HistorySettings
from vidgate.storage.codes import pack_tally

log = structlog.get_logger(__name__)

BEAT = 60.0  # seconds
GAP = 150_000  # ms without a beat: the machine slept, or its clock was put forward
BACK = round(STEP * 1000)  # ms by which a clock is put back, not slewed
SAVE_LOOKS = 30.0  # seconds between two writes of looks
KEEP_HOUSE = 600.0  # seconds between two looks at what is to roll up and to forget
# ms after midnight until a day is rolled up: so long a wider cause may still be found for what
# failed before it, see `widest` of `causes.Rules`.
SETTLE = 3_600_000
DAYS_AT_ONCE = 3  # rolled up in one go: a service that was updated catches up by and by
DAYS_FORGOTTEN = 20  # in one go
CHUNK = 100  # channels in one turn of the loop
ROWS = 200
DAY = 86_400_000
MAX_RUNS = 1000  # held while the database cannot take them
CLOSE_TIMEOUT = 5.0


class Store(Protocol):
    """Where the past is kept; see `storage.history`. Every call may raise StorageError."""

    async def subjects(self) -> dict[str, int]: ...

    async def entries(
        self, keys: Collection[int], start: int, end: int
    ) -> dict[int, list[Entry]]: ...

    async def save_runs(self, some: Sequence[Run]) -> None: ...

    async def runs(self, start: int, end: int) -> list[Run]: ...

    async def first_run(self) -> int | None: ...

    async def rewind(self, now: int) -> None: ...

    async def forgotten(self) -> int: ...

    async def bound_forgotten(self, now: int) -> None: ...

    async def days(self, start: int, end: int) -> dict[int, int]: ...

    async def save_tallies(self, day: int, rows: Sequence[tuple[int, bytes]]) -> None: ...

    async def close_day(self, day: int, end: int) -> None: ...

    async def open_day(self, day: int) -> None: ...

    async def add_looks(self, rows: Sequence[tuple[str, int, bytes]]) -> None: ...

    async def forget_looks(self, keys: Collection[int], cut: int) -> None: ...

    async def forget_transitions(self, keys: Collection[int], cut: int) -> None: ...

    async def forget_days(self, cut: int) -> bool: ...

    async def forget_runs(self, cut: int) -> None: ...


class Attribution(Protocol):
    """What failures are put down to; see `health.attribution`."""

    @property
    def revision(self) -> int: ...

    async def of(self, ids: Collection[str], start: int, end: int) -> Mapping[str, Circumstances]:
        """What is known of channels' failures. Raises StorageError."""
        ...


class NoAttribution:
    """Nothing is known but what looks told."""

    revision = 0

    async def of(self, ids: Collection[str], start: int, end: int) -> Mapping[str, Circumstances]:
        """The same of all."""
        return dict.fromkeys(ids, ORDINARY)


@dataclass(slots=True)
class _Beats:
    """The run that is under way, and those that are not written yet."""

    unwritten: list[Run]

    def beat(self, now: int) -> bool:
        """vidgate is at work now; True where the clock went back."""
        last = self.unwritten[-1] if self.unwritten else Run(now, now - GAP - 1)
        went_back = last.end - now > BACK
        if went_back:
            self.unwritten = [Run(s, min(e, now)) for s, e in self.unwritten if s <= now]
        if went_back or now - last.end > GAP:
            self.unwritten.append(Run(now, now))
            del self.unwritten[:-MAX_RUNS]
        else:
            self.unwritten[-1] = Run(last.start, max(last.end, now))
        return went_back


class History:
    """`is_settled` tells whether all that was decided so far is written; set by whoever knows.

    `attribution` tells what failures are put down to.
    """

    def __init__(
        self,
        store: Store,
        settings: HistorySettings,
        clock: Clock | None = None,
        attribution: Attribution | None = None,
        trust: Trust | None = None,
    ) -> None:
        self.is_settled: Callable[[], bool] = lambda: True
        self._attribution = attribution or NoAttribution()
        self._store = store
        self._settings = settings
        self._zone = calendar.zone_of(settings.zone)
        self._clock = clock or SystemClock()
        self._trust = trust or Trust(self._clock)
        self._beats = _Beats([])
        self._rewind_to: int | None = None
        self._was_doubted = False
        self._looks = LookLog()
        self._house = asyncio.Lock()
        self._report = Report(clock=self._clock)
        self._tasks = Supervisor("history")

    async def __aenter__(self) -> Self:
        await self.beat()
        await self._tasks.__aenter__()
        self._tasks.keep(lambda: _every(BEAT, self.beat), "heartbeat")
        self._tasks.keep(lambda: _every(SAVE_LOOKS, self.save_looks), "looks")
        self._tasks.keep(lambda: _every(KEEP_HOUSE, self.keep_house, at_once=True), "house")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._tasks.__aexit__(kind, error, trace)
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self.save_looks(all_=True)
                await self.beat()
        except TimeoutError:
            log.error("the last looks were not saved in time")

    @property
    def lost_looks(self) -> int:
        """Batches of looks that the database could not take in time."""
        return self._looks.lost

    def observe(self, result: ProbeResult, _seconds: float = 0.0) -> None:
        """A look ended; it is kept by and by."""
        self._looks.add(result)

    async def runs(self, start: int, end: int) -> list[Run]:
        """When vidgate was at work inside the window (ms); it is now. Raises StorageError."""
        current, kept = self._beats.unwritten, await self._store.runs(start, end)
        if not current:  # the clock is not believed
            return kept
        kept = [run for run in kept if run.start < current[0].start]
        now = Run(current[-1].start, max(current[-1].end, self._now()))
        return [run for run in (*kept, *current[:-1], now) if run.start < end and run.end > start]

    async def beat(self) -> None:
        """Say that vidgate is at work, where it is known when that is."""
        was_doubted, self._was_doubted = self._was_doubted, not self._trust.look()
        if self._was_doubted:
            return
        now = self._now()
        if (self._beats.beat(now) or was_doubted) and self._trust.may_drop:
            log.warning("the clock went back; what it said of later times is dropped")
            self._rewind_to = now
        try:
            if self._rewind_to is not None:
                await self._store.rewind(self._rewind_to)
                self._rewind_to = None
            await self._store.save_runs(list(self._beats.unwritten))
            del self._beats.unwritten[:-1]
        except StorageError as error:
            self._report.warning("beat", "the heartbeat cannot be kept", error=error.message)

    async def save_looks(self, *, all_: bool = False) -> None:
        """Write what is ready, `all_`: everything, a few rows at a time."""
        now = None if all_ else self._clock.wall()
        while rows := self._looks.take(ROWS, now=now):
            try:
                await self._store.add_looks(rows)
            except StorageError as error:
                self._looks.give_back(rows)
                self._report.warning("looks", "looks cannot be kept", error=error.message)
                return
            except BaseException:
                self._looks.give_back(rows)
                raise

    async def keep_house(self) -> None:
        """Roll up the days that are over, and forget what is older than the settings say.

        One at a time: two that roll up the same day would both open it.
        """
        try:
            async with self._house:
                await self.roll_up()
                await self.forget()
        except StorageError as error:
            self._report.warning("house", "history cannot be kept up", error=error.message)

    async def roll_up(self) -> int:
        """Roll up days that are over; how many that were."""
        now = self._now()
        first = await self._store.first_run()
        if first is None or not self.is_settled():
            return 0
        cuts = list(calendar.midnights(await self._oldest(first), now - SETTLE, self._zone))
        if not cuts:
            return 0
        done = await self._store.days(cuts[0], now)
        due = [day for day in zip(cuts, cuts[1:], strict=False) if done.get(day[0]) != day[1]]
        for start, end in due[:DAYS_AT_ONCE]:
            await self._roll_up(start, end)
        return len(due[:DAYS_AT_ONCE])

    async def _oldest(self, first: int) -> int:
        """From when days are rolled up: of all of each the changes are there, and it is kept.

        A day that would be forgotten at once would be due again and again, and no other's turn
        would come. The day of the first run is one like others: nothing is known of its morning.
        """
        keep = min(self._settings.transition_days, self._settings.rollup_days)
        begun, now = calendar.before(first, self._zone), self._now()
        forgotten = await self._store.forgotten()
        if forgotten > now:  # by a fast clock: all that had been, and not what comes now
            forgotten = now
            if self._trust.look():
                await self._store.bound_forgotten(now)
        return max(begun, now - keep * DAY, forgotten)

    async def forget(self) -> None:
        """Drop what is too old, a few channels at a time."""
        if not self._trust.may_forget:
            self._report.warning("forget", "the clock leapt ahead: nothing is forgotten for a day")
            return
        now, keep = self._now(), self._settings
        looks, moves = now - keep.result_days * DAY, now - keep.transition_days * DAY
        for keys in _chunks((await self._store.subjects()).values()):
            await self._store.forget_looks(keys, looks)
            await self._store.forget_transitions(keys, moves)
        for _ in range(DAYS_FORGOTTEN):
            if not await self._store.forget_days(now - keep.rollup_days * DAY):
                break
        await self._store.forget_runs(now - max(keep.rollup_days, keep.transition_days) * DAY)

    async def _roll_up(self, start: int, end: int) -> None:
        revision = self._attribution.revision
        runs = await self._store.runs(start, end)
        subjects = await self._store.subjects()
        ids = {key: id_ for id_, key in subjects.items()}
        await self._store.open_day(start)  # one that ended elsewhere, in another zone
        for keys in _chunks(subjects.values()):
            entries = await self._store.entries(keys, start, end)
            known = await self._attribution.of([ids[key] for key in keys], start, end)
            explained = {key: known[ids[key]] for key in keys}
            rows = await asyncio.to_thread(_day_rows, entries, runs, explained, start, end)
            await self._store.save_tallies(start, rows)
        await self._store.close_day(start, end)
        if self._attribution.revision != revision:  # it may have been told by the old ones, in part
            await self._store.open_day(start)

    def _now(self) -> int:
        return milliseconds(self._clock.wall())


def _day_rows(
    entries: Mapping[int, Sequence[Entry]],
    runs: Sequence[Run],
    explained: Mapping[int, Circumstances],
    start: int,
    end: int,
) -> list[tuple[int, bytes]]:
    """The day of each channel that was registered at any time of it."""
    days = (
        (key, tally(spans(told, runs, start, end, explained[key]))) for key, told in entries.items()
    )
    return [
        (key, pack_tally(day))
        for key, day in days
        if any(standing.step is not None for standing, _ in day)
    ]


async def _every(
    seconds: float, work: Callable[[], Awaitable[None]], *, at_once: bool = False
) -> None:
    """Do it again and again, until cancelled."""
    if at_once:
        await work()
    while True:
        await asyncio.sleep(seconds)
        await work()


def _chunks(keys: Collection[int]) -> Iterator[list[int]]:
    iterator = iter(keys)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk
