"""Alarms: reading them, and what people do about them."""

from typing import Any, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from vidgate.model.incident import Attention, Cause, Incident, Member, Note, Selection
from vidgate.operations.alarms import MAX_TEXT, summary
from vidgate.web.access import actor_of
from vidgate.web.context import CONTEXT
from vidgate.web.exchange import (
    encode_rows,
    read_json,
    read_number,
    read_query,
    reply,
    reply_packed,
)
from vidgate.web.schemas import Body

UNCLOSED = (Attention.OPEN, Attention.ACKNOWLEDGED)
WANTED = {one.value: (one,) for one in Attention} | {
    "unclosed": UNCLOSED,
    "all": tuple(Attention),
}


class AlarmQuery(BaseModel):
    """Where they stand, and how many at most, the newest first.

    `platform`, `area`, `department`: with a channel that is registered there now. `since`, `until`:
    that stood at any time between; a length (7d, 12h), a day or an instant.
    """

    model_config = ConfigDict(extra="forbid")
    attention: Literal["unclosed", "open", "acknowledged", "closed", "all"] = "unclosed"
    cause: Literal["uplink", "platform", "area", "host", "scattered", "single"] | None = None
    platform: str = Field("", max_length=64)
    area: str = Field("", max_length=128)
    department: str = Field("", max_length=128)
    since: str = Field("", max_length=40)
    until: str = Field("", max_length=40)
    limit: int = Field(200, ge=1, le=1000)


class AlarmItem(BaseModel):
    """One alarm without its channels. Instants are wall-clock seconds, null: not yet.

    `subject` names the cause: a platform, an area, the name made for a device (the label `host` of
    `vidgate_channel_host`), or the channel; it is empty for vidgate's own network (`uplink`) and
    where many failed at one time, each for itself (`scattered`). `channels` belonged to it,
    `failing` of them still do.
    `asked`: since when it asks for a person anew, because it came back.
    """

    id: int
    cause: Literal["uplink", "platform", "area", "host", "scattered", "single"]
    subject: str
    severity: Literal["critical", "major", "minor"]
    attention: Literal["open", "acknowledged", "closed"]
    opened: float
    ended: float | None
    channels: int
    failing: int
    returns: int
    asked: float | None
    merged: int | None
    acknowledged_by: str
    acknowledged: float | None
    closed_by: str


class AlarmList(BaseModel):
    """The newest first; `total` counts all that match, beyond the limit too."""

    total: int
    items: list[AlarmItem]


class MemberView(BaseModel):
    """One channel of an alarm: since when it fails, until when it belonged to it (null: it does).

    `departure`: why it does no more (null with an `until`: not recorded). Only `recovered` says
    that it works again; `withdrawn` is looked at no more, `left_over` has an alarm of its own.
    """

    channel: str
    since: float
    until: float | None
    departure: Literal["recovered", "maintenance", "withdrawn", "moved", "left_over"] | None
    state: str
    reason: str


class NoteView(BaseModel):
    """What was done about it, by whom."""

    time: float
    actor: str
    action: Literal["acknowledge", "note", "close"]
    text: str


class AlarmView(AlarmItem):
    """One alarm with its channels and all that was done about it."""

    members: list[MemberView]
    notes: list[NoteView]


class Remark(Body):
    """What a person says; closing and noting need it."""

    text: str = Field("", max_length=MAX_TEXT)


async def list_(request: web.Request) -> web.Response:
    """Alarms, the newest first."""
    query = read_query(request.query, AlarmQuery)
    wanted = Selection(
        attention=WANTED[query.attention],
        cause=None if query.cause is None else Cause(query.cause),
        platform=query.platform,
        area=query.area,
        department=query.department,
    )
    alarms = request.app[CONTEXT].parts.alarms
    total, found = await alarms.list_(wanted, query.limit, since=query.since, until=query.until)
    items = await encode_rows(found, summary)
    return await reply_packed(request, b'{"total":%d,"items":%b}' % (total, items))


async def show(request: web.Request) -> web.Response:
    """One alarm with its channels and its notes."""
    incident, notes = await request.app[CONTEXT].parts.alarms.get(_id(request))
    return reply(_view(incident, notes))


async def acknowledge(request: web.Request) -> web.Response:
    """Say that somebody sees to it."""
    text = (await read_json(request, Remark)).text
    alarms = request.app[CONTEXT].parts.alarms
    return _told(await alarms.acknowledge(_id(request), _by(request), text))


async def note(request: web.Request) -> web.Response:
    """Say something of it."""
    text = (await read_json(request, Remark)).text
    alarms = request.app[CONTEXT].parts.alarms
    return _told(await alarms.note(_id(request), _by(request), text))


async def close(request: web.Request) -> web.Response:
    """Say that it needs nobody, and why."""
    text = (await read_json(request, Remark)).text
    alarms = request.app[CONTEXT].parts.alarms
    return _told(await alarms.close(_id(request), _by(request), text))


def _by(request: web.Request) -> str:
    return str(actor_of(request))


def _id(request: web.Request) -> int:
    return read_number(request, "id", "告警")


def _told(incident: Incident) -> web.Response:
    return reply(AlarmItem(**summary(incident.outline)))


def _view(incident: Incident, notes: list[Note]) -> AlarmView:
    members = sorted(incident.members.values(), key=lambda one: (one.until is not None, one.since))
    return AlarmView(
        **summary(incident.outline),
        members=[MemberView(**_member(one)) for one in members],
        notes=[NoteView(**_note(one)) for one in notes],
    )


def _member(one: Member) -> dict[str, Any]:
    return {
        "channel": one.channel,
        "since": one.since,
        "until": one.until,
        "departure": None if one.departure is None else one.departure.value,
        "state": one.state.label,
        "reason": one.reason.value,
    }


def _note(one: Note) -> dict[str, Any]:
    return {"time": one.time, "actor": one.actor, "action": one.action, "text": one.text}
