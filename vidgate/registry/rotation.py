"""A new secret.key while the service runs: everything sealed is sealed anew, in one transaction.

Until it is written, the key file holds both keys, and whatever happens in between either opens.
"""

import asyncio
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from vidgate.aio.bus import Bus
from vidgate.registry.edits import Credential
from vidgate.registry.store import chunks
from vidgate.storage import models
from vidgate.storage.audit import Audit
from vidgate.storage.database import CHUNK, Database
from vidgate.storage.secrets import SecretBox

Credentials = dict[str, Credential]
Told = Callable[[int, int], None]
"""Hears how many of how many are sealed anew: the credentials, then what changes kept of them."""


def progress(bus: Bus) -> Told:
    """Tells it on the bus."""

    def told(done: int, total: int) -> None:
        bus.publish("secret.rotation", "secret.key", {"done": done, "total": total})

    return told


def _unheard(_done: int, _total: int) -> None:
    pass


async def rotate(
    db: Database, box: SecretBox, credentials: Credentials, actor: str, told: Told = _unheard
) -> Credentials:
    """Seal with a new key; the credentials as they are sealed now.

    Raises StorageError; then both keys stay in the file, and calling again goes on with them.
    """
    await asyncio.to_thread(box.add_key)
    return await finish(db, box, credentials, actor, told)


async def finish(
    db: Database, box: SecretBox, credentials: Credentials, actor: str, told: Told = _unheard
) -> Credentials:
    """Seal all with the newest key and forget the others."""
    resealer = _Resealer(box)
    async with db.write() as session:
        total = len(credentials) + await _count_past(session)
        told(0, total)
        sealed: Credentials = {}
        for part in chunks(credentials.values()):
            anew = [replace(one, sealed=resealer.again(one.name, one.sealed)) for one in part]
            await _write_credentials(session, anew)
            sealed |= {one.name: one for one in anew}
            told(len(sealed), total)
        rows = await _write_past(session, resealer, lambda done: told(len(sealed) + done, total))
        detail = {"credentials": len(sealed), "past": rows}
        await Audit(db).record(session, actor, "secret.rotate", "secret.key", detail)
    await asyncio.to_thread(box.drop_old_keys)
    return sealed


class _Resealer:
    """The same sealed value becomes the same new one: an undo compares them."""

    def __init__(self, box: SecretBox) -> None:
        self._box = box
        self._made: dict[tuple[str, bytes], bytes] = {}

    def again(self, name: str, sealed: bytes) -> bytes:
        made = self._made.get((name, sealed))
        if made is None:
            context = f"credential:{name}"
            made = self._box.seal(self._box.open(sealed, context), context)
            self._made[name, sealed] = made
        return made

    def snapshot(self, name: str, saved: dict[str, Any] | None) -> dict[str, Any] | None:
        if saved is None:
            return None
        return saved | {"sealed": b64encode(self.again(name, b64decode(saved["sealed"]))).decode()}


async def _write_credentials(session: AsyncConnection, credentials: Sequence[Credential]) -> None:
    table = models.credentials
    statement = (
        update(table).where(table.c.name == bindparam("which")).values(sealed=bindparam("now"))
    )
    values = [{"which": one.name, "now": one.sealed} for one in credentials]
    await session.execute(statement, values)


async def _count_past(session: AsyncConnection) -> int:
    table = models.change_rows
    query = select(func.count()).select_from(table).where(table.c.kind == "credential")
    return int((await session.execute(query)).scalar_one())


async def _write_past(
    session: AsyncConnection, resealer: _Resealer, told: Callable[[int], None]
) -> int:
    """What changes kept of credentials; how many rows."""
    table = models.change_rows
    query = select(table).where(table.c.kind == "credential")
    statement = (
        update(table)
        .where(table.c.change == bindparam("of"), table.c.position == bindparam("at"))
        .values(before=bindparam("was"), after=bindparam("is"))
    )
    count = 0
    while True:
        page = query.order_by(table.c.change, table.c.position).limit(CHUNK).offset(count)
        rows = (await session.execute(page)).all()
        if not rows:
            return count
        count += len(rows)
        await session.execute(
            statement,
            [
                {
                    "of": row.change,
                    "at": row.position,
                    "was": resealer.snapshot(row.object, row.before),
                    "is": resealer.snapshot(row.object, row.after),
                }
                for row in rows
            ],
        )
        told(count)
        await asyncio.sleep(0)
