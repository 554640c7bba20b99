import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from tests.waiting import until
from vidgate.simulator.impairment import Impairment
from vidgate.simulator.proxies import TcpProxy, UdpProxy

pytestmark = pytest.mark.usefixtures("no_descriptor_left")


class Echo(asyncio.DatagramProtocol):
    """Sends back what comes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.transport.sendto(data, addr)  # type: ignore[attr-defined]


@asynccontextmanager
async def udp_echo() -> AsyncIterator[tuple[str, int]]:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Echo, local_addr=("127.0.0.1", 0))
    try:
        yield transport.get_extra_info("sockname")
    finally:
        transport.close()


@pytest.fixture
def client() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        yield sock


async def echoes(
    sock: socket.socket, to: tuple[str, int], count: int, *, settled: float = 0.2
) -> list[int]:
    """Send numbers and return those that came back, until nothing comes any more."""
    for number in range(count):
        sock.sendto(number.to_bytes(2, "big"), to)
        if number % 50 == 0:
            await asyncio.sleep(0.001)
    loop = asyncio.get_running_loop()
    found: list[int] = []
    try:
        while True:
            async with asyncio.timeout(settled):
                found.append(int.from_bytes(await loop.sock_recv(sock, 64), "big"))
    except TimeoutError:
        return found


async def test_a_good_proxy_passes_everything(client: socket.socket) -> None:
    async with udp_echo() as server, UdpProxy(server) as proxy:
        assert await echoes(client, proxy.address, 200) == list(range(200))


async def test_a_bad_proxy_loses_both_ways_by_its_seed(client: socket.socket) -> None:
    runs: list[list[int]] = []
    async with udp_echo() as server:
        for _ in range(2):
            async with UdpProxy(server, Impairment(5, loss=0.2)) as proxy:
                runs.append(await echoes(client, proxy.address, 500))
                assert proxy.impairment.seen == 500
    assert runs[0] == runs[1]
    assert 250 < len(runs[0]) < 390  # 0.8 x 0.8 of 500


async def test_reordering_and_duplicates(client: socket.socket) -> None:
    impairment = Impairment(2, reorder=0.05, duplicate=0.05)
    async with udp_echo() as server, UdpProxy(server, impairment, Impairment()) as proxy:
        found = await echoes(client, proxy.address, 500)
    assert found != sorted(found)
    assert set(found) == set(range(500))
    assert len(found) > 505


async def test_the_proxy_may_become_a_black_hole(client: socket.socket) -> None:
    async with udp_echo() as server, UdpProxy(server) as proxy:
        assert await echoes(client, proxy.address, 3) == [0, 1, 2]
        proxy.impairment.loss = 1.0
        assert await echoes(client, proxy.address, 3) == []


async def _shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1024):
            writer.write(data.upper())
            await writer.drain()
    except ConnectionError:
        pass
    writer.close()


@asynccontextmanager
async def shouting() -> AsyncIterator[TcpProxy]:
    """A proxy before a server that answers in capitals."""
    server = await asyncio.start_server(_shout, "127.0.0.1", 0)
    async with TcpProxy(server.sockets[0].getsockname()) as proxy:
        yield proxy
    server.close()
    await server.wait_closed()


@asynccontextmanager
async def connected(
    proxy: TcpProxy,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(*proxy.address)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def test_tcp_passes_and_an_end_reaches_the_other() -> None:
    async with shouting() as proxy, connected(proxy) as (reader, writer):
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"HELLO"
        writer.write_eof()
        assert await reader.read() == b""
        await until(lambda: not proxy._pairs)


async def test_tcp_in_slices_late_and_slow() -> None:
    async with shouting() as proxy, connected(proxy) as (reader, writer):
        proxy.latency, proxy.slice, proxy.rate = 0.02, 2, 100.0
        started = asyncio.get_running_loop().time()
        writer.write(b"abcdef")
        pieces: list[bytes] = []
        while sum(map(len, pieces)) < 6:
            pieces.append(await reader.read(100))
        assert b"".join(pieces) == b"ABCDEF"
        assert max(map(len, pieces)) <= 2
        assert asyncio.get_running_loop().time() - started > 0.1


async def test_tcp_half_open_then_alive_again() -> None:
    async with shouting() as proxy, connected(proxy) as (reader, writer):
        proxy.hang()
        writer.write(b"anybody?")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await reader.read(10)
        proxy.flow()
        assert await reader.readexactly(8) == b"ANYBODY?"


@pytest.mark.parametrize("way", ["reset", "limit"])
async def test_tcp_breaks(way: str) -> None:
    async with shouting() as proxy, connected(proxy) as (reader, writer):
        writer.write(b"once")
        assert await reader.readexactly(4) == b"ONCE"
        if way == "reset":
            proxy.reset()
        else:
            proxy.limit = 9
            writer.write(b"more")
        try:
            left = await reader.read()
        except ConnectionError:
            left = b""
        assert left in (b"", b"MORE")


async def test_a_server_that_is_not_there() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        nobody = sock.getsockname()
    async with TcpProxy(nobody) as proxy, connected(proxy) as (reader, _):
        assert await reader.read() == b""
