"""Workers are restarted, siblings live on, everything ends with the block."""

import asyncio

import pytest

from tests.waiting import until
from vidgate.aio.backoff import Backoff
from vidgate.aio.supervisor import Supervisor, cancel_and_wait
from vidgate.errors import InputError


async def test_a_failing_worker_is_restarted_and_its_sibling_unharmed() -> None:
    runs = 0
    cancelled: list[str] = []

    async def failing() -> None:
        nonlocal runs
        runs += 1
        raise RuntimeError("boom")

    async def sibling() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append("sibling")
            raise

    async with Supervisor("test") as tasks:
        tasks.keep(failing, "failing", backoff=Backoff(first=0.001, cap=0.002))
        tasks.keep(sibling, "sibling")
        await until(lambda: runs >= 3)
        assert cancelled == []
    assert cancelled == ["sibling"]
    assert tasks.failures >= 3


async def test_a_closed_supervisor_refuses_work() -> None:
    async with Supervisor("test") as tasks:
        pass

    async def work() -> None:
        pass

    with pytest.raises(RuntimeError, match="closed"):
        _ = tasks.start(work(), "late")


async def test_a_single_failure_is_counted_and_hurts_nobody() -> None:
    async def work() -> None:
        raise ValueError("boom")

    async with Supervisor("test") as tasks:
        await asyncio.wait([tasks.start(work(), "once")])
        await until(lambda: tasks.failures == 1)
        assert len(tasks) == 0


async def test_cancel_and_wait_accepts_none() -> None:
    task = asyncio.create_task(asyncio.Event().wait())
    await cancel_and_wait(task, None)
    assert task.cancelled()


async def test_a_permanent_worker_that_cannot_go_on_is_told_to_the_process() -> None:
    told: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))

    async def hopeless() -> None:
        raise InputError("the settings make no sense")

    async with Supervisor("test") as tasks:
        tasks.keep(hopeless, "hopeless")
        await until(lambda: told)
    assert told[0]["supervisor"] == "test"
