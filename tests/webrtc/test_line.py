"""Frames cut into packets once for all viewers."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from vidgate.model.media import Codec, Frame, Track
from vidgate.rtp.h264 import Depacketiser
from vidgate.rtp.packet import RtpPacket
from vidgate.webrtc.line import BURST, MAX_BATCHES, MAX_PAYLOAD, Line
from vidgate.webrtc.sound import MAX_PACKET, PACKET, Packer

VIDEO = Track(0, Codec.H264, 90000)


def frame(number: int, size: int = 300, *, key: bool = False) -> Frame:
    unit = bytes([0x65 if key else 0x41]) + bytes([number & 0xFF]) * (size - 1)
    return Frame(0, number * 3600, key, (unit,), 100 + number / 25)


def test_batches_are_whole_frames_with_a_marker_at_the_end() -> None:
    line = Line(VIDEO)
    depacketiser = Depacketiser()
    large = frame(0, 120_000, key=True)
    batches = line.cut(large)
    assert len(batches) == -(-len(large.packets or []) // BURST)
    assert [batch.is_first for batch in batches] == [True, False, False]
    assert [batch.is_last for batch in batches] == [False, False, True]
    got = []
    for batch in batches:
        heads = batch.headers(102, 5, batch.timestamp)
        assert max(map(len, batch.payloads)) <= MAX_PAYLOAD
        for place, (head, payload) in enumerate(zip(heads, batch.payloads, strict=True)):
            packet = RtpPacket.parse(head + payload)
            assert packet.sequence == (batch.index + place + 5) & 0xFFFF
            assert packet.payload_type == 102
            assert packet.ssrc == line.ssrc
            got += depacketiser.push(packet)
    assert [units for _, units in got] == [list(large.units)]
    assert [batch.index for batch in batches[1:]] == [batch.end for batch in batches[:-1]]
    assert batches[-1].end == line.next


def test_a_frame_is_packetised_once() -> None:
    shared = frame(0, 5000, key=True)
    first, second = Line(VIDEO), Line(VIDEO)
    (one,), (two,) = first.cut(shared), second.cut(shared)
    assert one.payloads[0] is two.payloads[0]


def test_tiny_pictures_do_not_pile_up() -> None:
    line = Line(VIDEO)
    line.cut(frame(0, 3, key=True))
    for number in range(1, MAX_BATCHES):
        line.cut(frame(number, 3))
    assert line.gop is not None
    for number in range(MAX_BATCHES, 2 * MAX_BATCHES):
        line.cut(frame(number, 3))
        assert len(line.since(0)) <= MAX_BATCHES
    assert line.gop is None, "its key frame is gone: who comes waits for the next"


def test_finds_packets_by_index_while_they_are_kept() -> None:
    line = Line(VIDEO)
    batches = [batch for n in range(200) for batch in line.cut(frame(n, 4000, key=n % 50 == 0))]
    assert line.gop == next(b.index for b in reversed(batches) if b.key)
    for batch in line.since(line.gop):
        for index in range(batch.index, batch.end):
            assert line.at(index) is batch
    assert line.at(line.next) is None
    assert line.at(batches[0].index) is None  # older than a second, and not of this group
    kept = line.since(0)
    assert kept[0].received < batches[-1].received - 0.9
    assert [b.index for b in kept] == [b.index for b in batches[-len(kept) :]]


def test_a_group_that_outgrows_the_bound_is_forgotten() -> None:
    line = Line(VIDEO)
    assert line.cut(frame(0, 100_000, key=True))
    for number in range(1, 120):
        assert line.cut(frame(number, 100_000))
    assert line.gop is None
    assert sum(batch.octets for batch in line.since(0)) <= 8 << 20


def test_the_sender_clock_follows_the_frames() -> None:
    line = Line(VIDEO)
    assert line.timestamp_at(100.0) is None
    for number in range(50):
        assert line.cut(frame(number))
    assert line.timestamp_at(100 + 2.0) == line.offset + 180_000


def test_sound_has_no_marker_and_no_group() -> None:
    line = Line(Track(1, Codec.PCMA, 8000))
    assert line.cut(Frame(1, 0, True, (bytes(160),), 1.0)) == []
    (batch,) = line.cut(Frame(1, 160, True, (bytes(160),), 1.02))
    assert struct.unpack("!BB", batch.headers(8, 0, batch.timestamp)[0][:2]) == (0x80, 8)
    assert (batch.timestamp - line.offset, batch.octets, line.gop) == (0, 320, None)


@given(st.lists(st.tuples(st.integers(1, 3000), st.booleans()), max_size=40))
def test_packer_keeps_every_sample_at_its_time(pieces: list[tuple[int, bool]]) -> None:
    packer = Packer()
    timestamp, sent, got = 0, {}, {}
    for size, gap in pieces:
        timestamp += 1000 if gap else 0
        for packet_start, payload in packer.push(timestamp, bytes(n % 251 for n in range(size))):
            assert len(payload) <= MAX_PACKET
            got.update({packet_start + n: value for n, value in enumerate(payload)})
        sent.update({timestamp + n: n % 251 for n in range(size)})
        timestamp += size
    assert got.items() <= sent.items()
    assert len(sent) - len(got) < PACKET


def test_viewers_of_h265_go_on_within_what_they_were_promised() -> None:
    def of(level: int, idc: int = 1) -> Track:
        sps = bytes((0x42, 1, 1, idc, 0x60, 0, 0, 3, 0)) + bytes(6) + bytes((level,)) + bytes(4)
        return Track(0, Codec.H265, 90000, parameter_sets=(sps,))

    line = Line(of(93))
    assert line.goes_on(of(93))
    assert line.goes_on(of(90))
    assert not line.goes_on(of(120))
    assert not line.goes_on(of(93, 0x21))  # the high tier
    assert not line.goes_on(Track(0, Codec.H265, 90000))
    assert not line.goes_on(Track(0, Codec.H264, 90000))
    assert Line(Track(0, Codec.H264, 90000)).goes_on(Track(0, Codec.H264, 90000, profile="64"))
