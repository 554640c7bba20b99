import asyncio
import json
from typing import Any

import aiohttp
import pytest

from tests.web.conftest import Site
from vidgate.model.user import Role
from vidgate.web import events
from vidgate.web.events import LAGGING
from vidgate.web.sockets import MAX_CLIENTS, REVOKED

EVENTS = "/api/v1/events"

pytestmark = pytest.mark.usefixtures("no_descriptor_left")


def connect(site: Site, query: str = "", role: Role | None = Role.VIEWER, **more: Any) -> Any:
    headers = more.pop("headers", {}) | (site.bearer(role) if role else {})
    return site.client.ws_connect(site.url + EVENTS + query, headers=headers, **more)


async def next_of(socket: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    async with asyncio.timeout(5):
        message = await socket.receive()
    assert message.type is aiohttp.WSMsgType.TEXT, message
    told: dict[str, Any] = json.loads(message.data)
    return told


async def test_a_greeting_and_then_what_happens(site: Site) -> None:
    before = site.fakes.bus.publish("channel.state", "camera-1", {"state": "up"})
    async with connect(site) as socket:
        hello = await next_of(socket)
        assert hello == {
            "type": "hello",
            "seq": before.seq,
            "complete": True,
            "heartbeat": events.HEARTBEAT,
        }
        after = site.fakes.bus.publish("channel.state", "摄像机", {"state": "down"})
        assert await next_of(socket) == {
            "seq": after.seq,
            "time": after.time,
            "type": "channel.state",
            "object": "摄像机",
            "data": {"state": "down"},
        }


async def test_one_who_was_away_gets_what_was_missed(site: Site) -> None:
    for number in range(10):
        site.fakes.bus.publish("channel.state", str(number))
    async with connect(site, "?after=7") as socket:
        assert (await next_of(socket))["complete"] is True
        site.fakes.bus.publish("channel.state", "10")
        assert [(await next_of(socket))["object"] for _ in range(4)] == ["7", "8", "9", "10"]


@pytest.mark.parametrize("after", [3, 9999])
async def test_what_is_forgotten_is_admitted(site: Site, after: int) -> None:
    for number in range(200):  # the bus of the fakes remembers 100
        site.fakes.bus.publish("channel.state", str(number))
    async with connect(site, f"?after={after}") as socket:
        assert (await next_of(socket))["complete"] is False
        site.fakes.bus.publish("channel.state", "new")
        assert (await next_of(socket))["object"] == "new"


async def test_only_what_the_role_may_hear_is_told(site: Site) -> None:
    async with connect(site) as viewer, connect(site, role=Role.ENGINEER) as engineer:
        await next_of(viewer)
        await next_of(engineer)
        site.fakes.bus.publish("internal.secret", "x")
        site.fakes.bus.publish("credential.changed", "nvr")
        site.fakes.bus.publish("channel.state", "camera-1")
        assert (await next_of(engineer))["type"] == "credential.changed"
        assert (await next_of(viewer))["type"] == "channel.state"
    async with connect(site, "?after=0") as viewer:
        await next_of(viewer)
        assert (await next_of(viewer))["type"] == "channel.state"


async def test_silence_is_broken_by_a_sign_of_life(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "HEARTBEAT", 0.05)
    site.fakes.bus.publish("channel.state", "camera-1")
    async with connect(site) as socket:
        await next_of(socket)
        beat = await next_of(socket)
        assert (beat["type"], beat["seq"]) == ("heartbeat", 1)


async def test_a_foreign_page_gets_no_events_by_the_cookie(site: Site) -> None:
    await site.sign_in(Role.VIEWER)
    for headers in ({}, {"Origin": "http://evil.example"}):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await connect(site, role=None, headers=headers)
        assert refused.value.status == 403
    async with connect(site, role=None, headers=site.origin()) as socket:
        assert (await next_of(socket))["type"] == "hello"


async def test_without_a_session_there_are_no_events(site: Site) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await connect(site, role=None, headers=site.origin())
    assert refused.value.status == 401


async def test_signing_out_closes_the_socket(site: Site) -> None:
    await site.sign_in(Role.VIEWER)
    async with connect(site, role=None, headers=site.origin()) as socket:
        await next_of(socket)
        await site.call("DELETE", "/api/v1/session", headers=site.origin())
        async with asyncio.timeout(5):
            message = await socket.receive()
        assert message.data == REVOKED


async def test_a_client_that_is_too_slow_is_told_to_come_back(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "QUEUE", 10)
    async with connect(site) as socket:
        await next_of(socket)
        for number in range(50):  # all in one turn of the loop: the queue cannot be emptied
            site.fakes.bus.publish("channel.state", str(number))
        async with asyncio.timeout(5):
            while (message := await socket.receive()).type is aiohttp.WSMsgType.TEXT:
                pass
        assert message.data == LAGGING


async def test_a_thousand_events_at_once_arrive_in_order(site: Site) -> None:
    async with connect(site) as socket:
        await next_of(socket)
        for number in range(1000):
            site.fakes.bus.publish("channel.state", str(number))
        assert [(await next_of(socket))["object"] for _ in range(1000)] == [
            str(number) for number in range(1000)
        ]


async def test_there_is_an_end_to_the_sockets(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_CLIENTS >= 64
    monkeypatch.setattr("vidgate.web.sockets.MAX_CLIENTS", 1)
    async with connect(site) as first:
        await next_of(first)
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await connect(site)
        assert refused.value.status == 503
    async with connect(site) as second:
        assert (await next_of(second))["type"] == "hello"


@pytest.mark.parametrize("query", ["?after=x", "?after=-1", "?aftr=1"])
async def test_a_wrong_query_is_refused(site: Site, query: str) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await connect(site, query)
    assert refused.value.status == 400


async def test_a_request_without_upgrade_is_a_problem(site: Site) -> None:
    response = await site.call("GET", EVENTS, role=Role.VIEWER)
    assert response.status == 400
    assert response.content_type == "application/problem+json"


async def test_a_bug_closes_the_socket_and_writes_nothing_into_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(event: object) -> bytes:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(events, "encode", broken)
    async with connect(site) as socket:
        await next_of(socket)
        site.fakes.bus.publish("channel.state", "camera-1")
        async with asyncio.timeout(5):
            message = await socket.receive()
        assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
    response = await site.call("GET", "/healthz")
    assert response.status == 200
