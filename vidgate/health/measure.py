"""What looks and live streams measure of a camera, the newest of each kind; pure.

A sender report tells the camera's clock better than a Date header, which has whole seconds, and
than the time in a packet, which is as old as the picture; so neither overwrites what reports said a
while ago. Nor do the frame and bit
rates that a stream announces of itself overwrite those that were counted, nor a bit rate reckoned
from a part of a group of pictures that of a whole one.
"""

from dataclasses import replace
from enum import Enum, auto
from typing import Any, Protocol

from vidgate.model.health import Measured, ProbeResult
from vidgate.model.media import Codec

REPORT_STANDS = 7200.0  # seconds for which a sender report is trusted more than anything else
COUNT_STANDS = 7200.0  # seconds for which counted rates are trusted more than announced ones
GROUP_STANDS = 86400.0  # seconds for which a group of pictures need not be measured again
LEAST_PACKETS = 100  # to tell a share that was lost: to one in a hundred
FADING = 0.97  # of the longest wait for a key frame, at each look: a camera may be set anew


class Wish(Enum):
    """Whether a look goes on after its key frame, for how long a group of pictures is."""

    NOTHING = auto()
    IF_IDLE = auto()  # while half of the platform's sessions are left for others
    GROUP = auto()  # a person asked for this very channel


class Flow(Protocol):
    """What a live stream measures; see `media.stream.StreamStats`."""

    codec: Codec | None
    width: int | None
    height: int | None
    key_interval: float | None
    group_frames: int | None
    fps: float | None
    bitrate: float | None
    jitter: float | None
    loss: float | None
    clock_offset: float | None
    clock_by: str


def of_probe(known: Measured | None, result: ProbeResult, now: float) -> Measured | None:
    """With what one look measured, at wall instant `now`."""
    known = _of_this_picture(known, result.codec, result.width, result.height)
    found: dict[str, Any] = {
        "codec": result.codec,
        "width": result.width,
        "height": result.height,
        "jitter": result.jitter,
        "first_frame": result.t3,
        "key_wait": _key_wait(known, result),
        "announced_fps": result.fps,
        "announced_bitrate": result.bitrate,
        **_rate("fps", known, result.measured_fps, result.fps, now),
        **_rate("bitrate", known, _bitrate(known, result, now), result.bitrate, now),
        **_group(result.group_seconds, result.group_frames, now),
        **_loss(_share(result), now),
        **_clock(known, result.clock_offset, result.clock_by, now),
    }
    return _with(known, found, now)


def of_stream(known: Measured | None, stats: Flow, now: float) -> Measured | None:
    """With what a live stream measured."""
    known = _of_this_picture(known, stats.codec, stats.width, stats.height)
    found: dict[str, Any] = {
        "codec": stats.codec,
        "width": stats.width,
        "height": stats.height,
        "jitter": stats.jitter,
        **_rate("fps", known, stats.fps, None, now),
        **_rate("bitrate", known, stats.bitrate, None, now),
        **_group(stats.key_interval, stats.group_frames, now),
        **_loss(stats.loss, now),
        **_clock(known, stats.clock_offset, stats.clock_by, now),
    }
    return _with(known, found, now)


def is_group_due(known: Measured | None, now: float) -> bool:
    """Whether it was not measured for a day, or never of pictures of this codec and size."""
    at = None if known is None else known.key_at
    return at is None or not 0 <= now - at < GROUP_STANDS


def _of_this_picture(
    known: Measured | None, codec: Codec | None, width: int | None, height: int | None
) -> Measured | None:
    """A camera set to another codec or size may have been set to another group of pictures too."""
    if known is None:
        return None
    pairs = ((known.codec, codec), (known.width, width), (known.height, height))
    if all(old is None or new is None or old == new for old, new in pairs):
        return known
    return replace(known, key_interval=None, group_frames=None, key_at=None)


def _rate(
    name: str, known: Measured | None, counted: float | None, announced: float | None, now: float
) -> dict[str, Any]:
    if counted is not None:
        return {name: counted, f"{name}_by": "counted", f"{name}_at": now}
    if announced is None or _is_counted(name, known, now):
        return {}
    return {name: announced, f"{name}_by": "announced", f"{name}_at": now}


def _is_counted(name: str, known: Measured | None, now: float) -> bool:
    at = None if known is None else getattr(known, f"{name}_at")
    is_counted = getattr(known, f"{name}_by", "") == "counted"
    return is_counted and at is not None and now - at < COUNT_STANDS


def _bitrate(known: Measured | None, result: ProbeResult, now: float) -> float | None:
    if result.group_seconds is not None or is_group_due(known, now):
        return result.measured_bitrate
    return None


def _group(seconds: float | None, frames: int | None, now: float) -> dict[str, Any]:
    if seconds is None:
        return {}
    return {"key_interval": seconds, "group_frames": frames, "key_at": now}


def _share(result: ProbeResult) -> float | None:
    if result.lost is None or not result.expected or result.expected < LEAST_PACKETS:
        return None
    return min(1.0, result.lost / result.expected)


def _loss(share: float | None, now: float) -> dict[str, Any]:
    return {} if share is None else {"loss": round(share, 5), "loss_at": now}


def _key_wait(known: Measured | None, result: ProbeResult) -> float | None:
    """The longest of late: by chance one look comes just before a key frame, another just after."""
    if result.t2 is None or result.t3 is None:
        return None
    before = (known.key_wait if known else None) or 0.0
    return max(result.t3 - result.t2, FADING * before)


def _clock(known: Measured | None, offset: float | None, by: str, now: float) -> dict[str, Any]:
    if offset is None or (by != "sr" and _is_reported(known, now)):
        return {}
    return {"clock_offset": offset, "clock_by": by, "clock_at": now}


def _is_reported(known: Measured | None, now: float) -> bool:
    if known is None or known.clock_by != "sr":
        return False
    return known.clock_at is not None and now - known.clock_at < REPORT_STANDS


def _with(known: Measured | None, found: dict[str, Any], now: float) -> Measured | None:
    given = {name: value for name, value in found.items() if value is not None}
    if not given:
        return known
    return replace(known or Measured(at=now), at=now, **given)
