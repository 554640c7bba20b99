"""Maintenance as people plan it in a browser whose clock is not the service's."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from playwright.async_api import expect

from tests.e2e.console_page import ConsolePage
from tests.e2e.stage import MARKS, browsing
from tests.programs import Service, running_service

pytestmark = MARKS

ZONE = "Asia/Shanghai"
ELSEWHERE = {"TZ": "UTC", "VIDGATE__PROBE__ENABLED": "false"}


@asynccontextmanager
async def planning(folder: Path) -> AsyncIterator[tuple[Service, ConsolePage]]:
    """A service in UTC with two channels, and their page in a browser that is not."""
    file = folder / "通道.csv"
    rows = [f"hd-{n},河堤{n},应急局,rtsp://127.0.0.1:9/{n}" for n in (1, 2)]
    file.write_text("\n".join(["通道编号,通道名称,所属部门,主码流地址", *rows]))
    async with running_service(folder / "data", ELSEWHERE) as service, browsing() as browser:
        await service.cli("channel", "import", str(file))
        console = await ConsolePage.open(browser, service.url, zone=ZONE)
        await console.sign_in("admin", service.password)
        yield service, console


async def test_it_begins_when_the_planner_said(tmp_path: Path) -> None:
    begin = datetime.now(ZoneInfo(ZONE)).replace(hour=8, minute=0, second=0, microsecond=0)
    begin += timedelta(days=1)
    async with planning(tmp_path) as (service, console):
        await console.page.goto(f"{service.url}/#/channels/hd-1")
        await console.by_id("maintenance-new").click()
        await console.by_id("maintenance-from").fill(f"{begin:%Y-%m-%dT%H:%M}")
        await console.by_id("maintenance-reason").fill("迁移立杆")
        await console.by_id("maintenance-save").click()
        shown = console.by_id("maintenance").locator("li")
        await expect(shown).to_contain_text(f"{begin:%Y-%m-%d %H:%M}:00")
        (planned,) = (await service.cli_json("maintenance", "list"))["items"]
    assert (planned["start"], planned["end"]) == (begin.timestamp(), begin.timestamp() + 4 * 3600)


async def test_what_is_in_maintenance_is_not_expected_to_be_online(tmp_path: Path) -> None:
    async with planning(tmp_path) as (service, console):
        await expect(console.by_id("rate")).to_contain_text("0 / 2")
        await expect(console.by_id("status-maintenance")).to_have_count(0)
        await service.cli("maintenance", "add", "--channel", "hd-1", "-m", "迁移立杆")
        await expect(console.by_id("status-maintenance")).to_have_text("检修1")
        await expect(console.by_id("rate")).to_contain_text("0 / 1")
        assert (await console.counts("应急局")).split() == ["0", "/1"]
