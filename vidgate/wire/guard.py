"""Which addresses we may connect to on behalf of a register, a camera or a platform.

A stream address is input from outside: without a guard it would make us a tool to reach our own
services or a cloud's metadata address (server-side request forgery).
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class AddressGuard:
    """Allows an address inside `allow` (empty: any) and outside `deny`.

    `own` holds the (address, port) pairs we listen on, asked at each check because ports may be
    picked at start; the address `0.0.0.0` or `::` stands for every loopback address, and for each
    that `is_local` says this machine has.
    """

    allow: Sequence[Network]
    deny: Sequence[Network]
    own: Callable[[], Collection[tuple[str, int]]] = tuple
    is_local: Callable[[str], bool] = lambda address: False

    def permits(self, address: str, port: int) -> bool:
        """Whether we may connect to this resolved IP address and port."""
        try:
            ip = ip_address(address)
        except ValueError:
            return False
        if isinstance(ip, IPv6Address) and ip.ipv4_mapped:
            ip = ip.ipv4_mapped
        if any(ip in network for network in self.deny):
            return False
        if self.allow and not any(ip in network for network in self.allow):
            return False
        return not any(port == used and self._hears(host, ip) for host, used in self.own())

    def _hears(self, host: str, ip: IPv4Address | IPv6Address) -> bool:
        """Whether we, listening on `host`, are called by calling `ip`."""
        listening = ip_address(host)
        # Listening everywhere: 127.0.0.1 is us, while 127.1.2.3 may be a simulated camera's socket,
        # which the kernel prefers only if it is bound more exactly; refuse every loopback address.
        is_here = listening.is_unspecified and (ip.is_loopback or self.is_local(str(ip)))
        return ip == listening or is_here
