"""Who takes all connections, and who does not read, costs nobody else anything."""

import asyncio
import resource
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.waiting import until
from tests.web.conftest import SETTINGS, Site
from vidgate.model.channel import Channel
from vidgate.model.user import Role
from vidgate.settings.tree import HttpSettings, Settings
from vidgate.web import doorman as doorman_module
from vidgate.web import server as server_module
from vidgate.web.server import WebServer

pytestmark = pytest.mark.usefixtures("no_descriptor_left")

GREETING = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
OTHER = "127.0.0.2"


@asynccontextmanager
async def connected(
    port: int, address: str = "127.0.0.1"
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """One connection from that address."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def greeted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """The first line that the server says."""
    writer.write(GREETING)
    async with asyncio.timeout(5):
        return await reader.readline()


@pytest.mark.usefixtures("few")
async def test_one_address_cannot_take_all_connections(site: Site) -> None:
    async with WebServer(site.fakes.parts(), SETTINGS) as small:
        told = []
        async with (
            connected(small.port) as a,
            connected(small.port) as b,
            connected(small.port) as c,
            connected(small.port) as d,
            connected(small.port) as e,
            connected(small.port, OTHER) as f,
        ):
            told = [await greeted(*one) for one in (a, b, c, d, e, f)]
        assert [line.split()[1] for line in told] == [b"200"] * 4 + [b"503", b"200"]


@pytest.mark.usefixtures("few")
async def test_a_proxy_speaks_for_many(site: Site) -> None:
    proxied = Settings(http=HttpSettings(port=0, host="127.0.0.1", trusted_proxies=["127.0.0.1"]))
    async with WebServer(site.fakes.parts(), proxied) as small:
        for _ in range(6):
            reader, writer = await asyncio.open_connection("127.0.0.1", small.port)
            assert (await greeted(reader, writer)).split()[1] == b"200"
            writer.transport.abort()


async def test_whoever_mends_things_gets_in(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "MAX_CONNECTIONS", 1)
    path = tmp_path / "v.sock"
    async with (
        WebServer(site.fakes.parts(), SETTINGS, socket=path) as full,
        connected(full.port) as one,
        connected(full.port) as two,
    ):
        assert (await greeted(*one)).split()[1] == b"200"
        assert (await greeted(*two)).split()[1] == b"503"
        reader, writer = await asyncio.open_unix_connection(str(path))
        assert (await greeted(reader, writer)).split()[1] == b"200"
        writer.transport.abort()


@pytest.fixture
def low() -> Iterator[None]:
    """A process that may open few files."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.usefixtures("low")
async def test_descriptors_are_left_for_the_cameras(site: Site) -> None:
    async with WebServer(site.fakes.parts(), SETTINGS) as small:
        held, lines = [], []
        for number in range(70):
            address = f"127.0.0.{2 + number % 8}"
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", small.port, local_addr=(address, 0)
            )
            held.append(writer)
            lines.append((await greeted(reader, writer)).split()[1])
        assert lines.count(b"200") == 64
        assert lines.count(b"503") == 6
        with socket.socket():  # there is room for a camera
            pass
        for writer in held:
            writer.transport.abort()

        await until(lambda: small.connections == 0)
        async with connected(small.port) as one:
            assert (await greeted(*one)).split()[1] == b"200"


async def test_who_does_not_read_the_answer_is_let_go(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doorman_module, "UNREAD", 0.2)
    monkeypatch.setattr(server_module, "LOOK", 0.05)
    token = site.bearer(Role.VIEWER)["Authorization"]
    many = (Channel(id=f"c{number}", name="很长的名称" * 20) for number in range(20_000))
    site.fakes.registry.channels |= {one.id: one for one in many}
    request = f"GET /api/v1/channels HTTP/1.1\r\nHost: a\r\nAuthorization: {token}\r\n\r\n"
    async with WebServer(site.fakes.parts(), SETTINGS) as server:
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(sock, ("127.0.0.1", server.port))
            await loop.sock_sendall(sock, request.encode())
            await until(lambda: server.connections == 1)
            await until(lambda: server.connections == 0)
        async with connected(server.port) as one:
            assert (await greeted(*one)).split()[1] == b"200"
