"""One UDP port for every viewer: an ICE-lite agent (RFC 8445 2.5) on one non-blocking socket.

A leg is one viewer's share of the port. Only a STUN request that is signed with a leg's password
makes its source address known; every other datagram from an unknown address is dropped, for little
more than the system call costs that received it, and so is an empty one. Stock aiortc does neither:
anybody's empty datagram ends any of its sessions, and a ClientHello from elsewhere wins the
handshake (OWASP ASVS 17.2.6).
"""

import asyncio
import errno
import secrets
import socket
import struct
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import ip_address
from types import TracebackType
from typing import Any, Self

from vidgate.aio.clock import Clock, SystemClock
from vidgate.aio.limits import Allowed
from vidgate.errors import InputError
from vidgate.webrtc.checks import Check, read_check

SOL_UDP = 17
UDP_SEGMENT = 103
IP_PKTINFO = 8
SEGMENTS = 64  # the kernel's limit of segments in one call
MAX_SEND = 65_000  # bytes in one call; UDP's own limit is 65,507
BUFFER = 4 << 20
READS = 64  # datagrams read before other callbacks get their turn
TURN = 0.002  # seconds of work after which they get it, however few were read
OVERHEAD = 64  # more than header and tag add to a payload
MAX_DATAGRAM = 2048
MAX_ADDRESSES = 8  # that one leg may have checked
MAX_HANDSHAKE = 32  # DTLS datagrams waiting in one leg
# What one leg may ask for, a second and at once. Browsers check all pairs together at most every
# 48 ms (Chromium) or 50 ms (RFC 8445 14.2), repetitions added, and each few seconds afterwards.
# A handshake takes a dozen datagrams, after it come an alert or two.
CHECKS, CHECKS_BURST = 50, 100
RECORDS, RECORDS_BURST = 50, 64
GSO_REFUSED = (errno.EIO, errno.EINVAL, errno.EMSGSIZE, errno.EOPNOTSUPP)
FULL = (errno.EAGAIN, errno.EWOULDBLOCK, errno.ENOBUFS)

Address = tuple[Any, ...]
Control = tuple[int, int, bytes]
Run = tuple[int, int]
"""Datagrams [start, stop) of one call: all of one size, but the last, which may be shorter."""


@dataclass(slots=True)
class Path:
    """Where a leg's datagrams go: the peer's address, and our own address that it knows."""

    address: Address
    control: tuple[Control, ...]
    gso: bool = True


@dataclass(eq=False, slots=True)
class Leg:
    """One viewer's share of the port; `_recv` and `_send` are what aiortc's DTLS asks for."""

    mux: "Mux"
    ufrag: str
    password: str
    heard: float  # monotonic seconds of the last datagram that proved who sent it
    role: str = "controlled"
    path: Path | None = None
    paths: dict[Address, Path] = field(default_factory=dict)
    on_media: Callable[[bytes], None] | None = None  # SRTP and SRTCP, still sealed
    is_closed: bool = False
    checks: Allowed = field(init=False)
    _records: Allowed = field(init=False)
    _handshake: deque[bytes] = field(default_factory=lambda: deque(maxlen=MAX_HANDSHAKE))
    _waiter: asyncio.Future[None] | None = None

    def __post_init__(self) -> None:
        self.checks = Allowed(CHECKS, CHECKS_BURST, self.heard)
        self._records = Allowed(RECORDS, RECORDS_BURST, self.heard)

    def receive(self, data: bytes, now: float) -> None:
        """Take a datagram from a checked address: DTLS or SRTP by its first byte (RFC 7983)."""
        if 128 <= data[0] <= 191:
            if self.on_media is not None:
                self.on_media(data)
        elif 20 <= data[0] <= 63 and self._records.takes(1, now):
            self._handshake.append(data)
            self._wake()

    def send(self, packets: Sequence[bytes], runs: Sequence[Run]) -> bool:
        """Send SRTP packets; False when the socket is full or no address is known yet."""
        return self.path is not None and self.mux.send(self.path, packets, runs)

    async def _recv(self) -> bytes:
        while not self._handshake:
            if self.is_closed:
                raise ConnectionError("the leg is closed")
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self._handshake.popleft()

    async def _send(self, data: bytes) -> None:
        # A lost handshake datagram is sent again by DTLS, so a full socket is no error here.
        self.send([data], [(0, 1)])

    def close(self) -> None:
        """End `_recv` and give the ufrag and the addresses back."""
        self.is_closed = True
        self.on_media = None  # its viewer holds megabytes, and must not wait for the collector
        self.mux.forget(self)
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Mux:
    """The port: `async with Mux(8189) as mux: leg = mux.leg()`."""

    def __init__(self, port: int, clock: Clock | None = None) -> None:
        self.port = port
        self.dropped = 0  # datagrams that prove nothing, and checks beyond what a leg may ask for
        self.full = 0  # sends that found the socket's buffer full
        self._clock = clock or SystemClock()
        self._legs: dict[str, Leg] = {}
        self._by_address: dict[Address, Leg] = {}
        self._socket: socket.socket | None = None
        self._writable: asyncio.Future[None] | None = None

    async def __aenter__(self) -> Self:
        self._socket = _bind(self.port)
        self.port = self._socket.getsockname()[1]
        asyncio.get_running_loop().add_reader(self._socket.fileno(), self._readable)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for leg in list(self._legs.values()):
            leg.close()
        if self._socket is not None:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._socket.fileno())
            loop.remove_writer(self._socket.fileno())
            self._socket.close()
            self._socket = None
        self._can_write()

    def leg(self) -> Leg:
        """A new leg with its own ICE user fragment and password."""
        leg = Leg(self, secrets.token_hex(4), secrets.token_hex(16), self._clock.now())
        self._legs[leg.ufrag] = leg
        return leg

    def forget(self, leg: Leg) -> None:
        """Nothing that arrives is for this leg any more."""
        self._legs.pop(leg.ufrag, None)
        for address in leg.paths:
            if self._by_address.get(address) is leg:
                del self._by_address[address]
        leg.paths.clear()
        leg.path = None

    # -- sending ---------------------------------------------------------------------------------

    def send(self, path: Path, packets: Sequence[bytes], runs: Sequence[Run]) -> bool:
        """Send the runs in order; False as soon as the socket's buffer is full."""
        if self._socket is None:
            return False
        for start, stop in runs:
            part = packets if len(runs) == 1 else packets[start:stop]
            if stop - start == 1 or not path.gso:
                if not self._send_each(path, part):
                    return False
                continue
            control = (*path.control, _segments_of(len(part[0])))
            try:
                self._socket.sendmsg(part, control, 0, path.address)
            except OSError as error:
                if error.errno in GSO_REFUSED:
                    path.gso = False
                    if not self._send_each(path, part):
                        return False
                elif not self._survives(error):
                    return False
        return True

    def _send_each(self, path: Path, packets: Sequence[bytes]) -> bool:
        assert self._socket is not None
        for packet in packets:
            try:
                self._socket.sendmsg((packet,), path.control, 0, path.address)
            except OSError as error:
                if not self._survives(error):
                    return False
        return True

    def _survives(self, error: OSError) -> bool:
        # An unreachable peer is reaped by its silence; only a full buffer asks the sender to wait.
        if error.errno in FULL:
            self.full += 1
            return False
        return True

    async def writable(self, timeout: float) -> bool:
        """Wait until the socket takes datagrams again; False after `timeout` seconds."""
        if self._socket is None or timeout <= 0:
            return False
        if self._writable is None:
            loop = asyncio.get_running_loop()
            self._writable = loop.create_future()
            loop.add_writer(self._socket.fileno(), self._can_write)
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await asyncio.shield(self._writable)
                return self._socket is not None
        return False

    def _can_write(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_writer(self._socket.fileno())
        waiting, self._writable = self._writable, None
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    # -- receiving -------------------------------------------------------------------------------

    def _readable(self) -> None:
        now = self._clock.now
        end = now() + TURN
        for _ in range(READS):
            if self._socket is None:
                return
            try:
                data, ancillary, _, address = self._socket.recvmsg(MAX_DATAGRAM, 64)
            except OSError:
                return  # nothing left (or an ICMP error, which the next read has forgotten)
            self._receive(data, address, ancillary)
            if now() >= end:
                return

    def _receive(self, data: bytes, address: Address, ancillary: list[Control]) -> None:
        if not data:
            self.dropped += 1
            return
        if data[0] < 4:
            if not self._check(data, address, ancillary):
                self.dropped += 1
            return
        leg = self._by_address.get(address)
        if leg is None:
            self.dropped += 1
        else:
            leg.receive(data, self._clock.now())

    def _check(self, data: bytes, address: Address, ancillary: list[Control]) -> bool:
        """Answer a connectivity check; True when it was signed with a leg's password."""
        check = read_check(data)
        leg = None if check is None else self._legs.get(check.ufrag)
        if check is None or leg is None or not check.is_signed_with(leg.password.encode()):
            return False
        leg.heard = now = self._clock.now()
        # Only what is signed counts: who has read a ufrag on the way could use it up for its owner.
        if not leg.checks.takes(1, now):
            return False
        path = self._learn(leg, address, ancillary)
        if leg.path is None or check.nominates:
            leg.path = path
        self._answer(leg, check, path)
        return True

    def _learn(self, leg: Leg, address: Address, ancillary: list[Control]) -> Path:
        path = leg.paths.get(address)
        if path is None:
            while len(leg.paths) >= MAX_ADDRESSES:
                oldest = next(known for known, old in leg.paths.items() if old is not leg.path)
                del leg.paths[oldest]
                if self._by_address.get(oldest) is leg:
                    del self._by_address[oldest]
            path = leg.paths[address] = Path(address, _reply_from(ancillary))
        self._by_address[address] = leg
        return path

    def _answer(self, leg: Leg, check: Check, path: Path) -> None:
        host, port = path.address[:2]
        self._send_each(path, [check.answer(plain_host(host), port, leg.password.encode())])


@lru_cache(maxsize=2048)
def _segments_of(size: int) -> Control:
    return SOL_UDP, UDP_SEGMENT, struct.pack("=H", size)


def runs_of(sizes: Sequence[int]) -> list[Run]:
    """Cut payloads of these sizes into calls that UDP GSO takes: equal but a shorter last one."""
    count = len(sizes)
    if count == 1:
        return [(0, 1)]
    runs: list[Run] = []
    start = 0
    while start < count:
        size = sizes[start]
        limit = min(count, start + min(SEGMENTS, MAX_SEND // (size + OVERHEAD)))
        stop = start + 1
        while stop < limit and sizes[stop] == size:
            stop += 1
        if stop < limit and sizes[stop] < size:
            stop += 1
        runs.append((start, stop))
        start = stop
    return runs


def plain_host(host: str) -> str:
    """An address without the IPv4-in-IPv6 prefix and the zone."""
    address = ip_address(host.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def _bind(port: int) -> socket.socket:
    """A socket for both address families, or for IPv4 where the machine has no IPv6."""
    try:
        return _bound(socket.AF_INET6, "::", port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise InputError(
                f"UDP 端口 {port} 已被占用 / UDP port {port} is in use", hint="set webrtc.port"
            ) from None
    try:
        return _bound(socket.AF_INET, "0.0.0.0", port)
    except OSError as error:
        raise InputError(
            f"UDP 端口不能用 / UDP port {port}: {error.strerror}", hint="set webrtc.port"
        ) from None


def _bound(family: int, host: str, port: int) -> socket.socket:
    made = socket.socket(family, socket.SOCK_DGRAM)
    try:
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        # On a machine with several addresses the answer must leave from the one that was asked.
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        else:
            made.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        made.bind((host, port))
    except OSError:
        made.close()
        raise
    return made


def _reply_from(ancillary: list[Control]) -> tuple[Control, ...]:
    """The control message that makes answers leave from the address that was asked."""
    for level, kind, value in ancillary:
        if level == socket.IPPROTO_IPV6 and kind == socket.IPV6_PKTINFO:
            # The interface is left to the routing table, but for link-local addresses.
            is_link_local = value[:1] == b"\xfe" and value[1] & 0xC0 == 0x80
            data = value if is_link_local else value[:16] + bytes(4)
            return ((socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, data),)
        if level == socket.IPPROTO_IP and kind == IP_PKTINFO:
            # struct in_pktinfo: interface, local address (used to send), header's destination.
            return ((socket.IPPROTO_IP, IP_PKTINFO, bytes(4) + value[8:12] + bytes(4)),)
    return ()
