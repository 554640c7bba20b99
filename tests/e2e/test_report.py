"""The leader's page in a browser: a rate a department, why the rest is missing, the worst."""

import random
import re
import time
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright, expect

from tests.e2e.console_page import ConsolePage, launch
from tests.e2e.stage import MARKS
from tests.operations.papers import SAMPLE, large_paper
from tests.programs import Service, running_service
from vidgate.model.health import Level, Reason, State
from vidgate.model.standing import Run
from vidgate.operations.uptime_page import page_of
from vidgate.storage.database import Database
from vidgate.storage.history import HistoryStore
from vidgate.storage.states import States, Transition

pytestmark = MARKS

DAY = 86_400
DAYS = 12
DEPARTMENTS = ("公安局", "应急局", "教育局")
QUIET = {"VIDGATE__PROBE__ENABLED": "false"}
FAULTS = (
    (State.DOWN, Reason.UNREACHABLE, Level.NONE),
    (State.DOWN, Reason.NO_MEDIA, Level.DESCRIBE),
    (State.UNAUTHORIZED, Reason.UNAUTHORIZED, Level.REACH),
    (State.UNKNOWN, Reason.NOT_TESTED, Level.NONE),
    (State.MAINTENANCE, Reason.NOT_TESTED, Level.NONE),
)
IDS = [f"hd-{number:02}" for number in range(30)]


def sheet() -> str:
    """Thirty channels of three departments; those of the police come through a platform."""
    rows = [
        f"{id_},河堤{id_[3:]},rtsp://127.0.0.1:9/{id_},{DEPARTMENTS[n % 3]},{'' if n % 3 else 'p1'}"
        for n, id_ in enumerate(IDS)
    ]
    return "\n".join(["通道编号,通道名称,主码流地址,所属部门,平台", *rows])


def past(now: float) -> list[Transition]:
    """Twelve days: up, and an outage every other day; the first channel is down for five days."""
    rng = random.Random(1)
    moves = [(id_, now - DAYS * DAY, (State.UP, Reason.OK, Level.MEDIA)) for id_ in IDS]
    for id_ in IDS:
        for day in range(0, DAYS - 1, 2):
            begins = now - (DAYS - day) * DAY + rng.uniform(0, DAY)
            moves.append((id_, begins, rng.choice(FAULTS)))
            ends = begins + rng.expovariate(1 / 7200)
            moves.append((id_, ends, (State.UP, Reason.OK, Level.MEDIA)))
    moves.append((IDS[0], now - 5.5 * DAY, FAULTS[0]))
    moves = [one for one in moves if one[0] != IDS[0] or one[1] <= now - 5.5 * DAY]
    return [
        Transition(
            channel=id_, time=at, before=State.UNKNOWN, after=state, reason=reason, level=level
        )
        for id_, at, (state, reason, level) in sorted(moves, key=lambda move: move[1])
    ]


async def remember(folder: Path, now: float) -> None:
    """Write the past into a service's database while it is down."""
    async with Database(folder / "vidgate.db") as db:
        await States(db).save([], past(now))
        begun, seen = round((now - DAYS * DAY) * 1000), round((now - 60) * 1000)
        downtime = Run(begun, begun + 3 * DAY * 1000), Run(begun + 3 * DAY * 1000 + 7_200_000, seen)
        await HistoryStore(db).save_runs(downtime)


async def see_the_whole(page: Page) -> None:
    """Its line is drawn in the colour of text, in a dim hall and in an office."""
    for theme in ("dark", "light"):
        await page.evaluate("theme => localStorage.setItem('vidgate.theme', theme)", theme)
        await page.reload()
        line = page.locator("[data-testid=trend] .u-series:nth-child(2) .u-marker")
        text = await page.locator("body").evaluate("body => getComputedStyle(body).color")
        await expect(line).to_have_css("border-top-color", text)


async def look(service: Service, password: str, shots: Path) -> dict[str, Any]:
    """What the page shows; then the worst channel's own page."""
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        console = await ConsolePage.open(browser, service.url)
        await console.sign_in("admin", password)
        await console.by_id("nav-report").click()
        page = console.page
        rows = page.locator("[data-testid=report-groups] tbody tr")
        await expect(rows).to_have_count(3)
        await page.locator("[data-testid=trend] canvas").wait_for()
        await page.screenshot(path=shots / "report.png")
        shown = {
            str(await row.get_attribute("data-group")): await row.locator("td.first").inner_text()
            for row in await rows.all()
        }
        rate = console.by_id("kpi-online_time")
        await expect(rate).to_have_attribute("title", re.compile("不计入分母: .*检修"))
        upstream = console.by_id("report-causes").locator("li", has_text="上级链路或平台")
        await expect(upstream).to_have_attribute("title", "归因口径版本 2")
        await see_the_whole(page)
        await console.by_id("by-platform").click()
        await expect(rows).to_have_count(2)
        assert "by=platform" in page.url
        worst = page.locator("[data-testid=report-worst] tbody tr a").first
        name = await worst.inner_text()
        await worst.click()
        await console.by_id("channel-page").wait_for()
        await page.screenshot(path=shots / "channel.png")
        found = {"groups": shown, "worst": name, "url": page.url}
        await browser.close()
        return found


async def test_the_leaders_page_tells_rates_causes_and_the_worst(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    async with running_service(folder, QUIET) as first:
        file = tmp_path / "通道.csv"
        file.write_bytes(sheet().encode())
        await first.cli("channel", "import", str(file))
        password = first.password
    await remember(folder, time.time())
    async with running_service(folder, QUIET) as service:
        seen = await look(service, password, tmp_path)
        report = await service.cli_json("report", "uptime", "--since", "30d")
    told = {one["name"]: one["kpis"]["online_time"]["percent"] for one in report["groups"]}
    assert told.keys() == set(DEPARTMENTS)
    for name, percent in told.items():  # a few seconds lie between the two questions
        assert abs(float(seen["groups"][name].removesuffix(" %")) - float(percent)) < 0.1
    assert seen["worst"] == "河堤00"
    assert seen["url"].endswith("#/channels/hd-00")
    causes = {one["id"] for one in report["total"]["causes"]}
    assert {"upstream", "device", "unauthorized", "own", "maintenance"} <= causes


# How much wider than the window the page is; how many boxes are past its edge, but for what scrolls
# in a box of its own; figures that take two lines; tables wider than their box; the narrowest text.
LAYOUT = """() => {
  const all = (some) => [...document.querySelectorAll(some)]
  const wide = document.documentElement.clientWidth
  const isPast = (one) => one.getBoundingClientRect().right > wide + 0.5
  const isInside = (one) => one.parentElement.closest('.wide') !== null
  const lines = (one) => {
    const range = document.createRange()
    range.selectNodeContents(one)
    return new Set([...range.getClientRects()].map((box) => Math.round(box.top))).size
  }
  const isCut = (one) => one.parentElement.scrollWidth > one.parentElement.clientWidth + 1
  return {
    over: document.documentElement.scrollWidth - wide,
    past: all('body *').filter((one) => isPast(one) && !isInside(one)).length,
    broken: all('td.n, .figures b').filter((one) => lines(one) > 1).length,
    scrolling: all('table').filter(isCut).length,
    narrowest: Math.min(...all('#groups td:not(.n)').map((one) => one.clientWidth)),
  }
}"""
PRINTED = 703  # px between the margins of A4
LONG = "深圳市公安局交通警察支队福田大队视频专网运行维护管理中心第一"  # thirty of them
KPI = """
  - id: kpi_{}
    version: 1
    zh: 在线率（本现场自定的又一种口径）
    en: Uptime (one more)
    form: time
    numerator: [up]
    denominator: {{lifecycles: [accepted]}}
    rounding: {{decimals: 6}}
"""
MANY = "kpis:" + "".join(KPI.format(number) for number in range(8))


async def layout(page: Page, width: int) -> dict[str, int]:
    """How the page lies in a window so wide, or on paper."""
    await page.emulate_media(media="print" if width == PRINTED else "screen")
    await page.set_viewport_size({"width": width, "height": 900})
    found: dict[str, int] = await page.evaluate(LAYOUT)
    return found


@pytest.mark.parametrize("kpis", ["ours", "sample", "many"])
async def test_nothing_of_the_printed_page_is_past_its_edge(tmp_path: Path, kpis: str) -> None:
    many, file = tmp_path / "kpis.yaml", tmp_path / "uptime.html"
    many.write_text(MANY, encoding="utf-8")
    site = {"ours": "", "sample": str(SAMPLE), "many": str(many)}[kpis]
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        page = await browser.new_page()
        for groups, name in ((3, "公安局"), (60, LONG)):
            file.write_text(page_of(large_paper(site, groups, name)), encoding="utf-8")
            await page.goto(file.as_uri())
            for width in (1000, 720, 390, PRINTED):
                found = await layout(page, width)
                assert (found["over"], found["past"], found["broken"]) == (0, 0, 0), (name, width)
                assert found["narrowest"] > 50  # no name is one character wide
                if width == PRINTED or (width > 700 and kpis != "many"):
                    assert found["scrolling"] == 0, (name, width)
        await browser.close()
