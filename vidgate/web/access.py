"""Who is asking, and may they: authentication and the permission of each route. Default deny."""

from collections.abc import Mapping

from aiohttp import hdrs, web
from aiohttp.web_urldispatcher import AbstractRoute

from vidgate.auth import permissions, tickets
from vidgate.errors import NotAuthenticatedError, NotPermittedError
from vidgate.model.user import Actor, Permission, Principal
from vidgate.web.context import CONTEXT
from vidgate.web.keyring import LOCAL, Caller
from vidgate.web.peer import is_local_socket
from vidgate.web.problems import Handler
from vidgate.web.route import Access, Route

COOKIE_SECURE = "__Host-vidgate"  # the prefix makes browsers insist on Secure and Path=/
COOKIE_PLAIN = "vidgate"

SAFE = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})

# A page that watched with a ticket ends its session long after the ticket expired.
TICKET_GRACE = 24 * 3600.0
MAX_ORIGIN = 80  # characters of a foreign one, in a message

CALLER = web.RequestKey("caller", Caller)
ROUTES: web.AppKey[Mapping[AbstractRoute, Route]] = web.AppKey("routes")


async def authenticate(request: web.Request, grace: float = 0.0) -> Caller:
    """Who sent this request; `grace` is the lateness forgiven to a ticket, in seconds.

    Raises NotAuthenticatedError, or NotPermittedError (foreign Origin). Secrets are never taken
    from the query: addresses end up in logs and histories.
    """
    if is_local_socket(request):
        return LOCAL
    context = request.app[CONTEXT]
    header = request.headers.get(hdrs.AUTHORIZATION)
    if header is not None:
        secret = _bearer(header)
        if not secret.startswith(tickets.PREFIX):
            return await context.keyring.token(secret)
        ticket = context.tickets.read(secret, context.steady.wall(), grace=grace)
        return await context.keyring.bearer(ticket)
    cookie = request.cookies.get(cookie_name(request))
    if cookie is None:
        raise NotAuthenticatedError("请先登录 / sign in, or send a token")
    check_origin(request, required=True)
    return await context.keyring.session(cookie)


def cookie_name(request: web.Request) -> str:
    """Over HTTPS the name that browsers guard; they refuse it over plain HTTP."""
    return COOKIE_SECURE if request.app[CONTEXT].peers.is_secure(request) else COOKIE_PLAIN


def check_origin(request: web.Request, *, required: bool) -> None:
    """Raise NotPermittedError when another site's page may have sent this (CSRF, ASVS 3.5.1).

    Reading is safe: no cross-origin page gets to see the answer, and the cookie is SameSite=Strict.
    A WebSocket is not: browsers let any page open one, so it needs the check although it is a GET.
    """
    upgrades = request.headers.get(hdrs.UPGRADE, "").lower() == "websocket"
    if request.method in SAFE and not upgrades:
        return
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is None and not required:
        return
    ours = request.app[CONTEXT].peers.origin(request)
    if origin is None or origin.lower() != ours:
        raise NotPermittedError(
            "请求来自其他站点 / the request comes from another site",
            hint=f"Origin: {(origin or '-')[:MAX_ORIGIN]}, 本服务 / this service: {ours}; "
            "反向代理须写 / a reverse proxy sets: Host $http_host, X-Forwarded-Proto; "
            "http.trusted_proxies",
        )


@web.middleware
async def access(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let a request through to its route only with the permission that the table names."""
    match = request.match_info
    if match.http_exception is not None:  # 404, 405: there is nothing to guard
        return await handler(request)
    route = request.app[ROUTES].get(match.route)
    if route is None:
        raise NotPermittedError("this route is in no permission table")
    if not isinstance(route.access, Access):
        caller = await authenticate(request, route.grace)
        permissions.require(caller.principal, route.access)
        request[CALLER] = caller
    return await handler(request)


def principal_of(request: web.Request) -> Principal:
    """The principal of a guarded route's request."""
    return request[CALLER].principal


def actor_of(request: web.Request) -> Actor:
    """How the audit table and the changes name the caller."""
    principal = request[CALLER].principal
    may_accept = Permission.CHANNEL_ACCEPT in permissions.permissions_of(principal)
    return Actor(principal.name, may_accept=may_accept)


def _bearer(header: str) -> str:
    scheme, _, secret = header.partition(" ")
    if scheme.lower() != "bearer":
        raise NotAuthenticatedError("只接受 Bearer 令牌 / only Bearer authorization is taken")
    return secret.strip()
