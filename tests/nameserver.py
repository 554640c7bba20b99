"""A name server for tests, on a free UDP port of 127.0.0.1 (RFC 1035, 4)."""

import asyncio
import struct
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import cast

A, AAAA = 1, 28
NO_SUCH_NAME = 3


class NameServer(asyncio.DatagramProtocol):
    """Answers what is in `book`, says of other names that there are none, of `silent` nothing."""

    def __init__(self, book: Mapping[str, Sequence[str]], ttl: int) -> None:
        self.book = dict(book)
        self.ttl = ttl
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
        if not self.is_silent and not name.startswith("silent"):
            self._transport.sendto(self._answer(data[:2], name, kind, question), peer)

    def _answer(self, id_: bytes, name: str, kind: int, question: bytes) -> bytes:
        known = [ip_address(text).packed for text in self.book.get(name, ())]
        wanted = [ip for ip in known if len(ip) == (4 if kind == A else 16)]
        flags = 0x8180 if name in self.book else 0x8180 | NO_SUCH_NAME
        records = b"".join(
            struct.pack("!HHHIH", 0xC00C, kind, 1, self.ttl, len(ip)) + ip for ip in wanted
        )
        return id_ + struct.pack("!HHHHH", flags, 1, len(wanted), 0, 0) + question + records


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
