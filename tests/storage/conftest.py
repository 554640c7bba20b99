"""A fresh database whose clock the test moves."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from vidgate.aio.clock import ManualClock
from vidgate.storage.database import Database


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def db(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Database]:
    async with Database(tmp_path / "vidgate.db", clock=clock) as db:
        yield db
