"""How states change, written out by hand from the design; the table is not asked what it thinks."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from enum import Flag
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.health.fakes import result
from vidgate.health.evidence import Rules
from vidgate.health.state import advance, effective, miss, renewed, witness
from vidgate.health.transitions import TABLE, Evidence, Keep, Known, row_for
from vidgate.model.channel import Channel
from vidgate.model.health import Health, Level, Misses, ProbeResult, Reason, State

NOW = 1_700_000_000.0
RULES = Rules(media_valid=1800.0, describe_valid=120.0)
CHANNEL = Channel(id="c", name="c")
LOST = (
    Reason.UNREACHABLE,
    Reason.TIMEOUT,
    Reason.TLS,
    Reason.PROTOCOL_ERROR,
    Reason.NOT_FOUND,
    Reason.REFUSED,
)


def health(state: State, failed: Level = Level.NONE, **known: object) -> Health:
    """A channel of that state, last looked at now."""
    return Health(channel="c", state=state, failed=failed, since=NOW, probed=NOW, **known)  # type: ignore[arg-type]


BEFORE = {
    "unknown": Health(channel="c", since=NOW),
    "unseen": health(State.REACHABLE, level=Level.DESCRIBE),
    "up": health(State.UP, level=Level.MEDIA, media_seen=NOW),
    "aged": health(State.REACHABLE, level=Level.DESCRIBE, media_seen=NOW - 4000),
    "unsupported": health(State.REACHABLE, Level.MEDIA, reason=Reason.UNSUPPORTED),
    "busy": health(State.BUSY, Level.MEDIA, level=Level.DESCRIBE, media_seen=NOW),
    "busy_early": health(State.BUSY, Level.DESCRIBE, level=Level.REACH),
    "degraded": health(State.DEGRADED, Level.PICTURE, level=Level.MEDIA, media_seen=NOW),
    "dead": health(State.DOWN, Level.REACH),
    "mute": health(State.DOWN, Level.MEDIA, level=Level.DESCRIBE),
    "unauthorized": health(State.UNAUTHORIZED, Level.DESCRIBE, level=Level.REACH),
    "disabled": health(State.DISABLED),
    "maintenance": health(State.MAINTENANCE),
}
LOOKS = {
    "lost": result("c", Reason.TIMEOUT),
    "lost_deep": result("c", Reason.TIMEOUT, asked=Level.MEDIA),
    "mute": result("c", Reason.NO_MEDIA, asked=Level.MEDIA, level=Level.DESCRIBE),
    "bad": result("c", Reason.FROZEN, asked=Level.PICTURE, level=Level.MEDIA),
    "busy": result("c", Reason.BUSY, asked=Level.MEDIA, level=Level.DESCRIBE),
    "busy_early": result("c", Reason.BUSY, level=Level.REACH),
    "refused": result("c", Reason.UNAUTHORIZED, level=Level.REACH),
    "strange": result("c", Reason.UNSUPPORTED, asked=Level.MEDIA, level=Level.DESCRIBE),
    "nowhere": result("c", Reason.NO_ADDRESS),
    "untested": result("c", Reason.NOT_TESTED),
    "described": result("c"),
    "seen": result("c", asked=Level.MEDIA),
    "judged": result("c", asked=Level.PICTURE),
}

# What each look leads to, and after how many in a row; "-": it changes nothing, however often.
BY_LOOK = """
             lost   lost_deep mute   bad        busy busy_early refused      strange   nowhere untested described   seen judged
unknown      down   down      down   degraded   busy busy       unauthorized reachable unknown -        reachable   up   up
unseen       down*3 down*3    down   degraded   busy busy       unauthorized reachable unknown -        reachable   up   up
up           down*3 down*3    down*3 degraded*3 busy busy       unauthorized reachable unknown -        up          up   up
aged         down*3 down*3    down*3 degraded*3 busy busy       unauthorized reachable unknown -        reachable   up   up
unsupported  down*3 down*3    down*3 degraded*3 busy busy       unauthorized reachable unknown -        -           up   up
busy         down*3 down*3    down*3 degraded*3 busy busy       unauthorized reachable unknown -        -           up   up
busy_early   down*3 down*3    down*3 degraded*3 busy busy       unauthorized reachable unknown -        reachable   up   up
degraded     down*3 down*3    down*3 degraded   busy busy       unauthorized reachable unknown -        -           -    up*2
dead         down   down      down   degraded*2 busy busy       unauthorized reachable unknown -        reachable*2 up*2 up*2
mute         down*3 down*3    down   degraded*2 busy busy       unauthorized reachable unknown -        -           up*2 up*2
unauthorized down*3 down*3    down   degraded   busy -          unauthorized reachable -       -        reachable   up   up
disabled     -      -         -      -          -    -          -            -         -       -        -           -    -
maintenance  -      -         -      -          -    -          -            -         -       -        -           -    -
"""  # noqa: E501 - a table

# What comes without a look: of half an hour and a second, in which it was asked or was not; the
# end of a live stream counts at once.
BY_OTHERS = """
             off      maintained  back    renewed aged      forgotten flowing cut  cut_mute
unknown      disabled maintenance -       -       -         -         up      down down
unseen       disabled maintenance -       -       -         unknown   up      down down
up           disabled maintenance -       -       reachable unknown   up      down down
aged         disabled maintenance -       -       -         unknown   up      down down
unsupported  disabled maintenance -       -       -         unknown   up      down down
busy         disabled maintenance -       -       -         unknown   up      down down
busy_early   disabled maintenance -       -       -         unknown   up      down down
degraded     disabled maintenance -       -       -         unknown   -       down down
dead         disabled maintenance -       -       -         unknown   up      down down
mute         disabled maintenance -       -       -         unknown   up      down down
unauthorized disabled maintenance -       unknown -         -         up      down down
disabled     -        maintenance unknown -       unknown   unknown   -       -    -
maintenance  disabled -           unknown -       unknown   unknown   -       -    -
"""

LATER = NOW + RULES.media_valid + 1
OFF = replace(CHANNEL, enabled=False)
OTHERS: dict[str, Callable[[Health], Health]] = {
    "off": lambda one: effective(one, OFF, RULES, NOW),
    "maintained": lambda one: effective(one, CHANNEL, RULES, NOW, is_maintained=True),
    "back": lambda one: effective(one, CHANNEL, RULES, NOW),
    "renewed": lambda one: renewed(one, NOW),
    "aged": lambda one: effective(replace(one, probed=NOW + 1740), CHANNEL, RULES, LATER),
    "forgotten": lambda one: effective(one, CHANNEL, RULES, LATER),
    "flowing": lambda one: witness(one, NOW, NOW, NOW),
    "cut": lambda one: miss(one, Reason.TIMEOUT, Level.NONE, NOW),
    "cut_mute": lambda one: miss(one, Reason.NO_MEDIA, Level.DESCRIBE, NOW),
}


def cells(grid: str) -> Iterator[tuple[str, str, State, int]]:
    """What is known, what comes, the state that follows, and how often it has to come."""
    head, *rows = grid.strip().splitlines()
    assert [row.split()[0] for row in rows] == list(BEFORE)
    for row in rows:
        before, *told = row.split()
        for column, cell in zip(head.split(), told, strict=True):
            name, _, times = cell.partition("*")
            state = BEFORE[before].state if name == "-" else State[name.upper()]
            yield before, column, state, int(times or 1)


EXPECTED = {(before, look): (state, times) for before, look, state, times in cells(BY_LOOK)}


def walk(start: Health, look: ProbeResult, state: State, times: int) -> None:
    """The state follows after so many looks and not before, and stands then."""
    one = start
    for number in range(1, times + 3):
        one = advance(one, look, RULES, NOW + number)
        assert one.state is (state if number >= times else start.state), (number, look)


@pytest.mark.parametrize(("before", "column", "state", "times"), [*cells(BY_LOOK)])
def test_what_a_look_leads_to(before: str, column: str, state: State, times: int) -> None:
    walk(BEFORE[before], LOOKS[column], state, times)


@pytest.mark.parametrize(("before", "column", "state", "times"), [*cells(BY_OTHERS)])
def test_what_comes_without_a_look_leads_to(
    before: str, column: str, state: State, times: int
) -> None:
    assert OTHERS[column](BEFORE[before]).state is state
    assert times == 1


@pytest.mark.parametrize("missed", range(3))
@pytest.mark.parametrize("before", BEFORE)
def test_failures_are_counted_each_by_itself(before: str, missed: int) -> None:
    counted = {"lost": "answer", "lost_deep": "answer", "mute": "media", "bad": "picture"}
    for look, question in counted.items():
        state, times = EXPECTED[before, look]
        others = {name: 2 for name in counted.values() if name != question}
        start = replace(BEFORE[before], misses=Misses(**{**others, question: missed}))
        left = max(1, times - missed) if times == 3 else times
        walk(start, LOOKS[look], state, left)


def column_of(reason: Reason, asked: Level, level: Level) -> str:
    """Which of the looks above says the same."""
    if reason is Reason.OK:
        return {Level.DESCRIBE: "described", Level.MEDIA: "seen", Level.PICTURE: "judged"}[level]
    if reason in (*LOST, Reason.NO_MEDIA, Reason.NO_KEY_FRAME):
        if level >= Level.MEDIA:
            return "seen"  # a picture came
        if level >= Level.DESCRIBE and asked >= Level.MEDIA:
            return "mute"
        return "lost" if asked < Level.MEDIA else "lost_deep"
    if reason is Reason.BUSY:
        return "busy" if level >= Level.DESCRIBE else "busy_early"
    return {
        Reason.UNAUTHORIZED: "refused",
        Reason.NO_CREDENTIAL: "refused",
        Reason.UNSUPPORTED: "strange",
        Reason.FROZEN: "bad",
        Reason.NO_ADDRESS: "nowhere",
        Reason.DENIED_ADDRESS: "nowhere",
        Reason.NOT_TESTED: "untested",
        Reason.EXCUSED: "untested",
        Reason.ERROR: "untested",
    }[reason]


def levels_of(reason: Reason, asked: Level) -> list[Level]:
    """How far a look can have got that ended so."""
    if reason is Reason.OK:
        return [asked]
    if reason is Reason.FROZEN:
        return [Level.MEDIA] if asked is Level.PICTURE else []
    if reason is Reason.UNSUPPORTED:
        return [Level.DESCRIBE]
    return [level for level in Level if level <= min(asked, Level.MEDIA)]


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("before", BEFORE)
def test_every_reason_at_every_level_says_what_its_like_says(before: str, reason: Reason) -> None:
    for asked in (Level.DESCRIBE, Level.MEDIA, Level.PICTURE):
        for level in levels_of(reason, asked):
            state, times = EXPECTED[before, column_of(reason, asked, level)]
            walk(BEFORE[before], result("c", reason, asked=asked, level=level), state, times)


def test_where_a_describe_proves_it_makes_up() -> None:
    proving = replace(RULES, describe_proves=True)
    for before, one in BEFORE.items():
        state, times = EXPECTED[before, "described"]
        expected = State.UP if state is State.REACHABLE and before != "unsupported" else state
        for number in range(times):
            one = advance(one, LOOKS["described"], proving, NOW + number)
        assert one.state is expected, before
    old = replace(BEFORE["up"], probed=NOW + 1740)
    lapsed = effective(old, CHANNEL, proving, LATER)
    assert (lapsed.state, lapsed.level) == (State.UP, Level.DESCRIBE)


def test_the_table_answers_every_question_and_each_of_its_rows_one() -> None:
    used = {row_for(known, found) for known in Known for found in Evidence}
    assert used == set(TABLE)


# -- what holds whatever happens ----------------------------------------------------------------

results = st.sampled_from(
    [
        result("c", reason, asked=asked, level=level)
        for reason in Reason
        for asked in (Level.DESCRIBE, Level.MEDIA, Level.PICTURE)
        for level in levels_of(reason, asked)
    ]
)
events = st.one_of(
    results,
    st.sampled_from(["off", "maintained", "back", "renewed", "flowing", "cut", "cut_mute", "age"]),
)
Event = ProbeResult | str


def happened(one: Health, event: Event, now: float, rules: Rules = RULES) -> Health:
    """What is known after it."""
    if isinstance(event, ProbeResult):
        return advance(one, event, rules, now)
    if event == "age":
        return one if one.state in MASKED else effective(one, CHANNEL, rules, now)
    if event == "flowing":
        return witness(one, now, now, now)
    return OTHERS[event](one)


MASKED = (State.DISABLED, State.MAINTENANCE)
stories = st.lists(st.tuples(events, st.sampled_from([1.0, 60.0, 1790.0, 4000.0])), max_size=30)


def told(story: list[tuple[Event, float]], rules: Rules) -> Iterator[tuple[Health, Event, Health]]:
    """Each event with what was known before and after it."""
    one, now = Health(channel="c", since=NOW), NOW
    for event, pause in story:
        now += pause
        before, one = one, happened(one, event, now, rules)
        yield before, event, one


@given(stories, st.booleans())
def test_the_promises_hold_whatever_happens(
    story: list[tuple[Event, float]], describe_proves: bool
) -> None:
    for before, event, after in told(story, replace(RULES, describe_proves=describe_proves)):
        look = event if isinstance(event, ProbeResult) else None
        if before.state is State.UNKNOWN and after.state is State.UP:
            pictured = event == "flowing" or (look is not None and look.level >= Level.MEDIA)
            assert pictured or (describe_proves and look is not None and look.is_good)
        if look is not None and look.reason is Reason.BUSY:
            assert after.state in (State.BUSY, State.UNAUTHORIZED, *MASKED)
        if before.state is State.UNAUTHORIZED and after.state is not State.UNAUTHORIZED:
            let_in = look is not None and look.level >= Level.DESCRIBE
            is_lost = after.state is State.DOWN and (look is not None or event == "cut")
            others = ("renewed", "off", "maintained", "flowing", "cut_mute")
            assert let_in or is_lost or event in others
        if before.state in MASKED and after.state not in MASKED:
            assert (event, after.state) == ("back", State.UNKNOWN)
        if before.state in MASKED and look is not None:
            assert after == replace(before, last=look)


def is_answer(event: Event) -> bool:
    """Whether the camera lives, by that."""
    if isinstance(event, str):
        return event == "flowing"
    column = column_of(event.reason, event.asked, event.level)
    return column not in ("lost", "lost_deep", "nowhere", "untested")


@given(stories, st.sampled_from(["lost", "lost_deep"]))
def test_what_answered_is_never_down_by_one_look_without_an_answer(
    story: list[tuple[Event, float]], column: str
) -> None:
    for _, event, one in told(story, RULES):
        if is_answer(event) and one.state not in (State.UNKNOWN, State.DOWN):
            for _ in range(2):
                one = advance(one, LOOKS[column], RULES, NOW)
                assert one.state is not State.DOWN


# -- and is told to people -----------------------------------------------------------------------

PAGE = Path(__file__).parents[2] / "docs" / "states.md"


def words(flags: Flag) -> str:
    """As the page writes them."""
    names = [flag.name.lower() for flag in type(flags) if flag in flags and flag.name]
    whole = len(names) == len(type(flags))
    return "`*`" if whole else " ".join(f"`{name}`" for name in names) or "-"


def as_told() -> list[str]:
    """The table as lines of the page."""
    return [
        f"| {words(row.known)} | {words(row.evidence)} | {row.times.value} "
        f"| {'=' if row.state is None else f'`{row.state.label}`'} "
        f"| {'=' if row.state is None else words(row.keeps)} |"
        for row in TABLE
    ]


@pytest.mark.parametrize("half", ["chinese", "english"])
def test_the_page_shows_the_table_and_explains_its_words(half: str) -> None:
    chinese, _, english = PAGE.read_text(encoding="utf-8").partition("\n---\n")
    text = chinese if half == "chinese" else english
    table = text.partition("|---|---|---|---|---|\n")[2].partition("\n\n")[0]
    assert table.splitlines() == as_told()
    explained = {line.split("|")[1].strip() for line in text.splitlines() if line.count("|") == 3}
    assert {f"`{one.name.lower()}`" for one in (*Known, *Evidence, *Keep) if one.name} <= explained
