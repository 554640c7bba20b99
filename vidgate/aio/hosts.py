"""The file /etc/hosts, as getaddrinfo reads it: all lines of a name, in their order.

c-ares reads it too, but joins lines by address and by name: an address that has two lines is lost
to a name that has two.
"""

import asyncio
import os
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from vidgate.aio.clock import Clock

HOSTS = Path("/etc/hosts")
FRESH = 1.0  # seconds between two looks whether the file has changed
SMALL = 64 << 10  # bytes that are read at once, in milliseconds; of more a thread makes sense
PATIENCE = 3.0  # seconds that a name waits for the first reading of a larger file
LOOPBACK = ("127.0.0.1", "::1")

Stamp = tuple[int, int, int]


class _Content(NamedTuple):
    names: dict[str, tuple[str, ...]]
    stamp: Stamp | None


class HostsFile:
    """`await hosts.find("camera")`: at once, by what a look not older than `FRESH` has found.

    A file beyond `SMALL` is read in a thread where it has changed, and its old names count
    meanwhile: threads may be long in coming, for logins and reports take them too.
    """

    def __init__(self, clock: Clock, path: Path = HOSTS) -> None:
        self._clock = clock
        self._path = path
        self._content: _Content | None = None
        self._looked: float | None = None
        self._reading: asyncio.Future[_Content | None] | None = None

    async def find(self, name: str) -> tuple[str, ...]:
        """The addresses of a name in small letters; of `localhost` always (RFC 6761, 6.3)."""
        now = self._clock.now()
        if self._looked is None or now >= self._looked + FRESH:
            self._looked = now
            self._look()
        if self._content is None and self._reading is not None:
            await asyncio.wait((self._reading,), timeout=PATIENCE)
        found = () if self._content is None else self._content.names.get(name, ())
        is_here = name == "localhost" or name.endswith(".localhost")
        return LOOPBACK if is_here and not found else found

    def _look(self) -> None:
        if self._reading is not None:
            return
        try:
            status = self._path.stat()
        except OSError:  # a machine without one has no such names
            self._content = _Content({}, None)
            return
        stamp = _stamp(status)
        if self._content is not None and stamp == self._content.stamp:
            return
        if status.st_size <= SMALL:
            self._take(_read(self._path, stamp))
        else:
            loop = asyncio.get_running_loop()
            self._reading = loop.run_in_executor(None, _read, self._path, stamp)
            self._reading.add_done_callback(self._ended)

    def _ended(self, reading: asyncio.Future[_Content | None]) -> None:
        self._reading = None
        if not reading.cancelled():
            self._take(reading.result())

    def _take(self, content: _Content | None) -> None:
        self._content = content or self._content


def _stamp(status: os.stat_result) -> Stamp:
    return status.st_mtime_ns, status.st_size, status.st_ino


def _read(path: Path, stamp: Stamp) -> _Content | None:
    """None where it cannot be read for now, as for want of descriptors."""
    try:
        return _Content(_parse(path.read_text(encoding="utf-8", errors="replace")), stamp)
    except OSError:
        return None


def _parse(text: str) -> dict[str, tuple[str, ...]]:
    """Addresses by name in small letters (hosts(5)); lines that begin with no address are none."""
    found: dict[str, dict[str, None]] = {}
    for line in text.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        try:
            ip = canonical(address)
        except ValueError:
            continue
        for name in names:
            found.setdefault(name.lower(), {})[ip] = None
    return {name: tuple(ips) for name, ips in found.items()}


def canonical(address: str) -> str:
    """An IP address as the kernel spells it, IPv4 within IPv6 as IPv4. Raises ValueError.

    Senders are known by that spelling, and `ipaddress` gives `::ffff:a00:1` of `::ffff:10.0.0.1`.
    """
    ip = ip_address(address)
    return str(getattr(ip, "ipv4_mapped", None) or ip)
