"""Faults folded by common cause, without a service: how a fleet stands goes in, incidents out."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.health.failing import Fleet, check, county, run, told
from vidgate.health.causes import Condition, Place, Rules, Sign
from vidgate.health.checks import Cadence
from vidgate.health.incidents import Fold
from vidgate.health.ledger import Ledger
from vidgate.model.health import Reason, State
from vidgate.model.incident import Attention, Cause, Departure, Incident, Note


def test_a_platform_a_recorder_and_three_cameras_make_two_incidents_and_three_alarms() -> None:
    fleet, fold = county(), Fold()
    run(fold, fleet, 0.0, 70.0)
    assert not fold.incidents
    singles = {"police3", "campus7", "nvr20"}
    down = {channel for channel, place in fleet.places.items() if place.platform == "emergency"}
    down |= {channel for channel, place in fleet.places.items() if place.host == "nvr0"}
    fleet.dead |= dict.fromkeys(down | singles, 100.0)
    run(fold, fleet, 100.0, 200.0)
    assert told(fold) == [
        ("host", "nvr0", 8),
        ("platform", "emergency", 60),
        ("single", "campus7", 1),
        ("single", "nvr20", 1),
        ("single", "police3", 1),
    ]
    assert len(fold.incidents) == 5  # nothing else was ever opened
    fleet.dead.clear()
    run(fold, fleet, 300.0, 300.0)
    assert not fold.open


def test_a_platform_is_known_long_before_its_last_channel_is_found() -> None:
    fleet, fold = county(), Fold()
    fleet.dead |= {one: 100.0 for one in fleet.places if one.startswith("police")}
    run(fold, fleet, 100.0, 128.0)  # its first channels are looked at from 120 on
    assert [(one.cause, one.subject) for one in fold.open] == [(Cause.PLATFORM, "police")]
    run(fold, fleet, 129.0, 185.0)
    assert told(fold) == [("platform", "police", 200)]


def test_one_gateway_of_a_platform_is_the_gateway_not_the_platform() -> None:
    fleet, fold = county(), Fold()
    fleet.dead |= {one: 100.0 for one, place in fleet.places.items() if place.host == "gate1"}
    run(fold, fleet, 100.0, 180.0)
    assert told(fold) == [("host", "gate1", 50)]


def test_a_platform_behind_one_gateway_is_the_platform() -> None:
    fleet = Fleet({f"c{number}": Place("solo", "", "gate") for number in range(40)})
    fold = Fold()
    fleet.dead |= dict.fromkeys(fleet.places, 100.0)
    run(fold, fleet, 100.0, 180.0)
    assert told(fold) == [("platform", "solo", 40)]


def test_an_area_without_power_is_one_incident_over_its_devices() -> None:
    places = {f"c{number}": Place("", f"town{number // 20}", f"h{number}") for number in range(60)}
    fleet, fold = Fleet(places), Fold()
    fleet.dead |= {f"c{number}": 100.0 for number in range(3, 20)}  # three have a battery
    run(fold, fleet, 100.0, 200.0)
    assert told(fold) == [("area", "town0", 17)]


def test_who_failed_long_before_stays_what_it_was() -> None:
    fleet, fold = county(), Fold()
    fleet.dead["emergency5"] = 100.0
    run(fold, fleet, 100.0, 200.0)
    fleet.dead |= {one: 5000.0 for one in fleet.places if one.startswith("emergency")} | {
        "emergency5": 100.0
    }
    run(fold, fleet, 5000.0, 5080.0)
    assert told(fold) == [("platform", "emergency", 59), ("single", "emergency5", 1)]


def test_a_lone_camera_of_a_healthy_platform_does_not_wait_for_the_whole_round() -> None:
    fleet, fold = county(), Fold()
    fleet.dead["police3"] = 100.0
    found = next(
        now
        for now in map(float, range(100, 200))
        if fleet.standing(now)["police3"].sign is Sign.FAULTY
    )
    run(fold, fleet, 100.0, found + 15.0)
    assert told(fold) == [("single", "police3", 1)]


def test_members_recover_one_by_one_and_what_is_left_gets_an_incident_of_its_own() -> None:
    fleet, fold = county(), Fold()
    fleet.dead |= {one: 100.0 for one in fleet.places if one.startswith("emergency")}
    run(fold, fleet, 100.0, 200.0)
    first = fold.open[0]
    for channel in list(fleet.dead):
        if channel != "emergency9":
            del fleet.dead[channel]
    run(fold, fleet, 200.0, 280.0)
    assert told(fold) == [("platform", "emergency", 1)]
    run(fold, fleet, 281.0, 300.0)
    assert first.ended is not None
    assert told(fold) == [("single", "emergency9", 1)]
    assert first.members["emergency9"].departure is Departure.LEFT_OVER
    assert first.members["emergency8"].departure is Departure.RECOVERED


def test_a_clock_that_is_put_back_keeps_no_incident_open() -> None:
    places = {f"c{number}": Place("p") for number in range(40)}

    def standing(now: float, dead: int) -> dict[str, Condition]:
        lost = Condition(Place("p"), Sign.FAULTY, now - 30.0, State.DOWN, Reason.TIMEOUT)
        return {
            channel: lost if number < dead else Condition(place, Sign.WELL, now, seen=now)
            for number, (channel, place) in enumerate(places.items())
        }

    fold = Fold()
    fold.fold(standing(10_000.0, 40), 10_000.0)
    fold.fold(standing(10_100.0, 2), 10_100.0)
    for now in (6500.0, 6561.0):
        fold.fold(standing(now, 2), now)
    assert [one.ended for one in fold.incidents.values()][:1] == [6561.0]
    # What ends in a time to come is over all the same.
    fold.fold(standing(3000.0, 0), 3000.0)
    fold.fold(standing(3001.0, 40), 3001.0)
    assert [one.id for one in fold.open if one.cause is Cause.PLATFORM] != [1]


def test_what_comes_back_soon_is_the_same_incident() -> None:
    fleet, fold = county(), Fold()
    for begin in (100.0, 300.0, 500.0):
        fleet.dead["campus7"] = begin
        run(fold, fleet, begin, begin + 90.0)
        del fleet.dead["campus7"]
        run(fold, fleet, begin + 91.0, begin + 100.0)
    assert [one.returns for one in fold.incidents.values()] == [2]
    run(fold, fleet, 1300.0, 1301.0)
    assert not fold.incidents
    fleet.dead["campus7"] = 1400.0
    run(fold, fleet, 1400.0, 1500.0)
    assert [(one.id, one.returns) for one in fold.open] == [(2, 0)]


def test_a_dismissed_alarm_hides_nothing_that_comes_later() -> None:
    fleet, fold = county(), Fold()
    fleet.dead["campus7"] = 100.0
    fleet.dead |= {one: 100.0 for one in fleet.places if one.startswith("emergency")}
    run(fold, fleet, 100.0, 200.0)
    for incident in fold.open:
        incident.dismissed = Note(time=200.0, actor="a", action="close", text="known")
    run(fold, fleet, 201.0, 300.0)
    assert {one.attention for one in fold.incidents.values()} == {Attention.CLOSED}
    fleet.dead.clear()
    run(fold, fleet, 301.0, 400.0)
    fleet.dead["campus7"] = 401.0
    run(fold, fleet, 401.0, 500.0)
    assert [(one.subject, one.attention) for one in fold.open] == [("campus7", Attention.OPEN)]


def say(fold: Fold, action: str, now: float) -> None:
    """A person does that with every open alarm."""
    note = Note(time=now, actor="li", action=action, text="known")
    for incident in fold.open:
        if action == "close":
            incident.dismissed = note
        else:
            incident.acknowledged = note


def emergency(fleet: Fleet) -> list[str]:
    return [one for one in fleet.places if one.startswith("emergency")]


def come_and_go(fold: Fold, fleet: Fleet, channel: str, begin: float) -> float:
    """It fails at `begin`, is found, and recovers; when that is over."""
    fleet.dead[channel] = begin
    run(fold, fleet, begin, begin + 90.0)
    del fleet.dead[channel]
    run(fold, fleet, begin + 91.0, begin + 100.0)
    return begin + 100.0


def test_what_comes_back_asks_for_a_person_again() -> None:
    fleet, fold = county(), Fold()
    fleet.dead["campus7"] = 100.0
    run(fold, fleet, 100.0, 190.0)
    say(fold, "acknowledge", 190.0)
    (one,) = fold.open
    del fleet.dead["campus7"]
    run(fold, fleet, 191.0, 200.0)
    assert one.attention is Attention.CLOSED
    fleet.dead["campus7"] = 300.0
    run(fold, fleet, 300.0, 390.0)
    assert fold.open == [one]
    assert (one.attention, one.returns, one.acknowledged) == (Attention.OPEN, 1, None)
    assert one.asked is not None
    assert 300.0 < one.asked <= 390.0


def test_who_acknowledges_what_keeps_coming_back_is_asked_no_more() -> None:
    fleet, fold = county(), Fold()
    begin, asked = 100.0, []
    for _ in range(8):
        fleet.dead["campus7"] = begin
        run(fold, fleet, begin, begin + 90.0)
        asked.append(fold.open[0].attention is Attention.OPEN)
        if asked[-1]:
            say(fold, "acknowledge", begin + 90.0)
        del fleet.dead["campus7"]
        run(fold, fleet, begin + 91.0, begin + 100.0)
        begin += 200.0
    assert asked == [True] * 4 + [False] * 4
    assert len(fold.incidents) == 1


def test_what_keeps_coming_back_and_was_closed_by_hand_asks_again() -> None:
    fleet, fold = county(), Fold()
    begin = 100.0
    for _ in range(6):
        begin = come_and_go(fold, fleet, "campus7", begin) + 100.0
    fleet.dead["campus7"] = begin
    run(fold, fleet, begin, begin + 90.0)
    say(fold, "acknowledge", begin + 90.0)
    say(fold, "close", begin + 91.0)
    del fleet.dead["campus7"]
    run(fold, fleet, begin + 92.0, begin + 100.0)
    begin = come_and_go(fold, fleet, "campus7", begin + 200.0)
    (one,) = fold.incidents.values()
    assert (one.acknowledged, one.dismissed) == (None, None)


def test_an_alarm_closed_while_its_members_are_still_being_found_has_no_second() -> None:
    fleet, fold = county(), Fold()
    fleet.dead |= dict.fromkeys(emergency(fleet), 100.0)
    run(fold, fleet, 100.0, 155.0)
    (one,) = fold.open
    assert 3 <= len(one.failing) < 60
    say(fold, "close", 155.0)
    run(fold, fleet, 156.0, 400.0)
    assert told(fold) == [("platform", "emergency", 60)]
    assert len(fold.incidents) == 1
    assert one.attention is Attention.CLOSED  # all of it is what was closed
    fleet.dead.clear()
    run(fold, fleet, 401.0, 480.0)
    assert not fold.open


def test_an_alarm_closed_by_hand_comes_back_as_the_same() -> None:
    fleet, fold = county(), Fold()
    fleet.dead |= dict.fromkeys(emergency(fleet), 100.0)
    run(fold, fleet, 100.0, 155.0)
    say(fold, "close", 155.0)
    fleet.dead.clear()  # for a moment
    run(fold, fleet, 156.0, 200.0)
    assert not fold.open
    fleet.dead |= dict.fromkeys(emergency(fleet), 201.0)
    run(fold, fleet, 201.0, 400.0)
    assert told(fold) == [("platform", "emergency", 60)]
    (one,) = fold.incidents.values()
    assert (one.attention, one.returns) == (Attention.OPEN, 1)


def test_a_closed_alarm_that_grows_again_asks_again() -> None:
    fleet, fold = county(), Fold()
    fleet.dead |= dict.fromkeys(emergency(fleet), 100.0)
    run(fold, fleet, 100.0, 200.0)
    say(fold, "close", 200.0)
    for channel in emergency(fleet)[:45]:
        del fleet.dead[channel]
    run(fold, fleet, 201.0, 300.0)
    (one,) = fold.open
    assert (len(one.failing), one.attention) == (15, Attention.CLOSED)
    fleet.dead |= dict.fromkeys(emergency(fleet)[:5], 400.0)
    run(fold, fleet, 400.0, 500.0)
    assert (len(one.failing), one.attention) == (20, Attention.OPEN)
    assert len(fold.incidents) == 1


@pytest.mark.parametrize("later", ["emergency59", "emergency20"])  # never in it; long recovered
def test_an_acknowledged_alarm_of_which_little_is_left_swallows_no_later_fault(later: str) -> None:
    fleet, fold = county(), Fold()
    fleet.dead |= dict.fromkeys(emergency(fleet)[:59], 100.0)
    run(fold, fleet, 100.0, 200.0)
    say(fold, "acknowledge", 200.0)
    for channel in emergency(fleet)[9:]:
        fleet.dead.pop(channel, None)
    run(fold, fleet, 201.0, 1000.0, 5.0)
    (one,) = fold.open
    assert (len(one.failing), one.attention) == (9, Attention.ACKNOWLEDGED)
    fleet.dead[later] = 1000.0
    run(fold, fleet, 1000.0, 1100.0)
    assert (len(one.failing), one.attention, one.asked is not None) == (10, Attention.OPEN, True)
    say(fold, "acknowledge", 1100.0)
    run(fold, fleet, 1101.0, 1300.0)
    assert one.attention is Attention.ACKNOWLEDGED  # once


def test_an_acknowledged_alarm_takes_what_belongs_to_it_without_asking() -> None:
    fleet, fold = county(), Fold()
    fleet.dead |= dict.fromkeys(emergency(fleet), 100.0)
    run(fold, fleet, 100.0, 155.0)
    say(fold, "acknowledge", 155.0)
    run(fold, fleet, 156.0, 400.0)  # the rest of it is found
    for channel in emergency(fleet)[20:]:
        del fleet.dead[channel]
    run(fold, fleet, 401.0, 500.0)
    fleet.dead[emergency(fleet)[30]] = 501.0  # it was back for a moment
    run(fold, fleet, 501.0, 600.0)
    (one,) = fold.open
    assert (len(one.failing), one.attention) == (21, Attention.ACKNOWLEDGED)


def test_one_camera_that_is_left_of_a_recorder_is_no_recorder() -> None:
    fleet, fold = county(), Fold()
    fleet.dead |= {f"nvr{number}": 100.0 for number in range(8)}
    run(fold, fleet, 100.0, 200.0)
    assert told(fold) == [("host", "nvr0", 8)]
    say(fold, "acknowledge", 200.0)
    for number in range(1, 8):
        del fleet.dead[f"nvr{number}"]
    run(fold, fleet, 201.0, 400.0)
    assert told(fold) == [("single", "nvr0", 1)]
    fleet.dead["nvr5"] = 1000.0
    run(fold, fleet, 1000.0, 1200.0)
    assert [(one.cause, one.subject, one.attention) for one in fold.open] == [
        (Cause.SINGLE, "nvr0", Attention.OPEN),
        (Cause.SINGLE, "nvr5", Attention.OPEN),
    ]


def test_faults_wait_as_long_as_their_siblings_looks_take() -> None:
    """Where looks are few and far between the second of a device is found minutes later."""
    places = {f"c{number}": Place() for number in range(100)}
    places |= dict.fromkeys(("c20", "c99"), Place("", "", "nvr"))
    fleet, fold = Fleet(places, period=240.0), Fold()
    fleet.dead |= {"c20": 1000.0, "c99": 1000.0}
    run(fold, fleet, 1000.0, 1300.0)
    found = [member.since for member in fold.open[0].members.values()]
    assert max(found) - min(found) > 150.0
    assert told(fold) == [("host", "nvr", 2)]
    assert len(fold.incidents) == 1


def test_a_platform_that_answers_without_pictures_is_one_incident() -> None:
    """Only looks for a picture find that, one in eight seconds; all channels answer all along."""
    places = {f"c{number}": Place("police", f"a{number % 7}") for number in range(200)}
    cadence, begun = Cadence(60.0, 1800.0), 5000.0
    fold = Fold()
    for now in map(float, range(4990, 6900, 2)):
        fleet = {}
        for number, (channel, place) in enumerate(places.items()):
            phase = 9.0 * number
            looked = now - (now - phase) % 1800.0
            answered = now - (now - phase) % 60.0
            if looked > begun and channel != "c7":
                fleet[channel] = Condition(
                    place, Sign.FAULTY, looked, State.DOWN, Reason.NO_MEDIA,
                    is_deep=True, cadence=cadence,
                )  # fmt: skip
            else:
                fleet[channel] = Condition(place, Sign.WELL, answered, seen=looked, cadence=cadence)
        fold.fold(fleet, now)
    assert told(fold) == [("platform", "police", 199)]
    assert len(fold.incidents) == 1


def test_one_camera_without_a_picture_is_told_within_minutes() -> None:
    """Its siblings' pictures come round in an hour and more; nobody waits for all of them."""
    places = {f"c{number}": Place("police") for number in range(200)}
    cadence = Cadence(60.0, 8 * 1800.0)
    fleet = {
        channel: Condition(place, Sign.WELL, 990.0, seen=-5000.0, cadence=cadence)
        for channel, place in places.items()
    }
    fleet["c5"] = Condition(
        places["c5"], Sign.FAULTY, 1000.0, State.DOWN, Reason.NO_MEDIA,
        is_deep=True, cadence=cadence,
    )  # fmt: skip
    fold = Fold()
    fold.fold(fleet, 1299.0)
    assert not fold.open
    assert fold.is_waiting
    fold.fold(fleet, 1300.0)
    assert told(fold) == [("single", "c5", 1)]


def test_two_well_channels_of_a_recorder_clear_it_at_once() -> None:
    places = {f"c{number}": Place("", "", "nvr") for number in range(8)}
    cadence = Cadence(60.0, 900.0)
    fleet = {
        channel: Condition(place, Sign.WELL, 900.0, cadence=cadence)
        for channel, place in places.items()
    }
    fleet["c0"] = Condition(places["c0"], Sign.FAULTY, 1000.0, State.DOWN, cadence=cadence)
    fold = Fold()
    fold.fold(fleet, 1010.0)
    assert not fold.open
    for channel in ("c1", "c2"):
        fleet[channel] = fleet[channel]._replace(at=1005.0)
    fold.fold(fleet, 1011.0)
    assert told(fold) == [("single", "c0", 1)]


def test_a_fold_in_steps_may_be_left_at_any_of_them() -> None:
    fleet, fold = county(), Fold()
    fleet.dead |= dict.fromkeys(fleet.places, 100.0)
    standing = fleet.standing(200.0)
    told_of: dict[int, set[str]] = {}
    for most in range(1, 400, 7):  # cut off ever later, as by a service that stops
        for number, _ in enumerate(fold.steps(standing, 200.0)):
            check(fold, fleet, 200.0)
            if number == most:
                break
        for id_, channels in fold.take_changes().items():
            told_of.setdefault(id_, set()).update(channels)
    failing = {one.channel for incident in fold.open for one in incident.failing}
    assert failing == set(fleet.places)
    for incident in fold.incidents.values():
        assert told_of[incident.id] >= set(incident.members)


def test_who_leaves_the_fleet_or_goes_into_maintenance_leaves_the_incident() -> None:
    fleet, fold = county(), Fold()
    fleet.dead |= {"campus7": 100.0, "campus8": 100.0, "campus9": 100.0}
    run(fold, fleet, 100.0, 200.0)
    fleet.out.add("campus7")
    del fleet.places["campus8"]
    del fleet.dead["campus9"]
    fold.fold(fleet.standing(201.0), 201.0)
    assert not fold.open
    assert departures(fold) == {
        "campus7": Departure.MAINTENANCE,
        "campus8": Departure.WITHDRAWN,
        "campus9": Departure.RECOVERED,
    }


def departures(fold: Fold) -> dict[str, Departure | None]:
    """Why each channel belongs to its incident no more."""
    members = (member for one in fold.incidents.values() for member in one.members.values())
    return {member.channel: member.departure for member in members}


def test_who_moved_to_a_wider_cause_is_told_of_in_the_narrower_one() -> None:
    fleet, fold = county(), Fold()
    fleet.dead["emergency7"] = 100.0
    run(fold, fleet, 100.0, 170.0)
    (single,) = fold.open
    fleet.dead |= dict.fromkeys(emergency(fleet), 171.0) | {"emergency7": 100.0}
    run(fold, fleet, 171.0, 300.0)
    (platform,) = fold.open
    assert single.merged == platform.id
    member = single.members["emergency7"]
    assert (member.departure, member.until) == (Departure.MOVED, single.ended)
    assert (len(single.members), single.size, len(single.failing)) == (1, 0, 0)


def test_who_fails_again_beside_the_wider_cause_fails_since_then() -> None:
    """The platform's incident tells of the time before."""
    place = Place("p", "town", "h")

    def lost(at: float) -> Condition:
        return Condition(place, Sign.FAULTY, at, State.DOWN)

    ledger = Ledger((), Rules())
    area = ledger.resume((Cause.AREA, "town"), None, 10.0)
    ledger.take(area, "c", lost(10.0), 10.0)
    ledger.take(area, "other", lost(10.0), 10.0)
    ledger.move("c", ledger.resume((Cause.PLATFORM, "p"), None, 20.0), lost(10.0), 20.0)
    ledger.leave("c", Departure.RECOVERED, 30.0)
    ledger.take(area, "c", lost(40.0), 40.0)
    assert area.members["c"].since == 40.0
    assert area.members["c"].departure is None


def test_open_incidents_go_on_after_a_restart() -> None:
    fleet, fold = county(), Fold()
    fleet.dead |= {one: 100.0 for one in fleet.places if one.startswith("emergency")}
    run(fold, fleet, 100.0, 200.0)
    again = Fold(fold.incidents.values(), first=50)
    assert again.fold(fleet.standing(201.0), 201.0) == {}
    fleet.dead.clear()
    again.fold(fleet.standing(202.0), 202.0)
    assert [one.id for one in again.incidents.values()] == [1]
    assert not again.open


def test_what_fell_just_before_a_stop_has_its_cause_after_it() -> None:
    """A refused password stands over any stop, with the time at which it was refused."""
    fleet = county()
    fleet.dead |= dict.fromkeys(emergency(fleet)[:12], 100.0)
    fleet.dead |= {f"nvr{number}": 100.0 for number in range(8)} | {"campus7": 100.0}
    fleet.out |= set(emergency(fleet)[12:])
    fold = Fold()
    run(fold, fleet, 4000.0, 4400.0)
    assert told(fold) == [
        ("host", "nvr0", 8),
        ("platform", "emergency", 12),
        ("single", "campus7", 1),
    ]
    assert len(fold.incidents) == 3


def test_says_which_incidents_and_members_changed() -> None:
    fleet, fold = county(), Fold()
    fleet.dead["campus7"] = 100.0
    changes: dict[int, set[str]] = {}
    for now in map(float, range(100, 200)):
        changes |= fold.fold(fleet.standing(now), now)
    assert changes == {1: {"campus7"}}
    assert fold.is_waiting is False
    assert fold.fold(fleet.standing(200.0), 200.0) == {}


PLACES = st.builds(
    Place, st.sampled_from(["", "p", "q"]), st.sampled_from(["", "a"]), st.sampled_from("xyz")
)
SIGNS = st.sampled_from([Sign.FAULTY, Sign.WELL, Sign.UNSURE, Sign.OUT])


@settings(deadline=None)
@given(
    st.lists(PLACES, min_size=1, max_size=30),
    st.lists(st.lists(SIGNS, min_size=30, max_size=30), min_size=1, max_size=12),
    st.randoms(use_true_random=False),
)
def test_any_history_leaves_every_fault_in_one_incident_whatever_the_order(
    places: list[Place], history: list[list[Sign]], shuffle: object
) -> None:
    one, other = Fold(), Fold()
    since: dict[str, float] = {}
    for turn, signs in enumerate(history):
        now = 100.0 * turn
        fleet = {}
        for number, place in enumerate(places):
            channel, sign = f"c{number}", signs[number]
            if sign is not Sign.FAULTY:
                since.pop(channel, None)
            at = since.setdefault(channel, now) if sign is Sign.FAULTY else now
            fleet[channel] = Condition(place, sign, at, State.DOWN)
        one.fold(fleet, now)
        mixed = list(fleet.items())
        shuffle.shuffle(mixed)  # type: ignore[attr-defined]
        other.fold(dict(mixed), now)
        failing = _members(one)
        assert len(failing) == len(set(failing))
        well = {channel for channel, it in fleet.items() if it.sign in (Sign.WELL, Sign.OUT)}
        assert not well & set(failing)
        overdue = {ch for ch, it in fleet.items() if it.sign is Sign.FAULTY and it.at <= now - 90.0}
        assert overdue <= set(failing)
        assert sorted(_shape(it) for it in one.open) == sorted(_shape(it) for it in other.open)


def _members(fold: Fold) -> list[str]:
    return [member.channel for incident in fold.open for member in incident.failing]


def _shape(incident: Incident) -> tuple[str, str, list[str], int]:
    failing = sorted(member.channel for member in incident.failing)
    return incident.cause.value, incident.subject, failing, incident.returns
