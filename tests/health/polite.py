"""Cameras behind platforms that allow few sessions, in virtual time: what a sweep takes of them.

What is measured is the scheduling and nothing else: no socket, and no other program on the machine.
"""

import asyncio
import random
from bisect import bisect_left
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.health.fakes import FakeRegister, FakeStore, no_sources
from tests.health.storms import register_of
from tests.virtual import VirtualClock
from vidgate.aio.bus import Bus
from vidgate.aio.clock import Clock
from vidgate.errors import RemoteTimeoutError
from vidgate.health.limits import PlatformSlots
from vidgate.health.prober import Prober
from vidgate.health.service import HealthService
from vidgate.media.hub import Hub
from vidgate.model.health import Level
from vidgate.rtsp.address import RtspAddress
from vidgate.rtsp.player import Admit
from vidgate.rtsp.probe import ProbeTimes, Stay
from vidgate.settings.tree import ProbeSettings
from vidgate.simulator.usage import Usage

EACH, SLOTS = 189, 16


@dataclass(frozen=True)
class Camera:
    """Seconds: until it answers, between its key frames, and when one of them came."""

    delay: float
    interval: float
    phase: float
    place: Usage

    def key_frame(self, now: float) -> float:
        """Seconds until the next."""
        return (self.phase - now) % self.interval


@dataclass
class Fleet:
    """Cameras behind platforms, as `health.prober.Probing`; the platforms count their sessions."""

    clock: VirtualClock
    register: FakeRegister
    rng: random.Random = field(default_factory=lambda: random.Random(4))
    places: dict[str, Usage] = field(default_factory=dict)
    connects: list[float] = field(default_factory=list)
    called: dict[str, list[float]] = field(default_factory=dict)  # by address
    dead: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.places = {id_: Usage(SLOTS, self.clock) for id_ in self.register.platforms}
        self.cameras = {
            channel.url: Camera(
                delay=self.rng.uniform(0.005, 0.03),
                interval=self.rng.choice((2.0, 4.0)),
                phase=self.rng.uniform(0.0, 4.0),
                place=self.places[channel.platform],
            )
            for channel in self.register.channels.values()
        }

    def count_anew(self) -> None:
        """Forget the sweeps before."""
        self.connects.clear()
        for place in self.places.values():
            place.count_anew()

    @property
    def peak(self) -> int:
        """The most connects in one second, wherever it begins."""
        ends = (bisect_left(self.connects, begin + 1.0) for begin in self.connects)
        return max(end - at for at, end in enumerate(ends))

    @property
    def shares(self) -> list[float]:
        """How much of each platform's sessions was in use while work was due."""
        return [place.busy / (SLOTS * place.pressed) for place in self.places.values()]

    async def describe(self, address: RtspAddress, clock: Clock, times: ProbeTimes) -> None:
        """Two round trips, the first of which brings the challenge."""
        camera = self.cameras[address.url]
        self.connects.append(clock.now())
        self.called.setdefault(address.url, []).append(clock.now())
        if address.url in self.dead:
            await asyncio.sleep(address.connect_timeout)
            raise RemoteTimeoutError(address.url)
        await asyncio.sleep(2 * camera.delay)
        times.t1 = 2 * camera.delay

    async def media(
        self, address: RtspAddress, clock: Clock, times: ProbeTimes, admit: Admit, stay: Stay
    ) -> None:
        """The session begins when SETUP is answered, and ends when TEARDOWN is."""
        camera = self.cameras[address.url]
        await self.describe(address, clock, times)
        await admit()
        await asyncio.sleep(camera.delay)
        assert not camera.place.is_full, "453"
        camera.place.take()
        try:
            await asyncio.sleep(camera.delay)
            wait = camera.key_frame(clock.now())
            camera.place.waited += wait
            await asyncio.sleep(wait)
            times.t2 = 4 * camera.delay
            times.t3 = times.t2 + wait
            await asyncio.sleep(camera.delay)
        finally:
            camera.place.give_back()


@asynccontextmanager
async def service(
    clock: VirtualClock, platforms: int
) -> AsyncIterator[tuple[Fleet, HealthService]]:
    """The service over so many platforms of the usual size, looking at nothing by itself."""
    async with at_work(clock, platforms, ProbeSettings(enabled=False)) as (fleet, health, _):
        yield fleet, health


@asynccontextmanager
async def at_work(
    clock: VirtualClock, platforms: int, settings: ProbeSettings
) -> AsyncIterator[tuple[Fleet, HealthService, PlatformSlots]]:
    """The same by other settings, with the sessions that people may hold."""
    register = register_of(0, platforms, EACH)
    for channel in list(register.channels.values()):
        register.edit(channel.id, url=f"rtsp://{channel.platform}/{channel.id}")
    fleet, bus = Fleet(clock, register), Bus(clock=clock)
    slots = PlatformSlots(register)
    prober = Prober(register, register.address, slots, settings, clock, probing=fleet)
    async with (
        Hub(no_sources, bus, clock=clock) as hub,
        HealthService(
            register, hub, bus, prober, FakeStore(), settings, clock=clock, rng=random.Random(3)
        ) as health,
    ):
        yield fleet, health, slots


async def sweep(fleet: Fleet, health: HealthService, *, unspread: bool) -> float:
    """Look at all of them; seconds, as the least that the busiest platform needs."""
    fleet.count_anew()
    began = fleet.clock.now()
    ids = list(fleet.register.channels)
    results = [one async for one in health.run(ids, Level.MEDIA, unspread=unspread)]
    assert all(result.is_good for result in results)
    assert len(results) == len(ids)
    bound = max(place.waited for place in fleet.places.values()) / SLOTS
    return (fleet.clock.now() - began) / bound
