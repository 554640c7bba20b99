"""Which cause a fault is put down to, whatever is found first."""

import pytest

from tests.health.failing import Fleet, county, run, told
from tests.health.fakes import result
from vidgate.health import evidence
from vidgate.health.causes import Place, Rules, Sign, condition
from vidgate.health.checks import Cadence
from vidgate.health.incidents import Fold
from vidgate.health.state import advance
from vidgate.model.health import Health, Level, Misses, Reason, State
from vidgate.model.incident import Attention, Cause, Note


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
    assert sign(state=State.REACHABLE, reason=Reason.OK, probed=5.0) is Sign.WELL
    assert sign(state=State.REACHABLE, reason=Reason.UNSUPPORTED, probed=5.0) is Sign.FAULTY
    assert sign(state=State.MAINTENANCE) is Sign.OUT
    assert sign(state=State.DISABLED) is Sign.OUT
    assert sign(False, state=State.DOWN) is Sign.OUT
    assert sign(reason=Reason.NO_ADDRESS) is Sign.OUT
    assert sign(reason=Reason.DENIED_ADDRESS) is Sign.OUT
    assert sign(reason=Reason.ERROR) is Sign.UNSURE


def test_a_channel_that_comes_by_itself_is_looked_for_only_while_it_does() -> None:
    def sign(state: State) -> Sign:
        health = Health(channel="c", state=state, probed=5.0)
        cadence = Cadence(60.0, 900.0)
        return condition(health, Place(), cadence, is_counted=True, is_asked=False).sign

    assert sign(State.DOWN) is Sign.FAULTY
    assert sign(State.UP) is Sign.WELL
    assert sign(State.UNKNOWN) is Sign.OUT


def test_a_platform_that_changes_its_codec_to_one_that_nobody_knows_has_fallen() -> None:
    """It answers all along; only the looks for a picture find that, for one after the other."""
    cadence, begun, fold = Cadence(60.0, 1800.0), 5000.0, Fold()
    rules = evidence.Rules(media_valid=3600.0)
    known = {f"c{number}": Health(channel=f"c{number}") for number in range(60)}
    for now in map(float, range(3000, 7200, 6)):
        for number, (channel, health) in enumerate(known.items()):
            if now % 1800.0 == 30.0 * number:
                reason = Reason.OK if now < begun else Reason.UNSUPPORTED
                level = Level.MEDIA if now < begun else Level.DESCRIBE
                look = result(channel, reason, asked=Level.MEDIA, level=level)
            elif now % 60.0 == number % 10 * 6.0:
                look = result(channel)
            else:
                continue
            known[channel] = advance(health, look, rules, now)
        fleet = {
            channel: condition(health, Place("police"), cadence, is_counted=True)
            for channel, health in known.items()
        }
        fold.fold(fleet, now)
    assert {it.state for it in known.values()} == {State.REACHABLE}
    assert told(fold) == [("platform", "police", 60)]
    assert len(fold.incidents) == 1


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


def test_a_few_bad_cameras_that_are_found_first_do_not_make_a_platform_fall() -> None:
    """More than half of the first ten looked at fail, by chance; of the platform it is 3 %."""
    places = {f"c{number}": Place("police", f"a{number % 7}") for number in range(200)}
    fleet, fold = Fleet(places), Fold()
    fleet.dead |= {f"c{number}": 100.0 for number in (140, 141, 142, 143, 145, 146)}
    for now in map(float, range(100, 250)):
        run(fold, fleet, now, now)
        assert {one.cause for one in fold.open} <= {Cause.SINGLE}
    assert len(fold.open) == 6


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


def apart(number: int) -> Fleet:
    """Cameras that share nothing, not even a town."""
    return Fleet({f"c{at}": Place("", "", f"h{at}") for at in range(number)})


def attention(fold: Fold) -> list[Attention]:
    """Where the alarms of what is open stand."""
    return [one.attention for one in fold.open]


def test_an_acknowledged_storm_does_not_hide_the_next() -> None:
    fleet, fold = apart(500), Fold()
    fleet.dead |= {f"c{at}": 100.0 for at in range(0, 150, 5)}
    run(fold, fleet, 100.0, 300.0)
    (storm,) = fold.open
    storm.acknowledged = Note(time=300.0, actor="li", action="acknowledge")
    for at in range(75, 150, 5):
        del fleet.dead[f"c{at}"]
    run(fold, fleet, 301.0, 1500.0, step=5.0)
    assert attention(fold) == [Attention.ACKNOWLEDGED]
    fleet.dead |= {f"c{at}": 5000.0 for at in range(201, 320, 3)}
    run(fold, fleet, 5000.0, 5300.0)
    assert attention(fold) == [Attention.OPEN]


def half_mended(say: str) -> tuple[Fleet, Fold, list[str]]:
    """A storm of thirty that somebody saw to, and the fifteen of it that were well long since."""
    fleet, fold = apart(200), Fold()
    dead = [f"c{at}" for at in range(0, 150, 5)]
    fleet.dead |= dict.fromkeys(dead, 100.0)
    run(fold, fleet, 100.0, 300.0)
    (storm,) = fold.open
    setattr(storm, say, Note(time=300.0, actor="li", action=say))
    for channel in dead[15:]:
        del fleet.dead[channel]
    run(fold, fleet, 301.0, 420.0, step=5.0)
    assert told(fold) == [("scattered", "", 15)]
    return fleet, fold, dead[15:]


@pytest.mark.parametrize("say", ["acknowledged", "dismissed"])
def test_a_storm_that_somebody_saw_to_swallows_no_later_fault_of_its_own(say: str) -> None:
    fleet, fold, mended = half_mended(say)
    for number, channel in enumerate(mended):  # a day later, one by one
        begin = 86_400.0 + 600.0 * number
        fleet.dead[channel] = begin
        run(fold, fleet, begin, begin + 200.0, step=5.0)
    assert told(fold) == [("scattered", "", 15), *(("single", one, 1) for one in sorted(mended))]
    assert attention(fold).count(Attention.OPEN) == 15


@pytest.mark.parametrize("say", ["acknowledged", "dismissed"])
def test_a_storm_that_somebody_saw_to_asks_again_for_the_next_one(say: str) -> None:
    """Twenty at once, by name or among those that had long got over it: nobody saw to these."""
    fleet, fold, mended = half_mended(say)
    fleet.dead |= dict.fromkeys(mended + [f"c{at}" for at in range(151, 156)], 86_400.0)
    run(fold, fleet, 86_400.0, 86_600.0)
    assert told(fold) == [("scattered", "", 35)]
    assert attention(fold) == [Attention.OPEN]


@pytest.mark.parametrize("say", ["acknowledged", "dismissed"])
def test_twenty_found_in_one_moment_are_a_storm_that_asks(say: str) -> None:
    fleet, fold, mended = half_mended(say)
    fleet.dead |= dict.fromkeys(mended + [f"c{at}" for at in range(151, 156)], 86_400.0)
    fold.fold(fleet.standing(86_800.0), 86_800.0)
    assert told(fold) == [("scattered", "", 35)]
    assert attention(fold) == [Attention.OPEN]


@pytest.mark.parametrize("say", ["acknowledged", "dismissed"])
def test_who_was_well_for_a_moment_is_of_a_storm_unless_that_was_closed(say: str) -> None:
    fleet, fold, _ = half_mended(say)
    del fleet.dead["c5"]
    run(fold, fleet, 2000.0, 2100.0, step=5.0)
    fleet.dead["c5"] = 2200.0
    run(fold, fleet, 2200.0, 2300.0, step=5.0)
    if say == "acknowledged":
        assert told(fold) == [("scattered", "", 15)]
        assert attention(fold) == [Attention.ACKNOWLEDGED]
    else:
        assert told(fold) == [("scattered", "", 14), ("single", "c5", 1)]
        assert attention(fold) == [Attention.CLOSED, Attention.OPEN]


def test_many_lone_faults_at_one_time_are_one_incident() -> None:
    fleet, fold = apart(500), Fold()
    fleet.dead |= {f"c{at}": 100.0 for at in range(0, 500, 10)}
    run(fold, fleet, 100.0, 400.0)
    assert told(fold) == [("scattered", "", 50)]
    # The first few had alarms of their own, until it was seen that there are many.
    assert len(fold.incidents) == Rules().crowd
    assert {one.merged for one in fold.incidents.values() if one.ended} == {Rules().crowd}


def test_a_few_lone_faults_have_an_incident_each() -> None:
    fleet, fold = apart(500), Fold()
    fleet.dead |= {f"c{at}": 100.0 for at in range(19)}
    run(fold, fleet, 100.0, 500.0)
    fleet.dead |= {f"c{at}": 600.0 for at in range(100, 119)}
    run(fold, fleet, 600.0, 900.0)
    assert {one.cause for one in fold.open} == {Cause.SINGLE}
    assert len(fold.open) == 38


def test_a_fifth_of_a_fleet_that_comes_and_goes_is_one_incident() -> None:
    fleet, fold = apart(300), Fold()
    flapping = [f"c{at}" for at in range(0, 300, 3)]
    for turn in range(6):
        begin = 100.0 + 120.0 * turn
        away = flapping[turn % 2 :: 2]
        fleet.dead |= dict.fromkeys(away, begin)
        run(fold, fleet, begin, begin + 110.0)
        for channel in away:
            del fleet.dead[channel]
        run(fold, fleet, begin + 111.0, begin + 119.0)
    storms = [one for one in fold.incidents.values() if one.cause is Cause.SCATTERED]
    (storm,) = storms
    assert (len(storm.members), storm.returns) == (100, 0)
    assert len(fold.open) == 1
    run(fold, fleet, 820.0, 1120.0)
    assert not fold.open


def test_what_a_storm_leaves_behind_is_told_by_name() -> None:
    fleet, fold = apart(500), Fold()
    fleet.dead |= {f"c{at}": 100.0 for at in range(60)}
    run(fold, fleet, 100.0, 300.0)
    for at in range(3, 60):
        del fleet.dead[f"c{at}"]
    run(fold, fleet, 301.0, 590.0)
    assert told(fold) == [("scattered", "", 3)]
    run(fold, fleet, 591.0, 620.0)
    assert told(fold) == [("single", "c0", 1), ("single", "c1", 1), ("single", "c2", 1)]


def test_who_fails_long_after_a_storm_is_told_by_name_though_the_storm_is_not_over() -> None:
    fleet, fold = apart(500), Fold()
    fleet.dead |= {f"c{at}": 100.0 for at in range(60)}
    run(fold, fleet, 100.0, 300.0)
    fleet.dead["c70"] = 1000.0
    run(fold, fleet, 1000.0, 1100.0)
    assert told(fold) == [("scattered", "", 60), ("single", "c70", 1)]


def test_a_storm_leaves_alone_what_somebody_sees_to() -> None:
    fleet, fold = apart(500), Fold()
    fleet.dead["c499"] = 100.0
    run(fold, fleet, 100.0, 170.0)
    (seen_to,) = fold.open
    seen_to.acknowledged = Note(time=170.0, actor="li", action="acknowledge")
    fleet.dead |= {f"c{at}": 171.0 for at in range(60)}
    run(fold, fleet, 171.0, 400.0)
    assert told(fold) == [("scattered", "", 60), ("single", "c499", 1)]


def test_a_storm_that_was_closed_asks_again_for_the_next_one() -> None:
    fleet, fold = apart(500), Fold()
    ice = [f"c{at}" for at in range(0, 500, 5)]
    fleet.dead |= dict.fromkeys(ice, 100.0)
    run(fold, fleet, 100.0, 130.0)
    (storm,) = fold.open
    storm.dismissed = Note(time=130.0, actor="li", action="close", text="ice on the masts")
    run(fold, fleet, 131.0, 300.0)
    assert attention(fold) == [Attention.CLOSED]  # the rest of the same storm
    for channel in ice[15:]:
        del fleet.dead[channel]
    run(fold, fleet, 301.0, 900.0)
    assert (attention(fold), len(storm.failing)) == ([Attention.CLOSED], 15)
    fleet.dead |= {f"c{at}": 1000.0 for at in range(201, 400, 5)}
    run(fold, fleet, 1000.0, 1200.0)
    assert told(fold) == [("scattered", "", 55)]
    assert attention(fold) == [Attention.OPEN]


def linked() -> Fleet:
    """Four platforms, two recorders and sixty cameras for themselves, in several towns."""
    places = {f"p{at}": Place(f"platform{at % 4}", f"t{at % 5}", f"g{at % 4}") for at in range(200)}
    places |= {f"n{at}": Place("", f"t{at % 5}", f"nvr{at % 2}") for at in range(16)}
    places |= {f"c{at}": Place("", f"t{at % 5}", f"h{at}") for at in range(60)}
    return Fleet(places)


def test_our_own_network_is_one_incident_however_much_hangs_on_it() -> None:
    fleet, fold = linked(), Fold()
    fleet.dead |= dict.fromkeys(fleet.places, 100.0)
    run(fold, fleet, 100.0, 200.0)
    assert told(fold) == [("uplink", "", 276)]
    (uplink,) = fold.open
    before = [one for one in fold.incidents.values() if one is not uplink]
    assert {one.merged for one in before} == {uplink.id}  # told seconds before, folded in since
    assert len(before) <= 11  # four platforms, two recorders, five towns: no camera by itself
    run(fold, fleet, 201.0, 900.0, step=5.0)
    assert told(fold) == [("uplink", "", 276)]
    fleet.dead.clear()
    run(fold, fleet, 901.0, 1000.0)
    assert not fold.open
    assert len(fold.incidents) == 1


def test_what_stays_down_when_our_network_is_back_is_told_by_its_cause() -> None:
    fleet, fold = linked(), Fold()
    fleet.dead |= dict.fromkeys(fleet.places, 100.0)
    run(fold, fleet, 100.0, 2000.0, step=5.0)
    down = {one for one, at in fleet.places.items() if at.platform == "platform1"}
    down |= {one for one, at in fleet.places.items() if at.host == "nvr0"} | {"c7"}
    fleet.mended |= dict.fromkeys([one for one in fleet.places if one not in down], 2000.0)
    run(fold, fleet, 2001.0, 2200.0)
    assert told(fold) == [("host", "nvr0", 8), ("platform", "platform1", 50), ("single", "c7", 1)]


def test_whoever_still_answers_by_some_ways_has_a_network() -> None:
    """All platforms fall, or all cameras; what is left answers, and speaks for us."""
    for is_down in (lambda at: at.platform, lambda at: not at.platform):
        fleet, fold = linked(), Fold()
        fleet.dead |= {one: 100.0 for one, at in fleet.places.items() if is_down(at)}
        run(fold, fleet, 100.0, 300.0)
        assert Cause.UPLINK not in {one.cause for one in fold.incidents.values()}


def test_one_town_without_power_is_not_our_network_though_it_is_all_we_see() -> None:
    places = {f"c{at}": Place("", "town", f"h{at}") for at in range(30)}
    fleet, fold = Fleet(places), Fold()
    fleet.dead |= dict.fromkeys(places, 100.0)
    run(fold, fleet, 100.0, 200.0)
    assert told(fold) == [("area", "town", 30)]


def recorder(size: int, *, others: int, platform: str = "", area: str = "") -> dict[str, Place]:
    """A recorder, cameras beside it in its group, and a hundred elsewhere."""
    places = {f"n{at}": Place(platform, area, "nvr") for at in range(size)}
    places |= {f"o{at}": Place(platform, area, f"o{at}") for at in range(others)}
    return places | {f"q{at}": Place("Q", "elsewhere", f"q{at}") for at in range(100)}


@pytest.mark.parametrize(
    "places",
    [
        recorder(8, others=0, area="school"),
        recorder(8, others=4, area="school"),
        recorder(64, others=36, platform="P"),
        recorder(64, others=36, platform="P", area="school"),
    ],
    ids=["all of an area", "most of an area", "most of a platform", "most of both"],
)
def test_a_recorder_that_fell_stays_the_recorder_however_much_of_its_group_it_is(
    places: dict[str, Place],
) -> None:
    fleet, fold = Fleet(places), Fold()
    dead = [channel for channel, place in places.items() if place.host == "nvr"]
    fleet.dead |= dict.fromkeys(dead, 100.0)
    run(fold, fleet, 100.0, 300.0)  # each turn after the find looks for wider causes anew
    assert told(fold) == [("host", "nvr", len(dead))]
    assert len(fold.incidents) == 1


def test_a_platform_that_falls_after_its_recorder_is_the_platform() -> None:
    fleet, fold = Fleet(recorder(64, others=36, platform="P")), Fold()
    fleet.dead |= {f"n{at}": 100.0 for at in range(64)}
    run(fold, fleet, 100.0, 180.0)
    assert told(fold) == [("host", "nvr", 64)]
    fleet.dead |= {f"o{at}": 200.0 for at in range(36)}
    run(fold, fleet, 181.0, 280.0)
    assert told(fold) == [("platform", "P", 100)]


def test_a_town_behind_the_gateway_of_a_platform_is_the_town() -> None:
    """All of it hangs on one device, but so do two hundred others that are well."""
    places = {f"c{at}": Place("police", f"town{at % 10}", "gate") for at in range(200)}
    fleet, fold = Fleet(places), Fold()
    fleet.dead |= {one: 100.0 for one, place in places.items() if place.area == "town3"}
    run(fold, fleet, 100.0, 300.0)
    assert told(fold) == [("area", "town3", 20)]
