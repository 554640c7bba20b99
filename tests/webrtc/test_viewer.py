"""One viewer's flow: no gap, no nonce used twice, repeats byte for byte."""

import struct
from collections.abc import Sequence
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rtp.work import lines
from vidgate.aio.clock import ManualClock
from vidgate.model.media import Codec, Frame, Track
from vidgate.rtp.packet import RtpPacket
from vidgate.rtp.rtcp import (
    Fir,
    Nack,
    Pli,
    ReceiverReport,
    ReportBlock,
    SenderReport,
    middle,
    ntp_from_unix,
    parse_compound,
)
from vidgate.webrtc.line import Batch, Line
from vidgate.webrtc.viewer import (
    COMPOUNDS,
    COMPOUNDS_BURST,
    REPEATS_PER_SECOND,
    Flow,
    Viewer,
    compress,
)


class PlainSealer:
    """Leaves packets in clear and fails where one index is used for two of them."""

    overhead = 0

    def __init__(self) -> None:
        self.sealed: dict[int, bytes] = {}

    def seal(
        self, ssrc: int, index: int, headers: Sequence[bytes], payloads: Sequence[bytes]
    ) -> list[bytes]:
        packets = [head + load for head, load in zip(headers, payloads, strict=True)]
        for number, packet in enumerate(packets, index):
            assert int.from_bytes(packet[2:4], "big") == number & 0xFFFF
            assert self.sealed.setdefault(number, packet) == packet, "a nonce used twice"
        return packets


class FakeSecurity:
    def __init__(self) -> None:
        self.sealer = PlainSealer()
        self.is_forged = False

    def seal_rtcp(self, data: bytes) -> bytes:
        return data

    def open_rtcp(self, data: bytes) -> bytes | None:
        return None if self.is_forged else data


class FakeLeg:
    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.full = False
        self.heard = 0.0
        self.on_media: Any = None

    def send(self, packets: Sequence[bytes], runs: Sequence[tuple[int, int]]) -> bool:
        if not self.full:
            self.sent += packets
        return not self.full


def video(number: int, *, key: bool = False, size: int = 3000) -> Frame:
    unit = bytes([0x65 if key else 0x41]) + number.to_bytes(4, "big") * (size // 4)
    return Frame(0, number * 3600, key, (unit,), 100 + number / 25)


def flow_of(line: Line) -> tuple[Flow, FakeLeg]:
    leg, security = FakeLeg(), FakeSecurity()
    return Flow(line, 102, cast(Any, security), cast(Any, leg)), leg


def send(flow: Flow, batches: Sequence[Batch]) -> None:
    for batch in batches:
        assert flow.send(batch, flow.headers(batch))


def packets(leg: FakeLeg) -> list[RtpPacket]:
    return [RtpPacket.parse(data) for data in leg.sent]


def assert_continuous(got: list[RtpPacket], *, gaps: bool = False) -> None:
    """Sequence numbers go on one by one, but for what a full socket may have lost."""
    sequences = [packet.sequence for packet in got]
    strides = [(b - a) & 0xFFFF for a, b in zip(sequences, sequences[1:], strict=False)]
    assert all(1 <= stride < 0x8000 if gaps else stride == 1 for stride in strides)
    stamps = [packet.timestamp for packet in got]
    steps = [(b - a) & 0xFFFFFFFF for a, b in zip(stamps, stamps[1:], strict=False)]
    assert all(step < 1 << 31 for step in steps), "timestamps went back"


def test_a_new_viewer_catches_up_in_milliseconds() -> None:
    line = Line(Track(0, Codec.H264, 90000))
    for number in range(40):
        line.cut(video(number, key=number == 0))
    assert line.gop is not None
    group = line.since(line.gop)
    flow, leg = flow_of(line)
    flow.jump(line.gop, compress(group, None))
    send(flow, group)
    flow.settle()
    send(flow, line.cut(video(40)))
    got = packets(leg)
    assert_continuous(got)
    assert got[0].sequence < 32768
    stamps = list(dict.fromkeys(packet.timestamp for packet in got))
    steps = [(b - a) & 0xFFFFFFFF for a, b in zip(stamps, stamps[1:], strict=False)]
    assert steps == [90] * 39 + [3600]


def test_a_repeated_group_fits_between_two_pictures() -> None:
    line = Line(Track(0, Codec.H264, 90000))
    flow, leg = flow_of(line)
    first = line.cut(video(0, key=True))
    flow.jump(first[0].index)
    send(flow, first)
    for number in range(1, 100):
        send(flow, line.cut(video(number)))
    assert line.gop is not None
    group = line.since(line.gop)
    flow.jump(line.gop, compress(group, flow.timestamp))
    send(flow, group)
    flow.settle()
    send(flow, line.cut(video(100)))
    assert_continuous(packets(leg))


def test_repeats_are_byte_for_byte_also_of_moved_pictures() -> None:
    line = Line(Track(0, Codec.H264, 90000))
    for number in range(10):
        line.cut(video(number, key=number == 0))
    flow, leg = flow_of(line)
    group = line.since(line.gop or 0)
    flow.jump(line.gop or 0, compress(group, None))
    send(flow, group)
    flow.settle()
    flow.jump(line.gop or 0, compress(group, flow.timestamp))
    send(flow, group)
    flow.settle()
    send(flow, line.cut(video(10)))
    originals = list(leg.sent)
    for packet in originals:
        leg.sent.clear()
        assert flow.repeat(int.from_bytes(packet[2:4], "big"))
        assert leg.sent == [packet]
    last = int.from_bytes(originals[-1][2:4], "big")
    assert not flow.repeat((last + 1) & 0xFFFF)
    assert not flow.repeat((int.from_bytes(originals[0][2:4], "big") - 1) & 0xFFFF)
    assert flow.repeats == len(originals)


STEPS = st.lists(st.sampled_from(["frame", "key", "full", "again", "repeat"]), max_size=60)


def replay(flow: Flow) -> None:
    """Repeat the group as the fan-out does."""
    line = flow.line
    if line.gop is None:
        return
    group = line.since(line.gop)
    flow.jump(line.gop, compress(group, flow.timestamp))
    for batch in group:
        if not flow.send(batch, flow.headers(batch)):
            flow.stop()
            break
    flow.settle()


def live(flow: Flow, batches: Sequence[Batch]) -> None:
    """Send as the fan-out does."""
    for batch in batches:
        if flow.next is None and batch.key and batch.is_first:
            flow.jump(batch.index)
        if flow.next == batch.index and not flow.send(batch, flow.headers(batch)):
            flow.stop()


@settings(max_examples=100, deadline=None)
@given(STEPS, st.integers(0, 0x1FFFF))
def test_whatever_happens_no_gap_and_no_index_twice(steps: list[str], start: int) -> None:
    line = Line(Track(0, Codec.H264, 90000), next=start)
    flow, leg = flow_of(line)
    for number, step in enumerate(steps):
        leg.full = step == "full"
        if step == "repeat" and leg.sent:
            before = len(leg.sent)
            flow.repeat(int.from_bytes(leg.sent[-1][2:4], "big"))
            del leg.sent[before:]
        elif step == "again":
            replay(flow)
        live(flow, line.cut(video(number, key=step == "key", size=60_000)))
    if leg.sent:
        assert_continuous(packets(leg), gaps="full" in steps)


def make_viewer(line: Line) -> tuple[Viewer, Flow, FakeLeg, list[Viewer], ManualClock]:
    clock = ManualClock()
    asked: list[Viewer] = []
    flow, leg = flow_of(line)
    viewer = Viewer(cast(Any, leg), cast(Any, flow.security), clock, "name", asked.append)
    viewer.flows = [flow]
    return viewer, flow, leg, asked, clock


def test_understands_what_a_browser_asks() -> None:
    line = Line(Track(0, Codec.H264, 90000))
    viewer, flow, leg, asked, clock = make_viewer(line)
    batches = line.cut(video(0, key=True))
    flow.jump(batches[0].index)
    send(flow, batches)
    sent = list(leg.sent)
    clock.advance(1)
    lost = int.from_bytes(sent[1][2:4], "big")
    block = ReportBlock(line.ssrc, 5, 3, 9, 1, middle(ntp_from_unix(clock.wall())) - 6554, 0)
    asks = (
        ReceiverReport(1, (block,)),
        Nack(1, line.ssrc, (lost,)),
        Nack(1, 12345, (lost,)),
        Pli(1, line.ssrc),
        Pli(1, 12345),
        Fir(1, ((line.ssrc, 1),)),
        Fir(1, ((line.ssrc, 1),)),
    )
    compound = b"".join(bytes(ask) for ask in asks)
    leg.on_media(compound)
    assert leg.sent[len(sent) :] == [sent[1]]
    assert asked == [viewer, viewer]  # the second FIR is the first one again
    assert flow.report == block
    assert viewer.round_trip is not None
    assert abs(viewer.round_trip - 0.1) < 0.001
    assert leg.heard == clock.now()
    assert (viewer.nacks, viewer.plis) == (1, 2)
    leg.on_media(b"\x80\x66" + bytes(30))  # SRTP from a viewer is ignored


COMPOUND = b"".join(
    (
        bytes(ReceiverReport(1, (ReportBlock(77, 0, 0, 0),))),
        bytes(Nack(1, 77, (0, 5, 9))),
        bytes(Pli(1, 77)),
        bytes(Fir(1, ((77, 3),))),
    )
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 255)), max_size=6), st.binary())
def test_no_rtcp_raises(edits: list[tuple[int, int]], tail: bytes) -> None:
    """What a hostile browser seals properly is still nonsense."""
    line = Line(Track(0, Codec.H264, 90000), ssrc=77)
    flow, leg = flow_of(line)
    asked: list[Viewer] = []
    viewer = Viewer(cast(Any, leg), cast(Any, FakeSecurity()), ManualClock(), "us", asked.append)
    viewer.flows = [flow]
    flow.jump(line.next)
    send(flow, line.cut(video(0, key=True)))
    altered = bytearray(COMPOUND + tail)
    for place, value in edits:
        altered[place % len(altered)] = value
    for data in (bytes(altered), tail, b"\x80\xc9" + tail, bytes(altered[: len(tail)])):
        viewer.receive(data)
    viewer.report()
    assert len(leg.sent) < 2000


def first_sent(line: Line, flow: Flow, leg: FakeLeg) -> int:
    """Send a key frame; the sequence number of its first packet."""
    batches = line.cut(video(0, key=True))
    flow.jump(batches[0].index)
    send(flow, batches)
    return int.from_bytes(leg.sent[0][2:4], "big")


def test_a_storm_of_nacks_is_bounded() -> None:
    line = Line(Track(0, Codec.H264, 90000))
    _, flow, leg, _, clock = make_viewer(line)
    lost = first_sent(line, flow, leg)
    for _ in range(20):
        leg.on_media(bytes(Nack(1, line.ssrc, (lost,) * 100)))
    assert flow.repeats == REPEATS_PER_SECOND
    clock.advance(0.1)
    leg.on_media(bytes(Nack(1, line.ssrc, (lost,) * 100)))
    assert flow.repeats == REPEATS_PER_SECOND + REPEATS_PER_SECOND // 10


def test_a_storm_of_nacks_for_what_is_not_there_is_bounded_too() -> None:
    line = Line(Track(0, Codec.H264, 90000))
    _, flow, leg, _, _ = make_viewer(line)
    sent = first_sent(line, flow, leg)
    gone = tuple((sent + 30_000 + n) % 65_536 for n in range(REPEATS_PER_SECOND))
    leg.on_media(bytes(Nack(1, line.ssrc, gone)))
    leg.on_media(bytes(Nack(1, line.ssrc, (sent,))))
    assert flow.repeats == 0


def nack_of_all(ssrc: int, pairs: int = 320) -> bytes:
    """The dearest NACK that fits a datagram: seventeen sequence numbers in each pair."""
    body = struct.pack(">II", 1, ssrc) + b"\0\7\xff\xff" * pairs
    return struct.pack(">BBH", 0x81, 205, len(body) // 4) + body


MOST_LINES = 3000  # for one compound; a NACK of 320 pairs was 17,000


def test_no_compound_costs_much() -> None:
    line = Line(Track(0, Codec.H264, 90000))
    viewer, flow, leg, _, _ = make_viewer(line)
    first_sent(line, flow, leg)
    leg.on_media(nack_of_all(line.ssrc))  # uses up the repeats
    assert viewer.nacks >= REPEATS_PER_SECOND
    block = ReportBlock(line.ssrc, 5, 3, 9, 1, 5, 5)
    dearest = (
        nack_of_all(line.ssrc),
        nack_of_all(line.ssrc, 20) * 15,
        bytes(Nack(1, line.ssrc, (5,))) * 90,
        bytes(Pli(1, line.ssrc)) * 120,
        bytes(Fir(1, ((line.ssrc, 1), (line.ssrc, 2)) * 90)),
        bytes(ReceiverReport(1, (block,) * 30)) * 2,
        bytes(ReceiverReport(1, (block,))) * 46,
        b"\x80\xca\0\0" * 370,  # SDES of nobody
        b"\x80\xcc\0\0" * 370,  # unknown
    )
    for compound in dearest:
        cost = lines(lambda compound=compound: leg.on_media(compound))  # type: ignore[misc]
        assert cost <= MOST_LINES, compound[:12].hex()


def test_a_flood_of_rtcp_costs_little_and_leaves_the_viewer_its_rate() -> None:
    line = Line(Track(0, Codec.H264, 90000))
    viewer, flow, leg, _, clock = make_viewer(line)
    first_sent(line, flow, leg)
    flood = nack_of_all(line.ssrc)
    for _ in range(COMPOUNDS_BURST):
        leg.on_media(flood)
    seen = viewer.nacks
    assert lines(lambda: leg.on_media(flood)) <= 30
    assert viewer.nacks == seen
    for _ in range(900):  # in one second
        clock.advance(1 / 900)
        leg.on_media(flood)
    each = seen // COMPOUNDS_BURST
    assert viewer.nacks - seen == pytest.approx(COMPOUNDS * each, abs=each)
    assert leg.heard == clock.now()
    clock.advance(1 / COMPOUNDS)
    leg.on_media(bytes(ReceiverReport(1, (ReportBlock(line.ssrc, 5),))))
    assert flow.report == ReportBlock(line.ssrc, 5)


def test_a_browser_with_much_to_tell_is_heard() -> None:
    line = Line(Track(0, Codec.H264, 90000))
    viewer, flow, leg, _, clock = make_viewer(line)
    lost = first_sent(line, flow, leg)
    for _ in range(1000):
        clock.advance(0.01)  # a look for losses each 20 ms, in two streams
        leg.on_media(bytes(Nack(1, line.ssrc, (lost, lost + 1, lost + 2))))
    assert viewer.nacks == flow.repeats == 3000


def test_what_is_forged_uses_nothing_up() -> None:
    line = Line(Track(0, Codec.H264, 90000))
    _, flow, leg, asked, _ = make_viewer(line)
    lost = first_sent(line, flow, leg)
    security = cast(FakeSecurity, flow.security)
    security.is_forged = True
    for _ in range(10 * COMPOUNDS_BURST):
        leg.on_media(nack_of_all(line.ssrc))
    security.is_forged = False
    leg.on_media(bytes(Nack(1, line.ssrc, (lost,))) + bytes(Pli(1, line.ssrc)))
    assert flow.repeats == 1
    assert len(asked) == 1


def test_reports_what_was_sent() -> None:
    line = Line(Track(0, Codec.H264, 90000))
    viewer, flow, leg, _, _ = make_viewer(line)
    viewer.report()
    assert leg.sent == []
    batches = line.cut(video(0, key=True))
    flow.jump(batches[0].index)
    send(flow, batches)
    leg.sent.clear()
    viewer.report()
    report, names = parse_compound(leg.sent[0])
    assert isinstance(report, SenderReport)
    assert (report.ssrc, report.packets, report.octets) == (
        line.ssrc,
        batches[0].end - batches[0].index,
        batches[0].octets,
    )
    assert getattr(names, "names") == ((line.ssrc, "name"),)  # noqa: B009 - of a union
