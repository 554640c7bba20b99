"""A platform's endpoint has a login of its own, which its channels share."""

import asyncio
from collections.abc import Sequence

import pytest
from aiohttp import web

from tests.registry.endpoint import Guarded, platform
from tests.waiting import until
from vidgate.aio.clock import ManualClock
from vidgate.errors import (
    HeldBackError,
    LimitError,
    RefusedError,
    UnauthorizedError,
    VidgateError,
)
from vidgate.model.channel import Login
from vidgate.registry import asking
from vidgate.registry.asking import MOST_REST, Rests
from vidgate.registry.resolvers import Resolver
from vidgate.registry.routes import Question, Route, Way
from vidgate.wire.allowance import HOUR, MOST

CHANNELS = 500


def anywhere(address: str, port: int) -> bool:
    return True


def routes(base: str, login: Login, auth: str = "basic", count: int = CHANNELS) -> list[Route]:
    return [
        Route(Way.HTTP, "p http", "", Question(f"{base}/{number}", auth=auth, login=login))
        for number in range(count)
    ]


async def sweep(resolver: Resolver, asked: Sequence[Route]) -> list[VidgateError]:
    """All at once; what went wrong."""
    told = await asyncio.gather(*map(resolver.locate, asked), return_exceptions=True)
    assert not any(
        isinstance(one, BaseException) and not isinstance(one, VidgateError) for one in told
    )
    return [one for one in told if isinstance(one, VidgateError)]


async def test_five_hundred_channels_give_a_wrong_password_twice_an_hour() -> None:
    clock, endpoint = ManualClock(), Guarded("right")
    async with platform(endpoint.answer) as base, Resolver(anywhere, clock=clock) as resolver:
        asked = routes(base, endpoint.login("wrong"))
        told: list[VidgateError] = []
        for turn in range(6):  # every twenty minutes of two hours
            told = await sweep(resolver, asked)
            assert len(told) == CHANNELS
            assert all(isinstance(one, UnauthorizedError) for one in told)
            assert endpoint.wrong <= MOST * (1 + turn // 3)
            clock.advance(HOUR / 3)
        assert endpoint.wrong == 2 * MOST
        held = [one for one in told if isinstance(one, HeldBackError)]
        assert len(held) == CHANNELS
        assert "the platform refused the login of its endpoint" in held[0].message
        assert "credential set" in held[0].hint
        assert "channel test" not in held[0].hint, "nobody may, for the hour"
        assert held[0].again_at is not None


async def test_another_password_is_tried_at_once() -> None:
    clock, endpoint = ManualClock(), Guarded("right")
    async with platform(endpoint.answer) as base, Resolver(anywhere, clock=clock) as resolver:
        await sweep(resolver, routes(base, endpoint.login("wrong")))
        assert await sweep(resolver, routes(base, endpoint.login("right"))) == []
        assert (endpoint.wrong, endpoint.right) == (MOST, CHANNELS)


async def test_a_password_that_the_platform_changes_is_given_twice() -> None:
    endpoint = Guarded("right")
    async with platform(endpoint.answer) as base, Resolver(anywhere) as resolver:
        asked = routes(base, endpoint.login("right"))
        assert await sweep(resolver, asked) == []
        endpoint.password = "another"
        assert len(await sweep(resolver, asked)) == CHANNELS
        assert endpoint.wrong <= MOST


async def test_channels_that_are_forbidden_close_no_other() -> None:
    endpoint = Guarded("right")
    async with platform(endpoint.answer) as base, Resolver(anywhere) as resolver:
        asked = routes(base, endpoint.login("right"), count=20)
        endpoint.forbidden = frozenset(f"/{number}" for number in range(5))
        assert await sweep(resolver, asked[5:]) == []
        told = await sweep(resolver, asked)
        assert {type(one) for one in told} == {UnauthorizedError}
        assert len(told) == 5
        before = len(endpoint.asked)
        assert len(await sweep(resolver, asked)) == 5
        assert len(endpoint.asked) - before == 15, "the five are left in peace for an hour"


async def test_who_calls_a_wrong_password_forbidden_is_given_it_twice_too() -> None:
    clock, endpoint = ManualClock(), Guarded("right")
    async with platform(endpoint.answer) as base, Resolver(anywhere, clock=clock) as resolver:
        asked = routes(base, endpoint.login("right"), count=50)
        assert await sweep(resolver, asked) == []
        endpoint.forbidden = frozenset(f"/{number}" for number in range(50))
        before = len(endpoint.asked)
        for hour in range(1, 4):
            assert len(await sweep(resolver, asked)) == 50
            assert len(endpoint.asked) - before <= hour * MOST
            clock.advance(HOUR)


async def test_a_person_has_one_more_try() -> None:
    clock, endpoint = ManualClock(), Guarded("right")
    async with platform(endpoint.answer) as base, Resolver(anywhere, clock=clock) as resolver:
        (route,) = routes(base, endpoint.login("wrong"), count=1)
        with pytest.raises(UnauthorizedError, match="answered 401") as refused:
            await resolver.locate(route)
        assert refused.value.again_at == clock.now() + HOUR
        for _ in range(3):
            resolver.reopen(route)
            with pytest.raises(UnauthorizedError):
                await resolver.locate(route)
        assert endpoint.wrong == MOST


async def test_an_answer_that_says_nothing_of_the_login_is_no_verdict() -> None:
    async def busy(request: web.Request) -> web.StreamResponse:
        return web.Response(status=503)

    async with platform(busy) as base, Resolver(anywhere) as resolver:
        told = await sweep(resolver, routes(base, Login("us", "pw"), "bearer", 3))
        assert {type(one) for one in told} == {RefusedError}


@pytest.mark.parametrize("login", ["none", "bearer"])
async def test_an_endpoint_that_wishes_to_be_left_alone_is(login: str) -> None:
    asked = 0

    async def closed(request: web.Request) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        if asked > 1:
            return web.json_response({"url": "rtsp://127.0.0.1:9/x"})
        return web.Response(status=503, headers={"Retry-After": "20"})

    clock = ManualClock()
    async with platform(closed) as base, Resolver(anywhere, clock=clock) as resolver:
        one, other = routes(base, Login("us", "pw"), login, 2)
        for route in (one, other, one):
            with pytest.raises(RefusedError, match="asked again in 20 s") as refused:
                await resolver.locate(route)
            assert refused.value.again_at == clock.now() + 20.0
        assert asked == 1
        clock.advance(20.0)
        await resolver.locate(other)
        await resolver.locate(one)
    assert asked == 3


@pytest.mark.parametrize(
    ("said", "rest"),
    [
        ("Thu, 01 Jan 1970 00:00:45 GMT", 45.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", None),
        ("86400", MOST_REST),
        ("9" * 400, MOST_REST),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
def test_how_long_it_wishes_is_read_with_care(said: str, rest: float | None) -> None:
    clock = ManualClock(wall=0.0)
    error = Rests(clock).refusal(Question("http://127.0.0.1:9/"), "127.0.0.1:9", 429, said)
    assert error.again_at == (None if rest is None else clock.now() + rest)


async def test_without_a_login_nobody_waits() -> None:
    under_way, most = 0, 0
    all_there = asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        if under_way == 8:
            all_there.set()
        await all_there.wait()
        return web.json_response({"url": "rtsp://127.0.0.1:9/x"})

    async with platform(slow) as base, Resolver(anywhere) as resolver:
        assert await sweep(resolver, routes(base, Login("us", "pw"), "none", 8)) == []
    assert most == 8


async def test_who_waits_for_a_verdict_that_does_not_come_is_told_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asking, "MOST_WAIT", 0.05)
    asked, told = 0, asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        await told.wait()
        return web.json_response({"url": "rtsp://127.0.0.1:9/x"})

    async with platform(slow) as base, Resolver(anywhere) as resolver, asyncio.TaskGroup() as group:
        one, other = routes(base, Login("us", "pw"), count=2)
        first = group.create_task(resolver.locate(one))
        await until(lambda: asked == 1)
        with pytest.raises(LimitError, match="no verdict yet"):
            await resolver.locate(other)
        assert asked == 1
        told.set()
        assert (await first).url == "rtsp://127.0.0.1:9/x"
