"""What fails together, and what waits for a person."""

from collections import Counter
from collections.abc import Iterator
from typing import Protocol

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from vidgate.model.incident import Attention, Cause, Incident


class OpenAlarms(Protocol):
    """Incidents of which something still fails; see `vidgate.operations.alarms`."""

    @property
    def open(self) -> list[Incident]: ...


class AlarmCollector(Collector):
    """Open incidents by cause, their channels, and alarms by what people did about them."""

    def __init__(self, alarms: OpenAlarms) -> None:
        self._alarms = alarms

    def collect(self) -> Iterator[Metric]:
        """Every cause and every state has a sample, so that an alert may compare with 0."""
        incidents = self._alarms.open
        causes = Counter(one.cause for one in incidents)
        failing = Counter[Cause]()
        for one in incidents:
            failing[one.cause] += len(one.failing)
        attention = Counter(one.attention for one in incidents)
        yield _family(
            "vidgate_incidents",
            "Incidents of which something still fails, by common cause.",
            "cause",
            {cause.value: causes[cause] for cause in Cause},
        )
        yield _family(
            "vidgate_incident_channels",
            "Channels that fail, by the cause of their incident.",
            "cause",
            {cause.value: failing[cause] for cause in Cause},
        )
        yield _family(
            "vidgate_alarms",
            "Incidents of which something still fails, by what people did: closed by hand too.",
            "attention",
            {one.value: attention[one] for one in Attention},
        )


def _family(name: str, meaning: str, label: str, values: dict[str, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, meaning, labels=(label,))
    for value, number in values.items():
        family.add_metric((value,), number)
    return family
