"""What both picture formats share; the behaviour itself is tested with H.264."""

from tests.rtp.packets import inter, packets
from vidgate.rtp.assembler import MAX_LOOSE_UNITS, MAX_UNITS
from vidgate.rtp.h264 import Depacketiser
from vidgate.rtp.packet import RtpPacket


def test_units_without_a_picture_do_not_pile_up() -> None:
    depacketiser = Depacketiser()
    for number in range(100):
        depacketiser.push(RtpPacket(96, True, number, number, 0, b"\x06sei"))
    (unit,) = depacketiser.push(RtpPacket(96, True, 100, 100, 0, inter()[0]))
    assert len(unit[1]) <= MAX_LOOSE_UNITS + 1


def test_a_picture_of_thousands_of_units_is_none() -> None:
    depacketiser = Depacketiser()
    crowd = b"\x18" + (MAX_UNITS + 1) * b"\0\3\x41\x9a\x01"
    assert depacketiser.push(RtpPacket(96, True, 0, 0, 0, crowd)) == []
    (unit,) = depacketiser.push(RtpPacket(96, True, 1, 1, 0, inter()[0]))
    assert (unit[1], depacketiser.damaged) == (inter(), 1)


def test_the_sequence_may_wrap() -> None:
    depacketiser = Depacketiser()
    for packet in packets([inter()] * 10, first=65530):
        depacketiser.push(packet)
    assert depacketiser.lost == 0


def test_flush_of_nothing() -> None:
    assert Depacketiser().flush() == []
