"""Uptime reports: the past read in small pieces, summed up beside the loop.

Days that are rolled up are read as they are, the rest of the window is computed from transitions;
where these are forgotten, see `reach`.
What is summed runs in a thread: it holds the interpreter no longer than a switch interval.
"""

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from itertools import islice
from typing import Any, Literal, Protocol, TypeVar

from vidgate.aio.clock import Clock
from vidgate.errors import ConflictError, InputError
from vidgate.health import calendar
from vidgate.health.days import Day, day_of
from vidgate.health.kpi import Definitions
from vidgate.health.looks import SLOT, Look, unpack
from vidgate.health.report import Ledger, Subject
from vidgate.health.uptime import spans, tallies
from vidgate.model.channel import Channel, PointClass
from vidgate.model.maintenance import Window as MaintenanceWindow
from vidgate.model.standing import SECOND, Circumstances, Entry, Run, Tally, milliseconds
from vidgate.operations.reach import Reach, Source, stretches
from vidgate.settings.tree import HistorySettings
from vidgate.storage.codes import unpack_tally

T = TypeVar("T")

CHUNK = 200  # channels or rows of one turn
RAW = 600  # days of channels whose transitions are read at once
ROWS = 3000  # tallies read at once: some 3 ms of the loop
DAY = 86_400.0
MAX_DAYS = 400
AT_ONCE = 2  # reports that are made at the same time
TRIES = 3  # to make one while nothing of what it reads changes
By = Literal["department", "platform", "area", "class"]
Slice = tuple[int, int]


class Register(Protocol):
    """What is read of the register."""

    @property
    def channels(self) -> Mapping[str, Channel]:
        """All channels."""
        ...


class Store(Protocol):
    """Where the past is kept; see `storage.history`."""

    async def subjects(self) -> dict[str, int]: ...

    async def entries(
        self, keys: Collection[int], start: int, end: int
    ) -> dict[int, list[Entry]]: ...

    async def departed(self, ids: Collection[str]) -> dict[str, Mapping[str, object]]: ...

    async def forgotten(self) -> int: ...

    async def first_run(self) -> int | None: ...

    async def days(self, start: int, end: int) -> dict[int, int]: ...

    async def looks(self, id_: str, start: int, end: int) -> list[tuple[int, bytes]]: ...

    async def tallies(
        self, day: int, after: int = 0, limit: int = CHUNK
    ) -> Sequence[tuple[int, bytes]]: ...


class Attribution(Protocol):
    """What failures are put down to, and what is left out; see `health.attribution`."""

    @property
    def revision(self) -> int: ...

    async def of(self, ids: Collection[str], start: int, end: int) -> Mapping[str, Circumstances]:
        """What is known of channels' failures inside the window (ms)."""
        ...

    def recorded(self) -> Sequence[MaintenanceWindow]:
        """All windows, with the past ones, in no order."""
        ...


class Watch(Protocol):
    """When vidgate was at work; see `health.history`."""

    async def runs(self, start: int, end: int) -> list[Run]: ...


@dataclass(frozen=True, slots=True)
class Window:
    """As people write it: a length before the end (`30d`, `12h`), a day or an instant (ISO 8601),
    or wall-clock seconds; an empty `until` is now.
    """

    since: str = "30d"
    until: str = ""

    def resolved(self, now: float, zone: tzinfo | None) -> tuple[int, int]:
        """Start and end in ms. Raises InputError for a window that is none."""
        end = min(calendar.instant("until", self.until, now, zone) if self.until else now, now)
        start = calendar.instant("since", self.since, end, zone)
        if start >= end:
            raise InputError("since 必须早于 until / since must be before until")
        if end - start > MAX_DAYS * DAY:
            raise InputError(f"时间窗最长 {MAX_DAYS} 天 / at most {MAX_DAYS} days")
        return milliseconds(start), milliseconds(end)


class Reports:
    """`uptime` makes a report; a few at a time. Raises StorageError.

    `keep` says for how long the past is kept.
    """

    def __init__(  # noqa: PLR0913 - it joins that many parts
        self,
        register: Register,
        store: Store,
        watch: Watch,
        attribution: Attribution,
        definitions: Definitions,
        zone: tzinfo | None,
        clock: Clock,
        keep: HistorySettings | None = None,
    ) -> None:
        self._register = register
        self._store = store
        self._watch = watch
        self._attribution = attribution
        self._definitions = definitions
        self._zone = zone
        self._clock = clock
        self._keep = keep or HistorySettings()
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def uptime(self, by: By, window: Window, *, worst: int = 20) -> dict[str, Any]:
        """The report of a window, as a document; see `health.report`.

        Of times whose changes are forgotten only whole days are told: the window is widened to
        midnights there, and days of which nothing is kept are unknown. Raises ConflictError where
        what is excused changed again and again meanwhile.
        """
        asked = window.resolved(self._clock.wall(), self._zone)
        async with self._turns:
            reach = await self._reach()
            start, end = reach.widened(*asked, self._zone)
            days = calendar.slices(start, end, self._zone)
            ledger, sources = await self._filled(by, days, reach)
            windows = self._attribution.recorded()
            document, exclusions = await asyncio.to_thread(
                lambda: (ledger.document(worst), _exclusions(windows, start, end))
            )
        for day, (first, _), source in zip(document["days"], days, sources, strict=True):
            day |= {"date": self._date(first), "is_known": source is not Source.UNKNOWN}
        return {
            "since": start / SECOND,
            "until": end / SECOND,
            "asked_since": asked[0] / SECOND,
            "asked_until": asked[1] / SECOND,
            "changes_since": reach.changes / SECOND,
            "generated": self._clock.wall(),
            "timezone": str(self._zone or ""),
            "exclusions": exclusions,
        } | document

    async def days(self, id_: str, number: int) -> list[Day]:
        """The last local days of one channel, the oldest first; the last one is today's so far."""
        slices = calendar.last_days(number, milliseconds(self._clock.wall()), self._zone)
        key = (await self._store.subjects()).get(id_)
        reach = await self._reach()
        old = [one for one in slices if one[0] < reach.changes]
        kept = await self._kept(key, old, reach)
        recent = slices[len(old) :]
        found = kept + [(True, one) for one in await self._computed(id_, key, recent)]
        return [
            day_of(self._definitions.main, self._date(first), first, last, tally, is_known=is_known)
            for (first, last), (is_known, tally) in zip(slices, found, strict=True)
        ]

    async def _computed(self, id_: str, key: int | None, days: Sequence[Slice]) -> list[Tally]:
        """A channel's days from its changes."""
        if not days:  # what was forgotten reaches into today
            return []
        cuts = [days[0][0], *(end for _, end in days)]
        entries = await self._store.entries([] if key is None else [key], cuts[0], cuts[-1])
        runs = await self._watch.runs(cuts[0], cuts[-1])
        told = [] if key is None else entries[key]
        known = (await self._attribution.of([id_], cuts[0], cuts[-1]))[id_]
        return await asyncio.to_thread(lambda: list(tallies(told, runs, cuts, known)))

    async def _kept(
        self, key: int | None, days: Sequence[Slice], reach: Reach
    ) -> list[tuple[bool, Tally]]:
        """A channel's days as they were rolled up, and whether that is known."""
        found: list[tuple[bool, Tally]] = []
        for day in days:
            rows = [] if key is None else await self._store.tallies(day[0], key - 1, 1)
            tally = next((unpack_tally(data) for one, data in rows if one == key), Tally.of(()))
            # Asked afterwards: of a day that is dropped meanwhile the row may be missing.
            (source,) = reach.sources([day], await self._store.days(*day))
            found.append((source is not Source.UNKNOWN, tally))
        return found

    async def looks(self, id_: str, window: Window) -> list[Look]:
        """What was seen of one channel, in order of time; runs of equal looks are one."""
        start, end = window.resolved(self._clock.wall(), self._zone)
        rows = await self._store.looks(id_, start // SLOT * SLOT, end)
        found = await asyncio.to_thread(_unpacked, rows)
        return [one for one in found if start <= one.last * SECOND and one.time * SECOND < end]

    def _date(self, instant: int) -> str:
        return calendar.date_of(instant, self._zone).isoformat()

    async def _subjects(self, keys: Mapping[str, int]) -> list[Subject]:
        """Who each key is, as the register says now, or as it said last."""
        known = {channel.id: channel for channel in self._register.channels.values()}
        gone: dict[str, Mapping[str, object]] = {}
        for ids in _chunks([id_ for id_ in keys if id_ not in known]):
            gone |= await self._store.departed(ids)
        return [
            _subject(known[id_]) if id_ in known else _departed(id_, gone.get(id_, {}))
            for id_ in keys
        ]

    async def _reach(self) -> Reach:
        forgotten, begun = await self._store.forgotten(), await self._store.first_run()
        return Reach.of(self._keep, milliseconds(self._clock.wall()), forgotten, begun)

    async def _filled(
        self, by: By, days: Sequence[Slice], reach: Reach
    ) -> tuple[Ledger, list[Source]]:
        """All of the window, and where each day of it was read.

        Who excuses something drops the days that it touches, to be told anew. A report that has
        read half of that would miss the rest of the days, or tell of two truths: it begins again.
        """
        start, end = days[0][0], days[-1][1]
        for _ in range(TRIES):
            revision = self._attribution.revision
            rolled = await self._store.days(start, end)
            keys = await self._store.subjects()
            ledger = Ledger(self._definitions, await self._subjects(keys), days, by)
            sources = reach.sources(days, rolled)
            await self._fill(ledger, keys, days, sources)
            if end > reach.changes:
                await self._stand(ledger, keys, end)
            still = await self._store.days(start, end)
            if revision == self._attribution.revision and rolled.items() <= still.items():
                return ledger, sources
        raise ConflictError(
            "汇总期间检修或免责一直在变, 请稍后重试 / "
            "maintenance or excuses kept changing while the report was made: try again"
        )

    async def _fill(
        self,
        ledger: Ledger,
        keys: Mapping[str, int],
        days: Sequence[Slice],
        sources: Sequence[Source],
    ) -> None:
        places = {key: place for place, key in enumerate(keys.values())}
        runs = await self._watch.runs(days[0][0], days[-1][1])
        for first, last in stretches(sources, Source.CHANGES):
            cuts = [days[first][0], *(end for _, end in days[first : last + 1])]
            explained = await self._explained(keys, cuts[0], cuts[-1])
            for some in _chunks(places, min(CHUNK, max(1, RAW // (last - first + 1)))):
                entries = await self._store.entries(some, cuts[0], cuts[-1])
                piece = _Piece(places, runs, explained, first, cuts)
                await asyncio.to_thread(piece.add, ledger, entries)
        for number, source in enumerate(sources):
            if source is Source.ROLLED:
                await self._add_rolled(ledger, places, number, days[number][0])

    async def _stand(self, ledger: Ledger, keys: Mapping[str, int], end: int) -> None:
        """How each channel stands as the window ends."""
        places = {key: place for place, key in enumerate(keys.values())}
        runs = await self._watch.runs(end - 1, end)
        explained = await self._explained(keys, end - 1, end)
        for some in _chunks(places):
            entries = await self._store.entries(some, end - 1, end)
            for key, told in entries.items():
                for span in spans(told, runs, end - 1, end, explained[key]):
                    ledger.stand(places[key], span.standing)

    async def _explained(
        self, keys: Mapping[str, int], start: int, end: int
    ) -> dict[int, Circumstances]:
        known = await self._attribution.of(keys, start, end)
        return {key: known[id_] for id_, key in keys.items()}

    async def _add_rolled(
        self, ledger: Ledger, places: Mapping[int, int], number: int, day: int
    ) -> None:
        after = 0
        found: list[tuple[int, bytes]] = []
        while rows := await self._store.tallies(day, after, ROWS):
            found += rows
            after = rows[-1][0]
        await asyncio.to_thread(_add_rows, ledger, places, number, found)


@dataclass(frozen=True, slots=True)
class _Piece:
    """Days that are not rolled up: the first one's place, and where each begins and ends."""

    places: Mapping[int, int]
    runs: Sequence[Run]
    explained: Mapping[int, Circumstances]
    first: int
    cuts: Sequence[int]

    def add(self, ledger: Ledger, entries: Mapping[int, Sequence[Entry]]) -> None:
        for key, told in entries.items():
            days = tallies(told, self.runs, self.cuts, self.explained[key])
            for number, day in enumerate(days, self.first):
                ledger.add(self.places[key], number, day)


def _exclusions(windows: Iterable[MaintenanceWindow], start: int, end: int) -> list[dict[str, Any]]:
    """The windows that touch the report's (ms), in order of time."""
    found = [
        one
        for one in windows
        if one.start * SECOND < end and (one.end is None or one.end * SECOND > start)
    ]
    return [_told(one) for one in sorted(found, key=lambda one: (one.start, one.id))]


def _told(one: MaintenanceWindow) -> dict[str, Any]:
    return {
        "id": one.id,
        "scope": one.scope.value,
        "subject": one.subject,
        "start": one.start,
        "end": one.end,
        "reason": one.reason,
        "actor": one.actor,
        "is_excuse": one.is_excuse,
    }


def _add_rows(
    ledger: Ledger, places: Mapping[int, int], day: int, rows: Iterable[tuple[int, bytes]]
) -> None:
    for key, data in rows:
        if key in places:
            ledger.add(places[key], day, unpack_tally(data))


def _unpacked(rows: Iterable[tuple[int, bytes]]) -> list[Look]:
    found = [look for slot, data in rows for look in unpack(slot, data)]
    return sorted(found, key=lambda look: look.time)


def _subject(channel: Channel) -> Subject:
    return Subject(
        channel.id,
        channel.name,
        channel.department,
        channel.platform,
        channel.area,
        channel.point_class.value,
    )


def _departed(id_: str, fields: Mapping[str, object]) -> Subject:
    """From what a change kept, which leaves out what is as by default."""
    defaults = {"point_class": PointClass.OTHER.value}
    names = ("name", "department", "platform", "area", "point_class")
    return Subject(id_, *(str(fields.get(name, defaults.get(name, ""))) for name in names))


def _chunks(items: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
