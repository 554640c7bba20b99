"""Slots are never exceeded; operators come before probes and take their slots."""

import asyncio

import pytest

from tests.waiting import until
from vidgate.aio.limits import Pace, Preempted, Priority, Slots


async def test_never_more_holders_than_slots() -> None:
    slots = Slots(3)
    most = 0

    async def work() -> None:
        nonlocal most
        async with slots.hold(Priority.PROBE):
            most = max(most, slots.used)
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for _ in range(50):
            group.create_task(work())
    assert most == 3
    assert slots.used == 0


async def test_an_operator_takes_a_probes_slot_at_once() -> None:
    slots = Slots(1)
    outcome: list[str] = []

    async def probe() -> None:
        try:
            async with slots.hold(Priority.PROBE):
                await asyncio.Event().wait()
        except Preempted:
            outcome.append("preempted")

    async with asyncio.TaskGroup() as group:
        group.create_task(probe())
        await until(lambda: slots.used == 1)
        async with asyncio.timeout(2), slots.hold(Priority.OPERATOR):
            outcome.append("watching")
    assert sorted(outcome) == ["preempted", "watching"]
    assert slots.used == 0


async def test_a_cancelled_probe_is_cancelled_not_preempted() -> None:
    slots = Slots(1)

    async def probe() -> None:
        async with slots.hold(Priority.PROBE):
            await asyncio.Event().wait()

    task = asyncio.create_task(probe())
    await until(lambda: slots.used == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert slots.used == 0


async def test_a_cancelled_waiter_gives_its_place_away() -> None:
    slots = Slots(1)
    async with slots.hold():
        waiter = asyncio.create_task(slots.hold(Priority.PROBE).__aenter__())
        await asyncio.sleep(0)
        waiter.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiter
    async with asyncio.timeout(1), slots.hold():
        assert slots.used == 1


async def test_zero_means_no_limit() -> None:
    slots = Slots(0)
    async with slots.hold(), slots.hold(), slots.hold():
        assert slots.used == 3


async def test_pace_spaces_its_callers() -> None:
    pace = Pace(100.0)
    loop = asyncio.get_running_loop()
    started = loop.time()
    for _ in range(5):
        await pace.wait()
    assert loop.time() - started >= 0.035
