"""RTSP through HTTP, sans-IO: what opens a tunnel, and what its server may answer.

After Apple's "Tunnelling RTSP and RTP through HTTP" (QuickTime Server, 1998), as GStreamer, FFmpeg
and ONVIF (Streaming Specification 5.1.1.4) speak it: a GET whose answer has no end carries what the
camera sends, a POST with no end what we send, in base64; the two share an `x-sessioncookie`.
"""

from base64 import b64encode

from vidgate.errors import ProtocolError, UnsupportedError
from vidgate.rtsp.messages import check
from vidgate.wire.buffer import Buffer
from vidgate.wire.message import Message, MessageLimits, parse_head
from vidgate.wire.uri import Uri

_HTTP = b"HTTP/"
_TYPE = "application/x-rtsp-tunnelled"
_LIMITS = MessageLimits(head=8 << 10, headers=64)
_MAX_BUFFER = 512 << 10  # a head, and what one read may bring behind it
_STATUS_LINE = 256  # bytes of the answer to POST that are looked at
# Nobody counts what POST carries, yet servers want a length: this is the one that all clients give.
_LENGTH = 32767


class HttpTunnel:
    """One tunnel. `cookie` must be unguessable: whoever knows it can speak for us."""

    __slots__ = ("_answer", "_buffer", "_cookie", "_uri", "frames", "is_open")

    def __init__(self, uri: Uri, cookie: str) -> None:
        self.is_open = False
        self.frames = 0  # there are none
        self._uri = uri
        self._cookie = cookie
        self._answer = b""  # the beginning of what came on the POST connection
        self._buffer = Buffer(_MAX_BUFFER)

    def get(self) -> bytes:
        """What is sent first, on the connection that the camera answers on."""
        return self._head("GET", f"Accept: {_TYPE}")

    def post(self) -> bytes:
        """What is sent first on the other connection, once `is_open`."""
        return self._head(
            "POST",
            f"Content-Type: {_TYPE}",
            f"Content-Length: {_LENGTH}",
            "Expires: Sun, 9 Jan 1972 00:00:00 GMT",
        )

    def receive(self, data: bytes) -> bytes:
        """What the tunnel brought of what the camera answers to GET; `is_open` is then true.

        An x-server-ip-address in the answer is not followed: the address that was checked is the
        only one spoken to. Raises ProtocolError, and the RemoteError of a refusal.
        """
        if self.is_open:
            return data
        self._buffer.append(data)
        start = self._buffer.peek(len(_HTTP))
        if not _HTTP.startswith(start):
            raise ProtocolError("应答不是 HTTP / the answer is not HTTP")
        found = self._buffer.find(b"\n\r\n", b"\n\n")
        if found is None or found[1] > _LIMITS.head:
            if len(self._buffer) > _LIMITS.head:
                raise ProtocolError(
                    f"HTTP 报文头超过 {_LIMITS.head} 字节 / "
                    f"an HTTP head is longer than {_LIMITS.head} bytes"
                )
            return b""
        # Whatever length the head claims: what follows is the stream.
        _accept(parse_head(self._buffer.take(found[1]), _LIMITS))
        self.is_open = True
        return self._buffer.take(len(self._buffer))

    def receive_post(self, data: bytes) -> None:
        """What the camera answers to POST, mostly nothing. Raises the RemoteError of a refusal."""
        if len(self._answer) > _STATUS_LINE:
            return
        self._answer += data[: _STATUS_LINE + 1]
        line, end, _ = self._answer.partition(b"\n")
        if end and line.startswith(_HTTP):
            self._answer += bytes(_STATUS_LINE)  # it was looked at
            check(parse_head(line, _LIMITS), "POST")

    def send(self, data: bytes) -> bytes:
        """What we send, as POST carries it: whole messages, so that no byte waits for the next."""
        return b64encode(data)

    def data_to_send(self) -> bytes:
        """Nothing: HTTP answers nothing."""
        return b""

    def goodbye(self) -> bytes:
        """Nothing: closing says it."""
        return b""

    def _head(self, method: str, *lines: str) -> bytes:
        head = (
            f"{method} {self._uri.path or '/'} HTTP/1.0",
            f"Host: {self._uri.authority}",
            f"x-sessioncookie: {self._cookie}",
            *lines,
            "Pragma: no-cache",
            "Cache-Control: no-cache",
        )
        return "\r\n".join((*head, "", "")).encode()


def login_wanted() -> UnsupportedError:
    """What asks for a login is not the camera inside, whose password it is not shown."""
    return UnsupportedError(
        "隧道本身要求登录 (401) / the tunnel itself asks for a login (401)",
        hint="口令没有发给它; 改用 rtsp:// 地址 / no password was sent to it; register rtsp://",
    )


def _accept(reply: Message) -> None:
    if reply.status == 401:
        raise login_wanted()
    check(reply, "GET")
    kind = reply.headers.get("Content-Type").partition(";")[0].strip().lower()
    if kind not in ("", _TYPE):
        raise UnsupportedError(
            "这个端口没有 RTSP 隧道, 答以 / no RTSP tunnel at this port, which answers with",
            hint="核对端口和路径, 或改用 rtsp:// / check port and path, or register rtsp://",
            said=kind,
        )
