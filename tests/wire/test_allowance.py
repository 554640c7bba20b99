"""How often a login may be tried: the arithmetic."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidgate.model.channel import Channel, Login
from vidgate.wire import allowance as module
from vidgate.wire.allowance import (
    FORGOTTEN,
    HOUR,
    LATE,
    MOST,
    PATIENCE,
    Account,
    Allowance,
    Allowances,
    Turn,
)

TAKEN = ("digest", "MD5")
LOGIN = Login("admin", "pass")
DEVICE = "10.0.0.9", 554
Refuse = Callable[[Allowance, float], None]


def refuse(allowance: Allowance, now: float, times: int = 1) -> None:
    """The device refuses the channel after that many answers."""
    allowance.count(times, now, is_of_login=True)
    allowance.refused(now)


def forbid(allowance: Allowance, now: float) -> None:
    """It says 403."""
    allowance.count(1, now, is_of_login=False)
    allowance.refused(now)


def of_one_device(count: int) -> list[Allowance]:
    """The channels of a recorder."""
    account = Account()
    return [Allowance(account, str(number)) for number in range(count)]


def test_a_refusal_closes_for_an_hour() -> None:
    allowance = Allowance()
    assert allowance.opens_at(100.0) is None
    refuse(allowance, 100.0)
    assert allowance.opens_at(100.0) == 100.0 + HOUR
    assert allowance.opens_at(99.0 + HOUR) is not None
    assert allowance.opens_at(100.0 + HOUR) is None


def test_a_person_has_one_more_try_and_nobody_a_third() -> None:
    allowance = Allowance()
    refuse(allowance, 0.0)
    allowance.reopen()
    assert allowance.opens_at(600.0) is None
    assert allowance.turn(600.0) is Turn.NOW
    refuse(allowance, 600.0)
    allowance.reopen()
    assert allowance.opens_at(700.0) == HOUR
    assert allowance.turn(700.0) is Turn.NEVER
    assert allowance.opens_at(HOUR) is None
    refuse(allowance, HOUR)
    assert allowance.opens_at(HOUR) == 600.0 + HOUR, "never three in any hour"


def test_what_is_accepted_makes_up_for_all() -> None:
    allowance = Allowance()
    refuse(allowance, 0.0, MOST)
    allowance.accepted(TAKEN)
    assert (allowance.opens_at(0.0), allowance.account.taken) == (None, TAKEN)


def test_what_ended_without_a_verdict_is_counted_and_closes_nothing_by_itself() -> None:
    allowance = Allowance()
    allowance.account.count(1, 0.0)
    assert allowance.opens_at(0.0) is None
    allowance.account.count(1, 1.0)
    assert allowance.opens_at(1.0) == HOUR


def test_a_login_not_known_to_be_good_is_tried_by_one_at_a_time() -> None:
    allowance, woken = Allowance(), []
    assert allowance.turn(0.0) is Turn.NOW
    entered = allowance.account.enter(0.0)
    assert allowance.turn(0.0) is Turn.LATER
    assert allowance.turn(0.0, entered) is Turn.NOW, "another algorithm by the same connection"
    allowance.account.when_changed(lambda: woken.append(1))
    allowance.accepted(TAKEN)
    allowance.account.leave(entered)
    assert woken == [1]
    for expected in (Turn.NOW, Turn.NOW, Turn.LATER):
        assert allowance.turn(0.0) is expected
        allowance.account.enter(0.0)


def test_an_answer_without_a_verdict_holds_up_nobody_for_long() -> None:
    allowance = Allowance()
    allowance.account.enter(0.0)
    assert allowance.turn(PATIENCE) is Turn.LATER, "it may be a wrong one"
    assert allowance.turn(FORGOTTEN) is Turn.NOW
    allowance.accepted(TAKEN)
    for _ in range(MOST):
        allowance.account.enter(20.0)
    assert allowance.turn(20.0 + PATIENCE) is Turn.LATER, "the password may have been changed"
    assert allowance.turn(20.0 + LATE) is Turn.NOW, "a recorder waits for its dead cameras"
    allowance.account.enter(20.0 + LATE)
    assert allowance.turn(20.0 + LATE + PATIENCE) is Turn.LATER, "one more each time"


def test_what_is_taken_meanwhile_clears_those_without_a_verdict() -> None:
    allowance = Allowance()
    allowance.accepted(TAKEN)
    allowance.account.enter(20.0)
    good = allowance.account.enter(20.0)
    allowance.accepted(TAKEN, good)
    allowance.account.leave(good)
    allowance.account.enter(20.1)
    assert allowance.turn(20.1) is Turn.LATER
    assert allowance.turn(20.0 + PATIENCE) is Turn.NOW


def test_a_recorder_is_given_two_wrong_passwords_by_all_its_channels() -> None:
    channels = of_one_device(32)
    tries = 0
    for now in range(0, 2 * int(HOUR), 60):
        for channel in channels:
            if channel.turn(float(now)) is Turn.NOW:
                refuse(channel, float(now))
                tries += 1
        assert tries <= MOST * (1 + now // int(HOUR))
    assert all(channel.opens_at(HOUR - 1.0) for channel in channels)


@given(
    st.booleans(),
    st.lists(
        st.tuples(st.sampled_from(["ask", "verdict", "reopen", "wait"]), st.integers(0, 5)),
        max_size=120,
    ),
)
def test_whatever_people_do_a_wrong_login_is_refused_twice_an_hour(
    was_good: bool,
    steps: list[tuple[str, int]],
) -> None:
    """Channels of one recorder, asked by anybody in any order; verdicts come within `LATE`."""
    channels, now = of_one_device(6), 0.0
    if was_good:
        channels[0].accepted(TAKEN)
    under_way: list[tuple[int, float]] = []
    refused: list[float] = []

    def verdict(at: int) -> None:
        number, entered = under_way.pop(at)
        refuse(channels[number], now)
        refused.append(now)
        channels[number].account.leave(entered)

    for step, number in steps:
        channel = channels[number]
        if step == "ask" and channel.turn(now) is Turn.NOW:
            under_way.append((number, channel.account.enter(now)))
        elif step == "verdict" and under_way:
            verdict(number % len(under_way))
        elif step == "reopen":
            channel.reopen()
        elif step == "wait":
            while under_way and number:
                verdict(0)
            if under_way:
                due = min(entered for _, entered in under_way) + LATE
                now = max(now, min(now + 0.3 * (number + 1), due - 0.001))
                continue
            now += (0.1, 7.0, 60.0, 700.0, 1700.0, HOUR)[number]
        assert sum(now - at < HOUR for at in refused) <= MOST


def test_forbidden_channels_close_none_that_are_let_in() -> None:
    """Half of a recorder's channels are not this account's to see; they are asked in order."""
    channels = of_one_device(32)
    forbidden, granted = channels[:16], channels[16:]
    granted[-1].accepted(TAKEN)
    held = 0
    for now in range(0, 3 * int(HOUR), 60):
        for channel in channels:
            turn = channel.turn(float(now))
            if channel in granted:
                assert turn is Turn.NOW or (turn is Turn.LATER and now < 20 * 60)
            if turn is Turn.NOW and channel in granted:
                channel.accepted(TAKEN)
            elif turn is Turn.NOW:
                refuse(channel, float(now))
            held += turn is Turn.LATER
    assert all(channel.opens_at(3 * HOUR - 60) for channel in forbidden)
    assert held, "the next forbidden one waits until a granted one was let in again"


def test_a_rotated_password_is_settled_by_a_channel_that_was_let_in() -> None:
    one, other, new = of_one_device(3)
    one.accepted(TAKEN)
    other.accepted(TAKEN)
    refuse(one, 1.0)
    assert (new.turn(1.0), other.turn(1.0)) == (Turn.LATER, Turn.NOW)
    refuse(other, 1.0)
    assert {each.turn(2.0) for each in (one, other, new)} == {Turn.NEVER}
    assert new.opens_at(2.0) == 1.0 + HOUR


def test_two_that_were_let_in_and_are_refused_tell_that_the_login_is_wrong() -> None:
    channels = of_one_device(4)
    for channel in channels:
        channel.accepted(TAKEN)
    account = channels[0].account
    refuse(channels[2], 1.0)
    assert not account.refused_for(1.0)
    refuse(channels[0], 1.0)
    assert account.refused_for(1.0) == ["0", "2"]
    assert account.refused_for(1.0 + HOUR) == []
    channels[1].accepted(TAKEN)
    assert account.refused_for(1.0) == []


@pytest.mark.parametrize(
    "refusals",
    [
        (forbid, 0, forbid, 1),
        (refuse, 0, forbid, 1),
        (forbid, 0, refuse, 1),
        (refuse, 0, refuse, 0),
        (refuse, 2, refuse, 3),  # never let in, while others are
        (refuse, 0, refuse, 3),
    ],
)
def test_less_closes_the_account_and_says_nothing_of_others(
    refusals: tuple[Refuse, int, Refuse, int],
) -> None:
    channels = of_one_device(5)
    for channel in (channels[0], channels[1], channels[4]):
        channel.accepted(TAKEN)
    first, one, second, other = refusals
    first(channels[one], 1.0)
    second(channels[other], 1.0)
    assert channels[4].turn(2.0) is Turn.NEVER
    assert channels[4].account.refused_for(2.0) == []


def test_what_was_let_in_before_the_account_was_closed_is_remembered() -> None:
    channels = of_one_device(8)
    for channel in channels[:4]:
        channel.accepted(TAKEN)
    for hour, (pair, told) in enumerate((((4, 5), []), ((6, 7), []), ((0, 1), ["0", "1"]))):
        now = hour * HOUR
        for number in pair:
            refuse(channels[number], now)
        assert channels[3].account.refused_for(now) == told


def test_a_login_that_never_opened_any_is_wrong_by_two() -> None:
    one, other, third = of_one_device(3)
    refuse(one, 1.0)
    refuse(other, 2.0)
    assert third.account.refused_for(2.0) == ["0", "1"]


def test_what_was_refused_before_a_restart_may_have_been_forbidden() -> None:
    one, other = of_one_device(2)
    one.recalled(50.0, 100.0)
    other.recalled(60.0, 100.0)
    assert one.account.closed_until(100.0) is not None
    assert one.account.refused_for(100.0) == []


def test_one_that_lost_its_rights_leaves_the_second_try_to_one_that_was_let_in() -> None:
    """Its device takes two algorithms, and says 401 of missing rights."""
    one, other = of_one_device(2)
    for channel in (one, other):
        channel.accepted(TAKEN)
    entered = one.account.enter(1.0)
    one.count(1, 1.0, is_of_login=True)
    assert one.turn(1.0, entered) is Turn.NEVER
    one.refused(1.0)
    one.account.leave(entered)
    assert other.turn(1.0) is Turn.NOW


def test_a_second_algorithm_is_tried_where_none_was_taken_yet() -> None:
    one, other = of_one_device(2)
    entered = one.account.enter(0.0)
    one.account.count(1, 0.0)
    assert one.turn(0.0, entered) is Turn.NOW
    one.accepted(TAKEN)
    one.account.leave(entered)
    entered = other.account.enter(1.0)
    other.account.count(1, 1.0)
    assert other.turn(1.0, entered) is Turn.NEVER, "the one that is taken was refused"


def test_a_doubtful_refusal_closes_nothing_alone_nor_with_its_like() -> None:
    allowance = Allowance()
    allowance.accepted(TAKEN)
    for now in range(9):
        allowance.account.doubt(float(now))
    assert allowance.turn(9.0) is Turn.NOW
    refuse(allowance, 9.0)
    assert allowance.turn(9.0) is Turn.NEVER


def test_what_was_known_before_a_restart() -> None:
    refused, up, new = of_one_device(3)
    refused.recalled(100.0 - HOUR / 2, 100.0)
    assert (refused.opens_at(100.0), new.turn(100.0)) == (100.0 + HOUR / 2, Turn.NOW)
    up.recalled(None, 100.0)
    assert (up.turn(100.0), new.turn(100.0)) == (Turn.NOW, Turn.LATER)
    refused.recalled(-HOUR, 100.0)
    assert refused.opens_at(100.0) == 100.0 + HOUR / 2, "what is an hour old says nothing"


def test_restarts_give_a_recorder_no_more_wrong_passwords() -> None:
    """Its other channels were let in before the password was rotated, and not asked since."""
    refused: dict[int, float] = {0: 100.0}
    for now in (110.0, 120.0, 130.0, 140.0):
        channels = of_one_device(8)
        for number, channel in enumerate(channels):
            channel.recalled(refused.get(number), now, let_in=90.0)
        for number, channel in enumerate(channels):
            if channel.turn(now) is Turn.NOW:
                refuse(channel, now)
                refused[number] = now
    assert len(refused) == 2


@pytest.mark.parametrize("order", [1, -1])
def test_forbidden_channels_close_no_other_after_a_restart(order: int) -> None:
    channels = of_one_device(4)
    for number, channel in list(enumerate(channels))[::order]:
        channel.recalled(50.0 if number < 2 else None, 100.0, let_in=90.0)
    assert [channel.turn(100.0) is Turn.NOW for channel in channels] == [False, False, True, True]


def test_another_place_or_login_begins_anew() -> None:
    allowances, channel = Allowances(), Channel(id="a", name="a", url="rtsp://10.0.0.1/1")
    known = allowances.of(channel, LOGIN)
    assert allowances.of(replace(channel, name="b"), Login("admin", "pass")) is known
    assert allowances.of(channel, Login("admin", "new")).account is not known.account
    assert allowances.of(channel, None).account is not known.account
    moved = replace(channel, url="rtsp://10.0.0.2/1")
    assert allowances.of(moved, LOGIN).account is not known.account
    assert allowances.of(replace(channel, id="b"), LOGIN).account is not known.account


def test_channels_of_one_device_and_login_share_the_account() -> None:
    allowances, channel = Allowances(), Channel(id="a", name="a", url="rtsp://10.0.0.9/1")
    known = allowances.of(channel, LOGIN, DEVICE)
    other = allowances.of(replace(channel, id="b", url="rtsp://10.0.0.9/2"), LOGIN, DEVICE)
    assert other is not known
    assert other.account is known.account
    assert allowances.of(channel, Login("b", "b"), DEVICE).account is not known.account
    assert allowances.of(channel, LOGIN, ("10.0.0.9", 555)).account is not known.account
    moved = allowances.of(replace(channel, url="rtsp://10.0.0.9/3"), LOGIN, DEVICE)
    refuse(known, 0.0)
    assert (moved.opens_at(0.0), moved.account) == (None, known.account), "another path is tried"


def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ALLOWANCES", 5)
    allowances = Allowances()
    for number in range(7):
        allowances.of(Channel(id=str(number), name="c"), LOGIN)
    assert len(allowances._known) == len(allowances._accounts) == 5
