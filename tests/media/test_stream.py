"""A stream's memory is bounded and its readers do not disturb one another."""

import pytest

from tests.media.fakes import SOUND, VIDEO, picture, sound
from tests.media.pictures import key_frame
from vidgate.aio.clock import ManualClock
from vidgate.media.stream import WHOLE_AFTER, Stream, StreamLimits
from vidgate.model.media import Codec, Frame, Reception, StreamKey


def make(limits: StreamLimits | None = None) -> Stream:
    """A started stream."""
    stream = Stream(StreamKey("x"), ManualClock(), limits or StreamLimits(), lambda _: None)
    stream.start([VIDEO, SOUND])
    return stream


def keyed(units: tuple[bytes, ...]) -> Frame:
    return Frame(track=0, timestamp=0, key=True, units=units, received=0.0)


def test_the_group_of_pictures_starts_at_a_key_frame_and_is_replaced_by_the_next() -> None:
    stream = make()
    stream.frame(picture(0))
    assert stream.gop() == []
    stream.frame(picture(1, key=True))
    stream.frame(sound(60))
    stream.frame(picture(2))
    assert [frame.track for frame in stream.gop()] == [0, 1, 0]
    stream.frame(picture(3, key=True))
    assert len(stream.gop()) == 1


def test_an_endless_group_of_pictures_is_forgotten() -> None:
    stream = make(StreamLimits(gop_bytes=1000))
    stream.frame(picture(0, key=True))
    for number in range(1, 50):
        stream.frame(picture(number))
    assert stream.gop() == []


async def test_a_slow_reader_loses_frames_and_a_quick_one_does_not() -> None:
    stream = make(StreamLimits(mailbox_items=10))
    slow, quick = stream.attach(), stream.attach()
    for number in range(86):
        stream.frame(picture(number, key=number % 20 == 0))
        assert (await quick.get()).timestamp == number * 3600
    assert slow.dropped > 0
    assert quick.dropped == 0
    assert (await slow.get()).key


def test_sound_that_goes_on_does_not_hide_a_dead_picture() -> None:
    clock = ManualClock(now=1000.0)
    states: list[str] = []
    stream = Stream(StreamKey("x"), clock, StreamLimits(), lambda one: states.append(one.state))
    stream.start([VIDEO, SOUND])
    stream.frame(sound(0))
    assert states == []
    stream.frame(picture(0, key=True))
    for number in range(100):
        clock.advance(0.02)
        stream.frame(sound(number))
    stream.check_stalled(1.5)
    assert states == ["live", "stalled"]
    assert stream.stats.last_frame == 1000.0


def test_a_whole_group_of_pictures_is_measured() -> None:
    clock = ManualClock(now=1000.0)
    stream = Stream(StreamKey("x"), clock, StreamLimits(), lambda _: None)
    stream.start([VIDEO, SOUND])
    size = 0
    for number in range(101):
        frame = picture(number, key=number % 50 == 0)
        frame.received = clock.now()
        stream.frame(frame)
        size += frame.size if 50 <= number < 100 else 0
        clock.advance(0.04)
    stats = stream.stats
    assert stats.key_interval == pytest.approx(2.0)
    assert stats.fps == pytest.approx(25.0)
    assert stats.bitrate == pytest.approx(8 * size / 2.0)


def test_what_was_measured_of_a_stand_in_is_not_told_of_the_channel() -> None:
    stream = make()
    stream.start([VIDEO, SOUND], origin="other")
    stream.frame(keyed(key_frame(Codec.H264, 704, 576)))
    stream.received(Reception(lost=0, jitter=0.01, clock_offset=5.0))
    assert stream.stats.width == 704
    stream.start([VIDEO, SOUND])
    stats = stream.stats
    assert (stats.codec, stats.width, stats.last_key_frame) == (None, None, None)
    assert (stats.jitter, stats.clock_offset, stats.fps) == (None, None, None)
    assert (stats.frames, stats.key_frames) == (1, 1)
    stream.frame(keyed(key_frame(Codec.H264, 704, 576)))
    assert (stats.width, stats.key_interval) == (704, None)


def test_loss_adds_up_over_the_runs_of_a_source() -> None:
    stream = make()
    stream.received(Reception(lost=3, jitter=0.01, clock_offset=5.0))
    stream.received(Reception(lost=4, jitter=0.02))
    stream.start([VIDEO, SOUND])
    stream.received(Reception(lost=2, jitter=0.02))
    stream.received(Reception(lost=-1))  # packets that came twice
    assert (stream.stats.lost, stream.stats.clock_offset) == (6, 5.0)


def test_the_share_of_loss_is_that_of_late() -> None:
    stream, told = make(), []
    # Too few packets to tell; enough; none lost since; and the camera began to count anew.
    for lost, expected in ((5, 50), (20, 200), (20, 400), (6, 120)):
        stream.received(Reception(lost=lost, expected=expected))
        told.append(stream.stats.loss)
    assert told == [None, 0.1, 0.0, 0.05]


def test_lost_pictures_are_asked_for_once_a_second_and_told() -> None:
    clock = ManualClock(now=1000.0)
    asked: list[float] = []
    told: list[bool] = []
    stream = Stream(
        StreamKey("x"), clock, StreamLimits(), lambda one: told.append(one.losses.is_lossy)
    )
    stream.connecting(lambda: asked.append(clock.now()))
    stream.start([VIDEO, SOUND])
    stream.frame(picture(0, key=True, received=clock.now()))
    told.clear()
    for _ in range(25):
        stream.missed()
        clock.advance(0.1)
    assert (len(asked), told) == (3, [True])

    clock.advance(1.0)
    stream.frame(picture(1, key=True, received=clock.now()))
    assert told == [True], "the next loss may come at once"
    clock.advance(WHOLE_AFTER)
    stream.frame(picture(2, received=clock.now()))
    assert told == [True], "what follows refers to what was lost"
    stream.frame(picture(3, key=True, received=clock.now()))
    assert told == [True, False]


def test_a_key_frame_is_asked_for_until_it_comes() -> None:
    clock = ManualClock(now=1000.0)
    asked: list[float] = []
    stream = Stream(StreamKey("x"), clock, StreamLimits(), lambda _: None)
    stream.connecting(lambda: asked.append(clock.now()))
    stream.start([VIDEO])
    stream.frame(picture(0, key=True))
    stream.missed()
    stream.frame(picture(1, key=True))
    clock.advance(0.5)
    stream.missed()  # so soon after the last question that it is not asked again at once
    for number in range(2, 60):
        clock.advance(0.04)
        stream.frame(picture(number))
    assert asked == pytest.approx([1000.0, 1001.0, 1002.0], abs=0.09)
    stream.frame(picture(60, key=True))
    clock.advance(2.0)
    stream.frame(picture(61))
    assert len(asked) == 3


def test_another_run_of_the_source_has_lost_nothing() -> None:
    stream = make()
    stream.missed()
    stream.connecting(lambda: None)
    assert not stream.losses.is_lossy


def test_it_is_told_that_another_camera_that_feeds_has_lost_nothing() -> None:
    told: list[bool] = []
    stream = Stream(
        StreamKey("x"), ManualClock(), StreamLimits(), lambda one: told.append(one.losses.is_lossy)
    )
    stream.start([VIDEO], origin="b", cause="unreachable")
    stream.frame(picture(0, key=True))
    stream.missed()
    stream.start([VIDEO], origin="x")
    stream.frame(picture(1, key=True))
    assert told == [False, True, False]


def test_a_key_frame_tells_the_codec_and_the_size_of_the_picture() -> None:
    stream = make()
    stream.frame(keyed(key_frame(Codec.H264, 704, 576)))
    stats = stream.stats
    assert (stats.codec, stats.width, stats.height) == (Codec.H264, 704, 576)
    stream.frame(keyed((b"\x65\x01",)))  # its parameter sets are those of before
    assert (stats.width, stats.height) == (704, 576)
    stream.frame(keyed(key_frame(Codec.H264, 1280, 720)))
    assert (stats.width, stats.height) == (1280, 720)
    stream.frame(keyed((b"\x67\x42", b"\x65\x01")))
    assert (stats.codec, stats.width, stats.height) == (Codec.H264, None, None)
