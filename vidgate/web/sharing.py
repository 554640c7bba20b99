"""The same long answer, asked for by many at once, is made once for all of them."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Sharing(Generic[T]):
    """Makes one thing at a time; who asks while it waits for its turn shares what it becomes.

    Nobody joins what has begun: all that happened before a question is in its answer. One at a
    time, for each would add its piece to every turn of the loop, and short answers take several.
    """

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._waiting: dict[Hashable, asyncio.Future[T]] = {}

    async def get(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """What `make` makes, or what somebody else's does who asked for the same.

        Raises what that raises.
        """
        while (joined := self._waiting.get(key)) is not None:
            await asyncio.wait([joined])
            if not joined.cancelled():  # else its maker left: somebody else's turn to make it
                return joined.result()
        future = self._waiting[key] = asyncio.get_running_loop().create_future()
        try:
            async with self._turn:
                del self._waiting[key]
                made = await make()
                future.set_result(made)
                return made
        except Exception as error:
            future.set_exception(error)
            future.exception()  # that nobody joined is no error of its own
            raise
        finally:
            if self._waiting.get(key) is future:
                del self._waiting[key]
            if not future.done():
                future.cancel()
