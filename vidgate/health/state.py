"""How results become states: pure functions over `Health`, no clock of their own (design.md 5).

`evidence` says what was found, `transitions` what follows from it; here it is carried out: what is
noted, what is counted, and what a new state keeps. Failures are counted apart (`Misses`): no
answer, no picture, no good picture. So a camera that answers is `down` by its missing picture, or
by three looks in a row without an answer; and what was proved before an outage proves nothing
after it.
"""

from dataclasses import replace

from vidgate.health import evidence, flapping, levels
from vidgate.health.evidence import HEALTHY, UNASKED, Found, Rules, is_fresh, known
from vidgate.health.measure import of_probe
from vidgate.health.transitions import Evidence, Keep, Known, Row, Times, row_for
from vidgate.model.channel import Channel
from vidgate.model.health import Health, Level, Misses, ProbeResult, Reason, State

FAILED = frozenset({State.DOWN, State.DEGRADED})
ANSWERING = HEALTHY | {State.BUSY, State.DEGRADED, State.UNAUTHORIZED}

# Kept over a restart at any age: what the register says is looked up again, and a refusal stands,
# because a restart must not cost a try at the password.
STANDING = frozenset({State.DISABLED, State.MAINTENANCE, State.UNAUTHORIZED})


def advance(health: Health, result: ProbeResult, rules: Rules, now: float) -> Health:
    """The health after one probe that ended at wall instant `now`."""
    found = evidence.of_look(health, result, rules, now)
    return _follow(health, _noted(health, result, found, now), found, now)


def judged(health: Health, result: ProbeResult, rules: Rules, now: float) -> State:
    """What one result says without patience, together with the evidence that stands.

    A person who asks a channel in maintenance wants to hear of the camera.
    """
    if known(health) is Known.OFF:
        health = Health(channel=health.channel)
    found = evidence.of_look(health, result, rules, now)
    return _follow(health, _noted(health, result, found, now), found, now, is_final=True).state


def witness(health: Health, key_frame: float, frame: float, now: float) -> Health:
    """A live stream shows pictures, the last ones at those wall instants: `up` at once."""
    if known(health) is Known.OFF:
        return health
    by_level = levels.of_stream(health.levels, Level.MEDIA, Reason.OK, now)
    misses = Misses(picture=health.misses.picture)
    shown = replace(health, probed=now, levels=by_level, misses=misses)
    shown = replace(shown, media_seen=key_frame, last_frame=frame)
    return _follow(health, shown, Found(Evidence.FLOWING, Reason.OK, Level.MEDIA), now)


def miss(health: Health, reason: Reason, level: Level, now: float) -> Health:
    """A live stream failed for good: its own retries were the re-checks, so it decides at once."""
    found = evidence.of_stream(health, reason, level)
    if found.evidence is Evidence.UNTESTED or known(health) is Known.OFF:
        return health
    by_level = levels.of_stream(health.levels, level, reason, now)
    failed = replace(health, probed=now, levels=by_level)
    return _follow(health, failed, found, now, is_final=True)


def effective(
    health: Health, channel: Channel, rules: Rules, now: float, *, is_maintained: bool = False
) -> Health:
    """What still holds at wall instant `now` without any new result."""
    found = evidence.of_order(health, channel, is_maintained)
    if found is None and health.state is not State.UNKNOWN:
        found = evidence.of_time(health, rules, now)
    return health if found is None else _follow(health, health, found, now)


def renewed(health: Health, now: float) -> Health:
    """The credential changed: what was refused may be granted."""
    forgiven = replace(health, levels=levels.forgiven(health.levels))
    return _follow(health, forgiven, Found(Evidence.RENEWED), now)


def moved(health: Health, now: float) -> Health:
    """It has another address: nothing found so far is of that camera; a person's word stands."""
    new = Health(channel=health.channel, since=now)
    if known(health) is not Known.OFF:
        return new
    return replace(new, state=health.state, reason=health.reason, since=health.since)


def restored(health: Health, rules: Rules, now: float) -> Health:
    """A stored health as the service starts: kept if younger than two periods, else unknown."""
    failed = Level.NONE
    if health.state not in HEALTHY or health.reason is not Reason.OK:
        failed = evidence.failed_at(health.level, Level.PICTURE)
    kept = replace(health, good=0, misses=Misses(), failed=failed)
    is_told_by_others = evidence.is_told_by_others(health)
    if is_told_by_others and not health.levels:  # saved before levels were: it was its own refusal
        refused = levels.of_stream(
            {}, Level.REACH, Reason.UNAUTHORIZED, health.probed or health.since
        )
        return replace(kept, levels=refused)
    if health.state in STANDING and not is_told_by_others:
        return kept
    if health.state is State.DEGRADED and not rules.judges_pictures:
        fresh = False  # nobody would ever see that it is mended
    elif health.state is State.UP and health.level >= Level.MEDIA:
        fresh = is_fresh(health.media_seen, rules.media_valid, now)
    else:
        valid = rules.media_valid if failed >= Level.MEDIA else rules.describe_valid
        fresh = is_fresh(health.probed, valid, now)
    return kept if fresh else _follow(kept, kept, Found(Evidence.FORGOTTEN), now)


def needs_recheck(health: Health) -> bool:
    """Whether a change is in doubt, so that the next look should come in seconds."""
    return health.good > 0 or (health.state in ANSWERING and health.misses.most > 0)


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


def _noted(health: Health, result: ProbeResult, found: Found, now: float) -> Health:
    """With what the look found and measured, whatever it means."""
    looked = replace(health, last=result)
    is_asked = result.asked > Level.NONE and found.evidence not in UNASKED
    if not is_asked or known(health) is Known.OFF:
        return looked
    looked = replace(
        looked,
        probed=now,
        measured=of_probe(health.measured, result, now),
        levels=levels.of_probe(health.levels, result, now),
        misses=_counted(health.misses, result, found.evidence),
    )
    if result.level >= Level.MEDIA:  # also where the picture that came is a bad one
        looked = replace(looked, media_seen=now, last_frame=now)
    return looked


def _counted(misses: Misses, result: ProbeResult, found: Evidence) -> Misses:
    """With one look more; what it reached went well."""
    if found is Evidence.LOST:
        is_mute = result.asked >= Level.MEDIA
        return replace(misses, answer=misses.answer + 1, media=misses.media + is_mute)
    if found is Evidence.NO_PICTURE:
        return replace(misses, answer=0, media=misses.media + 1)
    if result.level >= Level.MEDIA:
        return Misses(picture=misses.picture + (found is Evidence.BAD_PICTURE))
    return replace(misses, answer=0) if result.level >= Level.DESCRIBE else misses


def _follow(
    before: Health, health: Health, found: Found, now: float, *, is_final: bool = False
) -> Health:
    """What the table says of `before`, carried out on `health`, which is the same with the look
    noted. Short of the times that it asks for, only the doubt.
    """
    row = row_for(known(before), found.evidence)
    if row.state is None:
        return health
    if row.times is Times.TWICE:
        health = replace(health, good=health.good + 1)
    elif row.times is Times.THRICE:  # the doubt reaches as deep as the deepest failure
        health = replace(health, good=0, failed=max(health.failed, found.failed))
    if is_final or _count(health, row, found.evidence) >= row.times:
        return _enter(health, row, row.state, found, now)
    return health


def _count(health: Health, row: Row, found: Evidence) -> int:
    """How often in a row it was found."""
    if row.times is Times.THRICE:
        misses = health.misses
        counts = {Evidence.LOST: misses.answer, Evidence.NO_PICTURE: misses.media}
        return counts.get(found, misses.picture)
    return health.good if row.times is Times.TWICE else 1


def _enter(health: Health, row: Row, state: State, found: Found, now: float) -> Health:
    if row.keeps is Keep.NOTHING:
        return Health(channel=health.channel, since=now, last_frame=health.last_frame)
    has_doubt = Keep.DOUBT in row.keeps
    has_fallen = state in FAILED and health.state in (*HEALTHY, State.BUSY)
    return replace(
        health,
        state=state,
        reason=found.reason,
        level=found.level,
        since=health.since if state is health.state else now,
        good=0,
        misses=health.misses if has_doubt else Misses(),
        failed=health.failed if has_doubt else found.failed,
        media_seen=health.media_seen if Keep.PROOF in row.keeps else None,
        falls=flapping.with_fall(health, now) if has_fallen else health.falls,
    )
