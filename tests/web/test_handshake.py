"""Who connects to the HTTPS port is counted from the start, and is let go as on the plain one."""

import asyncio
import errno
import json
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from structlog.testing import capture_logs

from tests.waiting import until
from tests.web.test_doorman import GREETING, OTHER
from tests.web.test_tls import NAME, serving, trusting
from vidgate.web import handshake
from vidgate.web import server as server_module
from vidgate.web.server import WebServer


async def silent(stack: ExitStack, server: WebServer, address: str = NAME) -> socket.socket:
    """A connection whose handshake never begins."""
    sock = stack.enter_context(socket.socket())
    sock.setblocking(False)
    sock.bind((address, 0))
    await asyncio.get_running_loop().sock_connect(sock, (NAME, server.tls_port))
    return sock


async def said(sock: socket.socket) -> bytes:
    """What the server says at the end."""
    async with asyncio.timeout(5):
        try:
            return await asyncio.get_running_loop().sock_recv(sock, 100)
        except ConnectionResetError:
            return b""


async def asked(server: WebServer, address: str) -> int:
    """The status that somebody is answered over HTTPS."""
    connector = aiohttp.TCPConnector(ssl=trusting(), local_addr=(address, 0))
    async with (
        aiohttp.ClientSession(connector=connector) as client,
        client.get(f"https://{NAME}:{server.tls_port}/healthz") as response,
    ):
        return response.status


@asynccontextmanager
async def secured(
    server: WebServer, address: str = NAME
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """One connection whose handshake is over."""
    reader, writer = await asyncio.open_connection(
        NAME, server.tls_port, ssl=trusting(), local_addr=(address, 0)
    )
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


@pytest.mark.usefixtures("few")
async def test_a_handshake_that_never_begins_counts(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        with ExitStack() as stack:
            held = [await silent(stack, server) for _ in range(4)]
            await until(lambda: server.connections == 4)
            assert await said(await silent(stack, server)) == b""
            assert server.refused == 1
            with pytest.raises(aiohttp.ClientConnectionError):
                await asked(server, NAME)
            assert server.refused == 2
            assert await asked(server, OTHER) == 200, "somebody else"
            assert server.connections >= len(held)
        await until(lambda: server.connections == 0)
        assert await asked(server, NAME) == 200, "as soon as they have left"


@pytest.mark.usefixtures("few")
async def test_both_ports_count_together(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        with ExitStack() as stack:
            for _ in range(3):
                await silent(stack, server)
            await until(lambda: server.connections == 3)
            async with secured(server) as (reader, writer):
                writer.write(GREETING)
                assert (await reader.readline()).split()[1] == b"200"
                refused, end = await asyncio.open_connection(NAME, server.port)
                end.write(GREETING)
                assert (await refused.readline()).split()[1] == b"503"
                end.transport.abort()


async def test_all_places_are_taken_by_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "MAX_CONNECTIONS", 4)
    async with serving(tmp_path) as server:
        with ExitStack() as stack:
            for number in range(4):
                await silent(stack, server, f"127.0.0.{10 + number}")
            await until(lambda: server.connections == 4)
            with pytest.raises(aiohttp.ClientConnectionError):
                await asked(server, OTHER)
            assert server.connections == 4


@pytest.mark.parametrize("sent", [b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 200_000, b"P"])
async def test_plain_http_is_told_that_this_is_https(tmp_path: Path, sent: bytes) -> None:
    async with serving(tmp_path) as server:
        reader, writer = await asyncio.open_connection(NAME, server.tls_port)
        writer.write(sent)
        async with asyncio.timeout(5):
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        assert head.split()[1] == b"400"
        assert f"Content-Length: {len(body)}" in head.decode()
        assert "https://" in json.loads(body)["title"]
        writer.close()
        await writer.wait_closed()
        await until(lambda: server.connections == 0)
        assert await asked(server, NAME) == 200


@pytest.mark.parametrize("sent", [b"\x80\x2e\x01", b"\x00" * 10, b"\x16\x03\x01\x00\x01\x00", b""])
async def test_what_is_no_handshake_leaves_nothing(tmp_path: Path, sent: bytes) -> None:
    async with serving(tmp_path) as server:
        with ExitStack() as stack:
            other = await silent(stack, server)
            other.send(sent)
            other.shutdown(socket.SHUT_WR)
            assert b"HTTP" not in await said(other)
            await until(lambda: server.connections == 0)
        assert await asked(server, NAME) == 200


async def test_a_first_request_is_due_from_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "FIRST_REQUEST", 0.5)
    async with serving(tmp_path) as server:
        with ExitStack() as stack:
            quiet = await silent(stack, server)
            async with secured(server) as (reader, writer):
                writer.write(GREETING[:20])
                async with asyncio.timeout(5):
                    assert await reader.read() == b""
            assert await said(quiet) == b""
        await until(lambda: server.connections == 0)


async def test_who_does_not_answer_the_end_of_tls_is_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "LOOK", 0.05)
    async with serving(tmp_path) as server:
        with ExitStack() as stack:
            sock = await silent(stack, server)
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = trusting().wrap_bio(incoming, outgoing, server_hostname=NAME)
            loop = asyncio.get_running_loop()
            while True:
                try:
                    tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    await loop.sock_sendall(sock, outgoing.read())
                    incoming.write(await loop.sock_recv(sock, 1 << 16))
            tls.write(GREETING.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            await loop.sock_sendall(sock, outgoing.read())
            await until(lambda: server.connections == 1)
            await until(lambda: server.connections == 0, timeout=5)


async def test_without_descriptors_who_waits_is_served_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handshake, "RETRY", 0.05)
    missing = [OSError(errno.EMFILE, "too many open files")] * 2
    accept = socket.socket.accept

    def none_left(sock: socket.socket) -> tuple[socket.socket, object]:
        if missing:
            raise missing.pop()
        return accept(sock)

    async with serving(tmp_path) as server:
        with monkeypatch.context() as patch, capture_logs() as logs:
            patch.setattr(socket.socket, "accept", none_left)
            assert await asked(server, NAME) == 200
        assert [one["event"] for one in logs if one["log_level"] == "warning"] == [
            "cannot accept"
        ] * 2


async def test_an_end_amid_handshakes_closes_them(tmp_path: Path) -> None:
    with ExitStack() as stack:
        async with serving(tmp_path) as server:
            one = await silent(stack, server)
            await until(lambda: server.connections == 1)
            other = await silent(stack, server)
        assert await said(one) == b""
        assert await said(other) == b""
