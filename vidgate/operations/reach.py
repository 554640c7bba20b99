"""How far back the past is known, and what a window comes to where only whole days are. Pure.

Changes of state are kept for a while, rolled-up days for longer. Before the first change that is
kept nothing can be computed: a channel that changed since would look as if it had never been.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from enum import Enum
from itertools import groupby

from vidgate.health import calendar
from vidgate.settings.tree import HistorySettings

DAY = 86_400_000
# ms for which a change that is about to be forgotten is not counted on: no report takes so long.
MARGIN = 3_600_000
Slice = tuple[int, int]


class Source(Enum):
    """Where a day is read."""

    ROLLED = "rolled"
    CHANGES = "changes"
    NOTHING = "nothing"  # vidgate was not there yet
    UNKNOWN = "unknown"  # it was, or may have been, and what it saw is forgotten


@dataclass(frozen=True, slots=True)
class Reach:
    """Instants in ms: from `changes` on all changes are kept, from `days` on all rolled-up days
    and runs, and the first run began at `begun`.
    """

    changes: int
    days: int
    begun: int

    @classmethod
    def of(cls, keep: HistorySettings, now: int, forgotten: int, begun: int | None) -> "Reach":
        """By the settings, and by what was forgotten while they said something else."""
        changes = now - keep.transition_days * DAY + MARGIN
        longest = max(keep.transition_days, keep.rollup_days)
        # A mark in the future was made by a clock that was wrong.
        known = max(changes, forgotten if forgotten <= now else 0)
        return cls(known, now - longest * DAY, now if begun is None else begun)

    def widened(self, start: int, end: int, zone: tzinfo | None) -> Slice:
        """The window with whole days where nothing less is known.

        Outward: all that was asked for is in it, and a window within a day is not empty.
        """
        if start < self.changes:
            start = calendar.before(start, zone)
        last = calendar.before(end, zone)
        if last < end and max(start, last) < self.changes:
            end = calendar.after(end, zone)
        return start, end

    def sources(self, days: Iterable[Slice], rolled: Mapping[int, int]) -> list[Source]:
        """Where each day of a widened window is read."""
        return [self._source(day, rolled) for day in days]

    def _source(self, day: Slice, rolled: Mapping[int, int]) -> Source:
        start, end = day
        if rolled.get(start) == end:
            return Source.ROLLED
        if start >= self.changes:
            return Source.CHANGES
        return Source.NOTHING if self.days <= start and end <= self.begun else Source.UNKNOWN


def stretches(sources: Sequence[Source], wanted: Source) -> Iterator[tuple[int, int]]:
    """The places of the first and the last of days in a row that are read there."""
    for source, run in groupby(enumerate(sources), key=lambda one: one[1]):
        if source is wanted:
            places = [place for place, _ in run]
            yield places[0], places[-1]
