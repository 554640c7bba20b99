"""HTTPS: the server's certificate, taken anew when its file changes, and redirects to it."""

import asyncio
import ssl
from pathlib import Path

import structlog
from aiohttp import hdrs, web

from vidgate.auth.authority import expiry_of
from vidgate.errors import SettingsError
from vidgate.settings.tree import TlsSettings
from vidgate.web.context import CONTEXT
from vidgate.web.peer import is_local_socket, our_name
from vidgate.web.problems import Handler

log = structlog.get_logger(__name__)

LOOK = 30.0  # seconds between two looks at the files
# What machines ask for, and what makes a browser trust us at all, goes on without HTTPS.
PLAIN = ("/api/", "/whep", "/whip", "/metrics", "/healthz", "/readyz", "/ca")


class ServerCertificate:
    """The certificate and key of the settings, in a context for the listening socket.

    `expiry` is until when the newest holds, Unix seconds.
    Raises SettingsError where they do not serve. Blocks while it reads; make it in a thread.
    """

    def __init__(self, settings: TlsSettings) -> None:
        self._files = Path(settings.cert), Path(settings.key or settings.cert)
        self.context = self._newest = self._load()
        self.context.sni_callback = self._choose  # OpenSSL asks it without a name too
        self._seen = self._stamps()

    async def watch(self) -> None:
        """Take a renewed certificate for connections from then on; keep the old if it is bad."""
        while True:
            await asyncio.sleep(LOOK)
            await self.refresh()

    async def refresh(self) -> None:
        """Look once whether the files changed."""
        stamps = await asyncio.to_thread(self._stamps)
        if stamps == self._seen:
            return
        self._seen = stamps
        try:
            self._newest = await asyncio.to_thread(self._load)
        except SettingsError as error:
            log.error("certificate not renewed", error=str(error))
            return
        log.info("certificate renewed", file=str(self._files[0]))

    def _choose(self, connection: ssl.SSLObject, _: str, __: ssl.SSLContext) -> None:
        connection.context = self._newest

    def _load(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        try:
            context.load_cert_chain(*self._files)
            self.expiry = expiry_of(self._files[0].read_bytes())
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
            raise SettingsError(
                f"证书或私钥不能用 / certificate or key cannot be used: {self._files[0]}: {reason}",
                hint="http.tls.cert, http.tls.key; vidgate cert init",
            ) from None
        return context

    def _stamps(self) -> tuple[tuple[int, int] | None, ...]:
        return tuple(map(_stamp, self._files))


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino


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
