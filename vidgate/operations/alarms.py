"""Alarms: what failed, folded by cause, and what people do about it.

    async with Alarms(register, watch, bus, store, host, clock) as alarms:
        await alarms.acknowledge(id, actor, "a crew is on its way")

An incident is an alarm until it is over or a person closed it. Publishes `alarm.changed` (object:
the number; data: `summary`).
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import tzinfo
from types import TracebackType
from typing import Any, Protocol, Self

from vidgate.aio.bus import Bus
from vidgate.aio.clock import Clock
from vidgate.aio.report import Report
from vidgate.aio.supervisor import Supervisor
from vidgate.errors import ConflictError, InputError, NotFoundError, StorageError
from vidgate.health.calendar import instant
from vidgate.health.causes import Condition, Place, Rules, condition
from vidgate.health.checks import Cadence, is_probed
from vidgate.health.incidents import Fold
from vidgate.model.channel import Channel, PointClass
from vidgate.model.health import Health
from vidgate.model.incident import Attention, Incident, Note, Outline, Selection
from vidgate.storage.incidents import ACKNOWLEDGE, CLOSE, IncidentStore

EVENTS = ("channel.state", "register.changed")
TURN = 1.0  # seconds between two looks at what changed
CHUNK = 200  # channels in one turn of the event loop
TOLD_AT_ONCE = 50  # alarms told in one turn of it
TIDY = 3600.0
KEPT = 400 * 86_400.0  # as long as the changes of state that they were made of
SAVED_AT_ONCE = 50  # incidents in one transaction
MAX_TEXT = 500
MAX_PAST = 1000


class Register(Protocol):
    """What is read of the register: a mapping that is replaced when anything changes."""

    @property
    def channels(self) -> Mapping[str, Channel]:
        """All channels."""
        ...


class Rhythm(Protocol):
    """How often channels are looked at; see `health.demand`."""

    def cadence(self, channel: Channel) -> Cadence:
        """The periods of one."""
        ...


class Watch(Protocol):
    """What is known of every channel; see `health.service`."""

    @property
    def demands(self) -> Rhythm:
        """How often they are looked at."""
        ...

    def of(self, id_: str) -> Health:
        """How one stands."""
        ...


class Alarms:
    """Follows the health of all channels; `host` names a channel's device without its address."""

    def __init__(  # noqa: PLR0913 - it joins that many parts
        self,
        register: Register,
        watch: Watch,
        bus: Bus,
        store: IncidentStore,
        host: Callable[[Channel], str],
        clock: Clock,
        *,
        rules: Rules | None = None,
        zone: tzinfo | None = None,
    ) -> None:
        """`zone`: whose midnights days begin at; none: the machine's."""
        self._register = register
        self._watch = watch
        self._bus = bus
        self._store = store
        self._host = host
        self._clock = clock
        self._zone = zone
        self._rules = rules or Rules()
        self._fold: Fold | None = None  # until the database has told what was before
        self._places: dict[str, tuple[Channel, Place]] = {}
        self._unsaved: dict[int, tuple[Incident, set[str]]] = {}
        self._saying = asyncio.Lock()  # two people at one alarm: the second is told of the first
        self._is_stale = True
        self._tidied = clock.now()
        self._report = Report(clock=clock)
        self._tasks = Supervisor("alarms")

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._tasks.keep(self._listen, "listen")
        self._tasks.keep(self._follow, "follow")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._tasks.__aexit__(kind, error, trace)
        await self._save()

    # -- asking ----------------------------------------------------------------------------------

    @property
    def open(self) -> list[Incident]:
        """Incidents of which something still fails."""
        return [] if self._fold is None else self._fold.open

    def is_settled(self) -> bool:
        """Whether every incident so far is in the database, as far as it was folded."""
        return not self._unsaved

    async def list_(
        self, wanted: Selection, limit: int, *, since: str = "", until: str = ""
    ) -> tuple[int, list[Outline]]:
        """How many are asked for, and they, the newest first; `since` and `until` as people write
        them, see `health.calendar.instant`. Raises InputError, StorageError.
        """
        wanted = self._between(wanted, since, until)
        lately = {} if self._fold is None else dict(self._fold.incidents)
        found = [
            one.outline for one in lately.values() if wanted.fits(one) and self._is_at(one, wanted)
        ]
        total = len(found)
        if Attention.CLOSED in wanted.attention:
            total += await self._store.count_past(wanted, but=list(lately))
            found += await self._store.past(min(limit, MAX_PAST), wanted, but=list(lately))
        return total, sorted(found, key=lambda one: (one.opened, one.id), reverse=True)[:limit]

    def _between(self, wanted: Selection, since: str, until: str) -> Selection:
        now = self._clock.wall()
        start = instant("since", since, now, self._zone) if since else wanted.since
        end = instant("until", until, now, self._zone) if until else wanted.until
        if start >= end:
            raise InputError("since 必须早于 until / since must be before until")
        return replace(wanted, since=start, until=end)

    def _is_at(self, incident: Incident, wanted: Selection) -> bool:
        place, channels = wanted.place, self._register.channels
        return not place or any(
            all(getattr(channel, name) == value for name, value in place.items())
            for id_ in incident.members
            if (channel := channels.get(id_.lower())) is not None
        )

    async def get(self, id_: int) -> tuple[Incident, list[Note]]:
        """One, and what was said of it. Raises NotFoundError, StorageError."""
        return await self._find(id_), await self._store.notes(id_)

    async def _find(self, id_: int) -> Incident:
        known = None if self._fold is None else self._fold.incidents.get(id_)
        found = known or await self._store.find(id_)
        if found is None:
            raise NotFoundError(f"没有告警 {id_} / no such alarm")
        return found

    # -- doing -----------------------------------------------------------------------------------

    async def acknowledge(self, id_: int, actor: str, text: str = "") -> Incident:
        """Somebody sees to it.

        Raises ConflictError where it is over or somebody else is at it, NotFoundError, InputError,
        StorageError.
        """
        async with self._saying:
            incident = await self._find(id_)
            _require_unclosed(incident)
            by = incident.acknowledged
            if by is not None:
                raise ConflictError(f"告警 {id_} 已由 {by.actor} 确认 / already acknowledged")
            incident.acknowledged = await self._say(incident, actor, ACKNOWLEDGE, text)
        self._tell(incident)
        return incident

    async def note(self, id_: int, actor: str, text: str) -> Incident:
        """Say something of it, whenever it was. Raises NotFoundError, InputError, StorageError."""
        incident = await self._find(id_)
        await self._say(incident, actor, "note", _required(text, "备注 / the note"))
        self._tell(incident)
        return incident

    async def close(self, id_: int, actor: str, text: str) -> Incident:
        """A person says that it needs nobody, and why, though something may still fail.

        Raises ConflictError where it is closed, NotFoundError, InputError, StorageError.
        """
        reason = _required(text, "关闭原因 / why it is closed")
        async with self._saying:
            incident = await self._find(id_)
            _require_unclosed(incident)
            incident.dismissed = await self._say(incident, actor, CLOSE, reason)
        self._tell(incident)
        return incident

    async def _say(self, incident: Incident, actor: str, action: str, text: str) -> Note:
        if len(text) > MAX_TEXT:
            raise InputError(f"最多 {MAX_TEXT} 字 / at most {MAX_TEXT} characters")
        note = Note(time=self._clock.wall(), actor=actor, action=action, text=text.strip())
        await self._store.say(incident, note)
        return note

    # -- following -------------------------------------------------------------------------------

    async def _listen(self) -> None:
        async with self._bus.subscribe(EVENTS, limit=1) as events:  # that there was one is enough
            self._is_stale = True
            async for _ in events:
                self._is_stale = True

    async def _follow(self) -> None:
        if self._fold is None:
            recalled = await self._store.recall(self._clock.wall() - self._rules.reopen)
            self._fold = Fold(recalled.incidents, first=recalled.first, rules=self._rules)
        while True:
            await self.turn(self._fold)
            await asyncio.sleep(TURN)

    def wake(self) -> None:
        """Something changed: the next turn looks."""
        self._is_stale = True

    async def turn(self, fold: Fold) -> None:
        """Fold what changed since the last turn; keep and tell it."""
        if self._is_stale or fold.is_waiting:
            self._is_stale = False
            await self._fold_in(fold)
        await self._save()
        if self._clock.now() - self._tidied > TIDY:
            self._tidied = self._clock.now()
            await self._store.forget(self._clock.wall() - KEPT)

    async def _fold_in(self, fold: Fold) -> None:
        """Half a fold is true as far as it goes: what changed is kept even if we are stopped."""
        try:
            fleet = await self._fleet()
            for _ in fold.steps(fleet, self._clock.wall()):
                await asyncio.sleep(0)
        except BaseException:
            self._is_stale = True
            raise
        finally:
            changed = fold.take_changes()
            for id_, channels in changed.items():
                known = self._unsaved.setdefault(id_, (fold.incidents[id_], set()))
                known[1].update(channels)
        for number, id_ in enumerate(changed, 1):
            self._tell(fold.incidents[id_])
            if number % TOLD_AT_ONCE == 0:
                await asyncio.sleep(0)

    async def _fleet(self) -> dict[str, Condition]:
        """How every channel stands."""
        channels, fleet = self._register.channels, {}
        cadences: dict[tuple[str, PointClass], Cadence] = {}  # all that they depend on
        if len(self._places) > 2 * len(channels):
            self._places.clear()
        for number, channel in enumerate(channels.values(), 1):
            place, alike = self._place(channel), (channel.platform, channel.point_class)
            if (cadence := cadences.get(alike)) is None:
                cadence = cadences[alike] = self._watch.demands.cadence(channel)
            fleet[channel.id] = condition(
                self._watch.of(channel.id),
                place,
                cadence,
                is_counted=channel.is_counted,
                is_asked=is_probed(channel),
            )
            if number % CHUNK == 0:
                await asyncio.sleep(0)
        return fleet

    def _place(self, channel: Channel) -> Place:
        known = self._places.get(channel.id)
        if known is None or known[0] is not channel:
            place = Place(channel.platform, channel.area, self._host(channel))
            known = self._places[channel.id] = channel, place
        return known[1]

    async def _save(self) -> None:
        """Keep what changed; what the database refuses is tried again at the next turn, however
        long that takes: the fold itself soon forgets what is over.
        """
        while self._unsaved:
            ids = list(self._unsaved)[:SAVED_AT_ONCE]
            try:
                await self._store.save([self._unsaved[id_] for id_ in ids])
            except StorageError as error:
                self._report.warning("save", "incidents cannot be saved", error=error.message)
                return
            for id_ in ids:
                del self._unsaved[id_]

    def _tell(self, incident: Incident) -> None:
        self._bus.publish("alarm.changed", str(incident.id), summary(incident.outline))


def summary(incident: Outline) -> dict[str, Any]:
    """An incident without its members, JSON-ready; instants are wall-clock seconds."""
    seen_by = incident.acknowledged
    return {
        "id": incident.id,
        "cause": incident.cause.value,
        "subject": incident.subject,
        "severity": incident.severity.value,
        "attention": incident.attention.value,
        "opened": incident.opened,
        "ended": incident.ended,
        "channels": incident.channels,
        "failing": incident.failing,
        "returns": incident.returns,
        "asked": incident.asked,
        "merged": incident.merged,
        "acknowledged_by": seen_by.actor if seen_by else "",
        "acknowledged": seen_by.time if seen_by else None,
        "closed_by": incident.dismissed.actor if incident.dismissed else "",
    }


def _require_unclosed(incident: Incident) -> None:
    if incident.attention is Attention.CLOSED:
        how = f"由 {incident.dismissed.actor} 关闭" if incident.dismissed else "已结束"
        raise ConflictError(f"告警 {incident.id} {how} / the alarm is closed already")


def _required(text: str, what: str) -> str:
    if not text.strip():
        raise InputError(f"请写明{what} / is missing")
    return text
