import asyncio

import pytest

from tests.waiting import until
from vidgate.errors import LimitError
from vidgate.web.turns import Turns


async def test_so_many_at_once_and_so_many_waiting() -> None:
    turns, gate = Turns("test", at_once=2, waiting=1), asyncio.Event()
    inside = 0

    async def work() -> None:
        nonlocal inside
        async with turns.turn():
            inside += 1
            await gate.wait()
            inside -= 1

    async with asyncio.TaskGroup() as tasks:
        for _ in range(3):
            tasks.create_task(work())
        await until(lambda: inside == 2)
        with pytest.raises(LimitError):
            async with turns.turn():
                pass
        gate.set()
    async with turns.turn():  # all came out again
        assert inside == 0


async def test_one_who_gives_up_waiting_makes_room() -> None:
    turns = Turns("test", at_once=1, waiting=1)

    async def wait() -> None:
        async with turns.turn():
            pass

    async with turns.turn():
        waiting = asyncio.get_running_loop().create_task(wait())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
            second = tasks.create_task(wait())
            await asyncio.sleep(0)
            assert not second.done()
            second.cancel()
