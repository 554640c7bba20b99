"""Numbered changes: kept with everything before and after, shown, and undone."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from vidgate.errors import ConflictError, NotFoundError, NotPermittedError
from vidgate.registry.edits import (
    PATTERNS,
    Edit,
    Pair,
    Snapshot,
    channel_of,
    credential_snapshot,
    key,
    platform_of,
    platform_snapshot,
    same,
    sealed_of,
    snapshot,
)
from vidgate.registry.planner import SHOWN, Register, opened_credential
from vidgate.storage.database import CHUNK
from vidgate.storage.models import change_rows, changes
from vidgate.storage.secrets import SecretBox


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change: its counts are of channels; `undoes` and `undone_by` are change numbers."""

    id: int
    time: float
    actor: str
    action: str
    source: str
    created: int
    updated: int
    removed: int
    undoes: int | None = None
    undone_by: int | None = None


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """What a change did to one thing. Sealed logins are inside: for the register only."""

    kind: str
    object: str
    before: Snapshot | None
    after: Snapshot | None

    def as_json(self) -> dict[str, Any]:
        """For people: the fields that differ as [before, after], logins left out."""
        before, after = self.before or {}, self.after or {}
        names = [name for name in before | after if before.get(name) != after.get(name)]
        fields = {
            name: [before.get(name), after.get(name)]
            for name in names
            if name not in ("revision", "pinyin", "sealed")
        }
        if "sealed" in names:
            fields["password"] = ["***" if before else None, "***" if after else None]
        deed = "created" if self.before is None else "removed" if self.after is None else "updated"
        return {"kind": self.kind, "object": self.object, "action": deed, "fields": fields}


async def begin(
    session: AsyncConnection, now: float, actor: str, action: str, source: str, edit: Edit
) -> int:
    """Give an edit its number."""
    created, updated, removed = edit.counts()
    values = {
        "time": now,
        "actor": actor[:128],
        "action": action,
        "source": source[:255],
        "created": created,
        "updated": updated,
        "removed": removed,
    }
    result = await session.execute(insert(changes).values(values).returning(changes.c.id))
    return int(result.scalar_one())


async def mark_undone(session: AsyncConnection, change: int, by: int) -> None:
    """Tie an undo to what it undoes."""
    await session.execute(update(changes).where(changes.c.id == by).values(undoes=change))
    await session.execute(update(changes).where(changes.c.id == change).values(undone_by=by))


async def newest(session: AsyncConnection, limit: int) -> list[Change]:
    """The last changes, newest first."""
    query = select(changes).order_by(changes.c.id.desc()).limit(limit)
    return [Change(**row._mapping) for row in await session.execute(query)]


async def find(session: AsyncConnection, number: int) -> Change:
    """One change. Raises NotFoundError."""
    row = (await session.execute(select(changes).where(changes.c.id == number))).first()
    if row is None:
        raise NotFoundError(f"没有变更 {number} / no change {number}")
    return Change(**row._mapping)


async def count_rows(session: AsyncConnection, number: int) -> int:
    """How many things a change touched."""
    query = select(func.count()).select_from(change_rows).where(change_rows.c.change == number)
    return int((await session.execute(query)).scalar_one())


async def rows_of(
    session: AsyncConnection, number: int, offset: int, limit: int
) -> list[ChangeRow]:
    """Rows of a change in the order in which they were made."""
    query = (
        select(change_rows)
        .where(change_rows.c.change == number, change_rows.c.position >= offset)
        .order_by(change_rows.c.position)
        .limit(limit)
    )
    found = await session.execute(query)
    return [ChangeRow(row.kind, row.object, row.before, row.after) for row in found]


async def history(
    session: AsyncConnection, channel: str, limit: int
) -> list[tuple[Change, ChangeRow]]:
    """What was done to one channel, newest first."""
    query = (
        select(changes, *(change_rows.c[name] for name in ("object", "before", "after")))
        .join(change_rows, change_rows.c.change == changes.c.id)
        .where(change_rows.c.kind == "channel", change_rows.c.object == channel)
        .order_by(changes.c.id.desc(), change_rows.c.position.desc())
        .limit(limit)
    )
    found = []
    for row in await session.execute(query):
        told = dict(row._mapping)
        rest = ChangeRow("channel", told.pop("object"), told.pop("before"), told.pop("after"))
        found.append((Change(**told), rest))
    return found


class Undo:
    """Plans the edit that takes a change back: fed row by row, refused as a whole."""

    def __init__(
        self, register: Register, box: SecretBox, now: float, *, may_accept: bool = True
    ) -> None:
        self._register = register
        self._may_accept = may_accept
        self._accepted: list[str] = []
        self._box = box
        self._now = now
        self._edit = Edit()
        self._touched: list[str] = []
        self._numbers = {channel.number for channel in register.channels.values()}
        self._next = register.next_number()

    def take(self, rows: Iterable[ChangeRow]) -> None:
        """Plan some rows of the change."""
        for row in rows:
            getattr(self, f"_take_{row.kind}")(row)

    def edit(self) -> Edit:
        """The edit. Raises ConflictError naming what later changes touched.

        NotPermittedError where channels would be accepted again by who may not.
        """
        if self._touched:
            some = "、".join(self._touched[:SHOWN])
            raise ConflictError(
                f"{len(self._touched)} 项在此之后又有变更（{some}），不能撤销 / changed since",
                hint="先撤销后来的变更，或逐个修改",
            )
        self._check_acceptance()
        self._keep_what_is_used()
        return self._edit

    def _take_channel(self, row: ChangeRow) -> None:
        current = self._register.channels.get(key(row.object))
        if not same(None if current is None else snapshot(current), row.after):
            self._touched.append(row.object)
        elif row.before is None:
            self._edit.channels.append(Pair(current, None))
        else:
            old = channel_of(row.before)
            if current is not None and old.is_accepted and not current.is_accepted:
                self._accepted.append(old.id)
            revision = (current or old).revision + 1
            number = current.number if current else self._number(old.number)
            self._edit.channels.append(
                Pair(current, replace(old, revision=revision, number=number))
            )

    def _check_acceptance(self) -> None:
        """An approval that was taken back is an approval when it is given again."""
        if self._accepted and not self._may_accept:
            some = "、".join(self._accepted[:SHOWN])
            raise NotPermittedError(
                f"撤销会使 {len(self._accepted)} 个通道（{some}）重新成为“在用”，要有验收权限"
                " / acceptance needs the permission",
                hint="请管理员执行 change undo",
            )

    def _number(self, wanted: int) -> int:
        """The old register number, or a new one where another channel has it by now."""
        number = wanted
        if number in self._numbers:
            number, self._next = self._next, self._next + 1
        self._numbers.add(number)
        self._next = max(self._next, number + 1)
        return number

    def _take_platform(self, row: ChangeRow) -> None:
        current = self._register.platforms.get(row.object)
        is_same = same(None if current is None else platform_snapshot(current), row.after)
        if row.before is None:
            # Made on the side by an import: stays where somebody has set it up since.
            if is_same and current is not None:
                self._edit.platforms.append(Pair(current, None))
        elif not is_same:
            self._touched.append(row.object)
        else:
            self._edit.platforms.append(Pair(current, platform_of(row.before)))

    def _take_credential(self, row: ChangeRow) -> None:
        current = self._register.credentials.get(row.object)
        is_same = same(None if current is None else credential_snapshot(current), row.after)
        if row.before is None:
            if is_same and current is not None:
                self._edit.credentials.append(Pair(current, None))
        elif not is_same:
            self._touched.append(row.object)
        else:
            sealed = sealed_of(row.before)
            patterns = {name: row.before[name] for name in PATTERNS if name in row.before}
            old = opened_credential(self._box, row.object, sealed, self._now, patterns)
            self._edit.credentials.append(Pair(current, old))

    def _keep_what_is_used(self) -> None:
        """Platforms and credentials that other channels use by now stay."""
        left = self._register.after(Edit(channels=self._edit.channels)).channels.values()
        platforms = {channel.platform for channel in left}
        credentials = {channel.credential for channel in left}
        # What platforms are asked with.
        credentials |= {
            one.options["credential"]
            for one in self._register.platforms.values()
            if one.options.get("credential") in self._register.credentials
        }
        self._edit.platforms = [
            pair
            for pair in self._edit.platforms
            if pair.after or (pair.before and pair.before.id not in platforms)
        ]
        self._edit.credentials = [
            pair
            for pair in self._edit.credentials
            if pair.after or (pair.before and pair.before.name not in credentials)
        ]
        self._check_references(platforms, credentials)

    def _check_references(self, platforms: set[str], credentials: set[str]) -> None:
        known = self._register.after(self._edit)
        missing = (platforms - known.platforms.keys()) | (credentials - known.credentials.keys())
        if missing - {""}:
            names = "、".join(sorted(missing - {""}))
            raise ConflictError(f"所用的平台或凭据已不存在：{names} / no longer there")


async def plan_undo(session: AsyncConnection, number: int, planner: Undo) -> None:
    """Feed a change to the planner of its undo. NotFoundError; ConflictError if undone already."""
    change = await find(session, number)
    if change.undone_by is not None:
        raise ConflictError(f"变更 {number} 已由变更 {change.undone_by} 撤销 / undone already")
    offset = 0
    while rows := await rows_of(session, number, offset, CHUNK):
        planner.take(rows)
        offset += len(rows)
