"""Which channels there are, and what a change of the register means for what is known of them."""

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from vidgate.errors import NotFoundError
from vidgate.model.channel import Channel, Platform


class Register(Protocol):
    """What is read of the register."""

    @property
    def channels(self) -> Mapping[str, Channel]:
        """Every channel; the keys are the register's own."""
        ...

    @property
    def platforms(self) -> Mapping[str, Platform]:
        """Platforms by id."""
        ...

    def place(self, channel: Channel) -> Hashable:
        """Where it is now, by its own address or by what its platform makes."""
        ...

    def logins(self, channel: Channel) -> Hashable:
        """All that its camera and its platform are told now: another one may be let in."""
        ...

    def shows(self, channel: Channel, credentials: Collection[str]) -> bool:
        """Whether its camera or its platform is told one of these credentials."""
        ...


class Kind(Enum):
    """What happened to a channel."""

    ADDED = auto()
    MOVED = auto()  # another address: another camera as far as anybody knows
    RENEWED = auto()  # another login: what was refused may be granted, and the other way round
    EDITED = auto()  # anything else
    REMOVED = auto()


@dataclass(frozen=True, slots=True)
class Change:
    """One channel's change; `before` is None for a new one, and may be the same: its platform can
    lead elsewhere, or its credential hold another login.

    `is_renewed`: it has another login too, whatever else happened to it.
    """

    kind: Kind
    channel: Channel
    before: Channel | None = None
    is_renewed: bool = False


class Roster:
    """The channels as they were when last compared with the register, by their ids."""

    def __init__(self, register: Register) -> None:
        self.channels: dict[str, Channel] = {}
        self._register = register
        self._ids: dict[str, str] = {}  # lower case to the id itself
        self._places: dict[str, Hashable] = {}
        self._logins: dict[str, Hashable] = {}

    @property
    def platforms(self) -> Mapping[str, Platform]:
        """Platforms by id, as they are now."""
        return self._register.platforms

    def listed(self) -> Iterable[Channel]:
        """The channels that the register lists now, compared with or not."""
        return self._register.channels.values()

    def find(self, id_: str) -> Channel | None:
        """The channel of that id, whatever its case."""
        return self.channels.get(self._ids.get(id_.lower(), id_))

    def get(self, id_: str) -> Channel:
        """The same; raises NotFoundError."""
        channel = self.find(id_)
        if channel is None:
            raise NotFoundError(f"没有通道 {id_} / no such channel")
        return channel

    def platform(self, channel: Channel) -> Platform | None:
        """The platform that the channel comes through."""
        return self._register.platforms.get(channel.platform)

    def compare(self, credentials: Collection[str] = ()) -> Iterator[Change | None]:
        """Take over what the register holds now; `credentials` were set anew.

        Gives one item for each channel, None where nothing changed, so that whoever goes through
        them can give way in between.
        """
        for channel in list(self._register.channels.values()):
            yield self._take(channel, credentials)
        known = {channel.id for channel in self._register.channels.values()}
        for id_ in [id_ for id_ in self.channels if id_ not in known]:
            yield Change(Kind.REMOVED, self._remove(id_))

    def _take(self, channel: Channel, credentials: Collection[str]) -> Change | None:
        id_ = channel.id
        before, login = self.channels.get(id_), self._register.logins(channel)
        place = channel.kind, channel.transport, self._register.place(channel)
        is_renewed = login != self._logins.get(id_) or (
            bool(credentials) and self._register.shows(channel, credentials)
        )
        is_moved = place != self._places.get(id_)
        if before is channel and not (is_moved or is_renewed):
            return None
        self.channels[id_] = channel
        self._ids[id_.lower()] = id_
        self._places[id_] = place
        self._logins[id_] = login
        if before is None:
            return Change(Kind.ADDED, channel)
        if is_moved:
            return Change(Kind.MOVED, channel, before, is_renewed)
        return Change(Kind.RENEWED if is_renewed else Kind.EDITED, channel, before, is_renewed)

    def _remove(self, id_: str) -> Channel:
        self._places.pop(id_, None)
        self._logins.pop(id_, None)
        if self._ids.get(id_.lower()) == id_:
            del self._ids[id_.lower()]
        return self.channels.pop(id_)
