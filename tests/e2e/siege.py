"""A service besieged by clients that cost without asking for anything: slow ones, and too many."""

import asyncio
import itertools
import random
import re
import socket
import ssl
import statistics
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import aiohttp
import psutil

from tests.programs import (
    VIDGATE,
    Program,
    Service,
    running,
    running_fleet,
    running_service,
    service_environment,
    tls_settings,
)

DRIP = 1.0  # seconds between two bytes of a slow client
RATE = 200  # questions of others a second
PENDING = 64  # of them at once at most; who must wait for that waits for the service
ADDRESSES = 8  # from which the besiegers come: one alone would be stopped by its share
WHOLE = "/api/v1/channels"  # asked for once a second, as by a console that is opened
PAGES = ("/api/v1/channels?limit=50", "/api/v1/channels?q=cgz&limit=50")
Request = tuple[bytes | None, bool]
"""What a slow client sends (None: it says nothing, no handshake), and whether it drips on."""


@dataclass
class Besieged:
    """What it was like: seconds until each slow client was cut, and others' waiting."""

    cut: list[float] = field(default_factory=list)
    waits: dict[str, list[float]] = field(
        default_factory=lambda: {WHOLE: [], **{p: [] for p in PAGES}}
    )
    refused: int = 0
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Questions of others that were answered a second."""
        return sum(map(len, self.waits.values())) / self.seconds

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


@asynccontextmanager
async def besiegeable(folder: Path, channels: int) -> AsyncIterator[tuple[Service, str]]:
    """A service that looks after so many cameras as it does by default, and an engineer's token."""
    settings = await tls_settings(folder / "data")
    async with (
        running_fleet(folder, channels) as fleet,
        running_service(folder / "data", settings) as service,
    ):
        await service.cli("channel", "import", str(fleet.register))
        token = (await service.cli_json("token", "create", "--role", "engineer"))["token"]
        yield service, token


@dataclass(frozen=True)
class Door:
    """A port of the service; `tls` where HTTPS is spoken."""

    address: tuple[str, int]
    tls: ssl.SSLContext | None = None

    @classmethod
    async def https(cls, service: Service) -> Self:
        """The service's HTTPS port, with trust in its certificate."""
        context = ssl.create_default_context(cafile=service.env["VIDGATE__HTTP__TLS__CA"])
        return cls(await service.https(), context)

    @property
    def url(self) -> str:
        """What requests begin with."""
        host, port = self.address
        return f"{'https' if self.tls else 'http'}://{host}:{port}"


async def besiege(
    service: Service, token: str, clients: int, *, door: Door | None = None
) -> Besieged:
    """So many slow clients at once, as many of each kind; others list and search meanwhile."""
    door = door or Door(_address(service))
    found = Besieged()
    kinds = _kinds(door, token)
    held = _Held(service)
    async with asyncio.TaskGroup() as group:
        beside = [group.create_task(held.look()), group.create_task(_ask(door, token, found))]
        slow = [
            group.create_task(_slow(door, number, kinds[number % len(kinds)], found, held))
            for number in range(clients)
        ]
        await asyncio.wait(slow)
        for task in beside:
            task.cancel()
    return found


def _address(service: Service) -> tuple[str, int]:
    host, _, port = service.url.removeprefix("http://").partition(":")
    return host, int(port)


def _kinds(door: Door, token: str) -> Sequence[Request]:
    host = door.address[0]
    signed = f"Host: {host}\r\nAuthorization: Bearer {token}\r\n"
    kinds: list[Request] = [
        (f"GET / HTTP/1.1\r\nHost: {host}\r\nX-Slow: ".encode(), True),
        (
            f"POST /api/v1/channels/import?filename=a.csv HTTP/1.1\r\n{signed}"
            "Content-Length: 5000000\r\n\r\nid,name".encode(),
            True,
        ),
        (f"GET {WHOLE} HTTP/1.1\r\n{signed}\r\n".encode(), False),
    ]
    return [(None, False), *kinds] if door.tls else kinds


class _Line:
    """A client's end of a connection, which reads no answer: of TLS only the handshake."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._tls: ssl.SSLObject | None = None
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()

    async def secure(self, context: ssl.SSLContext, name: str) -> None:
        """Have the handshake."""
        loop = asyncio.get_running_loop()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await loop.sock_sendall(self._sock, self._outgoing.read())
                if not (data := await loop.sock_recv(self._sock, 4096)):
                    raise ConnectionResetError("no handshake") from None
                self._incoming.write(data)
            else:
                return

    def send(self, data: bytes) -> None:
        """Say that, in one packet."""
        if self._tls is not None:
            self._tls.write(data)
            data = self._outgoing.read()
        self._sock.send(data)


async def _slow(door: Door, number: int, kind: Request, found: Besieged, held: "_Held") -> None:
    request, drips = kind
    loop = asyncio.get_running_loop()
    with socket.socket() as sock:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.bind((f"127.0.0.{10 + number % ADDRESSES}", 0))
        await loop.sock_connect(sock, door.address)
        started = loop.time()
        line = _Line(sock)
        with suppress(ConnectionError):
            if request is not None and door.tls is not None:
                await line.secure(door.tls, door.address[0])
            if request is not None:
                line.send(request)
        looks = held.looks
        while held.looks < looks + 2 or sock.getsockname() in held.peers:
            await asyncio.sleep(DRIP * (0.5 + random.random()))
            if drips:
                with suppress(OSError):
                    line.send(b"a")
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


async def _ask(door: Door, token: str, found: Besieged) -> None:
    """Others' questions, each at its time, however long those before it take."""
    headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "gzip"}
    loop = asyncio.get_running_loop()
    started = loop.time()
    free = asyncio.Semaphore(PENDING)
    connector = aiohttp.TCPConnector(limit=PENDING, ssl=door.tls or True)
    try:
        async with (
            aiohttp.ClientSession(door.url, headers=headers, connector=connector) as http,
            asyncio.TaskGroup() as group,
        ):
            for number in itertools.count():
                due = started + number / RATE
                await asyncio.sleep(max(0.0, due - loop.time()))
                await free.acquire()
                path = PAGES[number % len(PAGES)] if number % RATE else WHOLE
                asked = group.create_task(_ask_once(http, path, due, found))
                asked.add_done_callback(lambda _: free.release())
    finally:
        found.seconds = loop.time() - started


async def _ask_once(http: aiohttp.ClientSession, path: str, due: float, found: Besieged) -> None:
    async with http.get(path) as response:
        await response.read()
        found.refused += response.status != 200
    # From when it was due: what a slow answer holds up has waited too.
    found.waits[path].append(asyncio.get_running_loop().time() - due)


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
