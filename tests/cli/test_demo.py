"""`vidgate demo`: what it ignores, which ports it takes."""

import asyncio
import contextlib
import os
import re
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import aiohttp
import pytest

from tests.waiting import until
from vidgate.cli import demo
from vidgate.cli.children import Child
from vidgate.cli.scratch import scratch


def _plan(monkeypatch: pytest.MonkeyPatch, **environment: str) -> demo.Plan:
    for name in list(os.environ):
        if name.startswith("VIDGATE"):
            monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return demo._plan(Path("/tmp/x"), 3, 1, demo.LOOPBACK)


def test_real_data_and_settings_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = _plan(
        monkeypatch,
        VIDGATE_CONFIG="/etc/vidgate.yaml",
        VIDGATE_DATA="/var/lib/vidgate",
        VIDGATE_SERVER="https://hall",
        VIDGATE_TOKEN="secret",
        VIDGATE__DATABASE__URL="sqlite:///x",
        VIDGATE__database='{"url": "sqlite:///x"}',
        VIDGATE__LOG__LEVEL="debug",
    )
    kept = {name: value for name, value in plan.environment.items() if name.startswith("VIDGATE")}
    assert kept.pop("VIDGATE__HTTP__PORT") in ("0", "8080")
    assert kept.pop("VIDGATE__WEBRTC__PORT") in ("0", "8189")
    assert kept == {
        "VIDGATE_DATA": "/tmp/x/data",
        "VIDGATE_DEMO": "1",
        "VIDGATE__HTTP__HOST": "127.0.0.1",
        "VIDGATE__LOG__LEVEL": "debug",
    }


@pytest.mark.parametrize(
    ("kind", "section"), [(socket.SOCK_STREAM, "HTTP"), (socket.SOCK_DGRAM, "WEBRTC")]
)
def test_a_busy_port_is_replaced(
    monkeypatch: pytest.MonkeyPatch, kind: socket.SocketKind, section: str
) -> None:
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            other.listen()
        name = f"VIDGATE__{section}__PORT"
        busy = str(other.getsockname()[1])
        assert _plan(monkeypatch, **{name: busy}).environment[name] == "0"
    assert _plan(monkeypatch, **{name: busy}).environment[name] == busy


def test_a_busy_port_of_the_cameras_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        busy = other.getsockname()[1]
        monkeypatch.setattr(demo, "CAMERA_PORT", busy)
        assert _plan(monkeypatch).camera_port not in (0, busy)
    assert _plan(monkeypatch).camera_port == busy


@pytest.mark.parametrize(
    ("listens", "opened"),
    [
        ("127.0.0.1:80", "http://127.0.0.1:80/"),
        ("0.0.0.0:80", "http://localhost:80/"),
        ("[::]:80", "http://localhost:80/"),
        ("[::1]:80", "http://[::1]:80/"),
    ],
)
async def test_the_address_to_open_is_one_that_browsers_take(listens: str, opened: str) -> None:
    class Ready:
        async def expect(self, pattern: str, **_: float) -> re.Match[str] | None:
            return re.search(pattern, f"vidgate ready http={listens} x\nadmin password: secret")

    assert await demo._service_ready(cast(Child, Ready())) == (opened, "secret")


async def _lines(process: asyncio.subprocess.Process) -> dict[str, str]:
    """The three lines that scripts read, by their first word."""
    assert process.stdout is not None
    told: dict[str, str] = {}
    async with asyncio.timeout(50):
        while len(told) < 3:
            line = await process.stdout.readline()
            assert line, "the demo ended"
            word, _, rest = line.decode().strip().partition(" ")
            told[word] = rest
    return told


def _processes_of(folder: Path) -> list[int]:
    """Processes that were told of the folder."""
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if str(folder).encode() in environment.read_bytes():
                found.append(int(environment.parent.name))
    return found


async def _start(folder: Path) -> asyncio.subprocess.Process:
    """A demo of 25 channels whose temporary files are in `folder`."""
    environment = {name: value for name, value in os.environ.items() if "VIDGATE" not in name}
    environment |= {"TMPDIR": str(folder), "VIDGATE_CONFIG": "/nonexistent"}
    environment |= {"VIDGATE__HTTP__PORT": "0", "VIDGATE__WEBRTC__PORT": "0"}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "vidgate", "demo", "--channels", "25"),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@contextlib.asynccontextmanager
async def _demo(folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """A demo while inside the block; it must leave nothing."""
    process = await _start(folder)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()
    assert process.returncode == 0
    assert os.listdir(folder) == []
    assert _processes_of(folder) == []


async def test_a_demo_from_start_to_end(tmp_path: Path) -> None:
    async with _demo(tmp_path) as process:
        told = await _lines(process)
        jar = aiohttp.CookieJar(unsafe=True)  # it would take no cookie from an IP address
        async with aiohttp.ClientSession(told["open"], cookie_jar=jar) as session:
            login = {"username": told["user"], "password": told["password"]}
            async with session.post("/api/v1/session", json=login) as answer:
                assert answer.status == 200
                assert (await answer.json())["server"]["demo"] is True
            async with session.get("/api/v1/channels?limit=1") as answer:
                assert (await answer.json())["total"] >= 25


async def test_what_a_killed_demo_leaves_goes_with_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = await _start(tmp_path)
    await until(lambda: len(_processes_of(tmp_path)) >= 3, timeout=30)
    process.kill()
    await process.communicate()
    await until(lambda: not _processes_of(tmp_path), timeout=20, what="its children go along")
    assert len(os.listdir(tmp_path)) == 1
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with scratch():
        assert len(os.listdir(tmp_path)) == 1
    assert os.listdir(tmp_path) == []


async def test_a_demo_interrupted_while_it_starts(tmp_path: Path) -> None:
    async with _demo(tmp_path) as process:
        await until(lambda: len(_processes_of(tmp_path)) >= 2, timeout=30)
        process.send_signal(signal.SIGINT)
        told, _ = await process.communicate()
        assert told == b"", "it had started"
