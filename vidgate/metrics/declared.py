"""What platforms and registers declare, and how many channels contradict it; for the small page."""

from collections import Counter
from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from vidgate.health.declared import differences
from vidgate.metrics.channels import Register
from vidgate.model.channel import Channel
from vidgate.model.declared import Difference
from vidgate.model.health import Health

OF_STATUS = (Difference.ONLINE_DOWN, Difference.OFFLINE_UP)


class DeclarationCollector(Collector):
    """`vidgate_channels_declared` and `vidgate_channels_differing`, of what is counted."""

    def __init__(self, register: Register, of: Callable[[str], Health]) -> None:
        self._register = register
        self._of = of

    def collect(self) -> Iterator[Metric]:
        """Both families; of a platform that declares states its contradictions even when 0."""
        counted = [one for one in self._register.channels.values() if one.is_counted]
        declared = GaugeMetricFamily(
            "vidgate_channels_declared",
            "Accepted and enabled channels by what their platform says, online or offline.",
            labels=("platform", "status"),
        )
        said = Counter(
            (one.platform, one.declared_status.value) for one in counted if one.declared_status
        )
        for labels, number in sorted(said.items()):
            declared.add_metric(labels, number)
        yield declared
        differing = GaugeMetricFamily(
            "vidgate_channels_differing",
            "Accepted and enabled channels of which what is measured contradicts what is declared.",
            labels=("platform", "difference"),
        )
        found = Counter(dict.fromkeys(((one, of) for one, _ in said for of in OF_STATUS), 0))
        found.update(self._differing(counted))
        for label, number in sorted(found.items()):
            differing.add_metric(label, number)
        yield differing

    def _differing(self, counted: list[Channel]) -> Iterator[tuple[str, Difference]]:
        for channel in counted:
            for difference in differences(channel, self._of(channel.id)):
                yield channel.platform, difference
