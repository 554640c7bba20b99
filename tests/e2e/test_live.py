"""The whole path in a real browser: sign in, search, watch four, lose one, get it back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.e2e.console_page import ConsolePage
from tests.e2e.stage import MARKS, eventually, signed_in
from tests.programs import RunningFleet, Service, running_fleet, running_service
from vidgate.simulator.coded import Strip, read_strip

pytestmark = MARKS

CHANNELS = 40
SAID_WITHIN = 2.0  # seconds until a tile says that its camera is gone
BACK_WITHIN = 5.0  # seconds until it is live again after the camera came back


@dataclass
class Stage:
    """A service with registered cameras, and a browser page that is signed in."""

    service: Service
    fleet: RunningFleet
    console: ConsolePage
    channels: list[dict[str, Any]]

    async def fault(self, channel: str, fault: str | None) -> None:
        """Break a simulated camera, or mend it."""
        async with aiohttp.ClientSession() as http:
            if fault is None:
                answer = await http.delete(f"{self.fleet.control}/faults/{channel}")
            else:
                wish = [{"channel": channel, "fault": fault}]
                answer = await http.post(f"{self.fleet.control}/faults", json=wish)
            assert answer.status < 300, await answer.text()

    async def strip(self, index: int) -> Strip | None:
        """The machine-readable strip of the picture in a tile now."""
        pixels = await self.console.tile_pixels(index)
        return None if pixels is None else read_strip(pixels)

    async def is_moving(self, index: int, number: int) -> bool:
        """Whether the tile shows camera `number` and its counter goes on."""
        first = await self.strip(index)
        if first is None or first.number != number:
            return False
        second = await eventually(
            lambda: self.strip(index),
            lambda strip: strip is not None and strip.counter > first.counter,
            timeout=2.0,
        )
        return second is not None and second.number == number


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """Everything running, the register imported, the console open."""
    async with AsyncExitStack() as stack:
        fleet = await stack.enter_async_context(running_fleet(tmp_path, CHANNELS))
        service = await stack.enter_async_context(running_service(tmp_path / "data"))
        report = await service.cli_json("channel", "import", str(fleet.register))
        assert report["rejected"] == 0
        console = await stack.enter_async_context(signed_in(service))
        listed = await service.cli_json("channel", "list")
        delivered = [item for item in listed["items"] if item["lifecycle"] == "accepted"]
        yield Stage(service, fleet, console, delivered)


async def open_four(stage: Stage) -> list[dict[str, Any]]:
    """Find four channels by the pinyin initials of their names and open them."""
    await stage.console.layout(4)
    chosen = stage.channels[:4]
    for channel in chosen:
        initials = channel["pinyin"].split()[0]
        found = await stage.console.search(initials)
        assert channel["id"] in found, (initials, found)
        await (
            stage.console.page.locator(".flat").get_by_test_id(f"tree-node-{channel['id']}").click()
        )
    await stage.console.clear_search()
    return chosen


async def test_four_tiles_show_their_own_cameras_and_one_comes_back_alone(
    stage: Stage, tmp_path: Path
) -> None:
    console = stage.console
    chosen = await open_four(stage)
    for index, channel in enumerate(chosen):
        await console.wait_state(index, "playing")
        assert await console.tile_channel(index) == channel["id"]
        assert await stage.is_moving(index, channel["number"])
    made = (await console.peers()).made
    loaded = await console.page.evaluate("performance.timeOrigin")

    loop = asyncio.get_running_loop()
    victim = chosen[2]
    killed = loop.time()
    await stage.fault(victim["id"], "down")
    await console.wait_state(2, "stalled", "reconnecting", "offline", timeout=SAID_WITHIN)
    assert loop.time() - killed <= SAID_WITHIN
    for index in (0, 1, 3):
        assert await stage.is_moving(index, chosen[index]["number"])

    revived = loop.time()
    await stage.fault(victim["id"], None)
    await console.wait_state(2, "playing", timeout=BACK_WITHIN)
    assert await stage.is_moving(2, victim["number"])
    assert loop.time() - revived <= BACK_WITHIN

    peers = await console.peers()
    assert peers.made - made <= 1, "only the tile that lost its camera may connect anew"
    assert peers.connected == 4
    assert await console.page.evaluate("performance.timeOrigin") == loaded, "the page was reloaded"
    assert console.problems == []
    await console.page.screenshot(path=tmp_path / "console.png")


async def test_each_tile_says_in_words_what_is_wrong(stage: Stage) -> None:
    console = stage.console
    broken = {
        "down": (("offline", "reconnecting"), ("离线", "重连中")),
        "401": (("unauthorized",), ("未授权",)),
        "busy": (("busy",), ("忙",)),
    }
    await console.layout(4)
    *faulty, healthy = stage.channels[:4]
    for channel, fault in zip(faulty, broken, strict=True):
        await stage.fault(channel["id"], fault)
    for channel in (*faulty, healthy):
        await console.open_channel(channel["id"])
    for index, (states, words) in enumerate(broken.values()):
        await console.wait_state(index, *states)
        seen = await console.tile_words(index)
        assert any(word in seen for word in words), seen

    await console.wait_state(3, "playing")
    assert await stage.is_moving(3, healthy["number"])
    await stage.fault(healthy["id"], "stalled")
    await console.wait_state(3, "stalled", "reconnecting", timeout=SAID_WITHIN)
    assert "播放" not in await console.tile_words(3)
