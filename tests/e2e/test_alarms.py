"""A platform, a recorder and three cameras fail at once; the hall sees to it in a real browser."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from tests.e2e.stage import MARKS, Stage, eventually, staged

pytestmark = MARKS

QUICK = {"VIDGATE__PROBE__DESCRIBE_PERIOD": "2", "VIDGATE__PROBE__MEDIA_PERIOD": "5"}
CHANNELS = 48


async def alarms(stage: Stage, attention: str = "unclosed") -> list[dict[str, Any]]:
    found = await stage.service.cli_json("alarm", "list", "--attention", attention)
    return list(found["items"])


def of(stage: Stage, platform: str) -> list[str]:
    return [one["id"] for one in stage.channels if one["platform"] == platform]


async def all_up(stage: Stage) -> None:
    async def up() -> int:
        return int((await stage.service.cli_json("channel", "list", "--state", "up"))["total"])

    assert await eventually(up, lambda number: number == CHANNELS, timeout=40.0) == CHANNELS


async def shot(stage: Stage, name: str) -> None:
    """A picture for whoever looks at the console; kept only where it is asked for."""
    if folder := os.environ.get("VIDGATE_SCREENSHOTS"):
        await stage.console.page.screenshot(path=f"{folder}/{name}.png")


async def maintain(stage: Stage, platform: str) -> None:
    """From now on the platform is in maintenance, until further notice."""
    console = stage.console
    await console.page.goto(f"{stage.service.url}/#/platforms/{platform}")
    await console.by_id("maintenance-new").click()
    await expect(console.by_id("maintenance-save")).to_be_disabled()
    await console.by_id("maintenance-length").select_option("")
    await console.by_id("maintenance-reason").fill("更换汇聚交换机")
    await shot(stage, "maintenance")
    await console.by_id("maintenance-save").click()
    await expect(console.by_id("window-1")).to_contain_text("更换汇聚交换机")

    async def maintained() -> int:
        listed = await stage.service.cli_json("channel", "list", "--state", "maintenance")
        return int(listed["total"])

    assert await eventually(maintained, lambda number: number == 4) == 4


@pytest.mark.timeout(180)
async def test_a_platform_a_recorder_and_three_cameras(tmp_path: Path) -> None:
    async with staged(tmp_path, CHANNELS, QUICK) as stage:
        console = stage.console
        platform, recorder = of(stage, "公安回流01"), of(stage, "公安回流02")
        singles = [of(stage, "公安回流03")[0], *of(stage, "")[:2]]
        assert (len(platform), len(recorder), len(singles)) == (4, 4, 3)
        for id_ in recorder:  # one device, and no platform in between
            await stage.service.cli_json("channel", "set", id_, "--platform", "")
        await all_up(stage)
        assert await alarms(stage) == []
        await maintain(stage, "公安回流04")

        for id_ in (*platform, *recorder, *singles, *of(stage, "公安回流04")):
            await stage.fault(id_, "down")
        found = await eventually(
            lambda: alarms(stage),
            lambda items: sum(one["failing"] for one in items) == 11,
            timeout=40.0,
        )
        causes = sorted((one["cause"], one["failing"]) for one in found)
        assert causes == [("host", 4), ("platform", 4), *[("single", 1)] * 3]
        assert {one["subject"] for one in found if one["cause"] == "single"} == set(singles)

        await expect(console.by_id("waiting-alarms")).to_have_text("5")
        await console.visit("alarms")
        await shot(stage, "alarms")
        (widest,) = [one["id"] for one in found if one["cause"] == "platform"]
        await console.by_id(f"alarm-{widest}").click()
        detail = console.by_id("alarm-detail")
        await expect(detail).to_have_attribute("data-attention", "open")
        await expect(console.by_id(f"member-{platform[0]}")).to_be_visible()
        await expect(console.by_id("alarm-close")).to_be_disabled()
        await console.by_id("alarm-text").fill("已联系市局")
        await console.by_id("alarm-acknowledge").click()
        await expect(detail).to_have_attribute("data-attention", "acknowledged")
        await expect(console.by_id("alarm-notes")).to_contain_text("已联系市局")
        await expect(console.by_id("waiting-alarms")).to_have_text("4")
        await shot(stage, "alarm-acknowledged")

        (moved,) = [one["id"] for one in found if one["subject"] == singles[0]]
        await console.by_id(f"alarm-{moved}").click()
        await expect(detail).to_have_attribute("data-attention", "open")  # it, not the one before
        await console.by_id("alarm-text").fill("立杆迁移，月底恢复")
        await console.by_id("alarm-close").click()
        await expect(console.by_id(f"alarm-{moved}")).to_have_count(0)

        for id_ in (*platform, *recorder, *singles, *of(stage, "公安回流04")):
            await stage.fault(id_, None)
        await expect(console.by_id("no-alarm")).to_be_visible(timeout=40_000)
        await expect(console.by_id("waiting-alarms")).to_have_count(0)
        await console.by_id("show-closed").click()
        await expect(console.by_id(f"alarm-{widest}")).to_contain_text("已结束")
        await shot(stage, "alarms-closed")
        await console.by_id("alarm-filter-cause").click()
        await console.page.get_by_role("option", name="设备", exact=True).click()
        await expect(console.by_id(f"alarm-{widest}")).to_have_count(0)
        await expect(console.page.locator("table.rows tbody tr")).to_have_count(1)
        await expect(console.page).to_have_url(re.compile(r"#/alarms/\d+\?show=closed&cause=host$"))
        await shot(stage, "alarms-filtered")
        await console.by_id("alarm-unfilter").click()
        await expect(console.by_id(f"alarm-{widest}")).to_be_visible()
        past = {one["id"]: one for one in await alarms(stage, "closed")}
        assert len(past) == 5
        assert past[widest]["acknowledged_by"] == "admin"
        assert past[moved]["closed_by"] == "admin"

        first = of(stage, "公安回流04")[0]
        await console.page.goto(f"{stage.service.url}/#/channels/{first}")
        await console.by_id("window-end-1").click()
        await expect(console.by_id("window-1")).to_have_count(0)
        await all_up(stage)
