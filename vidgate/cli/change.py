"""`vidgate change`: what was changed, by whom, and undoing it."""

from typing import Annotated

from vidgate.cli import names, next_steps, output, tables, words
from vidgate.cli.client import Client
from vidgate.cli.options import Json, Output, option

OK = 0
_SHEET = tables.Sheet(
    "changes",
    ("id", "time", "actor", "action", "source", "created", "updated", "removed", "undoes",
     "undone_by"),
    times=("time",),
)  # fmt: skip
_ROWS = tables.Sheet("change", ("kind", "id", "action", "before", "after"))
Number = Annotated[int, option("变更号 · the change's number", completer=names.CHANGES)]


async def list_changes(
    *,
    limit: Annotated[int | None, option("最多几条 · at most so many")] = None,
    shape: Output | None = None,
) -> int:
    """List changes, the newest first."""
    tables.check(shape)
    async with Client() as client:
        found = await client.get("/changes", {"limit": limit})
    if tables.written(shape, _SHEET, found):
        return OK
    output.table(_COLUMNS, found["items"])
    if found["items"]:
        next_steps.tell("change list", change=found["items"][0]["id"])
    else:
        next_steps.tell("change list", "empty")
    return OK


async def show(change: Number, /, *, shape: Output | None = None) -> int:
    """The rows of one change, before and after."""
    tables.check(shape)
    async with Client() as client:
        found = await client.get(f"/changes/{change}")
    if tables.written(shape, _ROWS, found, found.get("rows", ())):
        return OK
    output.table(_COLUMNS, (found,))
    output.table((("编号", "id"), ("修改", words.difference)), found.get("rows", ()))
    by = found.get("undone_by")
    next_steps.tell("change show", "undone" if by else "", change=change, by=by)
    return OK


async def undo(change: Number, /, *, json: Json = False) -> int:
    """Restore what was before a change; that is a change of its own."""
    async with Client() as client:
        made = await client.call("POST", f"/changes/{change}/undo")
    if json:
        output.document(made)
        return OK
    output.note(f"已撤销 undone: {change}; 本次变更 this change: {made['id']}")
    next_steps.tell("change undo", change=made["id"])
    return OK


_COLUMNS: tuple[output.Column, ...] = (
    ("变更", "id"),
    ("时间", lambda item: output.moment(item["time"])),
    ("操作者", "actor"),
    ("动作", "action"),
    ("来源", "source"),
    ("新增", "created"),
    ("更新", "updated"),
    ("移除", "removed"),
    ("撤销了", "undoes"),
    ("被撤销于", "undone_by"),
)
