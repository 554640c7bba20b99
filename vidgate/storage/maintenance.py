"""Maintenance windows over a restart; adding and ending one leaves its trace in the audit table."""

from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import Any, NamedTuple

from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from vidgate.model.channel import Channel
from vidgate.model.maintenance import Scope, Stay, Window
from vidgate.model.standing import milliseconds
from vidgate.storage.audit import Audit
from vidgate.storage.database import Database
from vidgate.storage.models import (
    change_rows,
    changes,
    day_tallies,
    days,
    forgotten,
    maintenance,
)

GROUPS = ("platform", "department", "area")


class Passed(NamedTuple):
    """The part of a window that has passed (ms); only days from `anew` on can be told anew."""

    start: int
    end: int
    anew: int


class MaintenanceStore:
    """Each call is one short transaction. Raises StorageError.

    What was rolled up of days inside an excused time is dropped with the write that excuses it.
    """

    def __init__(self, db: Database, audit: Audit) -> None:
        self._db = db
        self._audit = audit

    async def load(self, since: float) -> list[Window]:
        """All that end after `since` (wall-clock seconds) or never, in order of their numbers."""
        table = maintenance.c
        query = select(maintenance).where(table.end.is_(None) | (table.end > since))
        async with self._db.read() as session:
            rows = (await session.execute(query.order_by(table.id))).mappings()
            return [Window(**dict(row) | {"scope": Scope(row["scope"])}) for row in rows]

    async def stays(self, ids: Collection[str]) -> dict[str, list[Stay]]:
        """Where channels belonged, by id, in the order of the changes that the register kept.

        The first holds since ever; a channel of which no change is kept is left out.
        """
        rows = change_rows.c
        was, is_ = (
            [image[name].as_string() for name in GROUPS] for image in (rows.before, rows.after)
        )
        moved = or_(*(one.is_distinct_from(other) for one, other in zip(was, is_, strict=True)))
        query = (
            select(rows.object, changes.c.time, *was, *is_)
            .join(changes, changes.c.id == rows.change)
            .where(rows.kind == "channel", rows.object.in_(ids), moved)
            .order_by(rows.change, rows.position)
        )
        found: dict[str, list[Stay]] = {}
        async with self._db.read() as session:
            for id_, time, *names in await session.execute(query):
                before, after = (_belonging(id_, names[:3]), _belonging(id_, names[3:]))
                stays = found.setdefault(id_, [Stay(0, before)])
                stays.append(Stay(milliseconds(time), after))
        return found

    async def add(self, fields: Mapping[str, Any], *, past: Passed | None) -> Window:
        """Keep a new one, all fields but the number."""
        async with self._db.write() as session:
            made = await session.execute(insert(maintenance).returning(maintenance.c.id), fields)
            window = Window(id=made.scalar_one(), **fields)
            await self._record(session, window.actor, "maintenance.add", window)
            await _forget_days(session, past)
        return window

    async def end(self, window: Window, actor: str) -> None:
        """Keep its new end."""
        ours = maintenance.c.id == window.id
        async with self._db.write() as session:
            await session.execute(update(maintenance).where(ours).values(end=window.end))
            await self._record(session, actor, "maintenance.end", window)

    async def remove(self, window: Window, actor: str, *, past: Passed | None) -> None:
        """Drop one that is not to be, or is not to excuse any more."""
        async with self._db.write() as session:
            await session.execute(delete(maintenance).where(maintenance.c.id == window.id))
            await self._record(session, actor, "maintenance.remove", window)
            await _forget_days(session, past)

    async def _record(
        self, session: AsyncConnection, actor: str, action: str, window: Window
    ) -> None:
        detail = asdict(window) | {"scope": window.scope.value}
        await self._audit.record(session, actor, action, str(window.id), detail)


def _belonging(id_: str, names: Collection[str | None]) -> Channel:
    """As far as windows ask; a change leaves out what is as by default, and so empty."""
    known = {field: name or "" for field, name in zip(GROUPS, names, strict=True)}
    return Channel(id=id_, name="", **known)  # type: ignore[arg-type]


async def _forget_days(session: AsyncConnection, past: Passed | None) -> None:
    """Days that were rolled up are to be told anew, from transitions.

    Where these are forgotten, or soon will be, a day stays as it is: dropped it could not be told
    any more. The mark of what is forgotten may be older than `anew`, which the settings say.
    """
    if past is None:
        return
    start, end, anew = past
    told = func.coalesce(select(func.max(forgotten.c.before)).scalar_subquery(), 0)
    known = (days.c.start >= told, days.c.start >= anew)
    touched = (days.c.start < end, days.c.end > start, *known)
    starts = select(days.c.start).where(*touched)
    await session.execute(delete(day_tallies).where(day_tallies.c.start.in_(starts)))
    await session.execute(delete(days).where(*touched))
