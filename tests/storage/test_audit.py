import sqlite3

import pytest

from vidgate.storage.audit import PAGE, Audit, Verification
from vidgate.storage.database import Database

DROP = "DROP TRIGGER audit_no_update; DROP TRIGGER audit_no_delete;"


async def filled(db: Database, count: int) -> Audit:
    audit = Audit(db)
    async with db.write() as session:
        for number in range(count):
            await audit.record(session, "张三", "channel.set", f"c{number}", {"名称": number})
    return audit


def tamper(db: Database, script: str) -> None:
    connection = sqlite3.connect(db.path)
    connection.executescript(script)
    connection.close()


async def test_rows_are_read_newest_first_in_pages(db: Database) -> None:
    audit = await filled(db, 5)
    first = await audit.rows(limit=2)
    assert [row.object for row in first] == ["c4", "c3"]
    assert [row.object for row in await audit.rows(before=first[-1].id)] == ["c2", "c1", "c0"]
    assert first[0].actor == "张三"
    assert first[0].detail == '{"名称":4}'


async def test_a_whole_chain_verifies_across_pages(db: Database) -> None:
    audit = await filled(db, PAGE + 3)
    assert await audit.verify() == Verification(PAGE + 3)
    assert await Audit(db).verify() == Verification(PAGE + 3)


async def test_an_empty_table_verifies(db: Database) -> None:
    assert await Audit(db).verify() == Verification(0)


@pytest.mark.parametrize(
    ("script", "broken"),
    [
        ("UPDATE audit SET actor = '李四' WHERE id = 3", 3),
        ("UPDATE audit SET detail = '{}' WHERE id = 1", 1),
        ("DELETE FROM audit WHERE id = 4", 4),
        ("DELETE FROM audit WHERE id = 4; UPDATE audit SET id = id - 1 WHERE id > 4", 4),
    ],
)
async def test_tampering_is_found(db: Database, script: str, broken: int) -> None:
    audit = await filled(db, 6)
    tamper(db, DROP + script)
    assert await audit.verify() == Verification(broken - 1, broken)


@pytest.mark.parametrize("script", ["UPDATE audit SET actor = 'x'", "DELETE FROM audit"])
async def test_the_table_itself_refuses_changes(db: Database, script: str) -> None:
    await filled(db, 1)
    with pytest.raises(sqlite3.IntegrityError, match="never changed"):
        tamper(db, script)


async def test_a_deed_that_fails_leaves_no_row(db: Database) -> None:
    audit = Audit(db)

    async def fail() -> None:
        async with db.write() as session:
            await audit.record(session, "a", "b", "c")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert await audit.rows() == []
