"""Makes RTP packets of access units, as a camera does."""

from collections.abc import Sequence

from vidgate.rtp import h264
from vidgate.rtp.packet import RtpPacket

SPS = bytes.fromhex("6742c00dda0507ec05a8303035280000030008000003019478a155")  # 320 x 240, 25 fps
PPS = bytes.fromhex("68ce3c80")


def key(size: int = 3000) -> list[bytes]:
    """A key frame with its parameter sets."""
    return [SPS, PPS, b"\x65\x88" + b"k" * size]


def inter(size: int = 300) -> list[bytes]:
    """Any other frame."""
    return [b"\x41\x9a" + b"p" * size]


def packets(
    units: Sequence[Sequence[bytes]], *, first: int = 0, payload_type: int = 96, ssrc: int = 7
) -> list[RtpPacket]:
    """The access units as packets, 3600 ticks apart."""
    made: list[RtpPacket] = []
    for number, nals in enumerate(units):
        payloads = h264.packetise(nals, 1000)
        for index, payload in enumerate(payloads):
            sequence = (first + len(made)) & 0xFFFF
            last = index == len(payloads) - 1
            made.append(RtpPacket(payload_type, last, sequence, number * 3600, ssrc, payload))
    return made
