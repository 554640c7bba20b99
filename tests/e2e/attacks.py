"""A running service under attack: what reaches those who only want to watch."""

import asyncio
import os
import statistics
import struct
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from socket import AF_INET, SOCK_DGRAM, socket
from typing import Protocol

import aiohttp
import psutil

from tests.e2e.cycles import PACKET_TIMEOUT, delivered, viewers_of
from tests.programs import Service, running_fleet, running_service
from vidgate.aio.supervisor import cancel_and_wait
from vidgate.errors import RemoteError
from vidgate.simulator.viewers import Counts, LightViewer
from vidgate.webrtc.dtls import Certificate

CHANNELS = 4
AS_SDP = {"Content-Type": "application/sdp"}
STRANGER = "127.0.0.9"
OTHER = "127.0.0.2"
CONNECTIONS = 64  # of the flood of offers
GAP = 0.005  # seconds between two looks at what a viewer has
ASKS = 0.1  # seconds between two offers of somebody else
QUIET = 45.0  # seconds at most for what was before to be over
BURST = 0.01  # seconds between two bursts of garbage
COOKIE = 0x2112A442
HELLO = bytes.fromhex("16feff00000000000000000032010000260000000000000026fefd") + bytes(64)


@dataclass
class Target:
    """The service, with a token for each who asks."""

    service: Service
    channels: list[str]
    tokens: Mapping[str, str]
    certificate: Certificate = field(default_factory=Certificate.generateCertificate)

    @property
    def media(self) -> tuple[str, int]:
        """The UDP port."""
        host, _, port = self.service.webrtc.rpartition(":")
        return host if host != "0.0.0.0" else "127.0.0.1", int(port)

    @property
    def process(self) -> psutil.Process:
        """The service's."""
        return psutil.Process(self.service.program.process.pid)

    @asynccontextmanager
    async def client(self, who: str, address: str = OTHER) -> AsyncIterator[aiohttp.ClientSession]:
        """A client of that name, from that address."""
        connector = aiohttp.TCPConnector(local_addr=(address, 0))
        headers = {"Authorization": f"Bearer {self.tokens[who]}"}
        async with aiohttp.ClientSession(
            self.service.url, headers=headers, connector=connector
        ) as http:
            yield http

    @asynccontextmanager
    async def playing(self, http: aiohttp.ClientSession, channel: int = 0) -> AsyncIterator[Counts]:
        """A viewer who watches all the while, without anything lost."""
        async with LightViewer(self.certificate) as viewer:
            assert await watch(http, viewer, self.channels[channel]) is not None
            yield viewer.counts


async def watch(http: aiohttp.ClientSession, viewer: LightViewer, channel: str) -> str | None:
    """Offer, connect, see the first packet; the session's address, None when it did not come."""
    async with http.post(f"/whep/{channel}", data=viewer.offer, headers=AS_SDP) as response:
        answer = await response.text()
        if response.status != 201:
            return None
        location = response.headers["Location"]
    with suppress(RemoteError, TimeoutError):
        await viewer.connect(answer)
        async with asyncio.timeout(PACKET_TIMEOUT):
            await viewer.pictured.wait()
        return location
    return None


@asynccontextmanager
async def attacked(
    folder: Path, settings: Mapping[str, str] | None = None
) -> AsyncIterator[Target]:
    """A service with a few cameras and, but for background probing, the default settings."""
    quiet = {"VIDGATE__PROBE__ENABLED": "false"}
    async with (
        running_fleet(folder, CHANNELS) as fleet,
        running_service(folder / "data", quiet | dict(settings or {})) as service,
    ):
        await service.cli("channel", "import", str(fleet.register))
        channels = await delivered(fleet)
        tokens = {
            who: (await service.cli_json("token", "create", "--role", "viewer"))["token"]
            for who in ("watcher", "other", "flooder")
        }
        yield Target(service, channels, tokens)


# -- offers --------------------------------------------------------------------------------------


@dataclass
class Flooded:
    """What a flood of offers did; times in seconds."""

    sent: int = 0
    seconds: float = 0.0
    statuses: Counter[str] = field(default_factory=Counter)
    others: list[float] = field(default_factory=list)  # from an offer to its answer
    refused: int = 0  # others' offers
    lost: int = 0  # packets of who was watching
    packets: int = 0
    longest_gap: float = 0.0

    @property
    def others_p95(self) -> float:
        """The 95th percentile of others' waiting."""
        return statistics.quantiles(self.others, n=20)[-1]


async def flood_offers(target: Target, rate: int, seconds: float, offer: str) -> Flooded:
    """One user at one address sends `rate` offers a second; another asks now and then."""
    found = Flooded()
    async with target.client("watcher") as http, target.playing(http) as counts:
        before = counts.packets
        watching = asyncio.create_task(watch_gaps(counts, found))
        asking = asyncio.create_task(_ask(target, found))
        started = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number in range(CONNECTIONS):
                group.create_task(_flood(target, rate / CONNECTIONS, seconds, offer, number, found))
        found.seconds = time.monotonic() - started
        await cancel_and_wait(asking, watching)
        found.packets, found.lost = counts.packets - before, counts.lost
    return found


async def _flood(
    target: Target, rate: float, seconds: float, offer: str, number: int, found: Flooded
) -> None:
    """One connection that sends at a steady rate and reads what it is told."""
    host, _, port = target.service.url.removeprefix("http://").partition(":")
    body = offer.encode()
    request = (
        f"POST /whep/{target.channels[number % len(target.channels)]} HTTP/1.1\r\nHost: {host}\r\n"
        f"Authorization: Bearer {target.tokens['flooder']}\r\nContent-Type: application/sdp\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body
    loop = asyncio.get_running_loop()
    started, sent = loop.time(), 0
    while loop.time() - started < seconds:
        reader, writer = await asyncio.open_connection(host, int(port), local_addr=(STRANGER, 0))
        try:
            while loop.time() - started < seconds:
                await asyncio.sleep(max(0.0, started + sent / rate - loop.time()))
                writer.write(request)
                sent += 1
                found.sent += 1
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                found.statuses[head.split(" ", 2)[1]] += 1
                length = head.lower().partition("content-length:")[2].partition("\r\n")[0]
                await reader.readexactly(int(length or 0))
        except (asyncio.IncompleteReadError, ConnectionError):
            found.statuses["closed"] += 1
        finally:
            writer.close()


async def _ask(target: Target, found: Flooded) -> None:
    """Somebody else who opens and closes pictures all the time."""
    async with target.client("other") as http:
        while True:
            async with LightViewer(target.certificate) as viewer:
                started = time.monotonic()
                channel = target.channels[1]
                async with http.post(
                    f"/whep/{channel}", data=viewer.offer, headers=AS_SDP
                ) as response:
                    await response.read()
                    found.others.append(time.monotonic() - started)
                    if response.status != 201:
                        found.refused += 1
                        continue
                    location = response.headers["Location"]
            async with http.delete(location):
                pass
            await asyncio.sleep(ASKS)


class Gaps(Protocol):
    """Whatever notes them."""

    longest_gap: float


async def watch_gaps(counts: Counts, found: Gaps) -> None:
    """Note the longest time without a packet."""
    seen, since = counts.packets, time.monotonic()
    while True:
        await asyncio.sleep(GAP)
        now = time.monotonic()
        if counts.packets != seen:
            seen, since = counts.packets, now
        found.longest_gap = max(found.longest_gap, now - since)


# -- datagrams -----------------------------------------------------------------------------------


@dataclass
class Bombarded:
    """What garbage did: cores used before and under it, memory in bytes."""

    sent: int = 0
    seconds: float = 0.0
    before: float = 0.0
    under: float = 0.0
    growth: int = 0
    lost: int = 0
    packets: int = 0
    joined: list[float] = field(default_factory=list)  # seconds to the first picture of newcomers


def _filled(kind: int, attribute: bytes, size: int) -> bytes:
    body = attribute * ((size - 20) // len(attribute))
    return struct.pack("!HHI", kind, len(body), COOKIE) + os.urandom(12) + body


def _like_stun() -> list[bytes]:
    mapped = struct.pack("!HHBBHI", 0x20, 8, 0, 1, 5, 7)
    named = struct.pack("!HH", 6, 9) + b"nobody:me\0\0\0"
    return [
        _filled(0x0001, mapped, 1400),  # dear to take apart
        _filled(0x0001, mapped, 540),
        _filled(0x0001, named, 1400),
        _filled(0x0001, named, 100),
        _filled(0x0101, mapped, 1400),  # an answer to nothing
        _filled(0x0011, mapped, 1400),  # an indication
        bytes((0, 1)) + os.urandom(200),
    ]


RTP = [bytes((0x80, 96)) + os.urandom(200 + 10 * n) for n in range(64)]
LIKE_STUN = _like_stun()


async def bombard(
    target: Target,
    rate: int,
    seconds: float,
    loads: Sequence[bytes] = RTP,
    *,
    has_newcomers: bool = False,
) -> Bombarded:
    """A stranger sends garbage to the media port while somebody watches.

    Newcomers come before as well, so that what they cost is no part of the difference.
    """
    found = Bombarded()
    await until_gone(target, QUIET)
    async with target.client("watcher") as http, target.playing(http) as counts:
        calm = min(seconds, 10.0)
        await asyncio.sleep(calm)  # joining is over
        coming = asyncio.create_task(_come_and_go(target, found)) if has_newcomers else None
        used = _cpu(target)
        await asyncio.sleep(calm)
        found.before = (_cpu(target) - used) / calm
        memory, used, packets = target.process.memory_info().rss, _cpu(target), counts.packets
        found.joined.clear()
        found.sent, found.seconds = await _send_garbage(target, rate, seconds, loads)
        await cancel_and_wait(coming)
        found.under = (_cpu(target) - used) / found.seconds
        found.growth = target.process.memory_info().rss - memory
        found.packets, found.lost = counts.packets - packets, counts.lost
    return found


async def _come_and_go(target: Target, found: Bombarded) -> None:
    """Newcomers, one after the other, who look at what is watched already."""
    async with target.client("other") as http:
        while True:
            started = time.monotonic()
            async with LightViewer(target.certificate) as viewer:
                location = await watch(http, viewer, target.channels[0])
                found.joined.append(inf if location is None else time.monotonic() - started)
            await asyncio.sleep(1.0)


def _cpu(target: Target) -> float:
    times = target.process.cpu_times()
    return float(times.user + times.system)


async def _send_garbage(
    target: Target, rate: int, seconds: float, loads: Sequence[bytes]
) -> tuple[int, float]:
    """By a process of its own, so that neither hinders the other's counting."""
    code = (
        "import socket, sys, time\n"
        "host, port, rate, seconds = sys.argv[1], *map(float, sys.argv[2:])\n"
        "sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        f"sock.bind(({STRANGER!r}, 0))\n"
        "loads = [bytes.fromhex(line) for line in sys.stdin]\n"
        "started, sent = time.monotonic(), 0\n"
        "while (passed := time.monotonic() - started) < seconds:\n"
        "    while sent < passed * rate:\n"
        "        sock.sendto(loads[sent % len(loads)], (host, int(port)))\n"
        "        sent += 1\n"
        f"    time.sleep({BURST})\n"
        "print(sent, time.monotonic() - started)\n"
    )
    host, port = target.media
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code, host, str(port), str(rate), str(seconds)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate("\n".join(load.hex() for load in loads).encode())
    sent, passed = out.split()
    return int(sent), float(passed)


async def race(target: Target, count: int) -> int:
    """How many of `count` viewers connect while a stranger sends empty datagrams and hellos."""
    connected = 0
    with socket(AF_INET, SOCK_DGRAM) as stranger:
        stranger.bind((STRANGER, 0))
        flood = asyncio.create_task(_interfere(stranger, target.media))
        try:
            async with target.client("other") as http:
                for number in range(count):
                    async with LightViewer(target.certificate) as viewer:
                        channel = target.channels[number % len(target.channels)]
                        location = await watch(http, viewer, channel)
                        connected += location is not None and viewer.counts.forged == 0
        finally:
            await cancel_and_wait(flood)
    return connected


async def _interfere(stranger: socket, target: tuple[str, int]) -> None:
    while True:
        for data in (b"", HELLO, HELLO[:13], b"\x80" + os.urandom(40), bytes(20)):
            stranger.sendto(data, target)
        await asyncio.sleep(0.001)


# -- silence -------------------------------------------------------------------------------------


async def until_gone(target: Target, timeout: float) -> float:
    """Seconds until nobody watches any more; `timeout` when somebody still does."""
    started = time.monotonic()
    async with target.client("other") as http:
        while time.monotonic() - started < timeout:
            if await viewers_of(http) == 0:
                break
            await asyncio.sleep(0.1)
    return time.monotonic() - started


async def stop_reading(target: Target, viewers: int, seconds: float) -> float:
    """Bytes that the service grew by for each viewer who says that he lives and reads nothing."""
    async with target.client("other") as http:
        everyone = [LightViewer(target.certificate) for _ in range(viewers)]
        memory = 0
        for viewer in everyone:
            await viewer.__aenter__()
        try:
            for number, viewer in enumerate(everyone):
                channel = target.channels[number % len(target.channels)]
                assert await watch(http, viewer, channel) is not None
            memory = target.process.memory_info().rss
            for viewer in everyone:
                viewer.stop_reading()
            await asyncio.sleep(seconds)
            assert await viewers_of(http) == viewers
            return (target.process.memory_info().rss - memory) / viewers
        finally:
            for viewer in everyone:
                viewer.vanish()
                await viewer.__aexit__(None, None, None)
