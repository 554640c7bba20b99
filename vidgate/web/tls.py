"""HTTPS: the server's certificate, taken anew when its file changes, and redirects to it."""

import asyncio
import ssl
from datetime import UTC, datetime
from pathlib import Path

import structlog
from aiohttp import hdrs, web

from vidgate.aio.clock import Clock
from vidgate.errors import SettingsError
from vidgate.settings.tree import TlsSettings
from vidgate.web.certificate import date_trouble, files_of, read
from vidgate.web.context import CONTEXT
from vidgate.web.peer import is_local_socket, our_name
from vidgate.web.problems import Handler

log = structlog.get_logger(__name__)

Stamps = tuple[tuple[int, int] | None, ...]

LOOK = 30.0  # seconds between two looks at the files
# What machines ask for, and what makes a browser trust us at all, goes on without HTTPS.
PLAIN = ("/api/", "/whep", "/whip", "/metrics", "/healthz", "/readyz", "/ca")


class ServerCertificate:
    """The certificate and key of the settings, in a context for the listening socket.

    `expiry` is until when the newest holds, Unix seconds.
    Raises SettingsError where they do not serve. Blocks while it reads; make it in a thread.
    """

    def __init__(self, settings: TlsSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._seen = self._stamps()
        self._failure: tuple[Stamps, str] | None = None
        self.context = self._newest = self._load()
        self.context.sni_callback = self._choose  # OpenSSL asks it without a name too

    async def watch(self) -> None:
        """Take a renewed certificate for connections from then on; keep the old if it is bad."""
        while True:
            await asyncio.sleep(LOOK)
            await self.refresh()

    async def refresh(self) -> None:
        """Look once whether the files changed; those that fail are tried again at each look."""
        stamps = await asyncio.to_thread(self._stamps)
        if stamps == self._seen:
            return
        try:
            self._newest = await asyncio.to_thread(self._load)
        except SettingsError as error:
            self._tell_failure(stamps, error)
            return
        self._seen, self._failure = stamps, None
        log.info("certificate renewed", file=self._settings.cert)

    def _tell_failure(self, stamps: Stamps, error: SettingsError) -> None:
        """Once for the same files and mistake."""
        if self._failure != (stamps, error.message):
            self._failure = stamps, error.message
            log.error("certificate not renewed", error=error.message, fix=error.hint)

    def _choose(self, connection: ssl.SSLObject, _: str, __: ssl.SSLContext) -> None:
        connection.context = self._newest

    def _load(self) -> ssl.SSLContext:
        context, certificate = read(self._settings)
        self.expiry = certificate.not_valid_after_utc.timestamp()
        now = datetime.fromtimestamp(self._clock.wall(), UTC)
        if trouble := date_trouble(certificate, now):
            reason, fix = trouble
            log.warning(
                "浏览器会拒绝证书 / browsers refuse the certificate",
                file=self._settings.cert,
                reason=reason,
                fix=fix,
            )
        return context

    def _stamps(self) -> Stamps:
        return tuple(map(_stamp, files_of(self._settings)))


def _stamp(file: Path) -> tuple[int, int] | None:
    """Which file it is, and when it, its owner or its mode was last changed, nanoseconds."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ctime_ns, found.st_ino


@web.middleware
async def redirect(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Send a page asked for in the clear to HTTPS, where the site wants that (RFC 9110 15.4.9)."""
    context = request.app[CONTEXT]
    port = context.tls_port
    if (
        not (context.settings.http.tls.redirect and port)
        or request.method not in (hdrs.METH_GET, hdrs.METH_HEAD)
        or request.path.startswith(PLAIN)
        or is_local_socket(request)
        or context.peers.is_secure(request)
    ):
        return await handler(request)
    place = f"https://{our_name(request)}{'' if port == 443 else f':{port}'}{request.path_qs}"
    return web.Response(status=308, headers={hdrs.LOCATION: place})
