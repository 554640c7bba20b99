from collections.abc import Iterator

import av
import numpy as np
import pytest

from vidgate.simulator.coded import COUNTER_MASK, Strip, read_strip
from vidgate.simulator.coded_h265 import CodedLoopH265, build_loop_h265
from vidgate.simulator.pictures import LOOP, Recipe, encode

START = b"\x00\x00\x00\x01"
MAIN = Recipe("h265", 704, 576, 800_000)
Luma = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]


@pytest.fixture(scope="module")
def units() -> list[list[bytes]]:
    return encode(MAIN)


@pytest.fixture(scope="module")
def loop(units: list[list[bytes]]) -> CodedLoopH265:
    return build_loop_h265(704, 576, units)


def coded_unit(loop: CodedLoopH265, index: int, number: int, counter: int) -> list[bytes]:
    picture = loop.pictures[index]
    if picture.key:
        return [*loop.parameter_sets, *loop.key_row(index, number, counter), *picture.rest]
    return [loop.flip_row(index, counter), *picture.rest]


def decode(units: Iterator[list[bytes]]) -> Iterator[Luma]:
    context = av.CodecContext.create("hevc", "r")
    packets = (av.Packet(START + START.join(unit)) for unit in units)
    for packet in (*packets, None):
        for frame in context.decode(packet):
            yield frame.to_ndarray()[: frame.height].astype(np.uint8)


def test_every_frame_reads_back_and_nothing_else_changes(
    loop: CodedLoopH265, units: list[list[bytes]]
) -> None:
    first, number, total = 123_456, 2743, 250
    written = decode(coded_unit(loop, at % LOOP, number, first + at) for at in range(total))
    plain = decode(units[at % LOOP] for at in range(total))
    read = 0
    for at, (picture, original) in enumerate(zip(written, plain, strict=True)):
        assert read_strip(picture) == Strip(number, first + at)
        assert np.array_equal(picture[16:], original), f"picture {at} drifts"
        read += 1
    assert read == total


def test_numbers_and_counters_from_end_to_end(loop: CodedLoopH265) -> None:
    for number, counter in ((0, 0), (16383, COUNTER_MASK - 1), (1, 0x5A5A5A)):
        written = (coded_unit(loop, at, number, counter + at) for at in range(4))
        expected = [Strip(number, counter + at & COUNTER_MASK) for at in range(4)]
        assert [read_strip(picture) for picture in decode(written)] == expected


def test_levels_are_exact(loop: CodedLoopH265) -> None:
    (picture,) = decode(iter([coded_unit(loop, 0, 0b10101010101010, 0)]))
    assert sorted(set(picture[:16].ravel().tolist())) == [16, 48, 235]


def test_still_pictures_repeat_the_one_before(loop: CodedLoopH265) -> None:
    unit = coded_unit(loop, 0, 9, 50)
    frames = list(decode(iter([unit, *([loop.still(at)] for at in range(1, LOOP))])))
    assert len(frames) == LOOP
    assert all(np.array_equal(frames[0], frame) for frame in frames)


def test_what_the_encoder_writes_otherwise_is_refused(units: list[list[bytes]]) -> None:
    with pytest.raises(ValueError, match="key frame"):
        build_loop_h265(704, 576, units[1:])
    plain = encode(Recipe("h265", 704, 576, 800_000, coded=False))
    with pytest.raises(ValueError):  # noqa: PT011 - whichever difference is met first
        build_loop_h265(704, 592, plain)
