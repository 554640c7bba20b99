import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidgate.model.channel import Lifecycle
from vidgate.model.health import Level, Reason, State
from vidgate.model.incident import Cause
from vidgate.model.standing import Standing, Tally
from vidgate.storage import codes

standings = st.builds(
    Standing,
    st.none() | st.sampled_from(Lifecycle),
    st.sampled_from(State),
    st.none() | st.sampled_from(Reason),
    st.sampled_from(Level),
    st.none() | st.sampled_from(Cause),
)
tallies = st.lists(st.tuples(standings, st.integers(1, 90_000_000))).map(Tally.of)


def test_every_word_has_a_code_of_its_own_that_fits() -> None:
    assert set(codes.REASONS) == set(Reason)
    assert set(codes.STEPS) == set(Lifecycle)
    assert set(codes.INCIDENTS) == set(Cause)
    for table, bits in ((codes.REASONS, 5), (codes.STEPS, 3), (codes.INCIDENTS, 3)):
        assert len(set(table.values())) == len(table)
        assert all(0 < code < 1 << bits for code in table.values())


@given(tallies)
def test_a_tally_comes_back_as_it_was(tally: Tally) -> None:
    assert codes.unpack_tally(codes.pack_tally(tally)) == tally


@given(st.lists(st.integers(0, 1 << 60)))
def test_numbers_come_back(numbers: list[int]) -> None:
    assert list(codes.varints(b"".join(map(codes.varint, numbers)))) == numbers


def test_a_day_like_any_other_takes_few_bytes() -> None:
    day = Tally.of([(Standing(Lifecycle.ACCEPTED, State.UP, Reason.OK, Level.MEDIA), 86_400_000)])
    assert len(codes.pack_tally(day)) <= 7


@pytest.mark.parametrize("data", [b"", b"\x80", b"\x01"])
def test_bytes_that_are_cut_are_no_tally(data: bytes) -> None:
    assert codes.unpack_tally(data) == Tally()
