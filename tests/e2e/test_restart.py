"""The service ends while people watch, and comes back: their tiles are live again by themselves."""

import asyncio
import signal
from pathlib import Path
from typing import Any

from tests.e2e.console_page import ConsolePage
from tests.e2e.stage import MARKS, browsing, eventually, is_moving
from tests.programs import Service, free_port, running_fleet, running_service

pytestmark = MARKS

VIEWERS = 16
BACK_WITHIN = 10.0  # seconds from the service being ready to every tile being live
TOLD_WITHIN = 5.0  # seconds from the end until the tiles say why
DRAIN = 10.0  # seconds from SIGTERM to the end


async def _all_move(console: ConsolePage, channels: list[dict[str, Any]], timeout: float) -> None:
    """Every tile shows its own camera's number with a counter that goes on, within `timeout`."""

    async def count() -> int:
        # Together: one after the other, a pass that begins too early takes longer than `timeout`.
        looks = (is_moving(console, i, one["number"]) for i, one in enumerate(channels))
        return sum(await asyncio.gather(*looks))

    assert await eventually(count, lambda n: n == len(channels), timeout=timeout) == len(channels)


async def _tell_the_loss(console: ConsolePage) -> None:
    """Soon after its picture stops a tile says that the service is gone."""

    async def words() -> str:
        return await console.tile_words(0)

    assert "连接不上服务" in await eventually(
        words, lambda w: "连接不上服务" in w, timeout=TOLD_WITHIN
    )
    assert await console.tile_state(0) == "reconnecting"


async def _end(service: Service, how: signal.Signals) -> None:
    """End the service; a request to end is obeyed in order and in time."""
    loop = asyncio.get_running_loop()
    told = loop.time()
    status = await service.program.stop(how=how)
    assert loop.time() - told <= DRAIN
    assert status == (0 if how is signal.SIGTERM else -signal.SIGKILL)


async def test_viewers_come_back_by_themselves(tmp_path: Path) -> None:
    settings = {"VIDGATE__HTTP__PORT": str(free_port()), "VIDGATE__WEBRTC__PORT": str(free_port())}
    data = tmp_path / "data"
    async with running_fleet(tmp_path, VIEWERS + 4) as fleet, browsing() as browser:
        async with running_service(data, settings) as service:
            await service.cli("channel", "import", str(fleet.register))
            listed = (await service.cli_json("channel", "list"))["items"]
            channels = [one for one in listed if one["lifecycle"] == "accepted"][:VIEWERS]
            console = await ConsolePage.open(browser, service.url)
            await console.sign_in("admin", service.password)
            await console.layout(VIEWERS)
            for channel in channels:
                await console.open_channel(channel["id"])
            await _all_move(console, channels, 30.0)
            loaded = await console.page.evaluate("performance.timeOrigin")
            await _end(service, signal.SIGTERM)
            await _tell_the_loss(console)
        async with running_service(data, settings) as service:
            await _all_move(console, channels, BACK_WITHIN)
            await _end(service, signal.SIGKILL)
            await _tell_the_loss(console)
        async with running_service(data, settings):
            await _all_move(console, channels, BACK_WITHIN)
        assert await console.page.evaluate("performance.timeOrigin") == loaded
