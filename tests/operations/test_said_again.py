"""A platform whose endpoint refused our login, which somebody says again; nobody watches.

Real connections; time is moved by hand.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.health.fakes import FakeStore, no_sources
from tests.registry.endpoint import Guarded, platform
from tests.rtsp.camera import Habits, interleave, pictures, run_camera
from tests.waiting import until
from vidgate.aio.bus import Bus
from vidgate.aio.clock import ManualClock
from vidgate.health.limits import PlatformSlots
from vidgate.health.prober import Prober
from vidgate.health.service import HealthService
from vidgate.media.hub import Hub
from vidgate.model.channel import Channel, Platform
from vidgate.model.health import Level, Reason, State
from vidgate.operations.sources import Cameras
from vidgate.registry.edits import Credential
from vidgate.registry.planner import Register
from vidgate.registry.resolvers import Resolver
from vidgate.registry.view import View
from vidgate.rtsp import probe
from vidgate.settings import Settings
from vidgate.wire.allowance import HOUR, MOST
from vidgate.wire.guard import AddressGuard

SETTINGS = Settings()


@pytest.fixture(autouse=True)
def short_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The camera sends one key frame."""
    monkeypatch.setattr(probe, "LONGEST_STAY", 0.0)


class Site:
    """Channels that a platform gives the addresses of, and the service that looks at them."""

    def __init__(
        self, base: str, endpoint: Guarded, resolver: Resolver, clock: ManualClock, count: int
    ) -> None:
        self.base, self.endpoint, self.clock, self.view = base, endpoint, clock, View()
        self.bus = Bus(clock=clock)
        self.ids = [f"c{n}" for n in range(count)]
        self.holds("wrong")
        guard = AddressGuard(SETTINGS.media.allow, SETTINGS.media.deny)
        cameras = Cameras(self.view, resolver, guard, SETTINGS.media, SETTINGS.rtp)
        slots = PlatformSlots(self.view)
        self.prober = Prober(self.view, cameras.locate, slots, SETTINGS.probe, clock)
        self.prober.follow(cameras)
        self.health: HealthService

    def holds(self, password: str, path: str = "") -> None:
        """What the register holds."""
        at = {"endpoint": f"{self.base}{path}/{{id}}", "auth": "basic", "credential": "asker"}
        asked = Platform(id="p", resolver="http", options=at)
        login = self.endpoint.login(password)
        self.view._take(
            Register(
                channels={id_: Channel(id=id_, name=id_, platform="p") for id_ in self.ids},
                platforms={"p": asked},
                credentials={"asker": Credential(name="asker", login=login, sealed=b"")},
            )
        )

    @property
    def states(self) -> set[State]:
        """Of all channels."""
        return {self.health.of(id_).state for id_ in self.ids}

    async def passes(self, seconds: float, *states: State, step: float = 1.0) -> None:
        """Let up to so many seconds pass until all channels are in one of the states."""
        for _ in range(int(seconds / step)):
            if self.states <= set(states):
                return
            self.clock.advance(step)
            self.health._scheduler.wake()
            for _ in range(8):
                await asyncio.sleep(0)
            await until(lambda: not self.health.in_flight)
        assert not states or self.states <= set(states)

    async def say_again(self) -> None:
        """Somebody sets the credential to what it is."""
        self.bus.publish("credential.changed", "asker")
        for _ in range(20):
            await asyncio.sleep(0)


@asynccontextmanager
async def site(count: int) -> AsyncIterator[Site]:
    """The service at work, the login refused by the endpoint."""
    clock, endpoint = ManualClock(), Guarded("right")
    async with (
        run_camera(Habits(plays=[interleave(pictures(1))] * 9)) as camera,
        platform(endpoint.answer) as base,
        Resolver(lambda address, port: True, clock=clock) as resolver,
    ):
        endpoint.url = camera.url
        here = Site(base, endpoint, resolver, clock, count)
        async with (
            Hub(no_sources, here.bus, clock=clock) as hub,
            HealthService(
                here.view,
                hub,
                here.bus,
                here.prober,
                FakeStore(),
                SETTINGS.probe,
                clock=clock,
                rng=random.Random(1),
            ) as here.health,
        ):
            yield here


async def test_a_login_said_again_is_tried_at_once() -> None:
    async with site(1) as here:
        await here.passes(61, State.UNAUTHORIZED)
        await here.passes(300)
        assert here.endpoint.wrong == 1
        here.endpoint.password = "wrong"  # the platform has been put right
        await here.say_again()
        await here.passes(5, State.UP)


async def test_after_a_sweep_it_is_tried_when_the_account_may_be() -> None:
    async with site(6) as here:
        async for _ in here.health.run(here.ids, Level.DESCRIBE):
            pass
        await here.passes(61, State.UNAUTHORIZED)
        assert here.endpoint.wrong == MOST
        here.endpoint.password = "wrong"
        await here.say_again()
        await here.passes(120)
        assert not here.endpoint.right
        assert here.states == {State.UNKNOWN}
        last = here.health.of("c0").last
        assert last is not None
        assert last.reason is Reason.NOT_TESTED
        assert "the platform refused the login of its endpoint" in last.detail
        asked = here.health._scheduler.plans["c0"].due - here.clock.now()
        assert asked > HOUR / 2, "and it is not looked at in vain meanwhile"
        await here.passes(HOUR + 60, State.UP, step=5.0)
        assert here.endpoint.wrong == MOST


async def test_one_that_is_still_wrong_is_tried_twice_more_and_then_left_alone() -> None:
    async with site(6) as here:
        async for _ in here.health.run(here.ids, Level.DESCRIBE):
            pass
        await here.say_again()
        await here.passes(4 * HOUR, step=10.0)
        assert here.states == {State.UNAUTHORIZED}
        assert here.endpoint.wrong == 2 * MOST


async def test_who_names_a_channel_has_one_more_try_at_the_endpoint() -> None:
    async with site(1) as here:
        await here.passes(61, State.UNAUTHORIZED)
        here.endpoint.password = "wrong"
        async for _ in here.health.run(["c0"], Level.DESCRIBE):
            pass
        assert here.states <= {State.REACHABLE, State.UP}


async def test_a_move_with_a_login_of_its_own_is_tried_at_once() -> None:
    async with site(1) as here:
        await here.passes(61, State.UNAUTHORIZED)
        here.holds("right", "/moved")
        here.bus.publish("platform.changed", "p")
        await here.passes(5, State.UP)
