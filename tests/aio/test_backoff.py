"""Delays grow, stay under the cap, and start over."""

import random

from vidgate.aio.backoff import Backoff


def test_delays_grow_to_the_cap_and_never_reach_zero() -> None:
    backoff = Backoff(first=1.0, cap=8.0, generator=random.Random(7))
    delays = [backoff.next() for _ in range(50)]
    assert all(0.1 <= delay <= 8.0 for delay in delays)
    assert max(delays[:1]) <= 1.0
    assert max(delays[10:]) > 4.0


def test_reset_starts_over() -> None:
    backoff = Backoff(first=1.0, cap=60.0)
    for _ in range(10):
        backoff.next()
    backoff.reset()
    assert backoff.next() <= 1.0


def test_days_of_failures_do_not_overflow() -> None:
    backoff = Backoff(first=0.5, cap=30.0, attempt=10_000_000)
    assert backoff.next() <= 30.0
