"""The scheduler: one look at a time, limits, pace, people first, no result lost."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field

import pytest

from tests.health.fakes import FakeProber
from tests.waiting import until
from vidgate.aio.clock import Clock, ManualClock, SystemClock
from vidgate.aio.limits import BUNCH, MARGIN, Pace
from vidgate.aio.supervisor import Supervisor
from vidgate.health.checks import STOPPED, Plan
from vidgate.health.measure import Wish
from vidgate.health.scheduler import Job, Scheduler
from vidgate.model.channel import Channel
from vidgate.model.health import Level, ProbeResult, Reason

CHANNELS = {f"c{n}": Channel(id=f"c{n}", name="x", platform="p") for n in range(40)}


@dataclass
class Bench:
    """A scheduler with a fake prober; `heard` are the results it told of."""

    prober: FakeProber = field(default_factory=FakeProber)
    clock: Clock = field(default_factory=SystemClock)
    parallel: int = 320
    heard: list[ProbeResult] = field(default_factory=list)
    started: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.scheduler = Scheduler(
            self.look, self.prober, self.finished, self.clock, parallel=self.parallel
        )
        self.scheduler.follow_register(CHANNELS)

    async def look(self, job: Job) -> ProbeResult:
        """One look."""
        return await self.prober.probe(job.channel, job.level)

    def finished(self, job: Job, result: ProbeResult, started: float, ended: float) -> None:
        """Listen."""
        assert ended >= started
        self.heard.append(result)
        if self.scheduler.is_current(job):
            self.scheduler.plan(result.channel, STOPPED)
        self.started.append(started)

    async def ask(self, *ids: str, level: Level = Level.DESCRIBE) -> list[ProbeResult]:
        """Ask as a person does."""
        found = self.scheduler.ask([CHANNELS[id_] for id_ in ids], level)
        return [result async for result in found]

    def due(self, *ids: str) -> None:
        """Let the background want to describe."""
        for id_ in ids:
            self.scheduler.plan(id_, Plan(describe_at=self.clock.now()))


@asynccontextmanager
async def running(bench: Bench) -> AsyncIterator[Bench]:
    """The scheduler at work."""
    async with Supervisor("test") as tasks:
        tasks.keep(lambda: bench.scheduler.run(tasks), "schedule")
        yield bench
        if bench.prober.gate is not None:
            bench.prober.gate.set()
    bench.scheduler.close()


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    """A scheduler at work."""
    async with running(Bench()) as bench:
        yield bench


async def test_every_channel_asked_gives_one_result(bench: Bench) -> None:
    for _ in range(5):  # asking again at once must not join a look that has ended
        results = await bench.ask(*CHANNELS, *CHANNELS)
        assert sorted(result.channel for result in results) == sorted(CHANNELS)
    assert len(bench.heard) == 5 * len(CHANNELS)


async def test_lanes_and_the_whole_are_limited() -> None:
    async with running(Bench(FakeProber(limit=3))) as bench:
        await bench.ask(*CHANNELS)
        assert bench.prober.most == 3
    async with running(Bench(parallel=5)) as bench:
        await bench.ask(*CHANNELS)
        assert bench.prober.most == 5
        await until(lambda: (bench.scheduler.in_flight, bench.scheduler.waiting) == (0, 0))


async def test_people_join_a_look_under_way() -> None:
    gate = asyncio.Event()
    async with running(Bench(FakeProber(gate=gate))) as bench, asyncio.TaskGroup() as group:
        first = group.create_task(bench.ask("c1"))
        await until(lambda: bench.scheduler.in_flight == 1)
        second = group.create_task(bench.ask("c1"))
        deeper = group.create_task(bench.ask("c1", level=Level.MEDIA))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        gate.set()
    assert first.result() == second.result()
    assert deeper.result()[0].asked is Level.MEDIA
    assert bench.prober.asked == [("c1", Level.DESCRIBE), ("c1", Level.MEDIA)]
    assert bench.prober.most == 1


async def test_a_waiting_routine_look_is_brought_to_the_front() -> None:
    gate = asyncio.Event()
    async with running(Bench(FakeProber(gate=gate, limit=1))) as bench:
        bench.due("c0", "c1", "c2")
        await until(lambda: bench.scheduler.waiting == 2)
        async with asyncio.TaskGroup() as group:
            asked = group.create_task(bench.ask("c2", level=Level.MEDIA))
            await asyncio.sleep(0)
            gate.set()
        assert asked.result()[0].asked is Level.MEDIA
        await until(lambda: len(bench.heard) == 3)
    assert [id_ for id_, _ in bench.prober.asked] == ["c0", "c2", "c1"]


async def test_who_leaves_early_takes_what_waits_along() -> None:
    gate = asyncio.Event()
    async with running(Bench(FakeProber(gate=gate, limit=2))) as bench:
        async with aclosing(bench.scheduler.ask(CHANNELS.values(), Level.DESCRIBE)) as results:
            waiting = asyncio.ensure_future(anext(results))
            await until(lambda: bench.scheduler.in_flight == 2)
            gate.set()
            await waiting
            gate.clear()
        await until(lambda: bench.scheduler.in_flight <= 2)
        gate.set()
        await until(lambda: bench.scheduler.in_flight == 0)
    assert len(bench.prober.asked) <= 6


async def test_a_crashing_look_is_our_error() -> None:
    class Crashing(FakeProber):
        async def probe(
            self, channel: Channel, level: Level, wish: Wish = Wish.NOTHING
        ) -> ProbeResult:
            raise ZeroDivisionError

    async with running(Bench(Crashing())) as bench:
        (result,) = await bench.ask("c1")
    assert (result.reason, result.detail) == (Reason.ERROR, "ZeroDivisionError")


async def test_the_background_runs_what_is_due_when_it_is_due() -> None:
    clock = ManualClock()
    async with running(Bench(clock=clock)) as bench:
        bench.scheduler.plan("c1", Plan(describe_at=clock.now() + 60))
        bench.scheduler.plan("c2", Plan(describe_at=clock.now() + 60, media_at=clock.now() + 50))
        bench.scheduler.plan("c3", Plan(describe_at=clock.now() + 60))
        bench.scheduler.plan("c3", Plan(describe_at=clock.now() + 99))
        clock.advance(61)
        bench.scheduler.wake()
        await until(lambda: len(bench.heard) == 2)
    assert sorted(bench.prober.asked) == [("c1", Level.DESCRIBE), ("c2", Level.MEDIA)]


async def test_the_background_is_paced_and_people_are_not() -> None:
    clock = ManualClock()
    async with running(Bench(clock=clock)) as bench:
        bench.scheduler.pace = Pace(10.0)
        bench.due(*CHANNELS)
        await until(lambda: bench.heard)
        assert len(bench.heard) <= 1 + BUNCH  # not the whole second's in one instant
        await bench.ask("c30", "c31", "c32")
        while len(bench.heard) < len(CHANNELS):
            clock.advance(0.02)
            bench.scheduler.wake()
            for _ in range(4):
                await asyncio.sleep(0)
    paced = sorted(bench.started)
    assert all(sum(begin <= moment < begin + 1.0 for moment in paced) <= 10 + 3 for begin in paced)


async def test_a_late_loop_makes_up_for_the_pace_and_no_second_sees_too_many() -> None:
    clock = ManualClock()
    async with running(Bench(clock=clock)) as bench:
        bench.scheduler.pace = Pace(10.0)
        bench.due(*CHANNELS)
        await until(lambda: bench.heard)
        while len(bench.heard) < len(CHANNELS):
            clock.advance(0.25)  # two turns and a half
            bench.scheduler.wake()
            for _ in range(8):
                await asyncio.sleep(0)
    paced = sorted(bench.started)
    most = max(sum(begin <= moment < begin + 1.0 for moment in paced) for begin in paced)
    assert most == 10
    assert paced[-1] - paced[0] <= len(paced) / 10 * (MARGIN + 0.25)


async def test_a_loop_that_is_late_between_start_and_call_lets_no_second_see_too_many() -> None:
    clock, rng, called = ManualClock(), random.Random(4), list[float]()
    async with running(Bench(clock=clock)) as bench:
        bench.scheduler.pace = Pace(10.0)
        start, look = bench.scheduler._look, bench.look

        async def late(job: Job) -> None:
            clock.advance(rng.choice((0.0, 0.0, 0.3)))
            await start(job)

        async def noted(job: Job) -> ProbeResult:
            called.append(clock.now())
            return await look(job)

        bench.scheduler._look, bench.scheduler._probe = late, noted  # type: ignore[method-assign]
        bench.due(*CHANNELS)
        while len(bench.heard) < len(CHANNELS):
            clock.advance(0.02)
            bench.scheduler.wake()
            for _ in range(4):
                await asyncio.sleep(0)
    assert max(sum(begin <= at < begin + 1.0 for at in called) for begin in called) <= 10


async def test_a_viewer_gets_the_session_of_a_routine_look() -> None:
    gate = asyncio.Event()
    async with running(Bench(FakeProber(gate=gate))) as bench:
        bench.due("c1")
        await until(lambda: bench.scheduler.in_flight == 1)
        bench.scheduler.yield_to_viewer("c1")
        await until(lambda: bench.heard)
        assert bench.heard[0].reason is Reason.NOT_TESTED
        asked = asyncio.ensure_future(bench.ask("c2"))
        await until(lambda: bench.scheduler.in_flight == 1)
        bench.scheduler.yield_to_viewer("c2")  # a person asked: that one goes on
        gate.set()
        assert (await asked)[0].is_good


async def test_what_changed_meanwhile_makes_a_look_outdated() -> None:
    gate = asyncio.Event()
    current: list[bool] = []
    bench = Bench(FakeProber(gate=gate))
    bench.scheduler._finished = lambda job, *_: current.append(bench.scheduler.is_current(job))
    async with running(bench):
        asked = asyncio.ensure_future(bench.ask("c1"))
        await until(lambda: bench.scheduler.in_flight == 1)
        bench.scheduler.forget("c1")
        gate.set()
        assert (await asked)[0].is_good  # who asked hears it
        assert current == [False]
        await bench.ask("c1")
        assert current == [False, True]


async def test_a_plan_made_during_a_look_is_not_lost() -> None:
    gate = asyncio.Event()
    async with running(Bench(FakeProber(gate=gate))) as bench:
        bench.due("c1")
        await until(lambda: bench.scheduler.in_flight == 1)
        bench.scheduler.forget("c1")
        bench.due("c1")  # due while the cancelled look is still ending
        gate.set()
        await until(lambda: len(bench.prober.asked) >= 2)
