"""Spans and tallies: by hand, and by what must hold of any."""

from hypothesis import given
from hypothesis import strategies as st

from vidgate.health.uptime import merged, spans, tally, unwatched
from vidgate.model.channel import Lifecycle
from vidgate.model.health import Level, Reason, State
from vidgate.model.incident import Cause
from vidgate.model.standing import (
    ABSENT,
    Circumstances,
    Entry,
    Membership,
    Run,
    Span,
    Standing,
    Tally,
    together,
)

UP = Standing(Lifecycle.ACCEPTED, State.UP, Reason.OK, Level.MEDIA)
DOWN = Standing(Lifecycle.ACCEPTED, State.DOWN, Reason.TIMEOUT, Level.NONE)
OFF = Standing(Lifecycle.ACCEPTED, State.DISABLED, Reason.NOT_TESTED, Level.NONE)
UNSEEN = Standing(Lifecycle.ACCEPTED, State.UNKNOWN, None, Level.NONE)
ALWAYS = [Run(0, 10**9)]

standings = st.sampled_from([UP, DOWN, OFF, ABSENT, UP._replace(step=Lifecycle.PLANNED)])
instants = st.integers(0, 1000)
entries = st.lists(st.builds(Entry, instants, standings), max_size=12).map(
    lambda some: sorted(some, key=lambda entry: entry.time)
)
ends = st.lists(instants, max_size=12, unique=True).map(sorted)
runs = ends.map(lambda cuts: [Run(a, b) for a, b in zip(cuts[::2], cuts[1::2], strict=False)])
memberships = st.lists(st.builds(Membership, instants, instants, st.sampled_from(Cause))).map(
    sorted
)


def test_before_the_first_entry_there_is_no_channel() -> None:
    assert list(spans([Entry(40, UP)], ALWAYS, 0, 100)) == [
        Span(0, 40, ABSENT),
        Span(40, 100, UP),
    ]


def test_the_entry_before_the_window_holds_at_its_start() -> None:
    found = spans([Entry(1, DOWN), Entry(5, UP), Entry(60, DOWN)], ALWAYS, 10, 100)
    assert list(found) == [Span(10, 60, UP), Span(60, 100, DOWN)]


def test_nobody_looked_means_unknown_but_for_what_the_register_says() -> None:
    told = [Entry(0, UP), Entry(50, OFF)]
    assert list(spans(told, [Run(10, 20), Run(30, 40)], 0, 60)) == [
        Span(0, 10, UNSEEN),
        Span(10, 20, UP),
        Span(20, 30, UNSEEN),
        Span(30, 40, UP),
        Span(40, 50, UNSEEN),
        Span(50, 60, OFF),
    ]
    assert unwatched(ABSENT) == ABSENT


def test_a_window_without_anything() -> None:
    assert list(spans([], [], 0, 10)) == [Span(0, 10, ABSENT)]
    assert list(spans([Entry(3, UP)], ALWAYS, 5, 5)) == []


def test_equal_neighbours_are_one() -> None:
    parts = [Span(0, 5, UP), Span(5, 9, UP), Span(9, 10, DOWN)]
    assert list(merged(parts)) == [Span(0, 9, UP), Span(9, 10, DOWN)]
    assert list(merged([])) == []


@given(entries, runs, instants, instants)
def test_spans_fill_the_window_in_order(
    told: list[Entry], at_work: list[Run], one: int, other: int
) -> None:
    start, end = sorted((one, other))
    found = list(spans(told, at_work, start, end))
    cuts = [start, *(span.end for span in found)]
    assert [span.start for span in found] == cuts[:-1]
    assert cuts[-1] == end
    assert all(span.length > 0 for span in found)


@given(entries, runs, instants, instants, instants)
def test_adjoining_windows_add_up(
    told: list[Entry], at_work: list[Run], one: int, two: int, three: int
) -> None:
    a, b, c = sorted((one, two, three))

    def over(start: int, end: int) -> Tally:
        return tally(spans(told, at_work, start, end))

    assert together([over(a, b), over(b, c)]) == over(a, c)
    assert over(a, c).length == c - a


def test_a_failure_shared_with_others_says_so_while_it_was() -> None:
    told = [Entry(0, UP), Entry(10, DOWN), Entry(50, UP), Entry(60, DOWN), Entry(80, OFF)]
    at_work = [Run(0, 62), Run(64, 1000)]
    shared = [Membership(20, 30, Cause.HOST), Membership(25, 70, Cause.PLATFORM)]
    by_host, by_platform = (DOWN._replace(incident=it) for it in (Cause.HOST, Cause.PLATFORM))
    excused = DOWN._replace(state=State.MAINTENANCE, reason=Reason.EXCUSED)
    assert list(spans(told, at_work, 0, 100, Circumstances([Run(40, 45)], shared))) == [
        Span(0, 10, UP),
        Span(10, 20, DOWN),
        Span(20, 30, by_host),
        Span(30, 40, by_platform),
        Span(40, 45, excused),
        Span(45, 50, by_platform),
        Span(50, 60, UP),  # what works shares no failure
        Span(60, 62, by_platform),
        Span(62, 64, UNSEEN),
        Span(64, 70, by_platform),
        Span(70, 80, DOWN),
        Span(80, 100, OFF),
    ]


@given(entries, runs, memberships, runs)
def test_incidents_change_no_length(
    told: list[Entry], at_work: list[Run], shared: list[Membership], excused: list[Run]
) -> None:
    plain = tally(spans(told, at_work, 0, 1000, Circumstances(excused)))
    known = tally(spans(told, at_work, 0, 1000, Circumstances(excused, shared)))
    assert Tally.of((one._replace(incident=None), ms) for one, ms in known) == plain
