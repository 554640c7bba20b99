"""Pulling a recording: what is asked, what is believed, and how it ends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.rtp.packets import inter, key, packets
from tests.rtsp.camera import Camera, Habits, interleave, run_camera
from tests.rtsp.test_source import VIDEO_ONLY, Shelf
from tests.waiting import until
from vidgate.errors import (
    MissingStreamError,
    NoMediaError,
    NoRecordingError,
    NoReplayError,
    RemoteError,
)
from vidgate.rtp.packet import RtpPacket
from vidgate.rtp.replay import ReplayStamp
from vidgate.rtsp.address import RtspAddress
from vidgate.rtsp.source import RtspSource
from vidgate.wire.clock import ClockRange
from vidgate.wire.message import Message

pytestmark = pytest.mark.usefixtures("no_descriptor_left")

AT = 1_795_680_000.0
MOMENTS = ClockRange(AT, AT + 900)


def answering(status: int, method: str = "PLAY") -> Habits:
    """A device that refuses the method."""

    def change(request: Message, reply: Message) -> Message:
        if request.method != method:
            return reply
        refused = Message.response(status, "No")
        refused.headers.add("CSeq", request.headers.get("CSeq"))
        return refused

    return Habits(change=change, sdp=VIDEO_ONLY)


def granting() -> Habits:
    """A device that says which times it plays."""

    def change(request: Message, reply: Message) -> Message:
        if request.method == "PLAY":
            reply.headers.add("Range", request.headers.get("Range"))
        return reply

    return Habits(change=change, sdp=VIDEO_ONLY)


def stamped(made: list[RtpPacket], stamp: ReplayStamp) -> list[RtpPacket]:
    made[0].extension = stamp.extension()
    return made


@asynccontextmanager
async def replaying(habits: Habits) -> AsyncIterator[tuple[Camera, Shelf]]:
    """A recording that is pulled inside the block, and has begun."""
    async with run_camera(habits) as camera, asyncio.TaskGroup() as tasks:
        shelf = Shelf()
        source = RtspSource(RtspAddress(url=camera.url), replay=MOMENTS)
        pull = tasks.create_task(source.run(shelf))
        await until(lambda: shelf.tracks)
        yield camera, shelf
        pull.cancel()


async def failure(camera: Camera, shelf: Shelf) -> RemoteError:
    source = RtspSource(RtspAddress(url=camera.url), replay=MOMENTS)
    with pytest.raises(RemoteError) as caught:
        async with asyncio.timeout(10):
            await source.run(shelf)
    return caught.value


async def test_a_replay_is_asked_for_and_its_pictures_say_when() -> None:
    async with replaying(granting()) as (camera, shelf):
        camera.send(stamped(packets([key()]), ReplayStamp(AT, is_clean=True)))
        await until(lambda: shelf.frames)
        assert shelf.frames[0].recorded == pytest.approx(AT, abs=1e-6)
    required = [r.method for r in camera.requests if r.headers.get("Require") == "onvif-replay"]
    assert required == ["DESCRIBE", "SETUP", "PLAY"]
    play = camera.asked("PLAY")[0].headers
    assert play.get("Range") == "clock=20261126T080000Z-20261126T081500Z"
    assert (play.get("Rate-Control"), play.get("Immediate")) == ("yes", "yes")


async def test_pictures_without_a_time_are_a_recording_only_where_the_range_says_so() -> None:
    async with replaying(granting()) as (camera, shelf):
        camera.send_pictures(2)
        await until(lambda: len(shelf.frames) == 2)
        assert [frame.recorded for frame in shelf.frames] == [None, None]


async def test_where_a_key_frame_comes_too_early_another_is_waited_for() -> None:
    habits = granting()
    habits.plays = [interleave(packets([key()]))]
    async with replaying(habits) as (camera, shelf):
        camera.send(packets([inter(), key()], first=40))
        await until(lambda: any(frame.key for frame in shelf.frames))
        assert shelf.frames[0].key


async def test_what_is_live_is_never_taken_for_a_recording() -> None:
    async with run_camera(Habits(sdp=VIDEO_ONLY)) as camera, asyncio.TaskGroup() as tasks:
        shelf = Shelf()
        pull = tasks.create_task(failure(camera, shelf))
        await until(lambda: camera.asked("PLAY"))

        def is_refused() -> bool:
            if not camera.connections[-1].transport.is_closing():
                camera.send_pictures(2)  # again: the first may overtake the reply
            return pull.done()

        await until(is_refused)
        assert isinstance(await pull, NoReplayError)
        assert not shelf.tracks


@pytest.mark.parametrize(
    ("status", "method", "kind"),
    [
        (551, "DESCRIBE", NoReplayError),
        (551, "SETUP", NoReplayError),
        (457, "PLAY", NoRecordingError),
        (404, "DESCRIBE", MissingStreamError),
    ],
)
async def test_refusals(status: int, method: str, kind: type[RemoteError]) -> None:
    async with run_camera(answering(status, method)) as camera:
        assert type(await failure(camera, Shelf())) is kind


async def test_it_ends_with_the_last_picture_of_all() -> None:
    async with run_camera(granting()) as camera, asyncio.TaskGroup() as tasks:
        shelf = Shelf()
        pull = tasks.create_task(failure(camera, shelf))
        await until(lambda: shelf.tracks)
        camera.send(stamped(packets([key()]), ReplayStamp(AT, is_terminal=True)))
        assert isinstance(await pull, NoMediaError)
        assert len(shelf.frames) == 1


async def test_after_a_gap_only_a_key_frame_helps() -> None:
    async with replaying(granting()) as (camera, shelf):
        made = packets([key(), inter(), key()])
        gap = next(i for i, p in enumerate(made) if p.timestamp != made[0].timestamp)
        made[gap].extension = ReplayStamp(AT + 60, is_discontinuity=True).extension()
        camera.send(made)
        await until(lambda: len(shelf.frames) == 2)
        assert [frame.key for frame in shelf.frames] == [True, True]
