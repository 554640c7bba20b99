"""What a call costs this thread in processor time, which no other work on the machine changes."""

import time
from collections.abc import Awaitable, Callable, Generator


def effort(work: Callable[[], object], times: int = 3) -> float:
    """Seconds of processor time, the least of some runs."""

    def once() -> float:
        begin = time.thread_time()
        work()
        return time.thread_time() - begin

    return min(once() for _ in range(times))


async def longest_turn(work: Callable[[], Awaitable[object]], times: int = 3) -> float:
    """Seconds of processor time for which it holds the event loop at a stretch, the least of some
    runs: what it does in other threads, and while it waits, is left out.
    """
    longest = []
    for _ in range(times):
        turns = _Turns(work())
        await turns
        longest.append(max(turns.costs))
    return min(longest)


class _Turns:
    """Goes through a coroutine from one wait to the next."""

    def __init__(self, work: Awaitable[object]) -> None:
        self._work = work
        self.costs: list[float] = []

    def __await__(self) -> Generator[object, None, None]:
        steps = self._work.__await__()
        while True:
            begin = time.thread_time()
            waited = next(steps, self)
            self.costs.append(time.thread_time() - begin)
            if waited is self:
                return
            yield waited
