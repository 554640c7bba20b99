"""Faults folded by common cause: one incident where a platform falls, not one for each channel.

Pure: `fold` looks at how every channel stands and at what it knew before; the order in which the
faults were found makes no difference.

A group (a platform, the channels of an area, of a device) has fallen together when, of its channels
that were looked at since the first of them failed, at least a share failed too. So a cause is known
as soon as enough siblings were asked, and three bad cameras among two thousand never make one. A
fault whose siblings were not asked yet waits for them, `settle` seconds at most.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import NamedTuple

from vidgate.model.health import Health, Reason, State
from vidgate.model.incident import Cause, Incident, Member

FAULTS = frozenset({State.DOWN, State.UNAUTHORIZED, State.DEGRADED})
WELL = frozenset({State.UP, State.REACHABLE, State.BUSY})


class Sign(Enum):
    """What a channel's health says to whoever looks for causes."""

    FAULTY = auto()
    WELL = auto()
    UNSURE = auto()  # not known, or in doubt: neither failed nor recovered
    OUT = auto()  # not counted, in maintenance, gone


class Place(NamedTuple):
    """What a channel shares with others; empty: nothing. `host` is the name made for its device."""

    platform: str = ""
    area: str = ""
    host: str = ""


class Condition(NamedTuple):
    """How one channel stands. `at`: since when it fails, or when it was last seen well."""

    place: Place
    sign: Sign
    at: float
    state: State = State.UNKNOWN
    reason: Reason = Reason.NOT_TESTED


Group = tuple[Cause, str]


class Together(NamedTuple):
    """When a group has fallen: at least so many failed, and that share of those looked at."""

    least: int
    share: float


TOGETHER: Mapping[Cause, Together] = {  # the widest first
    Cause.PLATFORM: Together(3, 0.5),
    Cause.AREA: Together(5, 0.5),
    Cause.HOST: Together(2, 0.8),
}
RANK = {cause: rank for rank, cause in enumerate(Cause)}


@dataclass(frozen=True, slots=True)
class Rules:
    """Seconds: faults within `window` are of one time; a lone fault waits `settle` for its
    siblings' looks (as long as a look takes to come round and to be confirmed); an incident of
    which only `leftover` still fails ends after `rest`; one that comes back within `reopen` is the
    same. `enough`: looks at siblings that settle the question.
    """

    window: float = 300.0
    settle: float = 90.0
    rest: float = 60.0
    reopen: float = 600.0
    leftover: float = 0.1
    enough: int = 10


def condition(health: Health, place: Place, *, is_counted: bool) -> Condition:
    """What a channel's health says."""
    state, reason = health.state, health.reason
    if not is_counted or state in (State.MAINTENANCE, State.DISABLED):
        return Condition(place, Sign.OUT, 0.0)
    if state in FAULTS:
        return Condition(place, Sign.FAULTY, health.since, state, reason)
    if state not in WELL or health.bad or health.probed is None:
        return Condition(place, Sign.UNSURE, 0.0)
    return Condition(place, Sign.WELL, health.probed)


class Fold:
    """All incidents that are open, or over so lately that they may come back."""

    def __init__(
        self, known: Iterable[Incident] = (), *, first: int = 1, rules: Rules | None = None
    ) -> None:
        self.incidents = {one.id: one for one in known}
        self._next = max([first, *(id_ + 1 for id_ in self.incidents)])
        self._rules = rules or Rules()
        self._of: dict[str, Incident] = {}  # the open incident of every failing channel
        self._changed: dict[int, set[str]] = {}
        self._unsettled = False
        for incident in self.open:
            self._of.update((member.channel, incident) for member in incident.failing)

    @property
    def open(self) -> list[Incident]:
        """Those of which something still fails."""
        return [one for one in self.incidents.values() if one.ended is None]

    @property
    def is_waiting(self) -> bool:
        """Whether time alone may change something, though no channel changes."""
        return self._unsettled or any(one.calm_since is not None for one in self.open)

    def fold(self, fleet: Mapping[str, Condition], now: float) -> dict[int, set[str]]:
        """Take in how all channels stand at wall instant `now`.

        Returns the incidents that changed, with the channels whose membership did.
        """
        self._changed = {}
        self._recover(fleet, now)
        self._join(fleet, now)
        groups = self._suspects(fleet, now)
        self._find_causes(groups, fleet, now)
        self._stand_alone(groups, fleet, now)
        for incident in self.open:
            self._end(incident, now)
        self._forget(now)
        return self._changed

    # -- members come and go -----------------------------------------------------------------------

    def _recover(self, fleet: Mapping[str, Condition], now: float) -> None:
        for channel, incident in list(self._of.items()):
            found = fleet.get(channel)
            if found is None or found.sign in (Sign.WELL, Sign.OUT):
                self._leave(channel, now)
            elif found.sign is Sign.FAULTY:
                self._update(incident, channel, found)

    def _update(self, incident: Incident, channel: str, found: Condition) -> None:
        member = incident.members[channel]
        if (member.state, member.reason) != (found.state, found.reason):
            incident.members[channel] = replace(member, state=found.state, reason=found.reason)
            self._touch(incident, channel)

    def _leave(self, channel: str, now: float) -> None:
        incident = self._of.pop(channel)
        incident.members[channel] = replace(incident.members[channel], until=now)
        self._touch(incident, channel)

    def _take(self, incident: Incident, channel: str, found: Condition) -> None:
        known = incident.members.get(channel)
        since = found.at if known is None else known.since
        incident.members[channel] = Member(
            channel=channel, since=since, state=found.state, reason=found.reason
        )
        incident.opened = min(incident.opened, found.at)
        self._of[channel] = incident
        self._touch(incident, channel)

    def _touch(self, incident: Incident, *channels: str) -> None:
        self._changed.setdefault(incident.id, set()).update(channels)

    def _join(self, fleet: Mapping[str, Condition], now: float) -> None:
        """A fault belongs to the incident of its platform, area or device while that is open."""
        by_group = {(one.cause, one.subject): one for one in self.open if one.dismissed is None}
        lately = self._lately(now)
        for channel, found in self._free(fleet):
            for group in (*_groups(found.place), (Cause.SINGLE, channel)):
                incident = by_group.get(group)
                if incident is None and group[0] is Cause.SINGLE and group in lately:
                    incident = self._reopen(lately[group])
                if incident is not None:
                    self._take(incident, channel, found)
                    break

    def _free(self, fleet: Mapping[str, Condition]) -> Iterator[tuple[str, Condition]]:
        for channel, found in fleet.items():
            if found.sign is Sign.FAULTY and channel not in self._of:
                yield channel, found

    def _lately(self, now: float) -> dict[Group, Incident]:
        return {
            (one.cause, one.subject): one
            for one in self.incidents.values()
            if one.ended is not None
            and one.merged is None
            and one.dismissed is None
            and now - one.ended < self._rules.reopen
        }

    def _reopen(self, incident: Incident) -> Incident:
        incident.ended = incident.calm_since = None
        incident.returns += 1
        self._touch(incident)
        return incident

    # -- causes ------------------------------------------------------------------------------------

    def _suspects(self, fleet: Mapping[str, Condition], now: float) -> dict[Group, "_Group"]:
        """The groups of the faults that belong to no incident yet."""
        groups: dict[Group, _Group] = {}
        for _, found in self._free(fleet):
            for group in _groups(found.place):
                groups.setdefault(group, _Group())
        if not groups:
            return groups
        begun = now - self._rules.window
        for channel, found in fleet.items():
            if found.sign is Sign.OUT:
                continue
            for group in _groups(found.place):
                if group in groups:
                    incident = self._of.get(channel)
                    is_taken = incident is not None and RANK[incident.cause] <= RANK[group[0]]
                    groups[group].add(channel, found, begun, is_taken=is_taken)
        return groups

    def _find_causes(
        self, groups: dict[Group, "_Group"], fleet: Mapping[str, Condition], now: float
    ) -> None:
        for group in sorted(groups, key=lambda one: (RANK[one[0]], one[1])):
            of_it = groups[group]
            taken = [one for one in of_it.failed if self._is_taken(one, group[0])]
            for channel in taken:
                del of_it.failed[channel]
            if not of_it.has_fallen(TOGETHER[group[0]], self._rules):
                continue
            if _is_of_one_host(group, groups, fleet):
                continue
            known = self._lately(now).get(group)
            incident = self._open(*group, now) if known is None else self._reopen(known)
            for channel in of_it.failed:
                self._move(channel, incident, fleet[channel], now)

    def _is_taken(self, channel: str, cause: Cause) -> bool:
        incident = self._of.get(channel)
        return incident is not None and RANK[incident.cause] <= RANK[cause]

    def _move(self, channel: str, to: Incident, found: Condition, now: float) -> None:
        """The wider cause takes the channel over; the narrower incident ends with its last."""
        before = self._of.pop(channel, None)
        if before is not None:
            del before.members[channel]
            self._touch(before, channel)
            if not before.failing:
                before.ended, before.merged = now, to.id
        self._take(to, channel, found)

    def _stand_alone(
        self, groups: dict[Group, "_Group"], fleet: Mapping[str, Condition], now: float
    ) -> None:
        self._unsettled = False
        for channel, found in list(self._free(fleet)):
            is_open_question = now - found.at < self._rules.settle and any(
                not groups[group].is_decided(self._rules)
                for group in _groups(found.place)
                if groups[group].size >= TOGETHER[group[0]].least
            )
            if is_open_question:
                self._unsettled = True
            else:
                self._take(self._open(Cause.SINGLE, channel, now), channel, found)

    def _open(self, cause: Cause, subject: str, now: float) -> Incident:
        incident = Incident(id=self._next, cause=cause, subject=subject, opened=now)
        self.incidents[incident.id] = incident
        self._next += 1
        self._touch(incident)
        return incident

    # -- ends --------------------------------------------------------------------------------------

    def _end(self, incident: Incident, now: float) -> None:
        failing = incident.failing
        if not failing:
            incident.ended, incident.calm_since = now, None
            self._touch(incident)
            return
        if len(failing) > self._rules.leftover * len(incident.members):
            incident.calm_since = None
            return
        if incident.calm_since is None:
            incident.calm_since = now
        elif now - incident.calm_since >= self._rules.rest:
            # What is left has a cause of its own, to be found by the next fold.
            for member in failing:
                self._leave(member.channel, now)
            incident.ended, incident.calm_since = now, None

    def _forget(self, now: float) -> None:
        for incident in list(self.incidents.values()):
            is_old = incident.ended is not None and now - incident.ended >= self._rules.reopen
            if is_old and incident.id not in self._changed:
                del self.incidents[incident.id]


class _Group:
    """What is known of a group since the first of its channels failed, within the window."""

    def __init__(self) -> None:
        self.size = 0
        self.failed: dict[str, float] = {}
        self._well: list[float] = []
        self._earlier = 0  # failed before, or for another cause: no part of this

    def add(self, channel: str, found: Condition, begun: float, *, is_taken: bool) -> None:
        self.size += 1
        if found.sign is Sign.WELL:
            self._well.append(found.at)
        elif found.sign is Sign.FAULTY and not is_taken and found.at >= begun:
            self.failed[channel] = found.at
        elif found.sign is Sign.FAULTY:
            self._earlier += 1

    @property
    def witnesses(self) -> int:
        """Channels that were seen well since the first failed."""
        onset = min(self.failed.values(), default=0.0)
        return sum(at > onset for at in self._well)

    def is_decided(self, rules: Rules) -> bool:
        """Whether enough of them were looked at."""
        alive = self.size - self._earlier
        return len(self.failed) + self.witnesses >= min(alive, rules.enough)

    def has_fallen(self, together: Together, rules: Rules) -> bool:
        """Whether a share of them failed together."""
        failed = len(self.failed)
        if failed < together.least or not self.is_decided(rules):
            return False
        return failed >= together.share * (failed + self.witnesses)


def _is_of_one_host(
    group: Group, groups: Mapping[Group, _Group], fleet: Mapping[str, Condition]
) -> bool:
    """Whether one device says it better: all that failed hang on it, and the group is wider."""
    hosts = {fleet[channel].place.host for channel in groups[group].failed}
    if group[0] is Cause.HOST or len(hosts) != 1 or hosts == {""}:
        return False
    host = groups.get((Cause.HOST, hosts.pop()))
    return host is not None and (group[0] is Cause.AREA or host.size < groups[group].size)


def _groups(place: Place) -> Iterator[Group]:
    """The groups that a channel belongs to, the widest first."""
    for cause, subject in zip((Cause.PLATFORM, Cause.AREA, Cause.HOST), place, strict=True):
        if subject:
            yield cause, subject
