"""What lies below RTSP: the means of this machine, which are not the camera's fault."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from tests.descriptors import exhausted
from tests.rtsp.camera import Habits, run_camera
from vidgate.aio.clock import SystemClock
from vidgate.aio.names import Names
from vidgate.errors import (
    DeniedAddressError,
    LimitError,
    RemoteError,
    RemoteTimeoutError,
    UnreachableError,
    is_retryable,
)
from vidgate.health.prober import reason_of
from vidgate.model.channel import Transport
from vidgate.model.health import Reason
from vidgate.rtsp.address import RtspAddress
from vidgate.rtsp.client import RtspClient
from vidgate.rtsp.player import Player
from vidgate.rtsp.tracks import choose

CONNECT = 20.0  # seconds; what no test waits for

pytestmark = pytest.mark.usefixtures("no_descriptor_left")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "cam.example"])
@pytest.mark.parametrize("scheme", ["rtsp", "rtsps", "rtsph", "rtspsh"])
async def test_too_few_descriptors_are_ours(scheme: str, host: str) -> None:
    async with Names(servers=("127.0.0.1:9",)) as names:
        address = RtspAddress(url=f"{scheme}://{host}:9/main", resolve=names.resolve)
        with exhausted(but=0), pytest.raises(LimitError) as told:
            async with RtspClient.connect(address, SystemClock()):
                pytest.fail("there is no descriptor")
    assert "本机资源不足" in told.value.message
    assert not isinstance(told.value, RemoteError)
    assert is_retryable(told.value)
    assert reason_of(told.value) is Reason.ERROR


@pytest.mark.parametrize("spare", [0, 1])
async def test_too_few_for_udp_are_ours_too(spare: int) -> None:
    async with run_camera(Habits(udp=True)) as camera:
        address = RtspAddress(url=camera.url, transport=Transport.UDP)
        async with (
            RtspClient.connect(address, SystemClock()) as client,
            Player.open(client, SystemClock(), lambda frame: None) as player,
        ):
            offers, _ = choose(await client.describe())
            with exhausted(but=spare), pytest.raises(LimitError, match="本机资源不足"):
                await player.setup(offers)


async def test_a_name_of_the_machine_itself_is_found() -> None:
    async with run_camera() as camera:
        address = RtspAddress(url=camera.url.replace("127.0.0.1", "localhost"))
        async with RtspClient.connect(address, SystemClock()) as client:
            assert client.remote_ip == "127.0.0.1"


def of(found: Sequence[str]) -> Callable[[str], Awaitable[Sequence[str]]]:
    async def resolve(host: str) -> Sequence[str]:
        assert host == "cam.example"
        return found

    return resolve


def named(url: str, *found: str, **more: Any) -> RtspAddress:
    """The address of a camera whose name has these IP addresses."""
    url = url.replace("127.0.0.1", "cam.example")
    return RtspAddress(url=url, resolve=of(found), connect_timeout=CONNECT, **more)


async def test_the_next_address_is_tried() -> None:
    further: list[None] = []
    async with run_camera() as camera:
        found = ("::1", "127.0.0.9", "127.0.0.1", "127.0.0.8")
        address = named(camera.url, *found, further=lambda: further.append(None))
        async with RtspClient.connect(address, SystemClock()) as client:
            await client.describe()
            assert client.remote_ip == "127.0.0.1"
    assert len(further) == 2


async def test_a_silent_address_holds_up_no_other() -> None:
    async with run_camera() as camera:
        with silent("127.0.0.9", camera.port):
            address = named(camera.url, "127.0.0.9", "127.0.0.1")
            async with RtspClient.connect(address, SystemClock()) as client:
                assert client.remote_ip == "127.0.0.1"


async def test_what_was_tried_is_told() -> None:
    async with run_camera() as camera:
        pass
    with pytest.raises(UnreachableError) as told:
        async with RtspClient.connect(named(camera.url, "::1", "127.0.0.9"), SystemClock()):
            pytest.fail("nobody listens there")
    assert f"cam.example:{camera.port} (::1, 127.0.0.9)" in told.value.message
    assert "连接被拒绝" in told.value.message


async def test_errors_of_several_kinds_are_told_in_words() -> None:
    async with run_camera() as camera:
        pass
    # No packet goes to the second: the kernel itself refuses TCP to all.
    address = named(camera.url, "127.0.0.9", "255.255.255.255")
    with pytest.raises(UnreachableError) as told:
        async with RtspClient.connect(address, SystemClock()):
            pytest.fail("nobody listens there")
    assert "连接被拒绝" in told.value.message
    assert "Multiple" not in told.value.message


async def test_want_of_means_for_one_of_several_addresses_is_ours() -> None:
    async with run_camera() as camera:
        pass
    taken: list[int] = []
    address = named(
        camera.url, "127.0.0.8", "127.0.0.9", further=lambda: taken.append(os.eventfd(0))
    )
    with exhausted(but=1), pytest.raises(LimitError, match="本机资源不足"):
        async with RtspClient.connect(address, SystemClock()):
            pytest.fail("the second one needs a descriptor too")
    os.close(taken.pop())


async def test_forbidden_addresses_of_a_name_are_left_out() -> None:
    async with run_camera() as camera, run_camera() as other:
        judged: list[str] = []

        def allowed(ip: str) -> bool:
            judged.append(ip)
            return ip == "127.0.0.1"

        address = named(camera.url, "127.0.0.9", "127.0.0.1", "127.0.0.8", allowed=allowed)
        async with RtspClient.connect(address, SystemClock()) as client:
            assert client.remote_ip == "127.0.0.1"
        assert judged == ["127.0.0.9", "127.0.0.1", "127.0.0.8"]
        forbidden = named(other.url, "127.0.0.1", "::1", allowed=lambda ip: False)
        with pytest.raises(DeniedAddressError, match="127.0.0.1, ::1"):
            async with RtspClient.connect(forbidden, SystemClock()):
                pytest.fail("all are forbidden")
        assert not other.connections


async def test_a_name_that_nobody_knows_is_unreachable() -> None:
    async def unknown(host: str) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    with pytest.raises(UnreachableError, match="域名解析失败 / no such name") as told:
        async with RtspClient.connect(
            RtspAddress(url="rtsp://cam.example/main", resolve=unknown), SystemClock()
        ):
            pytest.fail("there is no address")
    assert "cam.example" in told.value.message


async def test_a_name_that_hangs_ends_with_the_connect_timeout() -> None:
    async def hang(host: str) -> Sequence[str]:
        await asyncio.Event().wait()
        return ()

    address = RtspAddress(url="rtsp://cam.example/main", resolve=hang, connect_timeout=0.05)
    with pytest.raises(RemoteTimeoutError):
        async with RtspClient.connect(address, SystemClock()):
            pytest.fail("there is no address")


@contextmanager
def silent(host: str, port: int) -> Iterator[None]:
    """A port that answers no SYN: its queue is full, and nobody takes from it."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex((host, port))
        yield
