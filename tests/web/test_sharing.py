"""Long answers that many ask for at once."""

import asyncio

import pytest

from tests.waiting import until
from vidgate.web.sharing import Sharing


class Maker:
    """Counts how often it is asked to make something, and makes it when told."""

    def __init__(self) -> None:
        self.begun = 0
        self.gate = asyncio.Event()

    async def __call__(self) -> int:
        self.begun += 1
        number = self.begun
        await self.gate.wait()
        return number


async def test_who_asks_while_it_waits_shares_it_and_nobody_joins_what_has_begun() -> None:
    sharing, maker = Sharing[int](), Maker()
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(sharing.get("all", maker))
        await until(lambda: maker.begun == 1)
        others = [tasks.create_task(sharing.get("all", maker)) for _ in range(50)]
        different = tasks.create_task(sharing.get("few", maker))
        await asyncio.sleep(0)
        assert maker.begun == 1, "one at a time"
        maker.gate.set()
    assert first.result() == 1
    assert {other.result() for other in others} == {2}
    assert different.result() == 3


async def test_all_who_share_are_told_of_a_failure_and_the_next_is_made_anew() -> None:
    sharing, maker = Sharing[int](), Maker()

    async def fail() -> int:
        raise ValueError("no")

    first = asyncio.create_task(sharing.get("other", maker))
    await until(lambda: maker.begun == 1)
    both = [asyncio.create_task(sharing.get("all", fail)) for _ in range(2)]
    await asyncio.sleep(0)
    maker.gate.set()
    assert await first == 1
    for result in await asyncio.gather(*both, return_exceptions=True):
        assert isinstance(result, ValueError)
    with pytest.raises(ValueError, match="no"):
        await sharing.get("all", fail)
    assert await sharing.get("all", maker) == 2


async def test_who_gives_up_waiting_leaves_nothing_to_join() -> None:
    sharing, maker = Sharing[int](), Maker()
    first = asyncio.create_task(sharing.get("other", maker))
    await until(lambda: maker.begun == 1)
    impatient = asyncio.create_task(sharing.get("all", maker))
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.wait([impatient])
    maker.gate.set()
    assert await first == 1
    assert await sharing.get("all", maker) == 2


async def test_that_its_maker_leaves_ends_nobody_else() -> None:
    sharing, maker = Sharing[int](), Maker()
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(sharing.get("other", maker))
        await until(lambda: maker.begun == 1)
        second = asyncio.create_task(sharing.get("all", maker))
        await asyncio.sleep(0)
        others = [tasks.create_task(sharing.get("all", maker)) for _ in range(3)]
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.wait([second])
        maker.gate.set()
    assert first.result() == 1
    assert {other.result() for other in others} == {2}
