"""How long this thread had the processor, and how long it stood in line for it."""

import os
import time
from contextlib import suppress

SCHEDSTAT = "/proc/thread-self/schedstat"


class Processor:
    """`start()` begins a span in the thread that calls it; `held(late)` tells of it; `close()`.

    A timer that comes late was held up by our own work only as far as this thread was at work: on a
    crowded machine waiting for the processor says nothing about us.
    """

    def __init__(self) -> None:
        self._worked = self._waited = 0.0
        self._schedstat: int | None = None
        with suppress(OSError):  # a kernel without it: then waiting may be taken for work
            self._schedstat = os.open(SCHEDSTAT, os.O_RDONLY | os.O_CLOEXEC)

    def start(self) -> None:
        """The span begins now."""
        self._worked, self._waited = time.thread_time(), self._queued()

    def held(self, late: float) -> float:
        """How many of the `late` seconds at the end of the span were our own work, at most."""
        waited = self._queued() - self._waited
        return max(0.0, min(late - waited, time.thread_time() - self._worked))

    def close(self) -> None:
        """Nothing is asked any more."""
        if self._schedstat is not None:
            os.close(self._schedstat)
            self._schedstat = None

    def _queued(self) -> float:
        """Seconds that this thread was ready and another had the processor (proc(5), schedstat)."""
        if self._schedstat is None:
            return 0.0
        return int(os.pread(self._schedstat, 80, 0).split()[1]) / 1e9
