import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from tests.operations.papers import DAY, MIXED, UNREACHABLE, mixed_paper
from vidgate.operations.uptime_workbook import workbook_of

KPI = {
    "id": "online_time", "version": 1, "zh": "在线率", "en": "Uptime", "form": "time",
    "numerator": ["up"], "lifecycles": ["accepted"], "without": ["maintenance"],
    "own_downtime": "count", "excused": "leave_out", "decimals": 4,
}  # fmt: skip


def report(percent: str, share: float) -> bytes:
    """A report of one group, as packed for the worker."""
    figure = {"percent": percent, "share": share, "online": 1.0, "counted": 1.0}
    group = {"name": "公安局", "channels": 1, "kpis": {"online_time": figure}, "causes": []}
    document = {
        "since": 0.0, "until": 86_400.0, "asked_since": 0.0, "asked_until": 86_400.0,
        "changes_since": 0.0, "generated": 86_400.0, "timezone": "Asia/Shanghai",
        "by": "department", "exclusions": [], "causes": [], "days": [], "channels": [],
        "kpis": [KPI], "groups": [group], "total": group,
    }  # fmt: skip
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("percent", "share", "format_"),
    [
        ("99.9999", 0.999_999_2, "0.0000%"),
        ("99.99", 0.999_999_2, "0.00%"),
        ("99", 0.999_999_2, "0%"),
        ("99.999999", 0.999_999_999, "0.000000%"),
    ],
)
def test_a_rate_is_shown_with_the_decimals_of_its_kpi(
    percent: str, share: float, format_: str
) -> None:
    from openpyxl import load_workbook

    book: Any = load_workbook(BytesIO(workbook_of(report(percent, share))))
    cell = book["在线率"]["C2"]
    assert cell.number_format == format_
    decimals = len(percent.partition(".")[2])
    assert f"{cell.value:.{decimals}%}" == f"{percent}%"  # as a spreadsheet rounds it


def milliseconds(row: dict[str, Any]) -> dict[str, int]:
    """The hours of a row in whole ms, by their columns."""
    return {
        head.removesuffix(" (小时 h)"): round(value * 3_600_000)
        for head, value in row.items()
        if "小时" in head
    }


@pytest.mark.parametrize("is_site", [True, False])
def test_what_is_missing_adds_up_and_stands_apart_from_what_is_left_out(
    tmp_path: Path, is_site: bool
) -> None:
    from openpyxl import load_workbook

    document = mixed_paper(tmp_path if is_site else None)
    book: Any = load_workbook(BytesIO(workbook_of(json.dumps(document).encode())))
    rates, causes, channels = (
        [dict(zip(head, row, strict=True)) for row in rows]
        for head, *rows in (book[title].values for title in ("在线率", "缺失归因", "通道"))
    )
    rows = [
        (milliseconds(rate), milliseconds(row)) for rate, row in zip(rates, causes, strict=True)
    ]
    own = ("应在线小时", "在线小时", "缺失小时")
    rows += [
        (row, {head: ms for head, ms in row.items() if head not in own})
        for row in map(milliseconds, channels)
    ]
    assert len(rows) == 5  # two groups, their total, two channels
    for rate, row in rows:
        missing = {head: ms for head, ms in row.items() if "计" not in head}
        assert len(missing) == len(document["causes"])
        assert sum(missing.values()) == rate["缺失小时"] == rate["应在线小时"] - rate["在线小时"]
    (police,) = [row for rate, row in rows[:2] if rate["应在线小时"] != DAY * 1000]
    left_out = "其他 rest" if is_site else "检修 maintenance"
    assert police[f"{left_out}, 不计入 left out"] == 110_061
    assert police[left_out] == (66_000 if is_site else 0)
    marked = [head for head in police if "计" in head]
    assert len(marked) == 2  # what was busy is online all the same
    assert rates[-1]["缺失小时"] * 3600 == (MIXED[UNREACHABLE] + 66_000 + 1_003) / 1000
