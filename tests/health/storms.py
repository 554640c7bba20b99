"""A fleet as a model, in virtual time: thousands of cameras through hours of trouble.

The cameras answer as told; everything else (plans, pace, lanes, hysteresis, book) is the service's
own. A connect is counted for every look, in the second in which it begins.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Hashable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.health.fakes import FakeRegister, FakeStore, no_sources
from tests.virtual import VirtualClock, VirtualTime
from vidgate.aio.bus import Bus
from vidgate.health import governor
from vidgate.health.measure import Wish
from vidgate.health.service import HealthService
from vidgate.media.hub import Hub
from vidgate.model.channel import Channel, Platform
from vidgate.model.event import Event
from vidgate.model.health import Level, ProbeResult, Reason
from vidgate.settings.tree import ProbeSettings
from vidgate.wire.allowance import Allowance, Allowances

Run = Callable[[Callable[[VirtualClock], Coroutine[Any, Any, None]]], None]

# Seconds that a look takes to answer, and to wait for a key frame beyond that.
ANSWER, KEY_FRAME = 0.03, 1.0
# How long a look takes that ends with that reason, and how deep it came.
COSTS = {
    Reason.OK: (0.0, None),
    Reason.UNREACHABLE: (0.01, Level.NONE),
    Reason.TIMEOUT: (5.0, Level.NONE),
    Reason.UNAUTHORIZED: (0.03, Level.REACH),
    Reason.BUSY: (0.03, Level.REACH),
    Reason.NO_MEDIA: (8.0, Level.DESCRIBE),
}
Condition = Callable[[str, float, Level], Reason]


@dataclass
class Model:
    """The cameras: `condition(id, now, level)` says how each answers at that monotonic second."""

    clock: VirtualClock
    register: FakeRegister
    condition: Condition
    asked: list[tuple[float, str, Level]] = field(default_factory=list)
    unsigned: list[tuple[float, str]] = field(default_factory=list)  # asked without a login
    events: list[tuple[float, Event]] = field(default_factory=list)
    rng: random.Random = field(default_factory=lambda: random.Random(7))
    deepest: Level = Level.MEDIA
    bus: Bus = field(default_factory=Bus)
    allowances: Allowances = field(default_factory=Allowances)

    def allowance(self, channel: Channel) -> Allowance:
        """One for each channel and login."""
        return self.allowances.of(channel, self.register.logins(channel))

    def lane(self, channel: Channel, level: Level) -> tuple[Hashable, int]:
        """As the real prober has it: 16 sessions a platform, 4 describes, 4 to a direct host."""
        if not channel.platform:
            return ("host", channel.id), 4
        platform = self.register.platforms[channel.platform]
        if level >= Level.MEDIA:
            return ("slots", platform.id), 16
        return ("describe", platform.id), platform.describe_parallel

    def room(self, lane: Hashable) -> int | None:
        """Nobody watches."""
        return None

    def held(self, platform: str) -> int:
        """Nobody watches."""
        return 0

    def can_withhold(self, channel: Channel) -> bool:
        """Every one."""
        return True

    def reopen(self, channel: Channel) -> None:
        """One more try."""
        self.allowance(channel).reopen()

    def owed_at(self, channel: Channel) -> None:
        """No platform is asked."""

    async def probe_unsigned(self, channel: Channel) -> ProbeResult:
        """Whoever lives wants a login."""
        started = self.clock.now()
        self.unsigned.append((started, channel.id))
        reason = self.condition(channel.id, started, Level.DESCRIBE)
        seconds, reached = COSTS[Reason.UNAUTHORIZED if reason is Reason.OK else reason]
        await asyncio.sleep(seconds)
        return ProbeResult(
            channel=channel.id,
            asked=Level.REACH,
            level=reached or Level.NONE,
            reason=Reason.UNAUTHORIZED if reason is Reason.OK else reason,
            t0=self.clock.wall() - seconds,
        )

    async def probe(self, channel: Channel, level: Level, wish: Wish = Wish.NOTHING) -> ProbeResult:
        """One look."""
        started = self.clock.now()
        self.asked.append((started, channel.id, level))
        reason = self.condition(channel.id, started, level)
        seconds, reached = COSTS[reason]
        if reason is Reason.OK:
            seconds, reached = ANSWER, level
            if level >= Level.MEDIA:
                seconds += self.rng.uniform(0, 2 * KEY_FRAME)
        await asyncio.sleep(seconds)
        return ProbeResult(
            channel=channel.id,
            asked=level,
            level=reached or Level.NONE,
            reason=reason,
            t0=self.clock.wall() - seconds,
        )

    def connects(self, since: float, until: float) -> Counter[int]:
        """Connects in each second of a span."""
        return Counter(int(at) for at, _, _ in self.asked if since <= at < until)

    async def listen(self) -> None:
        """Keep every change of state that is told."""
        async with self.bus.subscribe(("channel.state",)) as events:
            async for event in events:
                self.events.append((self.clock.now(), event))


@contextmanager
def unhurried(patch: pytest.MonkeyPatch) -> Iterator[VirtualTime]:
    """Virtual time; the governor looks at a loop that is never late, so seldom."""
    patch.setattr(governor, "BEAT", 1.0)
    with VirtualTime() as time:
        yield time


def register_of(direct: int, platforms: int, each: int) -> FakeRegister:
    """Channels on addresses of their own, and behind platforms."""
    places = [f"p{number}" for number in range(platforms)]
    channels = [Channel(id=f"d{at}", name="d", number=at, url="rtsp://h/d") for at in range(direct)]
    channels += [
        Channel(id=f"{place}-{at}", name="p", number=at, url="rtsp://h/p", platform=place)
        for place in places
        for at in range(each)
    ]
    return FakeRegister(channels, [Platform(id=place, slots=16) for place in places])


@asynccontextmanager
async def watching(
    clock: VirtualClock, register: FakeRegister, condition: Condition, **settings: float
) -> AsyncIterator[tuple[Model, HealthService]]:
    """The service over a model, its background at work."""
    model = Model(clock, register, condition)
    probing = ProbeSettings(**settings)
    async with (
        asyncio.TaskGroup() as tasks,
        Hub(no_sources, model.bus, clock=clock) as hub,
        HealthService(
            register,
            hub,
            model.bus,
            model,
            FakeStore(),
            probing,
            clock=clock,
            rng=random.Random(3),
        ) as health,
    ):
        listening = tasks.create_task(model.listen())
        yield model, health
        listening.cancel()
