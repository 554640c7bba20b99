from collections.abc import Iterator

import av
import numpy as np
import pytest

from vidgate.simulator.coded import (
    COUNTER_MASK,
    CodedLoop,
    Strip,
    build_loop,
    gray,
    plain_loop,
    read_strip,
    tone_of,
    ungray,
)
from vidgate.simulator.pictures import LOOP, Recipe, encode

START = b"\x00\x00\x00\x01"
MAIN = Recipe("h264", 704, 576, 800_000)
SUB = Recipe("h264", 640, 360, 400_000, scene=1)


@pytest.fixture(scope="module")
def units() -> list[list[bytes]]:
    return encode(MAIN)


@pytest.fixture(scope="module")
def loop(units: list[list[bytes]]) -> CodedLoop:
    return build_loop(704, 576, units)


def coded_unit(loop: CodedLoop, index: int, number: int, counter: int) -> list[bytes]:
    picture = loop.pictures[index]
    if picture.key:
        return [*loop.parameter_sets, *loop.key_row(index, number, counter), *picture.rest]
    return [loop.flip_row(index, counter), *picture.rest]


def decode(units: Iterator[list[bytes]]) -> Iterator[av.VideoFrame]:
    context = av.CodecContext.create("h264", "r")
    for unit in units:
        yield from context.decode(av.Packet(START + START.join(unit)))
    yield from context.decode(None)


def luma(frame: av.VideoFrame) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return frame.to_ndarray()[: frame.height].astype(np.uint8)


def test_every_frame_reads_back_and_nothing_else_changes(
    loop: CodedLoop, units: list[list[bytes]]
) -> None:
    first, number, total = 123_456, 2743, 750
    written = (coded_unit(loop, at % LOOP, number, first + at) for at in range(total))
    plain = (units[at % LOOP] for at in range(total))
    read = 0
    for at, (frame, original) in enumerate(zip(decode(written), decode(plain), strict=True)):
        assert read_strip(luma(frame)) == Strip(number, first + at)
        assert np.array_equal(luma(frame)[16:], luma(original)[16:]), f"picture {at} drifts"
        read += 1
    assert read == total


def test_sub_stream_with_a_cropped_last_row_reads_back() -> None:
    loop = build_loop(640, 360, encode(SUB))
    written = (coded_unit(loop, at % LOOP, 1, at) for at in range(2 * LOOP))
    strips = [read_strip(luma(frame)) for frame in decode(written)]
    assert strips == [Strip(1, at) for at in range(2 * LOOP)]


def test_strip_reads_from_rgb_and_from_scaled_pictures(loop: CodedLoop) -> None:
    (frame,) = decode(iter([coded_unit(loop, 0, 16383, COUNTER_MASK)]))
    expected = Strip(16383, COUNTER_MASK)
    assert read_strip(frame.to_ndarray(format="rgb24")) == expected
    small = frame.reformat(352, 288).to_ndarray(format="rgb24")
    assert read_strip(small, 704) == expected
    assert read_strip(small) is None


@pytest.mark.parametrize("level", [16, 128, 235])
def test_plain_pictures_have_no_strip(level: int) -> None:
    assert read_strip(np.full((576, 704), level, np.uint8)) is None


def test_counter_wraps_by_one_bit(loop: CodedLoop) -> None:
    context = av.CodecContext.create("h264", "r")
    written = [coded_unit(loop, at, 7, COUNTER_MASK - 2 + at) for at in range(6)]
    frames = [context.decode(av.Packet(START + START.join(unit))) for unit in written]
    frames.append(context.decode(None))
    counters = [strip.counter for some in frames for f in some if (strip := read_strip(luma(f)))]
    assert counters == [COUNTER_MASK - 2, COUNTER_MASK - 1, COUNTER_MASK, 0, 1, 2]


def test_still_pictures_repeat_the_one_before(loop: CodedLoop) -> None:
    unit = coded_unit(loop, 0, 9, 50)
    frames = list(decode(iter([unit, *([loop.still(at)] for at in range(1, LOOP))])))
    assert len(frames) == LOOP
    assert all(np.array_equal(luma(frames[0]), luma(frame)) for frame in frames)


def test_plain_loop_decodes_and_keeps_its_bitrate() -> None:
    recipe = Recipe("h264", 704, 576, 1_000_000, coded=False)
    loop = plain_loop(704, 576, encode(recipe))
    parts = [
        [*(loop.parameter_sets if picture.key else ()), *picture.rest] for picture in loop.pictures
    ]
    assert len(list(decode(iter(parts)))) == LOOP
    bits = 8 * sum(len(unit) for part in parts for unit in part)
    assert bits * 25 / LOOP == pytest.approx(recipe.bitrate, rel=0.15)


def test_gray_code_flips_one_bit_each_step() -> None:
    for counter in (0, 1, 2, 1023, 65_535, COUNTER_MASK):
        assert ungray(gray(counter)) == counter
        assert (gray(counter) ^ gray(counter + 1)).bit_count() == 1


def test_wrong_shapes_are_refused(units: list[list[bytes]]) -> None:
    with pytest.raises(ValueError, match="key frame"):
        build_loop(704, 576, units[1:])
    with pytest.raises(ValueError, match="slices"):
        build_loop(704, 592, units)


def test_tone_names_the_channel() -> None:
    assert tone_of(0) == 400
    assert tone_of(257) == 408
