"""RTSP on the wire (RFC 2326 10.12): messages and interleaved `$` frames in one byte stream."""

import re

from vidgate.errors import (
    BusyError,
    InputError,
    MissingStreamError,
    NoRecordingError,
    NoReplayError,
    ProtocolError,
    RedirectedError,
    RefusedError,
    RemoteError,
    UnauthorizedError,
    UnsupportedError,
)
from vidgate.wire.message import DEFAULT_LIMITS, Message, MessageLimits, body_length, parse_head
from vidgate.wire.uri import Uri

Frame = tuple[int, bytes]  # channel, payload
Item = Frame | Message

MAX_GARBAGE = 64 << 10  # bytes in a row that are neither frame nor message

_DOLLAR = 0x24
_BLANKS = re.compile(rb"[\r\n \0]+")
_HEAD_END = re.compile(rb"\n\r?\n")  # "\r\n\r\n" by the book; some send bare line feeds
_START = re.compile(rb"[A-Z][A-Z_]{2,15}[ /]")
_PARTIAL_START = re.compile(rb"[A-Z][A-Z_]{0,15}\Z")
# While frames come, garbage between them must not be taken for a message that never ends.
_METHODS = (
    *(b"ANNOUNCE ", b"DESCRIBE ", b"END_OF_STREAM ", b"GET_PARAMETER ", b"OPTIONS ", b"PAUSE "),
    *(b"PLAY ", b"PLAY_NOTIFY ", b"REDIRECT ", b"SET_PARAMETER ", b"SETUP ", b"TEARDOWN "),
)
_STRICT_START = re.compile(rb"RTSP/[0-9]\.[0-9] [0-9]{3}|" + b"|".join(_METHODS))
_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_STATUS_LINE = b"RTSP/0.0 000"
_BINARY = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")  # in no head, but in any frame
_SYNC = re.compile(
    rb"\$([\x00-\xff])[\x00-\xff]{2}[\x80-\xbf]|RTSP/1\.[0-9] [1-5][0-9]{2}", re.DOTALL
)
_SYNC_SIZE = 12

_ERRORS: dict[int, type[RemoteError]] = {
    401: UnauthorizedError,
    403: UnauthorizedError,
    404: MissingStreamError,
    453: BusyError,
    457: NoRecordingError,
    461: UnsupportedError,
    503: BusyError,
    551: NoReplayError,
}
_WORDS = {
    401: "摄像机拒绝登录或要求登录 / the camera refuses the login, or asks for one",
    403: "摄像机禁止访问 / the camera forbids it",
    404: "摄像机上没有这个码流 / the camera has no such stream",
    453: "摄像机的会话或带宽已满 / the camera has no session or bandwidth left",
    457: "设备没有该时段的录像 / the device has no recording of that time",
    461: "摄像机不支持这种传输方式 / the camera does not take that transport",
    503: "摄像机忙 / the camera is busy",
    551: "设备在此地址不提供录像回放 / the device offers no replay at this address",
}
_REFUSED = "摄像机拒绝 / the camera refuses"
_LOCATION = 512  # characters of an address that are looked at


class Parser:
    """Bytes in, frames and messages out, in order.

    Where neither begins, it looks for the next place where one may (`$`, a known channel, RTP
    version 2; or a status line): cameras let garbage slip between frames. `skipped` counts those
    bytes, `messages` all messages. `channels`, once known, makes it strict: a frame of another
    channel must be RTP, a message begins like one of RTSP and holds text alone.
    """

    __slots__ = (
        "_garbage",
        "_held",
        "_is_lost",
        "_limits",
        "_need",
        "_searched",
        "channels",
        "messages",
        "skipped",
    )

    def __init__(self, limits: MessageLimits = DEFAULT_LIMITS) -> None:
        self.channels: frozenset[int] = frozenset()
        self.skipped = 0
        self.messages = 0
        self._limits = limits
        self._held = bytearray()
        self._need = 0  # bytes without which nothing can go on; 0: until a head ends
        self._searched = 0
        self._garbage = 0
        self._is_lost = False  # inside garbage: the next mark is still to be found

    def feed(self, data: bytes) -> list[Item]:
        """Take received bytes; raises ProtocolError for nonsense and beyond the limits."""
        held = self._held
        if held:
            held += data
            if not self._can_go_on():
                return []
            data = bytes(held)
            held.clear()
        items: list[Item] = []
        at = self._resync(data, 0) if self._is_lost else 0
        size, channels = len(data), self.channels
        while at < size and not self._is_lost:
            if data[at] != _DOLLAR:
                start = at
                at = self._other(data, at, items)
                if at == start:
                    break
                continue
            if at + 4 > size:
                self._need = 4
                break
            if channels and data[at + 1] not in channels and not _may_be_rtp(data, at):
                at = self._resync(data, at)
                continue
            end = at + 4 + (data[at + 2] << 8 | data[at + 3])
            if end > size:
                # Whether it is a frame may still be open: its first byte tells.
                self._need = 5 if at + 4 == size else end - at
                break
            items.append((data[at + 1], data[at + 4 : end]))
            at = end
        held += data[at:]
        if items:
            self._garbage = 0
        return items

    def _can_go_on(self) -> bool:
        held = self._held
        if self._need:
            return len(held) >= self._need
        start = max(0, self._searched - 2)
        if _HEAD_END.search(held, start):
            return True
        if self.channels and _BINARY.search(held, start):
            return True
        self._searched = len(held)
        self._check_head(len(held))
        return False

    def _check_head(self, size: int) -> None:
        if size > self._limits.head:
            raise ProtocolError(
                f"报文头超过 {self._limits.head} 字节 / "
                f"a message head is longer than {self._limits.head} bytes"
            )

    def _other(self, data: bytes, at: int, items: list[Item]) -> int:
        """What is no frame: the place after it, or `at` itself where more bytes are needed."""
        blanks = _BLANKS.match(data, at)
        if blanks:
            return blanks.end()
        is_strict = bool(self.channels)
        if (_STRICT_START if is_strict else _START).match(data, at):
            return self._strictly(data, at, items) if is_strict else self._message(data, at, items)
        if _is_strict_beginning(data, at) if is_strict else _PARTIAL_START.match(data, at):
            self._need = len(data) - at + 1
            return at
        return self._resync(data, at)

    def _strictly(self, data: bytes, at: int, items: list[Item]) -> int:
        """A message between frames; what only began like one is garbage."""
        binary = _BINARY.search(data, at)
        text_end = binary.start() if binary else len(data)
        head_end = _HEAD_END.search(data, at, text_end)
        if head_end is None and binary is not None:
            return self._resync(data, at, text_end)
        try:
            return self._message(data, at, items)
        except ProtocolError:
            if head_end is None:  # text without end
                raise
            return self._resync(data, at, head_end.start())

    def _message(self, data: bytes, at: int, items: list[Item]) -> int:
        found = _HEAD_END.search(data, at)
        if found is None:
            self._check_head(len(data) - at)
            self._need = 0
            self._searched = len(data) - at
            return at
        end = found.end()
        self._check_head(end - at)
        message = parse_head(data[at:end], self._limits)
        length = body_length(message.headers, self._limits)
        if end + length > len(data):
            self._need = end + length - at
            return at
        message.body = data[end : end + length]
        items.append(message)
        self.messages += 1
        return end + length

    def _resync(self, data: bytes, at: int, text_end: int = 0) -> int:
        mark = self._mark(data, at if self._is_lost else at + 1, text_end)
        self._is_lost = mark is None
        if mark is None:
            # The tail may hold the beginning of a mark; it is looked at again with what follows,
            # and as strictly: a `$` that happens to begin it is no frame for that.
            mark = max(at, len(data) - _SYNC_SIZE)
            self._need = len(data) - mark + 1
        self.skipped += mark - at
        self._garbage += mark - at
        if self._garbage > MAX_GARBAGE:
            raise ProtocolError(
                f"连续 {self._garbage} 字节既不是 RTSP 也不是 RTP / "
                f"{self._garbage} bytes in a row are neither RTSP nor RTP"
            )
        return mark

    def _mark(self, data: bytes, at: int, text_end: int) -> int | None:
        """The next place where a frame or a message may begin.

        Of the status lines in the text that ends at `text_end` only the last counts: the head of
        each other would hold it. So no text is read once for each of its lines.
        """
        last = None
        for found in _SYNC.finditer(data, at):
            is_status = found[1] is None
            if not is_status and self.channels and found[1][0] not in self.channels:
                continue
            if not is_status or found.start() >= text_end:
                return found.start() if last is None else last
            last = found.start()
        return last


def _may_be_rtp(data: bytes, at: int) -> bool:
    """Whether its first byte, where there is one yet, has version 2 (RFC 3550 5.1 and 6.4.1)."""
    return at + 4 == len(data) or data[at + 4] >> 6 == 2 or data[at + 2 : at + 4] == b"\0\0"


def _is_strict_beginning(data: bytes, at: int) -> bool:
    """Whether the data ends within what begins a message."""
    if len(data) - at > len(max(_METHODS, key=len)):
        return False
    tail = data[at:]
    return _STATUS_LINE.startswith(tail.translate(_DIGITS)) or any(
        method.startswith(tail) for method in _METHODS
    )


def check(reply: Message, what: str) -> Message:
    """The reply, if it says 200; else raises the RemoteError of its status."""
    status = reply.status
    if 200 <= status < 300:
        return reply
    if 300 <= status < 400:
        raise RedirectedError(
            f"{what}: {status}: 不跟随到别处的转址 / redirects to elsewhere are not followed",
            hint="请登记它转到的地址 / register the address that it redirects to",
            said=_elsewhere(reply.headers.get("Location")),
        )
    raise _ERRORS.get(status, RefusedError)(
        f"{_WORDS.get(status, _REFUSED)} ({what}: {status})", said=reply.reason
    )


def _elsewhere(location: str) -> str:
    """Host and port of a Location; never its path or login, which may be secret."""
    try:
        uri = Uri.parse(location[:_LOCATION])
    except InputError:
        return "no address"
    return f"{uri.scheme}://{uri.authority}"
