"""Name, address, TCP connection, TLS: what lies below RTSP."""

import asyncio
import ipaddress
import socket
import ssl

from vidgate.rtsp import tls
from vidgate.wire.uri import Uri


async def resolve(host: str) -> str:
    """The IP address of a host, which may be one itself. Raises OSError."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        return str(found[0][4][0])


async def tcp(place: tuple[str, int]) -> socket.socket:
    """TCP alone, so that a failure of what comes on top is known for what it is. Raises OSError."""
    family = socket.AF_INET6 if ":" in place[0] else socket.AF_INET
    plain = socket.socket(family, socket.SOCK_STREAM)
    try:
        plain.setblocking(False)
        await asyncio.get_running_loop().sock_connect(plain, place)
    except BaseException:
        plain.close()
        raise
    return plain


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
