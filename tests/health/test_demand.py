"""What looking asks of a platform's sessions, and who waits where that is too much."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.health.fakes import FakeRegister
from vidgate.health.demand import GUESS, LONGEST, PATIENCE, SHARE, Demands, plan
from vidgate.health.roster import Roster
from vidgate.model.channel import Channel, Platform, PointClass
from vidgate.model.health import Level, ProbeResult, Reason
from vidgate.settings.tree import ProbeSettings

ONE, TWO, OTHER = PointClass.ONE, PointClass.TWO, PointClass.OTHER


def test_what_fits_is_left_alone() -> None:
    found = plan({ONE: 200}, 1800.0, 3.6, 16)
    assert found.needed == pytest.approx(0.4)
    assert found.periods == {ONE: 1800.0}
    assert not found.is_stretched


def test_the_least_important_wait_first() -> None:
    found = plan({ONE: 300, OTHER: 600}, 1800.0, 6.0, 2)  # asks for 1 and 2 sessions
    assert found.needed == pytest.approx(3.0)
    assert found.periods[ONE] == 1800.0
    assert found.periods[OTHER] == pytest.approx(1800.0 * 2.0 / (2 * SHARE - 1.0))
    assert found.is_stretched


def test_where_that_is_not_enough_everybody_waits() -> None:
    found = plan({ONE: 6000, OTHER: 600}, 1800.0, 6.0, 2)
    assert found.periods[OTHER] > LONGEST * 1800.0
    assert found.periods[ONE] > 1800.0


def test_a_platform_without_a_limit_is_never_stretched() -> None:
    assert not plan({ONE: 100_000}, 60.0, 30.0, 0).is_stretched


@given(
    st.dictionaries(st.sampled_from(PATIENCE), st.integers(0, 5000), min_size=1),
    st.floats(10.0, 10_000.0),
    st.floats(0.1, 60.0),
    st.integers(1, 64),
)
def test_the_kept_periods_never_ask_for_more_than_there_is(
    counts: dict[PointClass, int], wished: float, seconds: float, slots: int
) -> None:
    found = plan(counts, wished, seconds, slots)
    kept = sum(counts[of] * seconds / period for of, period in found.periods.items())
    assert kept <= max(slots * SHARE, 0) * 1.01
    assert all(period >= wished * 0.999 for period in found.periods.values())
    order = [round(found.periods[of], 6) for of in PATIENCE if of in found.periods]
    assert order == sorted(order, reverse=True) or len(set(order)) == 1
    more = plan(counts, wished, seconds, slots + 1)
    assert all(more.periods[of] <= found.periods[of] * 1.001 for of in found.periods)


def test_looks_teach_how_long_they_take_and_evidence_stands_for_the_kept_period() -> None:
    channels = [Channel(id=f"c{n}", name="c", platform="p") for n in range(900)]
    roster = Roster(FakeRegister(channels, [Platform(id="p", slots=1)]))
    demands = Demands(roster, ProbeSettings())
    assert demands.cadence(channels[0]).media == 1800.0
    demands.refresh(channels)
    first = demands.by_platform["p"]
    assert first.needed == pytest.approx(900 * GUESS / 1800.0)
    look = ProbeResult(channel="c1", asked=Level.MEDIA, level=Level.MEDIA, reason=Reason.OK, t0=0.0)
    for _ in range(200):
        demands.learn(channels[1], look, 9.0)
    demands.refresh(channels)
    assert demands.by_platform["p"].needed == pytest.approx(900 * 9.0 / 1800.0, rel=0.01)
    media = demands.cadence(channels[0]).media
    assert media > 1800.0 * 4
    assert demands.rules(channels[0]).media_valid == 2 * media
    assert demands.rules(Channel(id="x", name="x")).media_valid == 2 * 900.0
