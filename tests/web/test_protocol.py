"""What is no request is refused by our own words: no library's name, nothing of what was sent."""

import json

import pytest

from tests.web.conftest import Site
from tests.web.test_server import raw
from vidgate.web import problems, security

pytestmark = pytest.mark.usefixtures("no_descriptor_left")

MARK = b"zebra-7391"  # must not come back
LINE = b"GET / HTTP/1.1\r\n"


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + MARK + b"\r\n\r\n", "https"),
        (MARK + b"\r\n\r\n", "HTTP"),
        (b"PRI * HTTP/2.0\r\n\r\n" + MARK + b"\r\n\r\n", "HTTP"),
        (b"GET /" + MARK + b" HTTP/9.9\r\n\r\n", "HTTP"),
        (b"GET /" + MARK + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", "long"),
        (b"GET http://[" + MARK + b" HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP"),
        (LINE + b"Host: a\r\nHost: " + MARK + b"\r\n\r\n", "HTTP"),
        (LINE + b"Host: a\r\nX: " + MARK + b"a" * 20_000 + b"\r\n\r\n", "long"),
        (LINE + b"Host: a\r\n" + MARK + b" : a\r\n\r\n", "HTTP"),
        (LINE + b"Host: a\r\n<script>" + MARK + b"\r\n\r\n", "HTTP"),
        (LINE + b"Host: a\r\nContent-Length: " + MARK + b"\r\n\r\n", "HTTP"),
        (LINE + b"Host: a\r\nTransfer-Encoding: " + MARK + b"\r\n\r\n", "HTTP"),
    ],
)
async def test_what_is_no_request_is_refused_without_an_echo(
    site: Site, sent: bytes, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    head, _, body = (await raw(site, sent)).partition(b"\r\n\r\n")
    assert head.split()[1] == b"400"
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    assert headers["Server"] == security.HEADERS["Server"]
    assert headers["Content-Type"].startswith("application/problem+json")
    assert headers["Content-Security-Policy"] == security.CONTENT_SECURITY_POLICY
    problem = json.loads(body)
    assert problem["code"] == "bad_input"
    assert told in problem["detail"]
    assert MARK not in head + body
    assert not caplog.records  # whoever sends nonsense fills no log


@pytest.mark.parametrize("line", [b"GET /healthz", b"DELETE /nothing"])
async def test_an_expectation_that_is_unknown_is_refused_without_an_echo(
    site: Site, line: bytes
) -> None:
    sent = line + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: " + MARK + b"\r\n\r\n"
    head, _, body = (await raw(site, sent)).partition(b"\r\n\r\n")
    assert head.split()[1] == b"417"
    assert b"\r\nServer: vidgate" in head
    assert json.loads(body)["status"] == 417
    assert MARK not in head + body


async def test_a_body_is_asked_for(site: Site) -> None:
    sent = (
        b"POST /api/v1/session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        b"Connection: close\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n{}"
    )
    answer = await raw(site, sent)
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 4")


async def test_a_bug_outside_every_handler_is_told_in_our_words(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError(MARK.decode())

    monkeypatch.setattr(problems, "problem_of", broken)
    sent = b"GET /api/v1/channels/none HTTP/1.1\r\nHost: a\r\n\r\n"
    head, _, body = (await raw(site, sent)).partition(b"\r\n\r\n")
    assert head.split()[1] == b"500"
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    assert headers["Server"] == security.HEADERS["Server"]
    assert headers["Content-Type"].startswith("application/problem+json")
    assert headers["Connection"] == "close"
    assert json.loads(body)["code"] == "error"
    assert MARK not in head + body
    assert MARK.decode() in caplog.text
