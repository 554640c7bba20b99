"""How results become states: pure functions over `Health`, no clock of their own (design.md 5).

What keeps the state honest:

- `up` needs a key frame no older than two media periods; a DESCRIBE alone makes `reachable`.
- A good result refutes only what failed at its own level or below: a camera that describes its
  stream but sends no picture stays `down` however often it answers a DESCRIBE.
- The first result from `unknown` decides at once, and so does the first look for a picture of a
  channel whose pictures nobody has seen yet. Between known states a failure must be seen three
  times and a recovery twice.
- Failures are counted apart (`Misses`): no answer, no picture, no good picture. A camera that
  answers is `down` by its missing picture, or by three looks in a row without an answer.
- `busy`, `unauthorized` and `unsupported` are definite answers of a living camera: at once.
- What was proved before an outage proves nothing after it.
- A look that could not be made (preempted, our own fault) changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from vidgate.health import levels
from vidgate.health.measure import of_probe
from vidgate.model.channel import Channel
from vidgate.model.health import Health, Level, Misses, ProbeResult, Reason, State

HEALTHY = frozenset({State.UP, State.REACHABLE})
FAILED = frozenset({State.DOWN, State.DEGRADED})
ANSWERING = HEALTHY | {State.BUSY, State.DEGRADED}

FLAP_WINDOW = 3600.0  # seconds
FLAPS = 4  # falls within them: it flaps
MOST_FALLS = 120  # that are remembered

# Kept over a restart at any age: what the register says is looked up again, and a refusal stands,
# because a restart must not cost a try at the password.
STANDING = frozenset({State.DISABLED, State.MAINTENANCE, State.UNAUTHORIZED})

# What one reason says of the camera; None says nothing.
VERDICTS: Mapping[Reason, State | None] = {
    Reason.OK: State.REACHABLE,  # or UP, by level: `_healthy`
    Reason.UNREACHABLE: State.DOWN,
    Reason.TIMEOUT: State.DOWN,
    Reason.TLS: State.DOWN,
    Reason.PROTOCOL_ERROR: State.DOWN,
    Reason.NOT_FOUND: State.DOWN,
    Reason.REFUSED: State.DOWN,
    Reason.NO_MEDIA: State.DOWN,
    Reason.NO_KEY_FRAME: State.DOWN,
    Reason.FROZEN: State.DEGRADED,
    Reason.BUSY: State.BUSY,
    Reason.UNAUTHORIZED: State.UNAUTHORIZED,
    Reason.NO_CREDENTIAL: State.UNAUTHORIZED,
    Reason.UNSUPPORTED: State.REACHABLE,  # it lives, and its pictures prove nothing to us
    Reason.NO_ADDRESS: State.UNKNOWN,
    Reason.DENIED_ADDRESS: State.UNKNOWN,
    Reason.NOT_TESTED: None,
    Reason.EXCUSED: None,
    Reason.ERROR: None,
}


@dataclass(frozen=True, slots=True)
class Rules:
    """How one channel is judged. `media_valid` and `describe_valid`: seconds a result stands."""

    media_valid: float = 1800.0
    describe_valid: float = 120.0
    describe_proves: bool = False
    judges_pictures: bool = False
    bad_needed: int = 3
    good_needed: int = 2


def verdict(result: ProbeResult, rules: Rules) -> State:
    """What one result says taken alone, as if nothing were known before."""
    return advance(Health(channel=result.channel), result, rules, result.t0).state


def advance(health: Health, result: ProbeResult, rules: Rules, now: float) -> Health:
    """The health after one probe that ended at wall instant `now`."""
    target = VERDICTS[result.reason]
    if target is None:
        reason = result.reason if health.state is State.UNKNOWN else health.reason
        return replace(health, last=result, reason=reason)
    if target is State.UNKNOWN:  # the camera was never asked
        return _enter(replace(health, last=result), target, result.reason, Level.NONE, now)
    measured = of_probe(health.measured, result, now)
    by_level = levels.of_probe(health.levels, result, now)
    misses = _counted(health.misses, result, target)
    looked = replace(
        health, last=result, probed=now, measured=measured, levels=by_level, misses=misses
    )
    if result.level >= Level.MEDIA:  # also where the picture that came is a bad one
        looked = replace(looked, media_seen=now, last_frame=now)
    if result.is_good:
        return _good(looked, result.level, rules, now)
    return _bad(looked, result, target, rules, now)


def witness(health: Health, key_frame: float, frame: float, now: float) -> Health:
    """A live stream shows pictures, the last ones at those wall instants: `up` at once.

    A picture fault (`degraded`) stands: that frames flow does not refute it.
    """
    by_level = levels.of_stream(health.levels, Level.MEDIA, Reason.OK, now)
    shown = replace(health, media_seen=key_frame, last_frame=frame, probed=now, levels=by_level)
    if health.failed > Level.MEDIA and health.state is State.DEGRADED:
        return replace(shown, misses=Misses())
    return _enter(replace(shown, failed=Level.NONE), State.UP, Reason.OK, Level.MEDIA, now)


def miss(health: Health, reason: Reason, level: Level, now: float) -> Health:
    """A live stream failed for good: its own retries were the re-checks, so it decides at once."""
    target = VERDICTS[reason]
    if target is None:
        return health
    by_level = levels.of_stream(health.levels, level, reason, now)
    failed = replace(health, probed=now, failed=_above(level, Level.MEDIA), levels=by_level)
    return _enter(failed, target, reason, level, now)


def effective(
    health: Health, channel: Channel, rules: Rules, now: float, *, is_maintained: bool = False
) -> Health:
    """What still holds at wall instant `now` without any new result."""
    if not channel.enabled:
        return _enter(health, State.DISABLED, Reason.NOT_TESTED, Level.NONE, now)
    if is_maintained:
        return _enter(health, State.MAINTENANCE, Reason.NOT_TESTED, Level.NONE, now)
    if health.state in (State.DISABLED, State.MAINTENANCE):
        return Health(channel=health.channel, since=now, last_frame=health.last_frame)
    if health.state is State.UP and health.level >= Level.MEDIA:
        return _aged_picture(health, rules, now)
    if health.state in (State.UNKNOWN, State.UNAUTHORIZED):
        return health  # a refusal stands until the credential changes: asking again locks cameras
    if _is_fresh(health.probed, rules.media_valid, now):
        return health
    return _forget(health, now)


def restored(health: Health, rules: Rules, now: float) -> Health:
    """A stored health as the service starts: kept if younger than two periods, else unknown."""
    failed = Level.NONE
    if health.state not in HEALTHY or health.reason is not Reason.OK:
        failed = _above(health.level, Level.PICTURE)
    kept = replace(health, good=0, misses=Misses(), failed=failed)
    if health.state is State.DEGRADED and not rules.judges_pictures:
        return _forget(kept, now)  # nobody would ever see that it is mended
    if health.state in STANDING:
        return kept
    if health.state is State.UP and health.level >= Level.MEDIA:
        fresh = _is_fresh(health.media_seen, rules.media_valid, now)
    else:
        by_media = failed >= Level.MEDIA
        valid = rules.media_valid if by_media else rules.describe_valid
        fresh = _is_fresh(health.probed, valid, now)
    return kept if fresh else _forget(kept, now)


def needs_recheck(health: Health, rules: Rules) -> bool:
    """Whether a change is in doubt, so that the next look should come in seconds."""
    if health.state in ANSWERING and health.misses.most:
        return True
    return health.state in FAILED and 0 < health.good < rules.good_needed


def falls(health: Health, now: float) -> int:
    """How often the channel fell within the hour before `now`."""
    return sum(0 <= now - at < FLAP_WINDOW for at in health.falls)


def is_flapping(health: Health, now: float) -> bool:
    """Whether it falls and comes back so often that each turn says little."""
    return falls(health, now) >= FLAPS


def shifted(health: Health, seconds: float) -> Health:
    """The same health told by a wall clock that was stepped by `seconds`."""

    def moved(instant: float | None) -> float | None:
        return None if instant is None else instant + seconds

    return replace(
        health,
        since=health.since + seconds,
        probed=moved(health.probed),
        media_seen=moved(health.media_seen),
        last_frame=moved(health.last_frame),
        levels=levels.shifted(health.levels, seconds),
        falls=tuple(at + seconds for at in health.falls),
    )


def _good(health: Health, level: Level, rules: Rules, now: float) -> Health:
    if level < max(health.failed, Level.DESCRIBE):
        return health
    health = replace(health, good=health.good + 1)
    if health.state in FAILED and health.good < rules.good_needed:
        return health
    state, proved = _healthy(health, level, rules, now)
    return _enter(replace(health, failed=Level.NONE), state, Reason.OK, proved, now)


def _healthy(health: Health, level: Level, rules: Rules, now: float) -> tuple[State, Level]:
    if level >= Level.MEDIA:
        return State.UP, level
    if _is_fresh(health.media_seen, rules.media_valid, now):
        return State.UP, Level.MEDIA
    return (State.UP if rules.describe_proves else State.REACHABLE), level


def _bad(health: Health, result: ProbeResult, target: State, rules: Rules, now: float) -> Health:
    failed = _above(result.level, result.asked)
    is_lesser = failed < Level.MEDIA <= health.failed  # the doubt, or the fault, lies deeper
    if target in FAILED and not _decides(health, result, target, is_lesser, rules):
        return replace(health, good=0, failed=health.failed if is_lesser else failed)
    return _enter(replace(health, good=0, failed=failed), target, result.reason, result.level, now)


def _decides(
    health: Health, result: ProbeResult, target: State, is_lesser: bool, rules: Rules
) -> bool:
    if health.state is State.UNKNOWN or (health.state is target and not is_lesser):
        return True
    misses = health.misses
    if result.level >= Level.MEDIA:
        return misses.picture >= rules.bad_needed
    if result.level < Level.DESCRIBE:
        return misses.answer >= rules.bad_needed
    # Nobody has looked for its pictures yet: in that respect it is unknown.
    is_unseen = (
        health.state in HEALTHY and health.media_seen is None and health.failed < Level.MEDIA
    )
    return is_unseen or misses.media >= rules.bad_needed


def _counted(misses: Misses, result: ProbeResult, target: State) -> Misses:
    """With one look more. A definite answer is no failure to answer, and leaves no doubt."""
    level, is_bad = result.level, not result.is_good
    if is_bad and target not in FAILED:
        return Misses()
    if level >= Level.MEDIA:
        return Misses(picture=misses.picture + is_bad if level < Level.PICTURE else 0)
    media = misses.media + (is_bad and result.asked >= Level.MEDIA)
    if level >= Level.DESCRIBE:
        return replace(misses, answer=0, media=media)
    return replace(misses, answer=misses.answer + is_bad, media=media)


def _enter(health: Health, state: State, reason: Reason, level: Level, now: float) -> Health:
    proof_stands = state in (State.UP, State.BUSY, State.DEGRADED) or (
        state is State.REACHABLE and reason is Reason.OK
    )
    return replace(
        health,
        state=state,
        reason=reason,
        level=level,
        since=health.since if state is health.state else now,
        misses=Misses(),
        good=health.good if state in HEALTHY else 0,
        media_seen=health.media_seen if proof_stands else None,
        falls=_falls(health, state, now),
    )


def _falls(health: Health, state: State, now: float) -> tuple[float, ...]:
    """The falls of late, with this one if it is one: from well to not."""
    if not (state in FAILED and health.state in (*HEALTHY, State.BUSY)):
        return health.falls
    return (*(at for at in health.falls if now - at < FLAP_WINDOW), now)[-MOST_FALLS:]


def _aged_picture(health: Health, rules: Rules, now: float) -> Health:
    if _is_fresh(health.media_seen, rules.media_valid, now):
        return health
    if not _is_fresh(health.probed, rules.media_valid, now):
        return _forget(health, now)
    state = State.UP if rules.describe_proves else State.REACHABLE
    aged = _enter(health, state, Reason.OK, Level.DESCRIBE, now)
    return replace(aged, misses=health.misses)  # an aged proof settles no doubt


def _forget(health: Health, now: float) -> Health:
    gone = _enter(health, State.UNKNOWN, Reason.NOT_TESTED, Level.NONE, now)
    return replace(gone, failed=Level.NONE, good=0)


def _above(level: Level, most: Level) -> Level:
    return Level(min(level + 1, max(most, Level.REACH)))


def _is_fresh(instant: float | None, valid: float, now: float) -> bool:
    # A stamp from the future was made by a clock that was wrong: it proves nothing. The few
    # seconds forgive a clock that is being slewed.
    return instant is not None and -5.0 <= now - instant <= valid
