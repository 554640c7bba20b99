"""The database's disk: whether it can be written, what waits for it, what room is left."""

from collections.abc import Iterator
from typing import Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector


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
        yield GaugeMetricFamily(
            "vidgate_storage_free_bytes", "Room left on the database's disk.", value=backlog.free
        )
        yield CounterMetricFamily(
            "vidgate_audit_lost", "Audit rows that found no room in memory.", value=self._audit.lost
        )
