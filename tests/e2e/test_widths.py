"""The console on screens of every width: nothing covers anything, and all can be reached."""

from pathlib import Path

from playwright.async_api import expect

from tests.e2e.console_page import LANDMARKS, ConsolePage
from tests.e2e.stage import MARKS, Stage, browsing, staged
from tests.programs import running_service, tls_settings

pytestmark = MARKS

NAME = "vidgate.test"  # not loopback, where browsers take plain HTTP for safe
SMALL = (800, 600, 420)
WIDTHS = (1920, 1680, 1600, 1500, 1440, 1366, 1280, 1180, 1100, 1024, *SMALL)
PAGES = ("live", "alarms", "channels", "report", "import", "platforms", "credentials", "approvals")
TOOLS = ("stats", "clear", "fullscreen", "help")

# What is past the page's edge, under something else, or shares its place with something else.
_FAULTS = """
() => {
  const all = document.querySelectorAll(`
    .top :is(a, button, img, strong, .title, .tag, time),
    .panel :is(a, button, input), .status > span
  `)
  const shown = [...all].filter((one) => one.offsetWidth > 0 && one.className !== 'space')
  const name = (one) => (one.title || one.innerText || one.tagName).slice(0, 30)
  const faults = []
  shown.forEach((one, index) => {
    const { left, right, top, bottom } = one.getBoundingClientRect()
    const isInside = left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight
    if (!isInside) faults.push(name(one) + ' past the edge')
    const seen = document.elementFromPoint((left + right) / 2, (top + bottom) / 2)
    if (!one.contains(seen)) faults.push(name(one) + ' covered')
    for (const other of shown.slice(index + 1)) {
      const place = other.getBoundingClientRect()
      const across = Math.min(right, place.right) - Math.max(left, place.left)
      const down = Math.min(bottom, place.bottom) - Math.max(top, place.top)
      const isShared = across > 1 && down > 1 && !one.contains(other)
      if (isShared) faults.push(name(one) + ' over ' + name(other))
    }
  })
  return faults
}
"""
# What of a page cannot be scrolled to, or lies under something else there.
_UNREACHED = """
() => [...document.querySelectorAll('.middle :is(a, button, input)')]
  .filter((one) => one.checkVisibility() && !one.matches('[type=file], [role=combobox]'))
  .filter((one) => {
    one.scrollIntoView({ block: 'center', inline: 'center' })
    const { left, right, top, bottom } = one.getBoundingClientRect()
    const seen = document.elementFromPoint((left + right) / 2, (top + bottom) / 2)
    return !one.contains(seen) && !one.parentElement.contains(seen)
  })
  .map((one) => one.outerHTML.slice(0, 100))
"""
_DRAWN = "() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))"


async def _offered(console: ConsolePage) -> list[str]:
    """The pages and tools that the bar has, and those in its menu."""
    offered = console.page.locator(
        "[data-testid^=nav-], [data-testid^=tool-], [data-testid^=more-]"
    )
    await console.by_id("more").click()
    await expect(offered.last).to_be_in_viewport(ratio=1)
    names = await offered.evaluate_all("all => all.map(one => one.dataset.testid)")
    await console.by_id("more").click()
    await expect(offered.last).to_be_hidden()
    return [name.partition("-")[2] for name in names]


async def _check_widths(console: ConsolePage) -> None:
    faults = {}
    for width in WIDTHS:
        await console.page.set_viewport_size({"width": width, "height": 800})
        await console.page.evaluate(_DRAWN)
        faults[width] = await console.page.evaluate(_FAULTS)
    assert faults == {width: [] for width in WIDTHS}
    assert sorted(await _offered(console)) == sorted(PAGES + TOOLS)


async def _change_language(console: ConsolePage, then: str) -> None:
    await console.by_id("user-menu").click()
    await console.by_id("language").click()
    await expect(console.page.locator("html")).to_have_attribute("lang", then)


async def test_all_can_be_seen_and_reached(tmp_path: Path) -> None:
    data = tmp_path / "data"
    settings = await tls_settings(data, NAME)
    arguments = (f"--host-resolver-rules=MAP {NAME} 127.0.0.1", "--ignore-certificate-errors")
    async with running_service(data, settings) as service, browsing(*arguments) as browser:
        _, port = await service.https()
        plain = f"http://{NAME}:{service.url.rpartition(':')[2]}/"
        for url, told in ((plain, 1), (f"https://{NAME}:{port}/", 0)):
            console = await ConsolePage.open(browser, url, locale="en-GB")
            await console.sign_in("admin", service.password)
            await expect(console.by_id("insecure")).to_have_count(told)
            await _check_widths(console)
            await _change_language(console, "zh-CN")
            await console.page.reload()
            await console.by_id("tree").wait_for(state="attached")
            await _check_widths(console)
            await console.page.screenshot(path=tmp_path / f"{told}.png")
            await console.by_id("more").click()
            await console.by_id("more-alarms").click()
            await console.by_id("alarms-page").wait_for()
            assert console.problems == []


async def test_the_pages_can_be_used_on_small_screens(tmp_path: Path) -> None:
    async with staged(tmp_path, 6) as stage:
        page = stage.console.page
        places = {name: LANDMARKS.get(name, f"{name}-page") for name in PAGES[1:]}
        places[f"channels/{stage.channels[0]['id']}"] = "channel-page"
        unreached = {}
        for width in SMALL:
            await page.set_viewport_size({"width": width, "height": 800})
            for name, landmark in places.items():
                await page.evaluate("name => (location.hash = '#/' + name)", name)
                await stage.console.by_id(landmark).wait_for()
                await page.evaluate(_DRAWN)
                unreached[width, name] = await page.evaluate(_UNREACHED)
                assert await page.evaluate("document.body.scrollLeft + scrollX") == 0, name
        assert {where: what for where, what in unreached.items() if what} == {}


async def _submit(stage: Stage, index: int) -> None:
    """One more channel waits for approval; the bar tells how many."""
    id_ = stage.channels[index]["id"]
    await stage.service.cli_json("channel", "set", id_, "--lifecycle", "commissioning")
    await expect(stage.console.by_id("more")).to_have_text(str(index + 1))


async def _narrow_until_crowded(console: ConsolePage) -> None:
    """Make the window so wide that there is one thing in the bar's menu."""
    width = max(WIDTHS)
    while not await console.by_id("more").is_visible():
        width -= 10
        await console.page.set_viewport_size({"width": width, "height": 800})
        await console.page.evaluate(_DRAWN)
    await expect(console.page.locator("[data-testid^=more-]")).to_have_count(1)


async def test_news_leave_an_open_menu_and_the_focus_alone(tmp_path: Path) -> None:
    async with staged(tmp_path, 6) as stage:
        console = stage.console
        await _change_language(console, "en")  # whose words are much wider than the menu's button
        await _narrow_until_crowded(console)
        link, item = console.by_id("nav-import"), console.by_id("more-approvals")
        await link.focus()
        await _submit(stage, 0)
        await expect(link).to_be_focused()

        await console.by_id("more").click()
        await expect(console.page.get_by_role("menu")).to_be_focused()  # once it is all open
        await item.focus()
        await _submit(stage, 1)
        await expect(item).to_be_focused()
        await expect(item).to_contain_text("2")
        await item.press("Enter")
        await console.by_id("approvals-page").wait_for()
        assert console.problems == []
