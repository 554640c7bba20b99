"""The console through a real nginx, set up by configs/nginx.conf."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import WebSocket, expect

from tests.e2e.console_page import ConsolePage
from tests.e2e.stage import MARKS, browsing, eventually, is_moving
from tests.peers.nginx import installed, nginx
from tests.programs import Service, running_fleet, running_service, tls_settings

pytestmark = [*MARKS, pytest.mark.peer, pytest.mark.usefixtures(installed.__name__)]
NAME = "vidgate.test"
NAMED = "proxy_set_header Host ", "proxy_set_header X-Forwarded-Host "
SHEET = 2 << 20  # bytes, more than nginx takes by itself


@dataclass
class Proxied:
    """A service behind nginx; `url` is what its users type."""

    service: Service
    url: str
    authority: Path


@asynccontextmanager
async def proxied(folder: Path, *, without: tuple[str, ...] = ()) -> AsyncIterator[Proxied]:
    """The service speaks plain HTTP and trusts nginx, which speaks HTTPS."""
    tls = await tls_settings(folder / "data", NAME)
    trusting = {"VIDGATE__HTTP__TRUSTED_PROXIES": '["127.0.0.1/32"]'}
    async with (
        running_service(folder / "data", trusting) as service,
        nginx(folder / "nginx", service.url, tls, without=without) as port,
    ):
        yield Proxied(service, f"https://{NAME}:{port}", Path(tls["VIDGATE__HTTP__TLS__CA"]))


@asynccontextmanager
async def console_at(url: str) -> AsyncIterator[ConsolePage]:
    """The console in a browser that finds the name on loopback."""
    mapped = f"--host-resolver-rules=MAP {NAME} 127.0.0.1"
    async with browsing(mapped, "--ignore-certificate-errors") as browser:
        yield await ConsolePage.open(browser, url)


async def test_a_user_signs_in_and_sees_a_picture(tmp_path: Path) -> None:
    async with (
        running_fleet(tmp_path, 4) as fleet,
        proxied(tmp_path) as place,
        console_at(place.url) as console,
    ):
        sockets: list[WebSocket] = []
        console.page.on("websocket", lambda socket: sockets.append(socket))
        await place.service.cli("channel", "import", str(fleet.register))
        listed = await place.service.cli_json("channel", "list")
        channel = next(one for one in listed["items"] if one["lifecycle"] == "accepted")
        await console.sign_in("admin", place.service.password)
        (cookie,) = await console.page.context.cookies()
        assert (cookie["name"], cookie["secure"]) == ("__Host-vidgate", True)
        await console.layout(1)
        await console.open_channel(channel["id"])
        await console.wait_state(0, "playing", timeout=15)

        async def is_right() -> bool:
            return await is_moving(console, 0, channel["number"])

        assert await eventually(is_right, bool)
        assert [socket.is_closed() for socket in sockets] == [False]
        await console.visit("import")
        await console.check_file("大表.csv", b"\xef\xbb\xbf" + b"x," * (SHEET // 2))
        await expect(console.by_id("import-problem")).not_to_contain_text("413")
        assert console.problems == []


async def test_a_proxy_that_tells_another_name_is_told_how_to_mend_it(tmp_path: Path) -> None:
    async with (
        proxied(tmp_path, without=NAMED) as place,
        console_at(place.url) as console,
    ):
        await console.by_id("login-user").fill("admin")
        await console.by_id("login-password").fill(place.service.password)
        await console.by_id("login-submit").click()
        said = console.by_id("login-message")
        await expect(said).to_contain_text("Host $http_host")
        await expect(said).to_contain_text(place.url)
        await console.page.screenshot(path=tmp_path / "refused.png")


async def test_a_name_that_a_client_made_up_is_not_believed(tmp_path: Path) -> None:
    """A page of somebody else that could name its own origin as ours would sign people in."""
    async with proxied(tmp_path) as place:
        trust = ssl.create_default_context(cafile=place.authority)
        url = place.url.replace(NAME, "127.0.0.1") + "/api/v1/session"
        form = {"username": "admin", "password": place.service.password}
        foreign = {"Origin": "https://evil.example", "X-Forwarded-Host": "evil.example"}
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trust)) as http,
            http.post(url, json=form, headers=foreign, server_hostname=NAME) as answer,
        ):
            assert answer.status == 403


async def test_users_behind_it_are_told_apart(tmp_path: Path) -> None:
    async with proxied(tmp_path) as place:
        trust = ssl.create_default_context(cafile=place.authority)
        url = place.url.replace(NAME, "127.0.0.1") + "/api/v1/session"

        async def sign_in(address: str, password: str) -> int:
            way = aiohttp.TCPConnector(local_addr=(address, 0), ssl=trust)
            form = {"username": "admin", "password": password}
            async with (
                aiohttp.ClientSession(connector=way) as http,
                http.post(url, json=form, server_hostname=NAME) as answer,
            ):
                return answer.status

        wrong = [await sign_in("127.0.0.8", "wrong") for _ in range(6)]
        assert wrong == [401] * 5 + [429]
        assert await sign_in("127.0.0.9", place.service.password) == 200
