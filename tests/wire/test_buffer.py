"""The receive buffer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidgate.errors import ProtocolError
from vidgate.wire.buffer import Buffer


def test_bytes_come_out_as_they_went_in() -> None:
    buffer = Buffer()
    buffer.append(b"abc")
    buffer.append(b"def")
    assert buffer.peek(2) == b"ab"
    assert buffer.take(4) == b"abcd"
    buffer.skip(1)
    assert len(buffer) == 1
    assert buffer.take(1) == b"f"


def test_more_than_the_limit_is_refused() -> None:
    buffer = Buffer(limit=4)
    buffer.append(b"1234")
    with pytest.raises(ProtocolError, match="more than 4 bytes"):
        buffer.append(b"5")


def test_taking_what_is_not_there_is_our_mistake() -> None:
    with pytest.raises(IndexError):
        Buffer().take(1)


def test_the_first_mark_wins() -> None:
    buffer = Buffer()
    buffer.append(b"x\n\ny\n\r\n")
    assert buffer.find(b"\n\r\n", b"\n\n") == (1, 3)


@given(st.binary(max_size=40), st.lists(st.integers(1, 7)))
def test_a_mark_is_found_however_the_bytes_arrive(noise: bytes, cuts: list[int]) -> None:
    data = noise.replace(b"\n", b"x") + b"\r\n\r\n"
    buffer = Buffer()
    expected = data.find(b"\r\n\r\n")
    sizes = iter(cuts)
    while data:
        size = next(sizes, 3)
        assert buffer.find(b"\r\n\r\n") is None
        buffer.append(data[:size])
        data = data[size:]
    assert buffer.find(b"\r\n\r\n") == (expected, expected + 4)
