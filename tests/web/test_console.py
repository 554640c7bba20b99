import asyncio
import gzip
from pathlib import Path

import aiohttp
import pytest

from tests.web.conftest import SETTINGS, Site
from tests.web.fakes import Fakes
from vidgate.web.server import WebServer

PAGE = {"Accept": "text/html,application/xhtml+xml"}


async def test_the_application_answers_for_every_page_that_it_routes(site: Site) -> None:
    for path in ("/", "/live", "/wall/1", "/index.html"):
        response = await site.call("GET", path, headers=PAGE)
        assert response.status == 200, path
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"
        assert response.headers["Cache-Control"] == "no-cache"
        assert "<title>vidgate" in await response.text()


async def test_a_script_is_a_script_and_kept_for_ever(site: Site) -> None:
    response = await site.call("GET", "/assets/index-a1b2.js", headers={"Accept": "*/*"})
    assert response.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert "immutable" in response.headers["Cache-Control"]
    assert "河堤" in await response.text()


async def test_text_is_gzipped_and_pictures_are_not(site: Site) -> None:
    headers = {"Accept-Encoding": "gzip"}
    url = site.url + "/assets/index-a1b2.js"
    async with site.client.get(url, headers=headers, auto_decompress=False) as response:
        body = await response.read()
    assert len(body) < 1000
    assert "河堤" in gzip.decompress(body).decode()
    font = await site.call("GET", "/assets/font.woff2", headers=headers)
    assert "Content-Encoding" not in font.headers
    assert font.headers["Content-Type"] == "font/woff2"


async def test_what_the_browser_has_is_not_sent_again(site: Site) -> None:
    first = await site.call("GET", "/", headers=PAGE)
    again = await site.call("GET", "/", headers=PAGE | {"If-None-Match": first.headers["ETag"]})
    assert again.status == 304
    assert await again.text() == ""


async def test_a_missing_file_is_missing_and_no_page(site: Site) -> None:
    for path in ("/assets/gone.js", "/favicon.ico", "/index.html/x"):
        response = await site.call("GET", path, headers={"Accept": "*/*"})
        assert response.status == 404, path
        assert (await response.json())["code"] == "not_found"


@pytest.mark.parametrize(
    "path",
    [
        "/../vidgate.sock",
        "/..%2f..%2fetc%2fpasswd",
        "/assets/..%2f..%2fvidgate.sock",
        "/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd",
        "/assets/%00",
        "/.%5c..%5cx",
    ],
)
async def test_no_path_leads_out_of_the_console(site: Site, path: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", site.server.port)
    request = f"GET {path} HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    writer.write(request.encode())
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    assert answer.split()[1] in (b"400", b"404")
    assert b"root:" not in answer


async def test_a_link_is_not_followed(fakes: Fakes, console: Path) -> None:
    await asyncio.to_thread((console / "leak.txt").symlink_to, "/etc/passwd")
    server = WebServer(fakes.parts(), SETTINGS, console=console)
    async with server, aiohttp.ClientSession() as client:
        response = await client.get(f"http://127.0.0.1:{server.port}/leak.txt")
        assert response.status == 404
        response.release()


async def test_without_a_built_console_the_page_says_so(site: Site, tmp_path: Path) -> None:
    bare = WebServer(site.fakes.parts(), SETTINGS, console=tmp_path / "nothing")
    async with bare:
        url = f"http://127.0.0.1:{bare.port}/"
        async with site.client.get(url) as response:
            assert response.status == 503
            assert response.content_type == "text/html"
            text = await response.text()
        assert "控制台尚未构建" in text
        assert "scripts/setup" in text
        async with site.client.get(url + "healthz") as response:
            assert response.status == 200
