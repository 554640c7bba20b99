"""The time of a stream never jumps."""

from tests.media.fakes import picture
from vidgate.media.timeline import Timeline

RATE = 90_000


def test_a_new_run_goes_on_by_the_time_that_passed() -> None:
    timeline = Timeline()
    first = timeline.place(picture(7, received=100.0), RATE)
    timeline.restart()
    second = timeline.place(picture(1_000_000, received=102.0), RATE)
    assert second.timestamp - first.timestamp == 2 * RATE


def test_a_jump_of_the_cameras_clock_is_smoothed() -> None:
    timeline = Timeline()
    timeline.place(picture(0, received=100.0), RATE)
    jumped = timeline.place(picture(10_000_000, received=100.04), RATE)
    assert abs(jumped.timestamp - RATE // 25) <= 1
    after = timeline.place(picture(10_000_001, received=100.08), RATE)
    assert after.timestamp - jumped.timestamp == 3600


def test_reordered_pictures_keep_their_stamps() -> None:
    timeline = Timeline()
    base = timeline.place(picture(10, received=100.0), RATE).timestamp
    assert timeline.place(picture(9, received=100.01), RATE).timestamp == base - 3600
