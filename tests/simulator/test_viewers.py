"""What the light viewers count; that they watch for real is shown in tests/webrtc/test_whep.py."""

import os
import struct

import pytest

from vidgate.errors import ProtocolError, RemoteTimeoutError
from vidgate.rtp.h264 import packetise
from vidgate.simulator.viewers import LightViewer, _is_key_end
from vidgate.webrtc.dtls import Certificate
from vidgate.webrtc.offers import parse_offer
from vidgate.webrtc.srtp import GcmOpener, GcmSealer, Master

ANSWER = (
    "v=0\r\nm=video {port} UDP/TLS/RTP/SAVPF 96\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\n"
    "a=fingerprint:sha-256 AB\r\na=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\n"
)


@pytest.fixture
def viewer() -> LightViewer:
    return LightViewer(Certificate.generateCertificate())


def test_makes_an_offer_that_can_be_read(viewer: LightViewer) -> None:
    offer = parse_offer(viewer.offer)
    assert [media.kind for media in offer.session.media] == ["video", "audio"]


async def test_counts_what_is_lost_and_forged(viewer: LightViewer) -> None:
    master = Master(os.urandom(16), os.urandom(12))
    sealer = GcmSealer(master)
    viewer._opener = GcmOpener(master)
    sealed = [
        sealer.seal(7, number, [struct.pack("!BBHII", 0x80, 96, number, 1, 7)], [b"\x41abc"])[0]
        for number in range(100, 110)
    ]
    for number, packet in enumerate(sealed):
        if number not in (3, 4):
            viewer._media(packet)
    viewer._media(sealed[9][:-1] + bytes([sealed[9][-1] ^ 1]))
    counts = viewer.counts
    assert (counts.packets, counts.octets, counts.lost, counts.forged) == (8, 32, 2, 1)
    viewer._media(sealed[3])
    assert counts.lost == 1
    assert counts.first_packet is not None
    assert counts.first_key_frame is None


@pytest.mark.parametrize("size", [50, 5000])
def test_knows_the_end_of_a_key_frame(size: int) -> None:
    units = [b"\x67sps", b"\x68pps", b"\x65" + bytes(size)]
    ends = [_is_key_end(payload) for payload in packetise(units)]
    assert ends == [False] * (len(ends) - 1) + [True]
    assert not any(map(_is_key_end, packetise([b"\x41" + bytes(size)])))


async def test_a_refusal_and_silence_are_errors(viewer: LightViewer) -> None:
    async with viewer:
        with pytest.raises(ProtocolError):
            await viewer.connect(ANSWER.format(port=0))
        with pytest.raises(RemoteTimeoutError):
            await viewer.connect(ANSWER.format(port=9), timeout=0.1)
