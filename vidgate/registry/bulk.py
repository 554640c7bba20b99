"""One edit of many channels: the same fields for all, tags added to or taken from each."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from vidgate.errors import InputError
from vidgate.model.channel import Channel
from vidgate.registry.changesets import ChangeRow
from vidgate.registry.edits import Edit, snapshot
from vidgate.registry.fields import BY_NAME
from vidgate.registry.fields import tags as parse_tags
from vidgate.registry.planner import SHOWN, Planner
from vidgate.registry.rows import ParsedRow, parse_row
from vidgate.storage.database import CHUNK

# What tells one camera from another: the same for many of them is always a slip.
OWN = frozenset({"id", "name", "gb_code", "url", "sub_url"})
SHARED = frozenset(BY_NAME) - OWN


@dataclass(frozen=True, slots=True)
class Wish:
    """What many channels are to become; an empty value of a field sets its default."""

    fields: Mapping[str, Any] = field(default_factory=dict)
    add_tags: Sequence[str] = ()
    remove_tags: Sequence[str] = ()


@dataclass(slots=True)
class BulkReport:
    """What a bulk edit did, or would do: `change` is None when nothing was written.

    `revisions`: those that the changed channels had before, by id.
    """

    change: int | None = None
    unchanged: int = 0
    rows: list[ChangeRow] = field(default_factory=list)
    revisions: dict[str, int] = field(default_factory=dict)


async def plan(planner: Planner, channels: Iterable[Channel], wish: Wish) -> BulkReport:
    """Plan the edit. Raises InputError, naming channels, where one of them cannot take it.

    NotPermittedError where some would be accepted by who may not.
    """
    row, add, remove = _parsed(wish)
    refused: list[str] = []
    for number, channel in enumerate(channels, 1):
        values = row.values | {"id": channel.id}
        if add or remove:
            kept = [tag for tag in values.get("tags") or channel.tags if tag not in remove]
            values["tags"] = _joined(channel, [*kept, *add])
        mistakes = planner.take(replace(row, values=values, warnings=[]))
        refused += [f"{channel.id}: {name}: {message}" for name, message in mistakes[:1]]
        if number % CHUNK == 0:
            await asyncio.sleep(0)
    planner.check_acceptance()
    if refused:
        more = f"；等 {len(refused)} 个通道" if len(refused) > SHOWN else ""
        raise InputError("；".join(refused[:SHOWN]) + more)
    before = [pair.before for pair in planner.edit.channels if pair.before is not None]
    revisions = {channel.id: channel.revision for channel in before}
    return BulkReport(None, planner.unchanged, _rows(planner.edit), revisions)


def _parsed(wish: Wish) -> tuple[ParsedRow, list[str], list[str]]:
    wrong = [name for name in wish.fields if name not in SHARED]
    if wrong:
        raise InputError(f"不能批量设置: {', '.join(wrong)} / not for many at once")
    row = parse_row(wish.fields, blanks=True)
    try:
        add, remove = parse_tags(wish.add_tags), parse_tags(wish.remove_tags)
    except ValueError as error:
        raise InputError(f"tags: {error}") from None
    if row.mistakes:
        raise InputError("；".join(f"{name}: {message}" for name, message in row.mistakes))
    if not (row.values or row.login or add or remove):
        raise InputError("没有要修改的字段 / no field to change")
    return row, add, remove


def _joined(channel: Channel, words: Sequence[str]) -> list[str]:
    try:
        return parse_tags(words)
    except ValueError as error:
        raise InputError(f"{channel.id}: tags: {error}") from None


def _rows(edit: Edit) -> list[ChangeRow]:
    return [
        ChangeRow("channel", pair.before.id, snapshot(pair.before), snapshot(pair.after))
        for pair in edit.channels
        if pair.before is not None and pair.after is not None
    ]
