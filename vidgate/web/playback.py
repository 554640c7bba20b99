"""What viewers saw: each page of the console hands in the figures of its players now and then.

Nothing that is sent becomes a label, and a page can tell no more than a wall of tiles could have
seen: somebody who makes figures up spoils the statistics a little, and nothing else.
"""

from typing import Annotated

from aiohttp import web
from pydantic import Field

from vidgate.errors import InputError, NotPermittedError
from vidgate.model.media import Variant
from vidgate.model.playback import Playback
from vidgate.web.access import CALLER
from vidgate.web.context import CONTEXT
from vidgate.web.exchange import read_json
from vidgate.web.problems import TooManyRequestsError
from vidgate.web.schemas import Body

WINDOW = 60.0  # seconds in which reports are counted
REPORTS = {"session": 30, "user": 600}  # a page sends four a minute; a hall signs in as one user
MAX_BODY = 8 << 10
TILES = 64  # at most on a page
SPAN = 600  # seconds at most that one report is about: a page keeps what it could not send

Wait = Annotated[float, Field(ge=0, le=SPAN, allow_inf_nan=False)]
Waits = Annotated[list[Wait], Field(max_length=TILES)]
Seconds = Annotated[float, Field(ge=0, le=TILES * SPAN, allow_inf_nan=False)]
Times = Annotated[int, Field(ge=0, le=TILES * SPAN)]
Pictures = Annotated[int, Field(ge=0, le=TILES * SPAN * 60)]
Packets = Annotated[int, Field(ge=0, le=TILES * SPAN * 3000)]


class PlaybackPart(Body):
    """What the tiles of one kind of stream saw since the last report; see `Playback`."""

    variant: Variant
    first_frames: Waits = []
    buffers: Waits = []
    playing: Seconds = 0.0
    stalls: Times = 0
    stalled: Seconds = 0.0
    freezes: Times = 0
    frozen: Seconds = 0.0
    decoded: Pictures = 0
    dropped: Pictures = 0
    received: Packets = 0
    lost: Packets = 0


class PlaybackReport(Body):
    """All that a page has to tell: one part for each kind of stream."""

    parts: list[PlaybackPart] = Field(min_length=1, max_length=len(Variant))


async def report(request: web.Request) -> web.Response:
    """Take a page's figures. Raises TooManyRequestsError, InputError; a ticket may not tell."""
    context = request.app[CONTEXT]
    caller = request[CALLER]
    if caller.principal.via == "ticket":  # good for watching, and for nothing else
        raise NotPermittedError("票据只用于观看 / a ticket is for watching only")
    callers = {
        f"session {caller.credential}": REPORTS["session"],
        f"user {caller.principal.name}": REPORTS["user"],
    }
    wait = context.reports.take(callers, context.clock.now())
    if wait > 0:
        raise TooManyRequestsError("上报过于频繁 / too many reports", wait)
    told = await read_json(request, PlaybackReport, MAX_BODY)
    if len({part.variant for part in told.parts}) < len(told.parts):
        raise InputError("每种码流只报一份 / one part for each kind of stream")
    for part in told.parts:
        context.parts.on_playback(Playback(**part.model_dump()))
    return web.Response(status=204)
