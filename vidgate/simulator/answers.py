"""The answers of cameras that are broken, hostile, or merely elsewhere."""

from collections.abc import Callable, Iterator, Mapping

from vidgate.simulator.manner import Description, Redirect
from vidgate.wire.uri import Uri, place_of

PIECE = 8 << 10
TEN_GB = 10 << 30
MOVED = "/moved"  # before the path of a camera that redirects to itself
AWAY = "127.99.99.99"  # a host of ours that has no camera
_LINE = b"a=x-vidgate-line:0123456789\r\n"

_Make = Callable[[bytes], Iterator[bytes]]


def _endless_head(head: bytes) -> Iterator[bytes]:
    yield head
    line = b"X-Header: " + b"x" * 500 + b"\r\n"
    while True:
        yield line * (PIECE // len(line))


def _ten_gigabytes(head: bytes) -> Iterator[bytes]:
    yield head + f"Content-Length: {TEN_GB}\r\n\r\nv=0\r\n".encode()
    for _ in range(TEN_GB // PIECE):
        yield _LINE * (PIECE // len(_LINE))


def _million_lines(head: bytes) -> Iterator[bytes]:
    yield head + f"Content-Length: {1_000_000 * len(_LINE)}\r\n\r\n".encode()
    for _ in range(1000):
        yield _LINE * 1000


def _short(head: bytes) -> Iterator[bytes]:
    yield head + b"Content-Length: 400\r\n\r\nv=0\r\ns=half of\r\n"


def _nonsense(head: bytes) -> Iterator[bytes]:
    body = bytes(range(128, 256)) * 3
    yield head + f"Content-Length: {len(body)}\r\n\r\n".encode() + body


DESCRIPTIONS: Mapping[Description, _Make] = {
    Description.ENDLESS_HEAD: _endless_head,
    Description.TEN_GB: _ten_gigabytes,
    Description.MILLION_LINES: _million_lines,
    Description.SHORT: _short,
    Description.NONSENSE: _nonsense,
}


def babble() -> Iterator[bytes]:
    """Bytes that are no RTSP, without end."""
    piece = bytes(range(1, 32)) * (PIECE // 31)
    while True:
        yield piece


def location(kind: Redirect, uri: str) -> str:
    """Where a request to `uri` is sent on to."""
    parsed = Uri.parse(uri)
    path = parsed.path.removeprefix(MOVED)
    host = AWAY if kind is Redirect.AWAY else parsed.host
    return f"rtsp://{place_of(host, parsed.effective_port)}{MOVED}{path}"
