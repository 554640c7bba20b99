"""What a service manager hears on a real datagram socket, and what it does not."""

import asyncio
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from vidgate.aio.supervisor import cancel_and_wait
from vidgate.aio.systemd import ServiceManager


class Listener:
    """The manager's end."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.bind(address)

    async def hear(self) -> list[str]:
        """The lines of the next message."""
        async with asyncio.timeout(10):
            content = await asyncio.get_running_loop().sock_recv(self._socket, 4096)
        return content.decode().split("\n")

    def drain(self) -> int:
        """Read what has come; how many messages it was."""
        count = 0
        while True:
            try:
                self._socket.recv(4096)
            except BlockingIOError:
                return count
            count += 1

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def address(tmp_path: Path) -> str:
    return str(tmp_path / "notify")


@pytest.fixture
def listener(address: str) -> Iterator[Listener]:
    made = Listener(address)
    yield made
    made.close()


async def test_ready_alive_stopping(listener: Listener, address: str) -> None:
    manager = ServiceManager(address, watchdog=0.03)
    manager.ready("2743 路")
    assert await listener.hear() == ["READY=1", "STATUS=2743 路"]
    task = asyncio.create_task(manager.watch(lambda: "two\nlines"))
    for _ in range(3):
        assert await listener.hear() == ["WATCHDOG=1", "STATUS=two lines"]
    listener.drain()
    manager.stopping("bye")
    assert await listener.hear() == ["STOPPING=1", "STATUS=bye"]
    assert await listener.hear() == ["WATCHDOG=1"]  # alive, and "bye" stays what is shown
    await cancel_and_wait(task)


async def test_a_blocked_loop_gives_no_sign_of_life(listener: Listener, address: str) -> None:
    task = asyncio.create_task(ServiceManager(address, watchdog=0.03).watch(str))
    await listener.hear()
    await listener.hear()
    listener.drain()
    time.sleep(0.3)  # noqa: ASYNC251 - ten times the watchdog's time
    assert listener.drain() == 0
    await listener.hear()
    await cancel_and_wait(task)


async def test_without_a_watchdog_only_the_state_is_told(listener: Listener, address: str) -> None:
    task = asyncio.create_task(ServiceManager(address).watch(lambda: "fine"))
    assert await listener.hear() == ["STATUS=fine"]
    await cancel_and_wait(task)


async def test_a_name_in_the_abstract_namespace() -> None:
    name = f"vidgate-test-{os.getpid()}"
    listener = Listener(f"\0{name}")
    ServiceManager(f"@{name}").ready("up")
    assert await listener.hear() == ["READY=1", "STATUS=up"]
    listener.close()


async def test_nobody_there_is_no_failure(tmp_path: Path) -> None:
    ServiceManager().ready("x")
    with capture_logs() as logs:
        ServiceManager(str(tmp_path / "nosuch")).ready("x")
    assert [entry["told"] for entry in logs] == ["READY, STATUS"]


async def test_a_manager_that_does_not_read_holds_nobody_up(
    listener: Listener, address: str
) -> None:
    with capture_logs() as logs:
        manager = ServiceManager(address)
        for _ in range(2000):
            manager.ready("x" * 200)
    assert logs
    assert listener.drain() > 0


@pytest.mark.parametrize(
    ("given", "watchdog"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": str(os.getpid())}, 0.5),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "1"}, 0.0),  # meant for somebody else
        ({"WATCHDOG_USEC": "soon"}, 0.0),
        ({}, 0.0),
    ],
)
def test_what_the_environment_says_is_taken_out_of_it(
    given: dict[str, str], watchdog: float
) -> None:
    environment = given | {"NOTIFY_SOCKET": "/run/x", "PATH": "/bin"}
    manager = ServiceManager.from_environment(environment)
    assert environment == {"PATH": "/bin"}
    assert manager._watchdog == watchdog
