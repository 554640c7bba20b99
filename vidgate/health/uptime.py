"""Uptime from transitions: time-weighted and exact, in whole milliseconds; no I/O, no clock.

What is kept of a channel is when its standing changed. From that and the times at which vidgate
itself was at work follow spans, from spans tallies, and from tallies every figure; tallies of
adjoining windows add up to the tally of both.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise, takewhile

from vidgate.model.health import Level, Reason, State
from vidgate.model.standing import ABSENT, Circumstances, Entry, Run, Span, Standing, Tally

ORDINARY = Circumstances()
NO_FAILURE = frozenset({State.UP, State.DEGRADED, State.BUSY, State.MAINTENANCE, State.DISABLED})


def spans(
    entries: Sequence[Entry],
    runs: Sequence[Run],
    start: int,
    end: int,
    circumstances: Circumstances = ORDINARY,
) -> Iterator[Span]:
    """How the channel stood in [start, end), in order and without gaps.

    `entries` are in order of time and may begin before `start`; before the first one the channel
    was not registered. Outside `runs` (in order, not overlapping) nobody looked: the state there
    is unknown, whatever was last seen. What failed while that counts for nothing is maintenance.
    """
    for span in _claimed(entries, start, end):
        for seen in _watched(span, runs):
            yield from _explained(seen, circumstances) if any(circumstances) else (seen,)


def tallies(
    entries: Sequence[Entry],
    runs: Sequence[Run],
    cuts: Sequence[int],
    circumstances: Circumstances = ORDINARY,
) -> Iterator[Tally]:
    """The tally of each piece between neighbouring cuts, all in one pass."""
    rest = spans(entries, runs, cuts[0], cuts[-1], circumstances)
    span = next(rest, None)
    for start, end in pairwise(cuts):
        lengths: dict[Standing, int] = {}
        while span is not None and span.start < end:
            length = min(span.end, end) - max(span.start, start)
            lengths[span.standing] = lengths.get(span.standing, 0) + length
            if span.end > end:
                break
            span = next(rest, None)
        yield Tally.of(lengths.items())


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


def _explained(span: Span, known: Circumstances) -> Iterator[Span]:
    """A failure cut at the ends of what is known of it; where it does not count, nobody asks for
    its cause.

    That vidgate itself was not at work is nobody's failure, and stays as it is.
    """
    standing = span.standing
    if standing.step is None or standing.reason is None or standing.state in NO_FAILURE:
        yield span
        return
    planned = Standing(standing.step, State.MAINTENANCE, Reason.NOT_TESTED, standing.level)
    excused = planned._replace(reason=Reason.EXCUSED)
    shared = (Span(a, b, standing._replace(incident=cause)) for a, b, cause in known.shared)
    for part in _laid_over(span, shared):
        for rest in _laid_over(part, (Span(*run, planned) for run in known.maintained)):
            forgiven = () if rest.standing == planned else known.excused
            yield from _laid_over(rest, (Span(*run, excused) for run in forgiven))


def _laid_over(span: Span, others: Iterable[Span]) -> Iterator[Span]:
    """The span, and inside it others in its place, in order; of two at once the earlier one."""
    at = span.start
    for other in takewhile(lambda other: other.start < span.end, others):
        for piece in _clipped(other, at, span.end):
            if at < piece.start:
                yield Span(at, piece.start, span.standing)
            yield piece
            at = piece.end
    if at < span.end:
        yield Span(at, span.end, span.standing)


def _claimed(entries: Sequence[Entry], start: int, end: int) -> Iterator[Span]:
    """What was last said, held until something else is said."""
    at, standing = start, ABSENT
    for time, next_ in entries:
        until = min(time, end)
        if at < until:
            yield Span(at, until, standing)
            at = until
        standing = next_
    if at < end:
        yield Span(at, end, standing)


def _clipped(span: Span, start: int, end: int) -> Iterator[Span]:
    first, last = max(span.start, start), min(span.end, end)
    if first < last:
        yield Span(first, last, span.standing)


def _watched(span: Span, runs: Sequence[Run]) -> Iterator[Span]:
    """The span cut at the runs' ends, unknown outside them."""
    first = max(0, bisect_right(runs, span.start, key=_start) - 1)
    if first < len(runs) and runs[first].start <= span.start and span.end <= runs[first].end:
        yield span  # as nearly always: one run holds all of it
        return
    unseen = unwatched(span.standing)
    if unseen == span.standing:
        yield span
        return
    seen = (Span(*run, span.standing) for run in runs[first:])
    yield from _laid_over(Span(span.start, span.end, unseen), seen)


def _start(run: Run) -> int:
    return run.start
