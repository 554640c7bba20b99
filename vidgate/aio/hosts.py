"""The file /etc/hosts, as getaddrinfo reads it: all lines of a name, in their order.

c-ares reads it too, but joins lines by address and by name: an address that has two lines is lost
to a name that has two.
"""

import asyncio
from ipaddress import ip_address
from pathlib import Path

from vidgate.aio.clock import Clock

HOSTS = Path("/etc/hosts")
FRESH = 1.0  # seconds between two looks whether the file has changed
LOOPBACK = ("127.0.0.1", "::1")

Stamp = tuple[int, int, int]


class HostsFile:
    """`await hosts.find("camera")`: read anew where it has changed, in a thread for an instant."""

    def __init__(self, clock: Clock, path: Path = HOSTS) -> None:
        self._clock = clock
        self._path = path
        self._names: dict[str, tuple[str, ...]] = {}
        self._stamp: Stamp | None = None
        self._looked: float | None = None
        self._lock = asyncio.Lock()

    async def find(self, name: str) -> tuple[str, ...]:
        """The addresses of a name in small letters; of `localhost` always (RFC 6761, 6.3)."""
        async with self._lock:
            now = self._clock.now()
            if self._looked is None or now >= self._looked + FRESH:
                await asyncio.to_thread(self._look)
                self._looked = now
        found = self._names.get(name, ())
        is_here = name == "localhost" or name.endswith(".localhost")
        return LOOPBACK if is_here and not found else found

    def _look(self) -> None:
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
            if stamp != self._stamp:
                self._names = _parse(self._path.read_text(encoding="utf-8", errors="replace"))
                self._stamp = stamp
        except OSError:  # a machine without one has no such names
            self._names, self._stamp = {}, None


def _parse(text: str) -> dict[str, tuple[str, ...]]:
    """Addresses by name in small letters (hosts(5)); lines that begin with no address are none."""
    found: dict[str, dict[str, None]] = {}
    for line in text.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        try:
            ip = str(ip_address(address))
        except ValueError:
            continue
        for name in names:
            found.setdefault(name.lower(), {})[ip] = None
    return {name: tuple(ips) for name, ips in found.items()}
