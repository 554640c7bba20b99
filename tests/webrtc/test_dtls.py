"""Two ends of one handshake in one process, joined by queues."""

import asyncio
import os
import struct
from collections.abc import Sequence
from typing import cast

import pytest
from aiortc.rtcdtlstransport import SRTP_AEAD_AES_256_GCM, SRTP_AES128_CM_SHA1_80
from OpenSSL import SSL

from vidgate.errors import ProtocolError, RemoteTimeoutError
from vidgate.model.media import Codec, Frame, Track
from vidgate.webrtc.dtls import PROFILES, Certificate, Dtls, Security
from vidgate.webrtc.fingerprint import Fingerprint
from vidgate.webrtc.line import Line
from vidgate.webrtc.mux import Leg
from vidgate.webrtc.srtp import GcmOpener
from vidgate.webrtc.viewer import Flow


class End:
    """One end of a wire; `peer` is the other."""

    role = "controlled"

    def __init__(self) -> None:
        self.inbox: asyncio.Queue[bytes] = asyncio.Queue()
        self.peer: End | None = None

    async def _recv(self) -> bytes:
        return await self.inbox.get()

    async def _send(self, data: bytes) -> None:
        if self.peer is not None:
            self.peer.inbox.put_nowait(data)


def pair() -> tuple[End, End]:
    one, two = End(), End()
    one.peer, two.peer = two, one
    return one, two


OURS, THEIRS = Certificate.generateCertificate(), Certificate.generateCertificate()


async def shake(profiles: Sequence[object] = PROFILES) -> tuple[Security, Security]:
    one, two = pair()
    closed = asyncio.Event()
    server = Dtls(one, OURS, closed.set)
    client = Dtls(two, THEIRS, lambda: None, role="client", profiles=list(profiles))  # type: ignore[arg-type]
    try:
        ours, theirs = await asyncio.gather(
            server.handshake([THEIRS.fingerprint], 5), client.handshake([OURS.fingerprint], 5)
        )
    finally:
        await client.close()
    async with asyncio.timeout(5):
        await closed.wait()  # the client's close_notify
    await server.close()
    return ours, theirs


def rtp(sequence: int) -> bytes:
    return struct.pack("!BBHII", 0x80, 96, sequence, 1, 2)


@pytest.mark.parametrize(
    ("profiles", "chosen"),
    [
        (PROFILES, "SRTP_AEAD_AES_128_GCM"),
        ([SRTP_AEAD_AES_256_GCM], "SRTP_AEAD_AES_256_GCM"),
    ],
)
async def test_gcm_keys_agree(profiles: Sequence[object], chosen: str) -> None:
    ours, theirs = await shake(profiles)
    assert ours.profile == theirs.profile == chosen
    payload = os.urandom(500)
    (sealed,) = ours.sealer.seal(2, 7, [rtp(7)], [payload])
    assert GcmOpener(theirs.remote).open(sealed) == (7, payload)
    report = bytes.fromhex("80c90001000000ff")
    assert ours.open_rtcp(theirs.seal_rtcp(report)) == report
    assert ours.open_rtcp(b"\x80\xc9" + bytes(30)) is None
    assert ours.open_rtcp(b"\x80\xc9" + bytes(3000)) is None


async def test_a_peer_without_gcm_gets_aes_cm() -> None:
    ours, theirs = await shake([SRTP_AES128_CM_SHA1_80])
    assert ours.profile == "SRTP_AES128_CM_SHA1_80"
    first = ours.sealer.seal(2, 7, [rtp(7), rtp(8)], [b"one", b"two"])
    assert [len(packet) for packet in first] == [12 + 3 + 10] * 2
    assert ours.sealer.seal(2, 7, [rtp(7)], [b"one"]) == first[:1]  # the same packet again
    assert theirs.profile == ours.profile


async def test_libsrtp_repeats_no_packet_beyond_its_window() -> None:
    """What a flow must survive when a viewer without GCM asks for an old packet."""
    ours, _ = await shake([SRTP_AES128_CM_SHA1_80])
    line = Line(Track(0, Codec.H264, 90000))
    flow = Flow(line, 96, ours, cast(Leg, Wire()))
    flow.jump(line.next)
    first = flow.next
    assert first is not None
    for number in range(1100):
        unit = bytes((0x65 if number == 0 else 0x41,)) + bytes(100)
        (batch,) = line.cut(Frame(0, number * 3600, number == 0, (unit,), number / 25))
        assert flow.send(batch, flow.headers(batch))
    wire = first + flow.shift
    assert flow.repeat((wire + 1099) & 0xFFFF)
    assert not flow.repeat(wire & 0xFFFF)


class Wire:
    """A leg that takes everything."""

    def send(self, packets: Sequence[bytes], runs: Sequence[tuple[int, int]]) -> bool:
        return True


async def test_another_certificate_is_refused() -> None:
    one, two = pair()
    server = Dtls(one, OURS, lambda: None)
    client = Dtls(two, THEIRS, lambda: None, role="client")
    stranger = Certificate.generateCertificate().fingerprint
    results = await asyncio.gather(
        server.handshake([stranger], 5),
        client.handshake([OURS.fingerprint], 5),
        return_exceptions=True,
    )
    assert isinstance(results[0], ProtocolError)
    await client.close()
    await server.close()


async def test_a_silent_peer_meets_the_deadline() -> None:
    server = Dtls(End(), OURS, lambda: None)
    with pytest.raises(RemoteTimeoutError):
        await server.handshake([Fingerprint("sha-256", "00")], 0.05)
    await server.close()


async def test_garbage_fails_or_waits_but_raises_nothing_else() -> None:
    end = End()
    server = Dtls(end, OURS, lambda: None)
    for _ in range(20):
        end.inbox.put_nowait(bytes([20 + os.urandom(1)[0] % 44]) + os.urandom(60))
    with pytest.raises((RemoteTimeoutError, ProtocolError)):
        await server.handshake([Fingerprint("sha-256", "00")], 0.2)
    await server.close()


def test_the_context_is_made_once_and_remembers_nobody() -> None:
    certificate = Certificate.generateCertificate()
    context = certificate._create_ssl_context(PROFILES)
    assert context.get_session_cache_mode() == SSL.SESS_CACHE_OFF
    assert certificate._create_ssl_context(PROFILES) is certificate._create_ssl_context(PROFILES)
    assert certificate.fingerprint.is_supported
