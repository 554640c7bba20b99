"""How long the event loop is held: the lateness of a timer that does nothing else."""

import asyncio
import time

from prometheus_client import CollectorRegistry, Gauge, Histogram

INTERVAL = 0.01  # seconds: a stall of 20 ms cannot hide between two looks
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class LoopLag:
    """`run` watches for ever.

    Late is what a viewer feels; held is the part of it in which this very thread was at work, which
    is our fault and not that of a crowded machine.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._late = Histogram(
            "vidgate_event_loop_lag_seconds",
            "Lateness of a timer on the event loop.",
            buckets=BUCKETS,
            registry=registry,
        )
        self._longest = Gauge(
            "vidgate_event_loop_lag_max_seconds",
            "The latest that such a timer was since the start.",
            registry=registry,
        )
        self._held = Gauge(
            "vidgate_event_loop_held_max_seconds",
            "The longest that our own work held the event loop since the start.",
            registry=registry,
        )
        self._tasks = Gauge(
            "vidgate_event_loop_tasks", "Tasks of the event loop now.", registry=registry
        )
        self.longest = 0.0
        self.held = 0.0

    async def run(self) -> None:
        """Sleep, and look how late it became."""
        loop = asyncio.get_running_loop()
        self._tasks.set_function(lambda: len(asyncio.all_tasks(loop)))
        while True:
            due, worked = loop.time() + INTERVAL, time.thread_time()
            await asyncio.sleep(INTERVAL)
            self._note(max(0.0, loop.time() - due), time.thread_time() - worked)

    def _note(self, late: float, worked: float) -> None:
        self._late.observe(late)
        if late > self.longest:
            self.longest = late
            self._longest.set(late)
        if min(late, worked) > self.held:
            self.held = min(late, worked)
            self._held.set(self.held)
