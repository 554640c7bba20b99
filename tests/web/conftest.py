"""A running server over fakes, and a browser-like client for it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import uvloop

from tests.web.fakes import PASSWORD, FakeRegistry, Fakes, some_channels
from vidgate.aio.clock import ManualClock
from vidgate.model.user import Role
from vidgate.settings.tree import HttpSettings, Settings
from vidgate.web import doorman as doorman_module
from vidgate.web import server as server_module
from vidgate.web.server import WebServer

Loops = Mapping[str, Callable[[], asyncio.AbstractEventLoop]]

TLS = ("test_handshake.py", "test_tls.py")
SETTINGS = Settings(http=HttpSettings(host="127.0.0.1", port=0))


def pytest_asyncio_loop_factories(item: pytest.Item) -> Loops:
    """Where TLS is spoken, the loop that the service uses beside CPython's: each has its own."""
    own = {"asyncio": asyncio.new_event_loop}
    return own | {"uvloop": uvloop.new_event_loop} if item.path.name in TLS else own


@dataclass
class Site:
    """The server, its fakes and clock, and a client session without credentials."""

    server: WebServer
    fakes: Fakes
    clock: ManualClock
    client: aiohttp.ClientSession
    folder: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    def bearer(self, role: Role) -> dict[str, str]:
        """The headers of a program with a token of this role."""
        return {"Authorization": f"Bearer {self.fakes.accounts.token_of(role)}"}

    def origin(self) -> dict[str, str]:
        """What a browser adds on our own page."""
        return {"Origin": self.url}

    async def call(
        self, method: str, path: str, *, role: Role | None = None, **more: Any
    ) -> aiohttp.ClientResponse:
        """One request, by a token of `role` if given; the body is read."""
        headers = dict(more.pop("headers", {}))
        if role is not None:
            headers |= self.bearer(role)
        async with self.client.request(
            method, self.url + path, headers=headers, allow_redirects=False, **more
        ) as response:
            await response.read()
        return response

    async def sign_in(self, role: Role = Role.OPERATOR) -> None:
        """Give the client the cookie of a session."""
        body = {"username": role.value, "password": PASSWORD}
        response = await self.call("POST", "/api/v1/session", json=body, headers=self.origin())
        assert response.status == 200


@pytest.fixture
def fakes() -> Fakes:
    return Fakes(registry=FakeRegistry(some_channels()))


@pytest.fixture
def console(tmp_path: Path) -> Path:
    """A built console of three files."""
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>vidgate</title>")
    (folder / "assets" / "index-a1b2.js").write_text("console.log('河堤');" * 500)
    (folder / "assets" / "font.woff2").write_bytes(bytes(range(256)))
    return folder


@pytest.fixture
async def site(fakes: Fakes, tmp_path: Path, console: Path) -> AsyncIterator[Site]:
    clock = ManualClock()
    server = WebServer(
        fakes.parts(), SETTINGS, socket=tmp_path / "vidgate.sock", console=console, clock=clock
    )
    jar = aiohttp.CookieJar(unsafe=True)  # cookies of an address, not of a name
    async with server, aiohttp.ClientSession(cookie_jar=jar) as client:
        yield Site(server, fakes, clock, client, tmp_path)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four connections of one address, sixteen in all."""
    monkeypatch.setattr(server_module, "MAX_CONNECTIONS", 16)
    monkeypatch.setattr(doorman_module, "RECOUNT", 0.0)
