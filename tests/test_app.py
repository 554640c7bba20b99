"""The whole service as its manager sees it."""

import asyncio
import contextlib
import resource
import signal
import socket
from pathlib import Path

import aiohttp
import pytest

from tests.programs import VIDGATE, Service, running, running_service, service_environment

WATCHDOG = 0.9  # seconds


class Manager:
    """The other end of NOTIFY_SOCKET."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.bind(str(path))
        self.environment = {
            "NOTIFY_SOCKET": str(path),
            "WATCHDOG_USEC": str(round(WATCHDOG * 1e6)),
        }

    async def hear(self) -> dict[str, str]:
        """The next message."""
        async with asyncio.timeout(20):
            content = await asyncio.get_running_loop().sock_recv(self._socket, 4096)
        return dict(line.split("=", 1) for line in content.decode().split("\n"))

    async def hear_of(self, name: str) -> dict[str, str]:
        """The next message that tells something of this name."""
        while name not in (told := await self.hear()):
            pass
        return told

    def has_heard_nothing(self) -> bool:
        """Whether no message waits to be read."""
        with contextlib.suppress(BlockingIOError):
            self._socket.recv(4096)
            return False
        return True

    def close(self) -> None:
        self._socket.close()


async def test_ready_is_told_when_it_is_true_then_life_then_the_end(tmp_path: Path) -> None:
    manager = Manager(tmp_path / "notify")
    async with running_service(tmp_path / "data", manager.environment) as service:
        told = await manager.hear()
        assert told["READY"] == "1"
        assert told["STATUS"].startswith("通道 channels: 0")
        async with aiohttp.ClientSession() as session, session.get(service.url + "/readyz") as ok:
            assert ok.status == 200
        for _ in range(3):
            assert (await manager.hear_of("WATCHDOG"))["WATCHDOG"] == "1"
        await service.cli("channel", "add", "c1", "--name", "x", "--url", "rtsp://127.0.0.1:1/x")
        while "1 " not in (await manager.hear_of("STATUS"))["STATUS"].split("|")[0]:
            pass
        service.program.process.send_signal(signal.SIGTERM)
        assert (await manager.hear_of("STOPPING"))["STATUS"]
        assert await service.program.process.wait() == 0
    manager.close()


async def test_an_ipv6_address_is_told_in_brackets(tmp_path: Path) -> None:
    async with running_service(tmp_path / "data", {"VIDGATE__HTTP__HOST": "::1"}) as service:
        assert service.url.startswith("http://[::1]:")
        async with aiohttp.ClientSession() as session, session.get(service.url + "/readyz") as ok:
            assert ok.status == 200


async def test_it_may_open_as_many_files_as_the_machine_lets_it(tmp_path: Path) -> None:
    limited = ("sh", "-c", 'ulimit -Sn 256 && exec "$@"', "sh", *VIDGATE, "serve")
    async with running(*limited, env=service_environment(tmp_path / "data")) as program:
        await program.says("vidgate ready")
        soft, hard = resource.prlimit(program.process.pid, resource.RLIMIT_NOFILE)
        assert soft == min(hard, 1 << 20)


async def test_a_proxy_that_hides_us_from_viewers_is_told_at_the_start(tmp_path: Path) -> None:
    settings = {"VIDGATE__HTTP__TRUSTED_PROXIES": '["127.0.0.1/32"]'}
    async with running_service(tmp_path / "data", settings) as service:
        await service.program.says("webrtc.hosts")
    named = {**settings, "VIDGATE__WEBRTC__HOSTS": '["127.0.0.1"]'}
    async with running_service(tmp_path / "data", named) as service:
        await service.program.says("vidgate ready")
        assert "webrtc.hosts" not in service.program.text


async def test_a_watchdog_kill_leaves_the_place_in_the_log(tmp_path: Path) -> None:
    settings = {"PYTHONFAULTHANDLER": "1"}  # as configs/vidgate.service has it
    async with running_service(tmp_path / "data", settings) as service:
        service.program.process.send_signal(signal.SIGABRT)
        await service.program.says("Fatal Python error: Aborted")
        # Where it stands is in the database's own stack or in ours, as the signal finds it.
        await service.program.says(r"Current thread .*most recent call first")
        await service.program.says(r'File ".+", line \d+ in \w+')
        assert await service.program.process.wait() == -signal.SIGABRT


async def sign_in(service: Service, password: str) -> int:
    """Sign in as admin: the status."""
    form = {"username": "admin", "password": password}
    url = f"{service.url}/api/v1/session"
    async with aiohttp.ClientSession() as session, session.post(url, json=form) as response:
        return response.status


@pytest.mark.parametrize("setting", ["HTTP__PORT", "WEBRTC__PORT", "HTTP__TLS__CERT"])
async def test_a_start_that_fails_keeps_no_password_to_itself(tmp_path: Path, setting: str) -> None:
    kind = socket.SOCK_DGRAM if "WEBRTC" in setting else socket.SOCK_STREAM
    with socket.socket(type=kind) as taken:
        taken.bind(("127.0.0.1", 0))
        settings = {f"VIDGATE__{setting}": str(taken.getsockname()[1])}  # no file of that name
        env = service_environment(tmp_path, settings)
        async with running(*VIDGATE, "serve", env=env) as program:
            assert await program.process.wait() != 0
    async with running_service(tmp_path) as service:
        assert await sign_in(service, service.password) == 200


async def test_a_lost_password_is_set_anew_on_the_machine_itself(tmp_path: Path) -> None:
    async with running_service(tmp_path) as service:
        assert await sign_in(service, service.password) == 200
        password = (await service.cli("user", "password", "admin")).strip()
        assert await sign_in(service, password) == 200
        assert await sign_in(service, service.password) == 401


@pytest.mark.parametrize("setting", ["VIDGATE__HTTP__PORT", "VIDGATE__WEBRTC__PORT"])
async def test_a_service_that_cannot_start_never_says_ready(tmp_path: Path, setting: str) -> None:
    kind = socket.SOCK_STREAM if "HTTP" in setting else socket.SOCK_DGRAM
    manager = Manager(tmp_path / "notify")
    with socket.socket(type=kind) as taken:
        taken.bind(("127.0.0.1", 0))
        settings = {**manager.environment, setting: str(taken.getsockname()[1])}
        env = service_environment(tmp_path / "data", settings)
        async with running(*VIDGATE, "serve", env=env) as program:
            assert await program.process.wait() != 0
    assert manager.has_heard_nothing()
    manager.close()
