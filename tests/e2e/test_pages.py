"""Platforms, credentials and acceptance in a real browser, on real cameras."""

from pathlib import Path

from playwright.async_api import expect

from tests.e2e.stage import MARKS, Stage, staged

pytestmark = MARKS


async def platform(stage: Stage) -> None:
    """A platform is set up and tried."""
    console, channel = stage.console, stage.channels[0]
    row = console.by_id(f"platform-{channel['platform']}")
    await console.visit("platforms")
    await row.locator("button").click()
    await console.by_id("platform-quota").fill("four")
    await console.by_id("platform-save").click()
    await expect(console.by_id("platform-problem")).to_contain_text("quota")
    await console.by_id("platform-quota").fill("4")
    await console.by_id("platform-slots").fill("16")
    await console.by_id("platform-save").click()
    await expect(row).to_contain_text("25.0 %")
    (told,) = [
        one
        for one in (await stage.service.cli_json("platform", "list"))["items"]
        if one["id"] == channel["platform"]
    ]
    assert (told["quota"], told["slots"], told["delivered"]) == (4, 16, 1)

    await console.by_id("platform-try").click()
    trial = console.by_id("trial")
    await expect(trial).to_have_attribute("data-good", "true")
    await expect(trial).to_contain_text("登记的地址")
    await stage.fault(channel["id"], "401")
    await console.by_id("platform-try").click()
    await expect(trial).to_have_attribute("data-good", "false")
    await expect(trial).to_contain_text("拒绝了账号密码")
    await stage.fault(channel["id"], None)

    await console.by_id("platform-new").click()
    await console.by_id("platform-id").fill("campus")
    await console.by_id("resolver-http").check()
    await console.by_id("platform-save").click()
    await expect(console.by_id("platform-problem")).to_contain_text("endpoint")
    await console.by_id("option-endpoint").fill("https://127.0.0.1:9/play/{gb_code}")
    await console.by_id("platform-save").click()
    await expect(console.by_id("platform-campus")).to_contain_text("向平台询问")


async def credential(stage: Stage) -> None:
    """A credential is kept by pattern, tried, and never shown."""
    console, channel = stage.console, stage.channels[0]
    page = console.page
    known = (await stage.service.cli_json("channel", "show", channel["id"]))["credential"]
    await console.visit("credentials")
    await console.by_id(f"credential-{known}").locator("button").click()
    await expect(console.by_id("credential-users")).to_contain_text(channel["name"])
    await console.by_id("credential-try").click()
    await expect(console.by_id("trial").first).to_have_attribute("data-good", "true")

    await console.by_id("credential-new").click()
    await console.by_id("credential-name").fill("hall")
    await console.by_id("credential-user").fill("operator")
    await expect(console.by_id("credential-save")).to_be_disabled()
    await console.by_id("credential-password").fill("canaryCREDENTIAL7")
    await console.by_id("pattern-host").fill("10.1.0.0/33")
    await console.by_id("credential-save").click()
    await expect(console.by_id("credential-problem")).to_be_visible()
    await console.by_id("pattern-host").fill("10.1.0.0/16")
    await console.by_id("credential-save").click()
    await expect(console.by_id("credential-hall")).to_contain_text("10.1.0.0/16")
    await expect(console.by_id("credential-password")).to_have_value("")
    assert "canaryCREDENTIAL7" not in await page.content()

    await console.by_id("rotate").click()
    await console.by_id("rotate-sure").click()
    await expect(console.by_id("rotated")).to_contain_text("个凭据用新密钥加密")
    await console.visit("live")
    await console.open_channel(channel["id"])
    await console.wait_state(0, "playing")  # the login still opens the camera


async def acceptance(stage: Stage) -> None:
    """Submitted channels are accepted, and sent back with a reason."""
    console = stage.console
    first, second, third = (channel["id"] for channel in stage.channels[:3])
    await stage.service.cli("channel", "submit", first, second, third)
    await expect(console.by_id("waiting-approvals")).to_have_text("3")
    await console.visit("approvals")
    await expect(console.by_id("reject")).to_be_disabled()
    # By keyboard alone: into the list, tick two, on to the button.
    await console.by_id("choose-all").focus()
    for key in ("Tab", "Space", "Tab", "Tab", "Space", *["Tab"] * 5, "Enter"):
        await console.page.keyboard.press(key)
    await expect(console.by_id("waiting-approvals")).to_have_text("1")
    await console.by_id("choose-all").check()
    await expect(console.by_id("reject")).to_be_disabled()
    await console.by_id("reason").fill("镜头被树枝挡住")
    await console.by_id("reject").click()
    await expect(console.by_id("none-waiting")).to_be_visible()
    steps = [
        (await stage.service.cli_json("channel", "show", id_))["lifecycle"]
        for id_ in (first, second, third)
    ]
    assert steps == ["accepted", "accepted", "planned"]
    await console.page.goto(f"{stage.service.url}/#/channels/{third}")
    await expect(console.by_id("channel-history")).to_contain_text("退回：镜头被树枝挡住")


async def test_platforms_credentials_and_acceptance(tmp_path: Path) -> None:
    async with staged(tmp_path, 8) as stage:
        await platform(stage)
        await credential(stage)
        await acceptance(stage)
        assert stage.console.refused == stage.console.problems == []
