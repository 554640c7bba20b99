"""A new key while the service runs; and what holds when it stops half-way."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import select, update

from tests.registry.conftest import in_thread
from vidgate.aio.bus import Bus
from vidgate.errors import StorageError
from vidgate.model.channel import Login
from vidgate.registry.registry import Registry
from vidgate.storage import models
from vidgate.storage.audit import Audit
from vidgate.storage.database import Database
from vidgate.storage.secrets import SecretBox

URL = "rtsp://u:p@10.0.0.1/main"


async def sealed_values(db: Database) -> set[bytes]:
    async with db.read() as session:
        rows = await session.execute(select(models.credentials.c.sealed))
        return {row.sealed for row in rows}


async def reopened(db: Database, folder: Path) -> Registry:
    box = await asyncio.to_thread(SecretBox, folder)
    return Registry(db, box, Bus(), in_thread)


async def test_everything_opens_with_the_new_key_only(
    registry: Registry, db: Database, tmp_path: Path
) -> None:
    await registry.add({"id": "a", "name": "甲", "url": URL}, "wang")
    await registry.set_credential("x", "x", "one", "wang")
    await registry.set_credential("x", "x", "two", "wang")
    changed = (await registry.changes())[0]
    key = tmp_path / "secret.key"
    old, before = key.read_bytes(), await sealed_values(db)
    assert await registry.rotate_key("wang") == 2
    assert len(key.read_bytes()) == 32
    assert key.read_bytes() != old
    assert key.stat().st_mode & 0o777 == 0o600
    assert not before & await sealed_values(db)
    # The running register goes on, and what was kept of the past opens as well.
    assert registry.login(registry.get("a")) == Login("u", "p")
    await registry.undo(changed.id, "wang")
    assert registry.credentials["x"].login == Login("x", "one")
    assert (await Audit(db).verify()).broken is None
    async with await reopened(db, tmp_path) as again:
        assert again.login(again.get("a")) == Login("u", "p")
        assert again.credentials["x"].login == Login("x", "one")
    key.write_bytes(old)
    with pytest.raises(StorageError):
        async with await reopened(db, tmp_path):
            pass


async def test_a_rotation_cut_before_the_database_is_finished_at_the_next_start(
    registry: Registry, db: Database, box: SecretBox, tmp_path: Path
) -> None:
    await registry.add({"id": "a", "name": "甲", "url": URL}, "wang")
    before = await sealed_values(db)
    await asyncio.to_thread(box.add_key)
    assert len((tmp_path / "secret.key").read_bytes()) == 64
    async with await reopened(db, tmp_path) as again:
        assert again.login(again.get("a")) == Login("u", "p")
    assert len((tmp_path / "secret.key").read_bytes()) == 32
    assert not before & await sealed_values(db)


async def test_a_rotation_cut_after_the_database_is_finished_too(
    registry: Registry, db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await registry.add({"id": "a", "name": "甲", "url": URL}, "wang")

    def full(self: SecretBox) -> None:
        raise StorageError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(SecretBox, "drop_old_keys", full)
        with pytest.raises(StorageError):
            await registry.rotate_key("wang")
    assert len((tmp_path / "secret.key").read_bytes()) == 64
    await registry.set_credential("later", "l", "l", "wang")
    assert await registry.rotate_key("wang") == 2
    assert len((tmp_path / "secret.key").read_bytes()) == 32
    async with await reopened(db, tmp_path) as again:
        assert again.login(again.get("a")) == Login("u", "p")


async def test_nothing_is_lost_where_a_value_does_not_open(
    registry: Registry, db: Database, tmp_path: Path
) -> None:
    await registry.set_credential("x", "x", "one", "wang")
    async with db.write() as session:
        await session.execute(
            update(models.change_rows).values(
                after={"name": "x", "username": "x", "sealed": "AAAA"}
            )
        )
    with pytest.raises(StorageError):
        await registry.rotate_key("wang")
    assert len((tmp_path / "secret.key").read_bytes()) == 64
    assert registry.credentials["x"].login == Login("x", "one")


async def test_it_tells_how_far_it_is(registry: Registry) -> None:
    for number in range(3):
        await registry.set_credential(f"c{number}", "u", "p", "wang")
    seq = registry._bus.seq
    await registry.rotate_key("wang")
    _, events = registry._bus.since(seq)
    told = [event.data for event in events if event.type == "secret.rotation"]
    assert told[0] == {"done": 0, "total": 6}
    assert told[-1] == {"done": 6, "total": 6}
    assert [one["done"] for one in told] == sorted(one["done"] for one in told)
