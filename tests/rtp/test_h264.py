"""H.264 payloads and parameter sets."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rtp.packets import PPS, SPS, inter, key, packets
from vidgate.errors import ProtocolError
from vidgate.rtp.h264 import Depacketiser, SpsInfo, is_key, packetise, parse_sps
from vidgate.rtp.packet import RtpPacket

AccessUnit = tuple[int, list[bytes]]


def push(depacketiser: Depacketiser, made: list[RtpPacket]) -> list[AccessUnit]:
    return [unit for packet in made for unit in depacketiser.push(packet)]


def test_access_units_come_out_as_they_went_in() -> None:
    units = [key(), inter(), inter(5000), [*inter(10), b"\x41\x1a" + b"q" * 20]]
    assert push(Depacketiser(), packets(units)) == [(3600 * i, u) for i, u in enumerate(units)]


def test_key_frames_are_known() -> None:
    assert is_key(key())
    assert not is_key(inter())
    assert not is_key([b""])


@given(st.lists(st.integers(0, 4000), min_size=1, max_size=6), st.integers(50, 1400))
def test_payloads_keep_within_the_limit(sizes: list[int], limit: int) -> None:
    nals = [SPS, *(b"\x65\x88" + bytes([1 + size % 200]) * size for size in sizes)]
    payloads = packetise(nals, limit)
    assert all(0 < len(payload) <= limit for payload in payloads)
    depacketiser = Depacketiser()
    made = [
        RtpPacket(96, payload is payloads[-1], number, 0, 0, payload)
        for number, payload in enumerate(payloads)
    ]
    assert push(depacketiser, made) == [(0, nals)]


def test_fragments_are_equal_so_that_one_gso_call_can_send_them() -> None:
    payloads = packetise([b"\x65" + b"x" * 10_000], 1180)
    sizes = [len(payload) for payload in payloads]
    assert len(set(sizes[:-1])) == 1
    assert sizes[-1] <= sizes[0]
    assert payloads[0][1] & 0x80
    assert payloads[-1][1] & 0x40


def test_empty_units_are_left_out() -> None:
    assert packetise([b"", b"\x41a"]) == [b"\x41a"]
    assert packetise([]) == []


def test_a_stap_carries_the_highest_importance() -> None:
    (payload,) = packetise([b"\x07a", b"\x68b", b"\x81c"])
    assert payload[0] == 0x80 | 0x60 | 24


def test_a_lost_fragment_costs_one_access_unit() -> None:
    made = packets([key(), inter(3000), inter(3000), inter()])
    middle = next(i for i, p in enumerate(made) if p.timestamp == 3600) + 1
    del made[middle]
    depacketiser = Depacketiser()
    assert [time for time, _ in push(depacketiser, made)] == [0, 7200, 10800]
    assert (depacketiser.damaged, depacketiser.lost) == (1, 1)


def test_a_lost_end_costs_that_access_unit_only() -> None:
    made = packets([key(), inter(3000), inter(3000)])
    last = max(i for i, p in enumerate(made) if p.timestamp == 3600)
    del made[last]
    assert [time for time, _ in push(Depacketiser(), made)] == [0, 7200]


def test_a_lost_beginning_is_noticed() -> None:
    made = packets([key(), [b"\x41\x9a" + b"a" * 900, b"\x41\x1a" + b"b" * 900], inter()])
    first = min(i for i, p in enumerate(made) if p.timestamp == 3600)
    del made[first]
    depacketiser = Depacketiser()
    assert [time for time, _ in push(depacketiser, made)] == [0, 7200]
    assert depacketiser.damaged == 1


def test_joining_in_the_middle_of_a_picture() -> None:
    made = packets([inter(3000), inter()])[1:]
    assert [time for time, _ in push(Depacketiser(), made)] == [3600]


def test_without_markers_the_timestamp_decides() -> None:
    made = packets([key(), inter(), inter()])
    for packet in made:
        packet.marker = False
    depacketiser = Depacketiser()
    assert [time for time, _ in push(depacketiser, made)] == [0, 3600]
    assert depacketiser.flush() == [(7200, inter())]


def test_a_marker_on_parameter_sets_ends_nothing() -> None:
    nals = key(10)
    made = [RtpPacket(96, True, i, 0, 0, nal) for i, nal in enumerate(nals)]
    assert push(Depacketiser(), made) == [(0, nals)]


def test_parameter_sets_under_their_own_timestamp_join_the_picture() -> None:
    sps, pps, idr = key(10)
    made = [
        RtpPacket(96, True, 0, 0, 0, sps),
        RtpPacket(96, True, 1, 0, 0, pps),
        RtpPacket(96, True, 2, 3600, 0, idr),
    ]
    assert push(Depacketiser(), made) == [(3600, [sps, pps, idr])]


def test_a_marker_on_every_slice_is_not_believed_for_long() -> None:
    picture = [b"\x41\x9a" + b"a" * 20, b"\x41\x1a" + b"b" * 20]
    made = [
        RtpPacket(96, True, 2 * n + i, 3600 * n, 0, nal)
        for n in range(6)
        for i, nal in enumerate(picture)
    ]
    whole = [(time, nals) for time, nals in push(Depacketiser(), made) if len(nals) == 2]
    assert [time for time, _ in whole] == [7200, 10800, 14400]


def test_start_codes_inside_payloads_are_taken_out() -> None:
    sps, pps, idr = key(10)
    stream = b"\0\0\0\1" + sps + b"\0\0\0\1" + pps + b"\0\0\1" + idr
    for payload in (stream, sps + b"\0\0\0\1" + pps + b"\0\0\0\1" + idr):
        assert push(Depacketiser(), [RtpPacket(96, True, 0, 0, 0, payload)]) == [
            (0, [sps, pps, idr])
        ]


def test_a_fragment_whose_end_bit_is_missing() -> None:
    made = packets([inter(2500), inter()])
    ends = [p for p in made if p.payload[0] & 31 == 28 and p.payload[1] & 0x40]
    ends[0].payload = ends[0].payload[:1] + bytes([ends[0].payload[1] & 0xBF]) + ends[0].payload[2:]
    assert push(Depacketiser(), made) == [(0, inter(2500)), (3600, inter())]


def test_filler_and_nonsense_are_left_out() -> None:
    payloads = [
        b"\x0c" + b"\xff" * 50,
        b"\x1e\x00",  # type 30 is undefined
        b"\x1c",  # a fragment without its header
        b"\x18\x00\x00",  # an empty aggregate
        b"\x18\x00\x09\x41",  # an aggregate shorter than it says
        b"",
        *inter(10),
    ]
    made = [RtpPacket(96, i == 6, i, 0, 0, payload) for i, payload in enumerate(payloads)]
    depacketiser = Depacketiser()
    assert push(depacketiser, made) == [(0, inter(10))]
    assert depacketiser.ignored == 3


def test_units_in_stap_b_and_fu_b() -> None:
    sps, pps, idr = key(10)
    aggregate = b"\x79\x00\x01" + b"".join(len(n).to_bytes(2, "big") + n for n in (sps, pps))
    filler = b"\x00\x02\x0c\xff"
    made = [
        RtpPacket(96, False, 0, 0, 0, aggregate + filler),
        RtpPacket(96, False, 1, 0, 0, b"\x7d\x85\x00\x01" + idr[1:6]),
        RtpPacket(96, True, 2, 0, 0, b"\x7c\x45" + idr[6:]),
    ]
    assert push(Depacketiser(), made) == [(0, [sps, pps, idr])]


def test_a_duplicate_is_no_loss() -> None:
    made = packets([key(100), inter()])
    depacketiser = Depacketiser()
    push(depacketiser, [made[0], made[0], made[1]])
    assert depacketiser.lost == 0


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vidgate.rtp.assembler.MAX_BYTES", 5000)
    made = packets([inter(20_000), inter()])
    depacketiser = Depacketiser()
    assert [time for time, _ in push(depacketiser, made)] == [3600]
    assert depacketiser.damaged == 1


@settings(max_examples=200)
@given(st.lists(st.tuples(st.binary(max_size=30), st.booleans(), st.integers(0, 3))))
def test_no_payload_raises(items: list[tuple[bytes, bool, int]]) -> None:
    depacketiser = Depacketiser()
    for number, (payload, marker, time) in enumerate(items):
        for _, units in depacketiser.push(RtpPacket(96, marker, number, time, 0, payload)):
            assert units
            assert all(units)


@given(st.integers(0, 2**32), st.floats(0.01, 0.3))
def test_whatever_is_lost_only_whole_pictures_come_out(seed: int, loss: float) -> None:
    chance = random.Random(seed)
    units = [key(2500) if i % 5 == 0 else inter(chance.randrange(10, 3000)) for i in range(12)]
    made = [p for p in packets(units, first=65500) if chance.random() > loss]
    for time, nals in push(Depacketiser(), made):
        sent = units[time // 3600]
        # Parameter sets may be lost alone (they are known otherwise); slices may not.
        assert [n for n in nals if n[0] & 31 in (1, 5)] == [n for n in sent if n[0] & 31 in (1, 5)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SPS.hex(), SpsInfo(320, 240, "42c00d", 25.0)),
        ("6742001f95a814016e40", SpsInfo(1280, 720, "42001f", None)),
    ],
)
def test_parse_sps(text: str, expected: SpsInfo) -> None:
    assert parse_sps(bytes.fromhex(text)) == expected


@pytest.mark.parametrize(
    ("width", "height", "rate", "options"),
    [
        (704, 576, 25, {"profile": "baseline"}),
        (1920, 1080, 30, {"profile": "high"}),
        (640, 360, 15, {"profile": "main"}),
        (1280, 720, 25, {"profile": "high444", "pixel": "yuv444p"}),
        (1920, 1080, 25, {"profile": "high", "interlaced": "1"}),
        (720, 576, 25, {"profile": "main", "x264-params": "sar=39/37:range=tv:colorprim=bt470bg"}),
        (1280, 720, 50, {"profile": "high", "x264-params": "cqm=jvt:chromaloc=1"}),
    ],
)
def test_parse_sps_of_a_real_encoder(
    width: int, height: int, rate: int, options: dict[str, str]
) -> None:
    av = pytest.importorskip("av")
    encoder: Any = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.framerate = width, height, rate
    encoder.pix_fmt = options.pop("pixel", "yuv420p")
    if options.pop("interlaced", ""):
        options["x264-params"] = "interlaced=1"
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", **options}
    frame = av.VideoFrame(width, height, encoder.pix_fmt)
    data = b"".join(bytes(packet) for packet in encoder.encode(frame))
    sps = next(part for part in data.split(b"\0\0\1") if part and part[0] & 31 == 7)
    info = parse_sps(sps.rstrip(b"\0"))
    assert (info.width, info.height, info.fps) == (width, height, float(rate))


@pytest.mark.parametrize("text", ["", "67", "68ce3c80", "67420000", "6742001f" + "00" * 40])
def test_a_broken_sps_is_refused(text: str) -> None:
    with pytest.raises(ProtocolError):
        parse_sps(bytes.fromhex(text))


@given(st.binary(max_size=60))
def test_any_sps_parses_or_is_refused(data: bytes) -> None:
    for profile in (b"\x67\x42", b"\x67\x64"):
        try:
            info = parse_sps(profile + data)
        except ProtocolError:
            continue
        assert min(info.width, info.height, info.fps or 1.0) > 0


def test_pps_is_no_sps() -> None:
    with pytest.raises(ProtocolError, match="not a sequence parameter set"):
        parse_sps(PPS)
