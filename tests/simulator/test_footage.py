import av
import pytest

from vidgate.model.media import Codec
from vidgate.rtp.h265 import Depacketiser
from vidgate.rtp.packet import RtpPacket
from vidgate.simulator.footage import Motion, PlainH265, make_footage, packetise_h265
from vidgate.simulator.framing import Burst
from vidgate.simulator.pictures import Recipe, encode

H265 = Recipe("h265", 704, 576, 800_000, coded=False)
START = b"\x00\x00\x00\x01"


@pytest.fixture(scope="module")
def units() -> list[list[bytes]]:
    return encode(H265)


def test_h265_packets_make_the_units_again(units: list[list[bytes]]) -> None:
    footage = make_footage(H265, units)
    assert footage.codec is Codec.H265
    assert len(footage.parameter_sets) == 3
    depacketiser, got, sequence = Depacketiser(), [], 0
    for index in range(3):
        burst = Burst(footage.blocks(index, 1, 0, Motion.STEP), sequence, index * 3600, 1)
        sequence += len(burst.starts)
        for packet in burst.packets():
            got += depacketiser.push(RtpPacket.parse(bytes(packet)))
    assert [nals for _, nals in got] == units[:3]
    context = av.CodecContext.create("hevc", "r")
    packets = [av.Packet(START + START.join(nals)) for nals in units[:3]]
    assert len([p for packet in (*packets, None) for p in context.decode(packet)]) == 3


def test_frozen_h265_repeats_its_key_frame_now_and_then(units: list[list[bytes]]) -> None:
    footage = PlainH265(units)
    sent = [footage.blocks(index, 1, 0, Motion.FREEZE)[0] for index in range(20)]
    assert [bool(block.starts) for block in sent] == [True, *[False] * 9] * 2
    assert footage.is_key(0)
    assert not footage.is_key(10)


def test_small_units_travel_alone() -> None:
    small, large = b"\x02\x01abc", b"\x26\x01" + b"x" * 50
    payloads = packetise_h265([small, large], 30)
    assert payloads[0] == small
    assert [payload[2] >> 6 for payload in payloads[1:]] == [0b10, 0b01]
    assert {payload[0] >> 1 & 63 for payload in payloads[1:]} == {49}


def test_plain_h264_freezes_with_skipped_pictures() -> None:
    recipe = Recipe("h264", 640, 360, 400_000, coded=False)
    footage = make_footage(recipe, encode(recipe))
    still = footage.blocks(7, 1, 0, Motion.FREEZE)[0]
    assert len(still.data) < 60
    assert footage.blocks(0, 1, 0, Motion.FREEZE) == footage.blocks(0, 1, 0, Motion.STEP)
