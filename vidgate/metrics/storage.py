"""The database's disk: whether it can be written, what waits for it, what room is left."""

import asyncio
from collections.abc import Iterator
from typing import Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

LOOK = 15.0  # seconds between two looks at the disk


class Backlog(Protocol):
    """Deferred writes; see `vidgate.storage.backlog`."""

    @property
    def state(self) -> str: ...

    @property
    def waiting(self) -> int: ...

    @property
    def free(self) -> int: ...


class Losses(Protocol):
    """The audit table; see `vidgate.storage.audit`."""

    @property
    def lost(self) -> int: ...


class StorageCollector(Collector):
    """`vidgate_storage_*` and what the audit table has lost."""

    def __init__(self, backlog: Backlog, audit: Losses) -> None:
        self._backlog = backlog
        self._audit = audit
        self._free: int | None = None

    async def run(self) -> None:
        """See what room there is, in a thread: a disk that hangs must hold nobody."""
        while True:
            self._free = await asyncio.to_thread(lambda: self._backlog.free)
            await asyncio.sleep(LOOK)

    def collect(self) -> Iterator[Metric]:
        """The families."""
        backlog = self._backlog
        yield GaugeMetricFamily(
            "vidgate_storage_writable",
            "1 when the database can be written, 0 when changes are refused.",
            value=int(backlog.state == "ok"),
        )
        yield GaugeMetricFamily(
            "vidgate_storage_waiting_writes",
            "Audit rows and sessions that wait in memory for the disk.",
            value=backlog.waiting,
        )
        if self._free is not None:
            yield GaugeMetricFamily(
                "vidgate_storage_free_bytes", "Room left on the database's disk.", value=self._free
            )
        yield CounterMetricFamily(
            "vidgate_audit_lost", "Audit rows that found no room in memory.", value=self._audit.lost
        )
