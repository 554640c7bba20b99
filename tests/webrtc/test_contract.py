"""The private names of aiortc and aioice that we rely on; a version without one fails."""

import inspect

import aiortc
from aioice import stun
from aiortc import rtcdtlstransport as dtls

from vidgate.webrtc.fingerprint import SUPPORTED


def test_the_minor_version_is_the_one_we_read() -> None:
    assert aiortc.__version__.startswith("1.16.")


def test_dtls_asks_its_transport_for_three_names() -> None:
    source = inspect.getsource(dtls.RTCDtlsTransport)
    used = {
        word.split("(")[0].split(".")[0]
        for part in source.split("self.transport.")[1:]
        for word in [part.split()[0]]
    }
    assert {name.rstrip(",):") for name in used} == {"_recv", "_send", "role"}


def test_names_that_we_call_or_override() -> None:
    transport = dtls.RTCDtlsTransport
    for name in ("_setup_srtp", "_set_role", "start", "stop", "state"):
        assert hasattr(transport, name)
    source = inspect.getsource(transport)
    for name in ("_ssl", "_srtp_profiles", "_tx_srtp", "_rx_srtp", "_task", "_role", "_state"):
        assert f"self.{name}" in source
    assert list(inspect.signature(dtls.RTCCertificate._create_ssl_context).parameters) == [
        "self",
        "srtp_profiles",
    ]


def test_srtp_profiles_have_the_shape_we_split_keys_by() -> None:
    for profile, key, salt in (
        (dtls.SRTP_AEAD_AES_128_GCM, 16, 12),
        (dtls.SRTP_AEAD_AES_256_GCM, 32, 12),
        (dtls.SRTP_AES128_CM_SHA1_80, 16, 14),
    ):
        assert (profile.key_length, profile.salt_length) == (key, salt)
        secret = bytes(range(2 * (key + salt)))
        both = profile.get_key_and_salt(secret, 1)
        assert both == secret[key : 2 * key] + secret[2 * key + salt :]


def test_fingerprints_that_aiortc_checks_are_those_we_accept() -> None:
    assert set(SUPPORTED) == set(dtls.X509_DIGEST_ALGORITHMS)


def test_stun_signs_and_checks() -> None:
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST, None, {"USERNAME": "a:b"})
    message.add_message_integrity(b"secret")
    parsed = stun.parse_message(bytes(message))
    assert parsed.check_message_integrity(b"secret")
    assert not parsed.check_message_integrity(b"other")
