"""The time of a stream never jumps."""

from itertools import pairwise

import pytest

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


@pytest.mark.parametrize("seconds", [0.6, 5, 9.9, 3600])
def test_no_step_back_goes_out(seconds: float) -> None:
    """A camera that sets its clock by NTP, and whose timestamps follow it."""
    timeline = Timeline()
    given = []
    for number in range(20):
        frame = picture(number, received=100 + number * 0.04)
        frame.timestamp -= int(seconds * RATE) * (number >= 10)
        given.append(timeline.place(frame, RATE).timestamp)
    steps = [later - earlier for earlier, later in pairwise(given)]
    assert all(abs(step - RATE // 25) <= 1 for step in steps), steps


def test_pictures_that_refer_to_later_ones_keep_their_stamps() -> None:
    """Seven of them between two, in the order of decoding."""
    timeline = Timeline()
    order = [0, 8, 4, 2, 1, 3, 6, 5, 7, 16, 12, 10, 9, 11, 14, 13, 15, 24]
    given = [
        timeline.place(picture(number, received=100 + at * 0.04), RATE).timestamp
        for at, number in enumerate(order)
    ]
    assert given == [number * 3600 + given[0] for number in order]


def test_reordered_pictures_keep_their_stamps() -> None:
    timeline = Timeline()
    base = timeline.place(picture(10, received=100.0), RATE).timestamp
    assert timeline.place(picture(9, received=100.01), RATE).timestamp == base - 3600
