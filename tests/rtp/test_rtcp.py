"""RTCP."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rtp.work import lines
from vidgate.rtp.rtcp import (
    BYE,
    MAX_LOST,
    MAX_PACKETS,
    Bye,
    Fir,
    Nack,
    Pli,
    ReceiverReport,
    ReportBlock,
    Rtcp,
    Sdes,
    SenderReport,
    is_rtcp,
    middle,
    ntp_from_unix,
    parse_compound,
    unix_from_ntp,
)

BLOCK = ReportBlock(7, 128, -3, 70000, 9, 0x12345678, 65536)


@pytest.mark.parametrize(
    "packet",
    [
        SenderReport(1, 0x83AA7E80_80000000, 90000, 10, 1000, (BLOCK,)),
        SenderReport(1, 2, 3),
        ReceiverReport(1, (BLOCK, BLOCK)),
        ReceiverReport(1),
        Sdes(((1, "vidgate"), (2, "名字"))),
        Sdes(((1, ""),)),
        Bye((1, 2)),
        Nack(1, 2, (5, 6, 21, 22, 65535, 0)),
        Pli(1, 2),
        Fir(1, ((2, 3), (4, 5))),
    ],
)
def test_round_trip(packet: Rtcp) -> None:
    data = bytes(packet)
    assert len(data) % 4 == 0
    assert is_rtcp(data)
    assert parse_compound(data + data) == [packet, packet]


def test_a_nack_packs_sixteen_followers() -> None:
    assert len(bytes(Nack(1, 2, tuple(range(100, 117))))) == 16
    assert len(bytes(Nack(1, 2, tuple(range(100, 118))))) == 20


def test_a_report_that_promises_too_many_blocks_is_cut() -> None:
    data = bytearray(bytes(ReceiverReport(1, (BLOCK,))))
    data[0] = 0x80 | 9
    assert parse_compound(bytes(data)) == [ReceiverReport(1, (BLOCK,))]


def test_what_cannot_be_read_is_left_out() -> None:
    good = bytes(Pli(1, 2))
    unknown = b"\x80\xcc\x00\x00"  # APP
    short = b"\x81\xce\x00\x00"  # PLI without a body
    assert parse_compound(unknown + short + good + b"\x80") == [Pli(1, 2)]
    assert parse_compound(b"\x80\xc8\xff\xff" + good) == []
    assert parse_compound(b"\x00" * 8 + good) == []
    assert not is_rtcp(b"\x80\x60\x00\x00")


def test_what_fits_no_datagram_is_not_read() -> None:
    many = bytes(Pli(1, 2)) * 1000
    assert parse_compound(many) == [Pli(1, 2)] * MAX_PACKETS
    assert parse_compound(bytes(Pli(1, 2)) + bytes(Nack(1, 2, tuple(range(0, 9000, 20))))) == [
        Pli(1, 2)
    ]


def test_of_losses_without_end_the_first_are_read() -> None:
    lost = tuple(range(600))
    for compound in (bytes(Nack(1, 2, lost)), bytes(Nack(1, 2, lost[:300])) * 2):
        found = [number for nack in parse_compound(compound) for number in named(nack)]
        assert len(found) == MAX_LOST
        assert found[:300] == list(lost[:300])
    assert parse_compound(bytes(Nack(1, 2, lost)) + bytes(Pli(1, 2)))[1] == Pli(1, 2)


def named(packet: Rtcp) -> tuple[int, ...]:
    assert isinstance(packet, Nack)
    return packet.lost


def test_padding_is_dropped() -> None:
    padded = b"\xa1\xcb\x00\x02" + b"\0\0\0\7" + b"\0\0\0\4"
    assert parse_compound(padded) == [Bye((7,))]


def test_types_that_are_not_wanted_are_left_folded() -> None:
    nack = bytes(Nack(1, 2, tuple(range(6000))))
    whole = bytes(Pli(1, 2)) + nack + bytes(Bye((7,)))
    assert parse_compound(whole, {BYE}) == [Bye((7,))]
    assert lines(lambda: parse_compound(nack, {BYE})) < 30


def test_ntp() -> None:
    assert ntp_from_unix(0.5) == (2_208_988_800 << 32) + (1 << 31)
    assert unix_from_ntp(ntp_from_unix(1_700_000_000.25)) == 1_700_000_000.25
    assert middle(0x1122334455667788) == 0x33445566


@given(st.binary(max_size=120))
def test_nothing_raises(data: bytes) -> None:
    for first in (b"\x81\xc8", b"\x81\xca", b"\x81\xcd", b"\x84\xce", b"\xa3\xcb"):
        for words in (len(data), len(data) // 4):
            found = parse_compound(first + words.to_bytes(2, "big") + data)
            assert len(found) <= 1 + len(data) // 4, "each has a header of its own"


@given(st.sets(st.integers(0, 65535), max_size=60))
def test_every_lost_number_is_named(lost: set[int]) -> None:
    (parsed,) = parse_compound(bytes(Nack(1, 2, tuple(sorted(lost)))) if lost else bytes(Pli(1, 2)))
    if lost:
        assert isinstance(parsed, Nack)
        assert set(parsed.lost) == lost


def test_a_name_without_its_end_hanwha() -> None:
    """The item list of its SDES ends with the packet, without the zero of RFC 3550 6.5."""
    report = bytes.fromhex("80c80006000b7fd51234567890abcdef0000d4500000000100000004")
    name = bytes.fromhex("81ca0003112233440106") + b"camera"
    sender = SenderReport(0xB7FD5, 0x1234567890ABCDEF, 54352, 1, 4)
    assert parse_compound(report + name) == [sender, Sdes(((0x11223344, "camera"),))]
