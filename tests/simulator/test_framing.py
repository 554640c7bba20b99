from vidgate.rtp.packet import RtpPacket
from vidgate.simulator.framing import EMPTY, Burst, frame_rtcp, make_block


def test_blocks_are_stamped_into_packets() -> None:
    blocks = make_block([b"one", b"two"], 96, ends=False), make_block([b"three"], 96, ends=True)
    burst = Burst(blocks, 65535, 0xFFFFFFFF, 0x01020304)
    packets = [RtpPacket.parse(bytes(packet)) for packet in burst.packets()]
    assert [packet.payload for packet in packets] == [b"one", b"two", b"three"]
    assert [packet.sequence for packet in packets] == [65535, 0, 1]
    assert [packet.marker for packet in packets] == [False, False, True]
    assert {(p.timestamp, p.ssrc, p.payload_type) for p in packets} == {
        (0xFFFFFFFF, 0x01020304, 96)
    }
    assert burst.octets == len(b"onetwothree")


def test_frames_bear_channel_and_length() -> None:
    burst = Burst([make_block([b"abc", b"de"], 8, ends=True)], 1, 2, 3)
    data = bytes(burst.on_channel(5))
    assert data[:4] == b"$\x05\x00\x0f"
    assert data[19:23] == b"$\x05\x00\x0e"
    assert bytes(burst.on_channel(0))[1] == 0


def test_stamping_leaves_the_block_alone() -> None:
    block = make_block([b"abc"], 8, ends=True)
    before = block.data
    Burst([block], 1, 2, 3)
    assert block.data == before
    assert Burst([EMPTY], 1, 2, 3).packets() == []


def test_rtcp_is_framed() -> None:
    assert frame_rtcp(b"report", 3) == b"$\x03\x00\x06report"
