"""The whole path in a real browser: sign in, search, watch four, lose one, get it back."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from tests.e2e.stage import MARKS, Stage, eventually, staged

pytestmark = MARKS

CHANNELS = 40
SAID_WITHIN = 2.0  # seconds until a tile says that its camera is gone
BACK_WITHIN = 5.0  # seconds until it is live again after the camera came back


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """Everything running, the register imported, the console open."""
    async with staged(tmp_path, CHANNELS) as stage:
        yield stage


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


async def test_a_tile_says_that_pictures_are_lost_on_their_way_from_the_camera(
    stage: Stage, tmp_path: Path
) -> None:
    console, channel = stage.console, stage.channels[0]
    told = console.by_id("tile-lossy")
    await stage.service.cli("channel", "set", channel["id"], "--transport", "udp")
    for trait in ("idr=10", "pli"):  # by itself the next key frame would take too long
        await stage.fault(channel["id"], trait)
    await console.layout(4)
    await console.open_channel(channel["id"])
    await console.wait_state(0, "playing")
    assert await stage.is_moving(0, channel["number"])
    await expect(told).to_have_count(0)

    await stage.fault(channel["id"], "loss=20")
    await expect(told).to_have_text("来路丢包，画面可能残缺")
    assert await eventually(lambda: stage.is_moving(0, channel["number"]), bool, timeout=10.0)
    await console.page.screenshot(path=tmp_path / "lossy.png")

    await stage.fault(channel["id"], "loss=0")
    await expect(told).to_have_count(0, timeout=30_000)
    assert await stage.is_moving(0, channel["number"])


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
