"""Which streams are made anew, and when a refused camera is tried again."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import ClassVar, cast

import pytest

from tests.media.fakes import Camera, picture
from tests.waiting import until
from vidgate.aio.bus import Bus
from vidgate.errors import DeniedAddressError, RemoteError, UnauthorizedError
from vidgate.media.hub import Hub, HubSettings
from vidgate.model.media import StreamKey
from vidgate.operations.renewal import TOGETHER, Renewal
from vidgate.operations.sources import Sources

KEY = StreamKey("camera-1")


@dataclass
class FakeSources:
    """What `Renewal` asks of the sources."""

    outdated: set[str] = field(default_factory=set)
    credential: str = "city"

    def is_outdated(self, key: StreamKey) -> bool:
        """Whether its address changed."""
        return key.name in self.outdated

    def may_use(self, key: StreamKey, credential: str) -> bool:
        """Whether it signs in with that."""
        return credential == self.credential

    def reopen(self, name: str) -> None:
        """One more try is granted."""
        assert name == KEY.name

    def keep_only(self, keys: Collection[StreamKey]) -> None:
        """Nothing is kept here."""


@dataclass
class Bench:
    """A hub over one fake camera that has refused our password."""

    bus: Bus
    camera: Camera
    sources: FakeSources

    @property
    def runs(self) -> int:
        """How often the camera was tried."""
        return self.camera(KEY).runs


@asynccontextmanager
async def failing(error: RemoteError) -> AsyncIterator[Bench]:
    """Somebody watches a camera that has failed so."""
    bench = Bench(Bus(), Camera(), FakeSources())
    async with (
        Hub(bench.camera, bench.bus, HubSettings(idle_stop=60)) as hub,
        Renewal(cast(Sources, bench.sources), hub, bench.bus),
        hub.read(KEY) as reader,
    ):
        bench.camera(KEY).script.put_nowait(error)
        with pytest.raises(type(error)):
            await reader.tracks()
        yield bench


@pytest.fixture
async def refused() -> AsyncIterator[Bench]:
    """Somebody watches a camera that said 401."""
    async with failing(UnauthorizedError("401")) as bench:
        yield bench


@pytest.mark.parametrize(
    ("type_", "object_", "data"),
    [
        ("credential.changed", "city", {}),
        ("channel.state", KEY.name, {"state": "up"}),
        ("channel.state", KEY.name, {"state": "reachable"}),
    ],
)
async def test_a_refused_camera_is_tried_again(
    refused: Bench, type_: str, object_: str, data: dict[str, str]
) -> None:
    refused.bus.publish(type_, object_, data)
    refused.camera(KEY).script.put_nowait(picture(0, key=True))
    await until(lambda: refused.runs == 2)


async def test_a_forbidden_address_waits_for_no_pause_once_a_look_found_another() -> None:
    async with failing(DeniedAddressError("forbidden")) as bench:
        bench.bus.publish("channel.state", KEY.name, {"state": "up"})
        bench.camera(KEY).script.put_nowait(picture(0, key=True))
        await until(lambda: bench.runs == 2)


async def test_and_by_nothing_else(refused: Bench) -> None:
    for type_, object_, data in (
        ("credential.changed", "other", {}),
        ("channel.state", KEY.name, {"state": "unauthorized"}),
        ("channel.state", "camera-2", {"state": "up"}),
        ("register.changed", "", {}),
    ):
        refused.bus.publish(type_, object_, data)
    refused.sources.outdated.add("nothing")
    refused.bus.publish("credential.changed", "city", {})  # the events before it were heard
    await until(lambda: refused.runs == 2)


async def test_many_are_made_anew_together_and_not_all_at_once() -> None:
    """A camera that is slow to say good-bye holds up no other."""
    names = [f"camera-{number}" for number in range(5 * TOGETHER)]
    active, done, go_on = 0, 0, asyncio.Event()

    class SlowHub:
        streams: ClassVar[dict[StreamKey, object]] = dict.fromkeys(map(StreamKey, names))

        async def forget(self, name: str) -> None:
            nonlocal active, done
            active += 1
            assert active <= TOGETHER
            await go_on.wait()
            active -= 1
            done += 1

    bus, sources = Bus(), FakeSources(outdated=set(names))
    async with Renewal(cast(Sources, sources), cast(Hub, SlowHub()), bus):
        await until(lambda: bus._listeners)
        bus.publish("register.changed", "", {})
        await until(lambda: active == TOGETHER)
        go_on.set()
        await until(lambda: done == len(names))


async def test_a_changed_address_starts_the_stream_anew(refused: Bench) -> None:
    refused.sources.outdated.add(KEY.name)
    refused.bus.publish("register.changed", "", {})
    await until(lambda: refused.runs >= 2)
