"""So many at once, so many waiting, and the rest is told to come back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from vidgate.errors import LimitError


class Turns:
    """`async with turns.turn():` waits for one of `at_once`; LimitError when `waiting` wait."""

    def __init__(self, what: str, *, at_once: int, waiting: int) -> None:
        self._what = what
        self._slots = asyncio.Semaphore(at_once)
        self._room = at_once + waiting
        self._here = 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn and hold it inside the block."""
        if self._here >= self._room:
            raise LimitError(f"{self._what}: 请求过多，请稍后再试 / too many at once")
        self._here += 1
        try:
            async with self._slots:
                yield
        finally:
            self._here -= 1
