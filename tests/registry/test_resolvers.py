"""Asking a platform for an address: a real HTTP server that behaves and misbehaves."""

import asyncio
import json
from collections.abc import Callable

import pytest
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from tests.registry.endpoint import Handler, platform
from vidgate.errors import (
    DeniedAddressError,
    MissingStreamError,
    NoCredentialError,
    ProtocolError,
    RefusedError,
    RemoteError,
    RemoteTimeoutError,
    UnauthorizedError,
    UnreachableError,
    UnsupportedError,
)
from vidgate.model.channel import Login
from vidgate.registry.resolvers import MAX_ANSWER, Located, Resolver, dig, steps
from vidgate.registry.routes import Question, Route, Way

TICKET = "ticket-4f1c9"


def anywhere(address: str, port: int) -> bool:
    return True


def answering(body: object, status: int = 200) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        text = body if isinstance(body, str) else json.dumps(body)
        return web.Response(status=status, text=text)

    return handler


async def ask(asked: Question, *, permits: Callable[[str, int], bool] = anywhere) -> Located:
    async with Resolver(permits, timeout=2.0) as resolver:
        return await resolver.locate(Route(Way.HTTP, "p http", "", asked, Login("cam", "pw")))


async def refusal(asked: Question, **how: Callable[[str, int], bool]) -> RemoteError:
    with pytest.raises(RemoteError) as caught:
        await ask(asked, **how)
    assert TICKET not in f"{caught.value} {caught.value.__cause__}"
    return caught.value


async def test_the_address_is_found_in_the_answer() -> None:
    body = {"data": {"list": [{"url": f"rtsp://10.0.0.1:554/{TICKET}?a=1"}]}}
    async with platform(answering(body)) as base:
        located = await ask(Question(base, path="$.data.list[0].url"))
    assert located == Located(f"rtsp://10.0.0.1:554/{TICKET}?a=1", Login("cam", "pw"))
    assert TICKET not in repr(located)


async def test_a_login_in_the_answer_goes_before_the_channel_s() -> None:
    async with platform(answering({"url": "rtsp://u:p%40ss@10.0.0.1/x"})) as base:
        located = await ask(Question(base))
    assert located == Located("rtsp://10.0.0.1/x", Login("u", "p@ss"))


async def test_it_signs_in_and_sends_what_it_is_told() -> None:
    heard: list[tuple[str, str, str]] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        heard.append(
            (request.method, request.headers.get("Authorization", ""), await request.text())
        )
        return web.json_response({"url": "rtsp://10.0.0.1/x"})

    login = Login("us", "pä")
    async with platform(handler) as base:
        await ask(Question(base, auth="basic", login=login))
        await ask(
            Question(base, auth="bearer", login=Login("", "key"), method="POST", body='{"a":1}')
        )
        await ask(Question(base, login=login))
    assert heard == [
        ("GET", "Basic dXM6cMOk", ""),
        ("POST", "Bearer key", '{"a":1}'),
        ("GET", "", ""),
    ]


async def test_each_time_it_asks_anew() -> None:
    count = 0

    async def handler(request: web.Request) -> web.StreamResponse:
        nonlocal count
        count += 1
        return web.json_response({"url": f"rtsp://10.0.0.1/{count}"})

    async with platform(handler) as base, Resolver(anywhere) as resolver:
        route = Route(Way.HTTP, "p http", "", Question(base))
        urls = [(await resolver.locate(route)).url for _ in range(3)]
    assert urls == [f"rtsp://10.0.0.1/{number}" for number in (1, 2, 3)]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, UnauthorizedError),
        (403, UnauthorizedError),
        (404, MissingStreamError),
        (503, RefusedError),
        (429, RefusedError),
        (500, RefusedError),
        (204, RefusedError),
    ],
)
async def test_a_refusal_has_its_reason(status: int, kind: type[RemoteError]) -> None:
    async with platform(answering(TICKET if status != 204 else "", status)) as base:
        assert type(await refusal(Question(base))) is kind


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (f"not json {TICKET}", ProtocolError),
        ("[" * 60_000, ProtocolError),
        ({"url": ""}, MissingStreamError),
        ({"url": 5}, MissingStreamError),
        ({"URL": f"rtsp://h/{TICKET}"}, MissingStreamError),
        ([], MissingStreamError),
        ({"url": f"http://10.0.0.1/{TICKET}"}, UnsupportedError),
        ({"url": f"file:///etc/{TICKET}"}, ProtocolError),
        ({"url": f"{TICKET}://10.0.0.1/x"}, UnsupportedError),
        ({"url": TICKET}, ProtocolError),
        ({"url": f"rtsp://h/{TICKET}\n"}, None),
    ],
)
async def test_an_answer_that_is_none_is_refused_and_not_quoted(
    body: object, kind: type[RemoteError] | None
) -> None:
    async with platform(answering(body)) as base:
        if kind is None:
            assert (await ask(Question(base))).url == f"rtsp://h/{TICKET}"
        else:
            assert type(await refusal(Question(base))) is kind


async def test_a_redirect_is_not_followed() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        assert request.path != "/elsewhere"
        raise web.HTTPFound("/elsewhere")

    async with platform(handler) as base:
        assert isinstance(await refusal(Question(base)), RefusedError)


async def test_an_endless_answer_is_cut() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        writer: AbstractStreamWriter | None = await response.prepare(request)
        assert writer is not None
        for _ in range(10_000):
            await response.write(b" " * (MAX_ANSWER // 4))
        raise AssertionError("all of it was taken")

    async with platform(handler) as base:
        assert isinstance(await refusal(Question(base)), ProtocolError)


async def test_a_zipped_answer_is_not_unpacked() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        assert request.headers["Accept-Encoding"] == "identity"
        response = web.json_response({"url": "rtsp://h/x", "fill": "x" * (20 * MAX_ANSWER)})
        response.enable_compression(web.ContentCoding.gzip)
        return response

    async with platform(handler) as base:
        refused = await refusal(Question(base))
    assert isinstance(refused, ProtocolError)


async def test_silence_has_a_deadline() -> None:
    told = asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        await told.wait()
        return web.Response()

    async with platform(handler) as base, Resolver(anywhere, timeout=0.05) as resolver:
        with pytest.raises(RemoteTimeoutError):
            await resolver.locate(Route(Way.HTTP, "", "", Question(base)))
        told.set()


async def test_nobody_listens() -> None:
    async with platform(answering({})) as base:
        pass
    assert isinstance(await refusal(Question(base)), UnreachableError)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_the_guard_holds_for_names_and_addresses(host: str) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        raise AssertionError("it was called")

    asked: list[str] = []

    def nowhere(address: str, port: int) -> bool:
        asked.append(address)
        return False

    async with platform(handler) as base:
        question = Question(base.replace("127.0.0.1", host))
        assert isinstance(await refusal(question, permits=nowhere), DeniedAddressError)
    assert "127.0.0.1" in asked


@pytest.mark.parametrize("endpoint", ["ftp://h/x", "http://", "x", "http://h:99999/"])
async def test_an_endpoint_that_is_none_is_refused(endpoint: str) -> None:
    assert isinstance(await refusal(Question(endpoint)), RefusedError)


async def test_without_its_login_nothing_is_asked() -> None:
    assert isinstance(
        await refusal(Question("http://127.0.0.1:9/", auth="basic")), NoCredentialError
    )


async def test_a_form_that_wants_the_login_inside_gets_it() -> None:
    route = Route(Way.FORM, "xm", "rtsp://h/u={username}_p={password}", None, Login("a", "p/@"))
    async with Resolver(anywhere) as resolver:
        assert (await resolver.locate(route)).url == "rtsp://h/u=a_p=p%2F%40"
        with pytest.raises(NoCredentialError):
            await resolver.locate(Route(Way.FORM, "xm", "rtsp://h/{password}"))


def test_paths_have_steps() -> None:
    assert steps("$.a.b[0][12].c") == ["a", "b", 0, 12, "c"]
    assert steps("[1]") == [1]
    assert dig({"a": [{"b": 7}]}, "a[0].b") == 7
    assert dig({"a": 1}, "a.b[2]") is None


@pytest.mark.parametrize("path", ["", "a..b", "a[x]", "a[1", "a[-1]", ".".join("a" * 17)])
def test_a_path_with_a_mistake_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="应|级"):
        steps(path)
