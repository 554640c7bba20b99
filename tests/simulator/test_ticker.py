import asyncio

from tests.waiting import until
from vidgate.simulator.ticker import MAX_LATE, Ticker


class Counter:
    def __init__(self) -> None:
        self.seen: list[int] = []

    def tick(self, index: int) -> None:
        self.seen.append(index)


async def test_members_are_called_once_a_picture_in_order() -> None:
    ticker, first, second = Ticker(), Counter(), Counter()
    ticker.add(first, 1)
    ticker.add(second, 5)
    await until(lambda: len(first.seen) >= 4 and len(second.seen) >= 4)
    ticker.remove(first, 1)
    ticker.remove(second, 5)
    for seen in (first.seen, second.seen):
        assert seen == list(range(seen[0], seen[0] + len(seen)))
    assert abs(first.seen[-1] - ticker.seconds * 25) < 25


async def test_nobody_left_means_no_timer() -> None:
    ticker, member = Ticker(), Counter()
    ticker.add(member, 3)
    await until(lambda: member.seen)
    ticker.remove(member, 3)
    assert len(ticker) == 0
    called = len(member.seen)
    await asyncio.sleep(0)
    assert len(member.seen) == called


async def test_lateness_is_made_up_for_up_to_a_bound() -> None:
    ticker, member = Ticker(), Counter()
    ticker.add(member, 0)
    ticker.epoch -= 1.0  # as if the process had been held up for a second
    await until(lambda: len(member.seen) >= 24)
    assert member.seen == list(range(member.seen[0], member.seen[0] + len(member.seen)))
    ticker.epoch -= 100.0
    await until(lambda: ticker.skipped > MAX_LATE)
    ticker.stop()


async def test_one_members_failure_is_its_own() -> None:
    class Broken:
        def tick(self, index: int) -> None:
            raise RuntimeError("broken")

    failures: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, what: failures.append(what))
    ticker, broken, member = Ticker(), Broken(), Counter()
    ticker.add(broken, 0)
    ticker.add(member, 4)
    await until(lambda: len(member.seen) >= 3 and failures)
    ticker.stop()
