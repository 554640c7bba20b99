"""Entries wait until they are written; what cannot wait becomes unknown, not wrong."""

from dataclasses import replace

from vidgate.health.journal import DEEPENED, Journal, thinned
from vidgate.model.channel import Lifecycle
from vidgate.model.health import Health, Level, Reason, State

UP = Health(channel="a", state=State.UP, reason=Reason.OK, level=Level.MEDIA)
DOWN = replace(UP, state=State.DOWN, reason=Reason.TIMEOUT, level=Level.NONE)


def noted(*healths: Health) -> Journal:
    journal = Journal()
    for number, health in enumerate(healths):
        journal.note(health, float(number))
    return journal


def test_only_what_differs_is_an_entry() -> None:
    journal = noted(UP, replace(UP, probed=5.0), replace(UP, level=Level.DESCRIBE), DOWN, DOWN)
    assert [(one.time, one.after) for one in journal.take().transitions] == [
        (0.0, State.UP),
        (3.0, State.DOWN),
    ]
    assert journal.is_empty


def test_an_outage_whose_level_comes_and_goes_writes_a_few_entries() -> None:
    silent = replace(DOWN, level=Level.REACH)
    journal = noted(UP, *(DOWN, silent) * 50, UP, DOWN)
    assert len(journal.take().transitions) == 1 + 1 + DEEPENED + 2


def test_an_outage_that_becomes_another_tells_so() -> None:
    """The level tells a host that is away from a camera that does not answer."""
    silent = replace(DOWN, level=Level.REACH)
    refused = replace(DOWN, state=State.UNAUTHORIZED, reason=Reason.UNAUTHORIZED)
    journal = noted(UP, silent, silent, DOWN, DOWN, refused)
    entries = journal.take().transitions
    assert [(one.time, one.reason, one.level) for one in entries[1:]] == [
        (1.0, Reason.TIMEOUT, Level.REACH),
        (3.0, Reason.TIMEOUT, Level.NONE),
        (5.0, Reason.UNAUTHORIZED, Level.NONE),
    ]


def test_what_was_refused_comes_before_what_followed() -> None:
    journal = noted(UP)
    batch = journal.take()
    journal.note(DOWN, 5.0)
    journal.give_back(batch)
    assert [one.time for one in journal.take().transitions] == [0.0, 5.0]


def test_a_clock_stepped_back_while_a_batch_is_under_way() -> None:
    journal = noted(UP)
    journal.note(DOWN, 100.0)
    batch = journal.take()
    journal.rewind(50.0)
    journal.note(UP, 50.0)
    journal.give_back(batch)
    again = journal.take()
    assert again.forget_after == 50.0
    assert [(one.time, one.after) for one in again.transitions] == [
        (0.0, State.UP),
        (50.0, State.UP),
    ]


def test_a_channel_that_never_was_cannot_leave() -> None:
    journal = Journal()
    journal.leave("a", 1.0)
    assert journal.is_empty


def test_thinned_entries_claim_nothing_for_what_they_left_out() -> None:
    journal = noted(UP, DOWN, UP, replace(DOWN, channel="b"), DOWN)
    journal.follow("a", Lifecycle.SUSPENDED)
    journal.note(UP, 9.0)
    entries = {(one.channel, one.time, one.after) for one in thinned(journal.take().transitions)}
    assert entries == {
        ("a", 0.0, State.UNKNOWN),
        ("a", 9.0, State.UP),
        ("b", 3.0, State.DOWN),
    }
