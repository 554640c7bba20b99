import io
from typing import Any

import pytest
from openpyxl import load_workbook

from tests.registry import biff
from tests.registry.files import book, text, xlsx
from vidgate.errors import InputError
from vidgate.registry.header import PROBLEMS
from vidgate.registry.marks import RED, YELLOW
from vidgate.registry.registry import Registry

HEAD = ("通道编号", "通道名称", "主码流地址", "端口")
ROWS = (
    ("登记表",),
    HEAD,
    ("a", "=1+1", "rtsp://u:secret@h/1", 554),
    ("b", "", "ftp://h", "x"),
    ("a", "#N/A", "rtsp://h/2", 80),
)


def sheets(data: bytes) -> dict[str, list[list[Any]]]:
    return {
        sheet.title: [[cell.value for cell in row] for row in sheet.iter_rows()]
        for sheet in load_workbook(io.BytesIO(data)).worksheets
    }


@pytest.mark.parametrize("kind", ["xls", "csv"])
async def test_bad_cells_are_coloured_and_say_why(registry: Registry, kind: str) -> None:
    rows = [[str(cell) for cell in row] for row in ROWS]
    data = text(*rows) if kind == "csv" else biff.xls(*rows)
    made = load_workbook(io.BytesIO(await registry.mark("r.csv", data)))
    sheet = made.worksheets[0]
    assert [cell.value for cell in sheet[3]] == [*rows[2], None]
    assert sheet["B3"].data_type == "s"
    assert sheet["B5"].data_type == "s"
    assert [cell.value for cell in sheet[2]] == [*HEAD, PROBLEMS]
    marked = {cell.coordinate: cell for row in sheet for cell in row if cell.comment}
    assert set(marked) == {"B4", "C4", "D4", "A5"}
    assert marked["D4"].value == "x"
    assert marked["D4"].comment is not None
    assert marked["D4"].comment.text == "应为 1 到 65535 的整数"
    assert marked["D4"].fill.fgColor.rgb == f"00{RED}"
    assert "第 3 行的通道编号重复" in str(sheet["E5"].value)
    assert registry.channels == {}


async def test_what_is_only_doubtful_is_yellow(registry: Registry) -> None:
    head = ("国标编码", "名称", "主码流", "颜色")
    data = xlsx(head, ("43048900001180000001", "a", "rtsp://h/1", "红"))
    sheet = load_workbook(io.BytesIO(await registry.mark("r.xlsx", data))).worksheets[0]
    assert sheet["A2"].fill.fgColor.rgb == f"00{YELLOW}"
    assert sheet["D1"].fill.fgColor.rgb == f"00{YELLOW}"


async def test_all_sheets_come_back_in_their_places(registry: Registry) -> None:
    data = book(
        {"说明": [("请填",)], "一": [(), (None, *HEAD), (None, "", "x", "rtsp://h/1", None)]}
    )
    marked = sheets(await registry.mark("r.xlsx", data))
    assert list(marked) == ["说明", "一"]
    assert marked["一"][1] == [None, *HEAD, PROBLEMS]
    assert marked["一"][2][5] == "通道编号和国标编码至少填一个"


async def test_the_marked_sheet_imports_once_it_is_put_right(registry: Registry) -> None:
    marked = await registry.mark("r.csv", text(*[[str(c) for c in row] for row in ROWS]))
    made = load_workbook(io.BytesIO(marked))
    sheet = made.worksheets[0]
    for place, value in {"B4": "北", "C4": "rtsp://h/9", "D4": "80", "A5": "c"}.items():
        sheet[place].value = value
    out = io.BytesIO()
    made.save(out)
    report = await registry.import_file("r.xlsx", out.getvalue(), actor="me")
    assert (report.created, report.errors, report.warnings) == (3, [], [])


async def test_what_cannot_be_read_cannot_be_marked(registry: Registry) -> None:
    with pytest.raises(InputError, match="PDF"):
        await registry.mark("r.xlsx", b"%PDF-1.7")
