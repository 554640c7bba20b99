"""What the players of a real browser saw, as Prometheus is told."""

from collections.abc import Mapping
from pathlib import Path

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.stage import MARKS, Stage, eventually, staged

pytestmark = MARKS

PERIOD = 15.0  # seconds between two reports of a page


async def seen(stage: Stage, token: str) -> Mapping[str, float]:
    """The players' samples, both kinds of stream together."""
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession(stage.service.url, headers=headers) as http,
        http.get("/metrics") as response,
    ):
        page = await response.text()
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            if sample.name.startswith("vidgate_player_") and "le" not in sample.labels:
                assert set(sample.labels) == {"transport", "variant"}
                found[sample.name] = found.get(sample.name, 0.0) + sample.value
    return found


async def test_what_four_tiles_saw_is_told(tmp_path: Path) -> None:
    async with staged(tmp_path, 8) as stage:
        console, victim = stage.console, stage.channels[0]["id"]
        token = (await stage.service.cli_json("token", "create", "--role", "viewer"))["token"]
        await console.layout(4)
        for channel in stage.channels[:4]:
            await console.open_channel(channel["id"])
        for index in range(4):
            await console.wait_state(index, "playing")

        told = await eventually(
            lambda: seen(stage, token),
            lambda found: found["vidgate_player_first_frame_seconds_count"] == 4,
            timeout=PERIOD + 5.0,
        )
        assert told["vidgate_player_first_frame_seconds_count"] == 4
        assert 0.0 < told["vidgate_player_first_frame_seconds_sum"] < 20.0
        assert told["vidgate_player_stalls_total"] == 0
        assert 0.0 < told["vidgate_player_playing_seconds_total"] < 4 * (PERIOD + 5.0)
        assert told["vidgate_player_frames_decoded_total"] > 0
        assert told["vidgate_player_packets_received_total"] > 0

        await stage.fault(victim, "stalled")
        await console.wait_state(0, "stalled", "reconnecting")
        await stage.fault(victim, None)
        await console.wait_state(0, "playing")
        await console.page.goto("about:blank")  # what was not told yet is told on leaving
        left = await eventually(
            lambda: seen(stage, token), lambda found: found["vidgate_player_stalls_total"] >= 1
        )
        assert left["vidgate_player_stalls_total"] == 1
        assert left["vidgate_player_stall_seconds_total"] > 1.0
        assert console.problems == []
        assert console.refused == []
