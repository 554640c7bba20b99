"""Pictures to browsers by WHEP (draft-ietf-wish-whep): one POST, and the picture comes by UDP.

Pages of any origin may call these routes with a token or a ticket, never with the cookie.
"""

import re
from typing import Annotated, Literal

from aiohttp import hdrs, web
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from vidgate.auth.permissions import require_stream
from vidgate.errors import (
    InputError,
    NotAcceptableError,
    NotAuthenticatedError,
    NotPermittedError,
    StaleError,
    StorageError,
)
from vidgate.media.replay import ReplayKey
from vidgate.model.channel import Channel
from vidgate.model.media import Variant
from vidgate.model.user import Role
from vidgate.operations.sources import require_watchable
from vidgate.web.access import CALLER, principal_of
from vidgate.web.context import CONTEXT, Context
from vidgate.web.exchange import read_body, read_query, read_tags, reply
from vidgate.web.parts import Watching
from vidgate.web.peer import local_address, network_of
from vidgate.web.problems import MediaTypeError, TooManyRequestsError, UnprocessableError
from vidgate.web.sockets import Opened
from vidgate.webrtc.offers import MAX_CANDIDATES
from vidgate.wire.clock import ClockRange

SDP = "application/sdp"
TRICKLE = "application/trickle-ice-sdpfrag"
MAX_SDP = 64 << 10
MAX_FRAGMENT = 16 << 10
LAST = 253_402_214_400.0  # the last day of the year 9999
OFFERS_WINDOW = 10.0  # seconds in which `webrtc.offers` are counted

SESSIONS = "/whep-sessions/"

_CANDIDATE = re.compile(r"^a=candidate:", re.MULTILINE)
# A `+` that nobody escaped arrives as a space (WHATWG URL, form encoding).
_ZONE = re.compile(r" (?=\d\d:?\d\d$)")
Moment = Annotated[AwareDatetime, BeforeValidator(lambda text: _ZONE.sub("+", str(text)))]

_UFRAG = re.compile(r"^a=ice-ufrag:(\S+)\s*$", re.MULTILINE)


class WhepQuery(BaseModel):
    """Which stream; `auto`: main if the offer can take its codec, else sub.

    With `from` (RFC 3339, with its zone) what the device recorded from that moment on, up to `to`.
    """

    model_config = ConfigDict(extra="forbid")
    stream: Literal["main", "sub", "auto"] = "auto"
    from_: Moment | None = Field(default=None, alias="from")
    to: Moment | None = None


class WatchView(BaseModel):
    """One viewer's session. Instants are wall-clock seconds; of what is live they are null."""

    id: str
    name: str
    stream: Variant
    replay_from: float | None
    replay_to: float | None
    recorded: float | None = Field(description="when the device recorded what is shown now")


async def watch(request: web.Request) -> web.Response:
    """Take an SDP offer, answer it; `X-Vidgate-Stream` names the stream that comes."""
    context = request.app[CONTEXT]
    _limit(request)  # before anything is read: a flood must cost its sender more than us
    query = read_query(request.query, WhepQuery)
    channel = context.parts.registry.get(request.match_info["name"])
    principal = principal_of(request)
    require_stream(principal, channel.id)
    require_watchable(channel)
    moments = _moments(query, context.clock.wall())
    if moments is not None and principal.via == "ticket":
        raise NotPermittedError("票据只看实时画面 / a ticket is for what is live")
    offer = await _read_sdp(request, SDP, MAX_SDP)
    revocations = context.keyring.revocations
    session = await _open(request, channel, offer, query.stream, moments)
    opened = Opened(request[CALLER].credential, _ufrags(offer))
    context.viewers.add(session.id, opened, context.parts.whep.sessions)
    if revocations != context.keyring.revocations:  # a camera may take seconds to answer
        await _require_standing(context, opened.credential)
    what = {"stream": session.variant.value}
    if moments is not None:
        what["recording"] = str(moments)
    context.notes.note(principal.name, "stream.watch", channel.id, what)
    headers = {
        hdrs.LOCATION: SESSIONS + session.id,
        hdrs.ETAG: f'"{session.id}"',
        "X-Vidgate-Stream": session.variant.value,
    }
    return web.Response(status=201, text=session.answer_sdp, content_type=SDP, headers=headers)


async def show(request: web.Request) -> web.Response:
    """What a session shows."""
    session = _own(request)
    moments = session.replay
    return reply(
        WatchView(
            id=session.id,
            name=session.name,
            stream=session.variant,
            replay_from=None if moments is None else moments.start,
            replay_to=None if moments is None else moments.end,
            recorded=session.recorded,
        )
    )


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
    tags = read_tags(request)
    # RFC 9725 4.3.3 quotes the star of a restart, and MediaMTX's player sends it always: new
    # credentials alone tell a restart.
    if tags is not None and not tags & {session.id, "*"}:
        raise StaleError(
            "If-Match 不是这个会话的 ETag / If-Match is not the ETag of this session",
            hint="用 201 应答里的 ETag / send the ETag of the 201 answer",
        )
    opened = request.app[CONTEXT].viewers.find(session.id)
    if opened is not None and not _ufrags(fragment) <= opened.ufrags:
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


async def _open(
    request: web.Request, channel: Channel, offer: str, stream: str, moments: ClockRange | None
) -> Watching:
    parts, principal = request.app[CONTEXT].parts, principal_of(request)
    here, has_sub = local_address(request), parts.registry.has_sub(channel)
    if moments is not None:
        keys = _keys(channel, stream, moments, has_sub=has_sub)
        return await parts.whep.replay(keys, offer, local_address=here, principal=principal)
    return await parts.whep.open(
        channel.id,
        offer,
        stream=stream,
        has_sub=has_sub,
        local_address=here,
        principal=principal,
    )


async def _require_standing(context: Context, credential: str) -> None:
    """Raise NotAuthenticatedError, and end all that it opened, if it was revoked meanwhile."""
    try:
        stands = await context.keyring.stands(credential)
    except StorageError:
        return  # the sweep asks again, and ends it then
    if not stands:
        await context.revoke(credential)
        raise NotAuthenticatedError("登录或令牌已失效 / the session or token is over")


def _moments(query: WhepQuery, now: float) -> ClockRange | None:
    """Which stretch is asked for; None: what is live. Raises InputError for one that cannot be."""
    if query.from_ is None:
        if query.to is not None:
            raise InputError("只给了 to / `to` without `from`", hint="加上 from / give both")
        return None
    start, end = query.from_.timestamp(), None if query.to is None else query.to.timestamp()
    if start < 0 or (end is not None and end > LAST):
        raise InputError("时间应在 1970 到 9999 年之间 / a time from 1970 to 9999, please")
    if start > now:
        raise InputError(
            "from 在将来, 还没有录像 / `from` lies in the future: nothing is recorded yet",
            hint="时间要带时区, 如 / give the zone: 2026-11-26T08:00:00+08:00",
        )
    if end is not None and end <= start:
        raise InputError("to 不晚于 from / `to` is not after `from`")
    return ClockRange(start, end)


def _keys(channel: Channel, stream: str, moments: ClockRange, *, has_sub: bool) -> list[ReplayKey]:
    if stream == "sub" and not has_sub:
        raise NotAcceptableError(
            f"{channel.id} 没有子码流 / {channel.id} has no sub-stream",
            hint="请看主码流 / watch it with ?stream=main",
        )
    wanted = {
        "main": [Variant.MAIN],
        "sub": [Variant.SUB],
        "auto": [Variant.MAIN, Variant.SUB] if has_sub else [Variant.MAIN],
    }
    return [ReplayKey.of(channel.id, variant, moments) for variant in wanted[stream]]


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
