"""What each level's last look found."""

from dataclasses import replace

import pytest

from tests.health.fakes import FakeProber, FakeRegister, FakeStore, no_sources, result
from vidgate.aio.bus import Bus
from vidgate.errors import SettingsError
from vidgate.health.evidence import Rules
from vidgate.health.levels import LOOKED_AT, forgiven, of_probe, of_stream, refused, shifted
from vidgate.health.service import HealthService
from vidgate.health.state import advance, effective, miss, witness
from vidgate.media.hub import Hub
from vidgate.model.channel import Channel
from vidgate.model.health import Health, Level, LevelResult, Outcome, Reason, State
from vidgate.settings.tree import ProbeSettings

NOW = 1_700_000_000.0
PASSED, FAILED = Outcome.PASSED, Outcome.FAILED


def told(
    outcome: Outcome, reason: Reason, at: float, since: float, took: float | None = None
) -> LevelResult:
    return LevelResult(outcome=outcome, reason=reason, at=at, since=since, took=took)


def test_a_good_look_passes_every_level_on_its_way() -> None:
    seen = replace(result("c", asked=Level.MEDIA), connected=0.01, t1=0.02, t3=1.5)
    assert of_probe({}, seen, NOW) == {
        Level.REACH: told(PASSED, Reason.OK, NOW, NOW, 0.01),
        Level.DESCRIBE: told(PASSED, Reason.OK, NOW, NOW, 0.02),
        Level.MEDIA: told(PASSED, Reason.OK, NOW, NOW, 1.5),
    }


@pytest.mark.parametrize(
    ("reason", "level", "asked", "failed"),
    [
        (Reason.UNREACHABLE, Level.NONE, Level.DESCRIBE, Level.REACH),
        (Reason.UNAUTHORIZED, Level.REACH, Level.MEDIA, Level.DESCRIBE),
        (Reason.NO_MEDIA, Level.DESCRIBE, Level.MEDIA, Level.MEDIA),
        (Reason.UNSUPPORTED, Level.DESCRIBE, Level.DESCRIBE, Level.MEDIA),
        (Reason.FROZEN, Level.MEDIA, Level.PICTURE, Level.PICTURE),
    ],
)
def test_a_bad_look_fails_at_the_level_after_the_last_it_reached(
    reason: Reason, level: Level, asked: Level, failed: Level
) -> None:
    found = of_probe({}, result("c", reason, asked=asked, level=level), NOW)
    assert {one for one, told in found.items() if told.outcome is PASSED} == set(LOOKED_AT[:level])
    assert found[failed] == told(FAILED, reason, NOW, NOW)
    assert max(found) is failed


def test_who_asks_only_whether_it_lives_leaves_the_verdict_on_the_login() -> None:
    known = of_probe({}, result("c", Reason.UNAUTHORIZED, level=Level.REACH), NOW)
    assert refused(known) == NOW
    for reason in (Reason.UNAUTHORIZED, Reason.TIMEOUT):
        lives = result("c", reason, asked=Level.REACH, level=Level.REACH)
        known = of_probe(known, lives, NOW + 60)
        assert known[Level.REACH] == told(PASSED, Reason.OK, NOW + 60, NOW)
        assert refused(known) == NOW
    known = of_probe(known, result("c", Reason.UNREACHABLE, asked=Level.REACH), NOW + 120)
    assert known[Level.REACH] == told(FAILED, Reason.UNREACHABLE, NOW + 120, NOW + 120)
    assert refused(known) == NOW
    assert refused(forgiven(known)) is None
    open_ = of_probe(known, result("c", asked=Level.REACH, level=Level.DESCRIBE), NOW + 180)
    assert refused(open_) is None


@pytest.mark.parametrize(
    "reason", [Reason.BUSY, Reason.TIMEOUT, Reason.PROTOCOL_ERROR, Reason.NOT_FOUND]
)
def test_a_refusal_outlives_a_failure_that_says_nothing_of_the_login(reason: Reason) -> None:
    known = of_probe({}, result("c", Reason.UNAUTHORIZED, level=Level.REACH), NOW)
    other = of_probe(known, result("c", reason, level=Level.REACH), NOW + 60)
    assert refused(other) == NOW
    again = of_probe(other, result("c", Reason.UNAUTHORIZED, level=Level.REACH), NOW + 90)
    assert refused(again) == NOW + 90
    assert refused(of_probe(again, result("c"), NOW + 120)) is None


@pytest.mark.parametrize("reason", [Reason.NO_MEDIA, Reason.NO_KEY_FRAME])
def test_who_was_let_in_to_a_stream_without_pictures_is_not_refused_any_more(
    reason: Reason,
) -> None:
    known = of_stream({}, Level.DESCRIBE, Reason.UNAUTHORIZED, NOW)
    assert refused(known) == NOW
    assert refused(of_stream(known, Level.DESCRIBE, reason, NOW + 5)) is None


def test_what_was_not_looked_at_keeps_its_last_result_and_outcomes_their_beginning() -> None:
    seen = of_probe({}, result("c", asked=Level.MEDIA), NOW)
    dead = of_probe(seen, result("c", Reason.TIMEOUT), NOW + 60)
    again = of_probe(dead, result("c", Reason.UNREACHABLE), NOW + 120)
    assert again[Level.MEDIA] == seen[Level.MEDIA]
    assert again[Level.REACH] == told(FAILED, Reason.UNREACHABLE, NOW + 120, NOW + 60)


def test_a_live_stream_tells_of_levels_as_well() -> None:
    seen = of_stream({}, Level.MEDIA, Reason.OK, NOW)
    assert [seen[level].outcome for level in LOOKED_AT[:3]] == [PASSED] * 3
    lost = of_stream(seen, Level.DESCRIBE, Reason.NO_MEDIA, NOW + 5)
    assert lost[Level.MEDIA] == told(FAILED, Reason.NO_MEDIA, NOW + 5, NOW + 5)
    assert lost[Level.DESCRIBE].since == NOW


def test_health_keeps_them_whatever_its_state_forgets() -> None:
    health = witness(Health(channel="c"), NOW, NOW, NOW)
    health = miss(health, Reason.NO_MEDIA, Level.DESCRIBE, NOW + 5)
    assert health.levels[Level.MEDIA].reason is Reason.NO_MEDIA
    unasked = advance(health, result("c", Reason.NO_ADDRESS), Rules(), NOW + 6)
    untested = advance(unasked, result("c", Reason.NOT_TESTED), Rules(), NOW + 7)
    assert untested.levels == health.levels
    closed = result("c", Reason.UNAUTHORIZED, asked=Level.NONE)  # its device refused the login
    assert advance(untested, closed, Rules(), NOW + 8).levels == health.levels
    old = effective(health, Channel(id="c", name="c"), Rules(), NOW + 1e6)
    assert old.levels == health.levels


def test_a_stepped_clock_moves_them() -> None:
    known = of_stream({}, Level.REACH, Reason.OK, NOW)
    assert shifted(known, 3600.0)[Level.REACH] == told(PASSED, Reason.OK, NOW + 3600, NOW + 3600)


def service(prober: FakeProber, settings: ProbeSettings) -> HealthService:
    register, bus = FakeRegister([Channel(id="c", name="c")]), Bus()
    return HealthService(register, Hub(no_sources, bus), bus, prober, FakeStore(), settings)


def test_pictures_are_not_judged_by_who_cannot() -> None:
    settings = ProbeSettings(picture_period=3600.0)
    with pytest.raises(SettingsError, match="picture_period"):
        service(FakeProber(), settings)


async def test_a_judged_picture_is_kept_and_counts_as_media() -> None:
    settings = ProbeSettings(enabled=False, picture_period=3600.0)
    async with service(FakeProber(deepest=Level.PICTURE), settings) as health:
        assert [one.asked async for one in health.run(["c"], Level.PICTURE)] == [Level.PICTURE]
        known = health.of("c")
    assert (known.state, known.level) == (State.UP, Level.PICTURE)
    assert known.media_seen is not None
    assert [known.levels[level].outcome for level in LOOKED_AT] == [PASSED] * 4
