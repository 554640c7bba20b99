"""What the pictures of a look tell of their stream."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidgate.rtp.tally import Count, Tally

RATE = 90_000


def look(
    fps: float, group: int, seconds: float, *, start: int = 0, first: int = 1,
    key_size: int = 9000, size: int = 1000,
) -> Tally:  # fmt: skip
    """A look of so long at a regular stream, joined `start` pictures after a key frame."""
    tally, total = Tally(RATE), 0
    for number in range(1 + int(seconds * fps)):
        is_key = (start + number) % group == 0
        total += key_size if is_key else size
        stamp = (first + round(number * RATE / fps)) % (1 << 32)
        tally.picture(stamp, 5.0 + number / fps, total, 0, key=is_key)
    return tally


@given(
    fps=st.floats(2.0, 60.0),
    group=st.integers(2, 100),
    phase=st.integers(0, 10_000),
    first=st.integers(0, (1 << 32) - 1),
)
def test_a_regular_stream_is_told_as_it_is(fps: float, group: int, phase: int, first: int) -> None:
    seconds = max(2 * group / fps, 6 / fps, 1.0) + 0.5
    count = look(fps, group, seconds, start=phase % group, first=first).count()
    assert count.fps == pytest.approx(fps, rel=0.001)
    assert count.group_frames == group
    assert count.group_seconds == pytest.approx(group / fps, abs=0.001)
    truth = 8 * (9000 + 1000 * (group - 1)) * fps / group
    assert count.bitrate == pytest.approx(truth, rel=0.001)


@given(fps=st.floats(4.0, 60.0), seed=st.integers(), loss=st.floats(0.0, 0.4))
def test_what_was_lost_does_not_change_the_rate(fps: float, seed: int, loss: float) -> None:
    tally, chance, lost = Tally(RATE), random.Random(seed), 0
    for number in range(300):
        if chance.random() < loss:
            lost += 1
            continue
        stamp = round(number * RATE / fps)
        tally.picture(stamp, number / fps, 1000 * number, lost, key=number % 50 == 0)
    count = tally.count()
    assert count.fps == pytest.approx(fps, rel=0.01)
    if count.group_frames is not None:
        assert count.group_frames == 50  # never a multiple, though key frames were lost


@given(
    st.lists(
        st.tuples(
            st.integers(0, (1 << 32) - 1), st.floats(0, 100), st.integers(0, 9), st.booleans()
        )
    )
)
def test_nonsense_is_nothing_or_a_positive_number(
    pictures: list[tuple[int, float, int, bool]],
) -> None:
    tally, size = Tally(RATE), 0
    for stamp, received, lost, key in pictures:
        size += 100
        tally.picture(stamp, received, size, lost, key=key)
    count = tally.count()
    figures = (count.fps, count.bitrate, count.group_frames, count.group_seconds)
    assert all(figure is None or figure >= 0 for figure in figures)


def test_too_short_to_tell() -> None:
    assert Tally(RATE).count() == Count()
    assert look(25.0, 50, 0.9).count() == Count()
    assert look(2.0, 50, 2.0).count() == Count()  # four steps
    told = look(25.0, 50, 1.0, start=25).count()
    assert told.fps == 25.0
    assert told.bitrate is not None
    assert told.group_seconds is None


@pytest.mark.parametrize("start", [5, 12, 20])
def test_the_bit_rate_of_a_wait_is_near_that_of_the_group(start: int) -> None:
    told = look(10.0, 40, (40 - start) / 10, start=start).count()
    truth = 8 * (9000 + 39 * 1000) / 4.0
    assert told.bitrate == pytest.approx(truth, rel=0.25)


def test_a_picture_cut_in_two_counts_once() -> None:
    tally = Tally(RATE)
    for number in range(31):
        for half in range(2):
            tally.picture(number * 3600, number / 25, 1000 * number + half, 0, key=number == 7)
    assert tally.count().fps == 25.0


def test_pictures_that_were_kept_for_us_come_in_a_burst() -> None:
    tally = Tally(RATE)
    for number in range(1, 51):  # two seconds in a tenth of one
        tally.picture(number * 3600, number / 500, 1000 * number, 0, key=number == 50)
    assert tally.count().fps == 25.0
    assert tally.count().bitrate == pytest.approx(8 * 25_000, rel=0.03)


def test_a_clock_set_anew_between_key_frames_tells_no_group() -> None:
    tally = Tally(RATE)
    for number in range(80):
        stamp = number * 3600 + (1_000_000_000 if number > 30 else 0)
        tally.picture(stamp, number / 25, 1000 * number, 0, key=number in (10, 60))
    assert tally.count().fps == 25.0
    assert tally.count().group_seconds is None
    assert not tally.has_group
