"""RTSP over WebSocket, sans-IO: the request to switch over, and the framing around the bytes.

ONVIF Streaming Specification, "RTSP over WebSocket": RFC 6455 with a sub-protocol of its own. What
is inside is one stream of bytes, whose messages end anywhere on either side.
"""

from urllib.parse import quote

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    RejectConnection,
    Request,
    TextMessage,
)
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from vidgate.errors import ProtocolError, RemoteError, UnreachableError, UnsupportedError
from vidgate.rtsp.http_tunnel import login_wanted
from vidgate.rtsp.messages import check
from vidgate.wire.message import Message
from vidgate.wire.uri import Uri

ASCII = "".join(chr(code) for code in range(0x21, 0x7F))  # what need not be escaped
SUBPROTOCOL = "rtsp.onvif.org"
NORMAL = 1000  # RFC 6455 7.4.1
NONSENSE = (1002, 1007, 1009)  # the same: what either side calls a mistake of the other's


class WebSocketTunnel:
    """One connection, which the camera's bytes come on and ours go on."""

    __slots__ = ("_first", "_out", "_socket", "frames", "is_open")

    def __init__(self, uri: Uri) -> None:
        """Raises UnsupportedError for a host that no request can name."""
        self.is_open = False
        self.frames = 0  # that were received, those that brought nothing too
        self._socket = WSConnection(ConnectionType.CLIENT)
        self._out: list[bytes] = []
        self._first = self._request(uri)

    def get(self) -> bytes:
        """What is sent first (RFC 6455 4.1)."""
        return self._first

    def receive(self, data: bytes) -> bytes:
        """What it brought of the camera's bytes; `is_open` once the camera has switched over.

        Raises ProtocolError, UnreachableError when the camera says goodbye, and the RemoteError of
        a refusal: UnsupportedError where a WebSocket is spoken, yet not with RTSP inside.
        """
        try:
            self._socket.receive_data(data)
            return b"".join([self._take(event) for event in self._socket.events()])
        except (RemoteProtocolError, LocalProtocolError, ValueError) as error:
            # The library lets bytes out that are no text where a header should be.
            raise ProtocolError("WebSocket: 无效 / not valid", said=str(error)) from None

    def send(self, data: bytes) -> bytes:
        """Ours, as one binary message."""
        return self._socket.send(BytesMessage(data=data))

    def data_to_send(self) -> bytes:
        """Answers to pings; forgotten here."""
        if not self._out:
            return b""
        data = b"".join(self._out)
        self._out.clear()
        return data

    def goodbye(self) -> bytes:
        """What is sent last (RFC 6455 5.5.1)."""
        try:
            return self._socket.send(CloseConnection(code=NORMAL)) if self.is_open else b""
        except LocalProtocolError:  # said already
            return b""

    def _request(self, uri: Uri) -> bytes:
        target = quote(uri.path or "/", safe=ASCII)
        request = Request(host=uri.authority, target=target, subprotocols=[SUBPROTOCOL])
        try:
            return self._socket.send(request)
        except UnicodeError:
            raise UnsupportedError(
                "主机名不能写进 WebSocket 请求 / the host cannot be named in a WebSocket request",
                hint="改用 IP 地址 / give its IP address",
            ) from None

    def _take(self, event: Event) -> bytes:
        self.frames += 1
        if isinstance(event, BytesMessage):
            return bytes(event.data)
        if isinstance(event, TextMessage):  # the messages of RTSP are text, and some send them so
            return event.data.encode()
        if isinstance(event, Ping):
            self._out.append(self._socket.send(event.response()))
        elif isinstance(event, AcceptConnection):
            self._accept(event)
        elif isinstance(event, RejectConnection):
            if event.status_code == 401:
                raise login_wanted()
            check(Message.response(event.status_code, ""), "WebSocket")
            raise ProtocolError(f"WebSocket: {event.status_code}")
        elif isinstance(event, CloseConnection):
            raise _closed(int(event.code))
        return b""

    def _accept(self, event: AcceptConnection) -> None:
        if event.subprotocol != SUBPROTOCOL:
            raise UnsupportedError(
                f"这个 WebSocket 里不是 RTSP (不接受 {SUBPROTOCOL}), 可能是 FLV / "
                f"this WebSocket does not carry RTSP ({SUBPROTOCOL} is not accepted): FLV?",
                hint="核对路径, 或改用 rtsp:// / check the path, or register rtsp://",
            )
        self.is_open = True


def _closed(code: int) -> RemoteError:
    if code in NONSENSE:
        return ProtocolError(f"WebSocket: 无效的帧 / a frame that is not valid ({code})")
    return UnreachableError(f"摄像机关闭了 WebSocket / the camera closed the WebSocket ({code})")
