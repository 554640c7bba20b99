import os
import signal
from collections.abc import AsyncIterator

import pytest

from tests.registry.files import HEADER, row, text
from vidgate.errors import InputError
from vidgate.media.worker import WorkerLimits, WorkerPool
from vidgate.operations.texts import LARGE, Texts
from vidgate.registry.sheet import parse_file


@pytest.fixture
async def pool() -> AsyncIterator[WorkerPool]:
    async with WorkerPool("text", WorkerLimits()) as pool:
        yield pool


async def test_what_is_asked_is_answered(pool: WorkerPool) -> None:
    assert await Texts(pool)(len, "abc") == 3
    parsed = await Texts(pool)(parse_file, "r.csv", text(HEADER, row(1)))
    assert parsed.sheets == ["r.csv"]


async def test_a_file_that_kills_its_reader_is_a_wrong_file(pool: WorkerPool) -> None:
    with pytest.raises(InputError, match="内存或时间"):
        await Texts(pool, readers={os.abort: 20.0})(os.abort)
    assert await Texts(pool)(len, "abc") == 3


async def test_a_file_that_takes_too_long_is_a_wrong_file(pool: WorkerPool) -> None:
    with pytest.raises(InputError, match="内存或时间"):
        await Texts(pool, readers={signal.pause: 0.01})(signal.pause)


async def test_the_memory_of_a_large_file_goes_with_its_worker(pool: WorkerPool) -> None:
    readers = {len: 20.0}
    await Texts(pool, readers=readers)(len, b"small")
    assert len(pool.pids) == 1
    await Texts(pool, readers=readers)(len, bytes(LARGE + 1))
    assert pool.pids == []
