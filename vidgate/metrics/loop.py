"""How long the event loop is held: the lateness of a timer that does nothing else."""

import asyncio

from prometheus_client import CollectorRegistry, Gauge, Histogram

INTERVAL = 0.01  # seconds: a stall of 20 ms cannot hide between two looks
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class LoopLag:
    """`run` watches for ever."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._lag = Histogram(
            "vidgate_event_loop_lag_seconds",
            "Lateness of a timer on the event loop.",
            buckets=BUCKETS,
            registry=registry,
        )
        self._longest = Gauge(
            "vidgate_event_loop_lag_max_seconds",
            "The longest that the event loop was held since the service was ready.",
            registry=registry,
        )
        self.longest = 0.0

    async def run(self) -> None:
        """Sleep, and look how late it became."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + INTERVAL
            await asyncio.sleep(INTERVAL)
            late = max(0.0, loop.time() - due)
            self._lag.observe(late)
            if late > self.longest:
                self.longest = late
                self._longest.set(late)
