"""Bits of parameter sets."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidgate.rtp.bits import BitReader, unescape


def test_fields_and_codes() -> None:
    bits = BitReader(bytes([0b10100110, 0b01000010, 0b10000000]))
    assert bits.flag()
    assert [bits.ue(), bits.ue()] == [1, 2]
    assert bits.bits(3) == 0b001
    assert bits.left == 14


@given(st.integers(0, 2**31))
def test_codes_of_any_size(value: int) -> None:
    text = bin(value + 1)[2:]
    text = "0" * (len(text) - 1) + text
    data = int(text.ljust(-(-len(text) // 8) * 8, "0"), 2).to_bytes(-(-len(text) // 8), "big")
    assert BitReader(data).ue() == value
    expected = (value + 1) // 2 if value & 1 else -(value // 2)
    assert BitReader(data).se() == expected


def test_the_end_is_noticed() -> None:
    for data in (b"", b"\0\0", bytes(10)):
        with pytest.raises(EOFError):
            BitReader(data).ue()
    with pytest.raises(EOFError):
        BitReader(b"a").skip(9)


class Watched(bytes):
    """Bytes that know how many of them were asked for."""

    asked = 0

    def __getitem__(self, key: Any) -> Any:
        part = super().__getitem__(key)
        self.asked += len(part) if isinstance(key, slice) else 1
        return part


def test_a_field_costs_by_its_own_size() -> None:
    data = Watched(b"\xff" * 65536)
    bits = BitReader(data)
    for _ in range(1000):
        bits.bits(9)
        bits.ue()
    assert data.asked <= 1000 * (3 + 6 + 2)


def test_emulation_prevention_is_undone() -> None:
    assert unescape(b"a\0\0\3\1\0\0\3\0") == b"a\0\0\1\0\0\0"


def test_a_look_ahead_takes_nothing() -> None:
    bits = BitReader(b"\xa5")
    bits.skip(4)
    assert bits.peek(3) == 0b010
    assert bits.peek(6) == 0b010100  # zeros behind the end
    assert bits.left == 4
