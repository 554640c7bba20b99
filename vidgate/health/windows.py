"""Maintenance windows by what they are for: those of a channel are looked up, not searched for.

Pure. A channel that asks goes through at most four places (itself, its platform, department, area),
in each of which overlapping windows are one time already.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from math import inf

from vidgate.model.channel import Channel
from vidgate.model.maintenance import Place, Stay, Window, place, places
from vidgate.model.standing import SECOND, Circumstances, Run, milliseconds

FOREVER = 1 << 62  # ms


class Windows:
    """All that are kept in memory."""

    def __init__(self, found: Iterable[Window] = ()) -> None:
        self._all: dict[int, Window] = {}
        self._at: dict[Place, dict[int, Window]] = {}
        self._lasting: dict[Place, _Times] = {}  # of places that were asked for since they changed
        for window in found:
            self.put(window)

    def __len__(self) -> int:
        return len(self._all)

    def get(self, id_: int) -> Window | None:
        """The window of that number."""
        return self._all.get(id_)

    def put(self, window: Window) -> None:
        """A new one, or another end of one; never another place."""
        where = place(window.scope, window.subject)
        self._all[window.id] = window
        self._at.setdefault(where, {})[window.id] = window
        self._lasting.pop(where, None)

    def drop(self, id_: int) -> None:
        """Forget one, if it is not forgotten already."""
        window = self._all.pop(id_, None)
        if window is None:
            return
        where = place(window.scope, window.subject)
        del self._at[where][id_]
        if not self._at[where]:
            del self._at[where]
        self._lasting.pop(where, None)

    def forget(self, until: float) -> None:
        """Drop those that were over at `until` (wall-clock seconds)."""
        for id_ in [one.id for one in self._all.values() if one.is_over(until)]:
            self.drop(id_)

    def open(self, now: float) -> int:
        """How many last or are to come."""
        return sum(not one.is_over(now) for one in self._all.values())

    def listed(self, channel: Channel | None = None) -> Iterator[Window]:
        """All, or those that are for a channel."""
        if channel is None:
            return iter(self._all.values())
        found = (self._at.get(where) for where in places(channel))
        return chain.from_iterable(some.values() for some in found if some)

    def cover(self, channel: Channel, now: float) -> bool:
        """Whether one for the channel lasts at `now` (wall-clock seconds)."""
        for where in places(channel):
            if where in self._at:
                times = self._lasting.get(where)
                if times is None:
                    times = self._lasting[where] = _Times(self._at[where].values())
                if times.have(now):
                    return True
        return False

    def during(self, start: int, end: int) -> dict[Place, list[Window]]:
        """Those that touch [start, end) (ms), by their places."""
        first, last = start / SECOND, end / SECOND
        found: dict[Place, list[Window]] = {}
        for where, windows in self._at.items():
            for one in windows.values():
                if one.start < last and (one.end is None or one.end > first):
                    found.setdefault(where, []).append(one)
        return found


class LeftOut:
    """What windows that touch [start, end) (ms) leave out of it, by where channels belonged.

    Channels that belonged alike are told the very same.
    """

    def __init__(self, windows: Mapping[Place, Sequence[Window]], start: int, end: int) -> None:
        self._windows = windows
        self._start, self._end = start, end
        self._runs: dict[Place, tuple[list[Run], list[Run]]] = {}
        self._told: dict[tuple[tuple[Place, int, int], ...], Circumstances] = {}

    def all_of(self, stays: Mapping[str, Sequence[Stay]]) -> dict[str, Circumstances]:
        """Of some channels, by their ids."""
        return {id_: self.of(some) for id_, some in stays.items()}

    def of(self, stays: Sequence[Stay]) -> Circumstances:
        """The times at which a window was for where the channel was."""
        until, parts = self._end, []
        for since, channel in reversed(stays):
            first = max(since, self._start)
            if first < until:
                known = (where for where in places(channel) if where in self._windows)
                parts += [(where, first, until) for where in known]
            until = min(until, since)  # where the clock was put back, the later stay holds
        key = tuple(parts)
        if key not in self._told:
            self._told[key] = self._circumstances(key)
        return self._told[key]

    def _circumstances(self, parts: Iterable[tuple[Place, int, int]]) -> Circumstances:
        excused, maintained = [], []
        for where, first, until in parts:
            if where not in self._runs:
                self._runs[where] = _runs(self._windows[where])
            forgiven, planned = self._runs[where]
            excused += _clipped(forgiven, first, until)
            maintained += _clipped(planned, first, until)
        return Circumstances(_united(excused), maintained=_united(maintained))


class _Times:
    """The times of some windows, without overlaps (wall-clock seconds)."""

    def __init__(self, windows: Iterable[Window]) -> None:
        self._starts: list[float] = []
        self._ends: list[float] = []
        for one in sorted(windows, key=lambda one: one.start):
            end = inf if one.end is None else one.end
            if self._starts and one.start <= self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], end)
            else:
                self._starts.append(one.start)
                self._ends.append(end)

    def have(self, instant: float) -> bool:
        number = bisect_right(self._starts, instant) - 1
        return number >= 0 and instant < self._ends[number]


def _runs(windows: Iterable[Window]) -> tuple[list[Run], list[Run]]:
    """When they excuse, and when they are maintenance (ms)."""
    excused, maintained = [], []
    for one in windows:
        start, planned = milliseconds(one.start), milliseconds(one.planned)
        end = FOREVER if one.end is None else milliseconds(one.end)
        excused.append(Run(start, min(planned, end)))
        maintained.append(Run(planned, end))
    return _united(excused), _united(maintained)


def _clipped(runs: Iterable[Run], start: int, end: int) -> list[Run]:
    """What of them is in [start, end): mostly the very same runs, which many channels share."""
    return [
        run if start <= run.start and run.end <= end else Run(max(run[0], start), min(run[1], end))
        for run in runs
        if run.start < end and start < run.end
    ]


def _united(runs: Iterable[Run]) -> list[Run]:
    """The same times, in order and without overlaps."""
    found: list[Run] = []
    for run in sorted(run for run in runs if run.start < run.end):
        if found and run.start <= found[-1].end:
            found[-1] = Run(found[-1].start, max(found[-1].end, run.end))
        else:
            found.append(run)
    return found
