"""How a fleet stands by the looks made until now: what goes into a fold, without a service."""

from dataclasses import dataclass, field

from vidgate.health.causes import Condition, Place, Sign
from vidgate.health.checks import Cadence
from vidgate.health.incidents import Fold
from vidgate.model.health import Reason, State

PERIOD = 60.0  # seconds in which every channel is looked at once


@dataclass
class Fleet:
    """Channels at their places, each looked at once a period; time is a number."""

    places: dict[str, Place]
    dead: dict[str, float] = field(default_factory=dict)  # since when it fails
    mended: dict[str, float] = field(default_factory=dict)  # since when it works again
    out: set[str] = field(default_factory=set)
    period: float = PERIOD

    def standing(self, now: float) -> dict[str, Condition]:
        """How every channel stands by the looks that were made until now."""
        found = {}
        for number, (channel, place) in enumerate(self.places.items()):
            phase = self.period * number / len(self.places)
            looked = now - (now - phase) % self.period
            found[channel] = self._of(channel, place, looked, now)
        return found

    def _of(self, channel: str, place: Place, looked: float, now: float) -> Condition:
        if channel in self.out:
            return Condition(place, Sign.OUT, 0.0, State.MAINTENANCE)
        since, cadence = self.dead.get(channel), Cadence(self.period, 1800.0)
        if since is None:
            return Condition(place, Sign.WELL, looked, cadence=cadence)
        found = since + (looked - since) % self.period  # it fails at its first look after it died
        if looked >= self.mended.get(channel, float("inf")):
            return Condition(place, Sign.WELL, looked, cadence=cadence)
        if found > now:
            return Condition(place, Sign.UNSURE, 0.0, cadence=cadence)
        return Condition(place, Sign.FAULTY, found, State.DOWN, Reason.TIMEOUT, cadence=cadence)


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
