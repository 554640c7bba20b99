import asyncio
import sqlite3
import stat
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text

from vidgate.errors import ConflictError, SettingsError, StorageError
from vidgate.storage.database import Database
from vidgate.storage.models import meta


async def values(db: Database) -> dict[str, object]:
    async with db.read() as session:
        rows = await session.execute(select(meta))
        return {row.key: row.value for row in rows}


async def put(db: Database, key: str, value: object) -> None:
    async with db.write() as session:
        await session.execute(insert(meta), {"key": key, "value": value})


async def test_what_was_written_is_there_after_reopening(tmp_path: Path) -> None:
    async with Database(tmp_path / "a.db") as db:
        await put(db, "town", {"name": "城关镇"})
    async with Database(f"sqlite+aiosqlite:///{tmp_path}/a.db") as db:
        assert await values(db) == {"town": {"name": "城关镇"}}


async def test_an_error_in_the_block_rolls_back(db: Database) -> None:
    async def fail() -> None:
        async with db.write() as session:
            await session.execute(insert(meta), {"key": "a", "value": 1})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert await values(db) == {}


async def test_a_cancelled_writer_leaves_nothing_and_frees_the_lock(db: Database) -> None:
    inside = asyncio.Event()

    async def write() -> None:
        async with db.write() as session:
            await session.execute(insert(meta), {"key": "a", "value": 1})
            inside.set()
            await asyncio.Event().wait()

    async with asyncio.TaskGroup() as tasks:
        writer = tasks.create_task(write())
        await inside.wait()
        writer.cancel()
    await put(db, "b", 2)
    assert await values(db) == {"b": 2}


async def test_pragmas_hold_on_every_connection(db: Database) -> None:
    async with db.read() as one, db.read() as two, db.write() as three:
        for session in (one, two, three):
            wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
            for name, value in wanted.items():
                assert (await session.execute(text(f"PRAGMA {name}"))).scalar_one() == value


async def test_a_reader_keeps_its_view_while_a_writer_commits(db: Database) -> None:
    async with db.read() as session:
        before = (await session.execute(select(meta))).all()
        await put(db, "a", 1)
        assert (await session.execute(select(meta))).all() == before == []
    assert await values(db) == {"a": 1}


async def test_many_writers_wait_for_each_other(db: Database) -> None:
    async with asyncio.TaskGroup() as tasks:
        for number in range(50):
            _ = tasks.create_task(put(db, str(number), number))
    assert len(await values(db)) == 50


async def test_a_second_service_on_the_same_file_is_refused(db: Database) -> None:
    with pytest.raises(ConflictError, match="正在使用"):
        async with Database(db.path):
            pass


async def test_the_lock_goes_with_the_service(tmp_path: Path) -> None:
    async with Database(tmp_path / "a.db") as first:
        assert await first.is_ready()
    assert not await first.is_ready()
    async with Database(tmp_path / "a.db") as second:
        assert await second.is_ready()


async def test_files_are_private(db: Database) -> None:
    await put(db, "a", 1)
    for path in db.path.parent.glob("vidgate.db*"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


async def test_a_lock_held_from_outside_is_a_storage_error(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with db.write() as session:
        await session.execute(text("PRAGMA busy_timeout=1"))
    other = sqlite3.connect(db.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(StorageError, match="locked"):
            await put(db, "a", 1)
    finally:
        other.close()
    await put(db, "a", 1)


async def test_a_full_disk_is_a_storage_error_and_reading_goes_on(db: Database) -> None:
    await put(db, "a", 1)
    async with db.write() as session:
        pages = (await session.execute(text("PRAGMA page_count"))).scalar_one()
        await session.execute(text(f"PRAGMA max_page_count={pages}"))
    with pytest.raises(StorageError, match="full"):
        await put(db, "b", "x" * 1_000_000)
    assert await values(db) == {"a": 1}


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(b"not a database at all, " * 100)
    with pytest.raises(StorageError, match="不是可用的数据库"):
        async with Database(path):
            pass
    path.unlink()
    async with Database(path) as db:  # and the lock was given back
        assert await db.is_ready()


async def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError):
        async with Database(tmp_path / "file" / "a.db"):
            pass


@pytest.mark.parametrize(
    "url", ["postgresql+asyncpg://h/db", "sqlite:///a.db", "://", "sqlite+aiosqlite://"]
)
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="database.url"):
        Database(url)


async def test_no_descriptor_is_left(tmp_path: Path, no_descriptor_left: None) -> None:
    async with Database(tmp_path / "a.db") as db:
        await put(db, "a", 1)
        assert await values(db) == {"a": 1}
