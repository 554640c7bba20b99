"""What a look, a live stream or the passing of time says of a channel, by what is known; pure.

- A good result refutes only what failed at its own level or below: a camera that describes its
  stream and sends no picture is not well for all its answers.
- A key frame proves the picture for two media periods, and a DESCRIBE nothing but an answer, unless
  its platform is marked `describe_proves`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from vidgate.health import levels
from vidgate.health.transitions import Evidence, Known
from vidgate.model.channel import Channel
from vidgate.model.health import Health, Level, ProbeResult, Reason, State

HEALTHY = frozenset({State.UP, State.REACHABLE})

KNOWN: Mapping[State, Known] = {
    State.UNKNOWN: Known.UNKNOWN,
    State.UP: Known.WELL,  # or UNSEEN
    State.REACHABLE: Known.WELL,  # or UNSEEN
    State.BUSY: Known.BUSY,
    State.DEGRADED: Known.DEGRADED,
    State.DOWN: Known.DEAD,  # or MUTE
    State.UNAUTHORIZED: Known.UNAUTHORIZED,
    State.DISABLED: Known.OFF,
    State.MAINTENANCE: Known.OFF,
}

# What one reason says, before it is weighed against how deep the look went and what is known.
EVIDENCE: Mapping[Reason, Evidence] = {
    Reason.OK: Evidence.SEEN,
    Reason.UNREACHABLE: Evidence.LOST,
    Reason.TIMEOUT: Evidence.LOST,
    Reason.TLS: Evidence.LOST,
    Reason.PROTOCOL_ERROR: Evidence.LOST,
    Reason.NOT_FOUND: Evidence.LOST,
    Reason.REFUSED: Evidence.LOST,
    Reason.NO_MEDIA: Evidence.NO_PICTURE,
    Reason.NO_KEY_FRAME: Evidence.NO_PICTURE,
    Reason.FROZEN: Evidence.BAD_PICTURE,
    Reason.BUSY: Evidence.BUSY,
    Reason.UNAUTHORIZED: Evidence.UNAUTHORIZED,
    Reason.NO_CREDENTIAL: Evidence.UNAUTHORIZED,
    Reason.UNSUPPORTED: Evidence.UNSUPPORTED,
    Reason.NO_ADDRESS: Evidence.NO_ADDRESS,
    Reason.DENIED_ADDRESS: Evidence.NO_ADDRESS,
    Reason.NOT_TESTED: Evidence.UNTESTED,
    Reason.EXCUSED: Evidence.UNTESTED,
    Reason.ERROR: Evidence.UNTESTED,
}
UNASKED = Evidence.UNTESTED | Evidence.NO_ADDRESS


@dataclass(frozen=True, slots=True)
class Rules:
    """How one channel is judged. `media_valid` and `describe_valid`: seconds a result stands."""

    media_valid: float = 1800.0
    describe_valid: float = 120.0
    describe_proves: bool = False
    judges_pictures: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """One piece of evidence. `failed`: the level at which it went wrong, NONE where it did not."""

    evidence: Evidence
    reason: Reason = Reason.NOT_TESTED
    level: Level = Level.NONE
    failed: Level = Level.NONE


def known(health: Health) -> Known:
    """What the table is asked with, of a channel's health."""
    if health.state is State.DOWN and health.failed >= Level.MEDIA:
        return Known.MUTE
    if health.state in HEALTHY and health.media_seen is None and health.failed < Level.MEDIA:
        return Known.UNSEEN
    return KNOWN[health.state]


def of_look(health: Health, result: ProbeResult, rules: Rules, now: float) -> Found:
    """What one probe that ended at wall instant `now` found."""
    level = result.level
    evidence = _by_depth(health, result.reason, level, result.asked)
    if _lives(result) and known(health) is Known.DEAD:  # no more can be asked of it for now
        return Found(Evidence.FORGOTTEN, result.reason)
    if evidence in UNASKED:
        return Found(evidence, result.reason)
    if evidence is not Evidence.SEEN:
        return Found(evidence, result.reason, level, failed_at(level, result.asked))
    if level < max(health.failed, Level.DESCRIBE):
        return Found(Evidence.BESIDE)
    if level >= Level.MEDIA:
        return Found(Evidence.SEEN, Reason.OK, level)
    if is_fresh(health.media_seen, rules.media_valid, now):
        return Found(Evidence.PROVED, Reason.OK, Level.MEDIA)
    return Found(Evidence.PROVED if rules.describe_proves else Evidence.ANSWERED, Reason.OK, level)


def of_stream(health: Health, reason: Reason, level: Level) -> Found:
    """Why a live stream, which had got as far as `level`, shows no picture."""
    evidence = _by_depth(health, reason, level, Level.MEDIA)
    return Found(evidence, reason, level, failed_at(level, Level.MEDIA))


def of_order(health: Health, channel: Channel, is_maintained: bool) -> Found | None:
    """What a person ordered since; None: nothing new."""
    if not channel.enabled:
        return None if health.state is State.DISABLED else Found(Evidence.DISABLED)
    if is_maintained:
        return None if health.state is State.MAINTENANCE else Found(Evidence.MAINTAINED)
    return Found(Evidence.RESUMED) if known(health) is Known.OFF else None


def of_time(health: Health, rules: Rules, now: float) -> Found | None:
    """What has grown old by wall instant `now`; None: nothing."""
    if health.state is State.UNAUTHORIZED and not is_told_by_others(health):
        return None
    has_proof = health.state is State.UP and health.level >= Level.MEDIA
    if has_proof and is_fresh(health.media_seen, rules.media_valid, now):
        return None
    if not is_fresh(_learnt(health), max(rules.media_valid, rules.describe_valid), now):
        return Found(Evidence.FORGOTTEN)
    lapsed = Evidence.LAPSED_PROVED if rules.describe_proves else Evidence.LAPSED
    return Found(lapsed, Reason.OK, Level.DESCRIBE) if has_proof else None


def is_told_by_others(health: Health) -> bool:
    """Whether it is unauthorized by what its device told of other channels alone.

    That is worth no more than another look; its own refusal stands.
    """
    is_refused = (health.state, health.reason) == (State.UNAUTHORIZED, Reason.UNAUTHORIZED)
    return is_refused and levels.refused(health.levels) is None


def failed_at(level: Level, asked: Level) -> Level:
    """Where a look went wrong that got as far as `level`."""
    return Level(min(level + 1, max(asked, Level.REACH)))


def is_fresh(instant: float | None, valid: float, now: float) -> bool:
    """Whether what was seen at `instant` still proves something, `valid` seconds long."""
    # A stamp from the future was made by a clock that was wrong: it proves nothing. The few
    # seconds forgive a clock that is being slewed.
    return instant is not None and -5.0 <= now - instant <= valid


def _learnt(health: Health) -> float | None:
    """When anything was last learnt: that the login is wrong is, of a channel nobody asked, too."""
    last = health.last
    if last is None or last.reason is not Reason.UNAUTHORIZED:
        return health.probed
    return max(health.probed or last.t0, last.t0)


def _lives(result: ProbeResult) -> bool:
    """Whether it answered a look without the login, which says nothing else."""
    has_answered = result.asked is Level.REACH <= result.level
    return has_answered and result.reason is Reason.NOT_TESTED


def _by_depth(health: Health, reason: Reason, level: Level, asked: Level) -> Evidence:
    """What the reason says of a look that got as far as `level`; SEEN: nothing is wrong."""
    evidence = EVIDENCE[reason]
    if evidence is Evidence.BUSY and level < Level.DESCRIBE and known(health) is Known.UNAUTHORIZED:
        return Evidence.BESIDE  # turned away before the password was looked at
    if evidence not in Evidence.LOST | Evidence.NO_PICTURE:
        return evidence
    if level >= Level.MEDIA:
        return Evidence.SEEN  # a picture had come; what failed was to end it in time
    has_answered = level >= Level.DESCRIBE and asked > Level.DESCRIBE
    return Evidence.NO_PICTURE if has_answered else Evidence.LOST
