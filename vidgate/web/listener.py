"""Sockets on which the server listens: the TCP port and the unix socket."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from vidgate.errors import ConflictError, SettingsError
from vidgate.web.doorman import Doorman
from vidgate.wire.uri import place_of

BACKLOG = 1024
MAX_UNIX_PATH = 107  # bytes of sun_path without its final zero (unix(7))
UNREAD_TIMEOUT = 10_000  # milliseconds


def bind_tcp(host: str, port: int, setting: str = "http.port") -> socket.socket:
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
            f"无法监听 / cannot listen on {place_of(host, port)}: {error.strerror}",
            hint=f"http.host, {setting} (0 picks a free port)",
        ) from None
    return sock


def is_local(address: str) -> bool:
    """Whether this machine has that IP address, on whichever interface; nothing is sent.

    Only its own can be bound, the second ones of an interface too, which a connected socket's own
    end would not tell. Where the kernel lets any be bound (`ip_nonlocal_bind`), all count as ours.
    """
    try:
        found = socket.getaddrinfo(address, 0, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST)
        family, kind, _, _, place = found[0]
        with socket.socket(family, kind) as probe:
            probe.bind(place)
    except OSError:
        return False
    return True


@asynccontextmanager
async def listening(doorman: Doorman, sock: socket.socket) -> AsyncIterator[None]:
    """Accept connections on the socket inside the block; it is closed at the end."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(doorman, sock=sock, backlog=BACKLOG)
    try:
        yield
    finally:
        server.close()


@asynccontextmanager
async def unix_socket(path: Path) -> AsyncIterator[socket.socket]:
    """A listening unix socket that only its owner may open (0600); the file goes at the end.

    Raises ConflictError where another service listens on it, SettingsError where it cannot be made.
    """
    door = await asyncio.to_thread(_Door, path)
    try:
        yield door.sock
    finally:
        await asyncio.to_thread(door.close)


class _Door:
    """The socket, its file, and the folder by which a name that is too long is reached."""

    def __init__(self, path: Path) -> None:
        try:
            self._folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
        except OSError as error:
            raise SettingsError(f"{path.parent}: {error.strerror}") from None
        try:
            is_long = len(os.fsencode(path)) > MAX_UNIX_PATH
            self._name = f"/proc/self/fd/{self._folder}/{path.name}" if is_long else str(path)
            self.sock = _bind_unix(self._name, path)
            self._made = os.stat(self._name)
        except BaseException:
            os.close(self._folder)
            raise

    def close(self) -> None:
        """Stop listening and remove the file, unless somebody else's stands there by now."""
        self.sock.close()
        try:
            if os.path.samestat(os.stat(self._name), self._made):
                os.unlink(self._name)
        except FileNotFoundError:
            pass
        finally:
            os.close(self._folder)


def _bind_unix(name: str, path: Path) -> socket.socket:
    _remove_stale(name, path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # A chmod afterwards would leave a moment in which anybody may connect.
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
    return sock


def _remove_stale(name: str, path: Path) -> None:
    """A file left by a service that was killed goes; one on which somebody listens stays."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(name)
        except FileNotFoundError:
            return
        except ConnectionRefusedError:
            os.unlink(name)
            return
        except BlockingIOError:
            pass  # its backlog is full: somebody listens
    raise ConflictError(f"{path}: 另一个 vidgate 服务正在使用 / another service listens on it")
