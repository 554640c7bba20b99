"""Times at which a channel that shows nothing is nobody's fault, and who said so."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from vidgate.model.channel import Channel


class Scope(StrEnum):
    """What a window is for: one channel, or all of a platform, a department or an area."""

    CHANNEL = "channel"
    PLATFORM = "platform"
    DEPARTMENT = "department"
    AREA = "area"


class Stay(NamedTuple):
    """Of which platform, department and area a channel was from an instant on (ms)."""

    since: int
    channel: Channel


Place = tuple[Scope, str]  # what a window is for: a channel's id in lower case, a name as it is


def place(scope: Scope, subject: str) -> Place:
    """Equal for two windows that are for the same."""
    return scope, subject.lower() if scope is Scope.CHANNEL else subject


def places(channel: Channel) -> tuple[Place, ...]:
    """All that a window can be for so that it is for this channel."""
    return (
        (Scope.CHANNEL, channel.id.lower()),
        (Scope.PLATFORM, channel.platform),
        (Scope.DEPARTMENT, channel.department),
        (Scope.AREA, channel.area),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """From `start` until before `end` (wall-clock seconds; None: until further notice).

    What lies before `created` excuses what failed then; what lies after it is maintenance.
    """

    id: int
    scope: Scope
    subject: str
    start: float
    end: float | None
    reason: str
    actor: str
    created: float

    def is_at(self, instant: float) -> bool:
        """Whether it lasts at that instant."""
        return self.start <= instant and (self.end is None or instant < self.end)

    def is_over(self, instant: float) -> bool:
        """Whether it lies before that instant."""
        return self.end is not None and self.end <= instant

    @property
    def is_excuse(self) -> bool:
        """Whether it was made for a time that had passed: a minute forgives a slow hand."""
        return self.start < self.created - 60.0

    @property
    def planned(self) -> float:
        """From when on it is maintenance; what lies before is excused."""
        return self.created if self.is_excuse else self.start
