"""How long the event loop is held: the lateness of a timer that does nothing else."""

import asyncio
from contextlib import closing

from prometheus_client import CollectorRegistry, Gauge, Histogram

from vidgate.aio.processor import Processor

INTERVAL = 0.01  # seconds: a stall of 20 ms cannot hide between two looks
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class LoopLag:
    """`run` watches for ever.

    Late is what a viewer feels; held is the part of it that is our fault and not that of a crowded
    machine.
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
        with closing(Processor()) as processor:
            while True:
                due = loop.time() + INTERVAL
                processor.start()
                await asyncio.sleep(INTERVAL)
                late = max(0.0, loop.time() - due)
                self._note(late, processor.held(late))

    def _note(self, late: float, held: float) -> None:
        self._late.observe(late)
        if late > self.longest:
            self.longest = late
            self._longest.set(late)
        if held > self.held:
            self.held = held
            self._held.set(held)
