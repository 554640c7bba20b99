"""What is known of a channel's health, as the API tells it."""

from dataclasses import asdict
from typing import Literal

from pydantic import BaseModel

from vidgate.health.flapping import falls
from vidgate.health.levels import LOOKED_AT
from vidgate.model.health import Health, Level, LevelResult, ProbeResult, Reason


class ProbeView(BaseModel):
    """The last look. `t0` wall-clock seconds, `connected` and `t1`..`t3` seconds after it; null:
    not reached. `fps` and `bitrate` as announced; what was counted is null where the look was too
    short to tell. `lost` RTP packets of those `expected`.
    """

    asked: str
    level: str
    reason: str
    t0: float
    connected: float | None
    t1: float | None
    t2: float | None
    t3: float | None
    codec: str | None
    width: int | None
    height: int | None
    fps: float | None
    bitrate: float | None
    jitter: float | None
    clock_offset: float | None
    clock_by: str
    measured_fps: float | None
    measured_bitrate: float | None
    group_frames: int | None
    group_seconds: float | None
    expected: int | None
    lost: int | None
    detail: str


class LevelView(BaseModel):
    """The last result at one level, told at wall-clock `at`; `outcome` has stood since `since`.

    `took`: seconds from the request; null: it was not reached, or a live stream told of it.
    """

    level: str
    outcome: Literal["passed", "failed", "not_tested"]
    reason: str
    at: float | None
    since: float | None
    took: float | None


class MeasuredView(BaseModel):
    """The newest measurement of each kind, from looks and from watching; null: not measured yet.

    `clock_offset`: seconds by which the camera's clock is ahead, by its sender reports (`clock_by`
    sr), its Date header (date: to half a second) or the times in its packets (extension: less the
    age of the picture), at wall-clock `clock_at`. `fps_by` and `bitrate_by`: counted, at `fps_at`
    and `bitrate_at`, or announced by the stream itself. `loss`: the share of RTP packets that never
    came.
    """

    at: float
    clock_offset: float | None
    clock_by: str
    clock_at: float | None
    key_interval: float | None
    codec: str | None
    width: int | None
    height: int | None
    fps: float | None
    fps_by: str
    fps_at: float | None
    bitrate: float | None
    bitrate_by: str
    bitrate_at: float | None
    announced_fps: float | None
    announced_bitrate: float | None
    key_at: float | None
    group_frames: int | None
    loss: float | None
    loss_at: float | None
    jitter: float | None
    first_frame: float | None


class HealthView(BaseModel):
    """What is known of a channel now. `falls`: how often it fell within the last hour.

    `levels`: reach, describe, media, picture, in this order.
    """

    state: str
    reason: str
    since: float
    level: str
    probed: float | None
    media_seen: float | None
    last_frame: float | None
    falls: int
    levels: list[LevelView]
    last: ProbeView | None
    measured: MeasuredView | None


def health_view(health: Health, now: float) -> HealthView:
    """The state of a channel, the last look at it, and what was measured."""
    measured = health.measured
    return HealthView(
        state=health.state.label,
        reason=health.reason.value,
        since=health.since,
        level=health.level.label,
        probed=health.probed,
        media_seen=health.media_seen,
        last_frame=health.last_frame,
        falls=falls(health, now),
        levels=[_level_view(level, health.levels.get(level)) for level in LOOKED_AT],
        last=None if health.last is None else probe_view(health.last),
        measured=None if measured is None else MeasuredView(**asdict(measured)),
    )


def _level_view(level: Level, found: LevelResult | None) -> LevelView:
    if found is None:
        never = Reason.NOT_TESTED.value
        return LevelView(
            level=level.label, outcome=never, reason=never, at=None, since=None, took=None
        )
    return LevelView(level=level.label, **asdict(found))


def probe_view(result: ProbeResult) -> ProbeView:
    """One look at a channel."""
    told = {name: getattr(result, name) for name in ProbeView.model_fields}
    return ProbeView(**told | {"asked": result.asked.label, "level": result.level.label})
