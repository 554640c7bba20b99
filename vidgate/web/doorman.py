"""Which connections the server takes, and how long it bears with slow ones.

aiohttp waits for ever for the first request of a connection and for a client to read its answer:
five hundred clients that drip or do not read would hold five hundred connections and all that is
meant for them.
"""

import asyncio
import fcntl
import json
import struct
import termios
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from itertools import chain
from typing import cast

from aiohttp import web

UNREAD = 10.0  # seconds that an answer may lie unread
READ_RATE = 8 << 10  # bytes a second: who reads more slowly holds what others need
RECOUNT = 0.5  # seconds for which a count of everybody's connections is good enough


def refusal(status: HTTPStatus, code: str, title: str, head: bytes = b"") -> bytes:
    """The whole answer to a connection of which nothing is read; `head`: more lines of headers."""
    document = {
        "type": f"urn:vidgate:problem:{code}",
        "title": title,
        "status": status,
        "code": code,
    }
    body = json.dumps(document, ensure_ascii=False).encode()
    return (
        b"HTTP/1.1 %d %b\r\nContent-Type: application/problem+json\r\n%b"
        b"Connection: close\r\nContent-Length: %d\r\n\r\n%b"
        % (status, status.phrase.encode(), head, len(body), body)
    )


_BUSY = refusal(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "limit_reached",
    "连接已满，请稍后再试 / too many connections",
    b"Retry-After: 5\r\n",
)


@dataclass(frozen=True, slots=True)
class Limits:
    """`connections` in all, `each` of one address; `first` seconds to a complete request's head.

    `is_exempt` tells addresses for whom `each` does not count: proxies speak for many.
    """

    connections: int
    each: int
    first: float
    is_exempt: Callable[[str], bool] = lambda _: False


@dataclass(slots=True)
class _Unread:
    since: float
    size: int


@dataclass(slots=True, eq=False)
class Guest:
    """One connection, from when it was accepted: its first request is due by `deadline`."""

    address: str
    deadline: float
    stream: asyncio.Transport | None = None  # None until there is one that can carry requests
    unread: _Unread | None = None
    has_all: bool = False  # told that this is the end, and has taken everything up to there

    def is_slow(self, now: float) -> bool:
        """Whether it does not read what it asked for, or leaves an end of TLS unanswered.

        To be asked every few seconds: it compares with what was before.
        """
        if self.stream is None:
            return False
        had_all = self.has_all
        self.has_all = self.stream.is_closing() and not _unacknowledged(self.stream)
        size = self.stream.get_write_buffer_size()
        known, self.unread = self.unread, _Unread(now, size) if size else None
        if known is None or not size:
            return had_all and self.has_all
        if now - known.since < UNREAD:
            self.unread = known
            return False
        return known.size - size < READ_RATE * (now - known.since)


class Doorman:
    """Makes the connections of a server, and ends those that cost without getting anywhere."""

    def __init__(
        self,
        server: web.Server,
        protocol: Callable[[web.Server], web.RequestHandler],
        limits: Limits,
    ) -> None:
        self.limits = limits
        self._server = server
        self._protocol = protocol
        self._arriving: set[Guest] = set()  # nothing can be asked of us yet
        self._guests: dict[asyncio.BaseProtocol, Guest] = {}
        self._waiting: dict[asyncio.BaseProtocol, asyncio.TimerHandle] = {}
        self._counts: Counter[str] = Counter()
        self._counted = -RECOUNT
        self.refused = 0

    def __len__(self) -> int:
        """Connections now, those in their handshake too."""
        return len(self._arriving) + len(self._server.connections)

    def __call__(self) -> asyncio.BaseProtocol:
        """The protocol of a new connection."""
        return Entrance(self)

    def admit(self, address: str) -> Guest | None:
        """Count a new connection from there; None where there are too many.

        Who is admitted is served or dismissed in the end.
        """
        if self._is_too_many(address):
            self.refused += 1
            return None
        guest = Guest(address, asyncio.get_running_loop().time() + self.limits.first)
        self._arriving.add(guest)
        return guest

    def serve(self, guest: Guest, stream: asyncio.Transport) -> None:
        """The connection can carry requests: hand it over to who answers them."""
        handler = self._protocol(self._server)
        self._arriving.discard(guest)
        self._guests[handler] = guest
        guest.stream = stream
        loop = asyncio.get_running_loop()
        self._waiting[handler] = loop.call_at(guest.deadline, self._expire, handler)
        stream.set_protocol(handler)
        handler.connection_made(stream)

    def dismiss(self, guest: Guest) -> None:
        """The connection ended before it could carry requests; nothing where it does."""
        self._arriving.discard(guest)

    def welcome(self, handler: asyncio.BaseProtocol) -> None:
        """The connection's first request is complete."""
        timer = self._waiting.pop(handler, None)
        if timer is not None:
            timer.cancel()

    def sweep(self, now: float) -> None:
        """End the connections whose client does not read; to be called every few seconds."""
        self._forget()
        for guest in self._guests.values():
            if guest.stream is not None and guest.is_slow(now):
                guest.stream.abort()

    def close(self) -> None:
        """Forget all timers."""
        for timer in self._waiting.values():
            timer.cancel()
        self._waiting.clear()
        self._guests.clear()

    def _expire(self, handler: web.RequestHandler) -> None:
        if self._waiting.pop(handler, None) is not None:
            guest = self._guests.get(handler)
            if guest is not None and guest.stream is not None:
                guest.stream.abort()  # a close would wait for the client's end of TLS

    def _forget(self) -> None:
        """Drop those who have left. Only the server knows: aiohttp tells nobody else."""
        here = self._server.connections
        self._guests = {one: self._guests[one] for one in here if one in self._guests}

    def _is_too_many(self, address: str) -> bool:
        if not address:  # the unix socket: whoever mends things must get in
            return False
        connections = len(self)
        if connections >= self.limits.connections:
            return True
        if connections < self.limits.each or self.limits.is_exempt(address):
            return False
        now = asyncio.get_running_loop().time()
        if now - self._counted >= RECOUNT:
            self._counted = now
            self._forget()
            everybody = chain(self._arriving, self._guests.values())
            self._counts = Counter(guest.address for guest in everybody)
        self._counts[address] += 1
        return self._counts[address] > self.limits.each


def address_of(transport: asyncio.BaseTransport | None) -> str:
    """The client's address; empty on a unix socket or one that is closing."""
    name = transport.get_extra_info("peername") if transport is not None else None
    return str(name[0]) if isinstance(name, tuple) else ""


def _unacknowledged(stream: asyncio.Transport) -> int:
    """Bytes that the system has of us for the client, which has not taken them (SIOCOUTQ).

    None means that asyncio has none either: what it keeps below TLS it tells nobody.
    """
    try:
        found = fcntl.ioctl(stream.get_extra_info("socket").fileno(), termios.TIOCOUTQ, bytes(4))
    except (OSError, AttributeError, ValueError):
        return 0  # it is closed
    return int(struct.unpack("i", found)[0])


class Entrance(asyncio.Protocol):
    """Asks the doorman once it is known who comes; who is turned away is told why.

    With a `guest` that was done before.
    """

    def __init__(self, doorman: Doorman, guest: Guest | None = None) -> None:
        self._doorman = doorman
        self._guest = guest

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no asyncio.Transport, though they do all that one does.
        stream = cast("asyncio.Transport", transport)
        guest = self._guest or self._doorman.admit(address_of(stream))
        if guest is None:
            stream.write(_BUSY)
            stream.close()
            return
        self._doorman.serve(guest, stream)
