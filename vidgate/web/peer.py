"""Who is at the other end: the client's address and scheme, through trusted proxies only."""

import re
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

from aiohttp import hdrs, web

from vidgate.errors import InputError
from vidgate.settings.tree import Network

Address = IPv4Address | IPv6Address

_HOST = re.compile(r"(\[[0-9A-F:.]+\]|[\w.-]+)(?::\d{1,5})?", re.ASCII | re.IGNORECASE)
_HOP = re.compile(r"\[([0-9A-F:.]+)\](?::\d{1,5})?|([\d.]+):\d{1,5}", re.ASCII | re.IGNORECASE)
_DEFAULT_PORT = {"http": ":80", "https": ":443"}


class Peers:
    """Answers questions about a request's origin; `trusted` are the proxies whose word counts.

    Their word is X-Forwarded-*. Forwarded (RFC 7239) counts for nothing: a proxy that writes the
    one lets through the other as a client wrote it, and nothing tells which of the two it writes.
    """

    def __init__(self, trusted: Sequence[Network] = ()) -> None:
        self._trusted = tuple(trusted)

    def address(self, request: web.Request) -> str:
        """The client's address: the last one that no trusted proxy vouches for."""
        direct = _parse(_peername(request))
        if direct is None or not self._is_trusted(direct):
            return str(direct or "")
        client = direct
        for hop in reversed(_hops(request)):
            address = _parse(hop)
            if address is None:
                break
            client = address
            if not self._is_trusted(address):
                break
        return str(client)

    def is_proxy(self, address: str) -> bool:
        """Whether a trusted proxy has this address."""
        parsed = _parse(address)
        return parsed is not None and self._is_trusted(parsed)

    def is_secure(self, request: web.Request) -> bool:
        """Whether the browser speaks HTTPS, to us or to a trusted proxy."""
        return request.secure or self._forwarded(request, "X-Forwarded-Proto") == "https"

    def origin(self, request: web.Request) -> str:
        """The origin (RFC 6454) that our own pages have for this client."""
        host = (self._forwarded(request, "X-Forwarded-Host") or _host(request)).lower()
        scheme = "https" if self.is_secure(request) else "http"
        return f"{scheme}://{host.removesuffix(_DEFAULT_PORT[scheme])}"  # no browser names that

    def _forwarded(self, request: web.Request, header: str) -> str:
        direct = _parse(_peername(request))
        if direct is None or not self._is_trusted(direct):
            return ""
        return request.headers.get(header, "").split(",")[-1].strip().lower()

    def _is_trusted(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


def our_name(request: web.Request) -> str:
    """By which name the client called us; an IPv6 address is in brackets, for a URL.

    Raises InputError where its Host (RFC 9110 7.2) is missing or is none.
    """
    found = _HOST.fullmatch(_host(request))
    if found is None:
        raise InputError("Host 头不是主机名 / the Host header names no host")
    return found[1]


def is_local_socket(request: web.Request) -> bool:
    """Whether the request came by the unix socket, whose file mode lets only its owner in."""
    transport = request.transport
    sock = transport.get_extra_info("socket") if transport is not None else None
    return sock is not None and sock.family == socket.AF_UNIX


def local_address(request: web.Request) -> str:
    """Our own address on which the request arrived, for the candidates of an answer."""
    transport = request.transport
    name = transport.get_extra_info("sockname") if transport is not None else None
    if not isinstance(name, tuple):
        return "127.0.0.1"
    return str(_parse(name[0]) or "127.0.0.1")


def network_of(address: str) -> str:
    """What one subscriber holds: the address, or the /64 of an IPv6 one; for rate limits."""
    parsed = _parse(address)
    if isinstance(parsed, IPv6Address):
        return str(IPv6Address(int(parsed) >> 64 << 64))
    return address


def _host(request: web.Request) -> str:
    """Empty where HTTP/1.0 tells none: aiohttp's `host` would ask the name service, and block."""
    return request.headers.get(hdrs.HOST, "")


def _peername(request: web.Request) -> str:
    transport = request.transport
    name = transport.get_extra_info("peername") if transport is not None else None
    return str(name[0]) if isinstance(name, tuple) else ""


def _hops(request: web.Request) -> list[str]:
    values = request.headers.getall("X-Forwarded-For", [])
    hops = [hop.strip() for value in values for hop in value.split(",")][-32:]
    return [_without_port(hop) for hop in hops]


def _without_port(hop: str) -> str:
    """`ADDRESS:PORT`, `[ADDRESS]:PORT` and `[ADDRESS]` name an address too."""
    found = _HOP.fullmatch(hop)
    return hop if found is None else found[1] or found[2]


def _parse(text: str) -> Address | None:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
