"""SRTP against libsrtp, which somebody else wrote."""

import os
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pylibsrtp import Policy, Session

from vidgate.webrtc.srtp import GcmOpener, GcmSealer, Master, derive, nearest

PROFILES = {16: Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 32: Policy.SRTP_PROFILE_AEAD_AES_256_GCM}


def session(master: Master, direction: int) -> Session:
    policy = Policy(
        key=master.key + master.salt,
        ssrc_type=direction,
        srtp_profile=PROFILES[len(master.key)],
    )
    policy.allow_repeat_tx = True
    policy.window_size = 1024
    return Session(policy)


def header(sequence: int, ssrc: int) -> bytes:
    return struct.pack("!BBHII", 0x80, 0x80 | 103, sequence & 0xFFFF, 90000, ssrc)


def test_derivation_of_the_rfc() -> None:
    """RFC 3711 B.3, the published vectors."""
    master = Master(
        bytes.fromhex("E1F97A0D3E018BE0D64FA32C06DE4139"),
        bytes.fromhex("0EC675AD498AFEEBB6960B3AABE6"),
    )
    assert derive(master, 0, 16).hex().upper() == "C61E7A93744F39EE10734AFE3FF7A087"
    assert derive(master, 2, 14).hex().upper() == "30CBBC08863D8C85D49DB34A9AE1"


@pytest.mark.parametrize("size", [16, 32])
def test_equals_libsrtp_across_a_rollover(size: int) -> None:
    master = Master(os.urandom(size), os.urandom(12))
    theirs = session(master, Policy.SSRC_ANY_OUTBOUND)
    ours = GcmSealer(master)
    ssrc, first = 0x89ABCDEF, 32000
    payload = os.urandom(333)
    for index in (*range(first, first + 3), *range(65000, 65540, 20), 65540, 98000, 130000, 131073):
        head = header(index, ssrc)
        assert ours.seal(ssrc, index, [head], [payload]) == [theirs.protect(head + payload)]


def test_seals_several_packets_at_consecutive_indexes() -> None:
    master = Master(os.urandom(16), os.urandom(12))
    receiver = session(master, Policy.SSRC_ANY_INBOUND)
    heads = [header(65534 + n, 7) for n in range(4)]
    # Before the rollover something must have been received, else the receiver guesses ROC 0.
    receiver.unprotect(GcmSealer(master).seal(7, 32767, [header(32767, 7)], [b"first"])[0])
    receiver.unprotect(GcmSealer(master).seal(7, 65000, [header(65000, 7)], [b"first"])[0])
    sealed = GcmSealer(master).seal(7, 65534, heads, [b"a", b"bb", b"ccc", b"dddd"])
    assert [receiver.unprotect(packet)[12:] for packet in sealed] == [b"a", b"bb", b"ccc", b"dddd"]


def test_opener_reads_libsrtp_and_refuses_forgeries() -> None:
    master = Master(os.urandom(16), os.urandom(12))
    sender, opener = session(master, Policy.SSRC_ANY_OUTBOUND), GcmOpener(master)
    for index in (1000, 1001, 33000, 65535, 65536, 65537):
        sealed = sender.protect(header(index, 5) + b"payload")
        assert opener.open(sealed) == (index, b"payload")
    forged = bytearray(sender.protect(header(65538, 5) + b"payload"))
    forged[-1] ^= 1
    assert opener.open(bytes(forged)) is None
    assert opener.open(b"\x80") is None


@given(st.integers(0, 1 << 40), st.integers(-0x8000, 0x7FFF))
def test_nearest_finds_the_index_again(index: int, step: int) -> None:
    assert nearest(index, (index + step) & 0xFFFF) == index + step
