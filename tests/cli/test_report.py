"""`vidgate report uptime` against a real server that reports of a month counted by hand."""

import csv
import signal
import sqlite3
from collections.abc import AsyncIterator
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from lxml import html

from tests.cli.conftest import FakeService, Vidgate
from tests.operations import month as april
from tests.operations import past as old
from tests.operations.month import EMERGENCY, GROUPS, SINCE, UNTIL, Month
from tests.operations.papers import mixed_paper
from tests.operations.test_reports import check
from tests.programs import running_service
from tests.waiting import until
from tests.web.conftest import SETTINGS
from tests.web.fakes import FakeRegistry, Fakes
from vidgate.web.server import WebServer

WINDOW = ("--since", SINCE, "--until", UNTIL)


@pytest.fixture
async def month(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Month]:
    """The month behind a server on the unix socket of the data folder."""
    monkeypatch.setenv("VIDGATE_DATA", str(tmp_path))
    monkeypatch.delenv("VIDGATE_SERVER", raising=False)
    monkeypatch.delenv("VIDGATE_TOKEN", raising=False)
    fakes = Fakes(registry=FakeRegistry([]))
    socket = tmp_path / "vidgate.sock"
    async with (
        april.lived(tmp_path, monkeypatch, Month) as month,
        WebServer(fakes.parts(), SETTINGS, socket=socket, console=tmp_path, clock=month.clock),
    ):
        fakes.reports.real = month.reports()
        yield month


async def test_json_is_what_was_counted_by_hand(month: Month, vidgate: Vidgate) -> None:
    words = ("report", "uptime", *WINDOW, "--worst", "100")
    for shape in (("-o", "json"), ("--json",)):
        outcome = await vidgate(*words, *shape)
        assert outcome.status == 0, outcome.err
        check(outcome.document)


async def test_the_table_ranks_groups_and_channels(month: Month, vidgate: Vidgate) -> None:
    outcome = await vidgate("report", "uptime", *WINDOW, "--worst", "2")
    assert outcome.status == 0, outcome.err
    assert april.SHANGHAI.key in outcome.err
    lines = outcome.out.splitlines()
    (row,) = [line for line in lines if line.startswith(EMERGENCY)]
    rate = int(april.share(GROUPS[EMERGENCY]) * 10_000) / 100
    assert f"{rate:.2f} %" in row
    assert "未知" in row
    (police,) = [line for line in lines if line.startswith(april.POLICE)]
    assert "会话占满" in police
    assert "计为在线的" in lines[0]
    assert [line.split()[0] for line in lines[-2:]] == ["D", "A"]
    assert "2 天 7 小时" in lines[-2]
    assert "2026-04-01 00:00 — 2026-05-01 00:00" in outcome.err


async def test_html_and_xlsx_go_to_a_file(month: Month, vidgate: Vidgate, tmp_path: Path) -> None:
    from openpyxl import load_workbook

    for form in ("html", "xlsx"):
        file = tmp_path / f"uptime.{form}"
        words = ("report", "uptime", *WINDOW, "-o", form, "--file", str(file))
        assert (await vidgate(*words)).status == 0
        assert (await vidgate(*words)).status == 2  # it exists
        assert (await vidgate(*words, "--force")).status == 0
    page: Any = html.fromstring((tmp_path / "uptime.html").read_text(encoding="utf-8"))
    total = page.xpath("//tr[@data-total]/td[@data-kpi='online_time']/@data-value")
    everybody = "".join(GROUPS.values())
    assert [float(one) for one in total] == [float(april.share(everybody))]
    book: Any = load_workbook(tmp_path / "uptime.xlsx")
    rows = list(book["在线率"].iter_rows(values_only=True))
    assert rows[-1][2] == int(april.share(everybody) * 10_000) / 10_000


async def test_csv_has_the_groups_and_their_total(
    month: Month, vidgate: Vidgate, tmp_path: Path
) -> None:
    words = ("report", "uptime", *WINDOW, "-o", "csv")
    *groups, total = csv.DictReader(StringIO((await vidgate(*words)).out))
    assert {row["name"] for row in groups} == set(GROUPS)
    assert {row["row"] for row in groups} == {"group"}
    assert total["row"] == "total"
    for row in groups:
        ids = GROUPS[row["name"]]
        assert int(row["channels"]) == len(ids)
        assert row["online_time"] == f"{int(april.share(ids) * 10_000) / 100:.2f}"
        for cause, seconds in april.missing(ids).items():
            assert float(row[f"missing_{cause}"]) == seconds
        for cause in ("busy", "picture"):
            assert float(row[f"online_{cause}"] or 0) == april.impaired(ids).get(cause, 0)
            assert not row[f"missing_{cause}"]
    file = tmp_path / "uptime.csv"
    assert (await vidgate(*words, "--file", str(file))).out == ""
    assert file.read_bytes().startswith(b"\xef\xbb\xbfrow,by,name,")


async def test_csv_says_of_the_month_what_is_left_out(month: Month, vidgate: Vidgate) -> None:
    outcome = await vidgate("report", "uptime", *WINDOW, "-o", "csv")
    rows = {row["name"]: row for row in csv.DictReader(StringIO(outcome.out))}
    for name, ids in GROUPS.items():
        told = [float(rows[name][f"left_out_{one}"] or 0) for one in ("maintenance", "disabled")]
        assert sum(told) == sum(april.EXPECTED[id_].left_out for id_ in ids)
        assert not rows[name]["missing_maintenance"]


@pytest.mark.parametrize("is_site", [True, False])
async def test_what_is_missing_adds_up_and_stands_apart_from_what_is_left_out(
    service: FakeService, vidgate: Vidgate, tmp_path: Path, is_site: bool
) -> None:
    document = mixed_paper(tmp_path if is_site else None)
    service.answer("GET", "/reports/uptime", document)
    outcome = await vidgate("report", "uptime", "-o", "csv")
    rows = list(csv.DictReader(StringIO(outcome.out)))
    assert [row["name"] for row in rows] == ["公安局", "应急局", ""]
    for row, group in zip(rows, [*document["groups"], document["total"]], strict=True):
        for one in group["causes"]:
            kind = "missing" if one["counted"] else "online" if one["online"] else "left_out"
            assert float(row[f"{kind}_{one['id']}"]) == one["seconds"]
        missing = [cell for column, cell in row.items() if column.startswith("missing_")]
        assert len(missing) == len(document["causes"])
        lacks = Decimal(row["counted"]) - Decimal(row["online"])
        assert sum(Decimal(cell) for cell in missing if cell) == lacks
    police = rows[0]
    left_out = "rest" if is_site else "maintenance"
    assert police[f"left_out_{left_out}"] == "110.061"
    assert police[f"missing_{left_out}"] == ("66.0" if is_site else "")
    assert police["online_rest" if is_site else "online_busy"] == "5.0"


async def test_what_is_forgotten_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vidgate: Vidgate
) -> None:
    monkeypatch.setenv("VIDGATE_DATA", str(tmp_path))
    fakes = Fakes(registry=FakeRegistry([]))
    socket = tmp_path / "vidgate.sock"
    async with (
        old.lived(tmp_path) as past,
        WebServer(fakes.parts(), SETTINGS, socket=socket, console=tmp_path, clock=past.clock),
    ):
        fakes.reports.real = past.reports()
        await past.store.open_day(round((old.BEGAN + 20 * old.DAY) * 1000))
        words = ("report", "uptime", "--since", old.NOON.since, "--until", old.NOON.until)
        table = await vidgate(*words)
        sheet = await vidgate(*words, "-o", "csv")
        document = (await vidgate(*words, "--json")).document
    assert "25.00 %" in table.out
    for told in (table.err, sheet.err):
        assert "时间窗由 2023-12-04 12:00 — 2023-12-06 12:00 扩到零点" in told
        assert "1 天未知" in told
        assert "快照未知" in told
    for row in csv.DictReader(StringIO(sheet.out)):
        assert row["since"] == "2023-12-03T16:00:00.000Z"  # midnight in Asia/Shanghai
        assert row["until"] == "2023-12-06T16:00:00.000Z"
        assert row["asked_since"] == "2023-12-04T04:00:00.000Z"
        assert row["asked_until"] == "2023-12-06T04:00:00.000Z"
        assert (row["online_now"], row["unknown_days"]) == ("", "1")
    assert document["asked_since"] == float(old.NOON.since)
    assert [day["is_known"] for day in document["days"]] == [True, False, True]


async def test_html_goes_to_stdout_too(month: Month, vidgate: Vidgate) -> None:
    outcome = await vidgate("report", "uptime", *WINDOW, "-o", "html")
    assert outcome.out.startswith("<!doctype html>")


@pytest.mark.parametrize(
    "words",
    [
        ("-o", "xlsx"),
        ("-o", "html", "--json"),
        ("-o", "table", "--file", "x"),
        ("--by", "colour"),
        ("-o", "pdf"),
    ],
)
async def test_options_that_do_not_go_together(
    service: FakeService, vidgate: Vidgate, words: tuple[str, ...]
) -> None:
    assert (await vidgate("report", "uptime", *words)).status == 2
    assert service.asked == []


async def test_a_window_that_is_none_is_explained(month: Month, vidgate: Vidgate) -> None:
    outcome = await vidgate("report", "uptime", "--since", "soon")
    assert outcome.status == 1
    assert "since" in outcome.err
    assert "30d, 12h" in outcome.err


@pytest.mark.timeout(90)
async def test_a_killed_service_leaves_a_gap_that_is_unknown(tmp_path: Path) -> None:
    row = "通道编号,通道名称,主码流地址,所属部门\na,河堤,rtsp://127.0.0.1:9/a,公安局\n"
    file = tmp_path / "a.csv"
    file.write_text(row, encoding="utf-8")
    quiet = {"VIDGATE__PROBE__ENABLED": "false"}
    async with running_service(tmp_path / "data", quiet) as service:
        await service.cli("channel", "import", str(file))
        await until_kept(tmp_path / "data")
        await service.program.stop(how=signal.SIGKILL)
    async with running_service(tmp_path / "data", quiet) as service:
        report = await service.cli_json("report", "uptime", "--since", "1h")
    figure = report["total"]["kpis"]["online_time"]
    spent = {one["id"]: one["seconds"] for one in report["total"]["causes"]}
    assert figure["online"] == 0
    assert spent["own"] > 0
    assert spent["own"] + spent["unknown"] == pytest.approx(figure["counted"])
    assert report["total"]["kpis"]["online_now"]["counted"] == 1


async def until_kept(folder: Path) -> None:
    """Wait until the database knows that the channel was registered."""

    def is_kept() -> bool:
        connection = sqlite3.connect(folder / "vidgate.db")
        try:
            return bool(connection.execute("SELECT count(*) FROM transitions").fetchone()[0])
        finally:
            connection.close()

    await until(is_kept)
