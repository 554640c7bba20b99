"""What is known of every channel's health, kept over a restart, and every change of state."""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import RowMapping, delete, func, or_, select
from sqlalchemy.dialects.sqlite import insert as upsert

from vidgate.model.channel import Lifecycle
from vidgate.model.health import (
    Health,
    Level,
    LevelResult,
    Measured,
    Outcome,
    ProbeResult,
    Reason,
    State,
)
from vidgate.model.media import Codec
from vidgate.model.standing import SECOND, milliseconds
from vidgate.storage import codes, models
from vidgate.storage.database import CHUNK, Database, chunks
from vidgate.storage.subjects import Subjects


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One channel went from a state to another at a wall-clock instant.

    `step` is where its lifecycle stood then, None when it left the register; a row whose state is
    the same before and after tells of that step, of a reason, or of a fault's level.
    """

    channel: str
    time: float
    before: State
    after: State
    reason: Reason
    level: Level
    step: Lifecycle | None = Lifecycle.ACCEPTED


AT_ONCE = 40  # healths made rows without a turn for others: each takes a tenth of a millisecond


class States:
    """Loads and saves health; writers hand over batches, not single channels."""

    def __init__(self, db: Database, subjects: Subjects | None = None) -> None:
        self._db = db
        self._subjects = subjects or Subjects()

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

    async def latest(self) -> dict[str, Transition]:
        """The last transition of every channel that ever had one, by its id."""
        async with self._db.read() as session:
            keys = await self._subjects.all(session)
        found: dict[str, Transition] = {}
        for part in chunks(keys.items()):
            ids = {key: id_ for id_, key in part}
            query = _TRANSITIONS.where(_IS_LATEST, models.subjects.c.key.in_(ids))
            async with self._db.read() as session:
                rows = (await session.execute(query)).mappings().all()
            found |= {row["id"]: _transition(row) for row in rows}
        return found

    async def save(
        self,
        healths: Iterable[Health],
        transitions: Iterable[Transition] = (),
        *,
        forget_after: float | None = None,
    ) -> None:
        """Save health, replacing what was saved, and add transitions, in one transaction.

        `forget_after`: first drop the transitions after that wall-clock instant, written by a
        clock that was fast.
        """
        table = models.health_now
        statement = upsert(table)
        values = {
            column.name: statement.excluded[column.name]
            for column in table.columns
            if not column.primary_key
        }
        statement = statement.on_conflict_do_update(index_elements=["channel"], set_=values)
        async with self._db.write() as session:
            for chunk in chunks(healths, AT_ONCE):
                await session.execute(statement, [_row(health) for health in chunk])
            if forget_after is not None:
                after = models.transitions.c.time > milliseconds(forget_after)
                await session.execute(delete(models.transitions).where(after))
            for part in chunks(transitions):
                keys = await self._subjects.give(session, [one.channel for one in part])
                rows = [_transition_row(one, keys[one.channel]) for one in part]
                await session.execute(_ADD_TRANSITION, rows)

    async def transitions(
        self, channel: str, *, limit: int = 100, since: float = 0.0, until: float = math.inf
    ) -> list[Transition]:
        """The last transitions of one channel in a time (wall-clock seconds, `until` is no more of
        it), newest first; that it was registered is none.
        """
        moves = models.transitions.c
        query = (
            _TRANSITIONS.where(models.subjects.c.id == channel)
            .where(or_(moves.before != moves.after, moves.after != int(State.UNKNOWN)))
            .where(moves.time >= milliseconds(since))
            .order_by(models.transitions.c.time.desc())
            .limit(limit)
        )
        if until < math.inf:
            query = query.where(moves.time < milliseconds(until))
        async with self._db.read() as session:
            return [_transition(row) for row in (await session.execute(query)).mappings()]


_TRANSITIONS = select(models.subjects.c.id, models.transitions).join(
    models.transitions, models.transitions.c.subject == models.subjects.c.key
)
_LATER = models.transitions.alias("later")
_IS_LATEST = (
    models.transitions.c.time
    == select(func.max(_LATER.c.time))
    .where(_LATER.c.subject == models.subjects.c.key)
    .scalar_subquery()
)
# Of two changes of one channel within a millisecond the later one counts.
_ADD_TRANSITION = upsert(models.transitions).prefix_with("OR REPLACE")


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
        "last": None if health.last is None else asdict(health.last),
        "measured": None if health.measured is None else asdict(health.measured),
        "levels": {level.label: asdict(one) for level, one in health.levels.items()},
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
        last=None if row["last"] is None else _result(row["last"]),
        measured=None if row["measured"] is None else _measured(row["measured"]),
        levels={Level[label.upper()]: _level(one) for label, one in row["levels"].items()},
    )


def _measured(saved: dict[str, Any]) -> Measured:
    codec = saved.get("codec")
    return Measured(**saved | {"codec": None if codec is None else Codec(codec)})


def _level(saved: dict[str, Any]) -> LevelResult:
    coded = {"outcome": Outcome(saved["outcome"]), "reason": Reason(saved["reason"])}
    return LevelResult(**saved | coded)


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


def _transition_row(one: Transition, key: int) -> dict[str, int]:
    return {
        "subject": key,
        "time": milliseconds(one.time),
        "before": int(one.before),
        "after": int(one.after),
        "reason": codes.REASONS[one.reason],
        "level": int(one.level),
        "step": codes.step_code(one.step),
    }


def _transition(row: RowMapping) -> Transition:
    return Transition(
        channel=row["id"],
        time=row["time"] / SECOND,
        before=State(row["before"]),
        after=State(row["after"]),
        reason=codes.reason_of(row["reason"]),
        level=Level(row["level"]),
        step=codes.step_of(row["step"]),
    )
