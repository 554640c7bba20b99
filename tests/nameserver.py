"""A name server for tests, on a free UDP port of 127.0.0.1 (RFC 1035, 4)."""

import asyncio
import struct
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import cast

A, SOA, AAAA = 1, 6, 28
SERVER_FAILURE, NO_SUCH_NAME = 2, 3
NEGATIVE_TTL = 300  # seconds for which it says that what is not there may be remembered (RFC 2308)


class NameServer(asyncio.DatagramProtocol):
    """Answers what is in `book`, says of other names that there are none, of `silent` ones nothing.

    Those of `broken` fail, as where a server reaches no other.
    """

    def __init__(self, book: Mapping[str, Sequence[str]], ttl: int) -> None:
        self.book = dict(book)
        self.ttl = ttl
        self.broken: set[str] = set()
        self.is_silent = False
        self.asked: Counter[str] = Counter()  # by name, of IPv4 addresses
        self.address = ""
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        self.address = "{}:{}".format(*transport.get_extra_info("sockname"))

    def datagram_received(self, data: bytes, peer: tuple[str, int]) -> None:
        name, kind, question = _question(data)
        self.asked[name] += kind == A
        assert self._transport is not None
        if not self.is_silent and "silent" not in name:
            self._transport.sendto(self._answer(data[:2], name, kind, question), peer)

    def _answer(self, id_: bytes, name: str, kind: int, question: bytes) -> bytes:
        known = [ip_address(text).packed for text in self.book.get(name, ())]
        wanted = [ip for ip in known if len(ip) == (4 if kind == A else 16)]
        failure = SERVER_FAILURE if name in self.broken else NO_SUCH_NAME
        flags = 0x8180 if name in self.book else 0x8180 | failure
        records = [_record(kind, self.ttl, ip) for ip in wanted]
        # Only with one are there bounds to how long a resolver believes that nothing is there.
        told = [] if records else [_record(SOA, NEGATIVE_TTL, _authority())]
        counts = struct.pack("!HHHHH", flags, 1, len(records), len(told), 0)
        return id_ + counts + question + b"".join(records + told)


def _record(kind: int, ttl: int, data: bytes) -> bytes:
    return struct.pack("!HHHIH", 0xC00C, kind, 1, ttl, len(data)) + data


def _authority() -> bytes:
    return bytes(2) + struct.pack("!IIIII", 1, 3600, 600, 86400, NEGATIVE_TTL)


def _question(data: bytes) -> tuple[str, int, bytes]:
    labels, place = [], 12
    while length := data[place]:
        labels.append(data[place + 1 : place + 1 + length].decode())
        place += 1 + length
    (kind,) = struct.unpack_from("!H", data, place + 1)
    return ".".join(labels).lower(), kind, data[12 : place + 5]


@asynccontextmanager
async def name_server(
    book: Mapping[str, Sequence[str]] | None = None, ttl: int = 60
) -> AsyncIterator[NameServer]:
    """The running server."""
    transport, server = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: NameServer(book or {}, ttl), ("127.0.0.1", 0)
    )
    try:
        yield server
    finally:
        transport.close()
        await asyncio.sleep(0)
