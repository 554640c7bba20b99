"""The numbered changes of the register, and undoing them."""

from dataclasses import asdict
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_json

from vidgate.registry.changesets import ChangeRow
from vidgate.web.access import actor_of
from vidgate.web.context import CONTEXT
from vidgate.web.exchange import encode_rows, read_number, read_query, reply, reply_packed

PAGE = 200


class ChangesQuery(BaseModel):
    """How many, the newest first."""

    model_config = ConfigDict(extra="forbid")
    limit: int = Field(200, ge=1, le=1000)


async def list_(request: web.Request) -> web.Response:
    """The changes, newest first."""
    query = read_query(request.query, ChangesQuery)
    changes = await request.app[CONTEXT].parts.registry.changes(limit=query.limit)
    return reply({"items": [asdict(change) for change in changes]})


async def show(request: web.Request) -> web.Response:
    """One change with all its rows, before and after."""
    registry, number = request.app[CONTEXT].parts.registry, _number(request)
    change, rows, total = await registry.change(number, offset=0, limit=PAGE)
    while len(rows) < total:
        _, more, _ = await registry.change(number, offset=len(rows), limit=PAGE)
        if not more:
            break
        rows += more
    head = to_json(asdict(change))
    body = head[:-1] + b',"rows":' + await encode_rows(rows, row_view) + b"}"
    return await reply_packed(request, body)


async def undo(request: web.Request) -> web.Response:
    """Restore what was before; that is a change of its own. A conflict leaves all as it is."""
    change = await request.app[CONTEXT].parts.registry.undo(_number(request), actor_of(request))
    return reply(asdict(change))


def row_view(row: ChangeRow) -> dict[str, Any]:
    """What a change did to one thing: the fields that differ, passwords as ***."""
    told = row.as_json()
    fields: dict[str, list[Any]] = told["fields"]
    return {
        "kind": told["kind"],
        "id": told["object"],
        "action": told["action"],
        "before": None if row.before is None else {name: was for name, (was, _) in fields.items()},
        "after": None if row.after is None else {name: now for name, (_, now) in fields.items()},
    }


def _number(request: web.Request) -> int:
    return read_number(request, "number", "变更")
