"""How channels are reached and with which login, as the register is at one moment.

A channel that names no credential gets the one whose patterns fit it best: all patterns that a
credential has must fit; the more of them, and the more exact the host, the better; then by name.
"""

import re
from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import replace
from fnmatch import translate
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

from vidgate.errors import InputError
from vidgate.model.channel import Channel, Login, Platform
from vidgate.model.media import Variant
from vidgate.registry import routes
from vidgate.registry.edits import PATTERNS, Credential
from vidgate.registry.fields import Parser, ascii_plain, text
from vidgate.registry.planner import Register
from vidgate.registry.routes import Route
from vidgate.registry.url_forms import UrlForms
from vidgate.wire.uri import canonical_host

Network = IPv4Network | IPv6Network


class Access:
    """Answers for one state of the register; made anew when it changes."""

    def __init__(self, register: Register, forms: UrlForms) -> None:
        self._register = register
        self._forms = forms
        found = [Pattern(one, forms) for one in register.credentials.values() if has_pattern(one)]
        self._patterns = sorted(found, key=lambda pattern: pattern.rank)
        self._fitting: dict[tuple[str, str, str], str] = {}  # names; all that patterns go by

    def credential(self, channel: Channel) -> str:
        """The name of the credential that the channel uses; empty where there is none."""
        if channel.credential:
            return channel.credential
        if not self._patterns:
            return ""
        given = channel.platform, channel.vendor, host_of(channel)
        name = self._fitting.get(given)
        if name is None:  # asked for each channel at each change, and few are like no other
            fitting = (one.name for one in self._patterns if one.fits(*given))
            name = self._fitting[given] = next(fitting, "")
        return name

    def login(self, channel: Channel) -> Login | None:
        """What the channel signs in with; None where it has no credential."""
        credential = self._register.credentials.get(self.credential(channel))
        return credential.login if credential else None

    def route(self, channel: Channel, variant: Variant) -> Route | None:
        """How the address of a channel's stream is found; None where there is no way."""
        platform = self._register.platforms.get(channel.platform)
        login = self.credential(channel), self.login(channel)
        route = routes.route_of(channel, variant, platform, self._forms, login)
        if route is None or route.question is None:
            return route
        return replace(route, question=replace(route.question, login=self._asker(channel)))

    def has_sub(self, channel: Channel) -> bool:
        """Whether there is a way to a sub-stream."""
        platform = self._register.platforms.get(channel.platform)
        return routes.has_sub(channel, platform, self._forms)

    def place(self, channel: Channel) -> Hashable:
        """Where the channel's main stream is: at another place there is another camera."""
        platform = self._register.platforms.get(channel.platform)
        return routes.place(channel, platform, self._forms)

    def logins(self, channel: Channel) -> Hashable:
        """All that the channel's camera and platform are told, and how: another may be let in."""
        platform = self._asked(channel)
        if platform is None:
            return self.login(channel), None, None
        how = tuple(platform.options.get(name, "") for name in ("auth", "method", "fingerprint"))
        return self.login(channel), how, self._asker(channel)

    def shows(self, channel: Channel, credentials: Collection[str]) -> bool:
        """Whether the channel's camera or platform is told one of these credentials."""
        platform = self._asked(channel)
        asker = platform.options.get("credential") if platform is not None else None
        return asker in credentials or self.credential(channel) in credentials

    def uses(self) -> dict[str, int]:
        """How many channels use each credential, by name or by pattern."""
        counts = dict.fromkeys(self._register.credentials, 0)
        for channel in self._register.channels.values():
            name = self.credential(channel)
            if name in counts:
                counts[name] += 1
        return counts

    def users(self, name: str) -> list[Channel]:
        """The channels that use a credential."""
        channels = self._register.channels.values()
        return [channel for channel in channels if self.credential(channel) == name]

    def _asker(self, channel: Channel) -> Login | None:
        platform = self._asked(channel)
        if platform is None:
            return None
        asker = self._register.credentials.get(platform.options.get("credential", ""))
        return asker.login if asker else None

    def _asked(self, channel: Channel) -> Platform | None:
        """The platform that is asked for the channel's address."""
        platform = self._register.platforms.get(channel.platform)
        is_asked = platform is not None and platform.resolver == routes.Way.HTTP
        return platform if is_asked and not routes.has_own(channel) else None


class Pattern:
    """The patterns of one credential, ready to be compared."""

    def __init__(self, credential: Credential, forms: UrlForms) -> None:
        self.name = credential.name
        self._platform = _glob(credential.platform)
        self._vendor = credential.vendor.lower()
        self._form = forms.find(credential.vendor) if credential.vendor else None
        self._forms = forms
        self._network = _network(credential.host)
        self._host = None if self._network else _glob(credential.host)
        given = sum(map(bool, (credential.platform, credential.host, credential.vendor)))
        self.rank = (-given, -_exactness(credential.host, self._network), credential.name)

    def fits(self, platform: str, vendor: str, host: str) -> bool:
        """Whether all patterns fit a channel of that platform and make, at that host."""
        if self._platform and not self._platform(platform):
            return False
        if self._vendor and not self._is_made(vendor):
            return False
        if self._network is None and self._host is None:
            return True
        return self._is_at(host)

    def _is_made(self, vendor: str) -> bool:
        if self._form is not None:
            return self._forms.find(vendor) is self._form
        return self._vendor in vendor.lower()

    def _is_at(self, host: str) -> bool:
        if self._host is not None:
            return self._host(host)
        address = _address(host)
        return self._network is not None and address is not None and address in self._network


@lru_cache(maxsize=1024)  # the patterns are gone through for one host after the other
def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def has_pattern(credential: Credential) -> bool:
    """Whether the credential is for channels that do not name it."""
    return bool(credential.platform or credential.host or credential.vendor)


def host_of(channel: Channel) -> str:
    """The host that the channel's addresses name; empty where its platform makes them."""
    if routes.has_own(channel):
        return canonical_host(urlsplit(channel.url or channel.sub_url).hostname or "")
    return canonical_host(channel.address)


def _glob(pattern: str) -> Callable[[str], bool] | None:
    if not pattern:
        return None
    compiled = re.compile(translate(pattern.lower()))
    return lambda value: compiled.fullmatch(value.lower()) is not None


def _network(host: str) -> Network | None:
    try:
        return ip_network(host, strict=False) if "/" in host else None
    except ValueError:
        return None


def _exactness(host: str, network: Network | None) -> int:
    if network is not None:
        return network.prefixlen
    return len(host) if "*" in host or "?" in host else 1000 * bool(host)


def _host_pattern(cell: Any) -> str:
    value = ascii_plain(cell).lower()
    if "/" in value and _network(value) is None:
        raise ValueError("应为网段，例如 10.1.0.0/16")
    if len(value) > 255 or not re.fullmatch(r"[a-z0-9.:*?/_-]*", value):
        raise ValueError("应为主机、网段（10.1.0.0/16）或通配（10.1.*）")
    return value


PATTERN_FIELDS: dict[str, Parser] = {
    "platform": text(64),
    "host": _host_pattern,
    "vendor": text(64),
}


def patterns_of(credential: Credential) -> dict[str, str]:
    """The patterns of a credential by name."""
    return {name: getattr(credential, name) for name in PATTERNS}


def parse_patterns(current: Credential | None, given: Mapping[str, str]) -> dict[str, str]:
    """The patterns with those given set. Raises InputError naming every wrong one."""
    patterns = patterns_of(current) if current else dict.fromkeys(PATTERNS, "")
    mistakes = []
    for name, cell in given.items():
        try:
            patterns[name] = PATTERN_FIELDS[name](cell)
        except ValueError as error:
            mistakes.append(f"{name}: {error}")
    if mistakes:
        raise InputError("；".join(mistakes))
    return patterns
