"""What the definitions say of a standing, how a share is shown, and a site's own file."""

from fractions import Fraction
from itertools import product
from pathlib import Path

import pytest

from vidgate.errors import SettingsError
from vidgate.health.kpi import Form, Rounding, Share, load_definitions
from vidgate.metrics.channels import UP
from vidgate.model.channel import Lifecycle
from vidgate.model.health import Level, Reason, State
from vidgate.model.incident import Cause
from vidgate.model.standing import ABSENT, Standing

OURS = load_definitions()
CONFIGS = Path(__file__).parents[2] / "configs"


def at(state: State, reason: Reason | None = Reason.OK, level: Level = Level.NONE) -> Standing:
    return Standing(Lifecycle.ACCEPTED, state, reason, level)


def shared(incident: Cause, state: State = State.DOWN) -> Standing:
    """It answers and hangs, as others do."""
    return at(state, Reason.TIMEOUT, Level.REACH)._replace(incident=incident)


def test_every_form_has_a_definition() -> None:
    assert {kpi.form for kpi in OURS.kpis.values()} == set(Form)
    assert all(kpi.version >= 1 and kpi.zh and kpi.en for kpi in OURS.kpis.values())


@pytest.mark.parametrize("state", State)
def test_what_counts_is_what_the_metric_says(state: State) -> None:
    expected = {1: Share.ONLINE, 0: Share.MISSING, None: Share.LEFT_OUT}[UP.get(state)]
    assert {kpi.share(at(state)) for kpi in OURS.kpis.values()} == {expected}


@pytest.mark.parametrize("step", [one for one in Lifecycle if one is not Lifecycle.ACCEPTED])
def test_only_what_is_accepted_counts(step: Lifecycle) -> None:
    assert OURS.main.share(at(State.UP)._replace(step=step)) is Share.OUTSIDE
    assert OURS.main.share(ABSENT) is Share.OUTSIDE


def test_own_downtime_is_never_up() -> None:
    unseen = at(State.UNKNOWN, None)
    assert OURS.main.share(unseen) is Share.MISSING
    assert OURS.kpis["online_watched"].share(unseen) is Share.LEFT_OUT


@pytest.mark.parametrize(
    ("standing", "has_platform", "cause"),
    [
        (at(State.MAINTENANCE), False, "maintenance"),
        (at(State.DISABLED), False, "disabled"),
        (at(State.UNKNOWN, None), True, "own"),
        (at(State.UNKNOWN, Reason.NOT_TESTED), True, "unknown"),
        (at(State.UNAUTHORIZED, Reason.UNAUTHORIZED, Level.REACH), True, "unauthorized"),
        (at(State.BUSY, Reason.BUSY, Level.REACH), True, "busy"),
        (at(State.DOWN, Reason.UNREACHABLE), True, "upstream"),
        (at(State.DOWN, Reason.TIMEOUT), True, "upstream"),
        (at(State.DOWN, Reason.TIMEOUT, Level.REACH), True, "device"),
        (at(State.DOWN, Reason.UNREACHABLE), False, "device"),
        (at(State.DOWN, Reason.NO_MEDIA, Level.DESCRIBE), True, "device"),
        (at(State.DOWN, Reason.REFUSED, Level.REACH), False, "device"),
        (shared(Cause.UPLINK), False, "upstream"),
        (shared(Cause.PLATFORM), True, "upstream"),
        (shared(Cause.AREA), False, "upstream"),
        (shared(Cause.HOST), True, "upstream"),  # a server of the platform
        (shared(Cause.HOST), False, "device"),  # a recorder
        (shared(Cause.SCATTERED), True, "device"),
        (shared(Cause.PLATFORM, State.REACHABLE), True, "upstream"),
        (shared(Cause.PLATFORM, State.UNAUTHORIZED), True, "unauthorized"),
        (shared(Cause.PLATFORM, State.UNKNOWN), True, "unknown"),
        (at(State.REACHABLE), False, "unproved"),
        (at(State.DEGRADED, Reason.FROZEN, Level.MEDIA), False, "picture"),
    ],
)
def test_causes(standing: Standing, has_platform: bool, cause: str) -> None:
    assert OURS.cause(standing, has_platform=has_platform).id == cause


def test_every_standing_has_a_cause() -> None:
    for state, reason, level in product(State, [*Reason, None], Level):
        for has_platform in (True, False):
            assert OURS.cause(at(state, reason, level), has_platform=has_platform) in OURS.causes


@pytest.mark.parametrize(
    ("share", "decimals", "shown"),
    [
        (Fraction(1), 2, "100.00"),
        (Fraction(999_999_999, 1_000_000_000), 2, "99.99"),
        (Fraction(999_999_999, 1_000_000_000), 0, "99"),
        (Fraction(2, 3), 2, "66.66"),
        (Fraction(0), 1, "0.0"),
        (Fraction(1, 1000), 2, "0.10"),
    ],
)
def test_what_is_not_whole_is_never_shown_as_whole(
    share: Fraction, decimals: int, shown: str
) -> None:
    assert Rounding(decimals=decimals).percent(share) == shown


def test_a_change_of_meaning_is_a_new_version_and_the_old_one_can_be_had() -> None:
    excused = at(State.MAINTENANCE, Reason.EXCUSED)
    old = load_definitions(str(CONFIGS / "kpis.yaml")).kpis["online_time_v1"]
    assert (OURS.main.version, OURS.main.share(excused)) == (2, Share.LEFT_OUT)
    assert (old.version, old.share(excused)) == (1, Share.MISSING)
    watched = OURS.kpis["online_watched"]  # what Prometheus stored is not changed by an excuse
    assert (watched.version, watched.share(excused)) == (1, Share.MISSING)
    versions = {one.id: one.version for one in OURS.causes if one.version > 1}
    assert versions == {"upstream": 2, "device": 2}  # the incidents that failures belonged to
    for state, reason in product(State, [one for one in Reason if one is not Reason.EXCUSED]):
        assert old.share(at(state, reason)) is OURS.main.share(at(state, reason))


def test_the_sample_of_a_sites_file_adds_a_kpi() -> None:
    definitions = load_definitions(str(CONFIGS / "kpis.yaml"))
    assert definitions.kpis.keys() - OURS.kpis.keys() == {"online_strict", "online_time_v1"}
    assert definitions.kpis["online_strict"].share(at(State.BUSY)) is Share.MISSING
    assert definitions.causes == OURS.causes


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kpis: [{id: x}]", "version"),
        ("kpi: []", "kpi"),
        ("causes: [{id: a, zh: a, en: a, states: [up]}, {id: a, zh: b, en: b}]", "a 写了两次"),
        ("causes: [{id: a, zh: a, en: a, states: [up]}]", "最后一个原因"),
        ("causes: [{id: a, zh: a, en: a, states: [asleep]}]", "asleep"),
        ("causes: [{id: a, zh: a, en: a, any_of: [{incidents: [flood]}]}]", "uplink"),
        ("[", "history.kpis"),
    ],
)
def test_a_wrong_file_says_what_is_wrong(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "kpis.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=words):
        load_definitions(str(tmp_path / "kpis.yaml"))
    with pytest.raises(SettingsError, match="No such file"):
        load_definitions(str(tmp_path / "none.yaml"))
