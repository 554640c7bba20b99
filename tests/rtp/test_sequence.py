"""Counters that wrap."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidgate.rtp.sequence import Unwrapper


def test_a_wrap_goes_on() -> None:
    unwrapper = Unwrapper(16)
    assert unwrapper.last is None
    assert [unwrapper.unwrap(value) for value in (65534, 65535, 0, 65535, 1)] == [
        65534,
        65535,
        65536,
        65535,
        65537,
    ]
    assert unwrapper.last == 65537


def test_a_reordered_first_value_may_be_negative() -> None:
    unwrapper = Unwrapper(16)
    unwrapper.unwrap(0)
    assert unwrapper.unwrap(65535) == -1


@pytest.mark.parametrize("bits", [16, 32])
@given(start=st.integers(0, 2**32), steps=st.lists(st.integers(-30000, 30000), max_size=30))
def test_steps_of_less_than_half_the_range_are_kept(
    bits: int, start: int, steps: list[int]
) -> None:
    unwrapper = Unwrapper(bits)
    first = start % (1 << bits)
    unwrapper.unwrap(first)
    value = first
    for step in steps:
        value += step
        assert unwrapper.unwrap(value % (1 << bits)) == value
