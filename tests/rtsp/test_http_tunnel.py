"""What opens a tunnel, byte by byte, and what its server may answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidgate.errors import MissingStreamError, ProtocolError, RemoteError, UnsupportedError
from vidgate.rtsp.http_tunnel import HttpTunnel
from vidgate.wire.uri import Uri

OPENED = (
    b"HTTP/1.0 200 OK\r\nx-server-ip-address: 10.9.9.9\r\nContent-Length: 5\r\n"
    b"Content-Type: application/x-rtsp-tunnelled\r\n\r\n"
)


def tunnel() -> HttpTunnel:
    return HttpTunnel(Uri.parse("rtsph://10.0.0.1:8080/main?a=1"), "c00kie")


def test_what_is_sent() -> None:
    assert tunnel().get() == (
        b"GET /main?a=1 HTTP/1.0\r\nHost: 10.0.0.1:8080\r\nx-sessioncookie: c00kie\r\n"
        b"Accept: application/x-rtsp-tunnelled\r\nPragma: no-cache\r\n"
        b"Cache-Control: no-cache\r\n\r\n"
    )
    assert tunnel().post() == (
        b"POST /main?a=1 HTTP/1.0\r\nHost: 10.0.0.1:8080\r\nx-sessioncookie: c00kie\r\n"
        b"Content-Type: application/x-rtsp-tunnelled\r\nContent-Length: 32767\r\n"
        b"Expires: Sun, 9 Jan 1972 00:00:00 GMT\r\nPragma: no-cache\r\n"
        b"Cache-Control: no-cache\r\n\r\n"
    )
    assert tunnel().send(b"$\x01\x00\x01x") == b"JAEAAXg="


@given(st.lists(st.integers(1, 40), max_size=20), st.binary(max_size=200))
def test_however_it_is_split(sizes: list[int], stream: bytes) -> None:
    made, data, came = tunnel(), OPENED + stream, b""
    for size in sizes:
        came += made.receive(data[:size])
        data = data[size:]
    came += made.receive(data)
    assert made.is_open
    assert came == stream


@pytest.mark.parametrize(
    ("answer", "error", "told"),
    [
        (b"HTTP/1.1 404 Not Found\r\n\r\n", MissingStreamError, "GET: 404"),
        (b"HTTP/1.1 401 Unauthorized\r\n\r\n", UnsupportedError, "asks for a login"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://e/\r\n\r\n", RemoteError, "not followed"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<", UnsupportedError, "text/html"),
        (b"RTSP/1.0 400 Bad Request\r\n\r\n", ProtocolError, "not HTTP"),
        (b"HTTP/1.0 200 OK\r\n" + b"X: " + b"x" * 9000, ProtocolError, "8192"),
        (b"HTTP/1.0 200 OK\r\n" + b"X: y\r\n" * 99 + b"\r\n", ProtocolError, "64"),
    ],
)
def test_what_is_no_tunnel(answer: bytes, error: type[Exception], told: str) -> None:
    made = tunnel()
    with pytest.raises(error, match=told):
        made.receive(answer)
    assert not made.is_open


def test_a_refused_post() -> None:
    tunnel().receive_post(b"HTTP/1.0 200 OK\r\n\r\n")
    refused = tunnel()
    refused.receive_post(b"HTTP/1.")
    with pytest.raises(RemoteError, match="POST: 403"):
        refused.receive_post(b"1 403 Forbidden\r\n")
