"""While a cold tile waits it shows the last picture, grey and with its age, and never as live."""

from pathlib import Path

from playwright.async_api import expect

from tests.e2e.stage import MARKS, eventually, staged
from vidgate.simulator.coded import read_strip

pytestmark = MARKS


async def test_a_cold_tile_shows_the_last_picture_until_the_live_one_comes(tmp_path: Path) -> None:
    async with staged(tmp_path, 8) as stage:
        console, channel = stage.console, stage.channels[0]
        snapshot = tmp_path / "data" / "snapshots" / f"{channel['id']}.jpg"
        await stage.service.cli("probe", channel["id"], "--level", "media")

        async def is_kept() -> bool:
            return snapshot.exists()

        assert await eventually(is_kept, bool)
        await stage.fault(channel["id"], "silent")
        await console.layout(1)
        await console.open_channel(channel["id"])
        still = console.by_id("tile-still-0")
        await expect(still).to_have_attribute("data-channel", channel["id"])

        async def strip() -> int:
            pixels = await console.still_pixels(0)
            found = None if pixels is None else read_strip(pixels)
            return found.number if found else 0

        assert await eventually(strip, lambda number: number > 0) == channel["number"]
        assert await console.tile_state(0) != "playing"
        words = await console.tile_words(0)
        assert "不是实时" in words
        assert "秒前的画面" in words
        await console.page.screenshot(path=tmp_path / "still.png")

        await stage.fault(channel["id"], None)
        await console.wait_state(0, "playing", timeout=15)
        await expect(still).to_have_count(0)
        assert await stage.is_moving(0, channel["number"])
        assert console.problems == []
