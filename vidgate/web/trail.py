"""Who watched what, written to the audit table without making the viewer wait.

A change of the register is audited in its own transaction, and fails with it. A view is not worth
refusing because the disk is full (live video goes on then); what was lost is counted and logged.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vidgate.aio.report import Report
from vidgate.aio.supervisor import Supervisor
from vidgate.errors import StorageError
from vidgate.web.parts import Trail

MAX_WAITING = 2000


@dataclass(frozen=True, slots=True)
class Note:
    """One deed for the audit table; `detail` is JSON-ready and holds no secret."""

    actor: str
    action: str
    object: str
    detail: Mapping[str, Any]


class Notes:
    """Hands notes to the trail in the background; `flush` waits until all are written."""

    def __init__(self, trail: Trail, tasks: Supervisor) -> None:
        self.lost = 0
        self._trail = trail
        self._tasks = tasks
        self._waiting: deque[Note] = deque()
        self._is_writing = False
        self._report = Report()

    def note(
        self, actor: str, action: str, object_: str, detail: Mapping[str, Any] | None = None
    ) -> None:
        """Write it soon; never raises and never waits."""
        if len(self._waiting) >= MAX_WAITING:
            self._lose("too many wait")
            return
        self._waiting.append(Note(actor, action, object_, detail or {}))
        if not self._is_writing:
            self._is_writing = True
            _ = self._tasks.start(self.flush(), "audit notes")

    async def flush(self) -> None:
        """Write all that waits."""
        try:
            while self._waiting:
                note = self._waiting.popleft()
                try:
                    await self._trail.note(note.actor, note.action, note.object, note.detail)
                except StorageError as error:
                    self._lose(error.message)
        finally:
            self._is_writing = False

    def _lose(self, why: str) -> None:
        self.lost += 1
        self._report.warning("lost", "audit note lost", total=self.lost, error=why)
