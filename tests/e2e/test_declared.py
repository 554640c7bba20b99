"""What platforms declare beside what is measured, in a real browser against simulated cameras."""

import re
from pathlib import Path

from playwright.async_api import expect

from tests.e2e.stage import MARKS, staged

pytestmark = MARKS


async def test_what_a_platform_declares_stands_beside_what_is_measured(tmp_path: Path) -> None:
    async with staged(tmp_path, 8, {"VIDGATE__PROBE__ENABLED": "false"}) as stage:
        console, page, service = stage.console, stage.console.page, stage.service
        false, gone = (channel["id"] for channel in stage.channels[:2])
        said = ("--declared-codec", "H.265/HEVC", "--declared-resolution", "400万")
        await service.cli("channel", "set", false, "--declared-status", "离线", *said)
        await service.cli("channel", "set", gone, "--declared-status", "在线")

        await page.goto(f"{service.url}/#/channels/{false}")
        await expect(console.by_id("compare-codec")).to_contain_text("H.265")
        await console.by_id("probe-now").click()
        for item, *cells in (
            ("status", "离线", "在线", "不符：报离线，实际可用"),
            ("codec", "H.265", "H.264", "不符"),
            ("resolution", "4 MP（百万像素）", "704 × 576", "不符"),
            ("fps", "25", "25", "相符"),
        ):
            await expect(console.by_id(f"compare-{item}").locator("td")).to_have_text(cells)
        await expect(console.by_id("health")).to_have_attribute("data-state", "up")

        # The supervisor's question: who is declared online and cannot be seen, and the reverse.
        await stage.fault(gone, "missing")
        await service.cli("probe", gone, "--level", "media", status=None)
        await page.goto(f"{service.url}/#/channels?differs=online_down")
        await expect(console.table_rows()).to_have_count(1)
        await expect(console.by_id(f"row-{gone}")).to_be_visible()
        await expect(console.by_id("facet-differs")).to_contain_text("报在线，实际不可用")
        platform = (await service.cli_json("channel", "show", gone))["platform"]
        await console.visit("platforms")
        await expect(console.by_id(f"false-{platform}")).to_have_text("1")
        await console.by_id(f"false-{platform}").locator("a").click()
        await expect(console.table_rows()).to_have_count(1)
        found = await service.cli_json("channel", "list", "--differs", "offline_up")
        assert [item["id"] for item in found["items"]] == [false]

        # It comes back, and the page has heard of it.
        await stage.fault(gone, None)
        for _ in range(2):
            await service.cli("probe", gone, "--level", "media")
        await expect(console.table_rows()).to_have_count(0)

        # What was seen of it was seen, though it proves nothing any more.
        await service.cli("maintenance", "add", "--channel", false, "--until", "1h", "-m", "检修")
        await page.goto(f"{service.url}/#/channels/{false}")
        await expect(console.by_id("health")).to_have_attribute("data-state", "maintenance")
        await expect(console.by_id("last-picture")).to_have_text(re.compile(r"\d:\d\d"))
        assert console.problems == []
