"""G.711."""

import math
from typing import Any

import pytest

from vidgate.rtp.audio import (
    MAX_PAYLOAD,
    AudioDepacketiser,
    alaw_decode,
    alaw_encode,
    ulaw_decode,
    ulaw_encode,
)
from vidgate.rtp.packet import RtpPacket


def test_every_packet_is_a_frame() -> None:
    depacketiser = AudioDepacketiser()
    assert depacketiser.push(RtpPacket(8, False, 65535, 160, 0, b"abc")) == [(160, [b"abc"])]
    assert depacketiser.push(RtpPacket(8, False, 2, 640, 0, b"def")) == [(640, [b"def"])]
    assert depacketiser.lost == 2
    assert depacketiser.push(RtpPacket(8, False, 3, 800, 0, b"")) == []
    assert depacketiser.push(RtpPacket(8, False, 4, 960, 0, bytes(MAX_PAYLOAD + 1))) == []
    assert depacketiser.ignored == 2
    depacketiser.push(RtpPacket(8, False, 3, 800, 0, b"late"))
    assert depacketiser.lost == 2


def test_codes_survive_decoding_and_encoding() -> None:
    codes = bytes(range(256))
    assert alaw_encode(alaw_decode(codes)) == codes
    again = ulaw_encode(ulaw_decode(codes))
    assert ulaw_decode(again) == ulaw_decode(codes)  # mu-law has two zeros


def test_a_tone_stays_a_tone() -> None:
    tone = [int(8000 * math.sin(i / 5)) for i in range(400)]
    for encode, decode in ((alaw_encode, alaw_decode), (ulaw_encode, ulaw_decode)):
        assert max(abs(a - b) for a, b in zip(tone, decode(encode(tone)), strict=True)) < 300


@pytest.mark.parametrize(
    ("name", "decode"), [("pcm_alaw", alaw_decode), ("pcm_mulaw", ulaw_decode)]
)
def test_tables_equal_those_of_ffmpeg(name: str, decode: Any) -> None:
    av = pytest.importorskip("av")
    context: Any = av.CodecContext.create(name, "r")
    context.sample_rate, context.layout = 8000, "mono"
    (frame,) = context.decode(av.Packet(bytes(range(256))))
    assert frame.to_ndarray().flatten().tolist() == decode(bytes(range(256)))
