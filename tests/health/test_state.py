"""The state table: what is claimed of a camera, and on what evidence."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.health.fakes import result
from vidgate.health.evidence import EVIDENCE, Rules
from vidgate.health.flapping import FLAPS, falls, is_flapping
from vidgate.health.levels import refused
from vidgate.health.state import (
    advance,
    effective,
    judged,
    miss,
    needs_recheck,
    restored,
    shifted,
    witness,
)
from vidgate.model.channel import Channel
from vidgate.model.health import Health, Level, Misses, ProbeResult, Reason, State

NOW = 1_700_000_000.0
RULES = Rules(media_valid=1800.0, describe_valid=120.0)
CHANNEL = Channel(id="c", name="c")

DESCRIBED = result("c")
SEEN = result("c", asked=Level.MEDIA)
DEAD = result("c", Reason.UNREACHABLE)
MUTE = result("c", Reason.NO_MEDIA, asked=Level.MEDIA, level=Level.DESCRIBE)
FULL = result("c", Reason.BUSY, asked=Level.MEDIA, level=Level.DESCRIBE)
REFUSED = result("c", Reason.UNAUTHORIZED, level=Level.REACH)


def after(*results: ProbeResult, rules: Rules = RULES, start: Health | None = None) -> Health:
    """The health after results that came a second apart."""
    health = start or Health(channel="c")
    for number, one in enumerate(results):
        health = advance(health, one, rules, NOW + number)
    return health


@pytest.mark.parametrize(
    ("first", "state"),
    [
        (DESCRIBED, State.REACHABLE),
        (SEEN, State.UP),
        (DEAD, State.DOWN),
        (MUTE, State.DOWN),
        (FULL, State.BUSY),
        (REFUSED, State.UNAUTHORIZED),
        (result("c", Reason.NO_CREDENTIAL, level=Level.REACH), State.UNAUTHORIZED),
        (result("c", Reason.TIMEOUT), State.DOWN),
        (result("c", Reason.PROTOCOL_ERROR, level=Level.REACH), State.DOWN),
        (result("c", Reason.NOT_FOUND, level=Level.REACH), State.DOWN),
        (result("c", Reason.NO_KEY_FRAME, asked=Level.MEDIA, level=Level.DESCRIBE), State.DOWN),
        (result("c", Reason.FROZEN, asked=Level.PICTURE, level=Level.MEDIA), State.DEGRADED),
        (result("c", Reason.UNSUPPORTED, level=Level.DESCRIBE), State.REACHABLE),
        (result("c", Reason.NO_ADDRESS), State.UNKNOWN),
        (result("c", Reason.DENIED_ADDRESS), State.UNKNOWN),
        (result("c", Reason.NOT_TESTED), State.UNKNOWN),
        (result("c", Reason.ERROR), State.UNKNOWN),
    ],
)
def test_the_first_result_decides_at_once(first: ProbeResult, state: State) -> None:
    health = after(first)
    assert health.state is state
    assert health.reason is first.reason
    assert judged(Health(channel="c"), first, RULES, NOW) is state


def test_what_one_look_says_is_told_without_patience() -> None:
    assert judged(after(SEEN), DEAD, RULES, NOW) is State.DOWN
    assert judged(after(SEEN, MUTE, MUTE, MUTE), SEEN, RULES, NOW) is State.UP
    assert judged(after(MUTE), DESCRIBED, RULES, NOW) is State.DOWN  # the evidence stands
    assert judged(after(REFUSED), DEAD, RULES, NOW) is State.DOWN
    resting = effective(after(DEAD), CHANNEL, RULES, NOW, is_maintained=True)
    assert judged(resting, SEEN, RULES, NOW) is State.UP


def test_every_reason_has_a_verdict() -> None:
    assert set(EVIDENCE) == set(Reason)


def test_a_describe_proves_only_where_the_platform_says_so() -> None:
    assert after(DESCRIBED, rules=replace(RULES, describe_proves=True)).state is State.UP
    assert after(DESCRIBED).level is Level.DESCRIBE


def test_a_describe_keeps_a_channel_up_while_its_picture_is_fresh() -> None:
    seen = after(SEEN)
    assert advance(seen, DESCRIBED, RULES, NOW + 1800).state is State.UP
    late = advance(seen, DESCRIBED, RULES, NOW + 1801)
    assert (late.state, late.level) == (State.REACHABLE, Level.DESCRIBE)


def test_two_failures_are_forgiven_the_third_counts() -> None:
    twice = after(SEEN, DEAD, DEAD)
    assert twice.state is State.UP
    assert needs_recheck(twice)
    third = advance(twice, DEAD, RULES, NOW + 9)
    assert (third.state, third.reason, third.since) == (State.DOWN, Reason.UNREACHABLE, NOW + 9)


def test_a_success_between_failures_starts_the_count_anew() -> None:
    assert after(SEEN, DEAD, DEAD, DESCRIBED, DEAD, DEAD).state is State.UP


def test_recovery_takes_two_and_asks_for_a_new_picture() -> None:
    once = after(SEEN, DEAD, DEAD, DEAD, DESCRIBED)
    assert once.state is State.DOWN
    assert needs_recheck(once)
    twice = advance(once, DESCRIBED, RULES, NOW + 9)
    # The key frame from before the outage is five seconds old and proves nothing any more.
    assert (twice.state, twice.media_seen) == (State.REACHABLE, None)
    assert advance(twice, SEEN, RULES, NOW + 10).state is State.UP


def test_a_describe_never_refutes_a_missing_picture() -> None:
    mute = after(SEEN, MUTE, MUTE, MUTE)
    assert (mute.state, mute.level) == (State.DOWN, Level.DESCRIBE)
    for moment in range(10):
        mute = advance(mute, DESCRIBED, RULES, NOW + 60 * moment)
    assert (mute.state, mute.reason) == (State.DOWN, Reason.NO_MEDIA)
    assert after(SEEN, SEEN, start=mute).state is State.UP


def test_a_describe_does_not_lift_the_doubt_about_a_picture() -> None:
    doubted = after(SEEN, MUTE, DESCRIBED, MUTE, DESCRIBED, MUTE)
    assert doubted.state is State.DOWN


def test_a_lesser_failure_does_not_narrow_the_doubt() -> None:
    doubted = after(SEEN, MUTE, DEAD, DESCRIBED)
    assert doubted.failed is Level.MEDIA
    assert doubted.misses == Misses(answer=0, media=1)


def test_the_first_look_for_a_picture_decides_at_once() -> None:
    assert after(DESCRIBED, MUTE).state is State.DOWN
    assert after(DESCRIBED, DEAD).state is State.REACHABLE  # it answered before: that is known


def test_busy_is_never_down_and_needs_no_patience() -> None:
    busy = after(SEEN, FULL)
    assert busy.state is State.BUSY
    assert after(FULL, FULL, FULL, FULL).state is State.BUSY
    assert after(DEAD, FULL).state is State.BUSY
    assert not needs_recheck(busy)
    # It is asked to describe again and does: that says nothing about its sessions.
    assert advance(busy, DESCRIBED, RULES, NOW + 60).state is State.BUSY
    assert advance(busy, SEEN, RULES, NOW + 60).state is State.UP


def test_busy_at_describe_is_refuted_by_a_describe() -> None:
    busy = after(SEEN, result("c", Reason.BUSY, level=Level.REACH))
    assert busy.state is State.BUSY
    assert advance(busy, DESCRIBED, RULES, NOW + 60).state is State.UP  # the picture still stands


def test_a_busy_camera_that_dies_goes_down_the_patient_way() -> None:
    dying = after(FULL, DEAD, DEAD)
    assert dying.state is State.BUSY
    assert needs_recheck(dying)
    assert after(DEAD, start=dying).state is State.DOWN


def test_one_refusal_is_enough_and_any_proof_lifts_it() -> None:
    refused = after(SEEN, REFUSED)
    assert (refused.state, refused.media_seen) == (State.UNAUTHORIZED, None)
    assert after(DESCRIBED, start=refused).state is State.REACHABLE


def test_an_unsupported_codec_is_reachable_and_says_why() -> None:
    strange = after(SEEN, result("c", Reason.UNSUPPORTED, asked=Level.MEDIA, level=Level.DESCRIBE))
    assert (strange.state, strange.reason) == (State.REACHABLE, Reason.UNSUPPORTED)
    again = advance(strange, DESCRIBED, RULES, NOW + 60)
    assert (again.state, again.reason) == (State.REACHABLE, Reason.UNSUPPORTED)


@pytest.mark.parametrize("reason", [Reason.NOT_TESTED, Reason.ERROR])
def test_what_was_not_tested_changes_nothing(reason: Reason) -> None:
    seen = after(SEEN)
    same = advance(seen, result("c", reason), RULES, NOW + 60)
    assert replace(same, last=None) == replace(seen, last=None)


def test_a_new_reason_for_the_same_state_is_told_at_once() -> None:
    health = after(DEAD, result("c", Reason.NOT_FOUND, level=Level.REACH))
    assert (health.state, health.reason, health.since) == (State.DOWN, Reason.NOT_FOUND, NOW)


def test_a_live_picture_is_up_at_once_from_any_state() -> None:
    for start in (after(DEAD), after(REFUSED), after(FULL), after(MUTE), Health(channel="c")):
        health = witness(start, NOW + 50, NOW + 51, NOW + 51)
        assert (health.state, health.level, health.reason) == (State.UP, Level.MEDIA, Reason.OK)
        assert (health.media_seen, health.last_frame) == (NOW + 50, NOW + 51)
        assert health.failed is Level.NONE


def test_flowing_frames_do_not_refute_a_picture_fault() -> None:
    frozen = after(result("c", Reason.FROZEN, asked=Level.PICTURE, level=Level.MEDIA))
    assert witness(frozen, NOW, NOW, NOW).state is State.DEGRADED
    assert after(SEEN, SEEN, SEEN, start=frozen).state is State.DEGRADED


def test_a_dead_live_stream_decides_at_once() -> None:
    watched = witness(Health(channel="c"), NOW, NOW, NOW)
    lost = miss(watched, Reason.NO_MEDIA, Level.DESCRIBE, NOW + 20)
    assert (lost.state, lost.reason, lost.failed) == (State.DOWN, Reason.NO_MEDIA, Level.MEDIA)
    assert advance(lost, DESCRIBED, RULES, NOW + 30).state is State.DOWN
    assert miss(watched, Reason.BUSY, Level.DESCRIBE, NOW).state is State.BUSY
    assert miss(watched, Reason.ERROR, Level.NONE, NOW) == watched


UNSUPPORTED = result("c", Reason.UNSUPPORTED, asked=Level.MEDIA, level=Level.DESCRIBE)
FROZEN = result("c", Reason.FROZEN, asked=Level.PICTURE, level=Level.MEDIA)
DEAD_DEEP = result("c", Reason.UNREACHABLE, asked=Level.MEDIA)


@pytest.mark.parametrize("lost", [DEAD, DEAD_DEEP], ids=["describe", "media"])
@pytest.mark.parametrize(
    "before",
    [
        [UNSUPPORTED],
        [SEEN, MUTE],
        [SEEN, MUTE, MUTE],
        [SEEN, FROZEN, FROZEN],
        [SEEN, DEAD, DEAD, MUTE],
        [FROZEN],
        [SEEN, FROZEN, FROZEN, FROZEN],
        [FULL],
        [SEEN, DEAD, DEAD, FULL],
        [SEEN, DEAD, DEAD, REFUSED],
        [DEAD_DEEP, DEAD_DEEP, DESCRIBED, DESCRIBED],
    ],
    ids=lambda results: "-".join(one.reason for one in results),
)
def test_what_answered_is_not_down_by_two_looks_that_got_no_answer(
    before: list[ProbeResult], lost: ProbeResult
) -> None:
    answering = after(*before)
    assert answering.state is not State.DOWN
    assert after(lost, lost, start=answering).state is answering.state
    assert after(lost, lost, lost, start=answering).state is State.DOWN


def test_a_doubt_about_its_picture_that_outlives_the_proof_is_no_lost_answer() -> None:
    doubted = after(SEEN, MUTE, MUTE)
    aged = effective(doubted, CHANNEL, RULES, NOW + 1801)
    assert aged.state is State.REACHABLE
    assert after(DEAD, DEAD, start=aged).state is State.REACHABLE
    assert after(DEAD, DEAD, DEAD, start=aged).state is State.DOWN


def test_a_live_stream_that_found_it_busy_got_an_answer() -> None:
    busy = miss(after(SEEN, DEAD, DEAD), Reason.BUSY, Level.DESCRIBE, NOW + 10)
    assert after(DEAD, DEAD, start=busy).state is State.BUSY


def test_frames_that_flow_are_an_answer_though_the_picture_is_bad() -> None:
    lost = after(FROZEN, DEAD, DEAD)
    flowing = witness(lost, NOW + 10, NOW + 10, NOW + 10)
    assert flowing.state is State.DEGRADED
    assert after(DEAD, DEAD, start=flowing).state is State.DEGRADED


def test_a_missing_picture_keeps_its_reason_until_the_camera_is_lost_as_well() -> None:
    mute = after(SEEN, MUTE, MUTE, MUTE)
    once = after(DEAD, DEAD, start=mute)
    assert (once.state, once.reason, once.failed) == (State.DOWN, Reason.NO_MEDIA, Level.MEDIA)
    assert after(DESCRIBED, DESCRIBED, start=once).state is State.DOWN
    gone = after(DEAD, start=once)
    assert (gone.state, gone.reason, gone.failed) == (State.DOWN, Reason.UNREACHABLE, Level.REACH)
    assert after(DESCRIBED, DESCRIBED, start=gone).state is State.REACHABLE


def test_a_lost_answer_does_not_free_a_busy_camera() -> None:
    assert after(FULL, DEAD, DESCRIBED).state is State.BUSY


def test_nothing_is_forgotten_between_two_describes_however_short_the_media_period() -> None:
    brief = Rules(media_valid=16.0, describe_valid=30.0)
    dead = after(*[result("c", Reason.UNREACHABLE)] * 3, rules=brief)
    assert dead.state is State.DOWN
    for age, state in ((29.0, State.DOWN), (31.0, State.UNKNOWN)):
        assert effective(dead, CHANNEL, brief, (dead.probed or 0.0) + age).state is state


def test_a_proof_lapses_by_time_alone() -> None:
    seen = advance(after(SEEN), DESCRIBED, RULES, NOW + 1790)
    assert effective(seen, CHANNEL, RULES, NOW + 1800) is seen
    lapsed = effective(seen, CHANNEL, RULES, NOW + 1801)
    assert (lapsed.state, lapsed.level) == (State.REACHABLE, Level.DESCRIBE)
    proving = replace(RULES, describe_proves=True)
    assert effective(seen, CHANNEL, proving, NOW + 1801).state is State.UP


def test_what_nobody_looked_at_for_long_is_unknown() -> None:
    for start in (after(SEEN), after(DESCRIBED), after(DEAD), after(FULL)):
        assert effective(start, CHANNEL, RULES, NOW + 1900).state is State.UNKNOWN
    refused = after(REFUSED)
    assert effective(refused, CHANNEL, RULES, NOW + 1e6).state is State.UNAUTHORIZED


def test_unauthorized_by_others_alone_is_forgotten_as_anything() -> None:
    told = after(DESCRIBED, replace(REFUSED, asked=Level.NONE, level=Level.NONE, t0=NOW))
    assert told.state is State.UNAUTHORIZED
    assert effective(told, CHANNEL, RULES, NOW + 1790).state is State.UNAUTHORIZED
    assert effective(told, CHANNEL, RULES, NOW + 1810).state is State.UNKNOWN
    assert restored(told, RULES, NOW + 60).state is State.UNAUTHORIZED
    assert restored(told, RULES, NOW + 1e6).state is State.UNKNOWN
    assert restored(after(REFUSED), RULES, NOW + 1e6).state is State.UNAUTHORIZED


def test_a_refusal_that_was_saved_before_there_were_levels_stands() -> None:
    old = restored(replace(after(REFUSED), levels={}), RULES, NOW + 1e6)
    assert (old.state, refused(old.levels)) == (State.UNAUTHORIZED, old.probed)


def test_doubt_outlives_the_lapse_of_the_proof() -> None:
    doubted = effective(after(SEEN, DEAD, DEAD), CHANNEL, RULES, NOW + 1801)
    assert (doubted.state, doubted.misses.answer) == (State.REACHABLE, 2)


def test_disabled_and_enabled_again() -> None:
    off = effective(after(SEEN), replace(CHANNEL, enabled=False), RULES, NOW + 5)
    assert (off.state, off.since) == (State.DISABLED, NOW + 5)
    assert effective(off, CHANNEL, RULES, NOW + 6).state is State.UNKNOWN


@pytest.mark.parametrize(
    ("health", "age", "state"),
    [
        (after(SEEN), 1790, State.UP),
        (after(SEEN), 1900, State.UNKNOWN),
        (after(SEEN), -3600, State.UNKNOWN),  # the clock was wrong then, or is now
        (after(DESCRIBED), 110, State.REACHABLE),
        (after(DESCRIBED), 130, State.UNKNOWN),
        (after(DEAD), 110, State.DOWN),
        (after(DEAD), 130, State.UNKNOWN),
        (after(MUTE), 1000, State.DOWN),
        (after(FULL), 1000, State.BUSY),
        (after(REFUSED), 1e7, State.UNAUTHORIZED),
        (Health(channel="c"), 1, State.UNKNOWN),
    ],
)
def test_restored_if_younger_than_two_periods(health: Health, age: float, state: State) -> None:
    assert restored(health, RULES, NOW + age).state is state


def test_a_picture_fault_outlives_a_restart_only_where_pictures_are_judged() -> None:
    frozen = after(result("c", Reason.FROZEN, asked=Level.PICTURE, level=Level.MEDIA))
    judging = replace(RULES, judges_pictures=True)
    assert restored(frozen, judging, NOW + 10).state is State.DEGRADED
    assert restored(frozen, RULES, NOW + 10).state is State.UNKNOWN


def test_a_restart_does_not_forget_what_a_describe_cannot_refute() -> None:
    stored = replace(after(MUTE), failed=Level.NONE)  # the column is not stored
    back = restored(stored, RULES, NOW + 10)
    assert after(DESCRIBED, DESCRIBED, DESCRIBED, start=back).state is State.DOWN
    dead = restored(replace(after(DEAD), failed=Level.NONE), RULES, NOW + 10)
    assert after(DESCRIBED, DESCRIBED, start=dead).state is State.REACHABLE


def test_a_stepped_clock_moves_every_instant() -> None:
    moved = shifted(after(SEEN), 3600)
    assert (moved.since, moved.probed, moved.media_seen) == (NOW + 3600,) * 3
    assert shifted(Health(channel="c"), 1.0).probed is None


results = st.builds(
    lambda reason, asked, level: result(
        "c", reason, asked=asked, level=asked if reason is Reason.OK else level
    ),
    st.sampled_from(Reason),
    st.sampled_from([Level.DESCRIBE, Level.MEDIA]),
    st.sampled_from([Level.NONE, Level.REACH, Level.DESCRIBE]),
)


@given(st.lists(st.tuples(results, st.floats(0.1, 4000)), max_size=40))
def test_up_always_has_a_fresh_picture(history: list[tuple[ProbeResult, float]]) -> None:
    health, now, pictures = Health(channel="c"), NOW, [-1e18]
    for one, pause in history:
        now += pause
        health = effective(advance(health, one, RULES, now), CHANNEL, RULES, now)
        if one.is_good and one.level >= Level.MEDIA:
            pictures.append(now)
        if health.state is State.UP:
            assert now - pictures[-1] <= RULES.media_valid
        if one.reason is Reason.UNAUTHORIZED:
            assert health.state is State.UNAUTHORIZED


@given(st.lists(results, max_size=40))
def test_from_every_state_two_pictures_lead_back_to_up(history: list[ProbeResult]) -> None:
    assert after(*history, SEEN, SEEN).state is State.UP


@given(st.lists(results, max_size=40))
def test_from_every_state_three_failures_lead_down(history: list[ProbeResult]) -> None:
    assert after(*history, DEAD, DEAD, DEAD).state is State.DOWN


def test_a_channel_that_falls_again_and_again_flaps_until_an_hour_of_quiet() -> None:
    health, now = Health(channel="c"), 1000.0
    for turn in range(1, 6):
        for reason in (Reason.OK, Reason.OK, *[Reason.UNREACHABLE] * 3):
            now += 10.0
            level = Level.MEDIA if reason is Reason.OK else Level.NONE
            found = ProbeResult(channel="c", asked=Level.MEDIA, level=level, reason=reason, t0=now)
            health = advance(health, found, Rules(), now)
        assert health.state is State.DOWN
        assert falls(health, now) == turn
        assert is_flapping(health, now) is (turn >= FLAPS)
    assert falls(shifted(health, 1e6), now + 1e6) == 5
    assert not is_flapping(health, now + 3600.0)
