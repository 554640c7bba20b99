"""The longest packets that a wire can bring, filled with the most that can be made of them.

RTP over TCP allows 65,535 bytes. Whatever is in them, a packet costs no more than a picture of many
slices would: else one camera could hold the event loop, and with it all others.
"""

from collections.abc import Callable

import pytest

from tests.rtp.packets import inter
from tests.rtp.work import lines
from vidgate.rtp import assembler, h264, h265
from vidgate.rtp.aac import Depacketiser, LatmDepacketiser, Layout, Mux
from vidgate.rtp.jitter import MAX_BYTES, ReorderBuffer
from vidgate.rtp.packet import RtpPacket
from vidgate.rtp.rtcp import parse_compound

MOST_LINES = 25 * assembler.MAX_UNITS  # as a packet of so many slices takes
WHOLE = 65_520
NOISE = b"\0\0\1a" * (WHOLE // 4)  # sixteen thousand units

Call = Callable[[], object]


def latm(element: bytes, *, is_inside: bool = False, frames: int = 1) -> Call:
    mux = Mux(Mux.parse(bytes.fromhex("400024203fc0")).config, frames)
    made = LatmDepacketiser(mux, is_inside=is_inside, step=1024)
    return lambda: made.take(0, 0, True, element)


def picture(made: assembler.Depacketiser, payload: bytes) -> Call:
    return lambda: made.take(0, 0, True, payload)


def other_data() -> bytes:
    """A configuration in band whose other data are said to be without end."""
    bits = "0" + f"{0x400024203FC0 >> 6:042b}" + "1" + "1" * (8 * WHOLE - 44)
    return int(bits, 2).to_bytes(WHOLE, "big")


def fillers(unit: bytes) -> bytes:
    return (len(unit).to_bytes(2, "big") + unit) * (WHOLE // (2 + len(unit)))


def rtcp(data: bytes) -> Call:
    return lambda: parse_compound(data)


HOSTILE: dict[str, Call] = {
    "a size without end": latm(b"\xff" * WHOLE),
    "64 sizes without end": latm((b"\xff" * 32 + b"\0") * (WHOLE // 33), frames=64),
    "other data without end": latm(other_data(), is_inside=True),
    "headers without end": lambda: Depacketiser(Layout(0, 0, 0), 1).take(0, 0, True, NOISE),
    "start codes": picture(h264.Depacketiser(), b"\6" + NOISE),
    "start codes in H.265": picture(h265.Depacketiser(), b"\x4e\1" + NOISE),
    "one-byte slices": picture(h264.Depacketiser(), b"\x18" + fillers(b"\x41")),
    "one-byte fillers": picture(h264.Depacketiser(), b"\x18" + fillers(b"\x0c")),
    "short fillers in H.265": picture(h265.Depacketiser(), b"\x60\1" + fillers(b"\x4c\1")),
    "start codes, aggregated": picture(h264.Depacketiser(), b"\x18" + fillers(b"\6\0\0\1\6")),
    "aggregated noise": picture(h264.Depacketiser(), b"\x18" + fillers(b"\6" + NOISE[:4000])),
    "empty BYEs": rtcp(b"\x80\xcb\0\0" * (WHOLE // 4)),
    "unknown packets": rtcp(b"\x80\xcc\0\0" * (WHOLE // 4)),
    "an SDES of empty items": rtcp(b"\x81\xca\x3f\xeb" + bytes(4) + b"\2\0" * (WHOLE // 2 - 8)),
    "a NACK of all": rtcp(b"\x81\xcd\x3f\xeb" + bytes(8) + b"\0\0\xff\xff" * (WHOLE // 4 - 5)),
    "a FIR of all": rtcp(b"\x84\xce\x3f\xeb" + bytes(WHOLE - 16)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_packet_costs_no_more_than_a_picture(name: str) -> None:
    assert lines(HOSTILE[name]) <= MOST_LINES


@pytest.mark.parametrize(
    ("made", "heads"),
    [
        (h264.Depacketiser(), (b"\x7c\x86", b"\x7c\x06", b"\x7c\x46")),
        (h265.Depacketiser(), (b"\x62\1\xa7", b"\x62\1\x27", b"\x62\1\x67")),
    ],
)
def test_nor_does_a_whole_access_unit(
    made: assembler.Depacketiser, heads: tuple[bytes, bytes, bytes]
) -> None:
    """Two million units in the fragments of one."""
    first, inner, last = heads
    count = assembler.MAX_BYTES // WHOLE - 1
    for number in range(count):
        made.take(number, 0, False, (inner if number else first) + NOISE)
    assert made._fragments
    assert lines(lambda: made.take(count, 0, False, last + NOISE)) <= MOST_LINES
    assert made.ignored == 1
    made.take(count + 1, 1, False, b"")
    assert made.damaged == 1


def test_start_codes_are_looked_for_where_a_unit_begins() -> None:
    """Eight mebibytes of zeros, searched to their end, held the event loop for 40 ms."""
    remark = b"\6" + bytes(assembler.MAX_SEARCHED)
    late = remark + b"\0\0\1" + inter()[0]
    made = h264.Depacketiser()
    assert made.take(0, 0, True, late) == []
    led = b"\7sps\0\0\0\1\x08pps\0\0\1" + late
    assert made.take(1, 0, True, led) == []
    expected = [late, b"\7sps", b"\x08pps", late, *inter()]
    assert made.take(2, 0, True, inter()[0]) == [(0, expected)]


def test_zeros_behind_the_last_start_code_are_no_unit() -> None:
    made = h264.Depacketiser()
    for number, zeros in enumerate((b"", b"\0", b"\0\0\0")):
        made.take(number, 0, False, b"\7sps\0\0\1" + zeros)
    assert made.take(3, 0, True, inter()[0]) == [(0, [*[b"\7sps"] * 3, *inter()])]


def test_nor_what_comes_after_a_hole() -> None:
    buffer = ReorderBuffer()
    held = [RtpPacket(sequence=number, payload=bytes(WHOLE)) for number in range(2, 70)]
    buffer.push(RtpPacket(sequence=0), 0.0)
    given = [buffer.push(packet, 0.0) for packet in held]
    assert max(sum(len(one.payload) for one in each) for each in given) <= MAX_BYTES + WHOLE


def test_units_without_a_picture_are_few_in_bytes_too() -> None:
    """Each under a timestamp of its own, and of half of what an access unit may have."""
    made, sequence = h264.Depacketiser(), 0
    for timestamp in range(6):
        for head in (b"\x7c\x86", *[b"\x7c\x06"] * 62, b"\x7c\x46"):
            made.take(sequence, timestamp, False, head + b"s" * WHOLE)
            sequence += 1
        assert sum(map(len, made._units)) <= assembler.MAX_BYTES
    assert made.take(sequence, 6, True, inter()[0]) == [(6, inter())]
