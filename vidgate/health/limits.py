"""The PLAY sessions a platform allows, shared by those who watch and those who probe."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Protocol

from vidgate.aio.limits import Preempted, Priority, Slots
from vidgate.errors import BusyError
from vidgate.media.source import Publisher, Source
from vidgate.model.channel import Channel, Platform


class PlatformBook(Protocol):
    """Who knows the platforms."""

    @property
    def platforms(self) -> Mapping[str, Platform]:
        """Platforms by id, as they are now."""
        ...


class PlatformSlots:
    """One `Slots` for each platform, following what the register says it allows."""

    def __init__(self, register: PlatformBook) -> None:
        self._register = register
        self._slots: dict[str, Slots] = {}

    def of(self, channel: Channel) -> Slots | None:
        """The slots of the channel's platform; None where nothing is limited."""
        platform = self._register.platforms.get(channel.platform)
        if platform is None or platform.slots <= 0:
            return None
        slots = self._slots.get(platform.id)
        if slots is None:
            slots = self._slots[platform.id] = Slots(platform.slots)
        slots.capacity = platform.slots
        return slots

    @asynccontextmanager
    async def hold(self, channel: Channel, priority: Priority) -> AsyncIterator[None]:
        """Hold a session of the channel's platform; raises `Preempted` as `Slots.hold` does."""
        slots = self.of(channel)
        if slots is None:
            yield
            return
        async with slots.hold(priority):
            yield

    def source(self, channel: Channel, source: Source) -> Source:
        """The same source, holding a session of the platform while it runs, before any probe."""
        return _SlottedSource(self, channel, source)


class _SlottedSource:
    def __init__(self, slots: PlatformSlots, channel: Channel, source: Source) -> None:
        self._slots = slots
        self._channel = channel
        self._source = source

    async def run(self, publisher: Publisher) -> None:
        try:
            async with self._slots.hold(self._channel, Priority.OPERATOR):
                await self._source.run(publisher)
        except Preempted as error:  # operators take from probes, never from each other
            raise BusyError("the platform's session was given to somebody else") from error

    def request_key_frame(self) -> None:
        self._source.request_key_frame()
