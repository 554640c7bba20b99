from hypothesis import given
from hypothesis import strategies as some

from vidgate.rtp.bits import BitReader, unescape
from vidgate.simulator.bits import BitWriter, escape


@given(some.lists(some.integers(0, 1 << 20), max_size=20))
def test_what_is_written_reads_back(values: list[int]) -> None:
    writer = BitWriter()
    for value in values:
        writer.unsigned(value)
    reader = BitReader(writer.trail().bytes())
    assert [reader.ue() for _ in values] == values


@given(some.binary(max_size=40).map(lambda data: data + b"\x80"))
def test_escaped_bytes_hold_no_start_code(data: bytes) -> None:
    escaped = escape(data)
    assert unescape(escaped) == data or b"\x00\x00\x03" in data
    assert not any(bytes([0, 0, code]) in escaped for code in (0, 1, 2))
