"""A source that does what the test tells it."""

import asyncio
from copy import copy

from vidgate.media.source import Publisher
from vidgate.model.media import Codec, Frame, StreamKey, Track

VIDEO = Track(id=0, codec=Codec.H264, clock_rate=90_000)
SOUND = Track(id=1, codec=Codec.PCMA, clock_rate=8_000)


class FakeSource:
    """Publishes what is put into `script`: frames, or an exception to fail with."""

    def __init__(self) -> None:
        self.runs = 0
        self.running = False
        self.key_frame_requests = 0
        self.script: asyncio.Queue[Frame | Exception] = asyncio.Queue()

    async def run(self, publisher: Publisher) -> None:
        """Publish until told to fail or cancelled."""
        self.runs += 1
        self.running = True
        try:
            first = await self.script.get()
            if isinstance(first, Exception):
                raise copy(first)  # kept by this frame, it would keep this frame
            publisher.start([VIDEO, SOUND])
            publisher.frame(first)
            while True:
                item = await self.script.get()
                if isinstance(item, Exception):
                    raise copy(item)
                publisher.frame(item)
        finally:
            self.running = False

    def request_key_frame(self) -> None:
        """Count the request."""
        self.key_frame_requests += 1


class Camera:
    """A factory that hands out the one fake source of each key."""

    def __init__(self) -> None:
        self.sources: dict[StreamKey, FakeSource] = {}

    def __call__(self, key: StreamKey) -> FakeSource:
        return self.sources.setdefault(key, FakeSource())


def picture(number: int, *, key: bool = False, size: int = 100, received: float = 0.0) -> Frame:
    """Frame `number` of a 25 fps stream."""
    return Frame(
        track=0,
        timestamp=number * 3600,
        key=key,
        units=(bytes([0x65 if key else 0x41]) + bytes(size - 1),),
        received=received or 1000.0 + number / 25,
    )


def sound(number: int) -> Frame:
    """Packet `number` of 20 ms sound."""
    return Frame(1, number * 160, False, (bytes(160),), 1000.0 + number / 50)
