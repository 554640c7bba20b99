"""What channels share, and whether a group of them has fallen together. Pure.

A group (a platform, the channels of an area, of a device) has fallen when, of its channels that
were looked at since the first of them failed, at least a share failed too. So a cause is known as
soon as enough siblings were asked, and three bad cameras among two thousand never make one.

A camera may answer and show no picture. That is seen only by looks for a picture, which come round
far more seldom, and a sibling that merely answers says nothing against it: such faults (`is_deep`)
are weighed by themselves, against the siblings whose pictures were seen since.
"""

from collections import Counter
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple

from vidgate.health.checks import Cadence
from vidgate.model.health import Health, Level, Reason, State
from vidgate.model.incident import Cause

FAULTS = frozenset({State.DOWN, State.UNAUTHORIZED, State.DEGRADED})
WELL = frozenset({State.UP, State.REACHABLE, State.BUSY})
NOWHERE = frozenset({Reason.NO_ADDRESS, Reason.DENIED_ADDRESS})  # there is nobody to ask
CUT = frozenset({Reason.UNREACHABLE, Reason.TIMEOUT})  # nothing came: a refusal shows a network
RANK = {cause: rank for rank, cause in enumerate(Cause)}

Group = tuple[Cause, str]


class Sign(Enum):
    """What a channel's health says to whoever looks for causes."""

    FAULTY = auto()
    WELL = auto()
    UNSURE = auto()  # not known, or in doubt: neither failed nor recovered
    OUT = auto()  # not counted, in maintenance, gone, or with nobody to ask


@dataclass(frozen=True, slots=True)
class Place:
    """What a channel shares with others; empty: nothing. `host` is the name made for its device.

    `groups`: those that it belongs to, the widest first. `way`: by which vidgate reaches it, its
    platform or its device; what has neither comes by itself and says nothing of our network.
    """

    platform: str = ""
    area: str = ""
    host: str = ""
    way: Group | None = field(init=False, repr=False, compare=False)
    groups: tuple[Group, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        shared = {Cause.PLATFORM: self.platform, Cause.AREA: self.area, Cause.HOST: self.host}
        groups = [(cause, subject) for cause, subject in shared.items() if subject]
        ways = (group for group in groups if group[0] is not Cause.AREA)
        object.__setattr__(self, "way", next(ways, None))
        ours = [(Cause.UPLINK, "")] if self.way else []
        object.__setattr__(self, "groups", (*ours, *groups))


class Condition(NamedTuple):
    """How one channel stands.

    `at`: since when it fails, or when it was last seen well; `seen`: when its picture last was.
    `is_deep`: its fault shows only to a look for a picture. `cadence`: how often it is looked at.
    """

    place: Place
    sign: Sign
    at: float
    state: State = State.UNKNOWN
    reason: Reason = Reason.NOT_TESTED
    seen: float = 0.0
    is_deep: bool = False
    cadence: Cadence = Cadence(0.0, 0.0)

    @property
    def period(self) -> float:
        """Seconds between two looks that show such a fault, or its end."""
        return self.cadence.media if self.is_deep else self.cadence.describe


def condition(
    health: Health, place: Place, cadence: Cadence, *, is_counted: bool, is_asked: bool = True
) -> Condition:
    """What a channel's health says. `is_asked`: the background looks at it; others tell of
    themselves.
    """
    state, reason = health.state, health.reason
    is_lost = state is State.UNKNOWN and (not is_asked or reason in NOWHERE)  # nobody will ever see
    if not is_counted or is_lost or state in (State.MAINTENANCE, State.DISABLED):
        return Condition(place, Sign.OUT, 0.0, state)
    # To answer, with no more known yet, is no fault; pictures that nobody can show are one.
    is_strange = state is State.REACHABLE and reason is Reason.UNSUPPORTED
    if state in FAULTS or is_strange:
        is_deep = health.failed >= Level.MEDIA
        return Condition(
            place, Sign.FAULTY, health.since, state, reason, is_deep=is_deep, cadence=cadence
        )
    if state not in WELL or health.misses.most or health.probed is None:
        return Condition(place, Sign.UNSURE, 0.0, cadence=cadence)
    seen = health.media_seen or 0.0
    return Condition(place, Sign.WELL, health.probed, seen=seen, cadence=cadence)


class Together(NamedTuple):
    """When a group has fallen: at least so many failed, and that share of those looked at."""

    least: int
    share: float


TOGETHER: Mapping[Cause, Together] = {  # the widest first
    Cause.UPLINK: Together(3, 0.8),  # of the channels, and of the ways that lead to them
    Cause.PLATFORM: Together(3, 0.5),
    Cause.AREA: Together(5, 0.5),
    Cause.HOST: Together(2, 0.8),
}


@dataclass(frozen=True, slots=True)
class Rules:
    """Seconds. Faults within `window` are of one time, or within the group's longest period where
    that is longer (`widest` at most). A lone fault waits for its siblings' looks, as long as they
    take to come round and `confirm` more until a failure is believed, `patience` at most. An
    incident of which only `leftover` still fails, or too few to make one, ends after `rest`, or
    when a round of looks has found those failing again; one that comes back within `reopen` is the
    same. `enough`: looks at siblings that clear a group; what condemns one is `sure` looks, or a
    fifth of it where that is less. Whoever acknowledges what has come back `flaps` times knows that
    it does. `crowd`: so many lone faults within `window` are one incident, until half as many at
    most have failed for as long.
    """

    window: float = 300.0
    widest: float = 3600.0
    confirm: float = 30.0
    patience: float = 300.0
    rest: float = 60.0
    reopen: float = 600.0
    leftover: float = 0.1
    enough: int = 10
    sure: int = 40
    flaps: int = 3
    crowd: int = 20

    def round(self, period: float) -> float:
        """Seconds in which looks so far apart have come round to all, and are believed."""
        return min(period + self.confirm, self.widest)

    def span(self, period: float) -> float:
        """Seconds within which faults are of one time."""
        return max(self.window, self.round(period))


class Tally:
    """Who of a group failed together, in one way (`is_deep`), and who was seen well since.

    Add every channel of the group, then `weigh`; the answers stand until `drop`.
    """

    def __init__(self, cause: Cause, *, is_deep: bool, rules: Rules) -> None:
        self.cause = cause
        self.is_deep = is_deep
        self.size = 0
        self.failed: dict[str, float] = {}
        self._rules = rules
        self._longest = 0.0  # the longest period
        self._well: list[float] = []
        self._others = 0  # failed before, in another way or for another cause: no part of this
        self._witnesses = 0

    def add(self, channel: str, found: Condition, rank: int) -> None:
        """Take in a channel; `rank` of the cause of the incident that it belongs to already."""
        self.size += 1
        period = found.cadence.media if self.is_deep else found.cadence.describe
        if period > self._longest:
            self._longest = period
        if found.sign is Sign.WELL:
            self._well.append(found.seen if self.is_deep else found.at)
        elif found.sign is Sign.FAULTY:
            if found.is_deep is self.is_deep and rank > RANK[self.cause]:
                self.failed[channel] = found.at
            else:
                self._others += 1

    def weigh(self, now: float, left: Container[str] = ()) -> None:
        """All were added: see who failed at one time, and who was seen well since.

        `left`: these did, whenever they were first seen to fail.
        """
        begun = now - self._rules.span(self._longest)
        late = [channel for channel, at in self.failed.items() if at < begun]
        self.drop([channel for channel in late if channel not in left])

    def drop(self, channels: Iterable[str]) -> None:
        """These are no part of it."""
        for channel in channels:
            del self.failed[channel]
            self._others += 1
        onset = min(self.failed.values(), default=0.0)
        self._witnesses = sum(at > onset for at in self._well)

    def may_fall(self, waited: float) -> bool:
        """Whether the others are still to be looked at, so many seconds after a fault."""
        settle = min(self._longest + self._rules.confirm, self._rules.patience)
        return self.size >= TOGETHER[self.cause].least and waited < settle and not self.is_decided

    @property
    def is_decided(self) -> bool:
        """Whether enough were looked at, or so many were well that the rest does not matter."""
        together, alive = TOGETHER[self.cause], self.size - self._others
        looked = len(self.failed) + self._witnesses
        enough = self._rules.enough
        if len(self.failed) >= together.share * looked:
            # Of a fifth that is bad half of the first ten may be, by chance; hardly of forty.
            enough = max(enough, min(self.size // 5, self._rules.sure))
        if looked >= min(alive, enough):
            return True
        return alive - self._witnesses < max(together.least, together.share * alive)

    @property
    def has_fallen(self) -> bool:
        """Whether a share of them failed together."""
        return self.is_decided and self._is_enough(len(self.failed))

    def needs(self, channels: Collection[str]) -> bool:
        """Whether it would not have fallen without these of its failed."""
        return not self._is_enough(len(self.failed) - len(channels))

    def _is_enough(self, failed: int) -> bool:
        together = TOGETHER[self.cause]
        return failed >= max(together.least, together.share * (failed + self._witnesses))


class Uplink(Tally):
    """Whether what failed together is all that vidgate looks at: then its own network is cut.

    It takes four fifths of all ways (`Place.way`), three at least, and of the channels behind them.
    Ways are not sampled as channels are: they are few, and to put the faults of others down to
    ourselves hides them. A way by which somebody was seen since is not cut.
    """

    def __init__(self, *, rules: Rules) -> None:
        super().__init__(Cause.UPLINK, is_deep=False, rules=rules)
        self._places: dict[str, Place] = {}  # of those that are not `_others`
        self._seen: dict[Group | None, float] = {}  # when anybody was last seen well, by way
        self._alive: Counter[Group | None] = Counter()  # channels by way
        self._cut: set[Group | None] = set()
        self._open: set[Group | None] = set()

    def add(self, channel: str, found: Condition, rank: int) -> None:
        """As any other, but that an answer, whatever it says, is no cut."""
        if found.sign is Sign.FAULTY and found.reason not in CUT:
            self.size += 1
            self._others += 1
            return
        super().add(channel, found, rank)
        if found.sign is Sign.FAULTY and channel not in self.failed:
            return
        self._places[channel] = found.place
        if found.sign is Sign.WELL:
            way = found.place.way
            self._seen[way] = max(found.at, self._seen.get(way, 0.0))

    def drop(self, channels: Iterable[str]) -> None:
        """These are no part of it."""
        gone = list(channels)
        super().drop(gone)
        for channel in gone:
            del self._places[channel]
        onset = min(self.failed.values(), default=0.0)
        self._open = {way for way, at in self._seen.items() if at > onset}
        self._cut = {self._places[channel].way for channel in self.failed} - self._open
        self._alive = Counter(place.way for place in self._places.values())

    @property
    def is_decided(self) -> bool:
        """Whether so many ways are cut, or so many open that the rest does not matter."""
        if super().is_decided and not self._is_enough(len(self.failed)):
            return True
        return self._are_most(self._cut) or not self._are_most(self._alive.keys() - self._open)

    @property
    def has_fallen(self) -> bool:
        """Whether most ways are cut; an area says it better where all of them are in one."""
        if not super().has_fallen or not self._are_most(self._cut):
            return False
        areas = {self._places[channel].area for channel in self.failed}
        return len(areas) > 1 or areas == {""}

    def _are_most(self, ways: Set[Group | None]) -> bool:
        together, behind = TOGETHER[self.cause], sum(self._alive[way] for way in ways)
        return (
            len(ways) >= max(together.least, together.share * len(self._alive))
            and behind >= together.share * self._alive.total()
        )


class Suspects:
    """The groups in which something failed for no cause as wide, and what is known of each.

    `doubted`: what failed, and the rank of the cause that it is put down to so far. `left`: what
    is left of a cause that is over; it is of one time, whenever each was first seen to fail.
    """

    def __init__(
        self,
        doubted: Iterable[tuple[Condition, int]],
        rules: Rules,
        left: Container[str] = (),
    ) -> None:
        self._left = left
        self._tallies: dict[tuple[Cause, str, bool], Tally] = {}
        self._by_group: dict[Group, list[Tally]] = {}
        # Of every device, though it be the cause that was found already: wider ones ask for it.
        self._hosts: dict[str, dict[bool, Tally]] = {}
        for found, rank in doubted:
            host = self._hosts.setdefault(found.place.host, {})
            if found.is_deep not in host:
                host[found.is_deep] = Tally(Cause.HOST, is_deep=found.is_deep, rules=rules)
            for group in found.place.groups:
                if RANK[group[0]] < rank and (*group, found.is_deep) not in self._tallies:
                    if (tally := _tally(group[0], rules, is_deep=found.is_deep)) is None:
                        continue
                    self._tallies[*group, found.is_deep] = tally
                    self._by_group.setdefault(group, []).append(tally)

    def add(self, channel: str, found: Condition, rank: int) -> None:
        """Take in one channel of the fleet; see `Tally.add`."""
        if found.sign is Sign.OUT:
            return
        for host in self._hosts.get(found.place.host, {}).values():
            host.add(channel, found, len(RANK))
        for group in found.place.groups:
            for tally in self._by_group.get(group, ()):
                tally.add(channel, found, rank)

    def weigh(self, now: float) -> None:
        """All were added."""
        hosts = (host for alike in self._hosts.values() for host in alike.values())
        for tally in (*self._tallies.values(), *hosts):
            tally.weigh(now, self._left)

    def in_order(self) -> Iterator[tuple[Group, Tally]]:
        """The widest first; the order in which faults were found makes no difference."""
        for cause, subject, is_deep in sorted(self._tallies, key=_order):
            yield (cause, subject), self._tallies[cause, subject, is_deep]

    def is_of_one_host(self, tally: Tally, places: Iterable[Place]) -> bool:
        """Whether one device says it better: all that failed hang on it, it is narrower, and not
        too many others on it are well.
        """
        names = {place.host for place in places}
        if tally.cause is Cause.HOST or len(names) != 1 or names == {""}:
            return False
        host = self._hosts[names.pop()][tally.is_deep]
        if host.is_decided and not host.has_fallen:
            return False
        return tally.cause is Cause.AREA or host.size < tally.size

    def may_have_company(self, found: Condition, now: float) -> bool:
        """Whether siblings of a fault are still to be looked at: it should wait for them."""
        return any(tally.may_fall(now - found.at) for tally in self._of(found, len(RANK)))

    def may_be_wider(self, tally: Tally, fleet: Mapping[str, Condition], now: float) -> bool:
        """Whether a wider cause may still be found for so many that this one would be none.

        Our own network, which takes a round of looks to be blamed, is not waited for.
        """
        waited = now - min(tally.failed.values())
        doubtful = [
            channel
            for channel in tally.failed
            if any(
                wider.may_fall(waited)
                for wider in self._of(fleet[channel], RANK[tally.cause])
                if wider.cause is not Cause.UPLINK
            )
        ]
        return bool(doubtful) and tally.needs(doubtful)

    def _of(self, found: Condition, rank: int) -> Iterator[Tally]:
        """The groups of a channel that are wider than a cause of that rank."""
        for group in found.place.groups:
            tally = self._tallies.get((*group, found.is_deep))
            if tally is not None and RANK[group[0]] < rank:
                yield tally


def _tally(cause: Cause, rules: Rules, *, is_deep: bool) -> Tally | None:
    """What is to be known of such a group; none: a picture that is missing is no cut network."""
    if cause is Cause.UPLINK:
        return None if is_deep else Uplink(rules=rules)
    return Tally(cause, is_deep=is_deep, rules=rules)


def _order(key: tuple[Cause, str, bool]) -> tuple[int, str, bool]:
    cause, subject, is_deep = key
    return RANK[cause], subject, is_deep
