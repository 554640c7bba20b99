"""The register kept in the browser: a sheet with a mistake, put right; many edited, and back."""

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from tests.e2e.stage import MARKS, signed_in
from tests.programs import running_service

pytestmark = MARKS

SHEET = """通道编号,通道名称,主码流地址,端口,所属部门
hd-1,城关镇河堤一,rtsp://admin:canary@127.0.0.1:9/1,554,公安局
hd-2,城关镇河堤二,rtsp://admin:canary@127.0.0.1:9/2,{port},公安局
xx-1,柳林小学,rtsp://127.0.0.1:9/3,554,教育局
"""


@pytest.fixture
def sheets() -> tuple[bytes, bytes]:
    """The same sheet with a wrong port, and put right."""
    bad, good = SHEET.format(port="70000"), SHEET.format(port="554")
    return bad.encode("gb18030"), good.encode("gb18030")


async def test_a_sheet_is_put_right_and_imported_and_channels_are_edited_and_restored(
    tmp_path: Path, sheets: tuple[bytes, bytes]
) -> None:
    bad, good = sheets
    async with running_service(tmp_path) as service, signed_in(service) as console:
        await console.by_id("nav-channels").click()
        await console.by_id("empty-register").wait_for()
        await console.visit("import")

        await console.check_file("通道.csv", bad)
        assert await console.figures() == {
            "created": 2,
            "updated": 0,
            "unchanged": 0,
            "rejected": 1,
        }
        (note,) = await console.row_notes()
        assert note[:3] == ["3", "端口", "70000"]
        assert "1 到 65535" in note[3]
        await expect(console.by_id("import-go")).to_be_disabled()
        assert (await service.cli_json("channel", "list"))["total"] == 0, "nothing is written yet"

        await console.check_file("通道.csv", good)
        assert (await console.figures())["rejected"] == 0
        first = await console.take_file()
        assert "canary" not in await console.page.content()

        await console.visit("channels")
        await console.find_rows("cgz", "hd-1", "hd-2")
        await console.select_rows("hd-1", "hd-2")
        told = await console.bulk_edit(area="城关镇", add_tags="防汛")
        assert "城关镇" in told
        assert "× 2" in told
        changed = await service.cli_json("channel", "show", "hd-2")
        assert (changed["area"], changed["tags"]) == ("城关镇", ["防汛"])
        await expect(console.by_id("row-hd-1")).to_contain_text("防汛")

        await console.undo_here()
        restored = await service.cli_json("channel", "show", "hd-2")
        assert (restored["area"], restored["tags"]) == ("", [])
        await expect(console.by_id("row-hd-1")).not_to_contain_text("防汛")

        # The import is a change like any other: taken back, the register is empty again.
        await console.visit("import")
        await console.by_id(f"undo-{first}").click()
        await console.by_id("undo-sure").locator("visible=true").click()
        await expect(console.by_id(f"undo-{first}")).to_have_count(0)
        assert (await service.cli_json("channel", "list"))["total"] == 0
        assert console.problems == []


async def test_a_channel_tells_what_is_known_and_takes_edits(
    tmp_path: Path, sheets: tuple[bytes, bytes]
) -> None:
    async with running_service(tmp_path) as service, signed_in(service) as console:
        (tmp_path / "good.csv").write_bytes(sheets[1])
        await service.cli("channel", "import", str(tmp_path / "good.csv"))
        await console.visit("channels")
        await console.page.keyboard.press("/")
        await console.page.keyboard.type("lin xx")
        await expect(console.table_rows()).to_have_count(1)
        for key in ("Enter", "Space", "Enter"):  # into the table, tick, open
            await console.page.keyboard.press(key)
        await console.by_id("channel-page").wait_for()
        await console.page.go_back()
        await expect(console.table_rows()).to_have_count(1)
        assert await console.by_id("table-search").input_value() == "lin xx"

        await console.page.goto(f"{service.url}/#/channels/XX-1")
        await expect(console.by_id("value-name")).to_have_text("柳林小学")
        await console.by_id("probe-now").click()
        await expect(console.by_id("health")).to_have_attribute("data-state", "down")
        await expect(console.by_id("probe-reason")).to_be_visible()

        await console.by_id("edit").click()
        await console.by_id("field-name").fill("柳林中学")
        # Somebody else is quicker: it is said, and neither edit is lost.
        await service.cli("channel", "set", "xx-1", "--area", "柳林乡")
        await console.by_id("save").click()
        await expect(console.by_id("field-problem")).to_contain_text("他人修改过（行政区划）")
        await expect(console.by_id("field-name")).to_have_value("柳林中学")
        await expect(console.by_id("field-area")).to_have_value("柳林乡")
        await console.by_id("save").click()
        await expect(console.by_id("value-name")).to_have_text("柳林中学")
        await expect(console.by_id("channel-history").locator("li")).to_have_count(3)
        changed = await service.cli_json("channel", "show", "xx-1")
        assert (changed["name"], changed["area"]) == ("柳林中学", "柳林乡")
        assert [one for one in console.problems if "412" not in one] == []


async def test_who_may_not_write_is_not_offered_it(tmp_path: Path) -> None:
    async with running_service(tmp_path) as service, signed_in(service) as console:
        session: dict[str, Any] = {
            "user": {"name": "v", "role": "viewer", "permissions": ["channel.read"]},
            "server": {"version": "0", "demo": False, "https": False},
        }
        await console.page.route("**/api/v1/session", lambda route: route.fulfill(json=session))
        await console.page.goto(f"{service.url}/#/import")
        await console.page.reload()
        await expect(console.by_id("refused")).to_contain_text("channel.write")
        await expect(console.by_id("nav-import")).to_have_count(0)
        await console.by_id("nav-channels").click()
        await expect(console.by_id("empty-register")).to_be_visible()
        await expect(console.by_id("start-template")).to_have_count(0)
