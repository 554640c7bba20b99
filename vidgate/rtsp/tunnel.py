"""A transport for RTSP inside HTTP or a WebSocket, which looks like a connection of its own."""

import asyncio
import secrets
import socket
import ssl
from typing import Protocol, cast

from vidgate.errors import (
    ProtocolError,
    RemoteTimeoutError,
    UnreachableError,
    VidgateError,
    cannot_connect,
)
from vidgate.rtsp import dial
from vidgate.rtsp.address import RtspAddress
from vidgate.rtsp.http_tunnel import HttpTunnel
from vidgate.rtsp.intake import Intake
from vidgate.rtsp.websocket_tunnel import WebSocketTunnel
from vidgate.wire import schemes
from vidgate.wire.uri import Uri

MAX_UNREAD = 128 << 10  # bytes that may wait for a camera to read them
# Bytes at most between two looks at the clock: a WebSocket's frame may have two, and each costs as
# much as a packet of pictures.
PORTION = 2 << 10


class Core(Protocol):
    """What the bytes of RTSP are wrapped in; see `http_tunnel` and `websocket_tunnel`."""

    is_open: bool
    frames: int

    def get(self) -> bytes: ...

    def receive(self, data: bytes) -> bytes: ...

    def send(self, data: bytes) -> bytes: ...

    def data_to_send(self) -> bytes: ...

    def goodbye(self) -> bytes: ...


class Tunnel(asyncio.Transport):
    """What the client writes to and reads from in the place of a TCP connection.

    `down` is the connection that the camera's bytes come on, `up` the one that ours go on.
    """

    def __init__(self, client: asyncio.Protocol, core: Core) -> None:
        super().__init__()
        self.core = core
        self.down: asyncio.Transport | None = None
        self.up: asyncio.Transport | None = None
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.is_made = False
        self.is_over = False
        self.early = b""  # what came of RTSP before the client had its connection
        self._client: asyncio.Protocol | None = client
        self._intake = Intake(self._unwrap, self.failed, most=PORTION)
        self._holds: set[object] = set()  # who wants no more for now

    # -- asyncio.Transport: what the client asks -------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send whole messages."""
        if self.up is not None:
            self.up.write(self.core.send(bytes(data)))

    def get_write_buffer_size(self) -> int:
        """Bytes that wait for the camera to read them, as it gets them."""
        return self.up.get_write_buffer_size() if self.up is not None else 0

    def pause_reading(self) -> None:
        """Read no more for now."""
        self.hold(self)

    def resume_reading(self) -> None:
        """Read on."""
        self.let_go(self)

    def is_closing(self) -> bool:
        """Whether either way is closed or being closed."""
        return any(way is None or way.is_closing() for way in (self.down, self.up))

    def get_extra_info(self, name: str, default: object = None) -> object:
        """As of the connection that pictures come on."""
        return default if self.down is None else self.down.get_extra_info(name, default)

    def close(self) -> None:
        """Close both ways, once what was written has left."""
        if not self.is_closing() and self.up is not None and (last := self.core.goodbye()):
            self.up.write(last)
        for way in (self.up, self.down):
            if way is not None:
                way.close()

    def abort(self) -> None:
        """Close both ways at once."""
        for way in (self.up, self.down):
            if way is not None:
                way.abort()

    def hold(self, who: object) -> None:
        """Read no more until whoever said so lets go."""
        if not self._holds and self.down is not None and not self.down.is_closing():
            self.down.pause_reading()
        self._holds.add(who)

    def let_go(self, who: object) -> None:
        """Read on, unless somebody else holds."""
        self._holds.discard(who)
        if not self._holds and self.down is not None and not self.down.is_closing():
            self.down.resume_reading()

    # -- what the two connections tell -----------------------------------------------------------

    def began(self, down: asyncio.Transport) -> None:
        """The connection that the camera's bytes come on is there."""
        self.down = down
        self._intake.open(_Reading(self))
        down.write(self.core.get())

    def begin(self) -> None:
        """The client gets its connection, and what came early."""
        client, early, self.early = self._client, self.early, b""
        if client is None:
            return
        self.is_made = True
        client.connection_made(self)
        self.resume_reading()
        if early:
            client.data_received(early)

    def came(self, data: bytes) -> None:
        """Bytes on the way down, in turns: frames that bring nothing cost as much as others."""
        self._intake.add(data)

    def _unwrap(self, data: bytes) -> int:
        before = self.core.frames
        try:
            data = self.core.receive(data)
        except VidgateError as error:
            self.failed(error)
            return 0
        if answer := self.core.data_to_send():
            self._answer(answer)
        if not self.is_made:
            self.early += data
        elif self._client is not None and data:
            self._client.data_received(data)
        if self.core.is_open and not self.opened.done():
            self.pause_reading()
            self.opened.set_result(None)
        return self.core.frames - before

    def _answer(self, data: bytes) -> None:
        if self.down is None:
            return
        self.down.write(data)
        if self.down.get_write_buffer_size() > MAX_UNREAD:
            self.failed(
                ProtocolError("摄像机不读它要的应答 / the camera does not read what it asked for")
            )

    def failed(self, error: Exception | None) -> None:
        """One way is lost or refused, and the other with it: half a tunnel is none."""
        client, self._client = self._client, None
        if not self.is_over and not self.opened.done():
            self.opened.set_exception(error or _hung_up())
            self.opened.exception()  # seen, even where nobody waits any more
        self.is_over = True
        self._intake.close()
        self.abort()
        if client is not None and self.is_made:
            client.connection_lost(error)


class _Reading(asyncio.Transport):
    """What the tunnel's own intake may do to it: hold the reading, beside what the client holds."""

    def __init__(self, tunnel: Tunnel) -> None:
        super().__init__()
        self._tunnel = tunnel

    def is_closing(self) -> bool:
        return self._tunnel.down is None or self._tunnel.down.is_closing()

    def pause_reading(self) -> None:
        self._tunnel.hold(self)

    def resume_reading(self) -> None:
        self._tunnel.let_go(self)


class _Way(asyncio.Protocol):
    """One of the two connections; when it is lost it forgets the tunnel, lest a circle be left."""

    def __init__(self, tunnel: Tunnel) -> None:
        self._tunnel = tunnel

    def connection_lost(self, error: Exception | None) -> None:
        self._tunnel.failed(error)
        del self._tunnel


class _Down(_Way):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._tunnel.began(cast(asyncio.Transport, transport))  # uvloop's own is no subclass

    def data_received(self, data: bytes) -> None:
        self._tunnel.came(data)


class _Up(_Way):
    def __init__(self, tunnel: Tunnel, core: HttpTunnel) -> None:
        super().__init__(tunnel)
        self._core = core

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._tunnel.up = cast(asyncio.Transport, transport)
        self._tunnel.up.write(self._core.post())

    def data_received(self, data: bytes) -> None:
        try:
            self._core.receive_post(data)
        except VidgateError as error:
            self._tunnel.failed(error)


async def connect(
    client: asyncio.Protocol,
    uri: Uri,
    address: RtspAddress,
    context: ssl.SSLContext | None,
    plain: socket.socket,
    place: dial.Place,
) -> None:
    """Open a tunnel by a socket that is connected to the place; `connection_made` gets it.

    Raises UnreachableError, TlsError, RemoteTimeoutError within `connect_timeout`, and whatever
    `receive` of the core makes of the answer.
    """
    timeout = address.connect_timeout
    http = None if uri.scheme in schemes.WEBSOCKET else HttpTunnel(uri, secrets.token_urlsafe(16))
    tunnel = Tunnel(client, http or WebSocketTunnel(uri))
    try:
        async with asyncio.timeout(timeout):
            await dial.over(plain, _Down(tunnel), uri, context)
            await tunnel.opened
            if http is not None:
                address.further()
                second, _ = await dial.tcp([place])
                await dial.over(second, _Up(tunnel, http), uri, context)
            tunnel.up = tunnel.up or tunnel.down
    except TimeoutError:
        raise RemoteTimeoutError(
            f"{uri.authority}: 隧道 {timeout:g} 秒内没有打开 / "
            f"the tunnel did not open within {timeout:g} s"
        ) from None
    except OSError as error:
        raise cannot_connect(uri.authority, error) from error
    else:
        if tunnel.is_closing():
            raise _hung_up()
        tunnel.begin()
    finally:
        if not tunnel.is_made:
            tunnel.failed(None)
            # It holds the error, whose traceback holds the tunnel: no circle is left.
            del tunnel.opened, tunnel


def _hung_up() -> UnreachableError:
    return UnreachableError("摄像机关闭了隧道 / the camera closed the tunnel")
