from vidgate.health.measure import of_probe, of_stream
from vidgate.media.stream import StreamStats
from vidgate.model.health import Level, Measured, ProbeResult, Reason


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
    assert first == Measured(at=5.0, fps=25.0, bitrate=1e6, first_frame=0.8, jitter=0.01)
    again = of_stream(first, StreamStats(fps=12.5, key_interval=4.0), 9.0)
    assert again == Measured(
        at=9.0, fps=12.5, bitrate=1e6, first_frame=0.8, jitter=0.01, key_interval=4.0
    )


def test_a_date_does_not_overwrite_what_a_report_said_a_while_ago() -> None:
    known = of_probe(None, result(clock_offset=0.4, clock_by="date"), 5.0)
    assert known is not None
    assert (known.clock_offset, known.clock_by) == (0.4, "date")
    known = of_stream(known, StreamStats(clock_offset=7.25), 10.0)
    known = of_probe(known, result(clock_offset=7.0, clock_by="date"), 100.0)
    assert known is not None
    assert (known.clock_offset, known.clock_by, known.clock_at) == (7.25, "sr", 10.0)
    known = of_probe(known, result(clock_offset=0.0, clock_by="date"), 8000.0)
    assert known is not None
    assert (known.clock_offset, known.clock_by, known.clock_at) == (0.0, "date", 8000.0)
