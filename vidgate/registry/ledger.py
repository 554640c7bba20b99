"""How an edit is entered: written with its change and audit row as one, and told on the bus."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import IntegrityError

from vidgate.aio.bus import Bus
from vidgate.errors import ConflictError
from vidgate.model.channel import Channel
from vidgate.registry import changesets, store
from vidgate.registry.access import has_pattern
from vidgate.registry.edits import Edit, Pair
from vidgate.storage.audit import Audit
from vidgate.storage.database import Database

FEW = 50  # channels of one change that are announced one by one


@dataclass(frozen=True, slots=True)
class Deed:
    """Who does what: `source` is a file name or what was named, `undoes` a change's number."""

    actor: str
    action: str
    source: str
    undoes: int | None = None


class Ledger:
    """Writes edits; each is one transaction with its numbered change and its audit row."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._audit = Audit(db)

    async def write(self, edit: Edit, deed: Deed) -> int | None:
        """Write an edit; returns the number of its change, None where it changes nothing.

        An edit that changes nothing is still audited. Raises ConflictError where the database
        does not agree with what the edit takes for given, StorageError where it cannot write.
        """
        detail = _counts(edit)
        number: int | None = None
        try:
            async with self._db.write() as session:
                if not edit.is_empty or deed.undoes is not None:
                    now = self._db.clock.wall()
                    number = await changesets.begin(
                        session, now, deed.actor, deed.action, deed.source, edit
                    )
                    await store.write(session, number, edit)
                    detail["change"] = number
                if number is not None and deed.undoes is not None:
                    await changesets.mark_undone(session, deed.undoes, number)
                action = f"register.{deed.action}"
                await self._audit.record(session, deed.actor, action, deed.source, detail)
        except IntegrityError as error:
            raise ConflictError(f"登记册不一致，未作改动 / {error.orig}") from error
        return number


def announce(bus: Bus, number: int, edit: Edit) -> None:
    """Publish what a change did; channels one by one where they are few."""
    for pair in edit.credentials:
        one = pair.after or pair.before
        # A new one has no channel yet that could try it again, unless it is for those that fit.
        if one is not None and (pair.before is not None or has_pattern(one)):
            bus.publish("credential.changed", one.name)
    for platform in edit.platforms:
        changed = platform.after or platform.before
        if changed is not None:
            bus.publish("platform.changed", changed.id, {"change": number})
    if len(edit.channels) <= FEW:
        for channels in edit.channels:
            _announce_channel(bus, channels)
    bus.publish("register.changed", "", {"change": number, **_counts(edit)})


def _announce_channel(bus: Bus, pair: Pair[Channel]) -> None:
    kind = "added" if pair.before is None else "removed" if pair.after is None else "changed"
    channel = pair.after or pair.before
    if channel is not None:
        bus.publish("channel.changed", channel.id, {"kind": kind})


def _counts(edit: Edit) -> dict[str, Any]:
    created, updated, removed = edit.counts()
    return {"created": created, "updated": updated, "removed": removed}
