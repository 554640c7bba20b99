"""Sockets: the TCP port, the unix socket, and the deadline of a connection that says nothing."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from aiohttp import web

from vidgate.errors import ConflictError, SettingsError

BACKLOG = 1024
MAX_UNIX_PATH = 107  # bytes of sun_path without its final zero (unix(7))
UNREAD_TIMEOUT = 30_000  # milliseconds


class Doorman:
    """Makes the connections of a server, and closes those that do not send a request in time.

    aiohttp waits for ever for the first request of a connection: five hundred clients that drip a
    header would hold five hundred connections. From the first request on its keep-alive deadline
    holds, and the deadline of each body.
    """

    def __init__(self, server: web.Server, *, timeout: float, limit: int) -> None:
        self._server = server
        self._timeout = timeout
        self._limit = limit
        self._waiting: dict[asyncio.BaseProtocol, asyncio.TimerHandle] = {}

    def __call__(self) -> asyncio.BaseProtocol:
        """The protocol of a new connection."""
        if len(self._server.connections) >= self._limit:
            return _Refusal()
        handler = self._server()
        loop = asyncio.get_running_loop()
        self._waiting[handler] = loop.call_later(self._timeout, self._expire, handler)
        return handler

    def welcome(self, handler: asyncio.BaseProtocol) -> None:
        """The connection's first request is complete."""
        timer = self._waiting.pop(handler, None)
        if timer is not None:
            timer.cancel()

    def close(self) -> None:
        """Forget all timers."""
        for timer in self._waiting.values():
            timer.cancel()
        self._waiting.clear()

    def _expire(self, handler: web.RequestHandler) -> None:
        if self._waiting.pop(handler, None) is not None:
            handler.force_close()


class _Refusal(asyncio.Protocol):
    """Closes at once: the service has all the connections that it wants."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            transport.abort()


def bind_tcp(host: str, port: int) -> socket.socket:
    """A listening TCP socket. Raises SettingsError where the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Accepted sockets inherit it: a client that does not take its answer is given up.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_TIMEOUT)
        sock.bind((host, port))
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        raise SettingsError(
            f"无法监听 / cannot listen on {host}:{port}: {error.strerror}",
            hint="http.host, http.port (0 picks a free port)",
        ) from None
    return sock


@asynccontextmanager
async def listening(doorman: Doorman, sock: socket.socket) -> AsyncIterator[None]:
    """Accept connections on the socket inside the block; it is closed at the end."""
    server = await asyncio.get_running_loop().create_server(doorman, sock=sock, backlog=BACKLOG)
    try:
        yield
    finally:
        server.close()


@contextmanager
def unix_socket(path: Path) -> Iterator[socket.socket]:
    """A listening unix socket that only its owner may open (0600); the file goes at the end.

    Raises ConflictError where another service listens on it, SettingsError where it cannot be made.
    """
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        # Through /proc the name has a fixed length, however deep the data folder lies.
        is_long = len(os.fsencode(path)) > MAX_UNIX_PATH
        name = f"/proc/self/fd/{folder}/{path.name}" if is_long else str(path)
        sock = _bind_unix(name, path)
        made = os.stat(name)
        try:
            yield sock
        finally:
            sock.close()
            _unlink_own(name, made)
    finally:
        os.close(folder)


def _bind_unix(name: str, path: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove_stale(name, path)
        # The mode of a later chmod would leave a moment in which anybody may connect.
        before = os.umask(0o177)
        try:
            sock.bind(name)
        finally:
            os.umask(before)
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        raise SettingsError(f"无法创建 / cannot make {path}: {error.strerror}") from None
    except BaseException:
        sock.close()
        raise
    return sock


def _remove_stale(name: str, path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.setblocking(False)
            probe.connect(name)
        except (FileNotFoundError, ConnectionRefusedError):
            Path(name).unlink(missing_ok=True)
            return
        except BlockingIOError:
            pass  # its backlog is full: somebody listens
    raise ConflictError(f"{path}: 另一个 vidgate 服务正在使用 / another service listens on it")


def _unlink_own(name: str, made: os.stat_result) -> None:
    try:
        if os.path.samestat(os.stat(name), made):
            Path(name).unlink()
    except FileNotFoundError:
        pass
