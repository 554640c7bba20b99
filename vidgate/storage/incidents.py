"""Incidents over a restart: who belonged to them, and what people said of the alarms."""

import asyncio
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import product
from math import inf
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    Select,
    delete,
    exists,
    func,
    insert,
    select,
)
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from vidgate.model.health import Reason, State
from vidgate.model.incident import (
    SHARED,
    Cause,
    Course,
    Departure,
    Incident,
    Member,
    Note,
    Outline,
    Selection,
)
from vidgate.model.standing import SECOND, Membership, milliseconds
from vidgate.storage.audit import Audit
from vidgate.storage.database import CHUNK, Database, chunks
from vidgate.storage.models import channels, incident_members, incident_notes, incidents

ACKNOWLEDGE, CLOSE = "acknowledge", "close"
FOREVER = 1 << 62  # ms
TURN = 1000  # rows taken in one turn of the loop: some 2 ms


@dataclass(frozen=True, slots=True)
class Recalled:
    """Incidents that matter still, and the number of the next one."""

    incidents: list[Incident]
    first: int


class IncidentStore:
    """Each call is one short transaction. Raises StorageError."""

    def __init__(self, db: Database, audit: Audit) -> None:
        self._db = db
        self._audit = audit

    async def recall(self, since: float) -> Recalled:
        """All that are open, and those that ended after `since` (wall-clock seconds)."""
        query = select(incidents).where(incidents.c.ended.is_(None) | (incidents.c.ended >= since))
        async with self._db.read() as session:
            found = await _whole(session, query)
            last = (await session.execute(select(func.max(incidents.c.id)))).scalar()
        return Recalled(found, (last or 0) + 1)

    async def past(
        self, limit: int, wanted: Selection, *, but: Collection[int] = ()
    ) -> list[Outline]:
        """The last ones that are over, the newest first, without those of `but`."""
        query = select(incidents).where(*_wanted(wanted, but))
        query = query.order_by(incidents.c.opened.desc()).limit(limit)
        async with self._db.read() as session:
            return await _outlines(session, query)

    async def count_past(self, wanted: Selection, *, but: Collection[int] = ()) -> int:
        """How many there are of them without a limit."""
        query = select(func.count()).select_from(incidents).where(*_wanted(wanted, but))
        async with self._db.read() as session:
            return (await session.execute(query)).scalar_one()

    async def find(self, id_: int) -> Incident | None:
        """One incident, whenever it was."""
        async with self._db.read() as session:
            found = await _whole(session, select(incidents).where(incidents.c.id == id_))
        return found[0] if found else None

    async def memberships(
        self, ids: Collection[str], start: int, end: int
    ) -> dict[str, list[Membership]]:
        """When channels failed together with others inside the window (ms), by id, in order.

        While it still fails there is no end; a channel that never did is left out, and so is what
        a wider cause took over: that one tells of it from the first failure on.
        """
        causes = await self._shared(start / SECOND, end / SECOND)
        who = incident_members.c
        query = (
            select(who.channel, who.since, who.until, who.incident)
            .where(who.since < end / SECOND)
            .where(who.until.is_(None) | (who.until > start / SECOND))
            .where(who.departure.is_distinct_from(Departure.MOVED.value))
        )
        found: dict[str, list[Membership]] = {}
        for some, members in product(chunks(causes), chunks(ids)):
            ours = query.where(who.incident.in_(some), who.channel.in_(members))
            async with self._db.read() as session:
                rows = (await session.execute(ours)).all()
            for number, (id_, since, until, incident) in enumerate(rows, 1):
                last = FOREVER if until is None else milliseconds(until)
                one = Membership(milliseconds(since), last, causes[incident])
                found.setdefault(id_, []).append(one)
                if number % TURN == 0:
                    await asyncio.sleep(0)
        return {id_: sorted(times) for id_, times in found.items()}

    async def _shared(self, start: float, end: float) -> dict[int, Cause]:
        """The causes of incidents that many can share, by their numbers, inside the window."""
        of = incidents.c
        query = (
            select(of.id, of.cause)
            .where(of.cause.in_([cause.value for cause in SHARED]), of.opened < end)
            .where(of.ended.is_(None) | (of.ended > start))
        )
        async with self._db.read() as session:
            return {id_: Cause(cause) for id_, cause in await session.execute(query)}

    async def notes(self, id_: int) -> list[Note]:
        """All that was said of it, in order of time."""
        query = select(incident_notes).where(incident_notes.c.incident == id_)
        async with self._db.read() as session:
            rows = (await session.execute(query.order_by(incident_notes.c.id))).mappings()
            return [_note(row) for row in rows]

    async def save(self, changed: Collection[tuple[Incident, Collection[str]]]) -> None:
        """Save incidents and those of their members that are named."""
        named = [(one, channel) for one, channels in changed for channel in channels]
        async with self._db.write() as session:
            for part in chunks(changed):
                await session.execute(_SAVE, [_row(one) for one, _ in part])
            for pairs in chunks(named):
                rows = [_member_row(one.id, one.members[channel]) for one, channel in pairs]
                await session.execute(_SAVE_MEMBER, rows)

    async def say(self, incident: Incident, note: Note) -> None:
        """Add a note to an incident, and a row to the audit table."""
        row = {
            "incident": incident.id,
            "time": note.time,
            "actor": note.actor,
            "action": note.action,
            "text": note.text,
        }
        async with self._db.write() as session:
            await session.execute(_SAVE, _row(incident))
            await session.execute(insert(incident_notes), row)
            detail = {"text": note.text} if note.text else {}
            action = f"alarm.{note.action}"
            await self._audit.record(session, note.actor, action, str(incident.id), detail)

    async def forget(self, before: float) -> None:
        """Drop what ended before that wall-clock instant."""
        async with self._db.write() as session:
            old = select(incidents.c.id).where(incidents.c.ended < before).limit(CHUNK)
            ids = list((await session.execute(old)).scalars())
            if ids:
                for table in (incident_members, incident_notes):
                    await session.execute(delete(table).where(table.c.incident.in_(ids)))
                await session.execute(delete(incidents).where(incidents.c.id.in_(ids)))


_INSERT = upsert(incidents)
_SAVE = _INSERT.on_conflict_do_update(
    index_elements=["id"],
    set_={column.name: _INSERT.excluded[column.name] for column in incidents.columns},
)
_SAVE_MEMBER = upsert(incident_members).prefix_with("OR REPLACE")

Known = TypeVar("Known", bound=Course)


def _wanted(wanted: Selection, but: Collection[int]) -> Iterator[ColumnElement[bool]]:
    """What holds of those that are over and asked for."""
    of = incidents.c
    yield of.id.not_in(list(but))
    yield of.ended >= wanted.since
    if wanted.until < inf:
        yield of.opened < wanted.until
    if wanted.cause is not None:
        yield of.cause == wanted.cause.value
    if place := wanted.place:
        members = incident_members.c
        at = [channels.c[name] == value for name, value in place.items()]
        is_member = (members.incident == of.id) & (channels.c.key == func.lower(members.channel))
        yield exists().where(is_member, *at)


async def _whole(session: AsyncConnection, query: Select[Any]) -> list[Incident]:
    """The incidents of a query, with their members and where their alarms stand."""
    rows = (await session.execute(query)).mappings().all()
    found = {row["id"]: Incident(**_course(row)) for row in rows}
    for part in chunks(found):
        members = select(incident_members).where(incident_members.c.incident.in_(part))
        for row in (await session.execute(members)).mappings():
            member = _member(row)
            found[row["incident"]].members[member.channel] = member
    return await _attended(session, found)


async def _outlines(session: AsyncConnection, query: Select[Any]) -> list[Outline]:
    """The same without their members: thousands of rows would only be counted."""
    rows = (await session.execute(query)).mappings().all()
    counts: dict[int, tuple[int, int]] = {}
    for part in chunks(row["id"] for row in rows):
        members = incident_members.c
        number = (members.incident, func.count(), func.count() - func.count(members.until))
        counted = select(*number).where(members.incident.in_(part)).group_by(members.incident)
        for id_, size, failing in await session.execute(counted):
            counts[id_] = size, failing
    found = {}
    for row in rows:
        size, failing = counts.get(row["id"], (0, 0))
        found[row["id"]] = Outline(**_course(row), channels=size, failing=failing)
    return await _attended(session, found)


async def _attended(session: AsyncConnection, found: dict[int, Known]) -> list[Known]:
    """What people said of them since they last asked for somebody."""
    for part in chunks(found):
        notes = select(incident_notes).where(
            incident_notes.c.incident.in_(part), incident_notes.c.action.in_([ACKNOWLEDGE, CLOSE])
        )
        for row in (await session.execute(notes.order_by(incident_notes.c.id))).mappings():
            incident = found[row["incident"]]
            if incident.asked is not None and row["time"] < incident.asked:
                continue
            if row["action"] == CLOSE:
                incident.dismissed = _note(row)
            else:
                incident.acknowledged = _note(row)
    return list(found.values())


def _row(one: Incident) -> dict[str, Any]:
    return {
        "id": one.id,
        "cause": one.cause.value,
        "subject": one.subject,
        "opened": one.opened,
        "ended": one.ended,
        "returns": one.returns,
        "merged": one.merged,
        "asked": one.asked,
    }


def _course(row: RowMapping) -> dict[str, Any]:
    return dict(row) | {"cause": Cause(row["cause"])}


def _member_row(incident: int, one: Member) -> dict[str, Any]:
    return {
        "incident": incident,
        "channel": one.channel,
        "since": one.since,
        "until": one.until,
        "state": int(one.state),
        "reason": one.reason.value,
        "departure": None if one.departure is None else one.departure.value,
    }


def _member(row: RowMapping) -> Member:
    return Member(
        channel=row["channel"],
        since=row["since"],
        until=row["until"],
        state=State(row["state"]),
        reason=Reason(row["reason"]),
        departure=None if row["departure"] is None else Departure(row["departure"]),
    )


def _note(row: RowMapping) -> Note:
    return Note(time=row["time"], actor=row["actor"], action=row["action"], text=row["text"])
