"""A platform that gives addresses, and refuses the login that it is asked with."""

import asyncio
from collections.abc import Mapping

import pytest

from tests.registry.endpoint import Guarded, platform
from tests.waiting import until
from vidgate.aio.bus import Bus
from vidgate.aio.clock import ManualClock
from vidgate.errors import UnauthorizedError
from vidgate.health.limits import PlatformSlots
from vidgate.health.prober import Prober
from vidgate.media.hub import Hub, HubSettings
from vidgate.model.channel import Channel, Login, Platform
from vidgate.model.health import Level, ProbeResult, Reason
from vidgate.model.media import StreamKey, Variant
from vidgate.operations.failover import Failover
from vidgate.operations.refusals import Refusals
from vidgate.operations.renewal import Renewal
from vidgate.operations.sources import Cameras, Sources, Standby
from vidgate.operations.trials import Trials
from vidgate.registry.resolvers import Resolver
from vidgate.registry.routes import Question, Route, Way
from vidgate.settings import Settings
from vidgate.wire.allowance import HOUR, MOST
from vidgate.wire.guard import AddressGuard

CHANNELS = 500
SETTINGS = Settings()


class Site:
    """Channels of one platform, all of them asked for at its endpoint."""

    def __init__(self, base: str, resolver: Resolver, clock: ManualClock, login: Login) -> None:
        self.base, self.login = base, login
        self.platforms: Mapping[str, Platform] = {}
        self.credentials: Mapping[str, object] = {}
        self.channels = {str(n): Channel(id=str(n), name="c") for n in range(CHANNELS)}
        guard = AddressGuard(SETTINGS.media.allow, SETTINGS.media.deny)
        cameras = Cameras(self, resolver, guard, SETTINGS.media, SETTINGS.rtp)
        slots = PlatformSlots(self)
        self.bus = Bus()
        self.prober = Prober(self, cameras.locate, slots, SETTINGS.probe, clock)
        standby = Standby(Failover(self.bus), self.prober.probe)
        self.sources = Sources(self, cameras, slots, standby, Refusals(clock), clock)
        self.hub = Hub(self.sources, self.bus, HubSettings(idle_stop=60.0), clock)
        self.trials = Trials(self, cameras, self.prober)  # type: ignore[arg-type]

    @property
    def access(self) -> "Site":
        """As the registry has it."""
        return self

    def get(self, id_: str) -> Channel:
        """The channel of an id."""
        return self.channels[id_]

    def route(self, channel: Channel, variant: Variant = Variant.MAIN) -> Route:
        """Asked of the platform."""
        asked = Question(f"{self.base}/{channel.id}", auth="basic", login=self.login)
        return Route(Way.HTTP, "p http", "", asked, Login("cam", "pw"))

    async def sweep(self) -> list[ProbeResult]:
        """A look at every channel, all at once."""
        channels = self.channels.values()
        return await asyncio.gather(*(self.prober.probe(one, Level.DESCRIBE) for one in channels))


async def test_f11_a_sweep_gives_an_endpoint_two_wrong_passwords_an_hour() -> None:
    clock, endpoint = ManualClock(), Guarded("right")
    async with (
        platform(endpoint.answer) as base,
        Resolver(lambda address, port: True, clock=clock) as resolver,
    ):
        site = Site(base, resolver, clock, endpoint.login("wrong"))
        told: list[ProbeResult] = []
        for turn in range(6):  # two hours
            trial = await site.trials.channel("7")
            told = [*await site.sweep(), trial.result]
            assert endpoint.wrong <= MOST * (1 + turn // 3)
            clock.advance(HOUR / 3)
        assert {one.reason for one in told} == {Reason.UNAUTHORIZED}
        assert all("the login of its endpoint" in one.detail for one in told)
        site.login = endpoint.login("right")
        told = await site.sweep()
        assert endpoint.right == CHANNELS
        assert {one.reason for one in told} == {Reason.UNREACHABLE}, "no camera is there to be seen"


@pytest.mark.parametrize("is_ours_wrong", [True, False])
async def test_what_is_watched_is_tried_again_when_the_credential_is_set(
    *, is_ours_wrong: bool
) -> None:
    """To another password, or to the same, which the platform takes by now."""
    clock, endpoint = ManualClock(), Guarded("right")
    async with (
        platform(endpoint.answer) as base,
        Resolver(lambda address, port: True, clock=clock) as resolver,
    ):
        site = Site(base, resolver, clock, endpoint.login("wrong"))
        async with (
            site.hub,
            Renewal(site.sources, site.hub, site.bus),
            site.hub.read(StreamKey("7")) as reader,
        ):
            with pytest.raises(UnauthorizedError):
                await reader.tracks()
            if is_ours_wrong:
                site.login = endpoint.login("right")
            else:
                endpoint.password = "wrong"
            site.bus.publish("credential.changed", "platform", {})
            await until(lambda: endpoint.right)
        assert endpoint.wrong == 1
