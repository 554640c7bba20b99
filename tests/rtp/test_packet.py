"""RTP packets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidgate.errors import ProtocolError
from vidgate.rtp.packet import RtpPacket


def test_a_plain_packet() -> None:
    data = bytes.fromhex("80e00001000000640000002a") + b"payload"
    packet = RtpPacket.parse(data)
    assert (packet.payload_type, packet.marker, packet.sequence) == (96, True, 1)
    assert (packet.timestamp, packet.ssrc, packet.payload) == (100, 42, b"payload")
    assert bytes(packet) == data
    assert "7 bytes" in repr(packet)


def test_sources_extension_and_padding() -> None:
    data = bytes.fromhex("b1600001000000640000002a 00000007 abac0001 01020304") + b"xy\0\0\3"
    packet = RtpPacket.parse(data)
    assert packet.csrcs == (7,)
    assert packet.extension == (0xABAC, b"\1\2\3\4")
    assert packet.payload == b"xy"
    assert RtpPacket.parse(bytes(packet)) == packet
    assert packet != "packet"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "80600001",
        "40600001000000640000002a",  # version 1
        "81600001000000640000002a",  # a source that is not there
        "90600001000000640000002a",  # an extension that is not there
        "90600001000000640000002aabac0002ffffffff",  # shorter than it says
        "a0600001000000640000002a00",  # padding of no byte
        "a0600001000000640000002a09",  # padding longer than the packet
    ],
)
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(ProtocolError):
        RtpPacket.parse(bytes.fromhex(text))


def test_an_extension_is_whole_words() -> None:
    packet = RtpPacket()
    packet.extension = 0, b"abc"
    with pytest.raises(ValueError, match="words"):
        bytes(packet)


@given(
    st.integers(0, 127),
    st.booleans(),
    st.integers(0, 65535),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.binary(max_size=50),
    st.lists(st.integers(0, 2**32 - 1), max_size=15),
)
def test_round_trip(
    kind: int, marker: bool, seq: int, time: int, ssrc: int, payload: bytes, csrcs: list[int]
) -> None:
    packet = RtpPacket(kind, marker, seq, time, ssrc, payload)
    packet.csrcs = tuple(csrcs)
    assert RtpPacket.parse(bytes(packet)) == packet


@given(st.binary(max_size=80))
def test_any_bytes_parse_or_are_refused(data: bytes) -> None:
    try:
        packet = RtpPacket.parse(b"\xb0" + data)
    except ProtocolError:
        return
    assert 12 + len(packet.payload) <= 1 + len(data)
