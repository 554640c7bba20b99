"""DTLS on a leg (RFC 8827 6.5) by aiortc: handshake with a deadline, keys for SRTP, orderly end.

aiortc is used through a few private names, which `tests/webrtc/test_contract.py` pins; it is held
at one minor version for the same reason.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from aiortc.rtcdtlstransport import (
    SRTP_AEAD_AES_128_GCM,
    SRTP_AEAD_AES_256_GCM,
    SRTP_AES128_CM_SHA1_80,
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    SRTPProtectionProfile,
    State,
)
from aiortc.rtcicetransport import RTCIceTransport
from OpenSSL import SSL
from pylibsrtp import Error as LibsrtpError

from vidgate.aio.supervisor import cancel_and_wait
from vidgate.errors import ProtocolError, RemoteTimeoutError
from vidgate.webrtc.fingerprint import Fingerprint
from vidgate.webrtc.srtp import CmSealer, GcmSealer, Master, Sealer

# 128 before 256: the same safety for a live picture, a fifth less work for each packet.
PROFILES = [SRTP_AEAD_AES_128_GCM, SRTP_AEAD_AES_256_GCM, SRTP_AES128_CM_SHA1_80]
EXPORTER = b"EXTRACTOR-dtls_srtp"


class Certificate(RTCCertificate):
    """Our self-signed certificate of this start; its TLS context is made once, not per viewer."""

    _contexts: dict[tuple[bytes, ...], SSL.Context] | None = None

    @property
    def fingerprint(self) -> Fingerprint:
        """The SHA-256 digest for our SDP."""
        for known in self.getFingerprints():
            if known.algorithm == "sha-256":
                return Fingerprint(known.algorithm, known.value)
        raise AssertionError("aiortc always gives a SHA-256 fingerprint")

    def _create_ssl_context(self, srtp_profiles: list[SRTPProtectionProfile]) -> SSL.Context:
        if self._contexts is None:
            self._contexts = {}
        key = tuple(profile.openssl_profile for profile in srtp_profiles)
        if key not in self._contexts:
            context = super()._create_ssl_context(srtp_profiles)
            # A context that lives as long as the service would remember 20,000 sessions, with the
            # certificates of viewers who never come back.
            context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
            self._contexts[key] = context
        return self._contexts[key]


class Datagrams(Protocol):
    """What DTLS runs over."""

    role: str

    async def _recv(self) -> bytes: ...

    async def _send(self, data: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class Security:
    """What a finished handshake gives: sealing and opening of RTP and RTCP for one peer."""

    profile: str
    sealer: Sealer
    remote: Master
    seal_rtcp: Callable[[bytes], bytes]
    _open_rtcp: Callable[[bytes], bytes]

    def open_rtcp(self, packet: bytes) -> bytes | None:
        """The compound packet inside, None when it is forged or replayed."""
        try:
            return self._open_rtcp(packet)
        except (LibsrtpError, ValueError):
            return None


class _Transport(RTCDtlsTransport):
    """aiortc's DTLS, remembering the master keys that libsrtp's sessions are made of."""

    local: Master
    remote: Master
    profile: SRTPProtectionProfile

    def _setup_srtp(self) -> None:
        super()._setup_srtp()
        if self._state is State.FAILED:
            return
        assert self._ssl is not None
        chosen = self._ssl.get_selected_srtp_profile()
        profile = next(p for p in self._srtp_profiles if p.openssl_profile == chosen)
        size = profile.key_length + profile.salt_length
        secret = self._ssl.export_keying_material(EXPORTER, 2 * size)
        server = 1 if self._role == "server" else 0
        self.profile = profile
        self.local = _split(profile, secret, server)
        self.remote = _split(profile, secret, 1 - server)


def _split(profile: SRTPProtectionProfile, secret: bytes, index: int) -> Master:
    both = profile.get_key_and_salt(secret, index)
    return Master(both[: profile.key_length], both[profile.key_length :])


class Dtls:
    """One DTLS association; `on_closed` is called when the peer ends it."""

    def __init__(
        self,
        leg: Datagrams,
        certificate: Certificate,
        on_closed: Callable[[], None],
        *,
        role: str = "server",
        profiles: Sequence[SRTPProtectionProfile] = PROFILES,
    ) -> None:
        self._transport = _Transport(cast(RTCIceTransport, leg), [certificate])
        self._transport._srtp_profiles = list(profiles)
        self._transport._set_role(role)
        self._on_closed = on_closed
        self._transport.on("statechange", self._changed)

    async def handshake(self, fingerprints: Sequence[Fingerprint], timeout: float) -> Security:
        """Shake hands with the peer whose certificate has these fingerprints.

        Raises RemoteTimeoutError after `timeout` seconds, ProtocolError when it fails.
        """
        expected = RTCDtlsParameters(
            [RTCDtlsFingerprint(f.algorithm, f.value) for f in fingerprints]
        )
        try:
            async with asyncio.timeout(timeout):
                await self._transport.start(expected)
        except TimeoutError:
            raise RemoteTimeoutError(
                f"{timeout:g} 秒内 DTLS 没有握手 / no DTLS handshake within {timeout:g} s"
            ) from None
        if self._transport.state != "connected":
            raise ProtocolError("DTLS 握手失败 / the DTLS handshake failed")
        return self._security()

    def _security(self) -> Security:
        transport = self._transport
        is_gcm = transport.profile is not SRTP_AES128_CM_SHA1_80
        return Security(
            profile=transport.profile.openssl_profile.decode(),
            sealer=GcmSealer(transport.local) if is_gcm else CmSealer(transport._tx_srtp),
            remote=transport.remote,
            seal_rtcp=transport._tx_srtp.protect_rtcp,
            _open_rtcp=transport._rx_srtp.unprotect_rtcp,
        )

    async def close(self) -> None:
        """Tell the peer (close_notify) and end aiortc's reading task."""
        self._transport.remove_all_listeners()
        reading = cast(asyncio.Task[None] | None, self._transport._task)
        await self._transport.stop()
        await cancel_and_wait(reading)

    def _changed(self) -> None:
        if self._transport.state == "closed":
            self._on_closed()
