"""H.265 payloads and parameter sets."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidgate.errors import ProtocolError
from vidgate.rtp import annexb
from vidgate.rtp.h265 import Depacketiser, Profile, is_key, kind, parse_sps, profile_of
from vidgate.rtp.packet import RtpPacket

VPS = bytes.fromhex("40010c01ffff01600000030090000003000003003cba0240")
SPS = bytes.fromhex(
    "420101016000000300900000030000"
    "03003ca00a080f165ba4a4c2fff000100016a0c0c0c08000000300800000000c84"
)
PPS = bytes.fromhex("4401c0718312")
IDR = b"\x26\x01\xaf" + b"i" * 3000
TRAIL = b"\x02\x01\xd0" + b"t" * 20


def push(payloads: list[bytes], *, first: int = 0) -> list[tuple[int, list[bytes]]]:
    depacketiser = Depacketiser()
    done: list[tuple[int, list[bytes]]] = []
    for number, payload in enumerate(payloads):
        last = number == len(payloads) - 1
        done += depacketiser.push(RtpPacket(96, last, first + number, 0, 0, payload))
    return done


def fragments(unit: bytes, size: int = 1000) -> list[bytes]:
    head = bytes([unit[0] & 0x81 | 49 << 1, unit[1]])
    parts = [unit[2 + i : 2 + i + size] for i in range(0, len(unit) - 2, size)]
    flags = [0x80, *([0] * (len(parts) - 2)), 0x40]
    return [head + bytes([f | kind(unit)]) + part for f, part in zip(flags, parts, strict=True)]


def test_single_units_aggregates_and_fragments() -> None:
    sets = b"".join(len(unit).to_bytes(2, "big") + unit for unit in (VPS, SPS, PPS))
    assert push([b"\x60\x01" + sets, *fragments(IDR)]) == [(0, [VPS, SPS, PPS, IDR])]
    assert push([TRAIL]) == [(0, [TRAIL])]


def test_key_frames_are_known() -> None:
    assert is_key([VPS, IDR])
    assert not is_key([TRAIL])
    assert is_key([b"\x2a\x01\xff"])  # CRA


def test_nonsense_is_left_out() -> None:
    assert push([b"\x62\x01\x01tail", TRAIL]) == []  # a fragment without its start
    assert push([b"", b"\x02", b"\x64\x01\x00", b"\x60\x01\x00\x09\x02", TRAIL]) == [(0, [TRAIL])]
    assert push([b"\x4c\x01\xff", TRAIL]) == [(0, [TRAIL])]  # filler
    assert push([b"\x60\x01\x00\x03\x4c\x01\xff", TRAIL]) == [(0, [TRAIL])]  # filler inside


@given(st.lists(st.binary(max_size=20), max_size=10))
def test_no_payload_raises(payloads: list[bytes]) -> None:
    for _, units in push(payloads):
        assert all(len(unit) >= 2 for unit in units), "a unit has its header"


def test_parse_sps() -> None:
    info = parse_sps(SPS)
    assert (info.width, info.height) == (320, 240)


@pytest.mark.parametrize("data", [b"", VPS, SPS[:20], SPS[:4]])
def test_a_broken_sps_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        parse_sps(data)


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (640, 360), (704, 576)])
@pytest.mark.parametrize("pixel", ["yuv420p", "yuv444p"])
def test_parse_sps_of_a_real_encoder(width: int, height: int, pixel: str) -> None:
    av = pytest.importorskip("av")
    encoder: Any = av.CodecContext.create("libx265", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.framerate = width, height, pixel, 25
    encoder.options = {"preset": "ultrafast", "x265-params": "log-level=none:temporal-layers=1"}
    packets = list(encoder.encode(av.VideoFrame(width, height, pixel))) + list(encoder.encode(None))
    units = annexb.split(bytes(packets[0]))
    info = parse_sps(next(unit for unit in units if kind(unit) == 33))
    assert (info.width, info.height) == (width, height)
    assert is_key(units)


def test_the_profile_is_read_from_the_sps_among_others() -> None:
    assert profile_of([VPS, SPS, PPS]) == Profile(0, False, 1, 0x60000000, 60)
    assert profile_of([VPS, PPS, SPS[:9], b""]) is None
    made = profile_of([SPS])
    assert made is not None
    assert [idc for idc in range(-1, 40) if made.is_for(idc)] == [1, 2]


@given(st.binary(max_size=60))
def test_any_sps_parses_or_is_refused(data: bytes) -> None:
    try:
        info = parse_sps(b"\x42\x01" + data)
    except ProtocolError:
        return
    assert min(info.width, info.height) > 0
