"""A service besieged by clients that cost without asking for anything: slow ones, and too many."""

import asyncio
import random
import re
import socket
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import psutil

from tests.programs import VIDGATE, Program, Service, running, service_environment

DRIP = 1.0  # seconds between two bytes of a slow client
ASKS = 0.05  # seconds between two questions of somebody else
ADDRESSES = 8  # from which the besiegers come: one alone would be stopped by its share
SEARCHES = ("/api/v1/channels", "/api/v1/channels?q=cgz&limit=50")


@dataclass
class Besieged:
    """What it was like: seconds until each slow client was cut, and others' waiting."""

    cut: list[float] = field(default_factory=list)
    waits: dict[str, list[float]] = field(default_factory=dict)
    refused: int = 0

    def p95(self, path: str) -> float:
        """The 95th percentile of the seconds that a question took."""
        return statistics.quantiles(self.waits[path], n=20)[-1]


@asynccontextmanager
async def confined(
    folder: Path, descriptors: int, settings: Mapping[str, str] | None = None
) -> AsyncIterator[Service]:
    """A service that may open so few files and cannot raise that."""
    quiet = {"VIDGATE__PROBE__ENABLED": "false"}
    env = service_environment(folder, quiet | dict(settings or {}))
    limit = f"--nofile={descriptors}:{descriptors}"
    async with running("prlimit", limit, *VIDGATE, "serve", env=env) as program:
        ready = await program.says(r"vidgate ready http=(\S+) webrtc=(\S+)")
        yield Service(program, env, f"http://{ready[1]}", _password(program), ready[2])


def _password(program: Program) -> str:
    found = re.search(r"admin password: (\S+)", program.text)
    return found[1] if found else ""


async def besiege(service: Service, token: str, clients: int) -> Besieged:
    """So many slow clients at once, a third of each kind; somebody else lists and searches."""
    found = Besieged(waits={path: [] for path in SEARCHES})
    address = _address(service)
    kinds = _kinds(address[0], token)
    held = _Held(service)
    async with asyncio.TaskGroup() as group:
        beside = [group.create_task(held.look()), group.create_task(_ask(service, token, found))]
        slow = [
            group.create_task(_slow(address, number, kinds[number % len(kinds)], found, held))
            for number in range(clients)
        ]
        await asyncio.wait(slow)
        for task in beside:
            task.cancel()
    return found


def _address(service: Service) -> tuple[str, int]:
    host, _, port = service.url.removeprefix("http://").partition(":")
    return host, int(port)


def _kinds(host: str, token: str) -> Sequence[tuple[bytes, bool]]:
    """What each kind sends at once, and whether it drips on; who does not, does not read."""
    signed = f"Host: {host}\r\nAuthorization: Bearer {token}\r\n"
    return (
        (f"GET / HTTP/1.1\r\nHost: {host}\r\nX-Slow: ".encode(), True),
        (
            f"POST /api/v1/channels/import?filename=a.csv HTTP/1.1\r\n{signed}"
            "Content-Length: 5000000\r\n\r\nid,name".encode(),
            True,
        ),
        (f"GET /api/v1/channels HTTP/1.1\r\n{signed}\r\n".encode(), False),
    )


async def _slow(
    address: tuple[str, int], number: int, kind: tuple[bytes, bool], found: Besieged, held: "_Held"
) -> None:
    request, drips = kind
    loop = asyncio.get_running_loop()
    with socket.socket() as sock:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.bind((f"127.0.0.{10 + number % ADDRESSES}", 0))
        await loop.sock_connect(sock, address)
        started = loop.time()
        with suppress(ConnectionError):
            await loop.sock_sendall(sock, request)
        looks = held.looks
        while held.looks < looks + 2 or sock.getsockname() in held.peers:
            await asyncio.sleep(DRIP * (0.5 + random.random()))
            if drips:
                with suppress(OSError):
                    sock.send(b"a")
        found.cut.append(held.gone.get(sock.getsockname(), loop.time()) - started)


class _Held:
    """Whom the service holds connections with. The system's word: who does not read hears none."""

    def __init__(self, service: Service) -> None:
        self.peers: set[tuple[str, int]] = set()
        self.gone: dict[object, float] = {}  # when a look first missed them, by the loop's time
        self._process = psutil.Process(service.program.process.pid)
        self.looks = 0

    async def look(self) -> None:
        """Look, again and again."""
        while True:
            found = await asyncio.to_thread(self._process.net_connections, "tcp")
            peers = {(one.raddr.ip, one.raddr.port) for one in found if one.status != "LISTEN"}
            now = asyncio.get_running_loop().time()
            self.gone.update(dict.fromkeys(self.peers - peers, now))
            self.peers = peers
            self.looks += 1
            await asyncio.sleep(0.5)


async def _ask(service: Service, token: str, found: Besieged) -> None:
    headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "gzip"}
    async with aiohttp.ClientSession(service.url, headers=headers) as http:
        while True:
            for path in SEARCHES:
                started = time.monotonic()
                async with http.get(path) as response:
                    await response.read()
                    found.refused += response.status != 200
                found.waits[path].append(time.monotonic() - started)
            await asyncio.sleep(ASKS)


@asynccontextmanager
async def crowd(service: Service, clients: int) -> AsyncIterator[Counter[str]]:
    """So many connections at once that have asked once and stay; what each was told."""
    host, port = _address(service)
    told: Counter[str] = Counter()
    writers: list[asyncio.StreamWriter] = []
    try:
        for number in range(clients):
            source = f"127.0.0.{10 + number % ADDRESSES}"
            reader, writer = await asyncio.open_connection(host, port, local_addr=(source, 0))
            writers.append(writer)
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            try:
                async with asyncio.timeout(5):
                    told[(await reader.readline()).decode().partition(" ")[2][:3]] += 1
            except (TimeoutError, ConnectionError):
                told["none"] += 1
        yield told
    finally:
        for writer in writers:
            writer.transport.abort()


@asynccontextmanager
async def silent_crowd(address: tuple[str, int], clients: int) -> AsyncIterator[Callable[[], int]]:
    """So many connections at once that say nothing, no handshake; how many have been ended."""
    everyone = []
    try:
        for number in range(clients):
            source = f"127.0.0.{10 + number % ADDRESSES}"
            everyone.append(await asyncio.open_connection(*address, local_addr=(source, 0)))
        yield lambda: sum(reader.at_eof() or bool(reader.exception()) for reader, _ in everyone)
    finally:
        for _, writer in everyone:
            writer.transport.abort()
