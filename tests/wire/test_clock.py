"""Absolute times of RTSP."""

import pytest

from vidgate.wire.clock import ClockRange

AT = 1_795_680_000.0  # 2026-11-26T08:00:00Z


@pytest.mark.parametrize(
    ("text", "moments"),
    [
        ("clock=20261126T080000Z-", ClockRange(AT)),
        ("clock=20261126T080000Z-20261126T081500Z", ClockRange(AT, AT + 900)),
        ("clock=20261126T080000.25Z-", ClockRange(AT + 0.25)),
        (" Clock = 20261126T080000Z - ;time=20261126T090000Z", ClockRange(AT)),
    ],
)
def test_ranges_are_read(text: str, moments: ClockRange) -> None:
    assert ClockRange.parse(text) == moments


@pytest.mark.parametrize(
    "text",
    [
        "",
        "npt=0.000-",
        "clock=20261326T080000Z-",
        "clock=20261126T080000-20261126T081500Z",
        "clock=20261126T081500Z-20261126T080000Z",
        "clock=20261126T080000Z-20261126T0815Z.ZZZ",
    ],
)
def test_what_is_none_is_none(text: str) -> None:
    assert ClockRange.parse(text) is None


def test_they_are_written_as_they_are_read() -> None:
    assert str(ClockRange(AT)) == "clock=20261126T080000Z-"
    assert str(ClockRange(AT + 0.25, AT + 900)) == "clock=20261126T080000.250Z-20261126T081500Z"
    assert ClockRange.parse(str(ClockRange(AT + 0.25, AT + 900))) == ClockRange(AT + 0.25, AT + 900)
