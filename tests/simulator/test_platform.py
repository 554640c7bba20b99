"""The platform whose addresses expire."""

import pytest
from aiohttp import ClientSession, encode_basic_auth

from tests.simulator.conftest import id_of
from vidgate.aio.clock import ManualClock, SystemClock
from vidgate.errors import MissingStreamError
from vidgate.model.channel import Login
from vidgate.rtsp import probe
from vidgate.rtsp.address import RtspAddress
from vidgate.simulator.fleet import Fleet, FleetSettings
from vidgate.simulator.register import generate

LOGIN = Login("operator", "s3cret:with colon")
CLOCK = SystemClock()


def basic(login: Login) -> dict[str, str]:
    return {"Authorization": encode_basic_auth(login.username, login.password)}


async def fresh(fleet: Fleet, number: int = 1, stream: str = "0") -> str:
    """An address as the platform gives it."""
    headers = basic(LOGIN)
    url = f"{fleet.control_url}/platform/streams/{id_of(fleet, number)}?stream={stream}"
    async with ClientSession() as client, client.get(url, headers=headers) as response:
        assert response.status == 200
        answer = await response.json()
    address: str = answer["data"]["url"]
    return address


async def test_an_address_opens_the_camera_until_it_expires() -> None:
    clock = ManualClock()
    settings = FleetSettings(platform_login=LOGIN, ticket_seconds=10.0)
    async with Fleet(generate(3), settings, clock=clock) as fleet:
        url, other = await fresh(fleet), await fresh(fleet)
        assert url != other
        seen = await probe.media(RtspAddress(url=url), CLOCK)
        assert seen.t3 is not None
        clock.advance(11.0)
        with pytest.raises(MissingStreamError):
            await probe.describe(RtspAddress(url=url), CLOCK)
        await probe.describe(RtspAddress(url=await fresh(fleet, stream="1")), CLOCK)
        told = fleet.truth()["platform"]
    assert told["issued"] == 3
    assert told["expired"] == 1


async def test_strangers_get_nothing() -> None:
    async with Fleet(generate(3)) as fleet, ClientSession() as client:
        url = f"{fleet.control_url}/platform/streams/{id_of(fleet)}"
        for header in ("", "Bearer x", "Basic ???", "Basic b3BlcmF0b3I6eA=="):
            async with client.get(url, headers={"Authorization": header}) as response:
                assert response.status == 401
        good = basic(fleet.platform.login)
        async with client.get(f"{url}-none", headers=good) as response:
            assert response.status == 404
        async with client.get(f"{url}?stream=7", headers=good) as response:
            assert response.status == 400
        assert fleet.truth()["platform"]["refused"] == 4
        with pytest.raises(MissingStreamError):
            await probe.describe(RtspAddress(url=f"rtsp://127.1.0.1:{fleet.port}/ticket/x"), CLOCK)
