"""Incidents: faults that have one cause, and what people said of them (design.md 5)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from math import inf

from vidgate.model.health import Reason, State


class Cause(StrEnum):
    """What the members of an incident share, the widest first.

    Those of `uplink` share vidgate's own way to the network. Those of `scattered` share the time
    only: so many failed for themselves that nobody could see to an alarm for each.
    """

    UPLINK = "uplink"
    PLATFORM = "platform"
    AREA = "area"
    HOST = "host"
    SCATTERED = "scattered"
    SINGLE = "single"


# Those whose members have more in common than the time: one fault, found in many places.
SHARED = frozenset({Cause.UPLINK, Cause.PLATFORM, Cause.AREA, Cause.HOST})


class Severity(StrEnum):
    """How much a person should hurry."""

    CRITICAL = "critical"
    MAJOR = "major"
    MINOR = "minor"


class Attention(StrEnum):
    """Where an alarm stands: nobody has said anything, somebody sees to it, or it is over."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"


SEVERITIES: Mapping[Cause, Severity] = {
    Cause.UPLINK: Severity.CRITICAL,
    Cause.PLATFORM: Severity.CRITICAL,
    Cause.AREA: Severity.CRITICAL,
    Cause.HOST: Severity.MAJOR,
    Cause.SCATTERED: Severity.MAJOR,
    Cause.SINGLE: Severity.MINOR,
}


class Departure(StrEnum):
    """Why a channel belongs to an incident no more; only the first says that it works again.

    `withdrawn`: nobody looks at it any more (removed, switched off, suspended, without an address).
    `moved`: a wider cause was found. `left_over`: the incident is over, and what still fails has an
    alarm of its own.
    """

    RECOVERED = "recovered"
    MAINTENANCE = "maintenance"
    WITHDRAWN = "withdrawn"
    MOVED = "moved"
    LEFT_OVER = "left_over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One channel of an incident. Wall-clock seconds.

    `until` is None while it belongs to it; `departure` says why it does no more (None: that was not
    recorded).
    """

    channel: str
    since: float
    until: float | None = None
    departure: Departure | None = None
    state: State = State.DOWN
    reason: Reason = Reason.UNREACHABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What was done about an alarm: `action` is acknowledge, note or close."""

    time: float
    actor: str
    action: str
    text: str = ""


@dataclass(slots=True, kw_only=True)
class Course:
    """Where an incident came from, how it goes, and where its alarm stands.

    `subject` names the cause: a platform's id, an area, the name made for a device's address, or
    the channel; empty for the uplink and a scattered one. `returns` counts how often it came back
    after all had recovered. `merged` is the incident with a wider cause that took its members over.
    `asked`: since when it asks for a person anew; what was said before is its history. Wall-clock
    seconds.
    """

    id: int
    cause: Cause
    subject: str
    opened: float
    ended: float | None = None
    returns: int = 0
    merged: int | None = None
    asked: float | None = None
    acknowledged: Note | None = None
    dismissed: Note | None = None  # closed by a person, whether it still fails or not

    @property
    def severity(self) -> Severity:
        """By its cause."""
        return SEVERITIES[self.cause]

    @property
    def attention(self) -> Attention:
        """Where the alarm stands."""
        if self.dismissed is not None or self.ended is not None:
            return Attention.CLOSED
        return Attention.OPEN if self.acknowledged is None else Attention.ACKNOWLEDGED


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which incidents are asked for: all that is given must hold.

    That stood at any time in [since, until), wall-clock seconds, with a channel of that platform,
    area and department, by where it is registered now. Empty: any.
    """

    attention: Collection[Attention] = tuple(Attention)
    cause: Cause | None = None
    platform: str = ""
    area: str = ""
    department: str = ""
    since: float = 0.0
    until: float = inf

    @property
    def place(self) -> Mapping[str, str]:
        """The fields of a channel that must hold, by name."""
        wanted = {name: getattr(self, name) for name in ("platform", "area", "department")}
        return {name: value for name, value in wanted.items() if value}

    def fits(self, one: Course) -> bool:
        """Whether all but the place holds."""
        return (
            one.attention in self.attention
            and self.cause in (None, one.cause)
            and one.opened < self.until
            and (one.ended is None or one.ended >= self.since)
        )


@dataclass(slots=True, kw_only=True)
class Outline(Course):
    """An incident without its members: `channels` belonged to it, `failing` of them still do."""

    channels: int
    failing: int


@dataclass(slots=True, kw_only=True)
class Incident(Course):
    """Channels that fail for one cause, from the first failure to the last recovery."""

    members: dict[str, Member] = field(default_factory=dict)
    calm_since: float | None = None  # since when only a few of its members still fail

    @property
    def failing(self) -> list[Member]:
        """The members that have not left."""
        return [one for one in self.members.values() if one.until is None]

    @property
    def is_failing(self) -> bool:
        """Whether any member has not left: found at the first of them."""
        return any(one.until is None for one in self.members.values())

    @property
    def size(self) -> int:
        """How many belonged to it that no wider cause took over."""
        return sum(one.departure is not Departure.MOVED for one in self.members.values())

    @property
    def outline(self) -> Outline:
        """The same without its members, as it stands now."""
        course = {one.name: getattr(self, one.name) for one in fields(Course)}
        return Outline(**course, channels=len(self.members), failing=len(self.failing))
