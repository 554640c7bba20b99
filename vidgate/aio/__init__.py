"""Our asyncio toolbox: the only place that starts tasks, reads clocks and holds queues."""
