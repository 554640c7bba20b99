"""Which connections the server takes, and how long it bears with slow ones.

aiohttp waits for ever for the first request of a connection and for a client to read its answer:
five hundred clients that drip or do not read would hold five hundred connections and all that is
meant for them.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from aiohttp import web

UNREAD = 10.0  # seconds that an answer may lie unread
READ_RATE = 8 << 10  # bytes a second: who reads more slowly holds what others need
RECOUNT = 0.5  # seconds for which a count of everybody's connections is good enough

_BUSY = json.dumps(
    {
        "type": "urn:vidgate:problem:limit_reached",
        "title": "连接已满，请稍后再试 / too many connections",
        "status": 503,
        "code": "limit_reached",
    },
    ensure_ascii=False,
).encode()
REFUSAL = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\n"
    b"Retry-After: 5\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(_BUSY), _BUSY)
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


class Doorman:
    """Makes the connections of a server, and ends those that cost without getting anywhere."""

    def __init__(
        self,
        server: web.Server,
        protocol: Callable[[web.Server], web.RequestHandler],
        limits: Limits,
    ) -> None:
        self._server = server
        self._protocol = protocol
        self._limits = limits
        self._waiting: dict[asyncio.BaseProtocol, asyncio.TimerHandle] = {}
        self._unread: dict[web.RequestHandler, _Unread] = {}
        self._counts: Counter[str] = Counter()
        self._counted = -RECOUNT
        self.refused = 0

    def __len__(self) -> int:
        """Connections now."""
        return len(self._server.connections)

    def __call__(self) -> asyncio.BaseProtocol:
        """The protocol of a new connection."""
        return _Entrance(self)

    def admit(self, transport: asyncio.Transport) -> asyncio.BaseProtocol | None:
        """Who serves the connection; None where there are too many."""
        if self._is_too_many(address_of(transport)):
            self.refused += 1
            return None
        handler = self._protocol(self._server)
        loop = asyncio.get_running_loop()
        self._waiting[handler] = loop.call_later(self._limits.first, self._expire, handler)
        return handler

    def welcome(self, handler: asyncio.BaseProtocol) -> None:
        """The connection's first request is complete."""
        timer = self._waiting.pop(handler, None)
        if timer is not None:
            timer.cancel()

    def sweep(self, now: float) -> None:
        """End the connections whose client does not read; to be called every few seconds."""
        known, self._unread = self._unread, {}
        for handler in self._server.connections:
            transport = handler.transport
            size = transport.get_write_buffer_size() if transport is not None else 0
            if not size or transport is None:
                continue
            unread = known.get(handler)
            if unread is None:
                unread = _Unread(now, size)
            elif now - unread.since >= UNREAD:
                if unread.size - size < READ_RATE * (now - unread.since):
                    transport.abort()
                    continue
                unread = _Unread(now, size)
            self._unread[handler] = unread

    def close(self) -> None:
        """Forget all timers."""
        for timer in self._waiting.values():
            timer.cancel()
        self._waiting.clear()
        self._unread.clear()

    def _expire(self, handler: web.RequestHandler) -> None:
        if self._waiting.pop(handler, None) is not None:
            handler.force_close()

    def _is_too_many(self, address: str) -> bool:
        if not address:  # the unix socket: whoever mends things must get in
            return False
        connections = self._server.connections
        if len(connections) >= self._limits.connections:
            return True
        if len(connections) < self._limits.each or self._limits.is_exempt(address):
            return False
        now = asyncio.get_running_loop().time()
        if now - self._counted >= RECOUNT:
            self._counted = now
            self._counts = Counter(address_of(one.transport) for one in connections)
        self._counts[address] += 1
        return self._counts[address] > self._limits.each


def address_of(transport: asyncio.BaseTransport | None) -> str:
    """The client's address; empty on a unix socket or one that is closing."""
    name = transport.get_extra_info("peername") if transport is not None else None
    return str(name[0]) if isinstance(name, tuple) else ""


class _Entrance(asyncio.Protocol):
    """Asks the doorman once it is known who comes; who is turned away is told why."""

    def __init__(self, doorman: Doorman) -> None:
        self._doorman = doorman

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no asyncio.Transport, though they do all that one does.
        stream = cast("asyncio.Transport", transport)
        handler = self._doorman.admit(stream)
        if handler is None:
            stream.write(REFUSAL)
            stream.close()
            return
        stream.set_protocol(handler)
        handler.connection_made(transport)
