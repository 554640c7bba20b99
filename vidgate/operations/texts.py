"""The worker of the register's texts: tables, pinyin, templates."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from vidgate.errors import InputError
from vidgate.media.worker import WorkerError, WorkerPool
from vidgate.registry.files import READERS
from vidgate.registry.tables import SPLIT, TOO_MUCH

T = TypeVar("T")
LARGE = 1 << 20  # bytes of a file, from which its worker is not kept
Readers = Mapping[Callable[..., Any], float]


class Texts:
    """Runs the register's functions in a worker; what somebody sent has a deadline of its own.

    A file that kills its worker, or keeps it too long, is a wrong file: InputError.
    """

    def __init__(self, pool: WorkerPool, *, readers: Readers = READERS) -> None:
        self._pool = pool
        self._readers = readers

    async def __call__(self, function: Callable[..., T], /, *args: Any) -> T:
        """The function's result; its errors are raised as they are."""
        timeout = self._readers.get(function)
        if timeout is None:
            return await self._pool.run(function, *args)
        try:
            return await self._pool.run_within(timeout, function, *args)
        except WorkerError:
            raise InputError(TOO_MUCH, hint=SPLIT) from None
        finally:
            # The memory of reading must not add up with that of pinyin's tables.
            if any(isinstance(one, bytes) and len(one) > LARGE for one in args):
                await self._pool.trim()
