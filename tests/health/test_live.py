"""A watched channel is judged from its streams."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from tests.media.fakes import SOUND, VIDEO, Camera, picture
from tests.waiting import until
from vidgate.aio.bus import Bus
from vidgate.aio.clock import ManualClock
from vidgate.errors import (
    BusyError,
    DeniedAddressError,
    HeldBackError,
    MissingStreamError,
    NoMediaError,
    SessionsTakenError,
    UnauthorizedError,
    UnreachableError,
)
from vidgate.health.live import GRACE, KEY_FRAME_VALID, LiveJudge, Sight
from vidgate.media.hub import Hub, HubSettings
from vidgate.model.health import Health, Level, Reason, State
from vidgate.model.media import Codec, Frame, StreamKey, StreamState, Variant

MAIN, SUB = StreamKey("c"), StreamKey("c", Variant.SUB)
BEFORE = Health(channel="c")


class Room:
    """A hub on a manual clock, and who judges it."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.camera = Camera()
        # The tests fail sources by hand; tries of the hub's own would only disturb.
        settings = HubSettings(idle_stop=0.0, retry_first=100.0, retry_cap=100.0)
        self.hub = Hub(self.camera, Bus(clock=self.clock), settings, self.clock)
        self.judge = LiveJudge(self.hub)
        self.readers = AsyncExitStack()

    async def watch(self, key: StreamKey = MAIN) -> None:
        """Somebody opens the stream."""
        await self.readers.enter_async_context(self.hub.read(key))
        await until(lambda: key in self.camera.sources and self.camera.sources[key].running)

    async def show(self, key: StreamKey = MAIN) -> None:
        """A key frame comes, now."""
        self.camera.sources[key].script.put_nowait(picture(0, key=True, received=self.clock.now()))
        await self.enters(StreamState.LIVE, key)

    async def fail(self, error: Exception, state: StreamState, key: StreamKey = MAIN) -> None:
        """The source fails."""
        self.camera.sources[key].script.put_nowait(error)
        await self.enters(state, key)

    async def enters(self, state: StreamState, key: StreamKey = MAIN) -> None:
        """Wait for the stream's state."""
        await until(lambda: self.hub.streams[key].state is state)

    def trouble(self) -> Reason | None:
        """What the judge says now."""
        found = self.judge.trouble("c", self.clock.now())
        return found.reason if found else None


def sound_of(room: Room) -> Frame:
    """A packet of sound that came now; a receiver marks each as a point to start from."""
    return Frame(1, int(room.clock.now() * 8000), True, (bytes(160),), room.clock.now())


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    """A hub at work."""
    room = Room()
    async with room.hub, room.readers:
        yield room


async def test_nobody_watches(room: Room) -> None:
    assert not room.judge.is_watched("c")
    assert room.judge.sight("c", room.clock.now()) is None
    assert room.trouble() is None


async def test_a_key_frame_is_seen(room: Room) -> None:
    await room.watch()
    assert room.judge.is_watched("c")
    assert room.judge.sight("c", room.clock.now()) is None
    await room.show()
    now = room.clock.now()
    assert room.judge.sight("c", now) == Sight(now, now)
    assert room.trouble() is None


async def test_the_main_stream_tells_what_encodes_its_picture(room: Room) -> None:
    for key in (MAIN, SUB):
        await room.watch(key)
        await room.show(key)
    room.hub.streams[MAIN].stats.width, room.hub.streams[MAIN].stats.height = 1920, 1080
    room.hub.streams[SUB].stats.width = 640
    seen = room.judge.seen(Health(channel="c"), room.clock.now(), room.clock.wall())
    assert seen is not None
    assert seen.measured is not None
    assert seen.measured.codec is Codec.H264
    assert (seen.measured.width, seen.measured.height) == (1920, 1080)


async def test_frames_without_a_key_frame_stop_being_a_picture(room: Room) -> None:
    await room.watch()
    await room.show()
    room.clock.advance(KEY_FRAME_VALID + 1)
    stream = room.hub.streams[MAIN]
    stream.frame(picture(9, received=room.clock.now()))
    assert room.judge.sight("c", room.clock.now()) is None
    assert room.trouble() is None
    room.clock.advance(GRACE)
    stream.frame(picture(10, received=room.clock.now()))
    assert room.trouble() is Reason.NO_KEY_FRAME


async def test_what_is_pulled_from_an_old_address_is_not_seen(room: Room) -> None:
    old = {MAIN}
    room.hub.is_outdated = lambda key: key in old
    await room.watch()
    await room.show()
    assert room.judge.sight("c", room.clock.now()) is not None, "nothing moved: another login, say"
    room.judge.moved("c")
    assert room.judge.sight("c", room.clock.now()) is None
    assert room.trouble() is None
    assert not room.judge.is_watched("c"), "looks see to it meanwhile"
    old.clear()
    await room.hub.forget("c")
    stream = room.hub.streams[MAIN]
    await room.enters(StreamState.CONNECTING)
    assert room.judge.is_watched("c")
    stream.start([VIDEO])
    stream.frame(picture(1, received=room.clock.now()))
    assert stream.state is StreamState.LIVE
    assert room.judge.sight("c", room.clock.now()) is None, "that key frame was another camera's"
    await room.show()
    await until(lambda: room.judge.sight("c", room.clock.now()))


async def test_lively_sound_is_no_picture(room: Room) -> None:
    await room.watch()
    await room.show()
    room.clock.advance(5)
    stream = room.hub.streams[MAIN]
    stream.frame(sound_of(room))
    seen = room.judge.sight("c", room.clock.now())
    assert seen is not None
    assert room.clock.now() - seen.frame == 5
    for _ in range(1200):  # the kept pictures are forgotten on the way
        room.clock.advance(KEY_FRAME_VALID / 1000)
        stream.frame(sound_of(room))
    assert stream.gop() == []
    assert room.judge.sight("c", room.clock.now()) is None
    assert room.trouble() is None
    room.clock.advance(GRACE)
    assert room.trouble() is Reason.NO_KEY_FRAME


@pytest.mark.parametrize("key", [MAIN, SUB])
async def test_a_camera_that_sends_sound_alone_is_not_up(room: Room, key: StreamKey) -> None:
    await room.watch(key)
    stream = room.hub.streams[key]
    stream.start([SOUND])
    stream.frame(replace(sound_of(room), track=0))
    assert stream.state is StreamState.LIVE
    assert room.trouble() is None
    assert room.judge.is_watched("c") is (key is MAIN), "a look tells, where no main stream does"
    room.clock.advance(GRACE)
    stream.frame(replace(sound_of(room), track=0))
    assert room.judge.sight("c", room.clock.now()) is None
    after = room.judge.judged(BEFORE, room.clock.now(), room.clock.wall())
    if key is SUB:
        assert after is None
        return
    assert after is not None
    assert (after.state, after.reason) == (State.REACHABLE, Reason.UNSUPPORTED)
    assert (stream.stats.key_frames, stream.stats.key_interval) == (0, None)


async def test_sound_after_a_reconnect_is_no_picture_of_before(room: Room) -> None:
    await room.watch()
    await room.show()
    assert room.judge.sight("c", room.clock.now()) is not None
    await room.fail(NoMediaError("mute"), StreamState.RETRYING)
    assert room.judge.sight("c", room.clock.now()) is None
    room.hub.streams[MAIN].frame(sound_of(room))
    assert room.hub.streams[MAIN].state is StreamState.RETRYING
    assert room.judge.sight("c", room.clock.now()) is None


async def test_a_stalled_stream_is_trouble_after_the_grace(room: Room) -> None:
    await room.watch()
    await room.show()
    room.clock.advance(5)
    room.hub.streams[MAIN].check_stalled(1.5)
    assert room.trouble() is None
    room.clock.advance(GRACE)
    found = room.judge.trouble("c", room.clock.now())
    assert found is not None
    assert (found.reason, found.level) == (Reason.NO_MEDIA, Level.DESCRIBE)
    await room.show()
    assert room.trouble() is None


async def test_a_failing_camera_says_why(room: Room) -> None:
    await room.watch()
    await room.fail(UnreachableError("gone"), StreamState.RETRYING)
    assert room.trouble() is None
    room.clock.advance(GRACE)
    assert room.trouble() is Reason.UNREACHABLE


async def test_a_refusal_is_final_and_told_once(room: Room) -> None:
    await room.watch()
    await room.fail(UnauthorizedError("401"), StreamState.BLOCKED)
    assert room.trouble() is Reason.UNAUTHORIZED
    assert room.trouble() is None
    assert not room.judge.is_watched("c")


async def test_a_camera_that_was_not_asked_says_nothing(room: Room) -> None:
    await room.watch()
    await room.fail(HeldBackError("later", again_at=3600.0), StreamState.BLOCKED)
    room.clock.advance(GRACE)
    assert room.trouble() is None
    assert room.trouble() is None


async def test_a_forbidden_address_is_told_at_once_and_left_to_the_looks(room: Room) -> None:
    await room.watch()
    assert room.judge.is_watched("c")
    await room.fail(DeniedAddressError("forbidden"), StreamState.RETRYING)
    assert room.trouble() is Reason.DENIED_ADDRESS
    assert room.trouble() is None
    assert not room.judge.is_watched("c")


async def test_a_platform_that_is_full_by_our_count_says_nothing_of_the_camera(room: Room) -> None:
    await room.watch()
    assert room.judge.is_watched("c")
    await room.fail(SessionsTakenError("all 16 are taken"), StreamState.RETRYING)
    room.clock.advance(GRACE + 1)
    assert room.trouble() is None
    assert not room.judge.is_watched("c")  # looks go on


async def test_busy_is_final_and_refuted_by_a_picture_only(room: Room) -> None:
    await room.watch()
    await room.fail(BusyError("453"), StreamState.RETRYING)
    found = room.judge.trouble("c", room.clock.now())
    assert found is not None
    assert (found.reason, found.level) == (Reason.BUSY, Level.DESCRIBE)


async def test_a_failing_sub_stream_says_nothing_of_the_channel(room: Room) -> None:
    await room.watch(SUB)
    await room.fail(MissingStreamError("404"), StreamState.RETRYING, SUB)
    room.clock.advance(2 * GRACE)
    assert room.trouble() is None
    assert not room.judge.is_watched("c")


async def test_a_living_sub_stream_proves_the_camera(room: Room) -> None:
    await room.watch()
    await room.watch(SUB)
    await room.fail(NoMediaError("mute"), StreamState.RETRYING)
    await room.show(SUB)
    room.clock.advance(GRACE)
    room.hub.streams[SUB].frame(picture(2, key=True, received=room.clock.now()))
    assert room.judge.sight("c", room.clock.now()) is not None
    assert room.trouble() is None
    assert room.judge.is_watched("c")


async def test_memory_goes_with_the_streams(room: Room) -> None:
    await room.watch()
    await room.fail(UnreachableError("gone"), StreamState.RETRYING)
    assert room.trouble() is None
    room.judge.keep_only(room.judge.names())
    room.clock.advance(GRACE)
    assert room.trouble() is Reason.UNREACHABLE
    room.judge.keep_only(set())
    assert room.trouble() is None  # it would be in trouble since now
