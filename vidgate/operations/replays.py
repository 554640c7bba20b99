"""The sources of replays: what a channel's own device recorded, each viewer's a pull of its own."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from vidgate.aio.clock import Clock
from vidgate.errors import NotFoundError
from vidgate.health.limits import PlatformSlots
from vidgate.media.replay import ReplayKey
from vidgate.media.source import Source
from vidgate.model.channel import Channel, Kind
from vidgate.model.media import StreamKey
from vidgate.operations.refusals import Pull, Refusals
from vidgate.operations.sources import (
    Cameras,
    LocatedSource,
    Made,
    place_of,
    require_watchable,
)
from vidgate.rtsp.player import Admit


class Replays:
    """Makes the source of a replay. No other channel of the point stands in for it.

    A replay ends when that of which it was made changes; made anew it would begin once more.
    """

    def __init__(
        self, cameras: Cameras, slots: PlatformSlots, refusals: Refusals, clock: Clock
    ) -> None:
        self._cameras = cameras
        self._slots = slots
        self._refusals = refusals
        self._clock = clock
        self._used: dict[StreamKey, Made] = {}

    def __call__(self, key: StreamKey) -> Source:
        """The source of a `ReplayKey`.

        Raises NotFoundError where there can be none, ChannelDisabledError where there may be none.
        """
        channel = self._cameras.register.get(key.name)
        require_watchable(channel)
        if channel.kind is not Kind.RTSP or not isinstance(key, ReplayKey):
            raise NotFoundError(
                f"{channel.id}: 此接入方式没有录像回放 / kind {channel.kind} has no replay",
                hint="只有 RTSP 通道可以回放 / only channels by RTSP can be replayed",
            )
        return LocatedSource(
            lambda: self._cameras.locate(channel, key.variant),
            lambda: self._session(channel, key),
            self._clock,
            key.moments,
        )

    def is_outdated(self, key: StreamKey) -> bool:
        """Whether the replay's source was made of what has changed since."""
        register = self._cameras.register
        try:
            now = Made.of(register, register.get(key.name), key)
        except NotFoundError:
            return True
        return self._used.get(key, now) != now

    def may_use(self, key: StreamKey, credential: str) -> bool:
        """Never: a replay whose login is refused is over, and waits for no other."""
        return False

    def reopen(self, name: str) -> None:
        """Nothing waits for it here."""

    def keep_only(self, keys: Collection[StreamKey]) -> None:
        """Nothing is kept of a replay that does not run."""

    @asynccontextmanager
    async def _session(self, channel: Channel, key: ReplayKey) -> AsyncIterator[Admit]:
        """A session of the platform while the replay runs, of a camera that was not busy just now.

        A recorder that has no replay to spare may show live pictures still, and the reverse.
        """
        register = self._cameras.register
        made = self._used[key] = Made.of(register, channel, key)
        stream = StreamKey(channel.id, key.variant)
        pull = Pull(channel.id, stream, (Replays, made), place_of(register, channel))
        try:
            with self._refusals.heed(pull):
                async with self._slots.pull(channel, lambda: False) as admit:
                    yield admit
        finally:
            del self._used[key]
