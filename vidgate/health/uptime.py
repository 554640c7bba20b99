"""Uptime from transitions: time-weighted and exact, in whole milliseconds; no I/O, no clock.

What is kept of a channel is when its standing changed. From that and the times at which vidgate
itself was at work follow spans, from spans tallies, and from tallies every figure; tallies of
adjoining windows add up to the tally of both.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from vidgate.model.health import Level, State
from vidgate.model.standing import ABSENT, Entry, Run, Span, Standing, Tally


def spans(entries: Sequence[Entry], runs: Sequence[Run], start: int, end: int) -> Iterator[Span]:
    """How the channel stood in [start, end), in order and without gaps.

    `entries` are in order of time and may begin before `start`; before the first one the channel
    was not registered. Outside `runs` (in order, not overlapping) nobody looked: the state there
    is unknown, whatever was last seen.
    """
    for span in _claimed(entries, start, end):
        yield from _watched(span, runs)


def tally(spans_: Iterable[Span]) -> Tally:
    """How long the channel stood how."""
    return Tally.of((span.standing, span.length) for span in spans_)


def merged(spans_: Iterable[Span]) -> Iterator[Span]:
    """The same with equal neighbours made one."""
    last: Span | None = None
    for span in spans_:
        if last is not None and last.standing == span.standing and last.end == span.start:
            last = Span(last.start, span.end, span.standing)
            continue
        if last is not None:
            yield last
        last = span
    if last is not None:
        yield last


def unwatched(standing: Standing) -> Standing:
    """The same channel while vidgate is not at work.

    What the register says holds without looking: a channel that is not there or switched off
    stays so. Anything else, a maintenance window too, is not known to have lasted.
    """
    if standing.step is None or standing.state is State.DISABLED:
        return standing
    return Standing(standing.step, State.UNKNOWN, None, Level.NONE)


def _claimed(entries: Sequence[Entry], start: int, end: int) -> Iterator[Span]:
    """What was last said, held until something else is said."""
    ends = (*(entry.time for entry in entries), end)
    yield from _clipped(Span(start, min((*ends[:1], end)), ABSENT), start, end)
    for entry, until in zip(entries, ends[1:], strict=False):
        yield from _clipped(Span(entry.time, until, entry.standing), start, end)


def _clipped(span: Span, start: int, end: int) -> Iterator[Span]:
    first, last = max(span.start, start), min(span.end, end)
    if first < last:
        yield Span(first, last, span.standing)


def _watched(span: Span, runs: Sequence[Run]) -> Iterator[Span]:
    """The span cut at the runs' ends, unknown outside them."""
    inside = [one for run in runs for one in _clipped(Span(*run, span.standing), *span[:2])]
    unseen = unwatched(span.standing)
    if unseen == span.standing:
        yield span
        return
    edge = Span(span.start, span.start, unseen)
    last = Span(span.end, span.end, unseen)
    for before, after in pairwise((edge, *inside, last)):
        if before.end < after.start:
            yield Span(before.end, after.start, unseen)
        if after is not last:
            yield after
