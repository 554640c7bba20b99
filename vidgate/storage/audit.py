"""Who did what: rows that are only ever added, each holding the hash of all before it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vidgate.storage.database import Database, compact
from vidgate.storage.models import audit

PAGE = 500
FIRST = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """One deed. `detail` is JSON text; `time` is wall-clock seconds."""

    id: int
    time: float
    actor: str
    action: str
    object: str
    detail: str
    hash: str


@dataclass(frozen=True, slots=True)
class Verification:
    """How many rows were checked, and the first that does not fit (None: all do)."""

    checked: int
    broken: int | None = None


def chain(previous: str, row: AuditRow) -> str:
    """The hash of a row: SHA-256 over the hash before it and every field."""
    fields = [previous, row.id, row.time, row.actor, row.action, row.object, row.detail]
    return hashlib.sha256(compact(fields).encode()).hexdigest()


class Audit:
    """Writes and checks the audit table."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def record(
        self,
        session: AsyncConnection,
        actor: str,
        action: str,
        object_: str,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Add a row within the caller's write transaction: the deed and its trace or neither.

        `detail` must be JSON-ready and hold no secret.
        """
        newest = select(audit.c.id, audit.c.hash).order_by(audit.c.id.desc()).limit(1)
        last = (await session.execute(newest)).first()
        draft = AuditRow(
            id=last.id + 1 if last else 1,
            time=self._db.clock.wall(),
            actor=actor[:128],
            action=action[:64],
            object=object_[:255],
            detail=compact(detail or {}),
            hash="",
        )
        values = {name: getattr(draft, name) for name in AuditRow.__slots__}
        values["hash"] = chain(last.hash if last else FIRST, draft)
        await session.execute(insert(audit), values)

    async def note(
        self, actor: str, action: str, object_: str, detail: Mapping[str, Any] | None = None
    ) -> None:
        """Add a row in a transaction of its own."""
        async with self._db.write() as session:
            await self.record(session, actor, action, object_, detail)

    async def rows(self, *, before: int | None = None, limit: int = 100) -> list[AuditRow]:
        """Newest first; `before` an id pages backwards."""
        query = select(audit).order_by(audit.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(audit.c.id < before)
        async with self._db.read() as session:
            return [AuditRow(**row._mapping) for row in await session.execute(query)]

    async def verify(self) -> Verification:
        """Recompute the whole chain; a changed, removed or inserted row breaks it from there."""
        previous, checked = FIRST, 0
        while True:
            query = select(audit).where(audit.c.id > checked).order_by(audit.c.id).limit(PAGE)
            async with self._db.read() as session:
                rows = [AuditRow(**row._mapping) for row in await session.execute(query)]
            for row in rows:
                if row.id != checked + 1 or row.hash != chain(previous, row):
                    return Verification(checked, checked + 1)
                previous, checked = row.hash, row.id
            if len(rows) < PAGE:
                return Verification(checked)
