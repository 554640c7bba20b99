import io
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.comments import Comment
from openpyxl.styles import Font, PatternFill

from tests.registry import biff
from tests.registry.files import book, text, xlsx
from vidgate.errors import InputError
from vidgate.registry import marks
from vidgate.registry.header import PROBLEMS
from vidgate.registry.notes import AUTHOR, RED, YELLOW
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


def saved(made: Workbook) -> bytes:
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


async def marked(registry: Registry, data: bytes) -> Workbook:
    return load_workbook(io.BytesIO((await registry.mark("r.xlsx", data)).content))


@pytest.mark.parametrize("kind", ["xls", "csv"])
async def test_bad_cells_are_coloured_and_say_why(registry: Registry, kind: str) -> None:
    rows = [[str(cell) for cell in row] for row in ROWS]
    data = text(*rows) if kind == "csv" else biff.xls(*rows)
    made = load_workbook(io.BytesIO((await registry.mark("r.csv", data)).content))
    sheet = made.worksheets[0]
    assert [cell.value for cell in sheet[3]] == [*rows[2], None]
    assert sheet["B3"].data_type == "s"
    assert sheet["B5"].data_type == "s"
    assert [cell.value for cell in sheet[2]] == [*HEAD, PROBLEMS]
    marked = {cell.coordinate: cell for row in sheet for cell in row if cell.comment}
    assert set(marked) == {"B4", "C4", "D4", "A5", "E2"}
    assert marked["D4"].value == "x"
    assert marked["D4"].comment is not None
    assert marked["D4"].comment.text == "应为 1 到 65535 的整数"
    assert marked["D4"].fill.fgColor.rgb == f"00{RED}"
    assert "第 3 行的通道编号重复" in str(sheet["E5"].value)
    assert registry.channels == {}


async def test_what_is_only_doubtful_is_yellow(registry: Registry) -> None:
    head = ("国标编码", "名称", "主码流", "颜色")
    data = xlsx(head, ("43048900001180000001", "a", "rtsp://h/1", "红"))
    sheet = (await marked(registry, data)).worksheets[0]
    assert sheet["A2"].fill.fgColor.rgb == f"00{YELLOW}"
    assert sheet["D1"].fill.fgColor.rgb == f"00{YELLOW}"


async def test_all_sheets_come_back_in_their_places(registry: Registry) -> None:
    data = book(
        {"说明": [("请填",)], "一": [(), (None, *HEAD), (None, "", "x", "rtsp://h/1", None)]}
    )
    found = sheets((await registry.mark("r.xlsx", data)).content)
    assert list(found) == ["说明", "一"]
    assert found["一"][1] == [None, *HEAD, PROBLEMS]
    assert found["一"][2][5] == "通道编号和国标编码至少填一个"


async def test_the_marked_sheet_imports_once_it_is_put_right(registry: Registry) -> None:
    made = await marked(registry, text(*[[str(c) for c in row] for row in ROWS]))
    sheet = made.worksheets[0]
    for place, value in {"B4": "北", "C4": "rtsp://h/9", "D4": "80", "A5": "c"}.items():
        sheet[place].value = value
    report = await registry.import_file("r.xlsx", saved(made), actor="me")
    assert (report.created, report.errors, report.warnings) == (3, [], [])


async def test_what_cannot_be_read_cannot_be_marked(registry: Registry) -> None:
    with pytest.raises(InputError, match="PDF"):
        await registry.mark("r.xlsx", b"%PDF-1.7")


def comments(made: Workbook) -> dict[str, str]:
    return {
        cell.coordinate: cell.comment.text
        for row in made.worksheets[0]
        for cell in row
        if cell.comment
    }


@pytest.fixture
def styled() -> Workbook:
    """A sheet that somebody has worked on."""
    made = load_workbook(io.BytesIO(book({"登记表": ROWS[1:], "选项": [("一类", "二类")]})))
    sheet = made["登记表"]
    sheet.insert_rows(1)
    sheet["A1"] = "城关镇视频登记表"
    sheet.merge_cells("A1:D1")
    sheet["A1"].font = Font(bold=True, size=20)
    sheet.column_dimensions["C"].width = 55
    sheet.freeze_panes = "B3"
    sheet.auto_filter.ref = "A2:D5"
    sheet["D3"].fill = PatternFill("solid", fgColor=RED)  # Excel offers that very colour
    sheet["D4"].comment = Comment("问过供应商", "王工")
    sheet["B3"], sheet["B5"] = "甲", "乙"
    sheet["C5"] = '="rtsp://h/"&ROW()'
    made["选项"].sheet_state = "hidden"
    return made


async def test_the_users_own_sheet_keeps_its_looks(registry: Registry, styled: Workbook) -> None:
    result = await registry.mark("r.xlsx", saved(styled))
    assert result.lost == ""
    made = load_workbook(io.BytesIO(result.content))
    assert made.sheetnames == ["登记表", "选项"]
    assert made["选项"].sheet_state == "hidden"
    sheet = made["登记表"]
    assert [str(area) for area in sheet.merged_cells.ranges] == ["A1:D1"]
    assert (sheet["A1"].font.bold, sheet["A1"].font.size) == (True, 20)
    assert sheet.column_dimensions["C"].width == 55
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("B3", "A2:D5")
    assert sheet["C5"].value == '="rtsp://h/"&ROW()'
    assert [cell.value for cell in sheet[2]] == [*HEAD, PROBLEMS]
    assert "重复" in str(sheet["E5"].value)
    assert sheet["D3"].fill.fgColor.rgb == f"00{RED}"
    assert sheet["D3"].comment is None
    told = comments(made)
    assert set(told) == {"B4", "C4", "D4", "A5", "C5"}
    assert told["D4"] == "应为 1 到 65535 的整数\n\n原批注：问过供应商"


async def test_marking_again_replaces_what_was_marked(registry: Registry, styled: Workbook) -> None:
    first = await marked(registry, saved(styled))
    again = await marked(registry, saved(first))
    assert sheets(saved(again)) == sheets(saved(first))
    assert comments(again) == comments(first)
    sheet = again.worksheets[0]
    for place, value in {"B4": "北", "C4": "rtsp://h/9", "A5": "c", "C5": "rtsp://h/5"}.items():
        sheet[place].value = value
    third = await marked(registry, saved(again))
    assert comments(third) == {"D4": comments(first)["D4"]}
    sheet = third.worksheets[0]
    assert [cell.value for cell in sheet["E"]] == [
        None, PROBLEMS, None, "应为 1 到 65535 的整数", None,
    ]  # fmt: skip
    assert sheet["B4"].fill.fill_type is None
    assert sheet["D3"].fill.fgColor.rgb == f"00{RED}"
    sheet["D4"].value = 80
    report = await registry.import_file("r.xlsx", saved(third), dry_run=True, actor="me")
    assert (report.created, report.errors, report.warnings) == (3, [], [])
    last = (await marked(registry, saved(third))).worksheets[0]
    assert last["D4"].comment is not None
    assert (last["D4"].comment.text, last["E4"].value) == ("问过供应商", None)


async def test_a_remark_on_the_titles_leaves_the_added_title(registry: Registry) -> None:
    rows = (("编号", "名称", "主码流", "颜色"), ("a", "a", "rtsp://h/1", "红"))
    for data in (xlsx(*rows), text(*rows)):
        sheet = (await marked(registry, data)).worksheets[0]
        assert [cell.value for cell in sheet[1]] == [*rows[0], PROBLEMS]
        assert sheet["D1"].comment is not None
        assert "不认识的列" in sheet["D1"].comment.text
        report = await registry.import_file("r.xlsx", saved_sheet(sheet), dry_run=True, actor="me")
        assert [one.column for one in report.warnings] == ["颜色"]


def saved_sheet(sheet: Any) -> bytes:
    return saved(sheet.parent)


@pytest.mark.parametrize("kind", ["xlsx", "csv"])
async def test_notes_beside_the_titles_are_not_written_over(registry: Registry, kind: str) -> None:
    rows = (("编号", "名称", "主码流"), ("a", "", "rtsp://h/1", "", "老王报的"))
    sheet = (await marked(registry, xlsx(*rows) if kind == "xlsx" else text(*rows))).worksheets[0]
    assert sheet["E2"].value == "老王报的"
    assert sheet["F1"].value == PROBLEMS
    assert sheet["F2"].value


async def test_titles_of_two_rows_are_found_again(registry: Registry) -> None:
    made = Workbook()
    sheet = made.worksheets[0]
    for row in (("编号", "位置", "", "主码流"), ("", "名称", "经度", ""), ("a", "", "x", "y")):
        sheet.append(row)
    for area in ("A1:A2", "B1:C1", "D1:D2"):
        sheet.merge_cells(area)
    first = await marked(registry, saved(made))
    assert first.worksheets[0]["E2"].value == PROBLEMS
    again = await marked(registry, saved(first))
    assert sheets(saved(again)) == sheets(saved(first))


async def test_a_mark_in_a_merged_cell_is_on_its_first(registry: Registry) -> None:
    made = Workbook()
    sheet = made.worksheets[0]
    for row in (("编号", "名称", "主码流", "平台"), ("a", "a", "", "x/y"), ("b", "b", "", "")):
        sheet.append(row)
    sheet.merge_cells("C2:C3")
    sheet = (await marked(registry, saved(made))).worksheets[0]
    assert sheet["C2"].comment is not None
    assert sheet["E3"].value


async def test_a_hidden_sheet_and_one_without_keys_say_so_where_they_begin(
    registry: Registry,
) -> None:
    good = (HEAD, ("a", "a", "rtsp://h/1", 80))
    data = book({"一": good, "二": (HEAD[1:], ("b", "rtsp://h/2", 80)), "三": good})
    made = load_workbook(io.BytesIO(data))
    made["三"].sheet_state = "hidden"
    made = await marked(registry, saved(made))
    for name, place in (("二", "A1"), ("三", "E1")):
        comment = made[name][place].comment
        assert comment is not None
        assert "没有导入" in comment.text
    assert made["三"]["E1"].value == PROBLEMS


async def test_what_is_too_large_keeps_its_values_and_says_so(
    registry: Registry, styled: Workbook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marks, "MAX_OVERLAY", 5)
    result = await registry.mark("r.xlsx", saved(styled))
    assert result.lost == marks.TOO_LARGE
    made = load_workbook(io.BytesIO(result.content))
    told = made["登记表"]["E2"].comment
    assert told is not None
    assert told.text == marks.TOO_LARGE
    assert told.author == AUTHOR


@pytest.mark.parametrize(
    ("error", "why"), [(MemoryError, marks.TOO_LARGE), (KeyError, marks.STRANGE)]
)
async def test_what_openpyxl_cannot_carry_keeps_its_values_and_says_so(
    registry: Registry,
    styled: Workbook,
    monkeypatch: pytest.MonkeyPatch,
    error: type[Exception],
    why: str,
) -> None:
    def fail(*_: object) -> bytes:
        raise error

    monkeypatch.setattr(marks, "overlay", fail)
    result = await registry.mark("r.xlsx", saved(styled))
    assert result.lost == why
    assert "登记表" in sheets(result.content)


async def test_a_csv_says_that_it_had_no_looks_to_keep(registry: Registry) -> None:
    result = await registry.mark("r.csv", text(HEAD, ("a", "", "rtsp://h/1", "80")))
    assert result.lost == marks.NO_XLSX


async def test_a_whole_sheet_of_doubts_is_marked(registry: Registry) -> None:
    rows = [(f"c{n}", "同一个名称", f"rtsp://h/{n}", "x") for n in range(2500)]
    made = await marked(registry, xlsx(HEAD, *rows))
    sheet = made.worksheets[0]
    assert len(comments(made)) == 2000
    assert sheet["D2501"].fill.fgColor.rgb == f"00{RED}"
    assert sheet["E2501"].value == "应为 1 到 65535 的整数"
