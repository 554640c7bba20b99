from typing import Any

import pytest

from vidgate.health.measure import is_group_due, of_probe, of_stream
from vidgate.media.stream import StreamStats
from vidgate.model.health import Level, Measured, ProbeResult, Reason
from vidgate.model.media import Codec


def result(**found: object) -> ProbeResult:
    return ProbeResult(
        channel="c", asked=Level.MEDIA, level=Level.MEDIA, reason=Reason.OK, t0=0.0,
        **found,  # type: ignore[arg-type]
    )  # fmt: skip


def test_nothing_measured_is_nothing_known() -> None:
    assert of_probe(None, result(), 5.0) is None
    assert of_stream(None, StreamStats(), 5.0) is None


def test_the_newest_of_each_kind_is_kept() -> None:
    first = of_probe(None, result(fps=25.0, bitrate=1e6, t3=0.8, jitter=0.01), 5.0)
    announced = {"announced_fps": 25.0, "announced_bitrate": 1e6}
    rates = {"bitrate": 1e6, "bitrate_by": "announced", "bitrate_at": 5.0, **announced}
    rest: dict[str, Any] = {**rates, "first_frame": 0.8, "jitter": 0.01}
    assert first == Measured(at=5.0, fps=25.0, fps_by="announced", fps_at=5.0, **rest)
    again = of_stream(first, StreamStats(fps=12.5, key_interval=4.0, group_frames=50), 9.0)
    rest |= {"key_interval": 4.0, "group_frames": 50, "key_at": 9.0}
    assert again == Measured(at=9.0, fps=12.5, fps_by="counted", fps_at=9.0, **rest)


def test_the_codec_and_the_size_of_the_picture_are_kept() -> None:
    known = of_probe(None, result(codec=Codec.H265, width=1920, height=1080), 5.0)
    assert known == Measured(at=5.0, codec=Codec.H265, width=1920, height=1080)
    known = of_probe(known, result(jitter=0.01), 6.0)
    seen = StreamStats(codec=Codec.H264, width=704, height=576)
    known = of_stream(known, seen, 7.0)
    assert known == Measured(at=7.0, codec=Codec.H264, width=704, height=576, jitter=0.01)


def test_announced_rates_do_not_overwrite_those_that_were_counted() -> None:
    known = of_stream(None, StreamStats(fps=12.4, bitrate=8e5), 10.0)
    known = of_probe(known, result(fps=25.0, bitrate=4e6), 100.0)
    assert known is not None
    assert (known.fps, known.fps_by, known.fps_at, known.bitrate) == (12.4, "counted", 10.0, 8e5)
    known = of_probe(known, result(fps=25.0, bitrate=4e6), 8000.0)
    assert known is not None
    assert (known.fps, known.fps_by, known.fps_at) == (25.0, "announced", 8000.0)
    assert known.bitrate == 4e6


def test_the_longest_wait_for_a_key_frame_fades() -> None:
    known = of_probe(None, result(t2=0.1, t3=2.1), 1.0)
    assert known is not None
    assert known.key_wait == 2.0
    known = of_probe(known, result(t2=0.1, t3=0.2), 2.0)
    assert known is not None
    assert known.key_wait == pytest.approx(1.94)
    known = of_probe(known, result(t1=0.1), 3.0)  # a describe says nothing of it
    known = of_probe(known, result(t2=0.1, t3=3.6), 4.0)
    assert known is not None
    assert known.key_wait == pytest.approx(3.5)


def test_nothing_overwrites_what_a_report_said_a_while_ago() -> None:
    known = of_probe(None, result(clock_offset=0.4, clock_by="date"), 5.0)
    assert known is not None
    assert (known.clock_offset, known.clock_by) == (0.4, "date")
    known = of_stream(known, StreamStats(clock_offset=7.25, clock_by="sr"), 10.0)
    known = of_probe(known, result(clock_offset=7.0, clock_by="date"), 100.0)
    known = of_stream(known, StreamStats(clock_offset=6.9, clock_by="extension"), 110.0)
    assert known is not None
    assert (known.clock_offset, known.clock_by, known.clock_at) == (7.25, "sr", 10.0)
    known = of_probe(known, result(clock_offset=0.0, clock_by="date"), 8000.0)
    assert known is not None
    assert (known.clock_offset, known.clock_by, known.clock_at) == (0.0, "date", 8000.0)
    known = of_stream(known, StreamStats(clock_offset=0.2, clock_by="extension"), 8010.0)
    assert known is not None
    assert (known.clock_offset, known.clock_by, known.clock_at) == (0.2, "extension", 8010.0)


def test_what_a_look_counted_goes_before_what_is_announced() -> None:
    counted = {"measured_fps": 12.5, "measured_bitrate": 9e5}
    known = of_probe(None, result(fps=25.0, bitrate=4e6, **counted), 10.0)
    assert known is not None
    assert (known.fps, known.fps_by) == (12.5, "counted")
    assert (known.bitrate, known.bitrate_by) == (9e5, "counted")
    assert (known.announced_fps, known.announced_bitrate) == (25.0, 4e6)


def test_a_whole_group_tells_the_bit_rate_for_a_day() -> None:
    known = of_stream(None, StreamStats(key_interval=4.0, group_frames=100, bitrate=8e5), 10.0)
    known = of_probe(known, result(measured_bitrate=1e6), 20.0)
    assert known is not None
    assert known.bitrate == 8e5
    known = of_probe(known, result(measured_bitrate=1e6, group_seconds=2.0), 30.0)
    assert known is not None
    assert (known.bitrate, known.key_interval, known.key_at) == (1e6, 2.0, 30.0)
    known = of_probe(known, result(measured_bitrate=2e6), 86_431.0)
    assert known is not None
    assert known.bitrate == 2e6


def test_another_size_may_have_another_group() -> None:
    assert is_group_due(None, 5.0)
    first = StreamStats(codec=Codec.H264, width=704, height=576, key_interval=4.0)
    known = of_stream(None, first, 10.0)
    assert not is_group_due(known, 20.0)
    assert is_group_due(known, 90_000.0)
    known = of_probe(known, result(codec=Codec.H264, width=1920, height=1080), 20.0)
    assert is_group_due(known, 20.0)
    assert known is not None
    assert known.key_interval is None


def test_a_share_of_loss_needs_a_hundred_packets() -> None:
    assert of_probe(None, result(expected=99, lost=50), 5.0) is None
    known = of_probe(None, result(expected=200, lost=10), 5.0)
    assert known == Measured(at=5.0, loss=0.05, loss_at=5.0)
