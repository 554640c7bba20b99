"""What is known of every channel, kept in memory and in the database, told on the bus."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Protocol

import structlog

from vidgate.aio.bus import Bus
from vidgate.aio.clock import Clock
from vidgate.aio.report import Report
from vidgate.errors import StorageError
from vidgate.health.journal import Journal
from vidgate.health.state import shifted
from vidgate.health.trust import STEP, Trust
from vidgate.model.channel import Lifecycle
from vidgate.model.health import Health
from vidgate.storage.states import Transition

log = structlog.get_logger(__name__)

SAVE_CHANGES = 2.0  # seconds until a change of state is on disk
SAVE_STAMPS = 30.0  # the same for instants alone
CLOSE_TIMEOUT = 5.0


class StateStore(Protocol):
    """Where health is kept; see `storage.states`."""

    async def load(self) -> dict[str, Health]:
        """The last saved health of every channel."""
        ...

    async def latest(self) -> dict[str, Transition]:
        """The last transition of every channel that ever had one."""
        ...

    async def save(
        self,
        healths: Iterable[Health],
        transitions: Iterable[Transition] = (),
        *,
        forget_after: float | None = None,
    ) -> None:
        """Save health and add transitions, in one transaction; raises StorageError."""
        ...


class Book:
    """`put` is the only way in while the service runs."""

    def __init__(
        self, store: StateStore, bus: Bus, clock: Clock, trust: Trust | None = None
    ) -> None:
        self.health: dict[str, Health] = {}
        self._store = store
        self._bus = bus
        self._clock = clock
        self._report = Report(clock=clock)
        self._changed: set[str] = set()
        self._stamped: set[str] = set()
        self._journal = Journal()
        self._trust = trust or Trust(clock)
        self._is_believed = self._trust.look()
        self._is_saving = False
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
        is_believed = self._trust.look()
        if is_believed and (step < -STEP or not self._is_believed):
            self._begin_again(wall)
        self._is_believed = is_believed
        return wall

    @property
    def is_settled(self) -> bool:
        """Whether every change of state so far is in the database."""
        return self._journal.is_empty and not self._is_saving

    @property
    def lost_transitions(self) -> int:
        """Changes of state that the database could not take in time; they count as unknown."""
        return self._journal.lost

    async def load(self) -> Mapping[str, Health]:
        """What was stored; nothing when the database does not say."""
        try:
            self._journal.recall(await self._store.latest())
            return await self._store.load()
        except StorageError as error:
            log.error("stored states cannot be read", error=error.message)
            return {}

    def adopt(self, health: Health, step: Lifecycle = Lifecycle.ACCEPTED) -> None:
        """A channel appears, with what is known of it; no change of state to tell."""
        self.health[health.channel] = health
        self.follow(health.channel, step)

    def follow(self, id_: str, step: Lifecycle) -> None:
        """The channel's lifecycle stands at this step; that a step changed is kept."""
        self._journal.follow(id_, step)
        self._note(self.health[id_], self._clock.wall())

    def adopted_all(self) -> None:
        """The register is known: whatever else was once in it has left it."""
        if self._trust.look():
            self._journal.leave_others(self.health, self._clock.wall())

    def put(self, health: Health) -> None:
        """What is known now; told and kept when it differs."""
        id_ = health.channel
        before = self.health.get(id_)
        if before is None or before is health:
            return  # removed meanwhile, or nothing new
        self.health[id_] = health
        told = (health.state, health.reason, health.level)
        if told == (before.state, before.reason, before.level):
            self._stamped.add(id_)
            return
        self._note(health, self._clock.wall())
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
        if self._trust.look():
            self._journal.leave(id_, self._clock.wall())
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
        if not ids and self._journal.is_empty:
            return True
        self._changed -= ids
        self._stamped -= ids
        healths = [self.health[id_] for id_ in ids if id_ in self.health]
        batch = self._journal.take()
        self._is_saving = True
        try:
            await self._store.save(healths, batch.transitions, forget_after=batch.forget_after)
        except StorageError as error:
            self._changed |= ids  # the newest state wins at the next try
            self._journal.give_back(batch)
            self._report.warning("save", "states cannot be saved", error=error.message)
            return False
        except BaseException:  # cancelled as the service closes, which saves once more
            self._changed |= ids
            self._journal.give_back(batch)
            raise
        finally:
            self._is_saving = False
        return True

    async def close(self) -> None:
        """Save the rest, within a few seconds."""
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self.save(all_=True)
        except TimeoutError:
            log.error("last states not saved in time")

    def _begin_again(self, now: float) -> None:
        """What is known stands from now on; what a fast clock wrote would stand in its way."""
        self._journal.leave_others(self.health, now)
        if self._trust.may_drop:
            self._journal.rewind(now)
        else:
            self._journal.restart()
        for health in self.health.values():
            self._note(health, now)

    def _note(self, health: Health, now: float) -> None:
        if self._trust.look():
            self._journal.note(health, now)
