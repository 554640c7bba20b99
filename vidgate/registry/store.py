"""The register in the database: read whole at start, written by one edit a transaction."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Table, bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from vidgate.model.channel import Channel, Lifecycle, Platform
from vidgate.registry.edits import (
    CHANNEL_FIELDS,
    PATTERNS,
    Credential,
    Departed,
    Edit,
    Pair,
    Snapshot,
    credential_snapshot,
    key,
    platform_snapshot,
    snapshot,
    typed,
)
from vidgate.registry.inputs import Input
from vidgate.storage import models
from vidgate.storage.database import CHUNK

T = TypeVar("T")
Row = dict[str, Any]

_REFERENCES = ("credential", "platform")  # NULL in the table, empty in the model


def chunks(items: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """The items in lists of at most `size`."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def _channel_row(channel: Channel) -> Row:
    row = {name: getattr(channel, name) for name in CHANNEL_FIELDS}
    for name in _REFERENCES:
        row[name] = row[name] or None
    for name in ("kind", "point_class", "lifecycle", "transport"):
        row[name] = row[name].value
    for name in ("declared_status", "declared_codec"):
        row[name] = row[name] and row[name].value
    row["tags"] = list(channel.tags)
    row["key"] = key(channel.id)
    return row


def _credential_row(credential: Credential) -> Row:
    return {
        "name": credential.name,
        "username": credential.login.username,
        "sealed": credential.sealed,
        "changed": credential.changed,
        **{name: getattr(credential, name) for name in PATTERNS},
    }


def _departed_row(departed: Departed) -> Row:
    return {
        "key": departed.key,
        "lifecycle": departed.lifecycle.value,
        "gb_code": departed.gb_code,
        "inputs": [list(one) for one in departed.inputs],
    }


async def read_channels(session: AsyncConnection) -> AsyncIterator[list[Channel]]:
    """All channels in register order, a chunk at a time."""
    last = -1, ""
    table = models.channels
    while True:
        after = (table.c.number > last[0]) | ((table.c.number == last[0]) & (table.c.key > last[1]))
        query = select(table).where(after).order_by(table.c.number, table.c.key).limit(CHUNK)
        rows = (await session.execute(query)).mappings().all()
        if not rows:
            return
        last = rows[-1]["number"], rows[-1]["key"]
        yield [_channel(dict(row)) for row in rows]
        await asyncio.sleep(0)


def _channel(row: Row) -> Channel:
    del row["key"]
    for name in _REFERENCES:
        row[name] = row[name] or ""
    return Channel(**typed(row))


async def read_platforms(session: AsyncConnection) -> list[Platform]:
    """All platforms by id."""
    rows = await session.execute(select(models.platforms).order_by(models.platforms.c.id))
    return [Platform(**row._mapping) for row in rows]


async def read_departed(session: AsyncConnection) -> list[Departed]:
    """The channels that left before they were accepted."""
    rows = await session.execute(select(models.departed))
    return [_departed(row) for row in rows]


def _departed(row: Any) -> Departed:
    inputs = tuple(Input(kind, value) for kind, value in row.inputs)
    return Departed(row.key, Lifecycle(row.lifecycle), row.gb_code, inputs)


async def read_credentials(session: AsyncConnection) -> list[Row]:
    """All credentials by name, still sealed."""
    rows = await session.execute(select(models.credentials).order_by(models.credentials.c.name))
    return [dict(row._mapping) for row in rows]


async def write(session: AsyncConnection, change: int, edit: Edit) -> None:
    """Apply an edit and keep its rows under the change's number."""
    # What channels refer to comes before them and goes after them.
    await _put(session, models.platforms, "id", edit.platforms, platform_snapshot)
    await _put(session, models.credentials, "name", edit.credentials, _credential_row)
    await _put(session, models.channels, "key", edit.channels, _channel_row)
    await _put(session, models.departed, "key", edit.departed, _departed_row)
    await _drop(session, models.departed, "key", [p.before.key for p in _gone(edit.departed)])
    await _drop_channels(session, edit.channels)
    await _drop(session, models.platforms, "id", [p.before.id for p in _gone(edit.platforms)])
    names = [pair.before.name for pair in _gone(edit.credentials)]
    await _drop(session, models.credentials, "name", names)
    await _remember(session, change, edit)


def _gone(pairs: Sequence[Pair[T]]) -> Iterator[Any]:
    return (pair for pair in pairs if pair.after is None)


async def _put(
    session: AsyncConnection,
    table: Table,
    name: str,
    pairs: Sequence[Pair[T]],
    row: Callable[[T], Row],
) -> None:
    new = (pair.after for pair in pairs if pair.before is None and pair.after is not None)
    for chunk in chunks(new):
        await session.execute(insert(table), [row(thing) for thing in chunk])
    statement = update(table).where(table.c[name] == bindparam("which"))
    both = (pair for pair in pairs if pair.before is not None)
    for part in chunks(pair.after for pair in both if pair.after is not None):
        rows = [row(thing) for thing in part]
        await session.execute(statement, [r | {"which": r[name]} for r in rows])


async def _drop(session: AsyncConnection, table: Table, name: str, values: list[str]) -> None:
    for chunk in chunks(values):
        await session.execute(delete(table).where(table.c[name].in_(chunk)))


async def _drop_channels(session: AsyncConnection, pairs: Sequence[Pair[Channel]]) -> None:
    ids = [pair.before.id for pair in _gone(pairs)]
    await _drop(session, models.channels, "key", [key(id_) for id_ in ids])
    # What was known of it is not true of another that may get the same id one day.
    await _drop(session, models.health_now, "channel", ids)


async def _remember(session: AsyncConnection, change: int, edit: Edit) -> None:
    rows = enumerate(_change_rows(edit))
    for chunk in chunks(rows):
        values = [{"change": change, "position": position} | row for position, row in chunk]
        await session.execute(insert(models.change_rows), values)


def _change_rows(edit: Edit) -> Iterator[Row]:
    yield from _rows("platform", edit.platforms, platform_snapshot, "id")
    yield from _rows("credential", edit.credentials, credential_snapshot, "name")
    yield from _rows("channel", edit.channels, snapshot, "id")


def _rows(
    kind: str, pairs: Sequence[Pair[T]], take: Callable[[T], Snapshot], name: str
) -> Iterator[Row]:
    for pair in pairs:
        before = None if pair.before is None else take(pair.before)
        after = None if pair.after is None else take(pair.after)
        one = after or before or {}
        yield {"kind": kind, "object": one[name], "before": before, "after": after}
