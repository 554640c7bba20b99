"""The sessions of a platform among people and looks, counted by simulated cameras."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import replace

import pytest

from tests.waiting import until
from vidgate.aio.bus import Bus
from vidgate.aio.clock import SystemClock
from vidgate.errors import RemoteError, SessionsTakenError
from vidgate.health.limits import PERSON_WAIT, PlatformSlots
from vidgate.health.prober import Prober
from vidgate.media.hub import Hub, HubSettings
from vidgate.model.channel import Channel, Login, Platform
from vidgate.model.health import Level
from vidgate.model.media import StreamKey, StreamState, Variant
from vidgate.operations.failover import Failover
from vidgate.operations.refusals import Refusals
from vidgate.operations.renewal import Renewal
from vidgate.operations.sources import Cameras, Sources, Standby
from vidgate.registry.resolvers import Resolver
from vidgate.registry.routes import Route, Way
from vidgate.settings import Settings
from vidgate.simulator.faults import parse_fault
from vidgate.simulator.fleet import Fleet, FleetSettings
from vidgate.simulator.register import generate
from vidgate.wire.guard import AddressGuard
from vidgate.wire.uri import Uri

SLOTS = 2
SETTINGS = Settings()
CLOCK = SystemClock()
SOON = 1.0  # seconds, as operators are promised


class Hall:
    """Cameras behind one platform that allows two sessions, and those who watch them."""

    def __init__(self, fleet: Fleet, resolver: Resolver) -> None:
        self.fleet = fleet
        self.has_ghosts = False  # sessions that a platform keeps which nobody hears any more
        self.platforms = {"p": Platform(id="p", slots=SLOTS)}
        rows = [row for row in fleet.register_rows if "/h264/" in row["url"]]
        host = Uri.parse(rows[0]["url"]).host
        self.rows = {row["id"]: row for row in rows if Uri.parse(row["url"]).host == host}
        self.channels: dict[str, Channel] = {}
        for id_, row in self.rows.items():
            url = str(Uri.parse(row["url"]).without_credentials())
            self.channels[id_] = Channel(id=id_, name="c", url=url, platform="p")
        self.ids = list(self.channels)
        guard = AddressGuard(SETTINGS.media.allow, SETTINGS.media.deny)
        cameras = Cameras(self, resolver, guard, SETTINGS.media, SETTINGS.rtp)
        self.slots = PlatformSlots(self)
        probing = SETTINGS.probe.model_copy(update={"media_timeout": 3.0, "timeout": 1.0})
        self.prober = Prober(self, cameras.locate, self.slots, probing, CLOCK)
        self.bus = Bus()
        standby = Standby(Failover(self.bus), self.prober.probe)
        self.sources = Sources(self, cameras, self.slots, standby, Refusals(CLOCK), CLOCK)
        self.hub = Hub(self.sources, self.bus, HubSettings(idle_stop=60.0), CLOCK)
        self.sources.serve(self.hub)

    def get(self, id_: str) -> Channel:
        """The channel of an id."""
        return self.channels[id_]

    def route(self, channel: Channel, variant: Variant = Variant.MAIN) -> Route:
        """Its own address."""
        uri = Uri.parse(self.rows[channel.id]["url"])
        login = Login(uri.username or "", uri.password or "")
        return Route(Way.OWN, "", channel.url, login=login)

    async def open(self, stack: AsyncExitStack, number: int) -> None:
        """Somebody watches a channel, until the stack is left."""
        reader = await stack.enter_async_context(self.hub.read(StreamKey(self.ids[number])))
        await reader.tracks()

    async def glance(self, number: int) -> None:
        """Somebody opens a channel and leaves it."""
        async with AsyncExitStack() as stack:
            await self.open(stack, number)

    async def look(self, number: int) -> None:
        """A look for a picture."""
        await self.prober.probe(self.channels[self.ids[number]], Level.MEDIA)

    @property
    def used(self) -> int:
        """Sessions held by our own count."""
        slots = self.slots.of(self.channels[self.ids[0]])
        return 0 if slots is None else slots.used

    @property
    def load(self) -> Mapping[str, float]:
        """The platform's own count."""
        return self.fleet.hosts[self.fleet.cameras[self.ids[0]].host].as_json()


@pytest.fixture
async def hall() -> AsyncIterator[Hall]:
    """A hall before it is used; afterwards nothing was ever too much, and nothing is left."""
    async with (
        Fleet(generate(180), FleetSettings(host_sessions=SLOTS)) as fleet,
        Resolver(lambda address, port: True) as resolver,
    ):
        hall = Hall(fleet, resolver)
        async with hall.hub:
            yield hall
            assert hall.load["refused"] == 0 or hall.has_ghosts
            assert hall.load["max_sessions"] <= SLOTS
        await until(lambda: hall.load["sessions"] == 0)
        assert hall.used == 0


async def test_a_person_gets_the_session_of_what_nobody_watches(hall: Hall) -> None:
    for number in range(6):  # one flips through the channels; each goes on for a minute
        async with asyncio.timeout(SOON):
            await hall.glance(number)
    assert hall.used == SLOTS


async def test_what_is_watched_stays(hall: Hall) -> None:
    async with AsyncExitStack() as stack:
        await hall.open(stack, 0)
        await hall.glance(1)
        async with asyncio.timeout(SOON):
            await hall.open(stack, 2)
        streams = hall.hub.streams
        assert {key.name for key in streams} == {hall.ids[0], hall.ids[2]}
        assert all(stream.readers for stream in streams.values())


async def test_a_person_is_refused_soon_where_all_is_watched(hall: Hall) -> None:
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        await hall.open(stack, 0)
        await hall.open(stack, 1)
        began = loop.time()
        with pytest.raises(SessionsTakenError) as refusal:
            await hall.glance(2)
        assert PERSON_WAIT * 0.9 <= loop.time() - began <= PERSON_WAIT + SOON
        assert all(id_ in refusal.value.message for id_ in hall.ids[:2])
        assert hall.fleet.cameras[hall.ids[2]].counts.connections == 0
        await until(lambda: hall.hub.find(StreamKey(hall.ids[2])) is None)
    async with asyncio.timeout(SOON):
        await hall.glance(2)  # there is room, and nobody is told of before


async def test_who_waits_gets_the_session_of_who_leaves(hall: Hall) -> None:
    async with AsyncExitStack() as stack:
        await hall.open(stack, 0)
        leaving = AsyncExitStack()
        await hall.open(leaving, 1)
        waiting = asyncio.create_task(hall.open(stack, 2))
        await until(lambda: hall.hub.find(StreamKey(hall.ids[2])) is not None)
        assert not waiting.done()
        await leaving.aclose()
        async with asyncio.timeout(SOON):
            await waiting


async def test_a_watched_channel_that_moves_takes_its_session_along(hall: Hall) -> None:
    """To another platform, at the same address: what it is counted at is another one."""
    hall.platforms["q"] = Platform(id="q", slots=1)
    id_ = hall.ids[0]
    old = hall.slots.of(hall.channels[id_])
    new = hall.slots.of(Channel(id="x", name="x", platform="q"))
    assert old is not None
    assert new is not None
    async with Renewal(hall.sources, hall.hub, hall.bus), AsyncExitStack() as stack:
        await hall.open(stack, 0)
        await hall.open(stack, 1)
        assert (old.names, new.names) == (hall.ids[:2], [])
        stream = hall.hub.streams[StreamKey(id_)]
        hall.channels[id_] = replace(hall.channels[id_], platform="q")
        hall.bus.publish("register.changed", "", {})
        await until(lambda: new.names == [id_])
        assert old.names == hall.ids[1:2], "the other one was left alone"
        await until(lambda: stream.state is StreamState.LIVE)


async def test_a_camera_that_does_not_answer_takes_no_session(hall: Hall) -> None:
    hall.fleet.cameras[hall.ids[0]].set_fault(parse_fault("silent"))
    async with hall.hub.read(StreamKey(hall.ids[0])):
        camera = hall.fleet.cameras[hall.ids[0]]
        await until(lambda: camera.counts.connections > 0)
        assert hall.used == 0
        async with AsyncExitStack() as stack:
            for number in range(1, 1 + SLOTS):
                await hall.open(stack, number)


async def test_looks_come_last(hall: Hall) -> None:
    looks = [asyncio.create_task(hall.look(number)) for number in range(8)]
    await until(lambda: hall.used == SLOTS)
    for number in range(8, 12):
        async with asyncio.timeout(SOON):
            await hall.glance(number)
    for look in looks:
        look.cancel()
    await asyncio.gather(*looks, return_exceptions=True)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("seed", range(3))
async def test_whatever_happens_every_session_is_given_back(hall: Hall, seed: int) -> None:
    chance, hall.has_ghosts = random.Random(seed), True
    people: set[asyncio.Task[None]] = set()
    for _ in range(150):
        await _something(hall, chance, people)
        await asyncio.sleep(chance.choice((0.0, 0.0, 0.005, 0.05)))
        assert hall.used <= SLOTS
    hall.platforms["p"] = Platform(id="p", slots=SLOTS)
    for task in people:
        task.cancel()
    await asyncio.gather(*people, return_exceptions=True)
    for id_ in hall.ids:
        await hall.hub.forget(id_)
    await until(lambda: hall.used == 0)
    for camera in hall.fleet.cameras.values():
        camera.mend()
    await until(lambda: hall.load["sessions"] == 0)
    async with asyncio.timeout(SOON):
        await hall.glance(0)


async def _something(hall: Hall, chance: random.Random, people: set[asyncio.Task[None]]) -> None:
    """One thing that may happen at any time."""
    number = chance.randrange(len(hall.ids))
    id_ = hall.ids[number]

    async def watch() -> None:
        async with AsyncExitStack() as stack:
            with suppress(RemoteError):
                await hall.open(stack, number)
                await asyncio.sleep(chance.random())

    match chance.randrange(11):
        case 0 | 1 | 2:
            people.add(asyncio.create_task(watch()))
        case 3 | 4:
            people.add(asyncio.create_task(hall.look(number)))
        case 5 | 6 if people:
            chance.choice(list(people)).cancel()
        case 7:
            await hall.hub.forget(id_)
        case 8:
            fault = chance.choice(("down", "busy", "stalled", "half-open"))
            hall.fleet.cameras[id_].set_fault(parse_fault(fault))
        case 9:
            hall.fleet.cameras[id_].mend()
        case _:
            hall.platforms["p"] = Platform(id="p", slots=chance.randint(1, SLOTS))
