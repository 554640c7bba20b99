"""Which cause a fault is put down to, whatever is found first."""

from tests.health.failing import Fleet, county, run, told
from vidgate.health.causes import Place, Sign, condition
from vidgate.health.checks import Cadence
from vidgate.health.incidents import Fold
from vidgate.model.health import Health, Misses, State
from vidgate.model.incident import Cause


def test_what_a_channels_health_says() -> None:
    place = Place("p", "a", "h")

    def sign(counted: bool = True, **known: object) -> Sign:
        health = Health(channel="c", **known)  # type: ignore[arg-type]
        return condition(health, place, Cadence(60.0, 900.0), is_counted=counted).sign

    assert sign() is Sign.UNSURE
    assert sign(state=State.UP, probed=5.0) is Sign.WELL
    assert sign(state=State.BUSY, probed=5.0) is Sign.WELL
    assert sign(state=State.UP, probed=5.0, misses=Misses(answer=1)) is Sign.UNSURE
    assert sign(state=State.DOWN, since=3.0) is Sign.FAULTY
    assert sign(state=State.UNAUTHORIZED) is Sign.FAULTY
    assert sign(state=State.MAINTENANCE) is Sign.OUT
    assert sign(state=State.DISABLED) is Sign.OUT
    assert sign(False, state=State.DOWN) is Sign.OUT


def test_a_town_does_not_fall_before_the_platform_that_serves_most_of_it() -> None:
    """The well cameras beside it settle the town's case while the platform's is still open."""
    places = {
        f"c{number}": Place("town" if number % 5 < 3 else "", "town", f"h{number}")
        for number in range(100)
    }
    fleet, fold = Fleet(places), Fold()
    fleet.dead |= {one: 100.0 for one, place in places.items() if place.platform}
    run(fold, fleet, 100.0, 200.0)
    assert told(fold) == [("platform", "town", 60)]
    assert len(fold.incidents) == 1


def test_a_platform_is_found_though_its_channels_joined_what_was_open() -> None:
    places = {f"c{number}": Place("", "town", f"h{number}") for number in range(40)}
    places |= {f"p{number}": Place("sentinels", "town", "gate") for number in range(12)}
    fleet, fold = Fleet(places), Fold()
    fleet.dead |= {f"c{number}": 100.0 for number in range(40)}
    run(fold, fleet, 100.0, 200.0)
    assert told(fold) == [("area", "town", 40)]
    fleet.dead |= {f"p{number}": 400.0 for number in range(12)}
    run(fold, fleet, 400.0, 500.0)
    assert told(fold) == [("area", "town", 40), ("platform", "sentinels", 12)]
    assert len(fold.incidents) == 2


def test_who_comes_back_with_its_platform_is_no_alarm_of_its_own() -> None:
    fleet, fold = county(), Fold()
    fleet.dead["emergency5"] = 100.0
    run(fold, fleet, 100.0, 200.0)
    assert told(fold) == [("single", "emergency5", 1)]
    fleet.dead.clear()
    run(fold, fleet, 201.0, 290.0)
    fleet.dead |= {one: 300.0 for one, at in fleet.places.items() if at.platform == "emergency"}
    for now in map(float, range(300, 400)):
        run(fold, fleet, now, now)
        assert {one.cause for one in fold.open} <= {Cause.PLATFORM}
    assert told(fold) == [("platform", "emergency", 60)]
    assert [one.returns for one in fold.incidents.values()] == [0, 0]


def test_who_is_not_looked_at_yet_is_not_what_is_left_over() -> None:
    """Where looks are few the last of a platform that came back are found minutes later."""
    places = {f"c{number}": Place("police") for number in range(200)}
    fleet, fold = Fleet(places, period=1800.0), Fold()
    fleet.dead |= dict.fromkeys(places, 2000.0)
    run(fold, fleet, 2000.0, 4000.0, step=5.0)
    assert told(fold) == [("platform", "police", 200)]
    fleet.mended |= dict.fromkeys(places, 4000.0)
    run(fold, fleet, 4000.0, 5900.0, step=5.0)
    assert not fold.open
    assert len(fold.incidents) == 1


def test_what_is_left_over_after_a_round_of_looks_has_a_cause_of_its_own() -> None:
    places = {f"c{number}": Place("police") for number in range(200)}
    fleet, fold = Fleet(places, period=600.0), Fold()
    fleet.dead |= dict.fromkeys(places, 2000.0)
    run(fold, fleet, 2000.0, 3000.0, step=5.0)
    fleet.mended |= dict.fromkeys([one for one in places if one != "c7"], 3000.0)
    run(fold, fleet, 3000.0, 5000.0, step=5.0)
    assert told(fold) == [("single", "c7", 1)]
