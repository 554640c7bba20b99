"""Pictures to browsers by WHEP (draft-ietf-wish-whep): one POST, and the picture comes by UDP.

Pages of any origin may call these routes with a token or a ticket, never with the cookie.
"""

import re
from typing import Literal

from aiohttp import hdrs, web
from pydantic import BaseModel, ConfigDict

from vidgate.auth.permissions import require_stream
from vidgate.errors import ConflictError, InputError, NotPermittedError
from vidgate.model.channel import Channel
from vidgate.model.user import Role
from vidgate.web.access import CALLER, principal_of
from vidgate.web.context import CONTEXT
from vidgate.web.exchange import read_body, read_query
from vidgate.web.parts import Watching
from vidgate.web.peer import local_address, network_of
from vidgate.web.problems import MediaTypeError, TooManyRequestsError, UnprocessableError
from vidgate.web.sockets import Opened
from vidgate.webrtc.offers import MAX_CANDIDATES

SDP = "application/sdp"
TRICKLE = "application/trickle-ice-sdpfrag"
MAX_SDP = 64 << 10
MAX_FRAGMENT = 16 << 10
OFFERS_WINDOW = 10.0  # seconds in which `webrtc.offers` are counted

SESSIONS = "/whep-sessions/"

_CANDIDATE = re.compile(r"^a=candidate:", re.MULTILINE)
_UFRAG = re.compile(r"^a=ice-ufrag:(\S+)\s*$", re.MULTILINE)


class WhepQuery(BaseModel):
    """Which stream; `auto`: main if the offer can take its codec, else sub."""

    model_config = ConfigDict(extra="forbid")
    stream: Literal["main", "sub", "auto"] = "auto"


async def watch(request: web.Request) -> web.Response:
    """Take an SDP offer, answer it; `X-Vidgate-Stream` names the stream that comes."""
    context = request.app[CONTEXT]
    _limit(request)  # before anything is read: a flood must cost its sender more than us
    query = read_query(request.query, WhepQuery)
    channel = context.parts.registry.get(request.match_info["name"])
    principal = principal_of(request)
    require_stream(principal, channel.id)
    _check(channel)
    offer = await _read_sdp(request, SDP, MAX_SDP)
    session = await context.parts.whep.open(
        channel.id,
        offer,
        stream=query.stream,
        has_sub=context.parts.registry.has_sub(channel),
        local_address=local_address(request),
        principal=principal,
    )
    opened = Opened(request[CALLER].credential, _ufrags(offer))
    context.viewers.add(session.id, opened, context.parts.whep.sessions)
    context.notes.note(principal.name, "stream.watch", channel.id, {"stream": session.variant})
    headers = {
        hdrs.LOCATION: SESSIONS + session.id,
        hdrs.ETAG: f'"{session.id}"',
        "X-Vidgate-Stream": session.variant.value,
    }
    return web.Response(status=201, text=session.answer_sdp, content_type=SDP, headers=headers)


async def leave(request: web.Request) -> web.Response:
    """End a session."""
    context = request.app[CONTEXT]
    session = _own(request)
    await context.parts.whep.close(session.id)
    context.viewers.discard(session.id)
    return web.Response(status=204)


async def trickle(request: web.Request) -> web.Response:
    """Take candidates (nothing to do: ours is the address that browsers call); no ICE restart."""
    session = _own(request)
    fragment = await _read_sdp(request, TRICKLE, MAX_FRAGMENT)
    if len(_CANDIDATE.findall(fragment)) > MAX_CANDIDATES:
        raise InputError(f"候选过多 / {MAX_CANDIDATES} candidates at most")
    ufrags = _ufrags(fragment)
    opened = request.app[CONTEXT].viewers.find(session.id)
    # RFC 9725 section 4.3.3: `If-Match: *` with new credentials asks for an ICE restart.
    restarts = request.headers.get(hdrs.IF_MATCH, "").strip() in ("*", '"*"')
    if restarts or (opened is not None and not ufrags <= opened.ufrags):
        raise UnprocessableError("不支持 ICE 重启 / no ICE restart", hint="POST a new offer")
    return web.Response(status=204)


async def options(request: web.Request) -> web.Response:
    """What a page of another origin may send (CORS preflight); carries no credential itself."""
    return web.Response(status=204, headers={"Accept-Post": SDP})


def _limit(request: web.Request) -> None:
    """Count an offer of this user and this address; raises TooManyRequestsError."""
    context = request.app[CONTEXT]
    limit = context.settings.webrtc.offers
    network = network_of(context.peers.address(request))
    callers = {f"user {principal_of(request).name}": limit, f"address {network}": limit}
    wait = context.offers.take(callers, context.clock.now())
    if wait > 0:
        raise TooManyRequestsError("观看请求过于频繁 / too many requests to watch", wait)


def _check(channel: Channel) -> None:
    if not channel.enabled:
        raise ConflictError("通道已停用 / the channel is disabled", hint="启用后再看")


def _own(request: web.Request) -> Watching:
    """The session, if the caller opened it or is an administrator."""
    session = request.app[CONTEXT].parts.whep.find(request.match_info["id"])
    principal = principal_of(request)
    require_stream(principal, session.name)
    if session.principal.name != principal.name and principal.role is not Role.ADMINISTRATOR:
        raise NotPermittedError("这是他人的会话 / the session is somebody else's")
    return session


async def _read_sdp(request: web.Request, media_type: str, limit: int) -> str:
    if request.content_type != media_type:
        raise MediaTypeError(f"内容类型应为 {media_type} / the body must be of that type")
    try:
        return (await read_body(request, limit)).decode()
    except UnicodeDecodeError:
        raise InputError("内容不是 UTF-8 / the body is not UTF-8") from None


def _ufrags(sdp: str) -> frozenset[str]:
    return frozenset(_UFRAG.findall(sdp))
