"""Two cameras of one place in a real browser: who watches the broken one is told what is shown."""

from pathlib import Path

from playwright.async_api import expect

from tests.e2e.console_page import ConsolePage
from tests.e2e.stage import MARKS, eventually, is_moving, staged

pytestmark = MARKS

SETTINGS = {"VIDGATE__MEDIA__RETURN_CHECK": "1"}


WATCH_STATES = """() => {
  window.tileStates = []
  const tile = document.querySelector('[data-testid=tile-0]')
  new MutationObserver(() => {
    if (tile.dataset.state !== 'playing') window.tileStates.push(tile.dataset.state)
  }).observe(tile, { attributeFilter: ['data-state'] })
}"""


async def shows(console: ConsolePage, number: int) -> bool:
    """Whether the first tile comes to show camera `number`, live."""
    return await eventually(lambda: is_moving(console, 0, number), bool, timeout=15.0)


async def test_a_tile_says_that_another_camera_of_the_point_is_shown_until_its_own_is_back(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path, 8, SETTINGS) as stage:
        own, other = stage.channels[:2]
        for channel in (own, other):
            await stage.service.cli("channel", "set", channel["id"], "--point", "p1")
        console = stage.console
        told = console.by_id("tile-standin")
        await console.layout(4)
        await console.open_channel(own["id"])
        await console.wait_state(0, "playing")
        assert await shows(console, own["number"])
        await expect(told).to_have_count(0)

        await stage.fault(own["id"], "down")
        await expect(told).to_have_attribute("data-source", other["id"])
        assert await shows(console, other["number"])
        await console.wait_state(0, "playing")
        await expect(told).to_contain_text(f"正在显示同点位的 {other['name']} · 本通道：")
        await console.page.screenshot(path=tmp_path / "standin.png")

        # Who comes while it lasts has heard no event, and is told all the same.
        browser = console.page.context.browser
        assert browser is not None
        late = await ConsolePage.open(browser, stage.service.url, width=1280, height=720)
        await late.sign_in("admin", stage.service.password)
        await late.layout(4)
        await late.open_channel(own["id"])
        await late.wait_state(0, "playing")
        assert await shows(late, other["number"])
        await expect(late.by_id("tile-standin")).to_have_attribute("data-source", other["id"])

        await console.page.evaluate(WATCH_STATES)
        await stage.fault(own["id"], None)
        assert await shows(console, own["number"])
        # No word of trouble under a picture that never stopped.
        assert await console.page.evaluate("() => window.tileStates") == []
        for page in (console, late):
            await expect(page.by_id("tile-standin")).to_contain_text("已恢复本通道画面")
        await console.page.screenshot(path=tmp_path / "back.png")

        await late.page.goto(f"{stage.service.url}/#/channels/{own['id']}")
        moments = late.by_id("channel-timeline").locator("li[data-what=source]")
        await expect(moments).to_have_count(2)
        await expect(moments.nth(0)).to_contain_text("恢复本通道画面")
        await expect(moments.nth(1)).to_contain_text(other["name"])
        await late.page.screenshot(path=tmp_path / "timeline.png")
        assert "stream switched" in stage.service.program.text
        assert console.problems == late.problems == []
