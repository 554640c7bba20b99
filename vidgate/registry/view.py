"""What the rest of the service reads of the register: from memory, at once."""

import asyncio
from collections.abc import Collection, Hashable, Mapping

from vidgate.errors import NotFoundError
from vidgate.model.channel import Channel, Kind, Login, Platform
from vidgate.model.media import Variant
from vidgate.registry.access import Access
from vidgate.registry.doubts import doubts
from vidgate.registry.edits import Credential, key
from vidgate.registry.planner import Register
from vidgate.registry.routes import Route
from vidgate.registry.url_forms import UrlForms
from vidgate.storage.database import CHUNK


class View:
    """One state of the register after the other; each is replaced as a whole."""

    def __init__(self) -> None:
        self._forms = UrlForms()
        self._take(Register())

    @property
    def channels(self) -> Mapping[str, Channel]:
        """All channels by lower-case id in register order; the mapping never changes."""
        return self._register.channels

    @property
    def platforms(self) -> Mapping[str, Platform]:
        """All platforms by id; the mapping never changes."""
        return self._register.platforms

    @property
    def credentials(self) -> Mapping[str, Credential]:
        """All credentials by name. Logins are in clear: never hand them to an interface."""
        return self._register.credentials

    def get(self, id_: str) -> Channel:
        """The channel of an id, ignoring case. Raises NotFoundError."""
        channel = self._register.channels.get(key(id_))
        if channel is None:
            raise NotFoundError(f"没有通道 {id_[:64]} / no such channel")
        return channel

    def platform(self, id_: str) -> Platform:
        """The platform of an id. Raises NotFoundError."""
        platform = self._register.platforms.get(id_)
        if platform is None:
            raise NotFoundError(f"没有平台 {id_[:64]} / no such platform")
        return platform

    @property
    def access(self) -> Access:
        """How channels are reached, as the register is now."""
        return self._access

    def login(self, channel: Channel) -> Login | None:
        """What the channel signs in with; None where it has no credential."""
        return self._access.login(channel)

    def logins(self, channel: Channel) -> Hashable:
        """All that the channel's camera and platform are told; see `Access.logins`."""
        return self._access.logins(channel)

    def place(self, channel: Channel) -> Hashable:
        """Where the channel's main stream is; see `Access.place`."""
        return self._access.place(channel)

    def shows(self, channel: Channel, credentials: Collection[str]) -> bool:
        """Whether its camera or platform is told one of these credentials."""
        return self._access.shows(channel, credentials)

    def route(self, channel: Channel, variant: Variant = Variant.MAIN) -> Route | None:
        """How the address of a channel's stream is found; None where there is no way."""
        return self._access.route(channel, variant)

    def address(self, channel: Channel, variant: Variant) -> str:
        """The channel's address without a login; empty where it must be asked for or is none."""
        route = self.route(channel, variant)
        return route.url if route else ""

    def has_sub(self, channel: Channel) -> bool:
        """Whether the channel has a sub-stream."""
        return self._access.has_sub(channel)

    def doubts(self, channel: Channel) -> list[tuple[str, str]]:
        """(field, sentence) for what is doubtful about a channel."""
        platform = self._register.platforms.get(channel.platform)
        return doubts(channel, platform, self._forms)

    async def without_address(self, platform: str) -> int:
        """How many accepted channels of a platform there is no way to, giving way to the loop."""
        count = 0
        for number, channel in enumerate(list(self._register.channels.values())):
            if number % CHUNK == 0:
                await asyncio.sleep(0)
            if channel.platform == platform and channel.is_accepted and channel.kind is Kind.RTSP:
                count += self.route(channel) is None
        return count

    def uses(self) -> dict[str, int]:
        """How many channels use each credential, by name or by pattern."""
        return self._access.uses()

    def users(self, name: str) -> list[Channel]:
        """The channels that use a credential. Raises NotFoundError."""
        if name not in self._register.credentials:
            raise NotFoundError(f"没有凭据 {name[:64]} / no such credential")
        return self._access.users(name)

    def _take(self, register: Register) -> None:
        self._register = register
        self._access = Access(register, self._forms)
