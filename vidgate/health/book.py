"""What is known of every channel, kept in memory and in the database, told on the bus."""

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Protocol

import structlog

from vidgate.aio.bus import Bus
from vidgate.aio.clock import Clock
from vidgate.aio.report import Report
from vidgate.errors import StorageError
from vidgate.health.state import shifted
from vidgate.model.health import Health
from vidgate.storage.states import Transition

log = structlog.get_logger(__name__)

SAVE_CHANGES = 2.0  # seconds until a change of state is on disk
SAVE_STAMPS = 30.0  # the same for instants alone
MAX_TRANSITIONS = 20_000  # held while the database cannot take them; the oldest are lost beyond
CLOSE_TIMEOUT = 5.0
STEP = 2.0  # seconds by which a wall clock is stepped, not slewed


class StateStore(Protocol):
    """Where health is kept; see `storage.states`."""

    async def load(self) -> dict[str, Health]:
        """The last saved health of every channel."""
        ...

    async def save(self, healths: Iterable[Health], transitions: Iterable[Transition] = ()) -> None:
        """Save health and add transitions, in one transaction; raises StorageError."""
        ...


class Book:
    """`put` is the only way in while the service runs."""

    def __init__(self, store: StateStore, bus: Bus, clock: Clock) -> None:
        self.health: dict[str, Health] = {}
        self.lost_transitions = 0
        self._store = store
        self._bus = bus
        self._clock = clock
        self._report = Report(clock=clock)
        self._changed: set[str] = set()
        self._stamped: set[str] = set()
        self._transitions: deque[Transition] = deque()
        self._ahead = clock.wall() - clock.now()
        self._stamps_saved = clock.now()

    def wall(self) -> float:
        """Wall-clock seconds, once what is known has followed a stepped clock.

        Ages are differences of wall instants, since those are what is stored and shown; without
        this an hour's step would make every proof an hour old.
        """
        wall = self._clock.wall()
        ahead = wall - self._clock.now()
        step = ahead - self._ahead
        self._ahead = ahead
        if abs(step) > STEP:
            log.warning("wall clock was stepped", seconds=round(step, 1))
            for id_, health in self.health.items():
                self.health[id_] = shifted(health, step)
            self._stamped.update(self.health)
        return wall

    async def load(self) -> Mapping[str, Health]:
        """What was stored; nothing when the database does not say."""
        try:
            return await self._store.load()
        except StorageError as error:
            log.error("stored states cannot be read", error=error.message)
            return {}

    def adopt(self, health: Health) -> None:
        """A channel appears, with what is known of it; no change of state to tell."""
        self.health[health.channel] = health

    def put(self, health: Health) -> None:
        """What is known now; told and kept when it differs."""
        id_ = health.channel
        before = self.health.get(id_)
        if before is None or before is health:
            return  # removed meanwhile, or nothing new
        self.health[id_] = health
        if before.state is not health.state or before.reason is not health.reason:
            self._note(before, health)
        elif before.level is health.level:
            self._stamped.add(id_)
            return
        self._changed.add(id_)
        self._bus.publish(
            "channel.state",
            id_,
            {
                "state": health.state.label,
                "reason": health.reason.value,
                "since": health.since,
                "level": health.level.label,
            },
        )

    def remove(self, id_: str) -> None:
        """The channel is gone."""
        self.health.pop(id_, None)
        self._changed.discard(id_)
        self._stamped.discard(id_)

    async def keep_saving(self) -> None:
        """Save what changed, every few seconds, until cancelled."""
        while True:
            await asyncio.sleep(SAVE_CHANGES)
            await self.save()

    async def save(self, *, all_: bool = False) -> bool:
        """Save what is due (`all_`: everything that changed); False when the database refused."""
        now = self._clock.now()
        ids = set(self._changed)
        if all_ or now - self._stamps_saved >= SAVE_STAMPS:
            self._stamps_saved = now
            ids |= self._stamped
        if not ids and not self._transitions:
            return True
        self._changed -= ids
        self._stamped -= ids
        count = len(self._transitions)
        healths = [self.health[id_] for id_ in ids if id_ in self.health]
        try:
            await self._store.save(healths, list(self._transitions))
        except StorageError as error:
            self._changed |= ids  # the newest state wins at the next try
            self._report.warning("save", "states cannot be saved", error=error.message)
            return False
        for _ in range(min(count, len(self._transitions))):
            self._transitions.popleft()
        return True

    async def close(self) -> None:
        """Save the rest, within a few seconds."""
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self.save(all_=True)
        except TimeoutError:
            log.error("last states not saved in time")

    def _note(self, before: Health, health: Health) -> None:
        if len(self._transitions) >= MAX_TRANSITIONS:
            self._transitions.popleft()
            self.lost_transitions += 1
        self._transitions.append(
            Transition(
                channel=health.channel,
                time=self._clock.wall(),
                before=before.state,
                after=health.state,
                reason=health.reason,
                level=health.level,
            )
        )
