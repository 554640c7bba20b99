import json
from typing import Any

import pytest

from tests.registry.files import HEADER, book, row, text, xlsx
from vidgate.errors import InputError
from vidgate.registry.limits import MAX_FILE
from vidgate.registry.sheet import CHUNK, ParsedFile, parse_file, rows_of


def all_rows(parsed: ParsedFile) -> list[dict[str, Any]]:
    return [row for chunk in parsed.chunks for row in rows_of(chunk)]


def names(data: bytes, file: str = "r.csv") -> list[str]:
    return [row["values"]["name"] for row in all_rows(parse_file(file, data))]


def test_xlsx_and_csv_say_the_same() -> None:
    rows = (HEADER, row(1), row(2))
    one, two = parse_file("r.xlsx", xlsx(*rows)), parse_file("r.csv", text(*rows))
    assert all_rows(one) == all_rows(two)
    assert all_rows(one)[0] == {
        "sheet": 0,
        "row": 2,
        "values": {
            "id": "cam-0001",
            "name": "城关镇第1路",
            "url": "rtsp://10.0.0.2/main",
            "platform": "公安",
        },
        "login": ["admin", "secret1"],
        "mistakes": [],
        "warnings": [],
        "shown": {},
    }


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_csv_of_every_origin(encoding: str, delimiter: str) -> None:
    data = text(HEADER, row(1), encoding=encoding, delimiter=delimiter)
    assert names(data) == ["城关镇第1路"]


def test_titles_may_stand_below_a_heading_and_be_chinese() -> None:
    rows = (
        ("通道登记表", "", ""),
        ("2026 年", "", ""),
        ("* 通道编号", "通道名称（必填）", "备注"),
        ("cam-1", "北门", "不认识的列"),
    )
    parsed = parse_file("r.xlsx", xlsx(*rows))
    assert parsed.titles == [{"id": "* 通道编号", "name": "通道名称（必填）"}]
    assert [(row["row"], row["values"]) for row in all_rows(parsed)] == [
        (4, {"id": "cam-1", "name": "北门"})
    ]


def test_rows_are_numbered_as_the_spreadsheet_does() -> None:
    blank = ("", "", "", "")
    data = xlsx(blank, blank, HEADER, row(1), blank, row(2))
    assert [row["row"] for row in all_rows(parse_file("r.xlsx", data))] == [4, 6]


def test_sheets_without_titles_are_notes() -> None:
    data = book({"说明": [("请填写下表",)], "一": [HEADER, row(1)], "二": [HEADER, row(2)]})
    parsed = parse_file("r.xlsx", data)
    assert parsed.sheets == ["一", "二"]
    assert [row["sheet"] for row in all_rows(parsed)] == [0, 1]


def test_numbers_that_excel_made_of_codes_are_told() -> None:
    data = xlsx(("gb_code", "name"), (43042100001320000001, "北门"), ("4.30421E+19", "南门"))
    mistakes = [row["mistakes"] for row in all_rows(parse_file("r.xlsx", data))]
    assert all("丢失精度" in found[0][1] for found in mistakes)
    assert len(mistakes) == 2


def test_mistakes_quote_no_password() -> None:
    data = xlsx(
        ("id", "name", "url", "password"),
        ("a", "a", "rtsp://u:CANARY@h:0/", ""),
        ("b", "b", "rtsp://h/password=CANARY", ""),
        ("c", "c", "rtsp://h/", "CANARY\x01".replace("\x01", "") * 30),
    )
    parsed = all_rows(parse_file("r.xlsx", data))
    assert [len(row["mistakes"]) for row in parsed] == [1, 1, 1]
    assert "CANARY" not in json.dumps(parsed)


def test_large_files_come_in_small_pieces() -> None:
    parsed = parse_file("r.csv", text(HEADER, *map(row, range(CHUNK * 2 + 1))))
    assert [len(rows_of(chunk)) for chunk in parsed.chunks] == [CHUNK, CHUNK, 1]


def test_quotes_and_line_breaks_within_a_cell() -> None:
    assert names(text(("id", "name"), ("a", 'he said "x,y"\nand left'))) == [
        'he said "x,y" and left'
    ]


def test_the_templates_example_is_skipped() -> None:
    assert names(text(("id", "name"), ("示例", "x"), ("a", "b"))) == ["b"]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"x" * (MAX_FILE + 1), "10 MiB"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "xls"),
        (b"", "表头"),
        (b"a,b\n1,2\n", "表头"),
        (b"name,url\nx,rtsp://h/\n", "表头"),
        (b"id,name\n\xff\xff\xff", "编码"),
        (b"id,name\n\x00", "不是文本"),
        (text(("id", "name", "通道编号"), ("a", "b", "c")), "同一项"),
        (text(("id", "name", *["x"] * 127), ("a",)), "128 列"),
        (text(("id", "name"), *[("a", "b")] * 20_001), "20000 行"),
        (b'id,name\na,"' + b"x" * 200_000, "无法读取"),
        (xlsx(("id", "name"), *[("a", "b")] * 20_001), "20000 行"),
        (xlsx(("说明",)), "表头"),
    ],
)
def test_files_that_cannot_be_read_say_why(data: bytes, why: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_file("r", data)
    assert why in caught.value.message + caught.value.hint
