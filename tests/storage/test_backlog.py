"""Writes that wait for the disk: kept, in order, bounded, told."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.waiting import until
from vidgate.aio.bus import Bus
from vidgate.aio.clock import ManualClock
from vidgate.model.user import Role
from vidgate.storage import backlog as module
from vidgate.storage.accounts import Accounts
from vidgate.storage.audit import Audit, Verification
from vidgate.storage.backlog import Backlog
from vidgate.storage.database import READERS, Database


class Disk:
    """A disk that takes nothing: SQLite's `query_only` on every connection of the pool."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def fill(self) -> None:
        """Every write is refused from now on."""
        await self._set("ON")

    async def free(self) -> None:
        """Writing works again."""
        await self._set("OFF")

    async def _set(self, value: str) -> None:
        async with AsyncExitStack() as stack:
            for _ in range(READERS + 1):
                session = await stack.enter_async_context(self._db.read())
                await session.exec_driver_sql(f"PRAGMA query_only={value}")


@pytest.fixture
def bus() -> Bus:
    return Bus()


@pytest.fixture
async def backlog(
    db: Database, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Backlog]:
    monkeypatch.setattr(module, "RETRY", 0.02)
    async with Backlog(db, bus) as backlog:
        yield backlog


@pytest.fixture
async def accounts(db: Database, backlog: Backlog) -> Accounts:
    accounts = Accounts(db, backlog=backlog)
    await accounts.add_user("admin", Role.ADMINISTRATOR, "$argon2id$1", "first start")
    return accounts


async def fill(audit: Audit, backlog: Backlog, db: Database) -> Disk:
    """A disk that has refused a row, which waits."""
    disk = Disk(db)
    await disk.fill()
    audit.note("wang", "stream.watch", "first")
    await until(lambda: backlog.state == "readonly")
    return disk


async def test_notes_wait_for_room_and_keep_their_time_order_and_chain(
    db: Database, backlog: Backlog, bus: Bus, clock: ManualClock
) -> None:
    audit = Audit(db, backlog)
    audit.note("wang", "stream.watch", "before")
    await until(lambda: not backlog.waiting)
    disk = await fill(audit, backlog, db)
    noted = clock.wall()
    for number in range(120):
        audit.note("wang", "stream.watch", str(number))
    assert backlog.waiting == 121
    clock.advance(600.0)
    await disk.free()
    await until(lambda: backlog.state == "ok")
    rows = list(reversed(await audit.rows(limit=200)))
    assert [row.object for row in rows] == ["before", "first", *map(str, range(120))]
    assert {row.time for row in rows} == {noted}
    assert await audit.verify() == Verification(122)
    told = [event.data["state"] for event in bus.since(0)[1] if event.type == "storage.state"]
    assert told == ["readonly", "ok"]


async def test_what_finds_no_room_in_memory_is_counted_in_the_table(
    db: Database, backlog: Backlog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LIMIT", 5)
    audit = Audit(db, backlog)
    disk = await fill(audit, backlog, db)
    for number in range(9):
        audit.note("wang", "stream.watch", str(number))
    assert (backlog.waiting, audit.lost) == (6, 5)
    await disk.free()
    await until(lambda: backlog.state == "ok")
    newest, *_ = await audit.rows()
    assert (newest.action, newest.detail) == ("audit.lost", '{"rows":5}')
    assert (await audit.verify()).broken is None


async def test_signing_in_and_out_works_from_memory(
    db: Database, backlog: Backlog, accounts: Accounts
) -> None:
    audit = Audit(db, backlog)
    await accounts.open_session("early", "admin", "10.0.0.1")
    disk = await fill(audit, backlog, db)
    for hash_ in ("one", "two"):
        await accounts.open_session(hash_ * 20, "admin", "10.0.0.1" * 8)
        assert await accounts.session(hash_ * 20) is not None
    await accounts.close_session("early")
    await accounts.close_session("two" * 20)
    assert await accounts.session("early") is None
    assert await accounts.session("two" * 20) is None
    await disk.free()
    await until(lambda: backlog.state == "ok")
    again = Accounts(db)  # as after a restart
    found = [await again.session(hash_) for hash_ in ("one" * 20, "two" * 20, "early")]
    assert [user is not None for user in found] == [True, False, False]
    actions = [row.action for row in reversed(await audit.rows())]
    assert actions.count("session.open") == 3
    assert actions.count("session.close") == 2


async def test_what_cannot_be_written_before_the_end_is_in_the_log(
    tmp_path: Path,
) -> None:
    async with Database(tmp_path / "other.db") as db:
        with capture_logs() as logs:
            async with Backlog(db) as backlog:
                _ = await fill(Audit(db, backlog), backlog, db)
    assert [one["write"] for one in logs if one["event"] == "not written before the end"] == [
        '["stream.watch","wang","first",{}]'
    ]


async def test_a_wrong_write_hurts_no_other(db: Database, backlog: Backlog) -> None:
    audit = Audit(db, backlog)

    async def wrong(session: object) -> None:
        await session.exec_driver_sql("INSERT INTO sessions VALUES ('h', 'nobody', 1, 1, '')")  # type: ignore[attr-defined]

    backlog.add(module.Write(wrong, "wrong"))
    audit.note("wang", "stream.watch", "1")
    await until(lambda: not backlog.waiting)
    assert [row.object for row in await audit.rows()] == ["1"]
    assert backlog.state == "ok"
