"""Sound that browsers do not take, as Opus: made once for each stream, while someone listens.

The work is done in one worker process for all streams (`media.recode`). When it dies or hangs the
sound pauses and begins anew; pictures do not wait for it.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from itertools import count

import structlog

from vidgate.aio.backoff import Backoff
from vidgate.errors import LimitError
from vidgate.media.recode import DECODERS, PACKET, RATE, recode
from vidgate.media.worker import WorkerError, WorkerPool
from vidgate.model.media import Codec, Frame, Track

log = structlog.get_logger(__name__)

MAX_STREAMS = 32  # recoded at once: what one worker does with room to spare
BACKLOG = 64  # frames that may wait; beyond, the oldest are lost
DEADLINE = 5.0  # seconds for a batch, after which the worker is killed
SLACK = RATE // 5  # ticks by which the sound may be off its place before it is moved there

OnFrame = Callable[[Frame], Awaitable[None]]


class OpusWorks:
    """Recodes sound for a bounded number of streams at once."""

    def __init__(self, pool: WorkerPool, limit: int = MAX_STREAMS) -> None:
        self._pool = pool
        self._limit = limit
        self._names = count(1)
        self.streams = 0

    def offers(self, track: Track) -> Track:
        """The track as listeners may have it: as Opus where it must be recoded and can be."""
        if track.codec in DECODERS and track.parameter_sets and self.streams < self._limit:
            return Track(track.id, Codec.OPUS, RATE, channels=2)
        return track

    def recoding(self, track: Track, on_frame: OnFrame) -> "Recoding":
        """The recoding of one track, whose `run` does it."""
        return Recoding(self, self._pool, f"{next(self._names)}", track, on_frame)


class Recoding:
    """One track's way into Opus: `push` its frames while `run` runs."""

    def __init__(
        self, works: OpusWorks, pool: WorkerPool, key: str, track: Track, on_frame: OnFrame
    ) -> None:
        self.track = track
        self.failures = 0
        self._works = works
        self._pool = pool
        self._key = key
        self._on_frame = on_frame
        self._waiting: deque[Frame] = deque(maxlen=BACKLOG)
        self._came = asyncio.Event()
        self._next: int | None = None  # timestamp of the next packet, in ticks of Opus

    def push(self, frame: Frame) -> None:
        """Take a frame; never waits."""
        self._waiting.append(frame)
        self._came.set()

    async def run(self) -> None:
        """Recode until cancelled."""
        self._works.streams += 1
        backoff = Backoff(first=0.25, cap=10.0)
        try:
            while True:
                await self._came.wait()
                self._came.clear()
                frames = list(self._waiting)
                self._waiting.clear()
                if not frames or await self._recode(frames):
                    backoff.reset()
                else:
                    await asyncio.sleep(backoff.next())
        finally:
            self._works.streams -= 1

    async def _recode(self, frames: list[Frame]) -> bool:
        units = [unit for frame in frames for unit in frame.units]
        try:
            packets = await self._pool.run_within(DEADLINE, recode, self._key, self.track, units)
        except (WorkerError, LimitError) as error:
            self.failures += 1
            self._next = None
            log.warning("sound not recoded", reason=error.message, failures=self.failures)
            return False
        await self._give(frames, packets)
        return True

    async def _give(self, frames: list[Frame], packets: list[bytes]) -> None:
        place = self._ticks(frames[-1])
        if self._next is None:
            self._next = self._ticks(frames[0])
        # What has been given ends about where the newest frame begins, unless some were lost.
        adrift = place - (self._next + len(packets) * PACKET)
        if abs(adrift) > SLACK:
            self._next += adrift
        for packet in packets:
            # As if it had come by itself: so that sound and picture stay together.
            received = frames[-1].received + (self._next - place) / RATE
            await self._on_frame(Frame(self.track.id, self._next, True, (packet,), received))
            self._next += PACKET

    def _ticks(self, frame: Frame) -> int:
        return frame.timestamp * RATE // self.track.clock_rate
