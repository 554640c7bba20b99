"""Name, address, TCP connection: what lies below RTSP."""

import asyncio
import ipaddress
import socket


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
