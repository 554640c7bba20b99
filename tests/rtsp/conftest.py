"""Everything with a socket runs on both event loops: their transports differ."""

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Callable, Mapping

import pytest
import uvloop

from tests.waiting import until


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """CPython's own loop and the one that the service uses."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


def _descriptors() -> int:
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


@pytest.fixture
async def no_descriptor_left() -> AsyncIterator[None]:
    """As everywhere, but counted inside the loop: uvloop opens one of its own when it runs."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        asyncio.Protocol, "127.0.0.1", 0
    )  # makes it open all it needs
    server.close()
    await server.wait_closed()
    before = _descriptors()
    yield
    await until(lambda: _descriptors() <= before, timeout=2, what="descriptors left behind")
