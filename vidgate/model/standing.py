"""How a channel stood at an instant, and how long it stood so: what uptime is computed from.

Instants are whole milliseconds of the wall clock, so that durations add up exactly.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from vidgate.model.channel import Lifecycle
from vidgate.model.health import Level, Reason, State
from vidgate.model.incident import Cause

SECOND = 1000  # milliseconds
# ms for which a change of state that is about to be forgotten is not counted on: no report, and no
# wait for a roll-up, takes so long.
MARGIN = 3_600_000


class Standing(NamedTuple):
    """All that any figure asks of an instant.

    `step` is None where the channel was not registered; `reason` is None where vidgate itself was
    not at work, so that nobody looked; `incident` is the cause that a failure shared with others.
    """

    step: Lifecycle | None
    state: State
    reason: Reason | None
    level: Level
    incident: Cause | None = None


ABSENT = Standing(None, State.UNKNOWN, Reason.NOT_TESTED, Level.NONE)


class Entry(NamedTuple):
    """From `time` (ms) on the channel stood so."""

    time: int
    standing: Standing


class Span(NamedTuple):
    """A channel stood so from `start` until before `end` (ms)."""

    start: int
    end: int
    standing: Standing

    @property
    def length(self) -> int:
        """Milliseconds."""
        return self.end - self.start


class Run(NamedTuple):
    """vidgate was at work from `start` to `end` (ms)."""

    start: int
    end: int


class Membership(NamedTuple):
    """A channel belonged to an incident of that cause from `start` until before `end` (ms)."""

    start: int
    end: int
    cause: Cause


class Circumstances(NamedTuple):
    """What is known of a channel's failures beyond what looks told, each in order of time.

    When they count for nothing, without overlaps: `excused` on somebody's word afterwards,
    `maintained` in planned maintenance. `shared`: when others failed with it.
    """

    excused: Sequence[Run] = ()
    shared: Sequence[Membership] = ()
    maintained: Sequence[Run] = ()


class Tally(tuple[tuple[Standing, int], ...]):
    """How long (ms) a channel stood how: equal ones are equal, whatever the order of events."""

    __slots__ = ()

    @classmethod
    def of(cls, parts: Iterable[tuple[Standing, int]]) -> "Tally":
        """The sum of the parts; parts of no length are left out."""
        total: dict[Standing, int] = {}
        for standing, length in parts:
            total[standing] = total.get(standing, 0) + length
        found = [(one, ms) for one, ms in total.items() if ms]
        return cls(sorted(found, key=_order) if len(found) > 1 else found)

    @property
    def length(self) -> int:
        """Milliseconds in all."""
        return sum(ms for _, ms in self)


def together(tallies: Iterable[Tally]) -> Tally:
    """The sum of tallies."""
    return Tally.of(part for tally in tallies for part in tally)


def _order(part: tuple[Standing, int]) -> tuple[str, int, str, int, str]:
    step, state, reason, level, incident = part[0]
    return (step or "", state, reason or "", level, incident or "")


def milliseconds(seconds: float) -> int:
    """Wall-clock seconds as whole milliseconds."""
    return round(seconds * SECOND)
