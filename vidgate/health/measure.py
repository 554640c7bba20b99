"""What looks and live streams measure of a camera, the newest of each kind; pure.

A sender report tells the camera's clock better than a Date header, which has whole seconds; so a
describe does not overwrite what a picture's own reports said a while ago. Nor do the frame and bit
rates that a stream announces of itself overwrite those that were counted.
"""

from dataclasses import replace
from typing import Any, Protocol

from vidgate.model.health import Measured, ProbeResult
from vidgate.model.media import Codec

REPORT_STANDS = 7200.0  # seconds for which a sender report is trusted more than a Date header
COUNT_STANDS = 7200.0  # seconds for which counted rates are trusted more than announced ones
FADING = 0.97  # of the longest wait for a key frame, at each look: a camera may be set anew


class Flow(Protocol):
    """What a live stream measures; see `media.stream.StreamStats`."""

    codec: Codec | None
    width: int | None
    height: int | None
    key_interval: float | None
    fps: float | None
    bitrate: float | None
    jitter: float | None
    clock_offset: float | None


def of_probe(known: Measured | None, result: ProbeResult, now: float) -> Measured | None:
    """With what one look measured, at wall instant `now`."""
    found: dict[str, Any] = {
        "codec": result.codec,
        "width": result.width,
        "height": result.height,
        "jitter": result.jitter,
        "first_frame": result.t3,
        "key_wait": _key_wait(known, result),
    }
    if not _is_counted(known, now):
        found["bitrate"] = result.bitrate
        if result.fps is not None:
            found |= {"fps": result.fps, "fps_by": "announced", "fps_at": now}
    if result.clock_offset is not None and not _is_worse(known, result, now):
        found |= {"clock_offset": result.clock_offset, "clock_by": result.clock_by}
        found["clock_at"] = now
    return _with(known, found, now)


def of_stream(known: Measured | None, stats: Flow, now: float) -> Measured | None:
    """With what a live stream measured."""
    found: dict[str, Any] = {
        "codec": stats.codec,
        "width": stats.width,
        "height": stats.height,
        "key_interval": stats.key_interval,
        "bitrate": stats.bitrate,
        "jitter": stats.jitter,
    }
    if stats.fps is not None:
        found |= {"fps": stats.fps, "fps_by": "counted", "fps_at": now}
    if stats.clock_offset is not None:
        found |= {"clock_offset": stats.clock_offset, "clock_by": "sr", "clock_at": now}
    return _with(known, found, now)


def _key_wait(known: Measured | None, result: ProbeResult) -> float | None:
    """The longest of late: by chance one look comes just before a key frame, another just after."""
    if result.t2 is None or result.t3 is None:
        return None
    before = (known.key_wait if known else None) or 0.0
    return max(result.t3 - result.t2, FADING * before)


def _is_worse(known: Measured | None, result: ProbeResult, now: float) -> bool:
    if result.clock_by != "date" or known is None or known.clock_by != "sr":
        return False
    return known.clock_at is not None and now - known.clock_at < REPORT_STANDS


def _is_counted(known: Measured | None, now: float) -> bool:
    if known is None or known.fps_by != "counted" or known.fps_at is None:
        return False
    return now - known.fps_at < COUNT_STANDS


def _with(known: Measured | None, found: dict[str, Any], now: float) -> Measured | None:
    given = {name: value for name, value in found.items() if value is not None}
    if not given:
        return known
    return replace(known or Measured(at=now), at=now, **given)
