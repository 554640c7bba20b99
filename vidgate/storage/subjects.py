"""Small numbers for channels, the same for ever: what the past is kept under."""

from collections.abc import Collection

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vidgate.storage.database import chunks
from vidgate.storage.models import subjects


class Subjects:
    """Keys by the channels' ids, also of channels that are gone; each is looked up once."""

    def __init__(self) -> None:
        self._keys: dict[str, int] = {}

    async def keys(self, session: AsyncConnection, ids: Collection[str]) -> dict[str, int]:
        """The keys of those ids that have one."""
        await self._look_up(session, [id_ for id_ in ids if id_ not in self._keys])
        return {id_: self._keys[id_] for id_ in ids if id_ in self._keys}

    async def give(self, session: AsyncConnection, ids: Collection[str]) -> dict[str, int]:
        """A key for each; new ones are given in a write, which may still be rolled back."""
        known = await self.keys(session, ids)
        new = sorted(set(ids) - known.keys())
        if not new:
            return known
        for chunk in chunks(new):
            await session.execute(insert(subjects), [{"id": id_} for id_ in chunk])
        return known | await _found(session, new)

    async def all(self, session: AsyncConnection) -> dict[str, int]:
        """Every key there is."""
        rows = await session.execute(select(subjects.c.id, subjects.c.key))
        self._keys |= {row.id: row.key for row in rows}
        return dict(self._keys)

    async def _look_up(self, session: AsyncConnection, ids: Collection[str]) -> None:
        if ids:
            self._keys |= await _found(session, ids)


async def _found(session: AsyncConnection, ids: Collection[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for chunk in chunks(ids):
        query = select(subjects.c.id, subjects.c.key).where(subjects.c.id.in_(chunk))
        found |= {row.id: row.key for row in await session.execute(query)}
    return found
