"""Submitted channels: who waits for acceptance, and deciding about many at once."""

from typing import Any, Literal

from aiohttp import web
from pydantic import BaseModel, Field
from pydantic_core import to_json

from vidgate.errors import InputError
from vidgate.model.channel import Channel
from vidgate.registry.approvals import Decision
from vidgate.registry.changesets import Change
from vidgate.web.access import actor_of
from vidgate.web.changes import row_view
from vidgate.web.channels import MAX_BULK
from vidgate.web.context import CONTEXT
from vidgate.web.exchange import encode_rows, read_json, reply_packed
from vidgate.web.schemas import Body


class Approval(BaseModel):
    """A channel that waits, and by which change, by whom and when (null: not known any more)."""

    id: str
    change: int | None
    actor: str
    time: float | None


class ApprovalList(BaseModel):
    """All that wait, in register order."""

    items: list[Approval]


class DecisionRequest(Body):
    """What is decided about which channels; sending back takes a reason."""

    verdict: Literal["approve", "reject"]
    ids: list[str] = Field(min_length=1, max_length=20_000)
    reason: str = Field("", max_length=200)


async def list_(request: web.Request) -> web.Response:
    """The channels that wait for acceptance."""
    found = await request.app[CONTEXT].parts.registry.submitted()
    return await reply_packed(request, b'{"items":%b}' % await encode_rows(found, _view))


async def decide(request: web.Request) -> web.Response:
    """Accept channels, or send them back to be planned: one change, all of them or none."""
    asked = await read_json(request, DecisionRequest, MAX_BULK)
    reason = asked.reason.strip()
    if asked.verdict == "reject" and not reason:
        raise InputError(
            "退回要写明原因 / say why it is sent back",
            hint="整改以它为准，会记入通道的变更历史",
        )
    decision = Decision(asked.verdict, asked.ids, reason)
    report = await request.app[CONTEXT].parts.registry.decide(decision, actor_of(request))
    told = {"change": report.change, "updated": len(report.rows), "unchanged": report.unchanged}
    rows = await encode_rows(report.rows, row_view)
    return await reply_packed(request, to_json(told)[:-1] + b',"rows":' + rows + b"}")


def _view(found: tuple[Channel, Change | None]) -> dict[str, Any]:
    channel, change = found
    return {
        "id": channel.id,
        "change": change.id if change else None,
        "actor": change.actor if change else "",
        "time": change.time if change else None,
    }
