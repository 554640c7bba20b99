"""Viewers that come and go, from a running service's point of view: what does each leave behind?

A cycle is an offer, DTLS and at least one authentic packet; then half of the viewers say goodbye
by DELETE, the others vanish without a word. Half of the cameras are dead at any time, turn about,
so that sessions lose their source in the middle and offers meet sources that are not there.
"""

import asyncio
import csv
import io
import random
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import psutil

from tests.programs import RunningFleet, Service, running_fleet, running_service
from vidgate.aio.supervisor import cancel_and_wait
from vidgate.errors import RemoteError
from vidgate.simulator.viewers import LightViewer
from vidgate.webrtc.dtls import Certificate

CHANNELS = 16
AT_ONCE = 24
SWAP = 3.0  # seconds that one half of the cameras is dead
HOLD = 1.0  # seconds that a viewer stays, at most
PACKET_TIMEOUT = 5.0  # seconds for the first packet; a source may die before it
STEADY = 20.0  # seconds without shrinking; a worker without work lives for 15
SETTLE = 90.0  # seconds for the service to forget everybody after the last cycle
PACE = 0.05
BURST = 2 * AT_ONCE  # requests at once
BURSTS = 10
VIEWERS = 'vidgate_viewers{transport="webrtc"}'


@dataclass(frozen=True, slots=True)
class Footprint:
    """What the service holds; memory in bytes."""

    memory: int
    descriptors: int
    threads: int
    tasks: int
    viewers: int

    def is_back(self, base: "Footprint") -> bool:
        """Whether all but the memory is no more than it was."""
        return (
            self.viewers == 0
            and self.descriptors <= base.descriptors
            and self.threads <= base.threads
            and self.tasks <= base.tasks
        )


@dataclass
class Stage:
    """The service, its cameras, and a client with a token."""

    service: Service
    fleet: RunningFleet
    http: aiohttp.ClientSession
    channels: list[str]
    certificate: Certificate = field(default_factory=Certificate.generateCertificate)
    outcomes: Counter[str] = field(default_factory=Counter)
    chance: random.Random = field(default_factory=lambda: random.Random(4))

    async def footprint(self) -> Footprint:
        """Look at the process, then at its metrics: the question itself takes a descriptor."""
        process = psutil.Process(self.service.program.process.pid)
        with process.oneshot():
            memory = process.memory_info().rss
            descriptors, threads = process.num_fds(), process.num_threads()
        page = await _metrics(self.http)
        return Footprint(
            memory=memory,
            descriptors=descriptors,
            threads=threads,
            tasks=_value(page, "vidgate_event_loop_tasks"),
            viewers=_value(page, VIEWERS),
        )

    async def fill_pools(self) -> None:
        """Have the service make what it makes when first wanted and then keeps: its connections to
        the database and its threads. Else the one that some moment wants in addition would be
        taken for one that was left behind.
        """

        async def ask(path: str) -> None:
            async with self.http.get(path) as response:
                await response.read()

        for path in BURSTS * ("/readyz", "/api/v1/channels"):
            async with asyncio.TaskGroup() as group:
                for _ in range(BURST):
                    group.create_task(ask(path))

    async def settled(
        self, base: Footprint | None = None, *, steady_for: float = STEADY
    ) -> Footprint:
        """The footprint once nobody watches and, with `base`, all is back; else the last one.

        Without `base` it is the one that has not shrunk for so many seconds.
        """
        loop = asyncio.get_running_loop()
        deadline, steady = loop.time() + SETTLE, loop.time()
        before = now = await self.footprint()
        while loop.time() < deadline:
            if now.viewers or now.descriptors < before.descriptors or now.tasks < before.tasks:
                steady = loop.time()
            if now.is_back(base) if base is not None else loop.time() - steady > steady_for:
                break
            await asyncio.sleep(PACE * 10)
            before, now = now, await self.footprint()
        return now

    async def cycles(self, count: int) -> None:
        """Make so many whole cycles; `outcomes` tells of these and of all attempts."""
        goal = self.outcomes["whole"] + count
        swapping = asyncio.create_task(self._swap())
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(AT_ONCE, count)):
                    group.create_task(self._watch_on(goal))
        finally:
            await cancel_and_wait(swapping)
            await self._kill(self.channels, alive=True)

    async def _watch_on(self, goal: int) -> None:
        while self.outcomes["whole"] < goal:
            outcome = await self._cycle(self.chance.choice(self.channels))
            self.outcomes[outcome] += 1
            if outcome != "whole":
                await asyncio.sleep(PACE)  # a refusal costs nothing: dead sources are not all

    async def _cycle(self, channel: str) -> str:
        came = asyncio.Event()
        async with LightViewer(self.certificate, on_payload=lambda *_: came.set()) as viewer:
            async with self.http.post(
                f"/whep/{channel}",
                data=viewer.offer,
                headers={"Content-Type": "application/sdp"},
            ) as response:
                text = await response.text()
                if response.status != 201:
                    return f"refused {response.status}"
                location = response.headers["Location"]
            with suppress(RemoteError, TimeoutError):
                await viewer.connect(text)
                async with asyncio.timeout(PACKET_TIMEOUT):
                    await came.wait()
            await asyncio.sleep(self.chance.random() * HOLD if came.is_set() else 0)
            if self.chance.random() < 0.5:
                async with self.http.delete(location) as response:
                    self.outcomes[f"goodbye {response.status}"] += 1
            else:
                self.outcomes["vanished"] += 1
                viewer.vanish()
        return "whole" if came.is_set() else "no packet"

    async def _swap(self) -> None:
        half = len(self.channels) // 2
        turns = self.channels[:half], self.channels[half:]
        while True:
            for dead, alive in (turns, turns[::-1]):
                await self._kill(alive, alive=True)
                await self._kill(dead, alive=False)
                await asyncio.sleep(SWAP)

    async def _kill(self, channels: list[str], *, alive: bool) -> None:
        async with aiohttp.ClientSession(self.fleet.control) as control:
            if alive:
                for channel in channels:
                    async with control.delete(f"/faults/{channel}"):
                        pass
            else:
                plan = [{"channel": channel, "fault": "down"} for channel in channels]
                async with control.post("/faults", json=plan) as response:
                    assert response.status == 201, await response.text()


async def viewers_of(http: aiohttp.ClientSession) -> int:
    """How many watch, by the service's metrics."""
    return _value(await _metrics(http), VIEWERS)


async def _metrics(http: aiohttp.ClientSession) -> str:
    async with http.get("/metrics") as response:
        return await response.text()


def _value(page: str, name: str) -> int:
    found = re.search(rf"^{re.escape(name)} (\S+)$", page, re.MULTILINE)
    assert found is not None, f"no {name}"
    return int(float(found[1]))


@asynccontextmanager
async def staged(folder: Path, *, silence: float) -> AsyncIterator[Stage]:
    """A service whose viewers are thought dead after `silence` seconds, and its cameras."""
    settings = {
        "VIDGATE__PROBE__ENABLED": "false",
        "VIDGATE__MEDIA__IDLE_STOP": "0.5",
        "VIDGATE__WEBRTC__SILENCE_TIMEOUT": str(silence),
        "VIDGATE__WEBRTC__OFFERS": "1000000",
        "VIDGATE__WEBRTC__MAX_USER_SESSIONS": "2000",
    }
    async with (
        running_fleet(folder, CHANNELS) as fleet,
        running_service(folder / "data", settings) as service,
    ):
        await service.cli("channel", "import", str(fleet.register))
        channels = await delivered(fleet)
        token = (await service.cli_json("token", "create", "--role", "viewer"))["token"]
        async with aiohttp.ClientSession(
            service.url,
            headers={"Authorization": f"Bearer {token}"},
            # Connections that are kept would be counted among the service's, and each look takes
            # another one of them, so that none falls idle: two looks could differ by them alone.
            connector=aiohttp.TCPConnector(limit=2 * AT_ONCE, force_close=True),
        ) as http:
            stage = Stage(service, fleet, http, channels)
            await stage.fill_pools()
            yield stage


async def delivered(fleet: RunningFleet) -> list[str]:
    """The ids of the cameras that there are; the register also has planned ones."""
    text = await asyncio.to_thread(fleet.register.read_text, "utf-8-sig")
    return [row["id"] for row in csv.DictReader(io.StringIO(text)) if row["lifecycle"] != "planned"]
