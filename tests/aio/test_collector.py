"""When Python's collector of circles is at work, and over what."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress

import pytest

from tests.waiting import until
from vidgate.aio import collector


class Ring:
    """An object that holds itself."""

    def __init__(self) -> None:
        self.own = self


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(collector, "EVERY", 0.001)
    monkeypatch.setattr(collector, "CHECKED", 0.002)
    yield
    gc.unfreeze()


@asynccontextmanager
async def running(memory: list[int]) -> AsyncIterator[None]:
    """The collector at work; it is told the memories in turn, then the last for ever."""
    told = iter(memory)
    task = asyncio.create_task(collector.run(lambda: next(told, memory[-1])))
    await asyncio.sleep(0)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def full_collections() -> int:
    return int(gc.get_stats()[2]["collections"])


async def test_a_young_circle_goes_though_as_many_objects_go_as_come() -> None:
    usual = gc.get_threshold()
    async with running([0]):
        assert gc.get_threshold() == collector.THRESHOLDS
        gone = weakref.ref(Ring())
        await until(lambda: gone() is None)
    assert gc.get_threshold() == usual


async def test_all_is_looked_through_only_where_memory_has_grown() -> None:
    before = full_collections()
    old = [Ring()]
    gone = weakref.ref(old[0])
    gc.collect(1)  # no longer young
    async with running([0, collector.GROWTH, collector.GROWTH, collector.GROWTH]):
        old.clear()
        young = weakref.ref(Ring())
        await until(lambda: young() is None)
        assert gone() is not None
    assert full_collections() == before
    async with running([0, collector.GROWTH + 1]):
        await until(lambda: gone() is None)
    assert full_collections() == before + 1


def test_what_stands_is_not_walked_again() -> None:
    before = gc.get_freeze_count()
    kept = [[number] for number in range(1000)]
    collector.settle()
    assert gc.get_freeze_count() >= before + len(kept)


def test_the_memory_in_use_is_told() -> None:
    assert collector.resident() > 1 << 20
