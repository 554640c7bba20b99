"""What a call costs this thread in processor time, which no other work on the machine changes."""

import time
from collections.abc import Callable


def effort(work: Callable[[], object], times: int = 3) -> float:
    """Seconds of processor time, the least of some runs."""

    def once() -> float:
        begin = time.thread_time()
        work()
        return time.thread_time() - begin

    return min(once() for _ in range(times))
