"""Connectivity checks against aioice, which somebody else wrote, and the RFC's own vector."""

import struct
from typing import Any

import pytest
from aioice import stun
from hypothesis import given
from hypothesis import strategies as st

from tests.rtp.work import lines
from vidgate.webrtc.checks import MAX_ATTRIBUTES, MAX_CHECK, Check, read_check

PASSWORD = b"VOkJxbRl1RmTxUk/WvJxBt"
# RFC 5769 2.1: SOFTWARE, PRIORITY, ICE-CONTROLLED, USERNAME padded with spaces, both sums.
VECTOR = bytes.fromhex(
    "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74"
    "002400046e0001ff80290008932ff9b151263b36000600096576746a3a68367659202020"
    "000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf"
)
CHARACTERS = st.text("abcXYZ019+/", min_size=4, max_size=256)


def made(attributes: dict[str, Any], password: bytes = PASSWORD) -> bytes:
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST, None, attributes)
    message.add_message_integrity(password)
    return bytes(message)


def read(data: bytes) -> Check:
    check = read_check(data)
    assert check is not None
    return check


def test_the_request_of_the_rfc() -> None:
    check = read(VECTOR)
    assert check.ufrag == "evtj"
    assert check.is_signed_with(PASSWORD)
    assert not check.is_signed_with(PASSWORD + b"x")
    assert not check.nominates


@given(CHARACTERS, st.permutations(["USERNAME", "PRIORITY", "ICE-CONTROLLING", "USE-CANDIDATE"]))
def test_reads_what_a_full_agent_sends(theirs: str, order: list[str]) -> None:
    values = {
        "USERNAME": f"0123abcd:{theirs}",
        "PRIORITY": 1,
        "ICE-CONTROLLING": 1 << 60,
        "USE-CANDIDATE": None,
    }
    data = made({name: values[name] for name in order})
    check = read(data)
    assert (check.ufrag, check.nominates) == ("0123abcd", True)
    assert check.is_signed_with(PASSWORD)
    assert len(data) <= MAX_CHECK - 128, "no room is left for a browser's own attributes"


@given(st.integers(0, len(VECTOR) - 9), st.integers(1, 255))
def test_no_signed_byte_may_be_another(place: int, change: int) -> None:
    altered = bytearray(VECTOR)
    altered[place] ^= change
    check = read_check(bytes(altered))
    assert check is None or not check.is_signed_with(PASSWORD)


@pytest.mark.parametrize("host", ["192.0.2.77", "127.0.0.1", "2001:db8::1", "fe80::1"])
@pytest.mark.parametrize("port", [1, 50_000, 65_535])
def test_the_answer_is_what_aioice_understands(host: str, port: int) -> None:
    answer = stun.parse_message(read(VECTOR).answer(host, port, PASSWORD))
    assert answer.message_class is stun.Class.RESPONSE
    assert answer.message_method is stun.Method.BINDING
    assert answer.transaction_id == VECTOR[8:20]
    assert answer.attributes["XOR-MAPPED-ADDRESS"] == (host, port)
    assert answer.check_message_integrity(PASSWORD)
    assert "FINGERPRINT" in answer.attributes


def filled(attribute: bytes, size: int, head: int = 1) -> bytes:
    """A message of at most `size` bytes, full of one attribute."""
    body = attribute * ((size - 20) // len(attribute))
    return struct.pack("!HHI12s", head, len(body), stun.COOKIE, bytes(12)) + body


ATTRIBUTES = {
    "mapped addresses": struct.pack("!HHBBHI", 0x20, 8, 0, 1, 5, 7),
    "mapped addresses of IPv6": struct.pack("!HHBBH", 0x20, 20, 0, 2, 5) + bytes(16),
    "names": struct.pack("!HH", 6, 1) + b"a\0\0\0",
    "unknown attributes": struct.pack("!HH", 0x7001, 0),
    "errors": struct.pack("!HH", 9, 4) + b"\0\0\4\0",
    "nominations": struct.pack("!HH", 0x25, 0),
}


@pytest.mark.parametrize("size", [MAX_CHECK, 1388, 2048])
@pytest.mark.parametrize("name", ATTRIBUTES)
@pytest.mark.parametrize("head", [0x0001, 0x0101, 0x0111, 0x0011, 0x0003])
def test_what_is_full_of_attributes_is_cheaply_refused(name: str, size: int, head: int) -> None:
    data = filled(ATTRIBUTES[name], size, head)
    assert read_check(data) is None
    assert lines(lambda: read_check(data)) <= 12 * (MAX_ATTRIBUTES + 2)


def test_longer_than_any_check_is_none() -> None:
    def padded(size: int) -> bytes:
        return made({"USERNAME": "a:b", "DATA": bytes(size)})

    spare = MAX_CHECK - len(padded(0))
    assert read(padded(spare)).is_signed_with(PASSWORD)
    assert read_check(padded(spare + 4)) is None


@given(st.binary(max_size=80), st.binary(max_size=4))
def test_attributes_of_any_kind_raise_nothing(attributes: bytes, start: bytes) -> None:
    head = struct.pack("!HHI12s", 1, len(attributes), stun.COOKIE, bytes(12))
    for data in (head + attributes, start + (head + attributes)[4:], attributes):
        check = read_check(data)
        assert check is None or not check.is_signed_with(PASSWORD)
