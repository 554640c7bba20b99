"""Who did what: rows that are only ever added, each holding the hash of all before it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vidgate.aio.report import Report
from vidgate.storage.backlog import Backlog, Write
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
    """Writes and checks the audit table; only with a `backlog` it takes notes.

    `lost` counts notes that found no room in the backlog; a row of the table says how many.
    """

    def __init__(self, db: Database, backlog: Backlog | None = None) -> None:
        self.lost = 0
        self._db = db
        self._backlog = backlog
        self._untold = self._telling = 0
        self._report = Report()

    async def record(
        self,
        session: AsyncConnection,
        actor: str,
        action: str,
        object_: str,
        detail: Mapping[str, Any] | None = None,
        *,
        time: float | None = None,
    ) -> None:
        """Add a row within the caller's write transaction: the deed and its trace or neither.

        `detail` must be JSON-ready and hold no secret. `time`: when it was done, if not now.
        """
        newest = select(audit.c.id, audit.c.hash).order_by(audit.c.id.desc()).limit(1)
        last = (await session.execute(newest)).first()
        draft = AuditRow(
            id=last.id + 1 if last else 1,
            time=self._db.clock.wall() if time is None else time,
            actor=actor[:128],
            action=action[:64],
            object=object_[:255],
            detail=compact(detail or {}),
            hash="",
        )
        values = {name: getattr(draft, name) for name in AuditRow.__slots__}
        values["hash"] = chain(last.hash if last else FIRST, draft)
        await session.execute(insert(audit), values)

    def note(
        self, actor: str, action: str, object_: str, detail: Mapping[str, Any] | None = None
    ) -> None:
        """Add a row soon, with the time of now; never raises and never waits.

        A view is not worth refusing because the disk is full: the row waits for the disk.
        """
        assert self._backlog is not None
        deed = partial(
            self.record,
            actor=actor,
            action=action,
            object_=object_,
            detail=detail,
            time=self._db.clock.wall(),
        )
        if not self._backlog.add(Write(deed, compact([action, actor, object_, detail or {}]))):
            self._lose(action)

    def _lose(self, action: str) -> None:
        self.lost += 1
        self._report.warning("lost", "audit note lost", total=self.lost, action=action)
        self._untold += 1
        if self._untold == 1:  # the gap has a row of its own, behind what still had room
            self._add_gap()

    def _add_gap(self) -> None:
        assert self._backlog is not None
        write = Write(self._record_gap, "audit.lost", self._gap_written)
        _ = self._backlog.add(write, over=1)

    async def _record_gap(self, session: AsyncConnection) -> None:
        self._telling = self._untold
        await self.record(session, "vidgate", "audit.lost", "audit", {"rows": self._telling})

    def _gap_written(self) -> None:
        self._untold -= self._telling
        if self._untold:  # lost while it was written
            self._add_gap()

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
