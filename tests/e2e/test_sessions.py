"""The whole service before a platform that allows two sessions, with people who want more."""

from collections.abc import Sequence
from pathlib import Path
from time import monotonic

import aiohttp
import pytest

from tests.e2e.attacks import AS_SDP
from tests.e2e.hands import Hands
from tests.e2e.operators import Row, host_of, is_plain
from tests.programs import running_fleet, running_service
from vidgate.simulator import register as sample
from vidgate.simulator.viewers import LightViewer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(60)]

SLOTS = 2
SOON = 1.0
QUIET = {"VIDGATE__PROBE__ENABLED": "false"}


async def offer(hands: Hands, channel: str) -> tuple[int, str, str, float]:
    """Ask for a channel: status, what was said, the session's place, and seconds."""
    began = monotonic()
    async with LightViewer(hands.certificate, kinds=("video",)) as viewer:
        async with hands.http.post(f"/whep/{channel}", data=viewer.offer, headers=AS_SDP) as answer:
            text, location = await answer.text(), answer.headers.get("Location", "")
        return answer.status, text, location, monotonic() - began


def of_one_platform(rows: Sequence[Row]) -> list[Row]:
    """The channels that a browser can take, of the platform that has the first of them."""
    plain = [row for row in rows if row["url"] and row["platform"] and is_plain(row)]
    return [row for row in plain if row["platform"] == plain[0]["platform"]]


async def test_people_share_the_sessions_of_a_platform(tmp_path: Path) -> None:
    options = ("--slots", str(SLOTS), "--rtt", "5-30")
    async with (
        running_fleet(tmp_path, 120, options=options) as fleet,
        running_service(tmp_path / "data", QUIET) as service,
    ):
        await service.cli("channel", "import", str(fleet.register))
        token = await service.cli_json("token", "create", "--role", "administrator")
        headers = {"Authorization": f"Bearer {token['token']}"}
        rows = of_one_platform(sample.read(fleet.register))
        async with (
            aiohttp.ClientSession(service.url, headers=headers) as http,
            aiohttp.ClientSession(fleet.control) as control,
        ):
            hands, platform = Hands(http, control), rows[0]["platform"]
            async with http.patch(f"/api/v1/platforms/{platform}", json={"slots": SLOTS}) as set_:
                assert set_.status == 200, await set_.text()
            channels = [row["id"] for row in rows]
            for channel in channels[:6]:  # one flips through them
                status, _, location, seconds = await offer(hands, channel)
                assert (status, seconds <= SOON) == (201, True), (channel, status, seconds)
                async with http.delete(location):
                    pass
            async with hands.watching(channels[6], 10.0), hands.watching(channels[7], 10.0):
                status, text, _, seconds = await offer(hands, channels[0])
                assert status == 503
                assert "platform_full" in text
                assert channels[6] in text and channels[7] in text  # noqa: PT018
                assert seconds <= 2 + SOON
            load = (await hands.load())["hosts"][host_of(rows[0])]
            assert (load["max_sessions"], load["refused"]) == (SLOTS, 0)
