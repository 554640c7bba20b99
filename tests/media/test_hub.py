"""One pull for all readers, started by the first, stopped after the last, retried for ever."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator

import pytest

from tests.media.fakes import VIDEO, Camera, FakeSource, picture
from tests.virtual import VirtualClock, VirtualTime
from tests.waiting import until
from vidgate.aio.bus import Bus
from vidgate.aio.clock import SystemClock
from vidgate.aio.mailbox import MailboxClosed
from vidgate.errors import (
    BusyError,
    ChannelDisabledError,
    DeniedAddressError,
    SessionsTakenError,
    UnauthorizedError,
    UnreachableError,
)
from vidgate.media.hub import Hub, HubSettings
from vidgate.media.source import Publisher, Source
from vidgate.media.stream import Stream
from vidgate.model.media import StreamKey, StreamState, Variant

KEY = StreamKey("camera-1")
FAST = HubSettings(idle_stop=0.05, retry_first=0.001, retry_cap=0.002, stalled_after=0.05)


@pytest.fixture
def camera() -> Camera:
    """The factory behind the hub."""
    return Camera()


@pytest.fixture
def bus() -> Bus:
    """The event bus."""
    return Bus()


@pytest.fixture
async def hub(camera: Camera, bus: Bus) -> AsyncIterator[Hub]:
    """A hub with short times."""
    async with Hub(camera, bus, FAST) as hub:
        yield hub


async def test_many_readers_share_one_pull(hub: Hub, camera: Camera) -> None:
    async with hub.read(KEY) as first, hub.read(KEY) as second:
        camera(KEY).script.put_nowait(picture(0, key=True))
        assert (await first.tracks())[0].is_video
        assert (await first.get()).key
        assert (await second.get()).key
        assert camera(KEY).runs == 1


async def test_a_late_reader_gets_the_current_pictures_first(hub: Hub, camera: Camera) -> None:
    async with hub.read(KEY) as first:
        for number in range(5):
            camera(KEY).script.put_nowait(picture(number, key=number == 0))
        for _ in range(5):
            await first.get()
        async with hub.read(KEY) as late:
            numbers = [(await late.get()).timestamp // 3600 for _ in range(5)]
        assert numbers == [0, 1, 2, 3, 4]


async def test_the_pull_stops_when_nobody_watches(hub: Hub, camera: Camera) -> None:
    async with hub.read(KEY) as reader:
        camera(KEY).script.put_nowait(picture(0, key=True))
        await reader.get()
    await until(lambda: not camera(KEY).running)
    await until(lambda: hub.find(KEY) is None)


async def test_what_failed_for_many_waits_for_no_collection(hub: Hub, camera: Camera) -> None:
    """Who heard of the failure is not kept by it, nor is the stream."""

    async def hear() -> None:
        async with hub.read(KEY) as reader:
            with pytest.raises(UnreachableError):
                await reader.tracks()

    gc.collect()
    gc.disable()
    try:
        camera(KEY).script.put_nowait(UnreachableError("no route"))
        await asyncio.gather(*(hear() for _ in range(3)))
        await hear()
        stream = weakref.ref(hub.find(KEY) or pytest.fail("gone already"))
        await until(lambda: hub.find(KEY) is None)
        await until(lambda: stream() is None)
    finally:
        gc.enable()


async def test_the_watch_keeps_no_stream_that_is_over(hub: Hub, camera: Camera) -> None:
    async def see() -> weakref.ref[Stream]:
        async with hub.read(KEY) as reader:
            camera(KEY).script.put_nowait(picture(0, key=True))
            await reader.tracks()
            await until(lambda: reader.stream.state is StreamState.STALLED)  # it was looked at
            return weakref.ref(reader.stream)

    stream = await see()
    await until(lambda: hub.find(KEY) is None)
    await until(lambda: stream() is None)


async def test_a_stream_that_goes_while_another_is_ended_is_passed_over(camera: Camera) -> None:
    other = StreamKey(KEY.name, Variant.SUB)
    async with Hub(camera, Bus(), FAST) as hub, hub.read(KEY) as reader:
        camera(KEY).script.put_nowait(picture(0, key=True))
        await reader.tracks()
        async with hub.read(other):
            forgetting = asyncio.create_task(hub.forget(KEY.name))
            await asyncio.sleep(0)
            del hub.streams[other]
        await forgetting
        await until(lambda: camera(KEY).runs == 2)


async def test_a_reader_within_the_idle_time_keeps_the_pull(camera: Camera, bus: Bus) -> None:
    async with Hub(camera, bus, HubSettings(idle_stop=60)) as hub:
        async with hub.read(KEY) as reader:
            camera(KEY).script.put_nowait(picture(0, key=True))
            await reader.get()
        async with hub.read(KEY) as again:
            assert (await again.get()).key
        assert camera(KEY).runs == 1


async def test_a_pull_that_nobody_reads_can_be_ended_before_its_time(
    camera: Camera, bus: Bus
) -> None:
    unwatched: list[StreamKey] = []
    async with Hub(camera, bus, HubSettings(idle_stop=60)) as hub:
        hub.on_unwatched = lambda: unwatched.append(KEY)
        assert not hub.give_up(KEY)
        async with hub.read(KEY) as reader, hub.read(KEY):
            camera(KEY).script.put_nowait(picture(0, key=True))
            await reader.get()
            assert not hub.give_up(KEY)
        assert unwatched == [KEY]
        assert hub.give_up(KEY)
        async with hub.read(KEY) as again:  # while it ends; there is another pull for that one
            await until(lambda: camera(KEY).runs == 2)
            camera(KEY).script.put_nowait(picture(0, key=True))
            await again.get()
        assert hub.give_up(KEY)
        await until(lambda: hub.find(KEY) is None)
        assert not camera(KEY).running
        assert not hub.give_up(KEY)


async def test_a_stream_without_a_session_is_not_kept_for_the_next(
    camera: Camera, bus: Bus
) -> None:
    async with Hub(camera, bus, HubSettings(idle_stop=60, retry_first=60, retry_cap=60)) as hub:
        async with hub.read(KEY) as reader:
            camera(KEY).script.put_nowait(SessionsTakenError("all 16 are taken"))
            with pytest.raises(SessionsTakenError):
                await reader.tracks()
        await until(lambda: hub.find(KEY) is None)
        async with hub.read(KEY) as again:
            camera(KEY).script.put_nowait(picture(0, key=True))
            assert (await again.get()).key


async def test_a_failed_start_is_told_at_once_and_tried_again(hub: Hub, camera: Camera) -> None:
    async with hub.read(KEY) as reader:
        camera(KEY).script.put_nowait(UnreachableError("refused"))
        with pytest.raises(UnreachableError):
            await reader.tracks()
        camera(KEY).script.put_nowait(picture(0, key=True))
        assert (await reader.get()).key
        assert camera(KEY).runs >= 2


async def test_a_lost_camera_comes_back_without_the_readers_moving(
    hub: Hub, camera: Camera, bus: Bus
) -> None:
    async with bus.subscribe(["stream.state"]) as events, hub.read(KEY) as reader:
        script = camera(KEY).script
        for item in (picture(0, key=True), picture(1), UnreachableError("reset")):
            script.put_nowait(item)
        script.put_nowait(picture(500_000, key=True, received=1005.0))
        stamps = [(await reader.get()).timestamp for _ in range(3)]
        assert stamps[0] < stamps[1] < stamps[2]
        assert stamps[2] - stamps[1] == pytest.approx(90_000 * (1005 - 1000.04), abs=2)
        states = [(await events.get()).data["state"] for _ in range(4)]
        assert states == ["connecting", "live", "retrying", "live"]


async def test_every_failure_of_a_watched_camera_is_told_with_its_next_try(
    hub: Hub, camera: Camera, bus: Bus
) -> None:
    async with bus.subscribe(["stream.state"]) as events, hub.read(KEY):
        script = camera(KEY).script
        script.put_nowait(UnreachableError("refused"))
        script.put_nowait(UnreachableError("refused"))
        told = [(await events.get()).data for _ in range(3)]
        assert [one["state"] for one in told] == ["connecting", "retrying", "retrying"]
        assert [one["attempt"] for one in told] == [1, 1, 2]
        assert all(one["retry_in"] is not None for one in told[1:])


async def test_a_refused_password_is_never_tried_again_by_itself(hub: Hub, camera: Camera) -> None:
    async with hub.read(KEY) as reader:
        camera(KEY).script.put_nowait(UnauthorizedError("401"))
        with pytest.raises(UnauthorizedError):
            await reader.tracks()
    for _ in range(20):  # twenty impatient operators
        async with hub.read(KEY) as reader:
            with pytest.raises(UnauthorizedError):
                await reader.tracks()
    assert camera(KEY).runs == 1
    await hub.forget(KEY.name)
    async with hub.read(KEY) as reader:
        camera(KEY).script.put_nowait(picture(0, key=True))
        await reader.tracks()
    assert camera(KEY).runs == 2


async def test_where_tries_are_counted_each_new_reader_hears_how_it_stands(
    hub: Hub, camera: Camera
) -> None:
    async with hub.read(KEY) as first:
        camera(KEY).script.put_nowait(UnauthorizedError("401", again_at=3600.0))
        with pytest.raises(UnauthorizedError, match="401"):
            await first.tracks()
        async with hub.read(KEY) as second:
            camera(KEY).script.put_nowait(UnauthorizedError("later", again_at=3600.0))
            with pytest.raises(UnauthorizedError, match="later"):
                await second.tracks()
        async with hub.read(KEY) as third:
            camera(KEY).script.put_nowait(picture(0, key=True))
            await third.tracks()
            assert (await first.get()).key


async def test_a_camera_that_is_to_be_left_in_peace_is(hub: Hub, camera: Camera) -> None:
    again_at = SystemClock().now() + 3600
    async with hub.read(KEY) as reader:
        camera(KEY).script.put_nowait(BusyError("453", again_at=again_at))
        with pytest.raises(BusyError):
            await reader.tracks()
        assert reader.stream.retry_at == pytest.approx(again_at, abs=0.1)
        async with hub.read(KEY) as second:
            with pytest.raises(BusyError):
                await second.tracks()
        assert camera(KEY).runs == 1


def test_a_forbidden_address_is_looked_up_again_ever_later() -> None:
    """A name may lead elsewhere by then, and a platform may tell another."""

    async def watch(clock: VirtualClock) -> list[float]:
        camera, bus, pauses = Camera(), Bus(), []
        for _ in range(8):
            camera(KEY).script.put_nowait(DeniedAddressError("forbidden"))
        camera(KEY).script.put_nowait(picture(0, key=True))
        async with (
            Hub(camera, bus, HubSettings(), clock) as hub,
            bus.subscribe(["stream.state"]) as events,
            hub.read(KEY) as reader,
        ):
            with pytest.raises(DeniedAddressError):
                await reader.tracks()
            while (told := (await events.get()).data)["state"] != "live":
                if told["state"] == "retrying":
                    pauses.append(told["retry_in"])
            assert reader.stream.error is None
        return pauses

    with VirtualTime() as time:
        pauses = time.run(watch(time.clock))
    assert len(pauses) == 8
    assert all(60 <= pause <= min(600, 60 * 2**n) for n, pause in enumerate(pauses))
    assert max(pauses) > 60


async def test_who_opens_what_is_forbidden_has_it_looked_up_at_once(
    hub: Hub, camera: Camera
) -> None:
    async with hub.read(KEY) as first:
        camera(KEY).script.put_nowait(DeniedAddressError("forbidden"))
        with pytest.raises(DeniedAddressError):
            await first.tracks()
        camera(KEY).script.put_nowait(picture(0, key=True))
        async with hub.read(KEY) as second, hub.read(KEY) as third:
            assert await second.tracks()
            assert await third.tracks()
        assert (await first.get()).key
        assert camera(KEY).runs == 2


async def test_silence_is_called_stalled(hub: Hub, camera: Camera) -> None:
    async with hub.read(KEY) as reader:
        clock = asyncio.get_running_loop().time()
        camera(KEY).script.put_nowait(picture(0, key=True, received=clock))
        await reader.get()
        await until(lambda: reader.stream.state is StreamState.STALLED)


async def test_key_frame_requests_are_debounced(hub: Hub, camera: Camera) -> None:
    async with hub.read(KEY) as reader:
        camera(KEY).script.put_nowait(picture(0, key=True))
        await reader.get()
        for _ in range(100):
            reader.stream.request_key_frame()
        assert camera(KEY).key_frame_requests == 1


async def test_a_crash_in_a_source_is_survived(hub: Hub, camera: Camera) -> None:
    async with hub.read(KEY) as reader:
        camera(KEY).script.put_nowait(ZeroDivisionError("a bug"))
        camera(KEY).script.put_nowait(picture(0, key=True))
        assert (await reader.get()).key


async def test_who_comes_between_two_tries_hears_the_reason_at_once(
    hub: Hub, camera: Camera
) -> None:
    async with hub.read(KEY) as reader:
        camera(KEY).script.put_nowait(BusyError("453"))
        with pytest.raises(BusyError):
            await reader.tracks()
        async with hub.read(KEY) as second:
            with pytest.raises(BusyError):
                await second.tracks(timeout=60)


async def test_a_described_stream_without_a_picture_yet_is_described(
    hub: Hub, camera: Camera
) -> None:
    async with hub.read(KEY) as reader:
        stream = reader.stream
        await until(lambda: camera(KEY).running)
        stream.start([VIDEO])
        assert await reader.tracks(timeout=0.5) == (VIDEO,)


class Slow(FakeSource):
    """A camera that takes its time to say goodbye."""

    def __init__(self) -> None:
        super().__init__()
        self.parting = asyncio.Event()
        self.may_part = asyncio.Event()

    async def run(self, publisher: Publisher) -> None:
        try:
            await super().run(publisher)
        finally:
            self.parting.set()
            await self.may_part.wait()


async def test_who_comes_after_one_that_came_while_the_pull_ended_gets_pictures(
    bus: Bus,
) -> None:
    camera = Slow()
    async with Hub(lambda _: camera, bus, FAST) as hub:
        async with hub.read(KEY) as reader:
            camera.script.put_nowait(picture(0, key=True))
            await reader.get()
        await camera.parting.wait()  # nobody watches: the pull is being ended
        async with hub.read(KEY):  # somebody looks in and leaves
            await until(lambda: camera.runs == 2)
        camera.may_part.set()
        for _ in range(5):  # it has ended, and the idle time is not over
            await asyncio.sleep(0)
        async with asyncio.timeout(5), hub.read(KEY) as late:
            camera.script.put_nowait(picture(9, key=True))
            assert (await late.get()).key
        await until(lambda: hub.find(KEY) is None and not camera.running)


async def test_where_no_source_can_be_made_any_more_the_readers_go(bus: Bus) -> None:
    camera, is_off = Camera(), False

    def make(key: StreamKey) -> Source:
        if is_off:
            raise ChannelDisabledError("it is off")
        return camera(key)

    async with Hub(make, bus, FAST) as hub, bus.subscribe(["stream.state"]) as events:
        async with hub.read(KEY) as reader, asyncio.timeout(5):
            camera(KEY).script.put_nowait(picture(0, key=True))
            await reader.get()
            is_off = True
            await hub.forget(KEY.name)
            with pytest.raises(MailboxClosed):
                await reader.get()
            told = [(await events.get()).data for _ in range(4)]
            assert [one["state"] for one in told] == ["connecting", "live", "idle", "blocked"]
            assert told[-1]["reason"] == "channel_disabled"
            assert hub.find(KEY) is None
            async with hub.read(KEY) as late:
                with pytest.raises(ChannelDisabledError):
                    await late.tracks()
            is_off = False
            async with hub.read(KEY) as back:  # what was refused is not remembered
                camera(KEY).script.put_nowait(picture(9, key=True))
                assert (await back.get()).key
        assert camera(KEY).runs == 2


async def test_what_is_not_tried_again_is_not_made_anew_either(bus: Bus) -> None:
    camera = Camera()
    async with Hub(camera, bus, HubSettings(tries_again=False)) as hub, asyncio.timeout(5):
        async with hub.read(KEY) as reader:
            camera(KEY).script.put_nowait(picture(0, key=True))
            await reader.get()
            await hub.forget(KEY.name)
            with pytest.raises(MailboxClosed):
                await reader.get()
        assert (camera(KEY).runs, camera(KEY).running, hub.find(KEY)) == (1, False, None)
