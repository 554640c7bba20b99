"""The worker of the register's texts: tables, pinyin, templates."""

from collections.abc import Callable
from typing import Any, TypeVar

from vidgate.errors import InputError
from vidgate.media.worker import WorkerError, WorkerPool
from vidgate.registry.files import READERS
from vidgate.registry.limits import PARSE_TIMEOUT
from vidgate.registry.tables import SPLIT, TOO_MUCH

T = TypeVar("T")


class Texts:
    """Runs the register's functions in a worker; what somebody sent has a deadline of its own.

    A file that kills its worker, or keeps it too long, is a wrong file: InputError.
    """

    def __init__(self, pool: WorkerPool, *, timeout: float = PARSE_TIMEOUT) -> None:
        self._pool = pool
        self._timeout = timeout

    async def __call__(self, function: Callable[..., T], /, *args: Any) -> T:
        """The function's result; its errors are raised as they are."""
        if function not in READERS:
            return await self._pool.run(function, *args)
        try:
            return await self._pool.run_within(self._timeout, function, *args)
        except WorkerError:
            raise InputError(TOO_MUCH, hint=SPLIT) from None
