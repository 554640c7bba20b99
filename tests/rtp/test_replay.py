"""The header extension of ONVIF replays."""

import pytest

from vidgate.rtp.packet import RtpPacket
from vidgate.rtp.replay import PROFILE, ReplayStamp


def test_the_words_are_read() -> None:
    """An instant of NTP seconds 0xee000000 and a half; clean, after a gap; CSeq 7."""
    stamp = ReplayStamp.parse((0xABAC, bytes.fromhex("ee000000 80000000 a0 07 0000")))
    assert stamp == ReplayStamp(
        0xEE000000 - 2_208_988_800 + 0.5, is_clean=True, is_discontinuity=True, cseq=7
    )


@pytest.mark.parametrize("flag", ["is_clean", "is_end", "is_discontinuity", "is_terminal"])
def test_each_flag_survives_a_packet(flag: str) -> None:
    packet = RtpPacket(payload=b"x")
    stamp = ReplayStamp(1_795_680_000.25, cseq=9, **{flag: True})
    packet.extension = stamp.extension()
    read = RtpPacket.parse(bytes(packet)).extension
    assert read is not None
    assert ReplayStamp.parse(read) == stamp


@pytest.mark.parametrize(
    "extension", [(0xBEDE, bytes(12)), (PROFILE, bytes(12)), (PROFILE, b"\xee" * 8)]
)
def test_another_extension_a_short_one_and_one_without_time_say_nothing(
    extension: tuple[int, bytes],
) -> None:
    assert ReplayStamp.parse(extension) is None
