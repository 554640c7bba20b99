"""Repeated warnings are counted, not written."""

from vidgate.aio.clock import ManualClock
from vidgate.aio.report import Report


def test_one_line_an_interval() -> None:
    clock = ManualClock()
    report = Report(interval=10.0, clock=clock)
    assert report.warning("camera", "garbage")
    assert not any(report.warning("camera", "garbage") for _ in range(100))
    assert report.warning("other", "garbage")
    clock.advance(11)
    assert report.warning("camera", "garbage")


def test_the_memory_of_keys_is_bounded() -> None:
    report = Report(limit=3, clock=ManualClock())
    for number in range(10):
        report.warning(str(number), "garbage")
    assert len(report._entries) == 3
