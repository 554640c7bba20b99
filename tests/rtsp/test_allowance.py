"""How often a login may be tried: the arithmetic."""

from dataclasses import replace

import pytest

from vidgate.model.channel import Channel, Login
from vidgate.rtsp import allowance as module
from vidgate.rtsp.allowance import HOUR, MOST, Allowance, Allowances

TAKEN = ("digest", "MD5")
LOGIN = Login("admin", "pass")


def test_a_refusal_closes_for_an_hour() -> None:
    allowance = Allowance()
    assert allowance.opens_at(100.0) is None
    allowance.refused(1, 100.0)
    assert allowance.opens_at(100.0) == 100.0 + HOUR
    assert allowance.opens_at(99.0 + HOUR) is not None
    assert allowance.opens_at(100.0 + HOUR) is None


def test_a_person_has_one_more_try_and_nobody_a_third() -> None:
    allowance = Allowance()
    allowance.refused(1, 0.0)
    allowance.reopen()
    assert allowance.opens_at(600.0) is None
    allowance.refused(1, 600.0)
    allowance.reopen()
    assert allowance.opens_at(700.0) == HOUR
    assert allowance.opens_at(HOUR) is None, "a person's, not the background's"
    allowance.refused(1, HOUR)
    assert allowance.opens_at(HOUR) == 600.0 + HOUR, "never three in any hour"


def test_what_is_accepted_makes_up_for_all() -> None:
    allowance = Allowance()
    allowance.refused(MOST, 0.0)
    allowance.accepted(TAKEN)
    assert (allowance.opens_at(0.0), allowance.taken) == (None, TAKEN)


def test_what_ended_without_a_verdict_is_counted_and_closes_nothing_by_itself() -> None:
    allowance = Allowance()
    allowance.count(1, 0.0)
    assert allowance.opens_at(0.0) is None
    allowance.count(1, 1.0)
    assert allowance.opens_at(1.0) == HOUR


def test_a_login_not_known_to_be_good_is_tried_by_one_at_a_time() -> None:
    allowance, woken = Allowance(), []
    assert allowance.enter(0.0)
    assert not allowance.enter(0.0)
    allowance.when_left(lambda: woken.append(1))
    allowance.accepted(TAKEN)
    allowance.leave()
    assert woken == [1]
    assert [allowance.enter(0.0) for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize("proven", [True, False])
def test_a_second_answer_is_left_to_whom_it_belongs(*, proven: bool) -> None:
    allowance = Allowance()
    if proven:
        allowance.accepted(TAKEN)
        assert allowance.enter(0.0)
    assert allowance.enter(0.0)
    assert allowance.may_answer(0, 0.0, is_inside=True)
    assert allowance.may_answer(1, 0.0, is_inside=True) is not proven
    assert not allowance.may_answer(2, 0.0, is_inside=True)
    assert allowance.may_answer(0, 0.0, is_inside=False) is not proven


def test_another_place_or_login_begins_anew() -> None:
    allowances, channel = Allowances(), Channel(id="a", name="a", url="rtsp://10.0.0.1/1")
    known = allowances.of(channel, LOGIN)
    assert allowances.of(replace(channel, name="b"), Login("admin", "pass")) is known
    assert allowances.of(channel, Login("admin", "new")) is not known
    assert allowances.of(channel, None) is not known
    moved = replace(channel, url="rtsp://10.0.0.2/1")
    assert allowances.of(moved, LOGIN) is not known
    assert allowances.of(replace(channel, id="b"), LOGIN) is not known


def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ALLOWANCES", 5)
    allowances = Allowances()
    for number in range(7):
        allowances.of(Channel(id=str(number), name="c"), LOGIN)
    assert len(allowances._known) == 5
