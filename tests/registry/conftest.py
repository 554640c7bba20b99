"""A register on a fresh database. Worker functions run in a thread: the same code, no process."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from vidgate.aio.bus import Bus
from vidgate.aio.clock import ManualClock
from vidgate.registry.registry import Registry
from vidgate.storage.database import Database
from vidgate.storage.secrets import SecretBox

T = TypeVar("T")


async def in_thread(function: Callable[..., T], /, *args: Any) -> T:
    return await asyncio.to_thread(function, *args)


@pytest.fixture
def bus() -> Bus:
    return Bus()


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database(tmp_path / "vidgate.db", clock=ManualClock()) as db:
        yield db


@pytest.fixture
async def registry(db: Database, box: SecretBox, bus: Bus) -> AsyncIterator[Registry]:
    async with Registry(db, box, bus, in_thread) as registry:
        yield registry
