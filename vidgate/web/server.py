"""The HTTP server: console, API, WHEP and metrics on one TCP port and one unix socket."""

import asyncio
import resource
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import hdrs, web

from vidgate.aio.clock import Clock, SteadyClock, SystemClock
from vidgate.aio.supervisor import Supervisor
from vidgate.auth.attempts import Attempts
from vidgate.auth.authority import certificate_of
from vidgate.auth.tickets import Tickets
from vidgate.errors import SettingsError
from vidgate.settings.tree import Settings, TlsSettings
from vidgate.web import access, playback, problems, security, tls, whep
from vidgate.web.console import Console
from vidgate.web.context import CONTEXT, Context
from vidgate.web.doorman import Doorman, Limits
from vidgate.web.handshake import listening_tls
from vidgate.web.keyring import Keyring
from vidgate.web.listener import bind_tcp, listening, unix_socket
from vidgate.web.openapi import Description
from vidgate.web.parts import WebParts
from vidgate.web.peer import Peers
from vidgate.web.problems import Handler
from vidgate.web.protocol import Protocol
from vidgate.web.route import Access, Route
from vidgate.web.routes import ROUTES
from vidgate.web.sharing import Sharing
from vidgate.web.sockets import Sockets, Viewers
from vidgate.web.tally import Tally
from vidgate.web.tls import ServerCertificate
from vidgate.web.turns import Turns

MAX_CONNECTIONS = 2048
DESCRIPTORS = 4  # of so many one may be a connection: the others are cameras' and the database's
SHARE = 4  # of so many connections one address may have one
FIRST_REQUEST = 10.0  # seconds from connecting to a complete head of a request
SWEEP = 30.0  # seconds between two looks for sessions that ended by age
LOOK = 1.0  # seconds between two looks for clients that do not read
SHUTDOWN = 4.0  # seconds for requests under way when the service stops
MAX_BODY = 64 << 10  # for whoever reads a body without saying how much

SOCKET_NAME = "vidgate.sock"


class WebServer:
    """`async with WebServer(parts, settings, socket=folder / "vidgate.sock") as web:` serves."""

    def __init__(
        self,
        parts: WebParts,
        settings: Settings,
        *,
        socket: Path | None = None,
        console: Path | None = None,
        clock: Clock | None = None,
        is_demo: bool = False,
    ) -> None:
        """`console`: the folder of the built console, by default the package's own."""
        self.host = settings.http.host
        self.port = settings.http.port
        self._tls = settings.http.tls
        self._certificate: ServerCertificate | None = None
        self._socket = socket
        self._tasks = Supervisor("web")
        self._stack = AsyncExitStack()
        self._context = _context(parts, settings, clock or SystemClock(), Console(console), is_demo)

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._tasks)
            await asyncio.to_thread(self._context.console.load)
            self._tasks.keep(self._sweep, "sweep")
            self._tasks.keep(self._look, "look")
            self._context.authority = await asyncio.to_thread(_authority, self._tls)
            sock = bind_tcp(self.host, self.port)
            stack.callback(sock.close)
            self.port = sock.getsockname()[1]
            runner = web.AppRunner(
                make_app(self._context), handle_signals=False, shutdown_timeout=SHUTDOWN
            )
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            assert runner.server is not None
            doorman = Doorman(runner.server, Protocol, _limits(self._context.peers))
            self._context.doormen.append(doorman)
            stack.callback(doorman.close)
            await stack.enter_async_context(listening(doorman, sock))
            if self._tls.cert:
                await self._listen_tls(stack, doorman)
            if self._socket is not None:
                unix = await stack.enter_async_context(unix_socket(self._socket))
                await stack.enter_async_context(listening(doorman, unix))
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    @property
    def tls_port(self) -> int:
        """On which HTTPS is served, 0 where it is not."""
        return self._context.tls_port

    @property
    def certificate_expiry(self) -> float | None:
        """Until when our certificate holds, Unix seconds; None where HTTPS is not served."""
        return self._certificate.expiry if self._certificate is not None else None

    @property
    def connections(self) -> int:
        """Open connections of clients."""
        return sum(map(len, self._context.doormen))

    @property
    def refused(self) -> int:
        """Connections that were turned away since the start."""
        return sum(doorman.refused for doorman in self._context.doormen)

    @property
    def tally(self) -> Tally:
        """What was answered."""
        return self._context.tally

    async def _listen_tls(self, stack: AsyncExitStack, doorman: Doorman) -> None:
        certificate = await asyncio.to_thread(ServerCertificate, self._tls, self._context.clock)
        self._certificate = certificate
        sock = bind_tcp(self.host, self._tls.port, "http.tls.port")
        stack.callback(sock.close)
        await stack.enter_async_context(listening_tls(doorman, sock, certificate.context))
        self._tasks.keep(certificate.watch, "certificate")
        self._context.tls_port = sock.getsockname()[1]

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP)
            await self._context.sweep()

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            for doorman in self._context.doormen:
                doorman.sweep(asyncio.get_running_loop().time())


def _limits(peers: Peers) -> Limits:
    """As many connections as the process has descriptors to spare."""
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MAX_CONNECTIONS
    if descriptors != resource.RLIM_INFINITY:
        most = min(most, descriptors // DESCRIPTORS)
    return Limits(most, max(1, most // SHARE), FIRST_REQUEST, peers.is_proxy)


def _authority(settings: TlsSettings) -> bytes:
    """The certificate that users install; raises SettingsError where the file is none."""
    if not settings.ca:
        return b""
    try:
        return certificate_of(Path(settings.ca).read_bytes())
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"不是证书 / no certificate: {settings.ca}: {error}", hint="http.tls.ca"
        ) from None


def make_app(context: Context, routes: Sequence[Route] = ROUTES) -> web.Application:
    """The application: every route of the table, and nothing else."""
    app = web.Application(
        middlewares=[count, problems.problems, problems.cut, welcome, tls.redirect, access.access],
        client_max_size=MAX_BODY,
    )
    app[CONTEXT] = context
    app[problems.CLOCK] = context.clock
    app[access.ROUTES] = table = {}
    for route in routes:
        table[app.router.add_route(route.method, route.path, route.handler)] = route
        if route.method == hdrs.METH_GET and route.access is Access.OPEN:  # load balancers ask so
            table[app.router.add_route(hdrs.METH_HEAD, route.path, route.handler)] = route
    app.on_response_prepare.append(security.add_headers)
    app.on_response_prepare.append(problems.mark_started)
    app.on_shutdown.append(_close_sockets)
    return app


@web.middleware
async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count the answer; a WebSocket lasts as long as its page is open and is left out."""
    context = request.app[CONTEXT]
    started = context.clock.now()
    response = await handler(request)
    if not isinstance(response, web.WebSocketResponse):
        context.tally.note(request.method, response.status, context.clock.now() - started)
    return response


@web.middleware
async def welcome(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A complete request has come: its connection may stay."""
    for doorman in request.app[CONTEXT].doormen:
        doorman.welcome(request.protocol)
    return await handler(request)


async def _close_sockets(app: web.Application) -> None:
    await app[CONTEXT].sockets.close()


def _context(
    parts: WebParts,
    settings: Settings,
    clock: Clock,
    console: Console,
    is_demo: bool,
) -> Context:
    return Context(
        parts=parts,
        settings=settings,
        clock=clock,
        steady=SteadyClock(clock),
        tickets=Tickets(),
        keyring=Keyring(parts.accounts, clock),
        attempts=Attempts(settings.auth.attempts_window),
        offers=Attempts(whep.OFFERS_WINDOW),
        reports=Attempts(playback.WINDOW),
        hashing=Turns("登录 sign-in", at_once=2, waiting=64),
        probing=Turns("探测 probe", at_once=2, waiting=4),
        lists=Sharing(),
        sockets=Sockets(),
        viewers=Viewers(),
        notes=parts.audit,
        peers=Peers(settings.http.trusted_proxies),
        console=console,
        description=Description(ROUTES),
        doormen=[],
        is_demo=is_demo,
    )
