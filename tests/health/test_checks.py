"""When a channel is looked at next, and how deep."""

import random
from dataclasses import replace
from math import inf

import pytest

from tests.health.fakes import FakeRegister, result
from vidgate.health.checks import (
    BUSY_PAUSE,
    MEDIA_RETRY,
    NOTHING_LEARNT,
    RECHECK,
    STOPPED,
    Cadence,
    Look,
    Plan,
    cadence,
    first_plan,
    is_probed,
    next_plan,
)
from vidgate.health.demand import Demands
from vidgate.health.evidence import Rules
from vidgate.health.roster import Roster
from vidgate.health.state import advance
from vidgate.model.channel import Channel, Kind, Lifecycle, Platform
from vidgate.model.health import Health, Level, ProbeResult, Reason, State
from vidgate.settings.tree import ProbeSettings

TIMES = Cadence(describe=60.0, media=900.0)
RULES = Rules(media_valid=1800.0)
WALL = 1_700_000_000.0
UNKNOWN = Health(channel="c")
SEEN = result("c", asked=Level.MEDIA)
DEAD = result("c", Reason.UNREACHABLE)
MUTE = result("c", Reason.NO_MEDIA, asked=Level.MEDIA, level=Level.DESCRIBE)
FULL = result("c", Reason.BUSY, asked=Level.MEDIA, level=Level.DESCRIBE)
FROZEN = result("c", Reason.FROZEN, asked=Level.PICTURE, level=Level.MEDIA)
UNSUPPORTED = result("c", Reason.UNSUPPORTED, asked=Level.MEDIA, level=Level.DESCRIBE)
JUDGED = Cadence(describe=60.0, media=900.0, picture=3600.0)


class Story:
    """A channel's looks one after the other, each at the moment that the plan says."""

    def __init__(self, times: Cadence = TIMES) -> None:
        self.times = times
        self.now = 1000.0
        self.health = UNKNOWN
        self.plan = Plan(describe_at=self.now)
        self.rng = random.Random(1)

    def look(self, found: ProbeResult, lasted: float = 0.0) -> "Story":
        """One look that takes `lasted` seconds."""
        before, started = self.health, self.now
        self.now += lasted
        self.health = advance(before, found, RULES, WALL + self.now)
        look = Look(found, started, self.now, before, self.rng)
        self.plan = next_plan(self.plan, self.health, self.times, RULES, look)
        return self

    def wait(self) -> "Story":
        """Until the next look is due."""
        self.now = self.plan.due
        return self

    @property
    def state(self) -> State:
        """What is claimed now."""
        return self.health.state

    @property
    def level(self) -> Level:
        """How deep the next look goes."""
        return self.plan.level_at(self.plan.due)


def test_a_first_describe_is_followed_by_a_look_for_the_picture_at_once() -> None:
    story = Story().look(result("c"))
    assert story.health.state is State.REACHABLE
    assert (story.plan.due, story.level) == (story.now, Level.MEDIA)


def test_the_periods_when_all_is_well() -> None:
    story = Story().look(result("c")).look(SEEN)
    assert 57.0 <= story.plan.describe_at - story.now <= 60.0
    assert 450.0 <= story.plan.media_at - story.now <= 900.0
    story.look(SEEN)
    assert 765.0 <= story.plan.media_at - story.now <= 900.0
    media_at = story.plan.media_at
    assert story.wait().look(result("c")).plan.media_at == media_at


@pytest.mark.parametrize("timeout", [0.0, 5.0])
def test_a_dead_camera_is_known_within_75_seconds(timeout: float) -> None:
    story = Story().look(SEEN)
    died = story.now  # just after it was looked at
    for _ in range(3):
        story.wait()
        assert story.level is Level.DESCRIBE
        story.look(DEAD, timeout)
    assert story.health.state is State.DOWN
    assert story.now - died <= 75.0


def test_rechecks_come_after_5_and_10_seconds() -> None:
    story = Story().look(SEEN).wait()
    first = story.now
    story.look(DEAD).wait()
    assert story.now - first == RECHECK
    story.look(DEAD).wait()
    assert story.now - first == 2 * RECHECK


@pytest.mark.parametrize("bad", [DEAD, MUTE, result("c", Reason.TIMEOUT, asked=Level.MEDIA)])
@pytest.mark.parametrize("took", [0.0, 4.0, 8.0])
@pytest.mark.parametrize("before", [[], [FULL], [FROZEN] * 3, [UNSUPPORTED]])
def test_every_doubt_is_looked_into_after_5_and_10_seconds(
    before: list[ProbeResult], bad: ProbeResult, took: float
) -> None:
    story = Story(JUDGED).look(SEEN)
    for one in before:
        story.look(one)
    story.now += BUSY_PAUSE
    known = story.state
    for _ in range(2):
        begun = story.now
        story.look(bad, took)
        assert story.state is known
        assert story.plan.due == max(begun + RECHECK, story.now)
        story.wait()
    assert story.look(bad).state is State.DOWN


def test_a_recovered_camera_is_up_within_70_seconds() -> None:
    story = Story().look(DEAD)
    assert story.state is State.DOWN
    assert story.plan.media_at == inf
    revived = story.now
    levels = [story.wait().level, story.look(result("c")).wait().level]
    assert levels == [Level.DESCRIBE, Level.MEDIA]  # the second is for the picture itself
    assert story.look(SEEN, 2.0).health.level is Level.MEDIA
    assert story.now - revived <= 70.0


def test_a_stream_that_we_can_take_at_last_is_looked_at_at_once() -> None:
    foreign = result("c", Reason.UNSUPPORTED, level=Level.DESCRIBE)
    story = Story().look(result("c")).wait().look(SEEN)
    for _ in range(5):
        story.look(foreign)
        story.now = story.plan.describe_at
    assert story.plan.media_at > story.now + TIMES.describe
    story.look(result("c"))
    assert (story.plan.due, story.level) == (story.now, Level.MEDIA)
    assert story.look(SEEN).state is State.UP


def test_where_sessions_are_counted_a_describe_confirms_the_recovery() -> None:
    story = Story(Cadence(describe=60.0, media=1800.0, is_scarce=True)).look(DEAD)
    story.wait().look(result("c")).wait()
    assert story.level is Level.DESCRIBE
    story.look(result("c"))
    assert story.state is State.REACHABLE
    assert (story.plan.due, story.level) == (story.now, Level.MEDIA)


def test_describes_in_between_do_not_put_off_the_recheck_of_a_picture() -> None:
    story = Story(Cadence(describe=RECHECK - 1, media=900.0)).look(result("c")).wait().look(SEEN)
    story.now = story.plan.media_at
    begun = story.now
    story.look(MUTE)
    while story.state is State.UP and story.now < begun + 60:
        story.wait().look(MUTE if story.level is Level.MEDIA else result("c"))
    assert story.now - begun == 2 * RECHECK


def test_a_doubted_picture_is_rechecked_as_a_picture() -> None:
    story = Story().look(SEEN).look(MUTE)
    assert story.plan.due - story.now == RECHECK
    assert story.wait().level is Level.MEDIA


def test_a_busy_camera_that_does_not_answer_is_described_again() -> None:
    story = Story().look(FULL)
    story.now += BUSY_PAUSE
    story.look(DEAD)
    assert (story.plan.due - story.now, story.level) == (RECHECK, Level.DESCRIBE)
    assert story.wait().look(result("c")).plan.due - story.now > RECHECK  # it does


def pauses_after_a_lost_picture(times: Cadence) -> list[float]:
    """Seconds until each next look for a picture that went missing, once that is believed."""
    story = Story(times).look(result("c")).look(SEEN)
    while story.state is State.UP:
        story.now = story.plan.media_at
        story.look(MUTE)
    pauses = []
    for _ in range(7):
        pauses.append(story.plan.media_at - story.now)
        story.now = story.plan.media_at
        story.look(MUTE)
    return pauses


def test_a_picture_that_went_missing_is_looked_for_soon() -> None:
    pauses = pauses_after_a_lost_picture(TIMES)
    wanted = [60.0, 120.0, 240.0, 480.0, 900.0, 900.0, 900.0]
    assert pauses == pytest.approx(wanted, rel=0.1)  # the looks again of the doubt are none of them


def test_where_sessions_are_few_a_missing_picture_waits_longer() -> None:
    pauses = pauses_after_a_lost_picture(Cadence(describe=60.0, media=1800.0, is_scarce=True))
    assert pauses == pytest.approx([240.0, 480.0, 960.0, *[1800.0] * 4], rel=0.1)


def test_a_missing_picture_is_seen_again_within_seventy_seconds() -> None:
    story = Story().look(result("c")).look(SEEN)
    while story.state is State.UP:
        story.now = story.plan.media_at
        story.look(MUTE)
    begun = story.now
    while story.state is State.DOWN:
        story.wait().look(SEEN if story.level is Level.MEDIA else result("c"))
    assert story.now - begun <= 1.1 * MEDIA_RETRY + RECHECK


def test_a_missing_picture_is_asked_for_less_and_less() -> None:
    story = Story().look(result("c")).look(MUTE)
    assert story.health.state is State.DOWN
    pauses = []
    for _ in range(8):
        pauses.append(story.plan.media_at - story.now)
        assert story.plan.describe_at - story.now <= 60.0  # whether it answers is still asked
        story.now = story.plan.media_at
        story.look(MUTE)
    assert 0.9 * MEDIA_RETRY <= pauses[0] <= 1.1 * MEDIA_RETRY
    assert pauses[1] > pauses[0]
    assert max(pauses) <= 1.1 * TIMES.media


def test_a_busy_camera_is_left_alone_for_30_seconds() -> None:
    story = Story().look(FULL)
    assert story.plan.due - story.now >= 30.0
    assert story.plan.media_at - story.now >= 30.0


FINE = result("c", asked=Level.PICTURE)


def test_pictures_are_not_judged_unless_that_was_set() -> None:
    assert Story().look(result("c")).look(SEEN).plan.picture_at == inf


def test_a_judged_picture_stands_for_the_look_for_one() -> None:
    story = Story(JUDGED).look(result("c")).look(SEEN)
    assert story.plan.picture_at <= story.now + 3600.0
    levels = []
    for _ in range(20):
        story.now = max(story.plan.media_at, story.now)
        level = story.plan.level_at(story.now)
        levels.append(level)
        story.look(FINE if level is Level.PICTURE else SEEN)
        assert 765.0 <= story.plan.media_at - story.now <= 900.0
    # Of some four looks for a picture in a period one judges it; none comes on top of them.
    assert 4 <= levels.count(Level.PICTURE) <= 6
    assert Level.DESCRIBE not in levels


def test_a_picture_fault_is_rechecked_as_one_and_its_mending_is_seen() -> None:
    story = Story(JUDGED).look(result("c")).look(SEEN)
    for _ in range(3):
        story.look(FROZEN)
        assert (story.state is State.DEGRADED) or story.plan.due - story.now == RECHECK
        story.now = story.plan.media_at
        assert story.plan.level_at(story.now) is Level.PICTURE
    assert story.state is State.DEGRADED
    assert story.health.media_seen is not None  # a bad picture is one
    story.look(FINE).wait()
    assert (story.level, story.look(FINE).state) == (Level.PICTURE, State.UP)


@pytest.mark.parametrize("reason", [Reason.UNAUTHORIZED, Reason.NO_CREDENTIAL])
def test_what_is_refused_is_asked_on_and_no_more_for_its_picture(reason: Reason) -> None:
    story = Story().look(result("c")).wait()
    story.look(result("c", reason, asked=Level.MEDIA, level=Level.REACH))
    assert story.state is State.UNAUTHORIZED
    for _ in range(3):
        assert 57.0 <= story.plan.due - story.now <= 60.0
        assert story.wait().level is Level.DESCRIBE
        story.look(result("c", Reason.UNAUTHORIZED, asked=Level.REACH, level=Level.REACH))
    assert story.plan.media_at == inf


def test_what_is_refused_and_gives_no_answer_is_asked_again_soon() -> None:
    story = Story().look(result("c", Reason.UNAUTHORIZED, level=Level.REACH)).wait()
    for pause in (RECHECK, RECHECK):
        story.look(result("c", Reason.UNREACHABLE, asked=Level.REACH))
        assert (story.state, story.plan.due - story.now) == (State.UNAUTHORIZED, pause)
        story.wait()
    assert story.look(result("c", Reason.UNREACHABLE, asked=Level.REACH)).state is State.DOWN
    story.wait().look(result("c", Reason.UNAUTHORIZED, asked=Level.REACH, level=Level.REACH))
    assert story.state is State.UNAUTHORIZED


def test_where_a_refused_login_cannot_be_withheld_the_asking_ends() -> None:
    story = Story().look(result("c", Reason.UNAUTHORIZED, level=Level.REACH)).wait()
    story.look(result("c", Reason.NOT_TESTED))
    assert story.plan != STOPPED, "it gave way to a viewer, say"
    assert story.look(result("c", Reason.NOT_TESTED, asked=Level.NONE)).plan == STOPPED


def test_where_others_were_refused_it_goes_on() -> None:
    held = result("c", Reason.UNAUTHORIZED, asked=Level.NONE)
    story = Story().look(result("c")).wait().look(held)
    assert story.state is State.UNAUTHORIZED
    assert story.wait().look(replace(held, reason=Reason.NOT_TESTED)).plan != STOPPED


@pytest.mark.parametrize("reason", [Reason.NO_ADDRESS, Reason.DENIED_ADDRESS])
def test_an_address_that_led_nowhere_is_looked_up_again_ever_less_often(reason: Reason) -> None:
    story = Story().look(result("c")).wait().look(SEEN)
    pauses = []
    for _ in range(8):
        story.look(result("c", reason))
        assert story.level is Level.DESCRIBE
        pauses.append(story.plan.due - story.now)
        story.wait()
    assert pauses == [60.0, 120.0, 240.0, 480.0, 900.0, 900.0, 900.0, 900.0]
    story.look(result("c"))
    assert (story.plan.due, story.level) == (story.now, Level.MEDIA)
    assert story.look(SEEN).look(result("c", reason)).plan.due - story.now == 60.0


def test_a_restart_looks_anew_for_an_address_that_led_nowhere() -> None:
    denied = Health(channel="c", reason=Reason.DENIED_ADDRESS)
    assert first_plan(denied, TIMES, 0.0, random.Random(1)).due <= TIMES.describe


@pytest.mark.parametrize("asked", [Level.DESCRIBE, Level.MEDIA])
def test_a_look_that_was_not_made_is_made_later(asked: Level) -> None:
    story = Story().look(SEEN)
    story.look(result("c", Reason.NOT_TESTED, asked=asked))
    again = story.plan.media_at if asked is Level.MEDIA else story.plan.describe_at
    assert again - story.now == NOTHING_LEARNT


def test_a_look_that_was_not_made_comes_again_before_the_evidence_lapses() -> None:
    story = Story(Cadence(describe=4.0, media=18.0)).look(result("c")).wait().look(SEEN)
    story.look(result("c", Reason.NOT_TESTED, asked=Level.MEDIA))
    assert story.plan.media_at - story.now == 9.0
    story.look(result("c", Reason.NOT_TESTED))
    assert story.plan.describe_at - story.now == 2.0


@pytest.mark.parametrize(
    ("health", "deep"),
    [
        (UNKNOWN, inf),
        (Health(channel="c", state=State.UP, level=Level.MEDIA), TIMES.media),
        (Health(channel="c", state=State.REACHABLE, level=Level.DESCRIBE), TIMES.describe),
        (Health(channel="c", state=State.DOWN, failed=Level.MEDIA), MEDIA_RETRY),
        (Health(channel="c", state=State.DOWN, failed=Level.REACH), inf),
    ],
)
def test_first_plans_are_spread(health: Health, deep: float) -> None:
    plans = [first_plan(health, TIMES, 0.0, random.Random(seed)) for seed in range(100)]
    assert all(0.0 <= plan.describe_at <= TIMES.describe for plan in plans)
    assert max(plan.describe_at for plan in plans) > 0.8 * TIMES.describe
    assert all(plan.media_at == inf if deep == inf else plan.media_at <= deep for plan in plans)


def test_a_restored_picture_is_renewed_before_it_lapses() -> None:
    seen = Health(channel="c", state=State.UP, level=Level.MEDIA)
    for seed in range(100):
        rng = random.Random(seed)
        assert first_plan(seen, TIMES, 0.0, rng, age=600.0).media_at <= TIMES.media - 600.0
        assert first_plan(seen, TIMES, 0.0, rng, age=1700.0).media_at <= TIMES.describe


def test_a_refused_channel_is_not_asked_for_its_picture_after_a_restart() -> None:
    for failed in (Level.DESCRIBE, Level.MEDIA):
        refused = Health(channel="c", state=State.UNAUTHORIZED, failed=failed)
        plan = first_plan(refused, TIMES, 0.0, random.Random(1))
        assert plan.describe_at <= TIMES.describe
        assert plan.media_at == inf


def test_only_delivered_channels_that_we_fetch_are_probed() -> None:
    assert is_probed(Channel(id="c", name="c"))
    assert not is_probed(Channel(id="c", name="c", enabled=False))
    assert not is_probed(Channel(id="c", name="c", lifecycle=Lifecycle.PLANNED))
    assert not is_probed(Channel(id="c", name="c", kind=Kind.PUSH))


def test_periods_and_rules_follow_the_platform() -> None:
    settings = ProbeSettings()
    direct, behind = Channel(id="c", name="c"), Channel(id="c", name="c", platform="p")
    assert cadence(direct, None, settings) == Cadence(60.0, 900.0)
    assert cadence(behind, Platform(id="p"), settings) == Cadence(60.0, 1800.0)
    scarce = cadence(behind, Platform(id="p", slots=4), settings)
    assert scarce == Cadence(60.0, 1800.0, is_scarce=True)
    # Sixteen at a time see two hundred channels in seconds: no answer is asked for twice.
    assert not cadence(behind, Platform(id="p", slots=16), settings).is_scarce
    proving = Demands(Roster(FakeRegister([], [Platform(id="p", describe_proves=True)])), settings)
    rules = proving.rules(behind)
    assert (rules.media_valid, rules.describe_valid, rules.describe_proves) == (3600.0, 120.0, True)
    assert not proving.rules(direct).describe_proves
