"""The sources of replays: what a channel's own device recorded, each viewer's a pull of its own."""

from vidgate.aio.clock import Clock
from vidgate.errors import NotFoundError
from vidgate.health.limits import PlatformSlots
from vidgate.media.replay import ReplayKey
from vidgate.media.source import Source
from vidgate.model.channel import Kind
from vidgate.model.media import StreamKey
from vidgate.operations.sources import Cameras, LocatedSource


class Replays:
    """Makes the source of a replay. No other channel of the point stands in for it."""

    def __init__(self, cameras: Cameras, slots: PlatformSlots, clock: Clock) -> None:
        self._cameras = cameras
        self._slots = slots
        self._clock = clock

    def __call__(self, key: StreamKey) -> Source:
        """The source of a `ReplayKey`. Raises NotFoundError where there can be none."""
        channel = self._cameras.register.get(key.name)
        if channel.kind is not Kind.RTSP or not isinstance(key, ReplayKey):
            raise NotFoundError(
                f"{channel.id}: 此接入方式没有录像回放 / kind {channel.kind} has no replay",
                hint="只有 RTSP 通道可以回放 / only channels by RTSP can be replayed",
            )
        return LocatedSource(
            lambda: self._cameras.locate(channel, key.variant),
            lambda: self._slots.pull(channel, lambda: False),
            self._clock,
            key.moments,
        )
