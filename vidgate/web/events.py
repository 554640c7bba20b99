"""Events to consoles over a WebSocket, resumable by sequence number.

First a greeting `{"type": "hello", "seq", "complete", "heartbeat"}`, then events. `complete` false
means that events after the one asked for are forgotten: the client loads everything anew. An event
of type `heartbeat`, which repeats the last `seq`, comes after so many seconds of silence.
"""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import structlog
from aiohttp import WSMsgType, web
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_json

from vidgate.aio.bus import Subscription
from vidgate.auth.permissions import EVENTS, may_hear
from vidgate.model.event import Event
from vidgate.model.user import Principal
from vidgate.web.access import CALLER
from vidgate.web.context import CONTEXT, Context
from vidgate.web.exchange import read_query
from vidgate.web.keyring import Caller

log = structlog.get_logger(__name__)

QUEUE = 5_000  # events held for a slow client: two sweeps' worth
BATCH = 100  # events sent between two looks at the rest of the world
HEARTBEAT = 10.0  # seconds between two signs of life, each way
SEND_TIMEOUT = 10.0
MAX_MESSAGE = 4096

LAGGING = 4000  # close code: the client was too slow


class EventsQuery(BaseModel):
    """`after`: the sequence number of the last event seen."""

    model_config = ConfigDict(extra="forbid")
    after: int | None = Field(None, ge=0)


class EventMessage(BaseModel):
    """One event as it is sent."""

    seq: int
    time: float
    type: str
    object: str
    data: dict[str, Any]


async def listen(request: web.Request) -> web.StreamResponse:
    """The stream of events that the caller may hear, from `after` on."""
    context = request.app[CONTEXT]
    query = read_query(request.query, EventsQuery)
    caller = request[CALLER]
    socket = web.WebSocketResponse(
        heartbeat=2 * HEARTBEAT, max_msg_size=MAX_MESSAGE, timeout=2.0, writer_limit=1 << 16
    )
    context.sockets.add(socket, caller.credential)
    try:
        await socket.prepare(request)
        await _serve(context, socket, caller, query.after)
    except* (ConnectionError, TimeoutError):
        pass  # the client left, or does not read: it comes back with ?after=
    finally:
        context.sockets.discard(socket)
        if socket.prepared:
            await socket.close(drain=False)
    return socket


async def _serve(
    context: Context, socket: web.WebSocketResponse, caller: Caller, after: int | None
) -> None:
    types = [type_ for type_ in EVENTS if may_hear(caller.principal, type_)]
    async with AsyncExitStack() as stack:
        subscription = await stack.enter_async_context(
            context.parts.bus.subscribe(types, limit=QUEUE)
        )
        # No await between the two: what is published from here on is in the subscription.
        seq = context.parts.bus.seq
        complete, missed = (True, []) if after is None else context.parts.bus.since(after)
        hello = {"type": "hello", "seq": seq, "complete": complete, "heartbeat": HEARTBEAT}
        await _send(socket, to_json(hello))
        if complete:
            await _replay(socket, caller.principal, missed)
        async with asyncio.TaskGroup() as tasks:
            pump = tasks.create_task(_pump(context, socket, subscription, seq))
            await _drain(socket)
            pump.cancel()


async def _replay(socket: web.WebSocketResponse, principal: Principal, missed: list[Event]) -> None:
    for number, event in enumerate(missed):
        if may_hear(principal, event.type):
            await _send(socket, encode(event))
        if number % BATCH == BATCH - 1:
            await asyncio.sleep(0)


async def _pump(
    context: Context, socket: web.WebSocketResponse, subscription: Subscription, seq: int
) -> None:
    sent = 0
    while not socket.closed:
        try:
            async with asyncio.timeout(HEARTBEAT):
                event = await subscription.get()
        except TimeoutError:
            # A page cannot see pings; without this it could not tell silence from a dead link.
            event = Event(seq, context.clock.wall(), "heartbeat", "")
        seq = event.seq
        if subscription.lost:
            # Half of a history is worse than none: the client resumes, or loads everything anew.
            await socket.close(code=LAGGING, message=b"too slow", drain=False)
            return
        await _send(socket, encode(event))
        sent += 1
        if sent % BATCH == 0:
            await asyncio.sleep(0)


async def _drain(socket: web.WebSocketResponse) -> None:
    """Read until the client closes: this answers pings. Nothing that it says matters."""
    while True:
        message = await socket.receive()
        if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR):
            return


async def _send(socket: web.WebSocketResponse, message: bytes) -> None:
    async with asyncio.timeout(SEND_TIMEOUT):
        await socket.send_str(message.decode())


def encode(event: Event) -> bytes:
    """One event as JSON."""
    return to_json(
        {
            "seq": event.seq,
            "time": event.time,
            "type": event.type,
            "object": event.object,
            "data": event.data,
        }
    )
