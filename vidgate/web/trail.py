"""Who watched what, written to the audit table without making the viewer wait.

A change of the register is audited in its own transaction, and fails with it. A view is not worth
refusing because the disk is full (live video goes on then); what was lost is counted and logged.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from vidgate.aio.supervisor import Supervisor
from vidgate.errors import StorageError
from vidgate.storage.audit import Audit
from vidgate.storage.database import Database
from vidgate.web.parts import Note, Trail

log = structlog.get_logger(__name__)

MAX_WAITING = 2000
BATCH = 100  # rows of one transaction: each row is hashed over the one before


class AuditTrail:
    """Writes notes into the audit table of the database."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._audit = Audit(db)

    async def write(self, notes: Sequence[Note]) -> None:
        """All of them or none. Raises StorageError."""
        async with self._db.write() as session:
            for note in notes:
                await self._audit.record(session, note.actor, note.action, note.object, note.detail)


class Notes:
    """Hands notes to the trail in the background; `flush` waits until all are written."""

    def __init__(self, trail: Trail, tasks: Supervisor) -> None:
        self.lost = 0
        self._trail = trail
        self._tasks = tasks
        self._waiting: deque[Note] = deque()
        self._writing = False

    def note(
        self, actor: str, action: str, object_: str, detail: Mapping[str, Any] | None = None
    ) -> None:
        """Write it soon; never raises and never waits."""
        if len(self._waiting) >= MAX_WAITING:
            self._lose(1, "too many wait")
            return
        self._waiting.append(Note(actor, action, object_, detail or {}))
        if not self._writing:
            self._writing = True
            _ = self._tasks.start(self.flush(), "audit notes")

    async def flush(self) -> None:
        """Write all that waits."""
        try:
            while self._waiting:
                size = min(BATCH, len(self._waiting))
                notes = [self._waiting.popleft() for _ in range(size)]
                try:
                    await self._trail.write(notes)
                except StorageError as error:
                    self._lose(len(notes), error.message)
        finally:
            self._writing = False

    def _lose(self, count: int, why: str) -> None:
        self.lost += count
        log.error("audit notes lost", count=count, total=self.lost, error=why)
