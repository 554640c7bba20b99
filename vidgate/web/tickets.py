"""Stream tickets: sixty seconds' leave to watch one stream, for pages that must not get a token."""

from aiohttp import web
from pydantic import BaseModel

from vidgate.auth.permissions import require_stream
from vidgate.auth.tickets import LIFETIME, Ticket
from vidgate.errors import NotPermittedError
from vidgate.web.access import CALLER
from vidgate.web.context import CONTEXT
from vidgate.web.exchange import read_json, reply
from vidgate.web.schemas import Body, Name


class TicketRequest(Body):
    """A ticket for which stream."""

    stream: str = Name


class TicketView(BaseModel):
    """`expires`: wall-clock seconds."""

    ticket: str
    expires: float


async def create(request: web.Request) -> web.Response:
    """Make a ticket for a stream that the caller may watch."""
    context = request.app[CONTEXT]
    asked = await read_json(request, TicketRequest)
    caller = request[CALLER]
    principal = caller.principal
    if principal.via == "ticket":  # it would never end
        raise NotPermittedError("票据不能再换票据 / a ticket does not beget tickets")
    channel = context.parts.registry.get(asked.stream)
    require_stream(principal, channel.id)
    ticket = context.tickets.issue(Ticket(caller.credential, channel.id), context.steady.wall())
    context.notes.note(principal.name, "ticket.create", channel.id)
    expires = context.clock.wall() + LIFETIME
    return reply(TicketView(ticket=ticket, expires=expires), status=201)
