import asyncio
import json
import os
import socket
import stat
from itertools import chain
from pathlib import Path

import psutil
import pytest

from tests.waiting import until
from tests.web.conftest import SETTINGS, Site
from tests.web.fakes import Fakes
from vidgate.errors import ConflictError, SettingsError
from vidgate.settings.tree import HttpSettings, Settings
from vidgate.web import server as server_module
from vidgate.web.listener import bind_tcp, is_local, unix_socket
from vidgate.web.server import WebServer

pytestmark = pytest.mark.usefixtures("no_descriptor_left")


async def mode_of(path: Path) -> int:
    return stat.S_IMODE((await asyncio.to_thread(os.stat, path)).st_mode)


async def exists(path: Path) -> bool:
    return await asyncio.to_thread(path.exists)


def test_the_addresses_of_this_machine_are_known_without_asking_anybody() -> None:
    families = (socket.AF_INET, socket.AF_INET6)
    for one in chain(*psutil.net_if_addrs().values()):
        if one.family in families:
            assert is_local(one.address), one
    assert is_local("127.9.8.7")
    for foreign in ("198.51.100.7", "2001:db8::7", "camera.example"):
        assert not is_local(foreign)


async def test_the_socket_is_for_its_owner_and_goes_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "vidgate.sock"
    async with unix_socket(path):
        assert await mode_of(path) == 0o600
    assert not await exists(path)


async def test_a_deep_folder_is_no_obstacle(tmp_path: Path) -> None:
    folder = tmp_path / ("d" * 60) / ("e" * 60)
    await asyncio.to_thread(lambda: folder.mkdir(parents=True))
    path = folder / "vidgate.sock"
    assert len(str(path)) > 107
    async with unix_socket(path):
        assert await mode_of(path) == 0o600
        with pytest.raises(ConflictError):
            async with unix_socket(path):
                pass
    assert not await exists(path)


async def test_what_a_killed_service_left_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "vidgate.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    async with unix_socket(path):
        assert await mode_of(path) == 0o600


async def test_a_socket_that_somebody_serves_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "vidgate.sock"
    async with unix_socket(path):
        with pytest.raises(ConflictError):
            async with unix_socket(path):
                pass
        assert await exists(path)


async def test_the_file_of_a_successor_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "vidgate.sock"
    async with unix_socket(path):
        await asyncio.to_thread(path.unlink)
        await asyncio.to_thread(path.write_text, "another")
    assert await exists(path)


async def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="nowhere"):
        async with unix_socket(tmp_path / "nowhere" / "vidgate.sock"):
            pass


async def test_a_busy_port_is_named() -> None:
    with bind_tcp("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=str(port)):
            bind_tcp("127.0.0.1", port)


async def test_an_ipv6_address_can_be_served() -> None:
    with bind_tcp("::1", 0) as sock:
        assert sock.family == socket.AF_INET6


async def test_a_start_that_fails_leaves_nothing(fakes: Fakes, tmp_path: Path) -> None:
    with bind_tcp("127.0.0.1", 0) as taken:
        http = HttpSettings(host="127.0.0.1", port=taken.getsockname()[1])
        with pytest.raises(SettingsError):
            async with WebServer(fakes.parts(), Settings(http=http)):
                pass
    path = tmp_path / "vidgate.sock"
    async with unix_socket(path):
        with pytest.raises(ConflictError):
            async with WebServer(fakes.parts(), SETTINGS, socket=path):
                pass


async def test_a_connection_that_says_nothing_is_closed(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "FIRST_REQUEST", 0.05)
    async with WebServer(site.fakes.parts(), SETTINGS) as impatient:
        silent = await asyncio.open_connection("127.0.0.1", impatient.port)
        drip = await asyncio.open_connection("127.0.0.1", impatient.port)
        drip[1].write(b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Slow: ")
        for reader, writer in (silent, drip):
            async with asyncio.timeout(5):
                assert await reader.read() == b""
            writer.close()
            await writer.wait_closed()


async def test_a_connection_that_asked_in_time_stays(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "FIRST_REQUEST", 0.2)
    async with WebServer(site.fakes.parts(), SETTINGS) as impatient:
        reader, writer = await asyncio.open_connection("127.0.0.1", impatient.port)
        loop = asyncio.get_running_loop()
        began = loop.time()
        for _ in range(2):
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            async with asyncio.timeout(5):
                head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200")
            await reader.readexactly(3)
            await until(lambda: loop.time() - began > 0.25)
        writer.close()
        await writer.wait_closed()


async def test_beyond_the_limit_connections_are_refused_and_the_others_served(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "MAX_CONNECTIONS", 2)
    monkeypatch.setattr(server_module, "SHARE", 1)
    async with WebServer(site.fakes.parts(), SETTINGS) as small:
        held = []
        for _ in range(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", small.port)
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            held.append(writer)
        reader, writer = await asyncio.open_connection("127.0.0.1", small.port)
        async with asyncio.timeout(5):
            answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 503")
        assert b"Retry-After: 5" in answer
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "limit_reached"
        for each in (*held, writer):
            each.close()
            try:
                await each.wait_closed()
            except ConnectionResetError:
                pass


async def test_hundreds_of_silent_connections_disturb_nobody(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "FIRST_REQUEST", 1.0)
    async with WebServer(site.fakes.parts(), SETTINGS) as server:
        silent = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(300)]
        for _, writer in silent:
            writer.write(b"GET / HTTP/1.1\r\nX-Slow: ")
        async with asyncio.timeout(10):
            async with site.client.get(f"http://127.0.0.1:{server.port}/healthz") as response:
                assert response.status == 200
            for reader, writer in silent:
                assert await reader.read() == b""
                writer.close()
                await writer.wait_closed()
