"""The console at a name that is not loopback: over HTTPS everything, over HTTP the reasons."""

from pathlib import Path

from playwright.async_api import expect

from tests.e2e.console_page import ConsolePage
from tests.e2e.stage import MARKS, browsing, eventually, is_moving
from tests.programs import running, running_fleet, running_service, tls_settings

pytestmark = MARKS
NAME = "vidgate.test"


async def _trust(home: Path, authority: str) -> None:
    """Put the authority among those that Chromium asks, as an administrator would."""
    store = home / ".pki" / "nssdb"
    store.mkdir(parents=True)
    database = ("certutil", "-d", f"sql:{store}")
    added = ("-A", "-t", "C,,", "-n", "site", "-i", authority)
    for words in (("-N", "--empty-password"), added):
        async with running(*database, *words) as certutil:
            assert await certutil.process.wait() == 0, certutil.text


async def test_https_is_a_secure_context_and_http_says_what_it_lacks(tmp_path: Path) -> None:
    data = tmp_path / "data"
    settings = await tls_settings(data, NAME)
    home = tmp_path / "home"
    await _trust(home, settings["VIDGATE__HTTP__TLS__CA"])
    async with (
        running_fleet(tmp_path, 4) as fleet,
        running_service(data, settings) as service,
        browsing(f"--host-resolver-rules=MAP {NAME} 127.0.0.1", home=home) as browser,
    ):
        await service.cli("channel", "import", str(fleet.register))
        listed = await service.cli_json("channel", "list")
        channel = next(one for one in listed["items"] if one["lifecycle"] == "accepted")
        _, port = await service.https()

        safe = await ConsolePage.open(browser, f"https://{NAME}:{port}/")
        assert await safe.page.evaluate("isSecureContext") is True
        await safe.sign_in("admin", service.password)
        await expect(safe.by_id("insecure")).to_have_count(0)
        (cookie,) = await safe.page.context.cookies()
        assert (cookie["name"], cookie["secure"]) == ("__Host-vidgate", True)
        await safe.layout(1)
        await safe.open_channel(channel["id"])
        await safe.wait_state(0, "playing", timeout=15)

        async def is_right() -> bool:
            return await is_moving(safe, 0, channel["number"])

        assert await eventually(is_right, bool)
        assert safe.problems == []

        plain = await ConsolePage.open(browser, f"http://{NAME}:{service.url.rpartition(':')[2]}/")
        assert await plain.page.evaluate("isSecureContext") is False
        await expect(plain.by_id("insecure")).to_contain_text("麦克风")
        await plain.page.screenshot(path=tmp_path / "plain.png")
        await plain.page.get_by_role("link", name="安装证书").click()
        await expect(plain.page.get_by_role("heading", level=1)).to_have_text("安装本单位的证书")
        await plain.page.screenshot(path=tmp_path / "ca.png", full_page=True)
        await plain.page.get_by_role("link", name=f"https://{NAME}").click()
        await plain.page.wait_for_url(f"https://{NAME}:{port}/**")

        inside = await ConsolePage.open(browser, f"http://{NAME}:{service.url.rpartition(':')[2]}/")
        await inside.sign_in("admin", service.password)
        await inside.by_id("insecure").click()
        await expect(inside.by_id("insecure-words")).to_contain_text("麦克风")
        await inside.page.screenshot(path=tmp_path / "inside.png")
        await inside.page.get_by_role("link", name="安装证书").click()
        await expect(inside.page.get_by_role("heading", level=1)).to_have_text("安装本单位的证书")
