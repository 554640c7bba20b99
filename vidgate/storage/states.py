"""What is known of every channel's health, kept over a restart, and every change of state."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import RowMapping, func, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from vidgate.model.health import Health, Level, ProbeResult, Reason, State
from vidgate.model.media import Codec
from vidgate.storage import models
from vidgate.storage.database import CHUNK, Database

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One channel went from a state to another at a wall-clock instant."""

    channel: str
    time: float
    before: State
    after: State
    reason: Reason
    level: Level


class States:
    """Loads and saves health; writers hand over batches, not single channels."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def load(self) -> dict[str, Health]:
        """The last saved health of every channel that is still registered, by its id."""
        now, channels = models.health_now, models.channels
        known = select(now).join(channels, channels.c.key == func.lower(now.c.channel))
        found: dict[str, Health] = {}
        last = ""
        while True:
            query = known.where(now.c.channel > last).order_by(now.c.channel).limit(CHUNK)
            async with self._db.read() as session:
                rows = (await session.execute(query)).mappings().all()
            if not rows:
                return found
            last = rows[-1]["channel"]
            found |= {row["channel"]: _health(row) for row in rows}

    async def save(self, healths: Iterable[Health], transitions: Iterable[Transition] = ()) -> None:
        """Save health, replacing what was saved, and add transitions, in one transaction."""
        table = models.health_now
        statement = upsert(table)
        values = {
            column.name: statement.excluded[column.name]
            for column in table.columns
            if not column.primary_key
        }
        statement = statement.on_conflict_do_update(index_elements=["channel"], set_=values)
        async with self._db.write() as session:
            for chunk in _chunks(healths):
                await session.execute(statement, [_row(health) for health in chunk])
            for part in _chunks(transitions):
                await session.execute(insert(models.transitions), [asdict(one) for one in part])

    async def transitions(self, channel: str, *, limit: int = 100) -> list[Transition]:
        """The last transitions of one channel, newest first."""
        table = models.transitions
        query = (
            select(table)
            .where(table.c.channel == channel)
            .order_by(table.c.time.desc(), table.c.id.desc())
            .limit(limit)
        )
        async with self._db.read() as session:
            return [_transition(row) for row in (await session.execute(query)).mappings()]


def _chunks(items: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk


def _row(health: Health) -> dict[str, Any]:
    return {
        "channel": health.channel,
        "state": int(health.state),
        "reason": health.reason.value,
        "since": health.since,
        "level": int(health.level),
        "probed": health.probed,
        "media_seen": health.media_seen,
        "last_frame": health.last_frame,
        "good": health.good,
        "bad": health.bad,
        "last": None if health.last is None else asdict(health.last),
    }


def _health(row: RowMapping) -> Health:
    return Health(
        channel=row["channel"],
        state=State(row["state"]),
        reason=Reason(row["reason"]),
        since=row["since"],
        level=Level(row["level"]),
        probed=row["probed"],
        media_seen=row["media_seen"],
        last_frame=row["last_frame"],
        good=row["good"],
        bad=row["bad"],
        last=None if row["last"] is None else _result(row["last"]),
    )


def _result(saved: dict[str, Any]) -> ProbeResult:
    codec = saved["codec"]
    return ProbeResult(
        **saved
        | {
            "asked": Level(saved["asked"]),
            "level": Level(saved["level"]),
            "reason": Reason(saved["reason"]),
            "codec": None if codec is None else Codec(codec),
        }
    )


def _transition(row: RowMapping) -> Transition:
    return Transition(
        channel=row["channel"],
        time=row["time"],
        before=State(row["before"]),
        after=State(row["after"]),
        reason=Reason(row["reason"]),
        level=Level(row["level"]),
    )
