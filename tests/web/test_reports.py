"""The uptime report by the API: JSON, workbook and page say what was counted by hand."""

from collections.abc import AsyncIterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from lxml import html

from tests.operations import month as april
from tests.operations.month import EXPECTED, GROUPS, SINCE, UNTIL, Month
from tests.operations.papers import mixed_paper
from tests.operations.test_reports import check
from tests.waiting import until
from tests.web.conftest import Site
from vidgate.model.health import Level, ProbeResult, Reason
from vidgate.model.user import Role
from vidgate.operations.uptime_page import page_of, trend_of

PATH = "/api/v1/reports/uptime"
QUERY = {"since": SINCE, "until": UNTIL}


@pytest.fixture
async def month(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, site: Site
) -> AsyncIterator[Month]:
    async with april.lived(tmp_path, monkeypatch, Month) as month:
        site.fakes.reports.real = month.reports()
        yield month


async def get(site: Site, role: Role = Role.VIEWER, **query: str) -> Any:
    response = await site.call("GET", PATH, role=role, params=QUERY | query)
    assert response.status == 200, await response.text()
    return response


def percents(ids: str) -> list[str]:
    """As shown: cut off at two decimals."""
    shares = (april.share(ids), april.mean_of_days(ids), None, april.watched_share(ids))
    return [f"{int(one * 10_000) / 100:.2f} %" for one in shares if one is not None]


async def test_json_is_what_was_counted_by_hand(site: Site, month: Month) -> None:
    response = await get(site, worst="100")
    check(await response.json())


async def test_the_page_is_what_was_counted_by_hand(site: Site, month: Month) -> None:
    response = await get(site, format="html")
    assert response.content_type == "text/html"
    page: Any = html.fromstring(await response.text())
    for name, ids in GROUPS.items():
        (row,) = page.xpath("//table[@id='groups']//tr[@data-group=$name]", name=name)
        cells = {cell.get("data-kpi"): cell for cell in row.xpath("td[@data-kpi]")}
        assert float(cells["online_time"].get("data-value")) == float(april.share(ids))
        mean = float(cells["online_days"].get("data-value"))
        assert mean == pytest.approx(float(april.mean_of_days(ids)), abs=1e-15)
        del cells["online_now"]
        assert [cell.text for cell in cells.values()] == percents(ids)
        first, *_ = sorted(april.missing(ids).items(), key=lambda one: -one[1])
        share = first[1] / sum(EXPECTED[id_].counted for id_ in ids)
        told = row.xpath("td/small")[0].text_content()
        assert f"{int(share * 10_000) / 100:.2f} %" == told.split(" · ")[0].split(" ", 1)[1]
    everybody = "".join(GROUPS.values())
    counted = sum(one.counted for one in EXPECTED.values())
    shown = {row.get("data-cause"): row for row in page.xpath("//table[@id='causes']//tr[@*]")}
    for cause, seconds in april.missing(everybody).items():
        assert float(shown[cause].get("data-value")) == seconds / counted
    for cause, seconds in april.impaired(everybody).items():
        assert float(shown[cause].get("data-value")) == seconds / counted
        assert "计为在线" in shown[cause].text_content()
    (police,) = page.xpath("//table[@id='groups']//tr[@data-group=$name]", name=april.POLICE)
    assert "online: 会话占满" in police.text_content()
    worst = page.xpath("//table[@id='worst']//tr/@data-channel")
    assert worst[:2] == ["D", "A"]
    assert len(worst) == len(EXPECTED)


def test_days_on_which_nothing_counted_are_a_gap_in_the_line() -> None:
    shares = [1.0, 0.99, None, 0.98, None, None, 0.97, 1.0]
    days = [{"date": f"2026-04-0{n}", "share": one} for n, one in enumerate(shares, 1)]
    drawn: Any = html.fromstring(trend_of({"days": days}))
    lines = [line.split() for line in drawn.xpath("//polyline/@points")]
    assert [len(set(line)) for line in lines] == [2, 1, 2]
    assert len(lines[1]) == 2  # a dot


def test_the_page_tells_a_cause_that_is_missing_from_the_same_one_left_out(tmp_path: Path) -> None:
    page: Any = html.fromstring(page_of(mixed_paper(tmp_path)))
    rows = page.xpath("//table[@id='causes']//tr[@data-cause='rest']")
    told = [(row.get("data-kind"), row.xpath("td")[2].text) for row in rows]
    assert told == [("missing", "1 分 6 秒"), ("online", "5 秒"), ("left_out", "1 分 50 秒")]
    assert "不计入分母" in rows[2].text_content()
    (police,) = page.xpath("//table[@id='groups']//tr[@data-group='公安局']")
    assert "其他 0.07 % · 链路 0.04 %" in police.text_content()  # and nothing of 110 s


async def test_the_page_needs_nothing_from_anywhere(site: Site, month: Month) -> None:
    text = await (await get(site, format="html")).text()
    page: Any = html.fromstring(text)
    assert page.xpath("//script | //link | //img | //iframe | //@src | //@href") == []
    assert "url(" not in text
    assert "@import" not in text
    assert "http://" not in text
    assert "https://" not in text
    assert page.get("lang") == "zh-CN"


async def test_the_workbook_is_what_was_counted_by_hand(site: Site, month: Month) -> None:
    from openpyxl import load_workbook

    headers, query = site.bearer(Role.VIEWER), QUERY | {"format": "xlsx"}
    async with site.client.get(site.url + PATH, headers=headers, params=query) as response:
        data = await response.read()
    assert response.headers["Content-Disposition"] == 'attachment; filename="uptime.xlsx"'
    book: Any = load_workbook(BytesIO(data), read_only=True)
    head, *rows = book["在线率"].iter_rows(values_only=True)
    by_name = {row[0]: dict(zip(head, row, strict=True)) for row in rows}
    for name, ids in [*GROUPS.items(), ("合计 total", "".join(GROUPS.values()))]:
        row = by_name[name]
        assert row["路数"] == len(ids)
        assert row["在线率（时长）"] == int(april.share(ids) * 10_000) / 10_000
        assert row["在线率（日均）"] == int(april.mean_of_days(ids) * 10_000) / 10_000
        hours = sum(EXPECTED[id_].online for id_ in ids) / 3600
        assert row["在线小时"] == pytest.approx(hours, rel=1e-12)
        assert row["应在线小时"] == sum(EXPECTED[id_].counted for id_ in ids) / 3600
    head, *rows = book["通道"].iter_rows(values_only=True)
    for cells in rows:
        row = dict(zip(head, cells, strict=True))
        expected = EXPECTED[row["编号 id"]]
        assert row["缺失小时"] * 3600 == pytest.approx(sum(expected.missing.values()))
        own, busy = "本系统停机 vidgate was down", "会话占满 busy, 计为在线 online"
        assert row[f"{own} (小时 h)"] * 3600 == pytest.approx(expected.missing["own"])
        assert row[f"{busy} (小时 h)"] * 3600 == expected.impaired.get("busy", 0)
    head, *rows = book["缺失归因"].iter_rows(values_only=True)
    total = dict(zip(head, rows[-1], strict=True))
    upstream = april.missing("".join(GROUPS.values()))["upstream"]
    assert total["上级链路或平台 upstream link or platform (小时 h)"] * 3600 == upstream
    picture = april.impaired("B")["picture"]
    assert total["画面异常 picture fault, 计为在线 online (小时 h)"] * 3600 == picture
    assert total["画面异常 picture fault (小时 h)"] == 0
    assert len(list(book["每日"].iter_rows())) == 31
    told = [row[0] for row in book["口径"].iter_rows(values_only=True)]
    assert {"online_time v2", "upstream v2", "busy v1"} <= set(told)
    assert ("时区 zone", "Asia/Shanghai") in {row[:2] for row in book["口径"].values}


async def test_who_takes_a_file_away_is_in_the_audit(site: Site, month: Month) -> None:
    await get(site)
    await get(site, Role.AUDITOR, format="html")
    await until(lambda: site.fakes.trail.notes)
    (note,) = site.fakes.trail.notes
    assert note.action == "report.export"
    assert (note.object, note.detail["format"], note.detail["by"]) == (
        "uptime", "html", "department",
    )  # fmt: skip


async def test_every_role_reads_and_nobody_else(site: Site, month: Month) -> None:
    for role in Role:
        await get(site, role)
    assert (await site.call("GET", PATH)).status == 401


@pytest.mark.parametrize(
    "query", [{"since": "soon"}, {"by": "colour"}, {"worst": "-1"}, {"format": "pdf"}, {"x": "1"}]
)
async def test_a_wrong_question_is_refused(site: Site, month: Month, query: dict[str, str]) -> None:
    response = await site.call("GET", PATH, role=Role.VIEWER, params=query)
    assert response.status in (400, 422)


async def test_what_looks_found_is_told(site: Site, month: Month) -> None:
    now = month.clock.wall()
    look = ProbeResult(
        channel="Camera-1", asked=Level.MEDIA, level=Level.MEDIA, reason=Reason.OK,
        t0=now - 7200, t1=0.02, t2=0.3, t3=1.25,
    )  # fmt: skip
    month.history.observe(replace(look, t0=now - 200_000))
    month.history.observe(look)
    for minute in range(3):
        describe = replace(look, asked=Level.DESCRIBE, level=Level.NONE, reason=Reason.TIMEOUT)
        month.history.observe(
            replace(describe, t0=now - 3600 + 60 * minute, t1=None, t2=None, t3=None)
        )
    await month.history.save_looks(all_=True)
    path = "/api/v1/channels/camera-1/looks"
    response = await site.call("GET", path, role=Role.VIEWER)
    picture, run = (await response.json())["items"]
    assert (picture["time"], picture["t3"], picture["count"]) == (now - 7200, 1.25, 1)
    assert (run["reason"], run["count"], run["seconds"], run["t1"]) == ("timeout", 3, 120.0, None)
    assert (run["asked"], run["level"]) == ("describe", "none")
    response = await site.call("GET", path, role=Role.VIEWER, params={"since": "30d"})
    assert len((await response.json())["items"]) == 3
    assert (await site.call("GET", path, role=Role.VIEWER, params={"since": "x"})).status == 400
    missing = await site.call("GET", "/api/v1/channels/none/looks", role=Role.VIEWER)
    assert missing.status == 404


async def test_the_last_days_of_a_channel(site: Site, month: Month) -> None:
    path = "/api/v1/channels/camera-1/days"
    told = await (await site.call("GET", path, role=Role.AUDITOR)).json()
    assert [one["date"] for one in told["items"]][::29] == ["2026-04-01", "2026-04-30"]
    assert told["items"][0]["share"] is None
    short = await (await site.call("GET", path + "?days=2", role=Role.VIEWER)).json()
    assert len(short["items"]) == 2
    assert (await site.call("GET", path + "?days=0", role=Role.VIEWER)).status == 400
    missing = await site.call("GET", path.replace("camera-1", "none"), role=Role.VIEWER)
    assert missing.status == 404
