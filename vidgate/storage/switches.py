"""Whose pictures a stream showed, and since when: the past of failover."""

from dataclasses import asdict, dataclass

from sqlalchemy import delete, insert, select

from vidgate.storage.database import Database
from vidgate.storage.models import switches

KEPT = 100  # of each channel


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """From a wall-clock instant on a channel's stream showed the pictures of `source`.

    `reason` is why: a reason code, or `back` where the channel has its own picture again.
    """

    channel: str
    variant: str
    time: float
    source: str
    reason: str


class Switches:
    """Keeps the last switches of every channel."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def add(self, switch: Switch) -> None:
        """Keep one, and forget the channel's oldest beyond `KEPT`. Raises StorageError."""
        ours = switches.c.channel == switch.channel
        kept = select(switches.c.id).where(ours).order_by(switches.c.id.desc()).limit(KEPT)
        async with self._db.write() as session:
            await session.execute(insert(switches), asdict(switch))
            await session.execute(delete(switches).where(ours, switches.c.id.not_in(kept)))

    async def of(self, channel: str, *, limit: int = KEPT) -> list[Switch]:
        """The last switches of one channel, newest first."""
        query = (
            select(switches)
            .where(switches.c.channel == channel)
            .order_by(switches.c.id.desc())
            .limit(limit)
        )
        async with self._db.read() as session:
            rows = (await session.execute(query)).mappings().all()
        return [Switch(**{name: row[name] for name in Switch.__slots__}) for row in rows]
