import av
import numpy as np
import pytest

from vidgate.rtp.audio import alaw_decode
from vidgate.rtp.h264 import Depacketiser
from vidgate.rtp.packet import RtpPacket
from vidgate.rtp.rtcp import Sdes, SenderReport, parse_compound, unix_from_ntp
from vidgate.simulator.camera import (
    REPORT_EVERY,
    VIDEO_STEP,
    Camera,
    LiveStream,
)
from vidgate.simulator.coded import Strip, read_strip, tone_of
from vidgate.simulator.faults import parse_fault
from vidgate.simulator.footage import Footage, make_footage
from vidgate.simulator.framing import Burst
from vidgate.simulator.manner import Sound
from vidgate.simulator.pictures import LOOP, Recipe, encode
from vidgate.simulator.sound import SOUND_STEP, g711_tone
from vidgate.simulator.ticker import Ticking
from vidgate.simulator.usage import Usage

START = b"\x00\x00\x00\x01"
RECIPE = Recipe("h264", 704, 576, 800_000)


@pytest.fixture(scope="module")
def footage() -> Footage:
    return make_footage(RECIPE, encode(RECIPE))


class HandTimer:
    """A timer that the test turns by hand."""

    seconds = 0.0

    def __init__(self) -> None:
        self.members: list[Ticking] = []

    def add(self, member: Ticking, slot: int) -> None:
        self.members.append(member)

    def remove(self, member: Ticking, slot: int) -> None:
        self.members.remove(member)


class Listener:
    """A player that keeps what it gets."""

    def __init__(self, *, wants_sound: bool = False) -> None:
        self.wants_sound = wants_sound
        self.video: list[RtpPacket] = []
        self.sound: list[RtpPacket] = []
        self.reports: list[tuple[bytes, bytes]] = []
        self.cuts = 0

    def deliver(self, video: Burst, sound: Burst | None) -> None:
        self.video += [RtpPacket.parse(bytes(packet)) for packet in video.packets()]
        if sound is not None:
            self.sound += [RtpPacket.parse(bytes(packet)) for packet in sound.packets()]

    def report(self, video: bytes, sound: bytes) -> None:
        self.reports.append((video, sound))

    def cut(self) -> None:
        self.cuts += 1

    def freeze(self) -> None:
        pass

    def strips(self) -> list[Strip | None]:
        depacketiser, context = Depacketiser(), av.CodecContext.create("h264", "r")
        units = [unit for packet in self.video for unit in depacketiser.push(packet)]
        assert depacketiser.lost == depacketiser.ignored == 0
        first = next(at for at, unit in enumerate(units) if any(n[0] & 31 == 5 for n in unit[1]))
        packets = [av.Packet(START + START.join(nals)) for _, nals in units[first:]]
        pictures = [p for packet in (*packets, None) for p in context.decode(packet)]
        return [read_strip(p.to_ndarray()[: p.height].astype(np.uint8)) for p in pictures]


def camera(number: int = 1) -> Camera:
    return Camera(f"c{number}", number, "127.0.0.1", "", None, "h264", Usage(), Usage())


def stream(footage: Footage, number: int = 1) -> LiveStream:
    return LiveStream(camera(number), footage, HandTimer(), 1_000_000.0)


def test_three_loops_read_back_without_a_gap(footage: Footage) -> None:
    live, listener = stream(footage, 50), Listener()  # 50 x 37 is whole loops: key at picture 0
    live.add(listener)
    for index in range(100, 100 + 3 * LOOP):
        live.tick(index)
    assert listener.strips() == [Strip(50, index) for index in range(100, 100 + 3 * LOOP)]
    sequences = [packet.sequence for packet in listener.video]
    assert sequences == [(sequences[0] + at) & 0xFFFF for at in range(len(sequences))]
    stamps = sorted({packet.timestamp for packet in listener.video}, key=lambda t: t)
    assert {b - a for a, b in zip(stamps, stamps[1:], strict=False)} <= {VIDEO_STEP}


def test_key_frames_of_cameras_come_at_different_times(footage: Footage) -> None:
    firsts = set()
    for number in range(1, LOOP + 1):
        live, listener = stream(footage, number), Listener()
        live.add(listener)
        live.tick(0)
        firsts.add(any(packet.payload[1] & 31 == 5 for packet in listener.video))  # FU-A of IDR
    assert firsts == {True, False}


def test_players_share_one_stream(footage: Footage) -> None:
    live, first, second = stream(footage), Listener(), Listener(wants_sound=True)
    live.add(first)
    live.tick(0)
    live.add(second)
    live.tick(1)
    late = len(second.video)
    assert late
    assert [bytes(packet) for packet in first.video[-late:]] == [bytes(p) for p in second.video]
    assert second.sound
    assert not first.sound


def test_the_last_player_ends_the_ticking(footage: Footage) -> None:
    timer = HandTimer()
    live, listener = LiveStream(camera(), footage, timer, 0.0), Listener()
    live.add(listener)
    assert timer.members == [live]
    live.remove(listener)
    live.remove(listener)
    assert timer.members == []


def test_a_frozen_camera_repeats_its_picture(footage: Footage) -> None:
    live, listener = stream(footage, 50), Listener()
    live.add(listener)
    for index in range(LOOP + 10):
        live.tick(index)
    live.camera.set_fault(parse_fault("frozen"), LOOP + 9)
    for index in range(LOOP + 10, 3 * LOOP):
        live.tick(index)
    live.camera.mend()
    for index in range(3 * LOOP, 4 * LOOP):
        live.tick(index)
    counters = [strip.counter if strip else None for strip in listener.strips()]
    moving, frozen = list(range(LOOP + 10)), [LOOP + 9] * (2 * LOOP - 10)
    assert counters == [*moving, *frozen, *range(3 * LOOP, 4 * LOOP)]


def test_after_a_gap_the_next_picture_is_a_key_frame(footage: Footage) -> None:
    live, listener = stream(footage, 50), Listener()
    live.add(listener)
    for index in (*range(10), *range(20, LOOP + 5)):
        live.tick(index)
    counters = [strip.counter if strip else None for strip in listener.strips()]
    assert counters == [*range(10), *range(LOOP, LOOP + 5)]


def test_a_stalled_camera_sends_nothing(footage: Footage) -> None:
    live, listener = stream(footage), Listener()
    live.add(listener)
    live.camera.set_fault(parse_fault("stalled"))
    live.tick(0)
    assert listener.video == []
    assert listener.reports == []


def test_faults_that_cut_reach_every_player() -> None:
    broken, listener = camera(), Listener()
    broken.players.add(listener)
    broken.set_fault(parse_fault("frozen"))
    assert listener.cuts == 0
    broken.set_fault(parse_fault("down"))
    assert listener.cuts == 1


def test_reports_bind_timestamps_to_the_wall_clock(footage: Footage) -> None:
    live, listener = stream(footage, 50), Listener()
    live.add(listener)
    for index in range(REPORT_EVERY):
        live.tick(index)
    assert len(listener.reports) == 2  # at once, and every five seconds
    for number, data in enumerate(listener.reports[1]):
        report, name = parse_compound(data)
        assert isinstance(report, SenderReport)
        assert isinstance(name, Sdes)
        step = VIDEO_STEP if number == 0 else SOUND_STEP
        passed = (unix_from_ntp(report.ntp) - 1_000_000.0) * 25
        first = (live.video, live.sound)[number].timestamp(0)
        assert report.rtp_timestamp == (first + round(passed) * step) & 0xFFFFFFFF
    video = parse_compound(listener.reports[1][0])[0]
    assert isinstance(video, SenderReport)
    assert 0 < video.packets < len(listener.video)


@pytest.mark.parametrize("number", [1, 255, 2743])
def test_tones_are_seamless_and_tell_the_number(number: int) -> None:
    tone = g711_tone(number, Sound.PCMA)
    sound = b"".join(tone.at(index)[0].data[16:] for index in range(25)) * 2
    spectrum = np.abs(np.fft.rfft(np.array(alaw_decode(sound))))
    assert np.argmax(spectrum) == 2 * tone_of(number)  # two seconds: bins of half a hertz
    assert np.sort(spectrum)[-2] < spectrum.max() / 20
