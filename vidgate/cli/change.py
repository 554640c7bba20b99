"""`vidgate change`: what was changed, by whom, and undoing it."""

from typing import Annotated

from vidgate.cli import output, tables, words
from vidgate.cli.client import Client
from vidgate.cli.options import Json, Output, option

OK = 0
_SHEET = tables.Sheet(
    "changes",
    ("id", "time", "actor", "action", "source", "created", "updated", "removed", "undoes",
     "undone_by"),
    times=("time",),
)  # fmt: skip
Number = Annotated[int, option("变更号 · the change's number")]


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
        output.next_step(f"change show {found['items'][0]['id']}", "看每一行 see its rows")
    else:
        output.next_step("channel import FILE", "还没有变更 no change yet")
    return OK


async def show(change: Number, /, *, json: Json = False) -> int:
    """The rows of one change, before and after."""
    async with Client() as client:
        found = await client.get(f"/changes/{change}")
    if json:
        output.document(found)
        return OK
    output.table(_COLUMNS, (found,))
    output.table((("编号", "id"), ("修改", words.difference)), found.get("rows", ()))
    output.next_step(f"change undo {change}", "撤销它 undo it")
    return OK


async def undo(change: Number, /, *, json: Json = False) -> int:
    """Restore what was before a change; that is a change of its own."""
    async with Client() as client:
        made = await client.call("POST", f"/changes/{change}/undo")
    if json:
        output.document(made)
        return OK
    output.note(f"已撤销 undone: {change}; 本次变更 this change: {made['id']}")
    output.next_step(f"change undo {made['id']}", "撤销本身也可撤销 undoing can be undone")
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
