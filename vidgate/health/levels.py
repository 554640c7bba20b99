"""What each level's last look found: connected, described, sent a picture, a good one; pure.

A look that reached a level passed all those above it on its way, and failed at the next one; what
lies beyond that was not looked at and keeps its last result, whose age says what it is worth.
"""

from collections.abc import Mapping
from dataclasses import replace

from vidgate.model.health import Level, LevelResult, Outcome, ProbeResult, Reason

Levels = Mapping[Level, LevelResult]

LOOKED_AT = tuple(level for level in Level if level is not Level.NONE)  # in the order of a look

# What only a camera that has let us in can fail at.
STREAMED = frozenset({Reason.NO_MEDIA, Reason.NO_KEY_FRAME})

# Which instant of a look says how long a level took.
TOOK = {Level.REACH: "connected", Level.DESCRIBE: "t1", Level.MEDIA: "t3"}


def of_probe(known: Levels, result: ProbeResult, now: float) -> Levels:
    """With what one look found, at wall instant `now`; for a look that was made."""
    took = {level: getattr(result, name) for level, name in TOOK.items()}
    # Who asks only whether it lives shows no login, so what is known of that stands.
    is_all = result.asked is Level.REACH <= result.level
    return _with(known, result.level, Reason.OK if is_all else result.reason, now, took)


def of_stream(known: Levels, level: Level, reason: Reason, now: float) -> Levels:
    """With what a live stream showed, or why it showed nothing below `level`."""
    return _with(known, level, reason, now, {})


def refused(known: Levels) -> float | None:
    """When the login was last refused; None: it was not, or what it opens was seen since."""
    at = [one.at for one in known.values() if one.reason is Reason.UNAUTHORIZED]
    return max(at, default=None)


def forgiven(known: Levels) -> Levels:
    """Without what was refused to a login that is another one now."""
    return {level: one for level, one in known.items() if one.reason is not Reason.UNAUTHORIZED}


def shifted(known: Levels, seconds: float) -> Levels:
    """The same told by a wall clock that was stepped by `seconds`."""
    return {
        level: replace(one, at=one.at + seconds, since=one.since + seconds)
        for level, one in known.items()
    }


def _with(
    known: Levels, reached: Level, reason: Reason, now: float, took: Mapping[Level, float | None]
) -> Levels:
    found = dict(known)
    for level in LOOKED_AT[:reached]:
        found[level] = _told(known.get(level), Outcome.PASSED, Reason.OK, now, took.get(level))
    if reason is not Reason.OK and reached < Level.PICTURE:
        failed = Level(reached + 1)
        if not _outlasts(known.get(failed), reason):
            found[failed] = _told(known.get(failed), Outcome.FAILED, reason, now, None)
    return found


def _outlasts(before: LevelResult | None, reason: Reason) -> bool:
    """Whether a refusal stands that the new failure says nothing of: busy, late, not found."""
    is_refused = before is not None and before.reason is Reason.UNAUTHORIZED
    return is_refused and reason is not Reason.UNAUTHORIZED and reason not in STREAMED


def _told(
    before: LevelResult | None, outcome: Outcome, reason: Reason, now: float, took: float | None
) -> LevelResult:
    since = before.since if before is not None and before.outcome is outcome else now
    return LevelResult(outcome=outcome, reason=reason, at=now, since=since, took=took)
