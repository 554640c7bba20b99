"""What lies below RTSP: the means of this machine, which are not the camera's fault."""

import pytest

from tests.descriptors import exhausted
from tests.rtsp.camera import Habits, run_camera
from vidgate.aio.clock import SystemClock
from vidgate.errors import LimitError, RemoteError, is_retryable
from vidgate.health.prober import reason_of
from vidgate.model.channel import Transport
from vidgate.model.health import Reason
from vidgate.rtsp import dial
from vidgate.rtsp.address import RtspAddress
from vidgate.rtsp.client import RtspClient
from vidgate.rtsp.player import Player
from vidgate.rtsp.tracks import choose

pytestmark = pytest.mark.usefixtures("no_descriptor_left")


@pytest.mark.parametrize("scheme", ["rtsp", "rtsps", "rtsph", "rtspsh"])
async def test_too_few_descriptors_are_ours(scheme: str) -> None:
    address = RtspAddress(url=f"{scheme}://127.0.0.1:9/main")
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


async def test_names_are_resolved() -> None:
    assert await dial.resolve("127.0.0.2") == "127.0.0.2"
    assert await dial.resolve("localhost") in {"127.0.0.1", "::1"}
