"""The past of every channel: transitions, the times at which vidgate ran, days and looks.

Instants are whole milliseconds of the wall clock, channels are the keys of `storage.subjects`.
Everything is read and written a chunk at a time, so that neither the loop nor the one writer is
held for long.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    LargeBinary,
    ScalarSelect,
    bindparam,
    cast,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from vidgate.model.health import Level, State
from vidgate.model.standing import Entry, Run, Standing
from vidgate.storage import codes
from vidgate.storage.database import CHUNK, Database
from vidgate.storage.models import (
    change_rows,
    day_tallies,
    days,
    forgotten,
    results,
    runs,
    subjects,
    transitions,
)
from vidgate.storage.subjects import Subjects

Rows = Sequence[tuple[int, bytes]]
TRANSITIONS = "transitions"  # among what is forgotten


class HistoryStore:
    """Each call is one short transaction. Raises StorageError."""

    def __init__(self, db: Database, subjects: Subjects | None = None) -> None:
        self._db = db
        self._subjects = subjects or Subjects()

    async def subjects(self) -> dict[str, int]:
        """The keys of all channels that have a past, by their ids."""
        async with self._db.read() as session:
            return await self._subjects.all(session)

    async def entries(self, keys: Collection[int], start: int, end: int) -> dict[int, list[Entry]]:
        """How each channel stood from `start` until `end`: first the entry that held at `start`."""
        if not keys:
            return {}
        table = transitions
        first = func.coalesce(_held(start), start)
        query = (
            select(table.c.subject, table.c.time, table.c.after, table.c.reason, table.c.level,
                   table.c.step)
            .select_from(subjects)
            .join(table, (table.c.subject == subjects.c.key) & (table.c.time >= first))
            .where(subjects.c.key.in_(keys), table.c.time < end)
            .order_by(subjects.c.key, table.c.time)
        )  # fmt: skip
        async with self._db.read() as session:
            rows: Sequence[Any] = (await session.execute(query)).all()
        return await asyncio.to_thread(_grouped, keys, rows)  # they may be many

    async def departed(self, ids: Collection[str]) -> dict[str, Mapping[str, object]]:
        """The last fields of channels that left the register, by id, as its changes kept them."""
        rows_ = change_rows
        found: dict[str, Mapping[str, object]] = {}
        query = (
            select(rows_.c.object, rows_.c.before)
            .where(rows_.c.kind == "channel", rows_.c.object.in_(ids), rows_.c.after.is_(None))
            .order_by(rows_.c.change, rows_.c.position)
        )
        async with self._db.read() as session:
            for id_, before in await session.execute(query):
                found[id_] = dict(before or {})
        return found

    # -- when vidgate ran ---------------------------------------------------------------------

    async def save_runs(self, some: Iterable[Run]) -> None:
        """Keep runs; one with the same beginning is replaced."""
        rows = [{"began": run.start, "seen": run.end} for run in some]
        async with self._db.write() as session:
            await session.execute(upsert(runs).prefix_with("OR REPLACE"), rows)

    async def runs(self, start: int, end: int) -> list[Run]:
        """The runs that touch the window, in order."""
        query = (
            select(runs.c.began, runs.c.seen)
            .where(runs.c.began < end, runs.c.seen > start)
            .order_by(runs.c.began)
        )
        async with self._db.read() as session:
            return [Run(*row) for row in await session.execute(query)]

    async def first_run(self) -> int | None:
        """When vidgate first ran."""
        async with self._db.read() as session:
            first: int | None = (await session.execute(select(func.min(runs.c.began)))).scalar()
            return first

    async def last_run(self) -> int | None:
        """When vidgate last ran."""
        async with self._db.read() as session:
            last: int | None = (await session.execute(select(func.max(runs.c.seen)))).scalar()
            return last

    async def rewind(self, now: int) -> None:
        """Drop what a fast clock said of times after now; transitions are the journal's."""
        async with self._db.write() as session:
            await _bound(session, now)
            await session.execute(delete(runs).where(runs.c.began > now))
            await session.execute(update(runs).where(runs.c.seen > now).values(seen=now))
            late = select(days.c.start).where(days.c.end > now)
            await session.execute(delete(day_tallies).where(day_tallies.c.start.in_(late)))
            await session.execute(delete(days).where(days.c.end > now))

    # -- days ---------------------------------------------------------------------------------

    async def days(self, start: int, end: int) -> dict[int, int]:
        """The rolled-up days inside the window: where each begins and ends."""
        query = select(days.c.start, days.c.end).where(days.c.start >= start, days.c.end <= end)
        async with self._db.read() as session:
            return {row.start: row.end for row in await session.execute(query)}

    async def save_tallies(self, day: int, rows: Rows) -> None:
        """Keep some channels' tallies of the day that begins then."""
        if not rows:
            return
        values = [{"start": day, "subject": key, "tally": data} for key, data in rows]
        async with self._db.write() as session:
            await session.execute(upsert(day_tallies).prefix_with("OR REPLACE"), values)

    async def close_day(self, day: int, end: int) -> None:
        """All tallies of the day are there: from now on it is read instead of computed."""
        async with self._db.write() as session:
            await session.execute(insert(days), {"start": day, "end": end})

    async def open_day(self, day: int) -> None:
        """Drop what was rolled up of the day that begins then: it is to be told anew."""
        async with self._db.write() as session:
            await _drop_day(session, day)

    async def tallies(self, day: int, after: int = 0, limit: int = CHUNK) -> Rows:
        """Tallies of a day by channel, beginning with the key after the given one."""
        table = day_tallies
        query = (
            select(table.c.subject, table.c.tally)
            .where(table.c.start == day, table.c.subject > after)
            .order_by(table.c.subject)
            .limit(limit)
        )
        async with self._db.read() as session:
            return [(row.subject, row.tally) for row in await session.execute(query)]

    # -- looks --------------------------------------------------------------------------------

    async def add_looks(self, rows: Sequence[tuple[str, int, bytes]]) -> None:
        """Append to what is kept of a channel's looks in a slot: id, slot, bytes."""
        statement = upsert(results)
        both = results.c.data.concat(statement.excluded.data)  # a text, says SQLite of bytes
        added = {"data": cast(both, LargeBinary)}
        statement = statement.on_conflict_do_update(index_elements=["subject", "start"], set_=added)
        async with self._db.write() as session:
            keys = await self._subjects.give(session, {id_ for id_, _, _ in rows})
            values = [
                {"subject": keys[id_], "start": start, "data": data} for id_, start, data in rows
            ]
            await session.execute(statement, values)

    async def looks(self, id_: str, start: int, end: int) -> list[tuple[int, bytes]]:
        """A channel's looks in the slots from `start` until `end`."""
        async with self._db.read() as session:
            keys = await self._subjects.keys(session, [id_])
            if not keys:
                return []
            query = (
                select(results.c.start, results.c.data)
                .where(results.c.subject == keys[id_], results.c.start >= start)
                .where(results.c.start < end)
                .order_by(results.c.start)
            )
            return [(row.start, row.data) for row in await session.execute(query)]

    # -- forgetting ---------------------------------------------------------------------------

    async def forget_looks(self, keys: Collection[int], cut: int) -> None:
        """Drop the looks of some channels in slots before the instant."""
        old = (results.c.subject.in_(keys), results.c.start < cut)
        async with self._db.write() as session:
            await session.execute(delete(results).where(*old))

    async def forgotten(self) -> int:
        """The instant before which transitions are not all there; 0 where none was forgotten."""
        query = select(forgotten.c.before).where(forgotten.c.what == TRANSITIONS)
        async with self._db.read() as session:
            return (await session.execute(query)).scalar() or 0

    async def bound_forgotten(self, now: int) -> None:
        """A fast clock forgot all that had been by now: what is seen from now on is kept."""
        async with self._db.write() as session:
            await _bound(session, now)

    async def forget_transitions(self, keys: Collection[int], cut: int) -> None:
        """Drop what some channels' standing was before; the entry that held then stays.

        That it was done is kept too: whoever keeps more from now on has no more of the past.
        """
        mark = upsert(forgotten).values(what=TRANSITIONS, before=cut)
        latest = func.max(forgotten.c.before, mark.excluded.before)
        mark = mark.on_conflict_do_update(index_elements=["what"], set_={"before": latest})
        held = _held(cut)
        query = select(subjects.c.key, held).where(subjects.c.key.in_(keys), held.is_not(None))
        async with self._db.write() as session:
            rows = [{"s": key, "t": time} for key, time in await session.execute(query)]
            old = (transitions.c.subject == bindparam("s"), transitions.c.time < bindparam("t"))
            await session.execute(mark)
            if rows:
                await session.execute(delete(transitions).where(*old), rows)

    async def forget_days(self, cut: int) -> bool:
        """Drop the oldest day that ended before the instant; False where there is none."""
        query = select(func.min(days.c.start)).where(days.c.end <= cut)
        async with self._db.write() as session:
            day = (await session.execute(query)).scalar()
            if day is None:
                return False
            await _drop_day(session, day)
            return True

    async def forget_runs(self, cut: int) -> None:
        """Drop the runs that ended before the instant."""
        async with self._db.write() as session:
            await session.execute(delete(runs).where(runs.c.seen < cut))


async def _bound(session: AsyncConnection, now: int) -> None:
    ahead = forgotten.c.before > now
    await session.execute(update(forgotten).where(ahead).values(before=now))


async def _drop_day(session: AsyncConnection, day: int) -> None:
    await session.execute(delete(days).where(days.c.start == day))
    await session.execute(delete(day_tallies).where(day_tallies.c.start == day))


def _held(instant: int) -> ScalarSelect[int]:
    """When the entry came that holds at the instant, of the channel in the outer query.

    That is a row of `subjects`, so that both ends of what is looked for are ends in the index.
    """
    one = transitions.alias("held")
    latest = select(func.max(one.c.time)).where(one.c.subject == subjects.c.key)
    return latest.where(one.c.time <= instant).correlate(subjects).scalar_subquery()


def _grouped(keys: Iterable[int], rows: Iterable[Sequence[int]]) -> dict[int, list[Entry]]:
    found: dict[int, list[Entry]] = {key: [] for key in keys}
    for subject, time, *standing in rows:
        found[subject].append(Entry(time, _standing(*standing)))
    return found


@lru_cache(maxsize=2048)
def _standing(state: int, reason: int, level: int, step: int) -> Standing:
    return Standing(codes.step_of(step), State(state), codes.reason_of(reason), Level(level))
