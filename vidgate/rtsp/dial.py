"""Name, address, TCP connection, TLS: what lies below RTSP."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

from aiohappyeyeballs import start_connection

from vidgate.aio.names import Names
from vidgate.errors import DeniedAddressError, is_ours
from vidgate.rtsp import tls
from vidgate.rtsp.address import RtspAddress, nothing
from vidgate.wire.uri import Uri

HEAD_START = 0.25  # seconds until the next address is tried beside a silent one (RFC 8305, 5)
MAX_PLACES = 8  # of one name

Place = tuple[str, int]  # an IP address and a port
AddressInfo = tuple[int, int, int, str, Any]  # as `socket.getaddrinfo` gives it


async def places(address: RtspAddress, uri: Uri) -> list[Place]:
    """Where a URI leads, the best first, without what is forbidden.

    These very addresses are to be connected to: another lookup might give others. Raises OSError,
    DeniedAddressError where all are forbidden.
    """
    if address.resolve is not None:
        found = await address.resolve(uri.host)
    else:
        async with Names() as names:
            found = await names.resolve(uri.host)
    allowed = [ip for ip in found if address.allowed(ip)]
    if not allowed:
        raise _denied(uri.authority, ", ".join(found[:MAX_PLACES]))
    return [(ip, uri.effective_port) for ip in allowed[:MAX_PLACES]]


async def tcp(
    places: Sequence[Place], further: Callable[[], None] = nothing
) -> tuple[socket.socket, Place]:
    """TCP alone, to the first of the places that takes it: what comes on top may fail otherwise.

    `further` is called before each connect but the first. Raises the first OSError that is for want
    of means of our own, else the first.
    """
    of_sockets: dict[socket.socket, Place] = {}
    loop = _Witness()

    def make(info: AddressInfo) -> socket.socket:
        if of_sockets:
            further()
        with loop.watching():
            plain = socket.socket(info[0], socket.SOCK_STREAM)
        of_sockets[plain] = info[4]
        return plain

    infos = [(_family(ip), socket.SOCK_STREAM, 0, "", (ip, port)) for ip, port in places]
    try:
        plain = await start_connection(
            infos,
            happy_eyeballs_delay=HEAD_START,
            loop=cast(asyncio.AbstractEventLoop, loop),
            socket_factory=make,
        )
    except OSError as error:
        raise loop.worst() or error from None
    return plain, of_sockets[plain]


class _Witness:
    """The running loop, but it knows what became of connects.

    `start_connection` makes one error of several, without `errno` where they differ.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        # Not the errors themselves: their frames know us, and no circle is to be left.
        self._seen: list[tuple[int | None, str | None]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)

    @contextmanager
    def watching(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._seen.append((error.errno, error.strerror))
            raise

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:
        """As the loop's."""
        with self.watching():
            await self._loop.sock_connect(sock, address)

    def worst(self) -> OSError | None:
        """The first error for want of our own means, else the first."""
        errors = [OSError(*seen) for seen in self._seen]
        return next(filter(is_ours, errors), errors[0] if errors else None)


def tried(uri: Uri, places: Sequence[Place]) -> str:
    """Host and port for messages, with the addresses where the name has several."""
    found = ", ".join(ip for ip, _ in places)
    return f"{uri.authority} ({found})" if len(places) > 1 else uri.authority


def _family(ip: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in ip else socket.AF_INET


def _denied(where: str, found: str) -> DeniedAddressError:
    return DeniedAddressError(
        f"{where}: 设置不允许地址 {found} / the address {found} is not allowed",
        hint="见设置 media.allow, media.deny / see media.allow and media.deny in the settings",
    )


async def over(
    plain: socket.socket,
    protocol: asyncio.Protocol,
    uri: Uri,
    context: ssl.SSLContext | None,
    timeout: float | None = None,
) -> None:
    """Give a connected socket to a protocol, over TLS where there is a context. Raises TlsError."""
    host = uri.host if context is not None else None
    try:
        async with asyncio.timeout(timeout):
            await asyncio.get_running_loop().create_connection(
                lambda: protocol, sock=plain, ssl=context, server_hostname=host
            )
    except OSError as error:  # a TimeoutError and an SSLError are one too
        plain.close()
        raise tls.failure(uri.authority, error) from error
    except BaseException:
        plain.close()
        raise
