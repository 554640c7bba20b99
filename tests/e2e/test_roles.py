"""What each role sees and can do in a real browser, and that nothing is offered to be refused."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, expect

from tests.e2e.console_page import ConsolePage
from tests.e2e.stage import MARKS, PASSWORD, add_accounts, browsing, is_moving
from tests.programs import Service, running_fleet, running_service
from vidgate.model.user import Role

pytestmark = MARKS

READING = {"live", "alarms", "channels", "report", "platforms"}
WRITING = READING | {"import", "credentials", "approvals"}


@dataclass
class Site:
    """A service with accounts of every role, its cameras, and a browser."""

    service: Service
    browser: Browser
    channels: list[dict[str, Any]]
    complaints: dict[Role, list[str]] = field(default_factory=dict)

    @asynccontextmanager
    async def entered(self, role: Role) -> AsyncIterator[ConsolePage]:
        """The console, signed in with that role; afterwards what it complained about is known."""
        console = await ConsolePage.open(self.browser, self.service.url, width=1280, height=720)
        await console.sign_in(role.value, PASSWORD)
        yield console
        self.complaints[role] = console.refused + console.problems
        await console.page.close()


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Site]:
    await add_accounts(folder / "data", *Role)
    async with (
        running_fleet(folder, 8) as fleet,
        running_service(folder / "data") as service,
        browsing() as browser,
    ):
        await service.cli("channel", "import", str(fleet.register))
        listed = await service.cli_json("channel", "list")
        channels = [item for item in listed["items"] if item["lifecycle"] == "accepted"]
        yield Site(service, browser, channels)


async def offered(console: ConsolePage) -> set[str]:
    """The pages that the bar offers."""
    links = await console.page.locator("[data-testid^=nav-]").all()
    return {(await link.get_attribute("data-testid") or "")[4:] for link in links}


async def is_told_no(console: ConsolePage, site: Site, page: str, permission: str) -> None:
    """An address that somebody sent them says what is missing, instead of a blank page."""
    await console.page.goto(f"{site.service.url}/#/{page}")
    await expect(console.by_id("refused")).to_contain_text(permission)


async def watches(console: ConsolePage, channel: dict[str, Any]) -> None:
    await console.visit("live")
    await console.open_channel(channel["id"])
    await console.wait_state(0, "playing")
    assert await is_moving(console, 0, channel["number"])


async def sees_a_channel(console: ConsolePage, site: Site, *, probe: bool, edit: bool) -> None:
    """The table and a channel's page, with just the buttons that work."""
    first, second = site.channels[:2]
    await console.visit("channels")
    await expect(console.by_id("select-all")).to_have_count(int(probe or edit))
    await expect(console.by_id("export")).to_have_count(int(edit))
    if probe or edit:
        await console.select_rows(first["id"], second["id"])
        await expect(console.by_id("bulk-edit")).to_have_count(int(edit))
        await expect(console.by_id("bulk-probe")).to_have_count(int(probe))
    await console.page.goto(f"{site.service.url}/#/channels/{second['id']}")
    await expect(console.by_id("value-name")).to_have_text(second["name"])
    await expect(console.by_id("edit")).to_have_count(int(edit))
    await expect(console.by_id("channel-history")).to_have_count(int(edit))
    await expect(console.page.get_by_text("状态与切换")).to_be_visible()
    if probe:
        await console.by_id("probe-now").click()
        await expect(console.by_id("health")).to_have_attribute("data-state", "up")
    else:
        await expect(console.by_id("probe-now")).to_have_count(0)


async def sees_platforms(console: ConsolePage, platform: str, *, edit: bool) -> None:
    await console.visit("platforms")
    await console.by_id(f"platform-{platform}").locator("button").click()
    await expect(console.by_id("platform-form")).to_be_visible()
    await expect(console.by_id("read-only")).to_have_count(int(not edit))
    for button in ("platform-save", "platform-new", "platform-try"):
        await expect(console.by_id(button)).to_have_count(int(edit))
    field = expect(console.by_id("platform-name"))
    await (field.to_be_enabled() if edit else field.to_be_disabled())


async def readers(site: Site) -> None:
    """Viewers and operators watch and read."""
    for role in (Role.VIEWER, Role.OPERATOR):
        async with site.entered(role) as console:
            assert await offered(console) == READING
            await watches(console, site.channels[0])
            await sees_a_channel(console, site, probe=role is Role.OPERATOR, edit=False)
            await sees_platforms(console, site.channels[0]["platform"], edit=False)
            for page in ("import", "changes/1", "approvals"):
                await is_told_no(console, site, page, "channel.write")
            await is_told_no(console, site, "credentials", "credential.read")


async def auditor(site: Site) -> None:
    """An auditor reads, and is told that pictures are not for them."""
    async with site.entered(Role.AUDITOR) as console:
        assert await offered(console) == READING
        await console.open_channel(site.channels[0]["id"])
        await console.wait_state(0, "unauthorized")
        assert "没有观看权限" in await console.tile_words(0)
        await sees_a_channel(console, site, probe=False, edit=False)


async def engineer(site: Site) -> None:
    """An engineer keeps the register, and submits what others accept."""
    async with site.entered(Role.ENGINEER) as console:
        assert await offered(console) == WRITING
        await watches(console, site.channels[0])
        await sees_a_channel(console, site, probe=True, edit=True)
        await sees_platforms(console, site.channels[0]["platform"], edit=True)
        await console.visit("import")
        await expect(console.by_id("template")).to_be_visible()
        await console.visit("credentials")
        await expect(console.by_id("credential-new")).to_be_visible()
        await expect(console.by_id("rotation")).to_have_count(0)

        await console.visit("approvals")
        await expect(console.by_id("none-waiting")).to_contain_text("提交验收")
        submitted = site.channels[3]["id"]
        await site.service.cli("channel", "submit", submitted)
        await expect(console.by_id(f"waiting-{submitted}")).to_be_visible()
        await expect(console.by_id("waiting-approvals")).to_have_text("1")
        for button in ("approve", "reject", "choose-all"):
            await expect(console.by_id(button)).to_have_count(0)


async def test_each_role_is_offered_what_it_may_do(tmp_path: Path) -> None:
    async with opened(tmp_path) as site:
        await readers(site)
        await auditor(site)
        await engineer(site)
    assert site.complaints == {role: [] for role in Role if role is not Role.ADMINISTRATOR}
