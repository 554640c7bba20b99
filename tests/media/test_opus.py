"""Sound recoded on the service's side: places in time, failures, bounds; and a real worker."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

from tests.media.test_recode import encoded, frequency_of
from tests.waiting import until
from vidgate.media.opus import BACKLOG, OpusWorks, Recoding
from vidgate.media.recode import PACKET, RATE
from vidgate.media.worker import WorkerError, WorkerLimits, WorkerPool
from vidgate.model.media import Codec, Frame, Track

AAC = Track(1, Codec.AAC, 16000, parameter_sets=(b"\x14\x08",))
STEP = 1024  # ticks of a frame at 16 kHz


class FakePool:
    """Answers with a packet for each 1920 ticks of 48 kHz that were given."""

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.fails = False
        self.rest = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def run_within(
        self, timeout: float, function: Callable[..., Any], key: str, track: Track, units: Any
    ) -> list[bytes]:
        await self.gate.wait()
        self.calls.append(len(units))
        if self.fails:
            raise WorkerError("died")
        self.rest += 3 * STEP * len(units)
        count, self.rest = divmod(self.rest, PACKET)
        return [b"opus"] * count


class Bench:
    """A running recoding and what it gives."""

    def __init__(self, works: OpusWorks, track: Track) -> None:
        self.frames: list[Frame] = []
        self.recoding: Recoding = works.recoding(track, self.take)
        self.task = asyncio.create_task(self.recoding.run())

    async def take(self, frame: Frame) -> None:
        self.frames.append(frame)

    def push(self, first: int, count: int, units: Sequence[bytes] = ()) -> None:
        for number in range(first, first + count):
            unit = units[number] if units else b"aac"
            frame = Frame(1, number * STEP, True, (unit,), 10 + number * STEP / 16000)
            self.recoding.push(frame)

    @property
    def steps(self) -> set[int]:
        stamps = [frame.timestamp for frame in self.frames]
        return {b - a for a, b in zip(stamps, stamps[1:], strict=False)}


@asynccontextmanager
async def running(pool: FakePool | WorkerPool, track: Track = AAC) -> AsyncIterator[Bench]:
    works = OpusWorks(cast(WorkerPool, pool))
    bench = Bench(works, track)
    try:
        yield bench
    finally:
        bench.task.cancel()
        await asyncio.gather(bench.task, return_exceptions=True)
        assert works.streams == 0


async def test_packets_stand_where_their_sound_was() -> None:
    async with running(FakePool()) as bench:
        for number in range(20):
            bench.push(number, 1)
            await until(lambda number=number: len(bench.frames) >= number)  # type: ignore[misc]
        assert bench.frames[0].timestamp == 0
        assert bench.steps == {PACKET}
        for frame in bench.frames:
            assert abs(frame.received - 10 - frame.timestamp / RATE) < 1e-6


async def test_a_gap_moves_the_sound_to_its_place() -> None:
    async with running(FakePool()) as bench:
        bench.push(0, 5)
        await until(lambda: len(bench.frames) >= 7)
        bench.push(50, 5)  # 2.9 s are missing
        await until(lambda: len(bench.frames) >= 15)
        end = bench.frames[-1].timestamp + PACKET
        assert abs(end - 54 * STEP * 3) <= RATE // 5


async def test_a_dead_worker_costs_sound_alone() -> None:
    pool = FakePool()
    async with running(pool) as bench:
        pool.fails = True
        bench.push(0, 3)
        await until(lambda: bench.recoding.failures == 1)
        pool.fails = False
        bench.push(20, 3)
        await until(lambda: bench.frames)
        assert bench.frames[0].timestamp == 20 * STEP * 3


async def test_what_waits_is_bounded_and_goes_in_one_batch() -> None:
    pool = FakePool()
    pool.gate.clear()
    async with running(pool) as bench:
        bench.push(0, 1)
        await until(lambda: not bench.recoding._waiting)
        bench.push(1, 3 * BACKLOG)
        pool.gate.set()
        await until(lambda: len(pool.calls) == 2)
        assert pool.calls == [1, BACKLOG]


async def test_only_what_needs_it_and_can_be_had_is_offered() -> None:
    works = OpusWorks(cast(WorkerPool, FakePool()), limit=1)
    alaw = Track(1, Codec.PCMA, 8000)
    assert works.offers(alaw) is alaw
    assert works.offers(AAC) == Track(1, Codec.OPUS, RATE, channels=2)
    works.streams = 1
    assert works.offers(AAC) is AAC


async def test_a_real_worker_is_killed_and_the_tone_comes_back() -> None:
    track, units = encoded(616, 16000, 1)
    async with WorkerPool("sound", WorkerLimits(memory=1 << 30)) as pool:
        async with running(pool, track) as bench:
            bench.push(0, 20, units)
            await until(lambda: len(bench.frames) > 20, timeout=20)
            os.kill(pool.pids[0], signal.SIGKILL)
            before = len(bench.frames)
            bench.push(20, 5, units)
            await until(lambda: bench.recoding.failures == 1 or len(bench.frames) > before)
            bench.push(25, 6, units)
            await until(lambda: len(bench.frames) > before, timeout=20)
        assert pool.starts == 2
        assert abs(frequency_of([frame.units[0] for frame in bench.frames]) - 616) < 3
