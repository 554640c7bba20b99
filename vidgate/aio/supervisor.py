"""Who starts a task owns it: supervision after Erlang's rules, in asyncio.

A worker runs once and raises; only `Supervisor` retries. One child's crash leaves its siblings
alone (a bare TaskGroup would cancel them). A permanent worker that cannot go on at all is told to
the loop's exception handler with the key `supervisor`, on which the process ends non-zero.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Any, Self

import structlog

from vidgate.aio.backoff import Backoff
from vidgate.errors import is_retryable

log = structlog.get_logger(__name__)

Worker = Callable[[], Awaitable[None]]


async def cancel_and_wait(*tasks: asyncio.Task[Any] | None) -> None:
    """Cancel the tasks and wait until each has ended; their errors are not raised here."""
    alive = [task for task in tasks if task is not None]
    for task in alive:
        task.cancel()
    if alive:
        await asyncio.gather(*alive, return_exceptions=True)


class Supervisor:
    """Owns the tasks of one part: `async with Supervisor("hub") as tasks:`.

    `keep` runs a permanent worker, restarted with backoff whenever it ends or fails; `start` runs
    a coroutine once and logs how it failed. Leaving the block cancels all and waits for them.
    """

    def __init__(self, name: str, *, stop_timeout: float = 10.0) -> None:
        self.name = name
        self.restarts = 0
        self.failures = 0
        self._stop_timeout = stop_timeout
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    def __len__(self) -> int:
        return len(self._tasks)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closed = True
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            _, pending = await asyncio.wait(self._tasks, timeout=self._stop_timeout)
            for task in pending:
                log.error("task does not stop", supervisor=self.name, task=task.get_name())

    def start(self, coroutine: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Run a coroutine once; a failure is logged and counted, and hurts nobody else."""
        if self._closed:
            coroutine.close()
            raise RuntimeError(f"supervisor {self.name} is closed")
        task = asyncio.get_running_loop().create_task(coroutine, name=f"{self.name}:{name}")
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def keep(self, worker: Worker, name: str, *, backoff: Backoff | None = None) -> None:
        """Run a worker for ever; each end or failure is followed by a new start after a delay."""
        task = self.start(self._keep(worker, name, backoff or Backoff()), name)
        task.add_done_callback(self._lost)

    async def _keep(self, worker: Worker, name: str, backoff: Backoff) -> None:
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            try:
                await worker()
                log.warning("worker ended", supervisor=self.name, worker=name)
            except Exception as error:
                if not is_retryable(error):
                    raise
                self.failures += 1
                log.exception("worker failed", supervisor=self.name, worker=name)
            if loop.time() - started > 60:
                backoff.reset()
            self.restarts += 1
            await asyncio.sleep(backoff.next())

    def _lost(self, task: asyncio.Task[Any]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            task.get_loop().call_exception_handler(
                {
                    "message": f"{task.get_name()} cannot go on",
                    "exception": error,
                    "supervisor": self.name,
                }
            )

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            return
        self.failures += 1
        log.error("task failed", supervisor=self.name, task=task.get_name(), exc_info=error)
