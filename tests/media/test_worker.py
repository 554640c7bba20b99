"""Work in another process: answers, errors, deadlines, deaths, limits, idleness."""

import asyncio
import ctypes
import gc
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from subprocess import Popen
from typing import Any

import pytest
import uvloop

from tests.descriptors import exhausted
from tests.waiting import until
from vidgate.errors import InputError
from vidgate.media.worker import WorkerError, WorkerLimits, WorkerPool


def _add(a: int, b: int) -> int:
    print("a stray print does no harm")
    return a + b


def _refuse() -> None:
    raise InputError("row 3: no", hint="fix it")


def _hang() -> None:
    time.sleep(600)


def _crash() -> None:
    ctypes.string_at(0)


def _grow() -> int:
    return len(bytearray(8 << 30))


def _loaded() -> list[str]:
    return list(sys.modules)


@pytest.fixture
async def pool() -> AsyncIterator[WorkerPool]:
    """One worker with a little memory."""
    async with WorkerPool("test", WorkerLimits(memory=1 << 30, idle=0.05)) as pool:
        yield pool


async def test_answers_and_reuses_the_process(pool: WorkerPool) -> None:
    assert await pool.run(_add, 1, 2) == 3
    assert await pool.run(_add, a=3, b=4) == 7
    assert pool.starts == 1


async def test_errors_arrive_as_they_are(pool: WorkerPool) -> None:
    with pytest.raises(InputError, match="row 3: no"):
        await pool.run(_refuse)
    assert await pool.run(_add, 1, 2) == 3


@pytest.mark.parametrize("deed", [_crash, os.abort])
async def test_a_dead_worker_is_replaced(pool: WorkerPool, deed: object) -> None:
    with pytest.raises(WorkerError, match="died"):
        await pool.run(deed)  # type: ignore[arg-type]
    assert await pool.run(_add, 1, 2) == 3


async def test_a_late_worker_is_killed(pool: WorkerPool) -> None:
    with pytest.raises(WorkerError, match="not done"):
        await pool.run_within(0.5, _hang)
    assert pool.pids == []


async def test_memory_is_limited(pool: WorkerPool) -> None:
    with pytest.raises(MemoryError):
        await pool.run(_grow)


async def test_an_idle_worker_leaves(pool: WorkerPool) -> None:
    await pool.run(_add, 1, 2)
    await until(lambda: not pool.pids)


async def test_free_workers_end_when_told(pool: WorkerPool) -> None:
    first = await pool.run(os.getpid)
    await pool.trim()
    assert pool.pids == []
    assert await pool.run(os.getpid) != first


async def test_a_worker_loads_only_what_it_needs(pool: WorkerPool) -> None:
    loaded = await pool.run(_loaded)
    assert not {"cv2", "av", "aiortc", "sqlalchemy", "aiohttp"} & set(loaded)


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.usefixtures("no_descriptor_left")
async def test_whoever_leaves_while_a_worker_is_begun_leaves_none_behind(
    turns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Popen[bytes]] = []

    def begin(*args: Any, **kwargs: Any) -> Popen[bytes]:
        begun.append(Popen(*args, **kwargs))
        return begun[-1]

    async with WorkerPool("test") as pool:
        monkeypatch.setattr(subprocess, "Popen", begin)
        task = asyncio.create_task(pool.run(_hang))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [child.pid for child in begun if child.returncode is None] == []


@pytest.fixture(scope="module")
def first_loop() -> None:
    """What uvloop keeps for the signals of all loops is there after the first."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.sleep(0))


@pytest.mark.parametrize("spare", range(4))
@pytest.mark.usefixtures("first_loop", "no_descriptor_left")
def test_a_worker_that_cannot_be_started_leaves_nothing_behind(spare: int) -> None:
    async def work() -> None:
        async with WorkerPool("test") as pool:
            with exhausted(but=spare), pytest.raises(WorkerError, match="cannot be started") as hit:
                await pool.run(_add, 1, 2)
            assert "LimitNOFILE" in hit.value.hint
            assert pool.starts == 0
            assert await pool.run(_add, 1, 2) == 3

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work())
    gc.collect()
