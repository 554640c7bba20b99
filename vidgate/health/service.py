"""What is known of every channel: judged by probes and live streams, kept, and told.

    async with HealthService(registry, hub, bus, prober, states, settings) as health:
        health.of(id).state
        async for result in health.run(ids, Level.MEDIA): ...

Publishes `channel.state` (object: the id; data: state, reason, since, level).
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self

import structlog

from vidgate.aio.bus import Bus
from vidgate.aio.clock import Clock, SystemClock
from vidgate.aio.limits import Pace
from vidgate.aio.supervisor import Supervisor
from vidgate.errors import SettingsError
from vidgate.health import state as states
from vidgate.health.book import Book, StateStore
from vidgate.health.checks import (
    STOPPED,
    Look,
    first_plan,
    is_probed,
    next_plan,
)
from vidgate.health.demand import Demands
from vidgate.health.evidence import Rules
from vidgate.health.live import LiveJudge
from vidgate.health.lookout import WATCHED, Looker, Lookout
from vidgate.health.order import longest_first, well_mixed
from vidgate.health.roster import Change, Kind, Register, Roster
from vidgate.health.scheduler import Job, Scheduler
from vidgate.health.trust import Trust
from vidgate.media.hub import Hub
from vidgate.model.channel import Channel
from vidgate.model.event import Event
from vidgate.model.health import Health, Level, ProbeResult, State
from vidgate.model.maintenance import Place, Scope, place, places
from vidgate.settings.tree import ProbeSettings

log = structlog.get_logger(__name__)

REGISTER_EVENTS = frozenset(
    {"register.changed", "credential.changed", "platform.changed", "maintenance.changed"}
)
LOOK_AT_STREAMS = 1.0  # seconds between two looks at the live streams
LOOKS_PER_AGING = 10
CHUNK = 100  # channels in one turn of the event loop
TROUBLED = ("stalled", "retrying")
DOUBT = 3.0  # seconds after a watched sub-stream fails until its channel is looked at


@dataclass(slots=True)
class _News:
    """What was heard and is not followed up yet; at first, that there is a register."""

    is_changed: bool = True
    credentials: set[str] = field(default_factory=set)  # set anew
    booked: set[Place] = field(default_factory=set)  # of what windows were added or ended

    def add(self, event: Event) -> None:
        """A window changes nothing in the register, which is not compared for it."""
        if event.type == "maintenance.changed":
            self.booked.add(place(Scope(event.data["scope"]), event.data["subject"]))
            return
        self.is_changed = True
        if event.type == "credential.changed":
            self.credentials.add(event.object)


class HealthService:
    """Follows the register, runs the looks, judges, keeps and tells."""

    def __init__(  # noqa: PLR0913 - it joins that many parts
        self,
        register: Register,
        hub: Hub,
        bus: Bus,
        prober: Looker,
        store: StateStore,
        settings: ProbeSettings,
        maintained: Callable[[Channel, float], bool] = lambda channel, now: False,
        *,
        clock: Clock | None = None,
        rng: random.Random | None = None,
        trust: Trust | None = None,
    ) -> None:
        """`maintained` says whether a channel is in maintenance at a wall instant."""
        _check_depth(settings, prober)
        self._bus = bus
        self._settings = settings
        self._maintained = maintained
        self._clock, self._random = clock or SystemClock(), rng or random.Random()
        self._live = LiveJudge(hub)
        self._book = Book(store, bus, self._clock, trust)
        self._lookout = Lookout(prober, self._live, self._clock, self.of, self._book.wall)
        self._roster = Roster(register)
        self.demands = Demands(self._roster, settings, prober.held)
        self._stale, self._news = asyncio.Event(), _News()
        self._tasks = Supervisor("health")
        self._is_closing = False
        self._scheduler = Scheduler(
            self._lookout.look, prober, self._finished, self._clock, parallel=settings.parallel
        )
        self.pace = self._scheduler.pace = Pace(settings.connects_per_second)
        self._scheduler.follow_register(self._roster.channels)
        self.on_probe: Callable[[ProbeResult, float], None] = lambda result, seconds: None

    async def __aenter__(self) -> Self:
        stored = await self._book.load()
        await self._follow(stored)
        self._book.adopted_all()
        await self._tasks.__aenter__()
        self._tasks.keep(self._listen, "listen")
        self._tasks.keep(self._follow_up, "follow up")
        self._tasks.keep(lambda: self._scheduler.run(self._tasks), "schedule")
        self._tasks.keep(self._watch, "watch")
        self._tasks.keep(self._book.keep_saving, "save")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_closing = True
        await self._tasks.__aexit__(kind, error, trace)
        self._scheduler.close()
        await self._book.close()

    # -- asking ----------------------------------------------------------------------------------

    @property
    def health(self) -> Mapping[str, Health]:
        """What is known of every channel, by its id."""
        return self._book.health

    @property
    def in_flight(self) -> int:
        """Probes under way."""
        return self._scheduler.in_flight

    @property
    def waiting(self) -> int:
        """Probes that are due and held back by a limit."""
        return self._scheduler.waiting

    def is_settled(self) -> bool:
        """Whether every change of state so far is in the database."""
        return self._book.is_settled

    def of(self, id_: str) -> Health:
        """What is known of one channel; `unknown` for one that is not registered."""
        channel = self._roster.find(id_)
        found = self._book.health.get(channel.id if channel else id_)
        return found or Health(channel=id_)

    def judge(self, result: ProbeResult) -> State:
        """What a result says together with the evidence that stands, without hysteresis."""
        channel = self._roster.channels.get(result.channel)
        rules = self.demands.rules(channel) if channel else Rules()
        return states.judged(self.of(result.channel), result, rules, self._book.wall())

    async def run(
        self, ids: Iterable[str], level: Level, *, unspread: bool = True
    ) -> AsyncGenerator[ProbeResult, None]:
        """Look at the channels now; a result for each, as they come.

        Unpaced, within the limits of platforms and hosts. `unspread=False` adds them to the
        background instead, at its pace. Raises NotFoundError for an id that is not registered.
        """
        channels = [self._roster.get(id_) for id_ in ids]
        ordered = (longest_first if unspread else well_mixed)(channels, self.of)
        looks = self._scheduler.ask(ordered, level, urgent=unspread)
        with self._lookout.asked(channels):
            async with aclosing(looks) as results:
                async for result in results:
                    yield result

    # -- following the register --------------------------------------------------------------------

    async def _follow(
        self, stored: Mapping[str, Health] | None = None, credentials: Collection[str] = ()
    ) -> None:
        """Take over what the register holds now; `credentials` were set anew."""
        self.demands.refresh(self._roster.listed())
        for number, change in enumerate(self._roster.compare(credentials), 1):
            if change is not None:
                self._apply(change, stored or {})
            await _after(number)

    def _apply(self, change: Change, stored: Mapping[str, Health]) -> None:
        channel, before = change.channel, change.before
        if before is not None:
            self._book.follow(channel.id, channel.lifecycle)
        if change.kind is Kind.ADDED:
            self._add(channel, stored)
        elif change.kind is Kind.REMOVED:
            self._scheduler.forget(channel.id, removed=True)
            self._book.remove(channel.id)
        elif change.kind is Kind.MOVED:
            if change.is_renewed:
                self._lookout.reopen(channel)
            self._live.moved(channel.id)
            self._begin_again(channel, states.moved)
        elif change.kind is Kind.RENEWED:
            self._lookout.reopen(channel)
            self._begin_again(channel, states.renewed)
        else:
            self._settle(channel)
            if before is None or _probed_as(before) != _probed_as(channel):
                self._restart(channel)

    def _add(self, channel: Channel, stored: Mapping[str, Health]) -> None:
        now, known = self._book.wall(), stored.get(channel.id)
        new = Health(channel=channel.id, since=now)
        health = states.restored(known, self.demands.rules(channel), now) if known else new
        self._book.adopt(health, channel.lifecycle)
        self._lookout.restored(channel, health)
        self._settle(channel)
        self._restart(channel)

    def _begin_again(self, channel: Channel, known: Callable[[Health, float], Health]) -> None:
        """What its looks showed may not hold any more: see soon. `known`: what is left of it."""
        now = self._book.wall()  # first of all: a stepped clock moves what is known
        self._book.put(known(self.of(channel.id), now))
        self._settle(channel)
        self._restart(channel, within=2.0)

    def _settle(self, channel: Channel) -> None:
        """Apply what follows from the channel itself and from time alone."""
        rules, now, before = self.demands.rules(channel), self._book.wall(), self.of(channel.id)
        is_off = self._maintained(channel, now)
        self._book.put(after := states.effective(before, channel, rules, now, is_maintained=is_off))
        if (before.state is State.MAINTENANCE) is not (after.state is State.MAINTENANCE):
            self._restart(channel, within=2.0)

    def _restart(self, channel: Channel, within: float | None = None) -> None:
        """Plan the channel anew; looks under way no longer tell of it."""
        self._scheduler.forget(channel.id)
        if not self._is_probed(channel):
            return
        now, health = self._clock.now(), self.of(channel.id)
        age = self._book.wall() - health.media_seen if health.media_seen else 0.0
        plan = first_plan(health, self.demands.cadence(channel), now, self._random, age=age)
        if within is not None and plan is not STOPPED:
            plan = replace(plan, describe_at=now + self._random.uniform(0.0, within))
        self._scheduler.plan(channel.id, plan)

    def _is_probed(self, channel: Channel) -> bool:
        return self._settings.enabled and is_probed(channel) and self._is_judged(channel)

    def _is_judged(self, channel: Channel) -> bool:
        """In maintenance nobody asks, and what is seen says nothing."""
        return channel.enabled and self.of(channel.id).state is not State.MAINTENANCE

    async def _listen(self) -> None:
        """Hear what changed. Changes come in bursts: they are followed up once for all of them."""
        async with self._bus.subscribe((*REGISTER_EVENTS, "stream.state")) as events:
            self._stale.set()
            lost = 0
            async for event in events:
                if events.lost > lost:
                    lost = events.lost
                    self._news.is_changed = True
                    self._stale.set()
                self._hear(event)

    def _hear(self, event: Event) -> None:
        if event.type in REGISTER_EVENTS:
            self._news.add(event)
            self._stale.set()
        elif event.data.get("state") == "connecting":
            self._scheduler.yield_to_viewer(event.object)
        elif event.data.get("variant") == "sub" and event.data.get("state") in TROUBLED:
            self._doubt(event.object)

    def _doubt(self, id_: str) -> None:
        """A watched sub-stream shows nothing: see soon whether the main stream does."""
        plan, health = self._scheduler.plans.get(id_), self.of(id_)
        soon = self._clock.now() + DOUBT
        if plan is None or plan.media_at <= soon or health.misses.most:
            return
        if health.state in (State.UP, State.DEGRADED):
            self._scheduler.plan(id_, replace(plan, media_at=soon))

    async def _follow_up(self) -> None:
        while True:
            await self._stale.wait()
            self._stale.clear()
            news, self._news = self._news, _News(is_changed=False)
            if news.is_changed:
                await self._follow(credentials=news.credentials)
            if news.booked:
                await self.age(news.booked)

    # -- looking -----------------------------------------------------------------------------------

    def _finished(self, job: Job, result: ProbeResult, started: float, ended: float) -> None:
        if self._is_closing:
            return
        self.on_probe(result, ended - started)
        channel = self._roster.channels.get(result.channel)
        if channel is None or not self._scheduler.is_current(job):
            return
        self.demands.learn(channel, result, ended - started)
        rules = self.demands.rules(channel)
        # The clock first of all: a stepped one moves what is known.
        now, before = self._book.wall(), self.of(channel.id)
        health = self._judged(channel, before, result, rules, now)
        self._book.put(health)
        if self._is_probed(channel):
            plan = self._scheduler.plans.get(channel.id, STOPPED)
            owed_at = self._lookout.owed_at(result, channel)
            look = Look(result, started, ended, before, self._random, now, owed_at)
            following = next_plan(plan, health, self.demands.cadence(channel), rules, look)
            is_doubted = states.needs_recheck(health)
            self._scheduler.plan(channel.id, following, is_doubted=is_doubted)

    def _judged(
        self, channel: Channel, before: Health, result: ProbeResult, rules: Rules, now: float
    ) -> Health:
        if not self._is_judged(channel):
            return replace(before, last=result)
        if result.detail == WATCHED:  # judged from its streams, and `last` keeps what was measured
            return self._live.seen(before, self._clock.now(), now) or before
        return states.advance(before, result, rules, now)

    # -- watching ----------------------------------------------------------------------------------

    async def _watch(self) -> None:
        turn = 0
        while True:
            self.look_at_streams()
            turn += 1
            if turn % LOOKS_PER_AGING == 0:
                await self.age()
            await asyncio.sleep(LOOK_AT_STREAMS)

    def look_at_streams(self) -> None:
        """Judge every watched channel from its live streams."""
        now = self._book.wall()
        names = self._live.names()
        self._live.keep_only(names)
        for name in names:
            channel = self._roster.find(name)
            if channel is not None and self._is_judged(channel):
                self._look_at_stream(channel, now)

    async def age(self, among: set[Place] | None = None) -> None:
        """Let old evidence lapse, `among`: of the channels that maintenance there is for."""
        self.demands.refresh(self._roster.channels.values())
        for number, channel in enumerate(list(self._roster.channels.values()), 1):
            is_meant = among is None or not among.isdisjoint(places(channel))
            if is_meant and channel.id in self._roster.channels:
                self._settle(channel)
            await _after(number)

    def _look_at_stream(self, channel: Channel, now: float) -> None:
        before = self.of(channel.id)
        health = self._live.judged(before, self._clock.now(), now)
        if health is None:
            return
        self._book.put(health)
        if (before.state is State.UNAUTHORIZED) is not (health.state is State.UNAUTHORIZED):
            self._restart(channel)  # asked without its login from now on, or with it again


async def _after(number: int) -> None:
    """A turn for others after each so many channels."""
    if number % CHUNK == 0:
        await asyncio.sleep(0)


def _check_depth(settings: ProbeSettings, prober: Looker) -> None:
    """SettingsError where pictures are to be judged and nothing here can."""
    if settings.picture_period and prober.deepest < Level.PICTURE:
        raise SettingsError(
            "probe.picture_period: 本版本不评画质 / nothing here judges pictures",
            hint="probe.picture_period: 0",
        )


def _probed_as(channel: Channel) -> tuple[object, ...]:
    """What its plan depends on."""
    return is_probed(channel), channel.platform
