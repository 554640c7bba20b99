"""Writes that nobody waits for, and those that wait for the disk: in order, in memory, bounded.

While the database cannot be written (a full disk above all) video and reading go on, and what must
not be lost waits here: audit rows and sessions. Publishes `storage.state` (object: database; data:
state, since, waiting, lost) when writing fails and when it works again.
"""

import asyncio
import os
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import islice
from types import TracebackType
from typing import Self

import structlog
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from vidgate.aio.bus import Bus
from vidgate.aio.supervisor import Supervisor
from vidgate.errors import StorageError
from vidgate.storage.database import Database
from vidgate.storage.models import meta

log = structlog.get_logger(__name__)

LIMIT = 10_000  # writes that wait: some 5 MiB
BATCH = 100  # writes in one transaction
RETRY = 2.0  # seconds between two tries while the disk refuses
ROOM = 1 << 20  # bytes that must be free again before all is said to be well
CLOSE_TIMEOUT = 3.0
OK = "ok"


Run = Callable[[AsyncConnection], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Write:
    """One deferred write.

    `run` gets the writer's transaction and may be called again after a refusal; `written` is called
    once it is on disk. `what` tells of it in the log, should it never get there.
    """

    run: Run
    what: str
    written: Callable[[], object] = lambda: None


class Backlog:
    """`async with Backlog(db, bus) as backlog:` writes in the background what `add` is given."""

    def __init__(self, db: Database, bus: Bus | None = None) -> None:
        self.lost = 0
        self.since: float | None = None
        self._db = db
        self._bus = bus
        self._queue: deque[Write] = deque()
        self._writing = asyncio.Lock()
        self._wake = asyncio.Event()
        self._tasks = Supervisor("backlog")

    @property
    def state(self) -> str:
        """`ok`, or what keeps the database from being written; see `storage.database.TROUBLES`."""
        return self._db.trouble or OK

    @property
    def waiting(self) -> int:
        """Writes that are not on disk yet."""
        return len(self._queue)

    @property
    def free(self) -> int:
        """Bytes that the disk of the database has left for us."""
        found = os.statvfs(self._db.path.parent)
        return found.f_bavail * found.f_frsize

    async def __aenter__(self) -> Self:
        self._db.on_trouble = self._failed
        await self._tasks.__aenter__()
        self._tasks.keep(self._run, "write")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._tasks.__aexit__(kind, error, trace)
        self._db.on_trouble = None
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self.flush()
        except (StorageError, TimeoutError):
            pass
        for write in self._queue:  # the log is then the only place that has it
            log.error("not written before the end", write=write.what)

    def add(self, write: Write, *, over: int = 0) -> bool:
        """Write it soon; False (and counted) when too many wait. `over`: so many more may."""
        if len(self._queue) >= LIMIT + over:
            self.lost += 1
            return False
        self._queue.append(write)
        self._wake.set()
        return True

    async def flush(self) -> None:
        """Write all that waits. Raises StorageError, and then what is left still waits."""
        async with self._writing:
            while self._queue:
                await self._write_batch()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue or self._db.trouble:
                if not await self._try():
                    await asyncio.sleep(RETRY)

    async def _try(self) -> bool:
        try:
            await self.flush()
            if self._db.trouble:
                await self._prove()
        except StorageError:
            return False
        if self._db.trouble:
            if await asyncio.to_thread(lambda: self.free) < ROOM:
                return False  # small writes find room in the log that is there; others do not
            self._recovered()
        return True

    async def _write_batch(self) -> None:
        batch = list(islice(self._queue, BATCH))
        try:
            await self._write(batch)
        except SQLAlchemyError:  # not the disk: one of them is wrong, and hurts no other
            for write in batch:
                await self._write_alone(write)

    async def _write_alone(self, write: Write) -> None:
        try:
            await self._write([write])
        except SQLAlchemyError:
            log.exception("deferred write failed", write=write.what)
            _ = self._queue.popleft()

    async def _write(self, writes: list[Write]) -> None:
        async with self._db.write() as session:
            for write in writes:
                await write.run(session)
        for write in writes:
            _ = self._queue.popleft()
            write.written()

    async def _prove(self) -> None:
        """Write something, so that nobody has to try a change in order to find out."""
        statement = upsert(meta).values(key="written", value=self._db.clock.wall())
        statement = statement.on_conflict_do_update(
            index_elements=["key"], set_={"value": statement.excluded.value}
        )
        async with self._db.write() as session:
            await session.execute(statement)

    def _failed(self) -> None:
        if self.since is None:
            self.since = self._db.clock.wall()
            log.error("the database cannot be written", trouble=self.state, waiting=self.waiting)
            self._tell()
        self._wake.set()

    def _recovered(self) -> None:
        lasted = self._db.clock.wall() - (self.since or 0.0)
        self._db.trouble, self.since = "", None
        log.warning("the database can be written again", seconds=round(lasted, 1), lost=self.lost)
        self._tell()

    def _tell(self) -> None:
        if self._bus is not None:
            told = {"state": self.state, "since": self.since}
            self._bus.publish(
                "storage.state", "database", told | {"waiting": self.waiting, "lost": self.lost}
            )
