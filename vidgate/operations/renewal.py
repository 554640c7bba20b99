"""Makes streams anew whose channel or credential changed."""

import asyncio
from collections.abc import Collection
from types import TracebackType
from typing import Protocol, Self

import structlog

from vidgate.aio.bus import Bus
from vidgate.aio.supervisor import Supervisor
from vidgate.errors import DeniedAddressError
from vidgate.media.hub import Hub
from vidgate.model.event import Event
from vidgate.model.health import State
from vidgate.model.media import StreamKey, StreamState

log = structlog.get_logger(__name__)

TOGETHER = 8  # streams that are ended at once: each may wait a second for its camera's good-bye
ANSWERING = frozenset({State.UP.label, State.DEGRADED.label, State.REACHABLE.label})


class Makers(Protocol):
    """Who makes the sources of a hub, and knows what of; see `Sources`."""

    def is_outdated(self, key: StreamKey) -> bool:
        """Whether the stream's last source was made of what has changed since."""
        ...

    def may_use(self, key: StreamKey, credential: str) -> bool:
        """Whether the stream may sign in with that credential."""
        ...

    def reopen(self, name: str) -> None:
        """A person has seen to the channel's login: it may be tried once more."""
        ...

    def keep_only(self, keys: Collection[StreamKey]) -> None:
        """Forget what the sources of other streams were made of."""
        ...


class Renewal:
    """Restarts the streams whose channel or credential changed, and none other.

    One of which no source can be made any more ends, with all who watch it: the channel was
    removed, or is not to be watched.

    A stream blocked by a refused password tries again only through this: when the credential is
    set, be it to the same, or when a probe has found that the camera takes it after all. One whose
    address was forbidden need not wait either, once a probe has found that it is not.
    """

    def __init__(self, sources: Makers, hub: Hub, bus: Bus) -> None:
        self._sources = sources
        self._hub = hub
        self._bus = bus
        self._tasks = Supervisor("renewal")

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._tasks.keep(self._follow, "follow")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._tasks.__aexit__(kind, error, trace)

    async def _follow(self) -> None:
        types = ("register.changed", "credential.changed", "platform.changed", "channel.state")
        async with self._bus.subscribe(types) as events:
            async for event in events:
                await self._renew(self._due(event))

    async def _renew(self, names: Collection[str]) -> None:
        turns = asyncio.Semaphore(TOGETHER)

        async def forget(name: str) -> None:
            async with turns:
                try:
                    await self._hub.forget(name)
                except Exception:  # or the others would be left half forgotten
                    log.exception("a stream cannot be made anew", channel=name)

        async with asyncio.TaskGroup() as group:
            for name in names:
                group.create_task(forget(name))

    def _due(self, event: Event) -> set[str]:
        """Names of the streams to be made anew."""
        if event.type == "channel.state":
            answers = event.data.get("state") in ANSWERING
            return {key.name for key in self._halted() if answers and key.name == event.object}
        self._sources.keep_only(self._hub.streams.keys())
        due = {key.name for key in self._hub.streams if self._sources.is_outdated(key)}
        if event.type == "credential.changed":
            halted = self._halted()
            mended = {key.name for key in halted if self._sources.may_use(key, event.object)}
            for name in mended:
                self._sources.reopen(name)
            due |= mended
        return due

    def _halted(self) -> list[StreamKey]:
        """Those that are not tried again by themselves, or not for minutes."""
        return [
            key
            for key, stream in self._hub.streams.items()
            if stream.state is StreamState.BLOCKED or isinstance(stream.error, DeniedAddressError)
        ]
