"""The manual clock moves only when told."""

from vidgate.aio.clock import ManualClock, SystemClock


def test_manual_clock_keeps_interval_and_wall_apart() -> None:
    clock = ManualClock(now=10.0, wall=100.0)
    clock.advance(5)
    clock.jump_wall(-3600)
    assert clock.now() == 15.0
    assert clock.wall() == 105.0 - 3600


def test_system_clock_never_goes_back() -> None:
    clock = SystemClock()
    first = clock.now()
    assert clock.now() >= first
    assert clock.wall() > 1_700_000_000
