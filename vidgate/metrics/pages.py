"""Both pages, and the task that watches the event loop."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Protocol, Self

from prometheus_client import CollectorRegistry, Gauge, Metric, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from vidgate import __version__
from vidgate.aio.supervisor import Supervisor, Worker
from vidgate.metrics.alarms import AlarmCollector, OpenAlarms
from vidgate.metrics.channels import ChannelPage
from vidgate.metrics.declared import DeclarationCollector
from vidgate.metrics.fleet import (
    DeliveryCollector,
    DemandCollector,
    Demands,
    FleetCollector,
    PlatformBook,
    ProbeMetrics,
    Probing,
    ProbingCollector,
    Sessions,
    StreamCollector,
    Streams,
)
from vidgate.metrics.loop import LoopLag
from vidgate.metrics.players import PlayerMetrics
from vidgate.metrics.service import ErrorCollector, Server, WebCollector
from vidgate.metrics.storage import Backlog, Losses, StorageCollector
from vidgate.model.channel import Channel
from vidgate.model.health import Health, ProbeResult
from vidgate.model.playback import Playback

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class HealthBook(Probing, Protocol):
    """What is known of every channel, and how it becomes known."""

    def of(self, id_: str) -> Health:
        """The health of an id."""
        ...

    @property
    def demands(self) -> Demands:
        """What looking asks of platforms."""
        ...


class Metrics:
    """`async with Metrics(...) as metrics:` watches the loop; the pages may be asked any time."""

    def __init__(
        self,
        register: PlatformBook,
        health: HealthBook,
        hub: Streams,
        whep: Sessions,
        device: Callable[[Channel], str] = lambda _: "",
        alarms: OpenAlarms | None = None,
    ) -> None:
        """`device` names the device of a channel without telling its address."""
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)
        build = Gauge("vidgate_build_info", "Always 1.", ("version",), registry=self._registry)
        build.labels(__version__).set(1)
        self._registry.register(FleetCollector(register, health.of))
        self._registry.register(DeclarationCollector(register, health.of))
        self._registry.register(DeliveryCollector(register))
        self._registry.register(DemandCollector(health.demands))
        self._registry.register(StreamCollector(hub, whep))
        self._registry.register(ProbingCollector(health))
        self._probes = ProbeMetrics(self._registry)
        self._players = PlayerMetrics(self._registry)
        self._lag = LoopLag(self._registry)
        self._page = ChannelPage(register, health.of, hub, device)
        if alarms is not None:
            self._registry.register(AlarmCollector(alarms))
        self._storage: Worker | None = None
        self._tasks = Supervisor("metrics")

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._tasks.keep(self._lag.run, "loop lag")
        if self._storage is not None:
            self._tasks.keep(self._storage, "storage")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._tasks.__aexit__(kind, error, trace)

    def watch_storage(self, backlog: Backlog, audit: Losses) -> None:
        """Tell of the database's disk too; to be called before the block is entered."""
        collector = StorageCollector(backlog, audit)
        self._registry.register(collector)
        self._storage = collector.run

    def watch_web(self, server: Server) -> None:
        """Tell of the requests and of the certificate too."""
        self._registry.register(WebCollector(server))

    def watch_errors(self, errors: Mapping[str, int]) -> None:
        """Tell how many errors each part has logged."""
        self._registry.register(ErrorCollector(errors))

    @property
    def longest_stall(self) -> float:
        """The longest seconds that the loop was held."""
        return self._lag.longest

    def observe_probe(self, result: ProbeResult, seconds: float) -> None:
        """One finished look; `health` calls it."""
        self._probes.observe(result, seconds)

    def observe_playback(self, playback: Playback) -> None:
        """What viewers saw; `web` calls it."""
        self._players.observe(playback)

    async def render(self) -> bytes:
        """The small page: process, loop, fleet, streams; family by family, to hold nobody up."""
        page = []
        for family in self._registry.collect():
            page.append(generate_latest(_Family(family)))
            await asyncio.sleep(0)
        return b"".join(page)

    async def render_channels(self) -> bytes:
        """The page of all channels."""
        return await self._page.render()


class _Family(CollectorRegistry):
    """One family of metrics, to be written by itself."""

    def __init__(self, family: Metric) -> None:
        super().__init__()
        self._family = family

    def collect(self) -> Iterable[Metric]:
        return [self._family]
