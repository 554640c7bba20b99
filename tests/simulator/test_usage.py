"""What a platform counts of its sessions."""

from vidgate.aio.clock import ManualClock
from vidgate.simulator.usage import Usage


def test_how_busy_the_sessions_were_while_more_was_asked() -> None:
    clock = ManualClock()
    usage = Usage(2, clock)
    usage.take()
    clock.advance(1.0)
    usage.take()
    assert usage.is_full
    clock.advance(2.0)
    usage.give_back()
    clock.advance(1.0)
    usage.take()
    clock.advance(5.0)  # the rest, of which nobody asked anything more
    usage.give_back()
    usage.give_back()
    assert (usage.pressed, usage.busy, usage.whole) == (4.0, 6.0, 9.0)
    assert (usage.sessions, usage.max_sessions, usage.taken) == (0, 2, 3)


def test_counting_anew_keeps_the_sessions_of_now() -> None:
    clock = ManualClock()
    usage = Usage(2, clock)
    usage.take()
    usage.take()
    usage.give_back()
    clock.advance(1.0)
    usage.count_anew()
    assert (usage.sessions, usage.max_sessions, usage.taken, usage.waited) == (1, 1, 0, 0.0)
    clock.advance(1.0)
    usage.take()
    clock.advance(3.0)
    usage.take()
    assert (usage.pressed, usage.busy) == (3.0, 6.0)
    assert usage.as_json()["busy"] == 6.0
