"""Absolute times of RTSP: `clock=20261126T080000.25Z-20261126T081500Z` (RFC 2326 3.7)."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

_RANGE = re.compile(r"\s*clock\s*=\s*([0-9TZ.]{16,32})\s*-\s*([0-9TZ.]{16,32})?", re.IGNORECASE)
_TIME = re.compile(r"(\d{8}T\d{6})(?:\.(\d{1,9}))?Z")


@dataclass(frozen=True, slots=True)
class ClockRange:
    """From `start` to `end` (None: as far as it goes), wall-clock seconds."""

    start: float
    end: float | None = None

    @classmethod
    def parse(cls, text: str) -> "ClockRange | None":
        """Read a Range header; None for one that names no such times, or an end before its start.

        What follows a semicolon (`;time=`) is not read.
        """
        found = _RANGE.match(text)
        if found is None:
            return None
        start, end = (_seconds(part or "") for part in found.groups())
        if start is None or (found[2] and (end is None or end < start)):
            return None
        return cls(start, end)

    def __str__(self) -> str:
        return f"clock={_text(self.start)}-{'' if self.end is None else _text(self.end)}"


def _seconds(text: str) -> float | None:
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    try:
        whole = datetime.strptime(found[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
    return whole + float(f"0.{found[2] or 0}")


def _text(seconds: float) -> str:
    """To the millisecond; whole seconds without a fraction, which some devices do not read."""
    thousandths = round(seconds * 1000)
    whole, rest = divmod(thousandths, 1000)
    fraction = f".{rest:03d}" if rest else ""
    return f"{datetime.fromtimestamp(whole, UTC):%Y%m%dT%H%M%S}{fraction}Z"
