"""The byte stream format."""

from hypothesis import given
from hypothesis import strategies as st

from vidgate.rtp import annexb


def test_split() -> None:
    assert annexb.split(b"\0\0\0\1ab\0\0\1cd\0\0\0\1") == [b"ab", b"cd"]
    assert annexb.split(b"raw") == [b"raw"]
    assert annexb.split(b"") == []


def test_split_into_a_few() -> None:
    assert annexb.split(b"\0\0\1ab\0\0\1cd\0\0\1ef\0", 2) == [b"ab", b"cd\0\0\1ef"]
    assert annexb.split(b"raw", 2) == [b"raw"]


@given(st.lists(st.binary(min_size=1, max_size=20).map(lambda d: b"e" + d.replace(b"\0", b"z"))))
def test_what_is_joined_is_split(units: list[bytes]) -> None:
    assert annexb.split(annexb.join(units)) == units
