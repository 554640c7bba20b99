"""The PLAY sessions a platform allows, shared by those who watch and those who probe."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from sys import maxsize
from typing import Protocol

from vidgate.aio.limits import Leave, Priority, Slots, SlotsTaken
from vidgate.errors import SessionsTakenError
from vidgate.model.channel import Channel, Platform
from vidgate.rtsp.player import Admit

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
        # Told of a session that was given back, and who had it; one that was refused is none.
        self.on_freed: Callable[[Channel, Priority], None] = lambda channel, by: None
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

    def held(self, platform: str) -> int:
        """The sessions of a platform that are held for people."""
        slots = self._slots.get(platform)
        return 0 if slots is None else slots.held

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
    async def look(self, channel: Channel) -> AsyncIterator[Admit]:
        """A look at the channel; `ahead` of them call their cameras while they wait.

        Raises as `Slots.hold` does.
        """
        slots = self.of(channel)
        is_slow = slots is not None and slots.is_slow(ahead(slots.capacity))
        hold = partial(self.hold, channel, Priority.PROBE)
        freed = partial(self.on_freed, channel, Priority.PROBE)
        async with _admission(hold, LOOK_WAIT if is_slow else None, TURN_WAIT, freed) as admit:
            yield admit

    @asynccontextmanager
    async def pull(self, channel: Channel, leave: Leave) -> AsyncIterator[Admit]:
        """A pull of the channel, whose session goes before every look's.

        `leave` ends it if nobody watches. Raises SessionsTakenError where no session can be had.
        """
        slots = self.of(channel)
        is_slow = slots is not None and slots.is_slow(maxsize)
        hold = partial(self.hold, channel, Priority.OPERATOR, leave=leave)
        freed = partial(self.on_freed, channel, Priority.OPERATOR)
        first = PERSON_WAIT if is_slow else None
        try:
            async with _admission(hold, first, PERSON_WAIT, freed) as admit:
                yield admit
        except SlotsTaken:
            raise _refusal(channel.platform, slots) from None

    def make_room(self) -> None:
        """Somebody watches something no longer: its session is for who waits for one."""
        for slots in self._slots.values():
            slots.make_room()


@asynccontextmanager
async def _admission(
    hold: Callable[..., AbstractAsyncContextManager[None]],
    first: float | None,
    later: float,
    freed: Callable[[], None],
) -> AsyncIterator[Admit]:
    """Takes a session when it is asked for, within `later` seconds, and keeps it to the end.

    Connecting and describing take several round trips, for which no session need stand idle, and a
    camera that does not answer takes none. Where the wait may last it comes before the camera is
    called: within `first` seconds. `freed` is told at the end, unless by a failure.
    """
    async with AsyncExitStack() as session:
        is_held = False

        def give_back(_: object, error: BaseException | None, __: object) -> None:
            if error is None or isinstance(error, asyncio.CancelledError):
                freed()

        async def admit(patience: float = later) -> None:
            nonlocal is_held
            if not is_held:
                is_held = True
                await session.enter_async_context(hold(patience=patience))
                session.push(give_back)

        if first is not None:
            await admit(first)
        yield admit


def _refusal(platform: str, slots: Slots | None) -> SessionsTakenError:
    names, number = ([], 0) if slots is None else (slots.names, slots.capacity)
    more = f" (+{len(names) - TOLD})" if len(names) > TOLD else ""
    return SessionsTakenError(
        f"平台 {platform} 的 {number} 路会话都被占用 / "
        f"all {number} sessions of platform {platform} are taken: "
        f"{', '.join(names[:TOLD])}{more}",
        hint="关闭其中一路, 或平台允许时提高它的 --slots / "
        "close one of them, or raise --slots if the platform allows more",
    )
