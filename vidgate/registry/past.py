"""What was done to the register, read from the database."""

from vidgate.errors import NotFoundError
from vidgate.model.channel import Channel
from vidgate.registry import changesets
from vidgate.registry.approvals import WAITING, submissions
from vidgate.registry.changesets import Change, ChangeRow
from vidgate.registry.edits import key
from vidgate.registry.view import View
from vidgate.storage.database import CHUNK, Database


class Past(View):
    """The register as it is, and how it became so."""

    def __init__(self, db: Database) -> None:
        super().__init__()
        self._db = db

    async def changes(self, *, limit: int = 100) -> list[Change]:
        """The last changes, newest first."""
        async with self._db.read() as session:
            return await changesets.newest(session, limit)

    async def change(
        self, number: int, *, offset: int = 0, limit: int = CHUNK
    ) -> tuple[Change, list[ChangeRow], int]:
        """A change, some of its rows, and how many it has. Raises NotFoundError."""
        async with self._db.read() as session:
            change = await changesets.find(session, number)
            rows = await changesets.rows_of(session, number, offset, limit)
            return change, rows, await changesets.count_rows(session, number)

    async def submitted(self) -> list[tuple[Channel, Change | None]]:
        """The channels that wait for acceptance, and the change by which each came to."""
        found = [one for one in self._register.channels.values() if one.lifecycle is WAITING]
        async with self._db.read() as session:
            told = await submissions(session, [channel.id for channel in found])
        return [(channel, told.get(channel.id)) for channel in found]

    async def history(self, id_: str, *, limit: int = 100) -> list[tuple[Change, ChangeRow]]:
        """What was done to one channel, newest first. NotFoundError where it never was."""
        channel = self._register.channels.get(key(id_))
        async with self._db.read() as session:
            found = await changesets.history(session, channel.id if channel else id_, limit)
        if not found and channel is None:
            raise NotFoundError(f"没有通道 {id_[:64]} / no such channel")
        return found
