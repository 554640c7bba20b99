"""RTP over UDP: a pair of neighbouring ports, the even one for RTP, the odd one for RTCP."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import cast

from vidgate.errors import LimitError

RECEIVE_BUFFER = 2 << 20  # bytes asked of the kernel: a key frame comes in one burst
MAX_TRIES = 64  # pairs looked at before we say that none is free

Address = tuple[str, int]
Receive = Callable[[bytes], None]


class _Port(asyncio.DatagramProtocol):
    """One socket; datagrams of other hosts than the peer are dropped and counted."""

    def __init__(self, pair: "UdpPair", is_rtp: bool) -> None:
        self._pair = pair
        self._is_rtp = is_rtp
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is bound."""
        # CPython's own class is no subclass of it before 3.12, uvloop's is none at all.
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        """One datagram."""
        pair = self._pair
        if address[0] not in pair.peers:
            pair.strangers += 1
        elif not data:
            return
        elif self._is_rtp:
            pair.on_rtp(data)
        else:
            pair.rtcp_peer = (address[0], address[1])
            pair.on_rtcp(data)

    def error_received(self, error: Exception) -> None:
        """ICMP said that the peer's port is closed: it may open it later."""
        self._pair.refusals += 1


def _ignore(_: bytes) -> None:
    """Nobody listens yet."""


class UdpPair:
    """Two bound ports and one peer. `peers` are the IP addresses that are listened to."""

    def __init__(self) -> None:
        self.on_rtp: Receive = _ignore
        self.on_rtcp: Receive = _ignore
        self.peers: frozenset[str] = frozenset()
        self.rtcp_peer: Address | None = None
        self.strangers = 0
        self.refusals = 0
        self.port = 0
        self._rtp = _Port(self, True)
        self._rtcp = _Port(self, False)

    @property
    def ports(self) -> tuple[int, int]:
        """Our ports for RTP and RTCP."""
        return self.port, self.port + 1

    def punch(self, host: str, ports: tuple[int, int]) -> None:
        """Send a little to the peer's ports, so that firewalls between let its packets in.

        An empty RTP packet, as FFmpeg and others do (RFC 6263 4.1), and an empty receiver report.
        """
        self.rtcp_peer = (host, ports[1])
        if self._rtp.transport is not None:
            self._rtp.transport.sendto(b"\x80\x00" + bytes(10), (host, ports[0]))
        self.send_rtcp(b"\x80\xc9\x00\x01" + bytes(4))

    def send_rtcp(self, data: bytes) -> None:
        """Send RTCP to where the peer's comes from."""
        if self._rtcp.transport is not None and self.rtcp_peer is not None:
            self._rtcp.transport.sendto(data, self.rtcp_peer)

    @classmethod
    @asynccontextmanager
    async def bind(
        cls, local_ip: str, first: int = 30000, last: int = 30999
    ) -> AsyncIterator["UdpPair"]:
        """Bind a free pair of that inclusive range; raises LimitError when there is none."""
        pair = cls()
        sockets = _bind_pair(local_ip, first, last)
        pair.port = sockets[0].getsockname()[1]
        loop = asyncio.get_running_loop()
        try:
            await loop.create_datagram_endpoint(lambda: pair._rtp, sock=sockets[0])
            await loop.create_datagram_endpoint(lambda: pair._rtcp, sock=sockets[1])
            yield pair
        finally:
            for port, bound in zip((pair._rtp, pair._rtcp), sockets, strict=True):
                if port.transport is not None:
                    port.transport.close()
                else:
                    bound.close()


def _bind_pair(local_ip: str, first: int, last: int) -> tuple[socket.socket, socket.socket]:
    evens = range(first + first % 2, last, 2)
    for port in random.sample(evens, min(len(evens), MAX_TRIES)):
        rtp = _bind(local_ip, port)
        if rtp is None:
            continue
        try:
            rtcp = _bind(local_ip, port + 1)
        except LimitError:
            rtp.close()
            raise
        if rtcp is not None:
            return rtp, rtcp
        rtp.close()
    raise LimitError(
        f"没有空闲的 UDP 端口对: {first}-{last} / no free pair of UDP ports from {first} to {last}"
    )


def _bind(local_ip: str, port: int) -> socket.socket | None:
    family = socket.AF_INET6 if ":" in local_ip else socket.AF_INET
    try:
        bound = socket.socket(family, socket.SOCK_DGRAM)
    except OSError as error:
        raise LimitError(f"本机资源不足 / this machine lacks means: {error.strerror}") from error
    bound.setblocking(False)
    try:
        with suppress(OSError):  # a smaller buffer still works
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        bound.bind((local_ip, port))
    except OSError:
        bound.close()
        return None
    return bound
