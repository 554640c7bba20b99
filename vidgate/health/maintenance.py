"""Maintenance: while a window lasts nobody is called down; what it excuses is left out of reports.

    async with Maintenance(register, store, bus, zone, clock) as maintenance:
        await maintenance.add(Booking(Scope.PLATFORM, "p", until="4h", reason="..."), actor, ...)
        maintenance.covers(channel, now)

Publishes `maintenance.changed` (object: the number of the window).
"""

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import tzinfo
from itertools import islice
from types import TracebackType
from typing import Protocol, Self

from vidgate.aio.bus import Bus
from vidgate.aio.clock import Clock
from vidgate.errors import ConflictError, InputError, NotFoundError, NotPermittedError
from vidgate.health.calendar import instant
from vidgate.health.trust import Trust
from vidgate.health.windows import FOREVER, LeftOut, Windows
from vidgate.model.channel import Channel, Platform
from vidgate.model.maintenance import Scope, Stay, Window
from vidgate.model.standing import MARGIN, Circumstances, milliseconds
from vidgate.storage.maintenance import MaintenanceStore, Passed

DAY = 86_400.0
KEPT = 400 * DAY  # as long as changes of state
LONGEST = 366 * DAY
MAX_WINDOWS = 5_000  # that last or are to come
MAX_REASON = 200
MAX_KEPT = 20_000  # with those that are over: 50 a day as long as they are kept
CHUNK = 100  # channels that are asked for at once
TIDY = 3600.0  # seconds between two looks for what is too old
NOW = 60.0  # seconds in the past that are now still


class Register(Protocol):
    """What is read of the register."""

    @property
    def channels(self) -> Mapping[str, Channel]:
        """Every channel."""
        ...

    @property
    def platforms(self) -> Mapping[str, Platform]:
        """Platforms by id."""
        ...


@dataclass(frozen=True, slots=True)
class Booking:
    """A window as people ask for it.

    `since` is an instant, empty for now; `until` an instant, a length after `since` (`4h`), or
    empty for further notice. See `health.calendar.instant`.
    """

    scope: Scope
    subject: str
    since: str = ""
    until: str = ""
    reason: str = ""


class Maintenance:
    """All windows, in memory; `add` and `end` are the only ways in."""

    def __init__(  # noqa: PLR0913 - it joins that many parts
        self,
        register: Register,
        store: MaintenanceStore,
        bus: Bus,
        zone: tzinfo | None,
        clock: Clock,
        *,
        past_days: int = 400,
        trust: Trust | None = None,
    ) -> None:
        """`past_days`: how long changes of state are kept; nothing before that can be excused."""
        self.revision = 0  # another one once what is excused so far is about to change, or has
        self._register = register
        self._store = store
        self._bus = bus
        self._zone = zone
        self._clock = clock
        self._trust = trust or Trust(clock)
        self._past = min(past_days * DAY, KEPT)
        self._windows = Windows()
        self._tidied = 0.0

    async def __aenter__(self) -> Self:
        self._windows = Windows(await self._store.load(self._trust.now - KEPT))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    # -- asking ----------------------------------------------------------------------------------

    def windows(self, *, past: bool = False, channel: Channel | None = None) -> list[Window]:
        """Those that last or are to come, with `past` all; of a channel, those that are for it."""
        now = self._tidy()
        found = [one for one in self._windows.listed(channel) if past or not one.is_over(now)]
        return sorted(found, key=lambda one: (one.start, one.id))

    def recorded(self) -> list[Window]:
        """All, in no order: for who sorts many beside the loop."""
        self._tidy()
        return list(self._windows.listed())

    def covers(self, channel: Channel, now: float) -> bool:
        """Whether a window for the channel lasts at wall instant `now`."""
        return self._windows.cover(channel, now)

    async def left_out(
        self, ids: Collection[str], start: int = 0, end: int = FOREVER
    ) -> dict[str, Circumstances]:
        """When failures of channels, registered or not any more, counted for nothing so far, in
        [start, end) (ms).

        A window of a group is for whom the register had in it at the time: to move a channel
        neither excuses what has failed nor takes that back. Raises StorageError.
        """
        end = min(end, milliseconds(self._tidy()))
        windows = self._windows.during(start, end)
        found, told = dict.fromkeys(ids, Circumstances()), LeftOut(windows, start, end)
        for some in _chunks(ids if windows else ()):
            moved = await self._store.stays(some)
            stays = {id_: moved.get(id_) or [self._stay(id_)] for id_ in some}
            found |= await asyncio.to_thread(told.all_of, stays)
        return found

    def _stay(self, id_: str) -> Stay:
        """Of a channel that never moved."""
        return Stay(0, self._register.channels.get(id_.lower()) or Channel(id=id_, name=""))

    # -- doing -----------------------------------------------------------------------------------

    async def add(self, booking: Booking, actor: str, *, may_excuse: bool) -> Window:
        """A new window.

        Raises InputError for nonsense, NotPermittedError where it begins in the past and the actor
        may not excuse what failed, StorageError.
        """
        now = self._tidy()
        start, end = self._times(booking, now)
        if start < now - NOW and not may_excuse:
            raise NotPermittedError(
                "只有管理员能为过去的故障免责 / only an administrator may excuse what has failed"
            )
        self._check_room(now)
        fields = {
            "scope": booking.scope,
            "subject": self._subject(booking),
            "start": start,
            "end": end,
            "reason": _reason(booking.reason),
            "actor": str(actor),
            "created": now,
        }
        with self._changing(start):
            window = await self._store.add(fields, past=self._passed(start, end, now))
            self._windows.put(window)
        self._tell(window)
        return window

    async def end(self, id_: int, actor: str, *, may_excuse: bool) -> Window | None:
        """End one that lasts, now; drop one that is to come, or that excuses (None).

        Raises NotFoundError, ConflictError for maintenance that is over, NotPermittedError.
        """
        window = self._windows.get(id_)
        if window is None:
            raise NotFoundError(f"没有检修时段 {id_} / no such window")
        now = self._clock.wall()
        if window.is_at(now):
            ended = replace(window, end=now)
            with self._changing(window.start):
                await self._store.end(ended, actor)
                self._windows.put(ended)
            self._tell(ended)
            return ended
        if window.is_over(now):
            if not window.is_excuse:
                raise ConflictError(f"检修时段 {id_} 已经结束 / the window is over")
            if not may_excuse:
                raise NotPermittedError("只有管理员能撤回免责 / only an administrator may do that")
        with self._changing(window.start):
            passed = self._passed(window.start, window.end, now)
            await self._store.remove(window, actor, past=passed)
            self._windows.drop(id_)
        self._tell(window)
        return None

    @contextmanager
    def _changing(self, start: float) -> Iterator[None]:
        """While a window that begins then is written; what is to come is in no report yet."""
        self.revision += start <= self._clock.wall()
        try:
            yield
        finally:
            self.revision += start <= self._clock.wall()

    def _tidy(self) -> float:
        """Forget what is too old, now and then; the wall instant that is now."""
        now = self._clock.wall()
        if abs(now - self._tidied) >= TIDY:
            self._tidied = now
            self._windows.forget(self._trust.now - KEPT)
        return now

    def _check_room(self, now: float) -> None:
        """InputError where there are too many: of those at work, or all that are kept."""
        if self._windows.open(now) >= MAX_WINDOWS:
            raise InputError(
                f"未结束的检修时段最多 {MAX_WINDOWS} 个 / at most so many that last or are to come"
            )
        if len(self._windows) >= MAX_KEPT:
            raise InputError(
                f"400 天内最多 {MAX_KEPT} 个检修时段 / at most so many windows in 400 days"
            )

    def _passed(self, start: float, end: float | None, now: float) -> Passed | None:
        """The part of it that has passed, in ms.

        A day is told anew only while all its changes are kept: those of one that is about to be
        forgotten may be gone before the day's turn comes.
        """
        last = now if end is None else min(end, now)
        if start >= last:
            return None
        anew = milliseconds(now - self._past) + MARGIN
        return Passed(milliseconds(start), milliseconds(last), anew)

    def _tell(self, window: Window) -> None:
        told = {"scope": window.scope.value, "subject": window.subject}
        self._bus.publish("maintenance.changed", str(window.id), told)

    def _times(self, booking: Booking, now: float) -> tuple[float, float | None]:
        start = instant("from", booking.since, now, self._zone) if booking.since else now
        end = None
        if booking.until:
            end = instant("until", booking.until, start, self._zone, ahead=True)
        if end is not None and end <= start:
            raise InputError("until 必须晚于 from / until must be after from")
        if start < now - self._past:
            days = f"{self._past / DAY:g}"
            raise InputError(
                f"最早到 {days} 天前, 更早的状态变化已不保留 / {days} days ago at the earliest: "
                "changes of state before that are not kept"
            )
        if (end or start) > now + LONGEST or (end or now) - start > LONGEST:
            raise InputError("最长一年 / a year at most", hint="from, until: 2026-04-01, 4h")
        return start, end

    def _subject(self, booking: Booking) -> str:
        """The name as the register has it. Raises InputError for one that it has not."""
        if booking.scope is Scope.PLATFORM:
            known: Iterable[str] = self._register.platforms
        elif booking.scope is Scope.CHANNEL:
            known = (one.id for one in self._register.channels.values())
        else:
            known = (getattr(one, booking.scope.value) for one in self._register.channels.values())
        wanted = booking.subject.strip()
        for name in known:
            if name and name.lower() == wanted.lower():
                return name
        raise InputError(f"登记中没有 {booking.scope.value} {wanted[:64]} / the register has none")


def _reason(text: str) -> str:
    reason = text.strip()
    if not reason or len(reason) > MAX_REASON:
        raise InputError(f"写明原因, 最多 {MAX_REASON} 字 / say why, in at most so many characters")
    return reason


def _chunks(ids: Iterable[str]) -> Iterator[list[str]]:
    iterator = iter(ids)
    while some := list(islice(iterator, CHUNK)):
        yield some
