import asyncio
import json
from pathlib import Path

import aiohttp
import pytest

from tests.web.conftest import SETTINGS, Site
from tests.web.fakes import Fakes
from vidgate.model.user import Role
from vidgate.web import exchange
from vidgate.web.server import WebServer

pytestmark = pytest.mark.usefixtures("no_descriptor_left")


async def test_the_unix_socket_acts_as_administrator(site: Site) -> None:
    connector = aiohttp.UnixConnector(str(site.folder / "vidgate.sock"))
    async with aiohttp.ClientSession(connector=connector) as client:
        async with client.get("http://vidgate/api/v1/session") as response:
            told = await response.json()
        assert told["user"]["name"] == "local"
        assert told["user"]["role"] == "administrator"
        body = {"role": "viewer"}
        async with client.post("http://vidgate/api/v1/tokens", json=body) as response:
            assert response.status == 201
        assert site.fakes.accounts.lookups == 0


async def raw(site: Site, request: bytes) -> bytes:
    """What the server answers to these very bytes, until it closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.server.port)
    writer.write(request)
    async with asyncio.timeout(10):
        try:
            answer = await reader.read()
        except ConnectionResetError:
            answer = b""
    writer.close()
    try:
        await writer.wait_closed()
    except ConnectionResetError:
        pass
    return answer


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: -1\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Host: other\r\n",
        b"X: " + b"a" * 20_000 + b"\r\n",
        b"".join(b"X-%d: a\r\n" % number for number in range(200)),
        b"X : a\r\n",
        b"X: a\x00b\r\n",
    ],
)
async def test_a_request_that_two_servers_could_read_differently_is_refused(
    site: Site, head: bytes
) -> None:
    answer = await raw(site, b"POST /api/v1/session HTTP/1.1\r\nHost: a\r\n" + head + b"\r\nhello")
    assert answer.split()[1] == b"400"
    assert b"HTTP/1." not in answer[8:]  # and nothing after it is taken for a second request


async def test_a_body_that_drips_is_given_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "BODY_TIMEOUT", 0.05)
    answer = await raw(
        site,
        b"POST /api/v1/session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        b"Content-Length: 50\r\nConnection: close\r\n\r\n{",
    )
    assert answer.startswith(b"HTTP/1.1 408")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "request_timeout"


async def test_a_compressed_bomb_is_not_opened(site: Site) -> None:
    bomb = exchange.gzip(bytes(50 << 20))
    response = await site.call(
        "POST",
        "/api/v1/channels/import?filename=a.csv",
        role=Role.ENGINEER,
        data=bomb,
        headers={"Content-Encoding": "gzip"},
        skip_auto_headers=["Content-Encoding"],
    )
    assert response.status == 415
    assert site.fakes.registry.calls == []


async def test_stopping_closes_the_sockets_politely(fakes: Fakes, tmp_path: Path) -> None:
    headers = {"Authorization": f"Bearer {fakes.accounts.token_of(Role.VIEWER)}"}
    async with aiohttp.ClientSession() as client:
        async with WebServer(fakes.parts(), SETTINGS) as server:
            url = f"http://127.0.0.1:{server.port}/api/v1/events"
            socket = await client.ws_connect(url, headers=headers)
            assert json.loads((await socket.receive()).data)["type"] == "hello"
            reading = asyncio.get_running_loop().create_task(socket.receive())
        async with asyncio.timeout(5):
            message = await reading
        assert message.type is aiohttp.WSMsgType.CLOSE
        assert message.data == aiohttp.WSCloseCode.GOING_AWAY
        await socket.close()


async def test_what_was_noted_is_written_before_the_end(fakes: Fakes) -> None:
    async with WebServer(fakes.parts(), SETTINGS) as server, aiohttp.ClientSession() as client:
        headers = {
            "Authorization": f"Bearer {fakes.accounts.token_of(Role.VIEWER)}",
            "Content-Type": "application/sdp",
        }
        url = f"http://127.0.0.1:{server.port}/whep/camera-1"
        async with client.post(url, data=b"v=0", headers=headers) as response:
            assert response.status == 201
    assert [note.action for note in fakes.trail.notes] == ["stream.watch"]


async def test_the_server_starts_and_stops_again_and_again(fakes: Fakes, tmp_path: Path) -> None:
    for _ in range(3):
        async with WebServer(fakes.parts(), SETTINGS, socket=tmp_path / "v.sock") as server:
            assert server.port > 0
