"""Thirty days of a channel at a glance, in a real browser."""

import asyncio
import time
from datetime import datetime
from pathlib import Path

from playwright.async_api import expect

from tests.e2e.stage import MARKS, staged
from vidgate.model.health import Level, Reason, State
from vidgate.model.standing import Run, milliseconds
from vidgate.simulator.register import generate
from vidgate.storage.database import Database
from vidgate.storage.history import HistoryStore
from vidgate.storage.states import States, Transition

pytestmark = MARKS

DAY, HOUR = 86_400.0, 3600.0
CAUSES = {
    State.UP: Reason.OK,
    State.DOWN: Reason.TIMEOUT,
    State.MAINTENANCE: Reason.OK,
    State.BUSY: Reason.BUSY,
}


def midnight(days: int) -> float:
    """When the local day began that was so many days ago."""
    today = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    return today.timestamp() - days * DAY


async def live(folder: Path, channel: str, *changes: tuple[float, State]) -> None:
    """A past in the data of a service not yet started, in which it was always at work."""
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    before, moves = State.UNKNOWN, []
    for at, after in changes:
        moves.append(
            Transition(
                channel=channel,
                time=at,
                before=before,
                after=after,
                reason=CAUSES[after],
                level=Level.MEDIA,
            )
        )
        before = after
    async with Database(folder / "vidgate.db") as db:
        await States(db).save([], moves)
        run = Run(milliseconds(midnight(40)), milliseconds(time.time() - 30))
        await HistoryStore(db).save_runs([run])


async def test_a_day_that_is_chosen_narrows_the_timeline(tmp_path: Path) -> None:
    channel = generate(8)[0]["id"]
    noon = midnight(10) + 12 * HOUR
    await live(
        tmp_path / "data",
        channel,
        (midnight(40), State.UP),
        (midnight(20) + HOUR, State.MAINTENANCE),
        (midnight(20) + 9 * HOUR, State.UP),
        (noon, State.DOWN),
        (noon + 6 * HOUR, State.UP),
        (midnight(4) + HOUR, State.BUSY),
        (midnight(4) + HOUR + 60, State.UP),
    )
    async with staged(tmp_path, 8, {"VIDGATE__PROBE__ENABLED": "false"}) as stage:
        console, page = stage.console, stage.console.page
        await page.goto(f"{stage.service.url}/#/channels/{channel}")
        strip, told = console.by_id("day-strip"), console.by_id("day-told")
        await expect(strip.locator("button")).to_have_count(30)
        await expect(told).to_contain_text("30 天 · 在线率")

        bad = strip.locator("button").nth(19)  # ten days ago
        await bad.hover()
        await expect(told).to_contain_text("在线率 75.00 % · 离线 6 小时")
        await page.mouse.move(0, 0)
        await expect(told).to_contain_text("30 天")

        lines = console.by_id("channel-timeline").locator("li")
        await expect(lines.first).to_be_visible()
        everything = await lines.count()
        assert everything >= 6
        await bad.click()
        await expect(bad).to_have_attribute("aria-pressed", "true")
        await expect(lines).to_have_count(2)
        await expect(lines.nth(1)).to_contain_text("离线")

        await page.keyboard.press("ArrowRight")  # nine days ago nothing happened
        await expect(told).to_contain_text("在线率 100.00 %")
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("这一天没有状态变化")).to_be_visible()
        await console.by_id("day-all").click()
        await expect(lines).to_have_count(everything)
        assert console.problems == []
