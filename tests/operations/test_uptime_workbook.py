import json
from io import BytesIO
from typing import Any

import pytest

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
        "since": 0.0, "until": 86_400.0, "generated": 86_400.0, "timezone": "Asia/Shanghai",
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
