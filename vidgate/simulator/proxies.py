"""Bad networks in one process, for tests and soaks: put one between two ends that speak.

    async with UdpProxy(("127.0.0.1", 8189), Impairment(seed=1, loss=0.1)) as bad:
        ...  # send to bad.address instead of 127.0.0.1:8189
        bad.impairment.loss = 1.0  # from now on nothing passes

    async with TcpProxy(("127.0.0.1", 554)) as bad:
        ...  # connect to bad.address
        bad.latency, bad.slice, bad.rate = 0.05, 3, 1000  # seconds, bytes a piece, bytes a second
        bad.hang()   # half-open from now on: neither end hears of the other, or of an end
        bad.reset()  # both ends get a reset
        bad.limit = 5000  # bytes; the connection that has carried so many is cut

Every impairment holds in both directions. The UDP one is decided by a seed: the same packets in the
same order have the same fate. Both serve any protocol: RTSP, RTP, WebRTC, databases.
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self, cast

from vidgate.aio.supervisor import Supervisor
from vidgate.simulator.impairment import Impairment

Address = tuple[str, int]
READ = 64 << 10
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER of zero
_BUFFER = 4 << 20


class _Port(asyncio.DatagramProtocol):
    """A UDP socket that hands on what comes."""

    def __init__(self, heard: Callable[[bytes, Address], None]) -> None:
        self._heard = heard
        self.transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)
        sock = transport.get_extra_info("socket")
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            sock.setsockopt(socket.SOL_SOCKET, option, _BUFFER)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._heard(data, addr)

    def error_received(self, exc: Exception) -> None:
        """An ICMP answer: the other end is gone, which is its own affair."""


class UdpProxy:
    """Between any number of clients and one server; each client gets a port of its own behind it.

    `impairment` is of the way to the server, `back` of the way from it (by default the same with
    another seed); both may be changed at any time. `address` is where clients send to.
    """

    def __init__(
        self, server: Address, impairment: Impairment | None = None, back: Impairment | None = None
    ) -> None:
        self.impairment = impairment or Impairment()
        self.back = back or replace(self.impairment, seed=f"{self.impairment.seed}/back")
        self.address: Address = ("", 0)
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._front: _Port
        self._clients: dict[Address, asyncio.Future[_Port]] = {}
        self._tasks = Supervisor("udp proxy")
        self._is_closed = False

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._front = await self._open(self._from_client)
        self.address = self._front.transport.get_extra_info("sockname")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_closed = True
        await self._tasks.__aexit__(kind, error, trace)
        for made in self._clients.values():
            if made.done() and not made.cancelled():
                made.result().transport.abort()
        self._front.transport.abort()

    async def _open(self, heard: Callable[[bytes, Address], None]) -> _Port:
        _, port = await self._loop.create_datagram_endpoint(
            lambda: _Port(heard), local_addr=("127.0.0.1", 0)
        )
        return port

    def _from_client(self, data: bytes, client: Address) -> None:
        made = self._clients.get(client)
        if made is None:
            made = self._clients[client] = self._loop.create_future()
            _ = self._tasks.start(self._meet(client, made), "client")
        made.add_done_callback(lambda done: self._pass(self.impairment, done.result(), data))

    async def _meet(self, client: Address, made: asyncio.Future[_Port]) -> None:
        def heard(data: bytes, _: Address) -> None:
            self._pass(self.back, self._front, data, client)

        made.set_result(await self._open(heard))

    def _pass(
        self, impairment: Impairment, port: _Port, data: bytes, to: Address | None = None
    ) -> None:
        now = self._loop.time()
        for due in impairment.due(now):
            if due <= now:
                self._send(port, data, to or self._server)
            else:
                self._loop.call_at(due, self._send, port, data, to or self._server)

    def _send(self, port: _Port, data: bytes, to: Address) -> None:
        if not self._is_closed:
            port.transport.sendto(data, to)


@dataclass(slots=True, eq=False)
class _Pair:
    """The two connections of one client."""

    writers: tuple[asyncio.StreamWriter, asyncio.StreamWriter]
    carried: int = 0

    def cut(self, *, hard: bool) -> None:
        for writer in self.writers:
            if hard:
                sock = writer.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()


@dataclass(slots=True)
class TcpProxy:
    """Between clients and one server; the fields may be changed at any time.

    `latency` seconds until a piece is passed on; `slice` bytes at most in a piece; `rate` bytes a
    second and direction; `limit` bytes after which a connection is reset. Zero is none of it.
    """

    server: Address
    latency: float = 0.0
    slice: int = 0
    rate: float = 0.0
    limit: int = 0
    address: Address = ("", 0)
    accepted: int = 0
    _flows: asyncio.Event = field(default_factory=asyncio.Event)
    _pairs: set[_Pair] = field(default_factory=set)
    _tasks: Supervisor = field(default_factory=lambda: Supervisor("tcp proxy"))
    _listener: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._flows.set()
        await self._tasks.__aenter__()
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.address = self._listener.sockets[0].getsockname()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._listener is not None
        self._listener.close()
        self.reset()
        await self._tasks.__aexit__(kind, error, trace)
        await self._listener.wait_closed()

    def hang(self) -> None:
        """Pass nothing on, not even an end, until `flow`: both ends are half-open."""
        self._flows.clear()

    def flow(self) -> None:
        """Pass on again, first of all what has waited."""
        self._flows.set()

    def reset(self) -> None:
        """Break every connection."""
        for pair in list(self._pairs):
            pair.cut(hard=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        try:
            beyond, onward = await asyncio.open_connection(*self.server)
        except OSError:
            writer.transport.abort()
            return
        pair = _Pair((writer, onward))
        self._pairs.add(pair)
        there = self._tasks.start(self._carry(pair, reader, onward), "there")
        back = self._tasks.start(self._carry(pair, beyond, writer), "back")
        for task in (there, back):
            task.add_done_callback(lambda _: self._end(pair, there, back))

    def _end(self, pair: _Pair, there: asyncio.Task[None], back: asyncio.Task[None]) -> None:
        if there.done() and back.done():
            self._pairs.discard(pair)
            pair.cut(hard=False)

    async def _carry(
        self, pair: _Pair, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            while data := await reader.read(self.slice or READ):
                await self._flows.wait()
                if self.latency:
                    await asyncio.sleep(self.latency)
                if self.rate:
                    await asyncio.sleep(len(data) / self.rate)
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
                pair.carried += len(data)
                if 0 < self.limit <= pair.carried:
                    pair.cut(hard=True)
            await self._flows.wait()
            writer.write_eof()
        except (OSError, RuntimeError):  # either end is gone
            pair.cut(hard=False)
