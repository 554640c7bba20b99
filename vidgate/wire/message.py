"""Messages of the HTTP family (RTSP, SIP): start line, headers, body. Lenient in, strict out."""

import re
from dataclasses import dataclass, field

from vidgate.errors import ProtocolError
from vidgate.wire.buffer import Buffer
from vidgate.wire.headers import Headers

_RESPONSE = re.compile(r"[A-Z]+/[0-9]")
_LINE_BREAK = re.compile(r"[\r\n\0]")


@dataclass(frozen=True, slots=True)
class MessageLimits:
    """Bounds of one message."""

    head: int = 64 << 10  # bytes of start line and headers
    body: int = 64 << 10  # bytes
    headers: int = 128  # fields


DEFAULT_LIMITS = MessageLimits()


@dataclass(slots=True)
class Message:
    """A request or a response; which one is told by the start line."""

    start: str
    headers: Headers = field(default_factory=Headers)
    body: bytes = field(default=b"", repr=False)

    @classmethod
    def request(
        cls, method: str, uri: str, headers: Headers | None = None, version: str = "RTSP/1.0"
    ) -> "Message":
        """A request without a body."""
        return cls(f"{method} {uri} {version}", headers if headers is not None else Headers())

    @classmethod
    def response(
        cls, status: int, reason: str, headers: Headers | None = None, version: str = "RTSP/1.0"
    ) -> "Message":
        """A response without a body."""
        return cls(f"{version} {status} {reason}", headers if headers is not None else Headers())

    @property
    def is_response(self) -> bool:
        """Whether the start line is a status line."""
        return _RESPONSE.match(self.start) is not None

    @property
    def method(self) -> str:
        """The method of a request."""
        return self.start.partition(" ")[0]

    @property
    def uri(self) -> str:
        """The request URI as it came; split from the right, for some hold spaces."""
        return self.start.partition(" ")[2].rpartition(" ")[0]

    @property
    def status(self) -> int:
        """The status of a response; raises ProtocolError when it is no number from 100 to 999."""
        text = self.start.partition(" ")[2].lstrip()[:3]
        if not (text.isascii() and text.isdigit() and len(text) == 3 and text[0] != "0"):
            raise ProtocolError("不是状态行 / not a status line", said=self.start)
        return int(text)

    @property
    def reason(self) -> str:
        """The reason phrase of a response."""
        return self.start.partition(" ")[2].lstrip()[3:].strip()

    def __bytes__(self) -> bytes:
        if _LINE_BREAK.search(self.start):
            raise ValueError("the start line holds a line break")
        head = self.start + "\r\n" + self.headers.encode()
        if self.body and "Content-Length" not in self.headers:
            head += f"Content-Length: {len(self.body)}\r\n"
        return head.encode() + b"\r\n" + self.body


class MessageReader:
    """Takes whole messages from a buffer: `next` returns None while one is incomplete."""

    __slots__ = ("_head", "_length", "_limits")

    def __init__(self, limits: MessageLimits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._head: Message | None = None
        self._length = 0

    @property
    def is_inside(self) -> bool:
        """Whether a head was taken whose body is still to come."""
        return self._head is not None

    def next(self, buffer: Buffer) -> Message | None:
        """The next message, or None; raises ProtocolError for nonsense and beyond the limits."""
        if self._head is None and not self._take_head(buffer):
            return None
        message = self._head
        if message is None or len(buffer) < self._length:
            return None
        if self._length:
            message.body = buffer.take(self._length)
        self._head = None
        return message

    def _take_head(self, buffer: Buffer) -> bool:
        # "\n\r\n" ends a head by the book, "\n\n" one of a peer that sends bare line feeds.
        found = buffer.find(b"\n\r\n", b"\n\n")
        if found is None or found[1] > self._limits.head:
            if len(buffer) > self._limits.head:
                raise ProtocolError(
                    f"报文头超过 {self._limits.head} 字节 / "
                    f"a message head is longer than {self._limits.head} bytes"
                )
            return False
        self._head = parse_head(buffer.take(found[1]), self._limits)
        self._length = body_length(self._head.headers, self._limits)
        return True


def parse_head(data: bytes, limits: MessageLimits = DEFAULT_LIMITS) -> Message:
    """Start line and headers; lines without a colon are skipped, folded lines joined."""
    lines = data.decode("utf-8", "replace").split("\n")
    start = lines[0].strip()
    if len(lines) > limits.headers + 3:
        raise ProtocolError(
            f"报文头部多于 {limits.headers} 行 / a message has more than {limits.headers} headers"
        )
    items: list[tuple[str, str]] = []
    for line in lines[1:]:
        if line[:1] in (" ", "\t") and items:
            name, value = items[-1]
            items[-1] = name, f"{value} {line.strip()}".strip()
            continue
        name, colon, value = line.partition(":")
        if colon and (name := name.strip()):
            items.append((name, value.strip()))
    return Message(start, Headers.received(items))


def body_length(headers: Headers, limits: MessageLimits = DEFAULT_LIMITS) -> int:
    """Content-Length, 0 where there is none; raises ProtocolError for nonsense and too much."""
    text = headers.get("Content-Length")
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) < 12):
        raise ProtocolError("Content-Length 无效 / Content-Length is no number", said=text)
    length = int(text)
    if length > limits.body:
        raise ProtocolError(
            f"正文声称有 {length} 字节, 上限 {limits.body} / "
            f"a body of {length} bytes is announced, {limits.body} are allowed"
        )
    return length
