"""The database: SQLite in WAL mode, many readers, one writer, durable when a write returns."""

import asyncio
import fcntl
import json
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from sqlalchemy import Connection, event, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    IntegrityError,
    ProgrammingError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from vidgate.aio.clock import Clock, SystemClock
from vidgate.errors import ConflictError, SettingsError, StorageError
from vidgate.storage.migrations import upgrade
from vidgate.storage.models import meta

CHUNK = 200  # rows of one statement: more would hold the event loop for over 20 ms
BUSY_TIMEOUT = 5000  # milliseconds
READERS = 4

T = TypeVar("T")

# What keeps SQLite from writing, by its primary result code (sqlite.org/rescode.html).
TROUBLES = {
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_READONLY: "readonly",
    sqlite3.SQLITE_CANTOPEN: "readonly",
    sqlite3.SQLITE_BUSY: "busy",
    sqlite3.SQLITE_LOCKED: "busy",
    sqlite3.SQLITE_IOERR: "io",
    sqlite3.SQLITE_CORRUPT: "corrupt",
    sqlite3.SQLITE_NOTADB: "corrupt",
}

PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",  # a change that was answered for survives a power cut
    "PRAGMA foreign_keys=ON",
    f"PRAGMA busy_timeout={BUSY_TIMEOUT}",
)


def chunks(items: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """The items in lists that are short enough for one statement."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def compact(value: Any) -> str:
    """JSON without spaces, Chinese as it is."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class Database:
    """`async with Database(path_or_url) as db:` opens, locks and migrates it.

    Takes a path, or a URL `sqlite+aiosqlite:///PATH`. Raises ConflictError where another process
    has it open, StorageError where the disk or the file does not let us.

    `trouble` is why the last write failed that the disk refused; `storage.backlog` empties it.
    """

    def __init__(self, url: str | Path, *, clock: Clock | None = None) -> None:
        self.clock = clock or SystemClock()
        self.trouble = ""
        self.on_trouble: Callable[[], None] | None = None
        self._url = _parse(url)
        self._engine: AsyncEngine | None = None
        self._writing = asyncio.Lock()
        self._lock_file: int | None = None

    @property
    def path(self) -> Path:
        """The database file."""
        return Path(str(self._url.database))

    async def __aenter__(self) -> Self:
        self._engine = await asyncio.to_thread(self._prepare)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._engine is not None:
            await self._engine.dispose()
        if self._lock_file is not None:
            os.close(self._lock_file)  # which also unlocks
        self._engine = self._lock_file = None

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A consistent view; writes made meanwhile are not seen. Raises StorageError."""
        with translated():
            async with self._opened().connect() as session, session.begin():
                yield session

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """The one writer's transaction: committed at the end, rolled back on any error.

        Writers wait for each other here; keep the block short. Raises StorageError, and
        then nothing was written.
        """
        async with self._writing:
            try:
                with translated():
                    async with self._opened().connect() as session:
                        _ = await session.execution_options(writes=True)
                        async with session.begin():
                            yield session
            except StorageError as error:
                self._note(error)
                raise

    def _note(self, error: StorageError) -> None:
        """Remember why; a block may also raise a StorageError that is not the disk's."""
        if isinstance(error.__cause__, DBAPIError):
            self.trouble = _trouble(error.__cause__)
            if self.on_trouble is not None:
                self.on_trouble()

    async def is_ready(self) -> bool:
        """Whether the database answers; for `/readyz`."""
        try:
            async with self.read() as session:
                await session.execute(select(meta.c.key).limit(1))
        except StorageError:
            return False
        return True

    def _opened(self) -> AsyncEngine:
        if self._engine is None:
            raise StorageError("数据库未打开 / the database is not open")
        return self._engine

    def _prepare(self) -> AsyncEngine:
        """Make the file private, lock it for this process and bring its tables up to date."""
        path = self.path
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._lock_file = _lock(path.with_name(path.name + ".lock"))
        except OSError as error:
            raise StorageError(f"{path}: {error.strerror}") from error
        try:
            with translated():
                upgrade(path)
        except BaseException:
            os.close(self._lock_file)
            self._lock_file = None
            raise
        return self._create_engine()

    def _create_engine(self) -> AsyncEngine:
        engine = create_async_engine(
            self._url,
            pool_size=READERS + 1,
            max_overflow=0,
            pool_timeout=BUSY_TIMEOUT / 1000,
            json_serializer=compact,
        )
        event.listen(engine.sync_engine, "connect", _configure)
        event.listen(engine.sync_engine, "begin", _begin)
        return engine


def _parse(url: str | Path) -> URL:
    if isinstance(url, Path):
        return URL.create("sqlite+aiosqlite", database=str(url))
    hint = "本版本支持 sqlite+aiosqlite:///绝对路径 / use sqlite+aiosqlite:///PATH"
    if "://" not in url:
        return URL.create("sqlite+aiosqlite", database=url)
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise SettingsError("database.url 不是有效的地址 / is not a URL", hint=hint) from None
    if parsed.drivername != "sqlite+aiosqlite" or not parsed.database:
        raise SettingsError(f"database.url: {parsed.drivername} 不受支持", hint=hint)
    return parsed


def _lock(path: Path) -> int:
    """Two services on one file would each trust their own memory; the kernel frees it at death."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        raise ConflictError(
            f"{path.parent}: 另一个 vidgate 服务正在使用此数据目录 / in use by another service",
            hint="先停止它, 或用 VIDGATE_DATA 指定别的目录",
        ) from None
    return file


def _configure(connection: Any, _record: object) -> None:
    # The driver's own BEGIN would come late, before the first write only: reads of one block
    # would not be one view. `_begin` says it instead.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    # IMMEDIATE takes the write lock at once: a transaction that reads first and writes later
    # could otherwise fail with "database is locked" without the busy timeout being tried.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def translated() -> Iterator[None]:
    """Turn the driver's errors into StorageError; our own mistakes in SQL stay what they are."""
    try:
        yield
    except (IntegrityError, ProgrammingError):
        raise
    except DBAPIError as error:
        raise StorageError(
            f"数据库暂不可用 / database: {error.orig}", hint="检查磁盘空间和数据目录权限"
        ) from error
    except PoolTimeoutError as error:
        raise StorageError("数据库忙 / database is busy", hint="稍后重试") from error


def _trouble(error: DBAPIError) -> str:
    code = getattr(error.orig, "sqlite_errorcode", 0)
    return TROUBLES.get(code & 0xFF, "other")
