"""Keeps the last picture of every channel: from probes, and from streams that nobody watches now.

A picture is made when its key frame passes, not when somebody asks: a cold tile shows it at once.
What waits for the decoder is bounded; the newest key frame of a channel replaces the one before.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from vidgate.aio.bus import Bus
from vidgate.aio.clock import Clock
from vidgate.aio.report import Report
from vidgate.aio.supervisor import Supervisor
from vidgate.errors import VidgateError
from vidgate.media import snapshot
from vidgate.media.stream import Picture, Stream
from vidgate.media.worker import WorkerPool
from vidgate.model.channel import Channel
from vidgate.storage.snapshots import Snapshot

EVERY = 240.0  # seconds: a probe's picture does not replace a younger one
DEADLINE = 10.0  # seconds for one picture
MAX_WAITING = 512  # key frames
MAX_WAITING_BYTES = 32 << 20


class Shelf(Protocol):
    """Where pictures are kept; see `vidgate.storage.snapshots`."""

    async def put(self, channel: str, snapshot: Snapshot) -> None: ...

    async def get(self, channel: str) -> Snapshot | None: ...

    async def age(self, channel: str, now: float) -> float | None: ...

    async def keep_only(self, channels: Collection[str]) -> None: ...


class Register(Protocol):
    """Who knows the channels."""

    @property
    def channels(self) -> Mapping[str, Channel]: ...


@dataclass(frozen=True, slots=True)
class _Waiting:
    picture: Picture
    time: float  # wall clock
    is_taken: bool  # from a stream, which offers none in vain


class Snapshots:
    """`see` and `take` take key frames without waiting; `get` gives the last picture."""

    def __init__(
        self, register: Register, shelf: Shelf, pool: WorkerPool, bus: Bus, clock: Clock
    ) -> None:
        self._register = register
        self._shelf = shelf
        self._pool = pool
        self._listening = bus.subscribe(["register.changed"])
        self._clock = clock
        self._tasks = Supervisor("snapshots")
        self._report = Report()
        self._waiting: OrderedDict[str, _Waiting] = OrderedDict()
        self._bytes = 0
        self._ready = asyncio.Event()

    async def __aenter__(self) -> Self:
        changes = await self._listening.__aenter__()
        await self._tasks.__aenter__()
        self._tasks.keep(self._make, "make")

        async def tidy() -> None:
            await self._shelf.keep_only(self._register.channels)
            async for _ in changes:
                await self._shelf.keep_only(self._register.channels)

        self._tasks.keep(tidy, "tidy")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._tasks.__aexit__(kind, error, trace)
        await self._listening.__aexit__(kind, error, trace)

    def see(self, picture: Picture) -> None:
        """A probe saw a picture."""
        self._enter(picture, is_taken=False)

    def take(self, stream: Stream) -> None:
        """A stream's last picture is worth keeping."""
        picture = stream.take_picture()
        if picture is not None:
            self._enter(picture, is_taken=True)

    async def get(self, channel: str) -> Snapshot | None:
        """The channel's last picture; None where none was ever seen. Raises StorageError."""
        return await self._shelf.get(channel)

    # -- inside ----------------------------------------------------------------------------------

    def _enter(self, picture: Picture, *, is_taken: bool) -> None:
        self._drop(picture.channel)
        time = self._clock.wall() - (self._clock.now() - picture.frame.received)
        self._waiting[picture.channel] = _Waiting(picture, time, is_taken)
        self._bytes += picture.frame.size
        while len(self._waiting) > MAX_WAITING or self._bytes > MAX_WAITING_BYTES:
            self._drop(next(iter(self._waiting)))
        self._ready.set()

    def _drop(self, channel: str) -> None:
        before = self._waiting.pop(channel, None)
        if before is not None:
            self._bytes -= before.picture.frame.size

    async def _make(self) -> None:
        while True:
            await self._ready.wait()
            if not self._waiting:
                self._ready.clear()
                continue
            channel, waiting = next(iter(self._waiting.items()))
            self._drop(channel)
            try:
                await self._keep(channel, waiting)
            except VidgateError as error:
                # Hostile or broken bytes, a dead worker, a full disk: the picture before stays.
                self._report.warning("lost", "no snapshot", channel=channel, error=error.message)

    async def _keep(self, channel: str, waiting: _Waiting) -> None:
        if channel not in self._register.channels:
            return  # removed while it was shown: its pictures go with it
        age = await self._shelf.age(channel, waiting.time)
        if age is not None and age < (0.0 if waiting.is_taken else EVERY):
            return
        picture = waiting.picture
        made = await self._pool.run_within(
            DEADLINE, snapshot.jpeg, picture.codec, picture.frame.units
        )
        await self._shelf.put(channel, Snapshot(made, waiting.time))
