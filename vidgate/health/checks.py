"""When a channel is looked at next, and how deep: pure arithmetic over monotonic seconds."""

import random
from dataclasses import dataclass, replace
from math import inf

from vidgate.health import levels
from vidgate.health.evidence import EVIDENCE, HEALTHY, Rules
from vidgate.health.flapping import is_flapping
from vidgate.health.state import needs_recheck
from vidgate.health.transitions import Evidence
from vidgate.model.channel import Channel, Kind, Platform
from vidgate.model.health import Health, Level, ProbeResult, Reason, State
from vidgate.settings.tree import ProbeSettings

# A failure is looked at again 5 s and 10 s after it was first seen: a dead camera is found in
# 60 + 10 s and one last timeout of 5 s.
RECHECK = 5.0
# One that flaps is believed more slowly: each of its turns would cost five connections more.
FLAPPING_RECHECK = 20.0
MEDIA_RETRY = 60.0  # after a missing picture; doubled each time up to the media period
# Two hundred pictures that go missing together keep four sessions busy for four minutes.
SCARCE_RETRY = 240.0
BUSY_PAUSE = 30.0  # until a camera short of sessions (453, 503) is asked anything again
FEW_SLOTS = 8  # of a platform; two hundred channels would wait minutes for a picture
NOTHING_LEARNT = 30.0  # a look was preempted, or failed by our own fault


@dataclass(frozen=True, slots=True)
class Plan:
    """When the next DESCRIBE and the next look for a picture are due; inf: never by itself.

    The first look for a picture that is due after `picture_at` judges it as well.
    """

    describe_at: float = inf
    media_at: float = inf
    media_misses: int = 0
    picture_at: float = inf

    @property
    def due(self) -> float:
        """When the next look of either kind is due."""
        return min(self.describe_at, self.media_at)

    def level_at(self, now: float) -> Level:
        """How deep the look that is due goes; a look for a picture describes on its way."""
        if self.media_at > max(now, self.describe_at):
            return Level.DESCRIBE
        return Level.PICTURE if self.picture_at <= max(now, self.media_at) else Level.MEDIA


STOPPED = Plan()


@dataclass(frozen=True, slots=True)
class Cadence:
    """The periods of one channel, in seconds. `is_scarce`: its platform has few PLAY sessions.

    `picture` inf: its pictures are not judged.
    """

    describe: float
    media: float
    is_scarce: bool = False
    picture: float = inf

    @property
    def retry(self) -> float:
        """Seconds until a missing picture is first looked for again."""
        return min(self.media, SCARCE_RETRY if self.is_scarce else MEDIA_RETRY)

    def rules(self, *, describe_proves: bool = False) -> Rules:
        """How a channel of these periods is judged: evidence stands for two of them."""
        return Rules(
            media_valid=2 * self.media,
            describe_valid=2 * self.describe,
            describe_proves=describe_proves,
            judges_pictures=self.picture < inf,
        )


def cadence(channel: Channel, platform: Platform | None, settings: ProbeSettings) -> Cadence:
    """The periods of a channel: pictures are asked for less often through a platform."""
    media = settings.media_period_platform if channel.platform else settings.media_period
    is_scarce = platform is not None and 0 < platform.slots < FEW_SLOTS
    return Cadence(settings.describe_period, media, is_scarce, settings.picture_period or inf)


def is_probed(channel: Channel) -> bool:
    """Whether the background asks it: counted, and not one that comes to us by itself."""
    return channel.is_counted and channel.kind is not Kind.PUSH


def first_plan(
    health: Health, times: Cadence, now: float, rng: random.Random, *, age: float = 0.0
) -> Plan:
    """The plan of a channel that has just become known: spread over the periods.

    `age`: seconds since its last key frame was seen; the next one comes before that proof lapses.
    """
    if health.state is State.DISABLED:
        return STOPPED
    media_at = inf
    if health.state is State.UP:
        media_at = now + rng.uniform(0.0, max(times.describe, times.media - age))
    elif health.state not in (State.UNKNOWN, State.UNAUTHORIZED) and health.failed >= Level.MEDIA:
        media_at = now + rng.uniform(0.0, times.retry)
    elif health.state is State.REACHABLE:
        media_at = now + rng.uniform(0.0, times.describe)
    picture_at = _first_picture(health, times, now, rng)
    return Plan(now + rng.uniform(0.0, times.describe), media_at, picture_at=picture_at)


@dataclass(frozen=True, slots=True)
class Look:
    """One finished probe: monotonic instants of its start and end, and the health before it; `wall`
    is the end by the wall clock. `owed_at`: from when on the login that somebody has seen to may be
    tried, where it was too early; None: it is not.
    """

    result: ProbeResult
    started: float
    ended: float
    before: Health
    rng: random.Random
    wall: float = 0.0
    owed_at: float | None = None


def next_plan(plan: Plan, health: Health, times: Cadence, rules: Rules, look: Look) -> Plan:
    """The plan after `look`, which led to `health`."""
    found = EVIDENCE[look.result.reason]
    if _is_stopped(health, found, look.result):
        return STOPPED
    if found is Evidence.UNTESTED:
        return _postponed(plan, times, look)
    if found is Evidence.NO_ADDRESS:
        return _looked_up_again(plan, times, look)
    describe_at = look.started + times.describe * look.rng.uniform(0.95, 1.0)
    media_at, misses = _next_media(plan, health, times, look)
    picture_at = _next_picture(plan, health, times, look)
    if needs_recheck(health):
        misses = min(misses, plan.media_misses)  # not believed to be one yet
        pause = FLAPPING_RECHECK if is_flapping(health, look.wall) else RECHECK
        again = max(look.ended, look.started + pause)
        if _looks_deep(health, times, rules):
            # A describe in between settles nothing, so it must not put the look off either.
            media_at = again if look.result.asked >= Level.MEDIA else min(media_at, again)
            picture_at = media_at if health.failed is Level.PICTURE else picture_at
        else:
            describe_at = again
    if look.result.reason is Reason.BUSY:
        rest = look.ended + BUSY_PAUSE
        describe_at, media_at = max(describe_at, rest), max(media_at, rest)
    return Plan(describe_at, media_at, misses, picture_at)


def _looks_deep(health: Health, times: Cadence, rules: Rules) -> bool:
    """Whether the look again is one for the picture, because a describe would settle nothing.

    A recovery is confirmed by the picture as well, which saves a connection; but where sessions are
    few the channels would queue for them, still called down.
    """
    if health.good:
        is_free = not times.is_scarce and not rules.describe_proves
        return is_free or health.failed >= Level.MEDIA
    is_only_silent = health.misses.media == health.misses.picture == 0
    return health.failed >= Level.MEDIA and not is_only_silent


def _next_media(plan: Plan, health: Health, times: Cadence, look: Look) -> tuple[float, int]:
    """When the next picture is asked for, and how often in a row it was looked for in vain."""
    result, ended = look.result, look.ended
    if health.state is State.UNAUTHORIZED:
        return inf, 0
    if result.asked >= Level.MEDIA and (result.is_good or result.level >= Level.MEDIA):
        # The first looks at a register come in one wave; the wide draw takes it apart.
        least = 0.5 if look.before.level < Level.MEDIA else 0.85
        return ended + times.media * look.rng.uniform(least, 1.0), 0
    if health.failed and health.failed < Level.MEDIA and health.state is State.DOWN:
        return inf, plan.media_misses  # no answer, no picture: wait for the answer
    if result.asked is Level.REACH:  # no login was shown, and a picture may want it
        later = ended + min(NOTHING_LEARNT, times.media / 2)
        return later if plan.media_at == inf else max(plan.media_at, later), plan.media_misses
    if result.asked >= Level.MEDIA:
        pause = min(times.media, times.retry * 2.0 ** min(plan.media_misses, 10))
        return ended + pause * look.rng.uniform(0.9, 1.1), plan.media_misses + 1
    answers_anew = look.before.state not in HEALTHY or _was_foreign(look.before)
    if health.state in HEALTHY and answers_anew and result.reason is not Reason.UNSUPPORTED:
        return ended, 0  # for the first time, or again, or otherwise: is there a picture?
    return plan.media_at, plan.media_misses


def _was_foreign(health: Health) -> bool:
    """Whether the last describe told of a stream that is not for us."""
    last = health.last
    return last is not None and last.reason is Reason.UNSUPPORTED and last.asked < Level.MEDIA


def _first_picture(health: Health, times: Cadence, now: float, rng: random.Random) -> float:
    """A picture is judged once there is one; a fault that stands, at the next look for it."""
    if times.picture == inf or health.state not in (State.UP, State.DEGRADED):
        return inf
    return now + (rng.uniform(0.0, times.picture) if health.state is State.UP else 0.0)


def _next_picture(plan: Plan, health: Health, times: Cadence, look: Look) -> float:
    if look.result.level >= Level.PICTURE:
        return look.ended + times.picture * look.rng.uniform(0.85, 1.0)
    if plan.picture_at == inf or health.state is State.DEGRADED:
        return _first_picture(health, times, look.ended, look.rng)
    return plan.picture_at


def _postponed(plan: Plan, times: Cadence, look: Look) -> Plan:
    """Soon again: evidence stands for two periods, so one look given up must not let it lapse.

    Not before a platform may be asked: each of its channels would be looked up in vain.
    """
    if look.owed_at is not None:
        return Plan(max(look.ended, look.owed_at) + look.rng.uniform(0.0, times.describe))
    if look.result.asked >= Level.MEDIA:
        media_at = look.ended + min(NOTHING_LEARNT, times.media / 2)
        return replace(plan, describe_at=max(plan.describe_at, look.ended), media_at=media_at)
    later = look.ended + min(NOTHING_LEARNT, times.describe / 2)
    return replace(plan, describe_at=later, media_at=max(plan.media_at, later))


def _looked_up_again(plan: Plan, times: Cadence, look: Look) -> Plan:
    """Names and platforms say something else the next time, settings after a restart; and an
    address that is written down costs no connection to be refused again.
    """
    pause = min(times.media, times.describe * 2.0 ** min(plan.media_misses, 10))
    return Plan(look.ended + pause, media_misses=plan.media_misses + 1)


def _is_stopped(health: Health, found: Evidence, result: ProbeResult) -> bool:
    """Whether nothing is to be asked before somebody edits the channel or its login.

    So it is where a refused login cannot be withheld: one more try and some lock the account.
    """
    is_mute = found is Evidence.UNTESTED and result.asked is Level.NONE
    is_refused = health.state is State.UNAUTHORIZED and levels.refused(health.levels) is not None
    return health.state is State.DISABLED or (is_refused and is_mute)
