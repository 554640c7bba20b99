"""Wait for a condition, never for a time."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def until(condition: Callable[[], T], *, timeout: float = 10.0, what: str = "") -> T:
    """Wait until `condition()` is true and return it; fails the test after `timeout` seconds."""
    deadline = asyncio.get_running_loop().time() + timeout
    while not (value := condition()):
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"not within {timeout:g} s: {what or condition}")
        await asyncio.sleep(0.01)
    return value
