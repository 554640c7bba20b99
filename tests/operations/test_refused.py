"""Cameras that refuse our password, and everybody who would look at them nevertheless."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest

from vidgate.aio.bus import Bus
from vidgate.aio.clock import ManualClock
from vidgate.errors import UnauthorizedError
from vidgate.health.limits import PlatformSlots
from vidgate.health.prober import Prober
from vidgate.media.hub import Hub, HubSettings
from vidgate.model.channel import Channel, Login, Platform
from vidgate.model.health import Level, Reason
from vidgate.model.media import StreamKey, Variant
from vidgate.operations.failover import Failover
from vidgate.operations.refusals import Refusals
from vidgate.operations.replays import Replays
from vidgate.operations.sources import Cameras, Sources, Standby, device_of
from vidgate.operations.trials import Trials
from vidgate.registry.resolvers import Resolver
from vidgate.registry.routes import Route, Way
from vidgate.settings import Settings
from vidgate.simulator.fleet import Fleet
from vidgate.simulator.register import generate
from vidgate.wire.allowance import HOUR
from vidgate.wire.guard import AddressGuard
from vidgate.wire.uri import Uri

CAMERAS = 500
TURNS = 3  # an hour; everybody clicks on everything in each
SETTINGS = Settings()


class Town:
    """A register of simulated cameras, and all that calls them, by one injected clock."""

    def __init__(self, fleet: Fleet, resolver: Resolver) -> None:
        self.fleet, self.clock = fleet, ManualClock()
        self.platforms: Mapping[str, Platform] = {}
        self.credentials: Mapping[str, object] = {}
        self.channels: dict[str, Channel] = {}
        self.logins: dict[str, Login] = {}
        for row in fleet.register_rows:
            if not row["url"]:
                continue  # not delivered yet
            uri = Uri.parse(row["url"])
            sub = str(Uri.parse(row["sub_url"]).without_credentials())
            url = str(uri.without_credentials())
            self.channels[row["id"]] = Channel(id=row["id"], name="c", url=url, sub_url=sub)
            self.logins[row["id"]] = Login(uri.username or "", uri.password or "")
        guard = AddressGuard(SETTINGS.media.allow, SETTINGS.media.deny)
        self.cameras = Cameras(self, resolver, guard, SETTINGS.media, SETTINGS.rtp)
        slots = PlatformSlots(self)
        self.prober = Prober(self, self.cameras.locate, slots, SETTINGS.probe, self.clock)
        self.trials = Trials(self, self.cameras, self.prober)  # type: ignore[arg-type]
        standby = Standby(Failover(Bus(), check=0.01), self.prober.probe)
        refusals = Refusals(self.clock)
        self.sources = Sources(self, self.cameras, slots, standby, refusals, self.clock)
        self.hub = Hub(self.sources, Bus(), HubSettings(idle_stop=0.0), self.clock)
        self.sources.serve(self.hub)
        apart = HubSettings(idle_stop=0.0, tries_again=False)
        replays = Replays(self.cameras, slots, refusals, self.clock)
        self.past = Hub(replays, Bus(), apart, self.clock)

    @property
    def access(self) -> "Town":
        """As the registry has it."""
        return self

    def get(self, id_: str) -> Channel:
        """The channel of an id."""
        return self.channels[id_]

    def route(self, channel: Channel, variant: Variant = Variant.MAIN) -> Route:
        """Its own address."""
        url = channel.url if variant is Variant.MAIN else channel.sub_url
        return Route(Way.OWN, "", url, login=self.logins[channel.id])

    async def click(self, channel: Channel, variant: Variant) -> BaseException | None:
        """Somebody opens a tile; what he is told."""
        try:
            async with self.hub.read(StreamKey(channel.id, variant)) as reader:
                await reader.tracks()
        except UnauthorizedError as error:
            return error
        return None

    async def beset(self, channel: Channel) -> set[str]:
        """Everybody at once, and a person's trial; the reasons that were told."""
        async with asyncio.TaskGroup() as group:
            clicks = [
                group.create_task(self.click(channel, variant))
                for variant in Variant
                for _ in range(2)
            ]
            probe = group.create_task(self.prober.probe(channel, Level.DESCRIBE))
            trial = group.create_task(self.trials.channel(channel.id, variant=Variant.SUB))
        told = {getattr(click.result(), "reason", "ok") for click in clicks}
        return told | {probe.result().reason.value, trial.result().result.reason.value}

    async def beset_all(self) -> set[str]:
        """The same everywhere, fifty at a time."""
        told: set[str] = set()
        channels = list(self.channels.values())
        for at in range(0, len(channels), 50):
            told.update(*await asyncio.gather(*map(self.beset, channels[at : at + 50])))
        return told

    def wrong(self) -> dict[str, int]:
        """DESCRIBEs and the like with a wrong password, that each camera has had."""
        cameras = self.fleet.truth()["channels"]
        return {id_: cameras[id_]["unauthorized"] for id_ in self.channels}

    def wrong_at(self) -> Counter[object]:
        """The same by what locks: a login at a device."""
        counts: Counter[object] = Counter()
        for id_, wrong in self.wrong().items():
            counts[device_of(self.route(self.channels[id_])), self.logins[id_]] += wrong
        return counts


@asynccontextmanager
async def town(channels: int) -> AsyncIterator[Town]:
    async with (
        Fleet(generate(channels)) as fleet,
        Resolver(lambda address, port: True) as resolver,
    ):
        here = Town(fleet, resolver)
        async with here.hub:
            yield here


@pytest.mark.slow
async def test_f11_no_device_is_given_three_wrong_passwords_in_an_hour() -> None:
    """Five hundred channels of recorders, platforms and cameras of their own, all rotated."""
    async with town(CAMERAS) as here:
        for id_ in here.channels:
            here.fleet.set_fault(id_, "401")
        history = [here.wrong_at()]
        for _ in range(2 * TURNS - 1):
            assert await here.beset_all() <= {"unauthorized", "not_tested", "error"}
            history.append(here.wrong_at())
            here.clock.advance(HOUR / TURNS)
        for before, after in zip(history, history[TURNS:], strict=False):
            assert max(after[device] - before[device] for device in after) <= 2
        assert min(history[-1].values()) >= 2, "and it is tried again in the second hour"


async def test_the_tile_says_when_and_how_to_mend_it() -> None:
    async with town(1) as here:
        (channel,) = here.channels.values()
        here.fleet.set_fault(channel.id, "401")
        assert isinstance(await here.click(channel, Variant.MAIN), UnauthorizedError)
        asked = sum(here.fleet.connects)
        error = await here.click(channel, Variant.MAIN)
        assert isinstance(error, UnauthorizedError)
        assert (error.code, error.again_at) == ("camera_unauthorized", here.clock.now() + HOUR)
        assert "前不再试" in error.message
        assert "credential" in error.hint
        trial = await here.trials.channel(channel.id)
        assert trial.result.reason is Reason.UNAUTHORIZED
        assert here.wrong()[channel.id] == 2
        late = await here.trials.channel(channel.id)
        assert late.result.detail == error.message or "not tried before" in late.result.detail
        assert here.wrong()[channel.id] == 2
        assert sum(here.fleet.connects) == asked + 1


async def test_a_new_password_and_a_mended_camera_are_tried_at_once() -> None:
    async with town(2) as here:
        one, other = here.channels.values()
        for channel in (one, other):
            here.fleet.set_fault(channel.id, "401")
            assert await here.click(channel, Variant.SUB)
            here.fleet.clear_fault(channel.id)
            assert await here.click(channel, Variant.MAIN), "nobody has said so"
        good = here.logins[one.id]
        here.logins[one.id] = Login("guest", "guest")
        assert (await here.prober.probe(one, Level.DESCRIBE)).reason is Reason.UNAUTHORIZED
        here.logins[one.id] = good
        assert (await here.trials.channel(one.id)).result.reason is Reason.OK
        assert (await here.trials.channel(other.id)).result.reason is Reason.OK
        for channel in (one, other):
            assert await here.click(channel, Variant.MAIN) is None
