"""The PLAY sessions a platform allows, shared by those who watch and those who probe."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Protocol

from vidgate.aio.limits import Leave, Priority, Slots, SlotsTaken
from vidgate.errors import SessionsTakenError
from vidgate.media.source import Publisher, Source
from vidgate.model.channel import Channel, Platform

PERSON_WAIT = 2.0  # seconds; a look, or a pull that nobody watches, has left long before
LOOK_WAIT = 30.0  # seconds; operators may hold all sessions of a platform for hours
TURN_WAIT = 10.0  # seconds; a connection that says nothing for longer may be ended
TOLD = 4  # holders that a refusal names


def ahead(slots: int) -> int:
    """How many looks may have called their cameras already, while that many sessions are used."""
    return 1 + slots // 4


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
        capacity = 0 if platform is None else max(0, platform.slots)
        slots = self._slots.get(channel.platform)
        if slots is None and capacity:
            slots = self._slots[channel.platform] = Slots(capacity)
        if slots is not None:
            slots.capacity = capacity
        return slots if capacity else None

    @asynccontextmanager
    async def hold(
        self,
        channel: Channel,
        priority: Priority,
        *,
        patience: float | None = None,
        leave: Leave | None = None,
    ) -> AsyncIterator[None]:
        """Hold a session of the channel's platform; parameters and errors are `Slots.hold`'s."""
        slots = self.of(channel)
        if slots is None:
            yield
            return
        async with slots.hold(priority, patience=patience, name=channel.id, leave=leave):
            yield

    @asynccontextmanager
    async def look(self, channel: Channel) -> AsyncIterator[Callable[[], Awaitable[None]]]:
        """A look at the channel; it awaits what is given here before it sets its session up.

        Connecting and describing take several round trips, for which no session need stand idle:
        `ahead` looks do that while they wait. Where that may last, because people hold all of
        them, the wait comes before the camera is called. Raises what `Slots.hold` does.
        """
        slots = self.of(channel)
        async with AsyncExitStack() as session:
            is_held = slots is None

            async def hold(patience: float = TURN_WAIT) -> None:
                nonlocal is_held
                if not is_held:
                    is_held = True
                    held = self.hold(channel, Priority.PROBE, patience=patience)
                    await session.enter_async_context(held)

            if slots is not None and slots.is_slow(ahead(slots.capacity)):
                await hold(LOOK_WAIT)
            yield hold

    def make_room(self) -> None:
        """Somebody watches something no longer: its session is for who waits for one."""
        for slots in self._slots.values():
            slots.make_room()

    def source(self, channel: Channel, source: Source, leave: Leave) -> Source:
        """The same source, holding a session of the platform while it runs, before any probe.

        `leave` ends the pull if nobody watches it. The source raises SessionsTakenError where no
        session can be had soon.
        """
        return _SlottedSource(self, channel, source, leave)


class _SlottedSource:
    def __init__(
        self, slots: PlatformSlots, channel: Channel, source: Source, leave: Leave
    ) -> None:
        self._slots = slots
        self._channel = channel
        self._source = source
        self._leave = leave

    async def run(self, publisher: Publisher) -> None:
        try:
            async with self._slots.hold(
                self._channel, Priority.OPERATOR, patience=PERSON_WAIT, leave=self._leave
            ):
                await self._source.run(publisher)
        except SlotsTaken:
            raise self._refusal() from None

    def request_key_frame(self) -> None:
        self._source.request_key_frame()

    def _refusal(self) -> SessionsTakenError:
        platform, slots = self._channel.platform, self._slots.of(self._channel)
        names, number = ([], 0) if slots is None else (slots.names, slots.capacity)
        more = f" (+{len(names) - TOLD})" if len(names) > TOLD else ""
        return SessionsTakenError(
            f"平台 {platform} 的 {number} 路会话都被占用 / "
            f"all {number} sessions of platform {platform} are taken: "
            f"{', '.join(names[:TOLD])}{more}",
            hint="关闭其中一路, 或平台允许时提高它的 --slots / "
            "close one of them, or raise --slots if the platform allows more",
        )
