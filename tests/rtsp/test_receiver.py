"""One track's packets on their way to frames."""

import pytest

from tests.rtp.packets import PPS, SPS, inter, key, packets
from tests.rtp.test_h265 import IDR, TRAIL, fragments
from tests.rtp.test_h265 import SPS as SPS5
from vidgate.model.media import Codec, Frame
from vidgate.rtp.packet import RtpPacket
from vidgate.rtp.replay import ReplayStamp
from vidgate.rtp.rtcp import Bye, Pli, ReceiverReport, SenderReport, ntp_from_unix, parse_compound
from vidgate.rtsp.receiver import HELD, MAX_SET, UNITS_EACH, ParameterSets, TrackReceiver
from vidgate.rtsp.tracks import Offer
from vidgate.wire.sdp import Media


class Track:
    """A receiver and what came out of it."""

    def __init__(self, codec: Codec = Codec.H264, payload_type: int = 96) -> None:
        self.frames: list[Frame] = []
        self.missed: list[int] = []  # how many frames had come when pictures were told as lost
        self.asked = 0  # the source that was asked for a key frame last
        self.now = 10.0
        rate = 90000 if codec.is_video else 8000
        offer = Offer(Media(), payload_type, codec, rate)
        self.receiver = TrackReceiver(
            0, offer, lambda: self.now, self.frames.append, self._note_missed
        )

    def _note_missed(self) -> None:
        self.missed.append(len(self.frames))
        _, asked = parse_compound(self.receiver.picture_loss())
        assert isinstance(asked, Pli)
        self.asked = asked.media

    @property
    def shown(self) -> list[int]:
        """The pictures that came, by their number."""
        return [frame.timestamp // 3600 for frame in self.frames]

    def take(self, made: list[RtpPacket]) -> None:
        for packet in made:
            self.receiver.rtp(bytes(packet))


def test_frames_carry_time_key_and_sets() -> None:
    track = Track()
    track.take(packets([key(), inter()]))
    first, second = track.frames
    assert (first.key, second.key) == (True, False)
    assert first.units == tuple(key())
    assert (first.timestamp, second.timestamp, first.received) == (0, 3600, 10.0)
    assert track.receiver.sets.units == (SPS, PPS)
    assert track.receiver.first_packet == track.receiver.last_frame == 10.0


def test_pictures_begin_with_a_key_frame() -> None:
    track = Track()
    track.take(packets([inter(), inter(), key(), inter()]))
    assert [frame.timestamp for frame in track.frames] == [7200, 10800]


def without(made: list[RtpPacket], picture: int, piece: int = -1) -> list[RtpPacket]:
    """The packets without one piece of a picture, both counted from 0."""
    del made[[i for i, packet in enumerate(made) if packet.timestamp == picture * 3600][piece]]
    return made


@pytest.mark.parametrize("size", [300, 3000])  # lost as a whole, and a piece of it
def test_a_lost_picture_is_told_before_the_next_one_which_is_given_out(size: int) -> None:
    track = Track()
    track.take(without(packets([key(), inter(), inter(size), inter(), inter()]), 2))
    assert (track.shown, track.missed) == ([0, 1, 3, 4], [2])


@pytest.mark.parametrize("piece", [1, 2, -1])
def test_what_refers_to_a_lost_key_frame_is_held_back_until_the_next(piece: int) -> None:
    track = Track()
    made = packets([key(), inter(), key(), inter(), inter(), key(), inter()])
    track.take(without(made, 2, piece))
    assert track.shown == [0, 1, 5, 6]
    assert track.missed[:2] == [2, 2], "asked for again while pictures are held back"


def test_of_h265_too() -> None:
    track = Track(Codec.H265)
    payloads = [fragments(IDR), [TRAIL], fragments(IDR), [TRAIL], [TRAIL]]
    made = [
        RtpPacket(96, piece == pieces[-1], 0, number * 3600, 7, piece)
        for number, pieces in enumerate(payloads)
        for piece in pieces
    ]
    for sequence, packet in enumerate(made):
        packet.sequence = sequence
    track.take(without(made, 2, 1))
    assert track.shown == [0, 1]


def test_a_picture_with_faults_is_better_than_none_for_long() -> None:
    track = Track()
    made = without(packets([key(), inter(), key(), *[inter()] * 60]), 2)
    for packet in made:
        track.now = 10.0 + packet.timestamp / 90000
        track.take([packet])
    assert track.shown[:2] == [0, 1]
    first, *rest = track.shown[2:]
    assert (first - 3) / 25 == pytest.approx(HELD, abs=0.05)
    assert rest == list(range(first + 1, 63))


def test_what_was_shown_with_faults_still_waits_for_a_key_frame_the_next_time() -> None:
    track = Track()
    made = without(packets([key(), inter(), key(), inter(), inter(), inter()]), 2)
    track.take(made[:-2])
    track.now += HELD
    track.take([made[-2]])
    assert track.shown == [0, 1, 4]
    track.receiver.wait_for_key()
    track.take([made[-1]])
    assert track.shown == [0, 1, 4]


def test_another_key_frame_in_time_is_no_reason_to_hold_pictures_back() -> None:
    track = Track()
    track.take(without(packets([key(), inter(), key(), key(), inter()]), 2))
    assert (track.shown, track.missed) == ([0, 1, 3, 4], [])


def test_a_new_source_that_begins_with_a_key_frame_has_lost_nothing() -> None:
    track = Track()
    track.take(without(packets([key(), inter(), inter(), inter()]), 1))
    track.take(packets([key(), inter()], ssrc=9))
    assert (len(track.frames), track.missed) == (5, [1])


def test_missing_sets_are_put_before_a_key_frame() -> None:
    track = Track()
    track.receiver.sets.learn((SPS, PPS))
    idr = key()[2:]
    track.take(packets([idr, [SPS, *idr], [b"\x06sei", *idr]]))
    assert track.frames[0].units == (SPS, PPS, *idr)
    assert track.frames[1].units == (PPS, SPS, *idr)
    assert track.frames[2].units == (SPS, PPS, b"\x06sei", *idr)


def test_a_set_that_is_none_by_its_size_is_not_put_before_each_key_frame() -> None:
    sets = ParameterSets(Codec.H264, ())
    sets.learn((SPS + bytes(MAX_SET), PPS))
    assert sets.units == (PPS,)


def test_timestamps_do_not_wrap() -> None:
    track = Track()
    made = packets([key(), inter()])
    for packet in made:
        packet.timestamp = (packet.timestamp + 2**32 - 1800) % 2**32
    track.take(made)
    assert track.frames[1].timestamp - track.frames[0].timestamp == 3600


def test_foreign_types_and_nonsense_are_ignored() -> None:
    track = Track()
    track.receiver.rtp(b"short")
    track.receiver.rtp(bytes(RtpPacket(payload_type=50)))
    odd = RtpPacket(payload_type=50)
    odd.csrcs = (1,)
    track.receiver.rtp(bytes(odd))
    assert (track.receiver.ignored, track.receiver.packets) == (3, 0)


def test_header_extensions_do_not_matter() -> None:
    track = Track()
    made = packets([key()])
    for packet in made:
        packet.extension = 0xABAC, bytes(12)
    track.take(made)
    assert track.frames[0].units == tuple(key())


def test_a_new_ssrc_starts_over() -> None:
    track = Track()
    track.take(packets([key()])[:-1])
    track.take(packets([key(), inter()], ssrc=8, first=500))
    assert len(track.frames) == 2
    assert track.receiver.lost == 0


def test_a_new_ssrc_waits_for_a_key_frame() -> None:
    track = Track()
    track.take(packets([key(), inter()]))
    track.take(packets([*[inter()] * 5, key(), inter()], ssrc=99, first=1000))
    assert [frame.key for frame in track.frames] == [True, False, True, False]
    assert (track.missed, track.asked) == ([2] * 5, 99), "a key frame is asked for meanwhile"


@pytest.mark.parametrize("is_udp", [False, True])
def test_foreign_types_leave_no_holes_where_all_are_counted_together(is_udp: bool) -> None:
    track = Track()
    if is_udp:
        track.receiver.use_udp()
    numbers = range(2**16 - 9, 2**16 + 41)
    made: list[RtpPacket] = []
    for place, sequence in enumerate(numbers):
        (one,) = packets([inter()]) if place else packets([[*key()[:2], key(100)[2]]])
        one.sequence, one.timestamp = 2 * sequence & 0xFFFF, 3600 * place
        made += [one, RtpPacket(112, True, 2 * sequence + 1 & 0xFFFF, 5, 7, b"metadata")]
    if is_udp:
        made[10], made[11] = made[11], made[10]
    track.take(made)
    assert track.shown == list(range(50))
    assert (track.missed, track.receiver.lost, track.receiver.ignored) == ([], 0, 50)


@pytest.mark.parametrize("is_udp", [False, True])
def test_foreign_types_with_numbers_of_their_own_leave_none_either(is_udp: bool) -> None:
    track = Track()
    if is_udp:
        track.receiver.use_udp()
    for place, packet in enumerate(packets([key(100), *[inter()] * 9], first=5000)):
        track.take([packet, RtpPacket(112, True, place, 5, 7, b"metadata")])
    assert (track.shown, track.missed, track.receiver.lost) == (list(range(10)), [], 0)


@pytest.mark.parametrize("is_udp", [False, True])
def test_foreign_types_are_no_lost_sound(is_udp: bool) -> None:
    """Telephone events and comfort noise are counted among the sound (RFC 4733 2.1)."""
    track = Track(Codec.PCMA, 8)
    if is_udp:
        track.receiver.use_udp()
    for number in range(0, 40, 2):
        sound = RtpPacket(8, False, number, 160 * number, 7, bytes(160))
        track.take([sound, RtpPacket(101, False, number + 1, 160 * number, 7, b"event")])
    assert (len(track.frames), track.receiver.lost, track.receiver.ignored) == (20, 0, 20)


@pytest.mark.parametrize("burst", [1, 2, 5, 20])
@pytest.mark.parametrize("is_udp", [False, True])
def test_two_sources_by_turns_leave_a_picture(burst: int, is_udp: bool) -> None:
    """One may take the place of the other once, for it might have begun anew; no more."""
    track = Track()
    if is_udp:
        track.receiver.use_udp()
    one = packets([key(), *[inter()] * 9] * 9, ssrc=7)
    other = packets([key(), *[inter()] * 9] * 9, ssrc=9, first=500)
    pieces = [each[at : at + burst] for at in range(0, len(one), burst) for each in (one, other)]
    for number, piece in enumerate(pieces):
        track.now = 10 + number * 0.04
        track.take(piece)
    assert len(track.frames) >= 80
    assert track.receiver.damaged == 0
    stray = len(one) + len(other) - track.receiver.packets
    assert 0 <= stray - track.receiver.ignored <= 3


def test_few_packets_that_stray_in_end_no_picture() -> None:
    track = Track()
    made = packets([key(), *[inter()] * 5])
    strays = packets([key()], ssrc=9)
    track.take([*made[:2], *strays[:2], *made[2:6], strays[0], strays[2], strays[4], *made[6:]])
    assert len(track.frames) == 6
    assert track.receiver.lost == 0


def test_a_new_ssrc_that_begins_out_of_order_is_taken() -> None:
    track = Track()
    track.receiver.use_udp()
    track.take(packets([key()]))
    made = packets([*[inter()] * 4, key(), inter()], ssrc=9, first=0xFFFE)
    track.take([made[1], made[0], *made[2:]])
    assert [frame.key for frame in track.frames] == [True, True, False]


def test_who_was_heard_before_comes_back_when_the_other_is_silent() -> None:
    """A camera that has one encoder for the day and one for the night."""
    track = Track()
    day, night = packets([key(), *[inter()] * 99]), packets([key(), inter()], ssrc=9)
    track.take(day[:10])
    track.take(night)
    frames = len(track.frames)
    for number, packet in enumerate(day[10:80]):
        track.now = 10 + number * 0.04
        track.take([packet])
    assert len(track.frames) == frames
    track.take(packets([key(), inter()], first=80))
    assert [frame.key for frame in track.frames[frames:]] == [True, False]


def test_sound_of_a_new_ssrc_goes_on() -> None:
    track = Track(Codec.PCMA, 8)
    for ssrc in (5, 6):
        track.take([RtpPacket(8, False, n, 160 * n, ssrc, b"a" * 160) for n in range(4)])
    assert len(track.frames) == 8


def test_udp_is_put_in_order() -> None:
    track = Track()
    track.receiver.use_udp()
    made = packets([key(5000)])
    made[1], made[2] = made[2], made[1]
    track.take(made)
    assert track.frames[0].units == tuple(key(5000))
    track.take(packets([key()], ssrc=8))
    assert len(track.frames) == 2


def test_sound_needs_no_key() -> None:
    track = Track(Codec.PCMA, 8)
    track.take([RtpPacket(8, False, 1, 160, 5, b"a" * 160)])
    (frame,) = track.frames
    assert frame.key
    assert frame.units == (b"a" * 160,)
    assert track.receiver.damaged == 0


def test_h265() -> None:
    track = Track(Codec.H265)
    track.receiver.rtp(bytes(RtpPacket(96, True, 0, 0, 1, TRAIL)))
    track.receiver.rtp(bytes(RtpPacket(96, False, 1, 1, 1, SPS5)))
    track.receiver.rtp(bytes(RtpPacket(96, True, 2, 1, 1, IDR)))
    (frame,) = track.frames
    assert frame.key
    assert frame.units == (SPS5, IDR)
    assert not track.receiver.sets.is_complete


def test_reports() -> None:
    track = Track()
    assert parse_compound(track.receiver.report(10.0))[0] == ReceiverReport(0x76696467)
    assert track.receiver.picture_loss() == b""
    track.take(packets([key()]))
    track.receiver.rtcp(bytes(SenderReport(7, ntp_from_unix(1.0), 0)))
    track.receiver.rtcp(bytes(SenderReport(99, 0, 0)))
    track.receiver.rtcp(b"nonsense")
    report = parse_compound(track.receiver.report(11.0))[0]
    assert isinstance(report, ReceiverReport)
    assert (report.reports[0].ssrc, report.reports[0].dlsr) == (7, 65536)
    assert parse_compound(track.receiver.picture_loss())[1] == Pli(0x76696467, 7)
    track.receiver.rtcp(bytes(Bye((7,))))
    assert track.receiver.ended


def test_work_is_told_by_units_and_frames() -> None:
    track = Track()
    track.receiver.use_udp()
    track.take(packets([key(), inter()]))
    first = track.receiver.work
    assert first == 2 * UNITS_EACH + 4
    many = b"\x18" + b"\0\3\x41\x9a\1" * 100
    track.take([RtpPacket(96, True, len(packets([key(), inter()])), 9000, 7, many)])
    assert track.receiver.work - first == UNITS_EACH + 100


def test_the_time_in_its_packets_tells_the_clock_until_a_report_comes() -> None:
    for codec in (Codec.H264, Codec.H265):
        track = Track(codec)
        assert track.receiver.clock(1e9) == (None, "")
        payload = {Codec.H264: b"\x41picture", Codec.H265: TRAIL}[codec]
        for number, told in enumerate((1e9 + 40, 1e9 + 41)):
            packet = RtpPacket(96, True, number, 3600 * number, 7, payload)
            packet.extension = ReplayStamp(told).extension()
            track.now = 10.0 + number
            track.take([packet])
            assert track.receiver.clock(1e9) == (30.0, "extension")
        track.receiver.rtcp(bytes(SenderReport(7, ntp_from_unix(1e9 + 43), 0)))
        assert track.receiver.clock(1e9) == (32.0, "sr")


def test_only_the_first_set_of_a_kind_in_a_frame_counts() -> None:
    sets = ParameterSets(Codec.H264, ())
    assert not sets.is_complete
    assert sets.learn((SPS, b"\x67other", PPS, b"\x41x")) == {7, 8}
    assert sets.units == (SPS, PPS)
    assert sets.is_complete
