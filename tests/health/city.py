"""A real fleet in a child process, and the health service over it: what tests and soaks share."""

import asyncio
import json
import os
import resource
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp

from tests.health.fakes import FakeRegister, FakeStore
from tests.programs import running_fleet
from vidgate.aio.bus import Bus
from vidgate.aio.clock import SystemClock
from vidgate.health.limits import PlatformSlots
from vidgate.health.prober import Prober
from vidgate.health.service import HealthService
from vidgate.media.hub import Hub
from vidgate.media.source import Source
from vidgate.model.channel import Channel, Login
from vidgate.model.event import Event
from vidgate.model.health import Level, ProbeResult
from vidgate.model.media import StreamKey
from vidgate.operations.sources import device_of
from vidgate.registry.routes import Route, Way
from vidgate.rtsp.address import RtspAddress
from vidgate.rtsp.source import RtspSource
from vidgate.settings.tree import ProbeSettings
from vidgate.simulator import register as sample
from vidgate.wire.allowance import Allowance, Allowances

CLOCK = SystemClock()
PAGE = resource.getpagesize()


@dataclass
class City:
    """`ids` are the delivered channels; `events` every change of state that was told, with when."""

    http: aiohttp.ClientSession
    register: FakeRegister
    bus: Bus
    hub: Hub
    health: HealthService
    ids: list[str]
    seconds: dict[str, float] = field(default_factory=dict)
    events: list[tuple[float, Event]] = field(default_factory=list)

    async def truth(self) -> dict[str, Any]:
        """What is true."""
        async with self.http.get("/truth") as answer:
            found: dict[str, Any] = await answer.json()
            return found

    async def load(self) -> dict[str, Any]:
        """How hard the fleet is asked; without the work that the whole truth makes it."""
        async with self.http.get("/load") as answer:
            found: dict[str, Any] = await answer.json()
            return found

    async def count_anew(self) -> None:
        """Let `load` tell of what comes from now on."""
        async with self.http.delete("/load") as answer:
            assert answer.status == 204

    async def break_all(self, ids: Iterable[str], fault: str) -> None:
        """The same fault for all of them."""
        plan = [{"channel": id_, "fault": fault} for id_ in ids]
        async with self.http.post("/faults", data=json.dumps(plan)) as answer:
            assert answer.status == 201, await answer.text()

    async def mend(self, ids: Iterable[str]) -> None:
        """Mend all of them."""
        for id_ in ids:
            async with self.http.delete(f"/faults/{id_}") as answer:
                assert answer.status == 204

    async def look(self, ids: Iterable[str], level: Level) -> dict[str, ProbeResult]:
        """A look at each now; `seconds` tells how long it took."""
        self.seconds.clear()
        return {one.channel: one async for one in self.health.run(list(ids), level)}

    def states(self, ids: Iterable[str]) -> Counter[str]:
        """How many are in which state."""
        return Counter(self.health.of(id_).state.label for id_ in ids)

    def noted(self, result: ProbeResult, seconds: float) -> None:
        """For `HealthService.on_probe`."""
        self.seconds[result.channel] = seconds

    async def listen(self) -> None:
        """Keep every change of state that is told."""
        async with self.bus.subscribe(("channel.state",)) as events:
            async for event in events:
                self.events.append((CLOCK.now(), event))


@asynccontextmanager
async def city(
    folder: Path, channels: int, settings: ProbeSettings, *options: str, slots: int = 16
) -> AsyncIterator[City]:
    """The fleet, and the service with those settings."""
    async with running_fleet(folder, channels, options=options) as fleet:
        rows = await asyncio.to_thread(sample.read, fleet.register)
        register, bus = FakeRegister.of_rows(rows, slots=slots), Bus()

        def source(key: StreamKey) -> Source:
            channel = register.channels[key.name.lower()]
            login = register.known.get(key.name.lower(), Login("", ""))
            address = RtspAddress(url=channel.url, login=login, stall_timeout=8.0)
            return RtspSource(address)

        allowances = Allowances()

        def allowance(channel: Channel) -> Allowance:
            login = register.known.get(channel.id.lower())
            return allowances.of(channel, login, device(channel))

        async def address(channel: Channel) -> RtspAddress:
            return replace(await register.address(channel), allowance=allowance(channel))

        prober = Prober(register, address, PlatformSlots(register), settings)
        prober.allowance = allowance
        async with (
            aiohttp.ClientSession(fleet.control) as http,
            Hub(source, bus) as hub,
            HealthService(register, hub, bus, prober, FakeStore(), settings) as health,
            asyncio.TaskGroup() as tasks,
        ):
            ids = [row["id"] for row in rows if row["url"]]
            made = City(http, register, bus, hub, health, ids)
            health.on_probe = made.noted
            listening = tasks.create_task(made.listen())
            yield made
            listening.cancel()


def device(channel: Channel) -> tuple[str, int] | None:
    """Where the channel's login is shown."""
    return device_of(Route(Way.OWN, "", channel.url))


def resident() -> int:
    """Bytes of memory that this process holds now."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * PAGE


def descriptors() -> int:
    """Descriptors that this process has open."""
    return len(os.listdir("/proc/self/fd"))
