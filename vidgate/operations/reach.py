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
from vidgate.model.standing import MARGIN
from vidgate.settings.tree import HistorySettings

DAY_MS = 86_400_000
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
    and runs, the first run began at `begun`, and it is `now`.
    """

    changes: int
    days: int
    begun: int
    now: int

    @classmethod
    def of(cls, keep: HistorySettings, now: int, forgotten: int, begun: int | None) -> "Reach":
        """By the settings, and by what was forgotten while they said something else."""
        changes = now - keep.transition_days * DAY_MS + MARGIN
        longest = max(keep.transition_days, keep.rollup_days)
        # A mark in the future was made by a fast clock: all that had been was forgotten by it.
        known = max(changes, min(forgotten, now))
        return cls(known, now - longest * DAY_MS, now if begun is None else begun, now)

    def widened(self, start: int, end: int, zone: tzinfo | None) -> Slice:
        """The window with whole days where nothing less is known.

        Outward: all that was asked for is in it, and a window within a day is not empty. Today is
        whole as far as it has come.
        """
        if start < self.changes:
            start = calendar.before(start, zone)
        last = calendar.before(end, zone)
        if last < end and max(start, last) < self.changes:
            end = max(end, min(calendar.after(end, zone), self.now))
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
