"""The small page's own collectors: channels by state, streams, viewers, probes."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client import Counter as CounterMetric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from vidgate.health.demand import Demand
from vidgate.media.stream import Stream
from vidgate.metrics.channels import Register
from vidgate.model.channel import Channel, Platform
from vidgate.model.health import Health, Level, ProbeResult
from vidgate.model.media import StreamKey

PROBE_BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Streams(Protocol):
    """The live streams; see `vidgate.media.hub`."""

    @property
    def streams(self) -> Mapping[StreamKey, Stream]: ...


class Sessions(Protocol):
    """Viewers' sessions; see `vidgate.webrtc.whep`."""

    @property
    def sessions(self) -> Mapping[str, Any]: ...


class FleetCollector(Collector):
    """`vidgate_channels{department,platform,state}`, what is not counted left out."""

    def __init__(self, register: Register, of: Callable[[str], Health]) -> None:
        self._register = register
        self._of = of

    def collect(self) -> Iterator[Metric]:
        """One sample for each combination there is."""
        counts = Counter(
            (channel.department, channel.platform, self._of(channel.id).state)
            for channel in self._register.channels.values()
            if channel.is_counted
        )
        family = GaugeMetricFamily(
            "vidgate_channels",
            "Accepted and enabled channels by state.",
            labels=("department", "platform", "state"),
        )
        for (department, platform, state), number in sorted(counts.items()):
            family.add_metric((department, platform, state.label), number)
        yield family


class PlatformBook(Register, Protocol):
    """The register with its platforms."""

    @property
    def platforms(self) -> Mapping[str, Platform]:
        """Platforms by id."""
        ...


class DeliveryCollector(Collector):
    """What each platform owes and has delivered, planned channels apart (接入率)."""

    def __init__(self, register: PlatformBook) -> None:
        self._register = register
        self._counted: Mapping[str, Channel] | None = None  # for which register it was counted
        self._counts: Counter[tuple[str, str]] = Counter()

    def collect(self) -> Iterator[Metric]:
        """Channels by platform and lifecycle; a quota where there is one."""
        registered = self._register.channels
        if registered is not self._counted:
            steps = ((one.platform, one.lifecycle.value) for one in registered.values())
            self._counts, self._counted = Counter(steps), registered
        counts = self._counts
        channels = GaugeMetricFamily(
            "vidgate_platform_channels",
            "Channels of a platform by lifecycle; delivered: accepted and suspended.",
            labels=("platform", "lifecycle"),
        )
        for labels, number in sorted(counts.items()):
            channels.add_metric(labels, number)
        yield channels
        quota = GaugeMetricFamily(
            "vidgate_platform_quota", "Channels a platform owes us.", labels=("platform",)
        )
        for platform in sorted(self._register.platforms.values(), key=lambda one: one.id):
            if platform.quota:
                quota.add_metric((platform.id,), platform.quota)
        yield quota


class Demands(Protocol):
    """What looking asks of platforms; see `vidgate.health.demand`."""

    @property
    def by_platform(self) -> Mapping[str, Demand]:
        """Demand by platform."""
        ...


class DemandCollector(Collector):
    """What looking at a platform's channels asks of its sessions, and the periods that are kept."""

    def __init__(self, demands: Demands) -> None:
        self._demands = demands

    def collect(self) -> Iterator[Metric]:
        """Sessions allowed (where limited), needed and held; periods by class of points."""
        slots = GaugeMetricFamily(
            "vidgate_platform_slots", "PLAY sessions a platform allows.", labels=("platform",)
        )
        needed = GaugeMetricFamily(
            "vidgate_platform_slots_needed",
            "PLAY sessions that looking at its channels asks for, on average.",
            labels=("platform",),
        )
        held = GaugeMetricFamily(
            "vidgate_platform_slots_held",
            "PLAY sessions that people hold now; looks have the rest.",
            labels=("platform",),
        )
        periods = GaugeMetricFamily(
            "vidgate_probe_period_seconds",
            "How often a platform's channels are looked at for a picture, stretched or not.",
            labels=("platform", "point_class"),
        )
        for id_, demand in sorted(self._demands.by_platform.items()):
            if demand.slots:
                slots.add_metric((id_,), demand.slots)
                held.add_metric((id_,), demand.held)
            needed.add_metric((id_,), demand.needed)
            for of, period in demand.periods.items():
                periods.add_metric((id_, of.value), period)
        yield from (slots, needed, held, periods)


class StreamCollector(Collector):
    """Streams by state, viewers, and what has flowed; totals outlive the streams."""

    def __init__(self, hub: Streams, whep: Sessions) -> None:
        self._hub = hub
        self._whep = whep
        self._seen: dict[int, Stream] = {}
        self._ended: Counter[str] = Counter()

    def collect(self) -> Iterator[Metric]:
        """The families."""
        streams = list(self._hub.streams.values())
        states = GaugeMetricFamily(
            "vidgate_streams", "Streams in the hub by state.", labels=("state",)
        )
        for state, number in sorted(Counter(one.state.value for one in streams).items()):
            states.add_metric((state,), number)
        yield states
        viewers = GaugeMetricFamily("vidgate_viewers", "Viewers now.", labels=("transport",))
        viewers.add_metric(("webrtc",), len(self._whep.sessions))
        yield viewers
        yield from self._flow(streams)

    def _flow(self, streams: list[Stream]) -> Iterator[Metric]:
        alive = {id(stream): stream for stream in streams}
        for key, stream in self._seen.items():
            if key not in alive:  # it ended since the last scrape: its final count stays
                self._ended.update(_flows(stream))
        self._seen = alive
        totals = self._ended.copy()
        for stream in streams:
            totals.update(_flows(stream))
        for name, meaning in FLOWS.items():
            yield CounterMetricFamily(name, meaning, value=totals[name])


FLOWS = {
    "vidgate_ingest_frames": "Frames taken from sources.",
    "vidgate_ingest_bytes": "Bytes of frames taken from sources.",
    "vidgate_ingest_reconnects": "Times that a source came back.",
}


def _flows(stream: Stream) -> dict[str, int]:
    stats = stream.stats
    return dict(zip(FLOWS, (stats.frames, stats.bytes, stats.reconnects), strict=True))


class Probing(Protocol):
    """Who looks at channels; see `vidgate.health`."""

    @property
    def in_flight(self) -> int:
        """Looks under way."""
        ...

    @property
    def waiting(self) -> int:
        """Looks that are due and held back by a limit."""
        ...


class ProbingCollector(Collector):
    """How busy the probing is now."""

    def __init__(self, probing: Probing) -> None:
        self._probing = probing

    def collect(self) -> Iterator[Metric]:
        """Both gauges."""
        yield GaugeMetricFamily(
            "vidgate_probes_in_flight", "Looks under way.", value=self._probing.in_flight
        )
        yield GaugeMetricFamily(
            "vidgate_probes_waiting",
            "Looks that are due and held back by a limit.",
            value=self._probing.waiting,
        )


class ProbeMetrics:
    """Counts looks by level and outcome; `observe` is called for each."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._looks = CounterMetric(
            "vidgate_probes_total", "Looks at channels.", ("level", "reason"), registry=registry
        )
        self._seconds = Histogram(
            "vidgate_probe_duration_seconds",
            "How long a look took.",
            ("level",),
            buckets=PROBE_BUCKETS,
            registry=registry,
        )
        for level in (Level.DESCRIBE, Level.MEDIA):
            self._seconds.labels(level.label)

    def observe(self, result: ProbeResult, seconds: float) -> None:
        """One finished look and its seconds; one that was not made is none."""
        if not result.was_made:
            return
        self._looks.labels(result.asked.label, result.reason.value).inc()
        self._seconds.labels(result.asked.label).observe(seconds)
