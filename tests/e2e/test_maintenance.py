"""Maintenance as people plan it in a browser whose clock is not the service's."""

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from playwright.async_api import expect

from tests.e2e.console_page import ConsolePage
from tests.e2e.stage import MARKS, browsing
from tests.programs import running_service

pytestmark = MARKS

ZONE = "Asia/Shanghai"
ELSEWHERE = {"TZ": "UTC", "VIDGATE__PROBE__ENABLED": "false"}


async def test_it_begins_when_the_planner_said(tmp_path: Path) -> None:
    file = tmp_path / "通道.csv"
    file.write_text("通道编号,通道名称,主码流地址\nhd-01,河堤01,rtsp://127.0.0.1:9/1\n")
    begin = datetime.now(ZoneInfo(ZONE)).replace(hour=8, minute=0, second=0, microsecond=0)
    begin += timedelta(days=1)
    async with running_service(tmp_path / "data", ELSEWHERE) as service, browsing() as browser:
        await service.cli("channel", "import", str(file))
        console = await ConsolePage.open(browser, service.url, zone=ZONE)
        await console.sign_in("admin", service.password)
        await console.page.goto(f"{service.url}/#/channels/hd-01")
        await console.by_id("maintenance-new").click()
        await console.by_id("maintenance-from").fill(f"{begin:%Y-%m-%dT%H:%M}")
        await console.by_id("maintenance-reason").fill("迁移立杆")
        await console.by_id("maintenance-save").click()
        shown = console.by_id("maintenance").locator("li")
        await expect(shown).to_contain_text(f"{begin:%Y-%m-%d %H:%M}:00")
        (planned,) = (await service.cli_json("maintenance", "list"))["items"]
    assert (planned["start"], planned["end"]) == (begin.timestamp(), begin.timestamp() + 4 * 3600)
