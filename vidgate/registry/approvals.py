"""Submitted channels: which wait, since when and by whom, and what is decided about them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vidgate.errors import ConflictError, NotPermittedError
from vidgate.model.channel import Channel, Lifecycle
from vidgate.registry.bulk import Wish
from vidgate.registry.changesets import Change
from vidgate.registry.planner import NEEDS_ACCEPTANCE, SHOWN
from vidgate.registry.preconditions import Precondition
from vidgate.registry.store import chunks
from vidgate.storage.models import change_rows, changes

WAITING = Lifecycle.COMMISSIONING
AFTER = {"approve": Lifecycle.ACCEPTED, "reject": Lifecycle.PLANNED}


@dataclass(frozen=True, slots=True)
class Decision:
    """What is decided about which channels, and why; the reason stands in their history."""

    verdict: Literal["approve", "reject"]
    ids: Sequence[str]
    reason: str

    @property
    def wish(self) -> Wish:
        """What becomes of the channels."""
        return Wish({"lifecycle": AFTER[self.verdict].value})

    @property
    def deed(self) -> tuple[str, str]:
        """What the change is called, and what is said with it."""
        return self.verdict, self.reason

    def permit(self, *, may_accept: bool) -> None:
        """Raise NotPermittedError for who may not decide."""
        if not may_accept:
            raise NotPermittedError(NEEDS_ACCEPTANCE)

    def check(self, channels: Iterable[Channel]) -> None:
        """Raise ConflictError where some of the channels do not wait: somebody was quicker."""
        others = [channel.id for channel in channels if channel.lifecycle is not WAITING]
        if others:
            some = "、".join(others[:SHOWN])
            raise ConflictError(
                f"{len(others)} 个通道（{some}）已不在待验收状态 / not waiting for acceptance now",
                hint="刷新列表后再试",
            )


Check = Precondition | Decision
"""What must hold of channels for them to be changed; `check` raises where it does not."""


async def submissions(session: AsyncConnection, ids: Sequence[str]) -> dict[str, Change]:
    """The change by which each of these channels came to wait, where it is still known."""
    found: dict[str, Change] = {}
    for part in chunks(ids):
        found |= await _submissions(session, part)
    return found


async def _submissions(session: AsyncConnection, ids: Sequence[str]) -> dict[str, Change]:
    rows = change_rows.c
    was, is_ = (column["lifecycle"].as_string() for column in (rows.before, rows.after))
    latest = (
        select(rows.object, func.max(rows.change).label("number"))
        .where(
            rows.kind == "channel",
            rows.object.in_(ids),
            is_ == WAITING.value,
            or_(was.is_(None), was != WAITING.value),
        )
        .group_by(rows.object)
        .subquery()
    )
    query = select(latest.c.object, changes).join(changes, changes.c.id == latest.c.number)
    told = (dict(row._mapping) for row in await session.execute(query))
    return {row.pop("object"): Change(**row) for row in told}
