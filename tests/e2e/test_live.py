"""The whole path in a real browser: sign in, search, watch four, lose one, get it back."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import pytest
from playwright.async_api import async_playwright

from tests.e2e.console_page import CHROMIUM, ConsolePage, launch
from tests.programs import RunningFleet, Service, running_fleet, running_service
from vidgate.simulator.coded import Strip, read_strip

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(120),
    pytest.mark.skipif(
        not Path(CHROMIUM).exists() and os.environ.get("CI") != "true", reason="no Chromium"
    ),
]

CHANNELS = 40
SAID_WITHIN = 2.0  # seconds until a tile says that its camera is gone
BACK_WITHIN = 5.0  # seconds until it is live again after the camera came back

T = TypeVar("T")


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


async def eventually(
    ask: Callable[[], Awaitable[T]], good: Callable[[T], bool], *, timeout: float = 10.0
) -> T:
    """Ask until the answer is good; returns the last answer after `timeout` seconds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    while True:
        answer = await ask()
        if good(answer) or loop.time() > deadline:
            return answer
        await asyncio.sleep(0.02)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """Everything running, the register imported, the console open."""
    async with AsyncExitStack() as stack:
        fleet = await stack.enter_async_context(running_fleet(tmp_path, CHANNELS))
        service = await stack.enter_async_context(running_service(tmp_path / "data"))
        report = await service.cli_json("channel", "import", str(fleet.register))
        assert report["rejected"] == 0
        playwright = await stack.enter_async_context(async_playwright())
        browser = await launch(playwright)
        stack.push_async_callback(browser.close)
        console = await ConsolePage.open(browser, service.url)
        await console.sign_in("admin", service.password)
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


@pytest.mark.parametrize(
    ("fault", "state"),
    [("down", "offline"), ("401", "unauthorized"), ("busy", "busy")],
)
async def test_a_tile_says_in_words_what_is_wrong(stage: Stage, fault: str, state: str) -> None:
    channel = stage.channels[0]
    await stage.fault(channel["id"], fault)
    await stage.console.layout(1)
    await stage.console.open_channel(channel["id"])
    await stage.console.wait_state(0, state, "reconnecting" if fault == "down" else state)
    words = {"offline": "离线", "unauthorized": "未授权", "busy": "忙"}[state]
    seen = await eventually(lambda: stage.console.tile_words(0), lambda text: words in text)
    assert words in seen or (fault == "down" and "重连中" in seen)


async def test_a_frozen_stream_is_never_shown_as_live(stage: Stage) -> None:
    channel = stage.channels[0]
    await stage.console.layout(1)
    await stage.console.open_channel(channel["id"])
    await stage.console.wait_state(0, "playing")
    await stage.fault(channel["id"], "stalled")
    await stage.console.wait_state(0, "stalled", "reconnecting", timeout=SAID_WITHIN + 0.5)
