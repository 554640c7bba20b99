"""What has sockets of its own runs on both event loops."""

import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop

Loops = Mapping[str, Callable[[], asyncio.AbstractEventLoop]]

BOTH = ("test_names.py",)


def pytest_asyncio_loop_factories(item: pytest.Item) -> Loops:
    """CPython's own loop, and where it matters the one that the service uses."""
    own = {"asyncio": asyncio.new_event_loop}
    return own | {"uvloop": uvloop.new_event_loop} if item.path.name in BOTH else own
