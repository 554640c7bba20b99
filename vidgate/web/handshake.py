"""HTTPS: whoever connects is counted and admitted first, and only then has a handshake.

A server that asyncio makes with a certificate tells nobody of a connection before its handshake is
over: one address that connects and says nothing would take every descriptor there is.

Who speaks plain HTTP is told to use https://; OpenSSL would hang up without a word.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from http import HTTPStatus
from typing import Any

import structlog

from vidgate.aio.supervisor import Supervisor
from vidgate.web.doorman import Doorman, Entrance, Guest, refusal
from vidgate.web.protocol import LINGER

log = structlog.get_logger(__name__)

AT_ONCE = 64  # connections accepted between two turns of the loop
RETRY = 1.0  # seconds after which a system without descriptors is asked for a connection again
NO_TLS = refusal(
    HTTPStatus.BAD_REQUEST,
    "bad_input",
    "此端口是 HTTPS, 请用 https:// 打开 / this port speaks HTTPS only: use https://",
)


@asynccontextmanager
async def listening_tls(
    doorman: Doorman, sock: socket.socket, tls: ssl.SSLContext
) -> AsyncIterator[None]:
    """Accept TLS connections on the socket inside the block; it is closed at the end."""
    async with Supervisor("https") as tasks:
        door = _Door(doorman, sock, tls, tasks)
        door.open()
        try:
            yield
        finally:
            door.close()
            # What was accepted last has a task that has not begun: only that closes it.
            await asyncio.sleep(0)


class _Door:
    """Accepts; each connection that may stay has a task for its handshake."""

    def __init__(
        self, doorman: Doorman, sock: socket.socket, tls: ssl.SSLContext, tasks: Supervisor
    ) -> None:
        self._doorman = doorman
        self._sock = sock
        self._tls = tls
        self._tasks = tasks
        self._retry: asyncio.TimerHandle | None = None

    def open(self) -> None:
        """Accept from now on."""
        self._retry = None
        asyncio.get_running_loop().add_reader(self._sock, self._accept)

    def close(self) -> None:
        """Accept no more."""
        if self._retry is not None:
            self._retry.cancel()
        asyncio.get_running_loop().remove_reader(self._sock)
        self._sock.close()

    def _accept(self) -> None:
        for _ in range(AT_ONCE):
            try:
                connection, peer = self._sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                # Nothing is left for it, yet it waits on: the loop would call again at once.
                log.warning("cannot accept", port="https", error=error.strerror)
                loop = asyncio.get_running_loop()
                loop.remove_reader(self._sock)
                self._retry = loop.call_later(RETRY, self.open)
                return
            self._admit(connection, peer)

    def _admit(self, connection: socket.socket, peer: Any) -> None:
        guest = self._doorman.admit(str(peer[0]))
        if guest is None:
            # A refusal that it could read would cost the handshake.
            connection.close()
            return
        connection.setblocking(False)
        _ = self._tasks.start(self._receive(connection, guest), "handshake")

    async def _receive(self, connection: socket.socket, guest: Guest) -> None:
        loop = asyncio.get_running_loop()
        try:
            with ExitStack() as stack:
                stack.enter_context(connection)
                async with asyncio.timeout_at(guest.deadline):
                    if await _is_plain(connection):
                        await _refuse(connection)
                        return
                    stack.pop_all()  # from here on the loop closes it
                    await loop.connect_accepted_socket(
                        lambda: Entrance(self._doorman, guest), connection, ssl=self._tls
                    )
        except OSError:
            pass  # no TLS, none that we speak, or none in time
        finally:
            self._doorman.dismiss(guest)


async def _is_plain(connection: socket.socket) -> bool:
    """Whether it begins with a letter, as a method does; TLS begins with 22 (RFC 8446 5.1)."""
    loop = asyncio.get_running_loop()
    begun = asyncio.Event()
    loop.add_reader(connection, begun.set)
    try:
        await begun.wait()
    finally:
        loop.remove_reader(connection)
    return connection.recv(1, socket.MSG_PEEK).isalpha()


async def _refuse(connection: socket.socket) -> None:
    """Tell it to use HTTPS; what it sends is read, or a reset would take the answer from it."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(connection, NO_TLS)
    connection.shutdown(socket.SHUT_WR)
    async with asyncio.timeout(LINGER):
        while await loop.sock_recv(connection, 1 << 16):
            pass
