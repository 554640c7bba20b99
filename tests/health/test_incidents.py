"""Faults folded by common cause, without a service: how a fleet stands goes in, incidents out."""

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from vidgate.health.incidents import Condition, Fold, Place, Sign, condition
from vidgate.model.health import Health, Reason, State
from vidgate.model.incident import Attention, Cause, Incident, Note

PERIOD = 60.0  # seconds in which every channel is looked at once


@dataclass
class Fleet:
    """Channels at their places, each looked at once a period; time is a number."""

    places: dict[str, Place]
    dead: dict[str, float] = field(default_factory=dict)  # since when it fails, as found
    out: set[str] = field(default_factory=set)

    def standing(self, now: float) -> dict[str, Condition]:
        """How every channel stands by the looks that were made until now."""
        found = {}
        for number, (channel, place) in enumerate(self.places.items()):
            phase = PERIOD * number / len(self.places)
            looked = now - (now - phase) % PERIOD
            found[channel] = self._of(channel, place, looked, now)
        return found

    def _of(self, channel: str, place: Place, looked: float, now: float) -> Condition:
        if channel in self.out:
            return Condition(place, Sign.OUT, 0.0)
        since = self.dead.get(channel)
        if since is None:
            return Condition(place, Sign.WELL, looked)
        found = since + (looked - since) % PERIOD  # it fails at its first look after it died
        if found > now:
            return Condition(place, Sign.UNSURE, 0.0)
        return Condition(place, Sign.FAULTY, found, State.DOWN, Reason.TIMEOUT)


def county() -> Fleet:
    """The fleet of the issue, small: two platforms, three recorders, fifty cameras alone."""
    places = {}
    for number in range(200):
        places[f"police{number}"] = Place("police", f"area{number % 5}", f"gate{number % 4}")
    for number in range(60):
        places[f"emergency{number}"] = Place("emergency", f"area{number % 5}", f"em{number % 12}")
    for number in range(24):
        places[f"nvr{number}"] = Place("", f"area{number % 5}", f"nvr{number // 8}")
    for number in range(50):
        places[f"campus{number}"] = Place("", f"school{number % 7}", f"camera{number}")
    return Fleet(places)


def run(fold: Fold, fleet: Fleet, begin: float, end: float, step: float = 1.0) -> None:
    """Fold once a second from `begin` until `end`."""
    now = begin
    while now <= end:
        fold.fold(fleet.standing(now), now)
        check(fold, fleet, now)
        now += step


def check(fold: Fold, fleet: Fleet, now: float) -> None:
    """What holds at any time: nothing is in two open incidents, and nobody well is in one."""
    failing = [member.channel for incident in fold.open for member in incident.failing]
    assert len(failing) == len(set(failing))
    standing = fleet.standing(now)
    assert all(standing[channel].sign in (Sign.FAULTY, Sign.UNSURE) for channel in failing)


def told(fold: Fold) -> list[tuple[str, str, int]]:
    """Cause, subject and how many fail, of what is open."""
    return sorted((one.cause.value, one.subject, len(one.failing)) for one in fold.open)


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
    run(fold, fleet, 100.0, 123.0)  # its first channels are looked at from 120 on
    assert [(one.cause, one.subject) for one in fold.open] == [(Cause.PLATFORM, "police")]
    run(fold, fleet, 124.0, 185.0)
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
    run(fold, fleet, 200.0, 250.0)
    assert told(fold) == [("platform", "emergency", 1)]
    run(fold, fleet, 251.0, 270.0)
    assert first.ended is not None
    assert told(fold) == [("single", "emergency9", 1)]


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


def test_who_leaves_the_fleet_or_goes_into_maintenance_leaves_the_incident() -> None:
    fleet, fold = county(), Fold()
    fleet.dead |= {"campus7": 100.0, "campus8": 100.0}
    run(fold, fleet, 100.0, 200.0)
    fleet.out.add("campus7")
    del fleet.places["campus8"]
    fold.fold(fleet.standing(201.0), 201.0)
    assert not fold.open


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


def test_says_which_incidents_and_members_changed() -> None:
    fleet, fold = county(), Fold()
    fleet.dead["campus7"] = 100.0
    changes: dict[int, set[str]] = {}
    for now in map(float, range(100, 200)):
        changes |= fold.fold(fleet.standing(now), now)
    assert changes == {1: {"campus7"}}
    assert fold.is_waiting is False
    assert fold.fold(fleet.standing(200.0), 200.0) == {}


def test_what_a_channels_health_says() -> None:
    place = Place("p", "a", "h")

    def sign(counted: bool = True, **known: object) -> Sign:
        health = Health(channel="c", **known)  # type: ignore[arg-type]
        return condition(health, place, is_counted=counted).sign

    assert sign() is Sign.UNSURE
    assert sign(state=State.UP, probed=5.0) is Sign.WELL
    assert sign(state=State.BUSY, probed=5.0) is Sign.WELL
    assert sign(state=State.UP, probed=5.0, bad=1) is Sign.UNSURE
    assert sign(state=State.DOWN, since=3.0) is Sign.FAULTY
    assert sign(state=State.UNAUTHORIZED) is Sign.FAULTY
    assert sign(state=State.MAINTENANCE) is Sign.OUT
    assert sign(state=State.DISABLED) is Sign.OUT
    assert sign(False, state=State.DOWN) is Sign.OUT


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
