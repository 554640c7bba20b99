import asyncio

import aiohttp
import pytest

from tests.waiting import until
from tests.web.conftest import SETTINGS, Site
from vidgate.auth.opaque import fingerprint
from vidgate.errors import StorageError
from vidgate.model.user import Role
from vidgate.storage.accounts import User
from vidgate.web import server as server_module
from vidgate.web.server import WebServer
from vidgate.web.sockets import REVOKED


async def watch(client: aiohttp.ClientSession, url: str) -> aiohttp.ClientWebSocketResponse:
    """One who watches a camera and listens to events, by the session `s`."""
    headers = {"Origin": url, "Cookie": "vidgate=s"}
    sdp = {"Content-Type": "application/sdp"}
    async with client.post(f"{url}/whep/camera-1", data=b"v=0", headers=headers | sdp) as answer:
        assert answer.status == 201
    socket = await client.ws_connect(f"{url}/api/v1/events", headers=headers)
    assert (await socket.receive()).type is aiohttp.WSMsgType.TEXT
    return socket


async def test_what_a_session_opened_ends_with_its_age(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "SWEEP", 0.02)
    fakes = site.fakes
    await fakes.accounts.open_session(fingerprint("s"), "viewer", "")
    async with WebServer(fakes.parts(), SETTINGS) as server:
        socket = await watch(site.client, f"http://127.0.0.1:{server.port}")
        token = await site.call(
            "POST",
            "/whep/camera-1",
            role=Role.VIEWER,
            data=b"v=0",
            headers={"Content-Type": "application/sdp"},
        )
        assert token.status == 201
        fakes.accounts.open.clear()
        async with asyncio.timeout(5):
            assert (await socket.receive()).data == REVOKED
        await until(lambda: len(fakes.whep.sessions) == 1)  # the token's goes on
        await socket.close()


async def test_a_busy_database_ends_nobodys_work(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "SWEEP", 0.01)
    fakes = site.fakes
    await fakes.accounts.open_session(fingerprint("s"), "viewer", "")
    asked: list[str] = []

    async def locked(hash_: str) -> User | None:
        asked.append(hash_)
        raise StorageError("locked")

    async with WebServer(fakes.parts(), SETTINGS) as server:
        socket = await watch(site.client, f"http://127.0.0.1:{server.port}")
        monkeypatch.setattr(fakes.accounts, "session", locked)
        await until(lambda: len(asked) > 2)
        fakes.bus.publish("channel.state", "still here")
        assert "still here" in (await socket.receive()).data
        assert len(fakes.whep.sessions) == 1
        await socket.close()
