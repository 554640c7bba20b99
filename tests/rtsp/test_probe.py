"""Looking at cameras."""

import pytest

from tests.rtp.packets import inter, packets
from tests.rtsp.camera import SDP, Habits, interleave, pictures, run_camera
from vidgate.aio.clock import SystemClock
from vidgate.errors import NoKeyFrameError, NoMediaError, UnreachableError, UnsupportedError
from vidgate.model.media import Codec
from vidgate.rtsp import probe
from vidgate.rtsp.address import RtspAddress
from vidgate.rtsp.probe import ProbeTimes

pytestmark = pytest.mark.usefixtures("no_descriptor_left")


async def test_describe() -> None:
    clock = SystemClock()
    before = clock.wall()
    async with run_camera() as camera:
        times = await probe.describe(RtspAddress(url=camera.url), clock)
        assert camera.methods == ["DESCRIBE"]
    assert before <= times.t0 <= clock.wall()
    assert times.t1 is not None
    assert 0 < times.t1 < 5
    assert (times.codec, times.width, times.height) == (Codec.H264, 320, 240)
    assert (times.fps, times.bitrate) == (25.0, 1_000_000)
    assert times.t2 is None


async def test_media_ends_with_the_first_key_frame() -> None:
    sdp = SDP.replace("sprop-parameter-sets", "x").replace("b=AS:1000\r\n", "")
    habits = Habits(sdp=sdp, plays=[interleave(pictures(2))])
    async with run_camera(habits) as camera:
        times = await probe.media(RtspAddress(url=camera.url), SystemClock())
        assert camera.methods == ["DESCRIBE", "SETUP", "PLAY", "TEARDOWN"]
    assert times.t1 is not None
    assert times.t2 is not None
    assert times.t3 is not None
    assert times.t1 <= times.t2 <= times.t3
    assert (times.width, times.height, times.fps) == (320, 240, 25.0)
    assert times.bitrate is None  # not announced, and too short to measure


async def test_what_was_seen_before_a_failure_is_kept() -> None:
    seen = ProbeTimes()
    async with run_camera() as camera:
        address = RtspAddress(url=camera.url, stall_timeout=0.05)
        with pytest.raises(NoMediaError):
            await probe.media(address, SystemClock(), seen)
        assert camera.methods[-1] == "TEARDOWN"
    assert seen.t1 is not None
    assert seen.t2 is None
    assert seen.codec is Codec.H264


async def test_packets_without_a_key_frame() -> None:
    seen = ProbeTimes()
    habits = Habits(plays=[interleave(packets([inter(), inter()]))])
    async with run_camera(habits) as camera:
        address = RtspAddress(url=camera.url, stall_timeout=0.05)
        with pytest.raises(NoKeyFrameError):
            await probe.media(address, SystemClock(), seen)
    assert seen.t2 is not None
    assert seen.t3 is None


async def test_sound_alone_is_no_camera() -> None:
    async with run_camera(Habits(sdp=SDP[SDP.index("m=audio") :])) as camera:
        with pytest.raises(UnsupportedError, match="no picture"):
            await probe.describe(RtspAddress(url=camera.url), SystemClock())


async def test_a_camera_that_is_gone() -> None:
    seen = ProbeTimes()
    async with run_camera() as camera:
        pass
    with pytest.raises(UnreachableError):
        await probe.describe(RtspAddress(url=camera.url), SystemClock(), seen)
    assert seen.t0 > 0
    assert seen.t1 is None
