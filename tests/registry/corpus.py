"""Files as departments and vendors really send them, made byte by byte; test_corpus imports each.

    python -m tests.registry.corpus > tests/registry/reports.json

writes what is said of each, to be read before it is committed.
"""

import asyncio
import gzip
import io
import json
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from openpyxl import Workbook, load_workbook
from openpyxl.styles import Font, PatternFill

from tests.registry import biff
from tests.registry.biff import Error, Formula, Merged
from tests.registry.conftest import in_thread
from tests.registry.files import book, text, xlsx
from tests.registry.test_archive import END, SHEET, packed
from vidgate.aio.bus import Bus
from vidgate.aio.clock import ManualClock
from vidgate.errors import InputError
from vidgate.registry.limits import MAX_FILE
from vidgate.registry.places import Place
from vidgate.registry.registry import Registry
from vidgate.registry.template import make_template
from vidgate.storage.database import Database
from vidgate.storage.secrets import SecretBox

HUNAN = Place(108, 24, 115, 31)
HEAD = ("通道编号", "通道名称", "主码流地址")
CODE = "43048900001320000001"
CASES: dict[str, Callable[[], bytes]] = {}

# What is registered before each file comes.
BEFORE = text(
    ("id", "name", "gb_code", "url"),
    ("old-1", "老通道", "43048900001320000099", "rtsp://u:p@10.9.9.1/main"),
    ("old-2", "另一个", "", "rtsp://u:p@10.9.9.2/main"),
)


def case(file: str) -> Callable[[Callable[[], bytes]], Callable[[], bytes]]:
    """Enter a file under a name that says what is nasty about it."""

    def enter(make: Callable[[], bytes]) -> Callable[[], bytes]:
        assert file not in CASES
        CASES[file] = make
        return make

    return enter


def good(number: int) -> tuple[str, str, str]:
    return f"cam-{number}", f"城关镇第{number}路", f"rtsp://u:p@10.0.0.{number}/main"


def plain(name: str, *rows: Sequence[Any]) -> None:
    """An xlsx of one sheet with the usual titles."""
    case(name)(lambda: xlsx(HEAD, *rows))


def titled(name: str, titles: Sequence[Any], *rows: Sequence[Any]) -> None:
    """An xlsx of one sheet with titles of its own."""
    case(name)(lambda: xlsx(titles, *rows))


def csv(name: str, content: str, encoding: str = "utf-8") -> None:
    case(name)(lambda: content.encode(encoding))


def raw(name: str, data: bytes | Callable[[], bytes]) -> None:
    case(name)(lambda: data() if callable(data) else data)


def worked(name: str, work: Callable[[Workbook], None], *rows: Sequence[Any]) -> None:
    """An xlsx that somebody worked on in a spreadsheet program."""

    def make() -> bytes:
        made = load_workbook(io.BytesIO(xlsx(HEAD, *rows)))
        work(made)
        out = io.BytesIO()
        made.save(out)
        return out.getvalue()

    case(name)(make)


LINE = ",".join(HEAD) + "\r\n"

# Texts and their encodings.
csv("utf8.csv", LINE + "a,北门,rtsp://h/1\r\n")
csv("utf8-bom.csv", LINE + "a,北门,rtsp://h/1\r\n", "utf-8-sig")
csv("gb18030.csv", LINE + "a,北门㐂,rtsp://h/1\r\n", "gb18030")
csv("utf16.txt", LINE.replace(",", "\t") + "a\t北门\trtsp://h/1\r\n", "utf-16")
csv("old-mac.csv", (LINE + "a,北门,rtsp://h/1\r\n").replace("\r\n", "\r"))
csv("semicolons.csv", LINE.replace(",", ";") + "a;北,门;rtsp://h/1\r\n")
csv("sep-line.csv", "sep=;\r\n" + LINE.replace(",", ";") + "a;北门;rtsp://h/1\r\n")
csv("title-above.csv", "视频通道登记表\r\n\r\n" + LINE + "a,北门,rtsp://h/1\r\n")
csv("excel-quoted-codes.csv", f'国标编码,名称,主码流\r\n"=""{CODE}""",北门,rtsp://h/1\r\n')
csv("apostrophe-code.csv", f"国标编码,名称,主码流\r\n'{CODE},北门,rtsp://h/1\r\n")
csv(
    "float-codes.csv",
    "国标编码,名称,主码流\r\n4.30489E+19,北门,rtsp://h/1\r\n3.4E+19,南,rtsp://h/2\r\n",
)
csv("zeroed-codes.csv", "国标编码,名称,主码流\r\n43048900001320000000,北门,rtsp://h/1\r\n")
csv(
    "comma-in-password.csv",
    LINE + "a,北门,rtsp://admin:CANARY,x@10.0.0.1/main\r\nb,南门,rtsp://h/2\r\n",
)
csv("trailing-commas.csv", LINE + "a,北门,rtsp://h/1,,,\r\n,,,,\r\n")
csv("short-row.csv", LINE + "a,北门\r\nb,南门,rtsp://h/2\r\n")
csv("unclosed-quote.csv", LINE + 'a,"北门,rtsp://h/1\r\nb,南门,rtsp://h/2\r\n')
csv("cut-in-a-quote.csv", LINE + 'a,北门,rtsp://h/1\r\nb,"南门\r\n')
csv("line-break-in-a-name.csv", LINE + 'a,"城关镇\r\n北门",rtsp://h/1\r\n')
csv("formulas-as-text.csv", LINE + "a,=1+1,rtsp://h/1\r\nb,'@SUM(A1),rtsp://h/2\r\n")
csv("bare-login.csv", LINE + "a,北门,rtsp://admin:CANARY\r\n")
csv("password-in-query.csv", LINE + "a,北门,rtsp://h/live?user=a&password=CANARY\r\n")
csv("password-without-user.csv", "编号,名称,主码流,密码\r\na,北门,rtsp://h/1,CANARY\r\n")
csv(
    "two-logins.csv",
    "编号,名称,主码流,子码流\r\na,北门,rtsp://u:CANARY@h/1,rtsp://u:CANARY2@h/2\r\n",
)
csv("only-titles.csv", LINE)
csv("no-titles.csv", "a,北门,rtsp://h/1\r\n")
csv("no-key.csv", "名称,厂商,IP,端口,通道号\r\n北门,海康,10.0.0.1,554,1\r\n")
raw("empty.csv", b"")
raw("zeros.csv", b"id,name\n\0\0\0")
raw("latin.csv", "编号,名称\n".encode() + b"a,b\xe9\xff\xff\n")

# Values.
titled(
    "full-width.xlsx", ("通道编号", "通道名称", "主码流地址", "端口", "经度", "纬度"),
    ("ｃａｍ－１", "城关镇１号　（北）", "ｒｔｓｐ：//10.0.0.1/main", "５５４",
     "１１２．８", "２６．４"),
)  # fmt: skip
plain(
    "stray-blanks.xlsx", ("  cam-1 ", " 城关镇 \u200b 北门\n东侧 ", "\u00a0rtsp://10.0.0.1/main\t")
)
titled(
    "float-code.xlsx", ("国标编码", "名称", "主码流"), (43048900001320000001, "北门", "rtsp://h/1")
)
titled("float-id.xlsx", HEAD, (20260001.0, "北门", "rtsp://h/1"), (1.5, "南门", "rtsp://h/2"))
titled(
    "date-for-channel-number.xlsx", ("编号", "名称", "IP", "通道号", "标签"),
    ("a", "北门", "10.0.0.1", datetime.fromisoformat("2026-01-01"), date(2026, 1, 1)),
    ("b", "南门", "10.0.0.2", time(1, 30), ""),
)  # fmt: skip
titled(
    "short-and-lettered-codes.xlsx", ("通道编号", "国标编码", "名称", "主码流"),
    ("a", "4304890000132000001", "少一位", "rtsp://h/1"),
    ("b", "4304890000132000000A", "有字母", "rtsp://h/2"),
    ("c", "430489 00001320000002", "有空格", "rtsp://h/3"),
)  # fmt: skip
titled(
    "doubtful-codes.xlsx", ("国标编码", "名称", "主码流"),
    ("99048900001320000001", "省", "rtsp://h/1"), ("43048900991320000001", "行业", "rtsp://h/2"),
    ("43048900001180000001", "录像机", "rtsp://h/3"), ("43048900007770000001", "类型", "rtsp://h/4"),
    ("43048900001329000001", "网络", "rtsp://h/5"),
)  # fmt: skip
titled(
    "places.xlsx", ("通道编号", "名称", "主码流", "经度", "纬度"),
    ("a", "好", "rtsp://h/1", 112.8, 26.4), ("b", "反", "rtsp://h/2", 26.4, 112.8),
    ("c", "反2", "rtsp://h/3", 26.4, 89.9), ("d", "北京", "rtsp://h/4", 116.4, 39.9),
    ("e", "零", "rtsp://h/5", 0, 0), ("f", "半", "rtsp://h/6", 112.8, None),
    ("g", "度分秒", "rtsp://h/7", "112°50′", "26°25′"),
)  # fmt: skip
titled(
    "declared.xlsx",
    (*HEAD, "设备状态(1-在线 0-离线)", "*在线状态", "编码格式", "分辨率", "帧率(fps)"),
    ("a", "北门", "rtsp://h/1", 1, "在线", "H.265/HEVC", "1920×1080", 25.0),
    ("b", "南门", "rtsp://h/2", 0, "OFF", "264", "200W像素", "25帧/秒"),
    ("c", "东门", "rtsp://h/3", 1, "检修", 4.0, "高清", "25/30"),
    ("d", "西门", "rtsp://h/4", 0, "-", "无", "", date(2026, 1, 2)),
)  # fmt: skip
titled(
    "schemes.xlsx", HEAD,
    ("a", "rtsp", "RTSP://H:554/1"), ("b", "rtsps", "rtsps://h/1"), ("c", "http", "http://h/1"),
    ("d", "exec", "exec:/bin/sh"), ("e", "path", "/dev/video0"), ("f", "port", "rtsp://h:0/1"),
    ("g", "blank", "rtsp://h/a b"), ("h", "file", "file:///etc/passwd"),
)  # fmt: skip
titled(
    "closed-sets.xlsx", (*HEAD, "接入方式", "点位类型", "建设阶段", "启用", "传输方式"),
    ("a", "好", "rtsp://h/1", "RTSP", "一类", "在用", "是", "TCP"),
    ("b", "坏", "rtsp://h/2", "国标", "四类", "在建", "也许", "quic"),
)  # fmt: skip
plain("long-name.xlsx", ("a", "长" * 129, "rtsp://h/1"), ("b", "好", "rtsp://h/" + "x" * 1100))
plain(
    "bad-ids.xlsx",
    ("通道1", "中文", "rtsp://h/1"),
    ("-a", "横", "rtsp://h/2"),
    ("a" * 65, "长", "rtsp://h/3"),
)
plain("control-characters.xlsx", ("a", "北\u202e门", "rtsp://h/1"))
plain("markup.xlsx", ("a", "<img src=x onerror=alert(1)>", "rtsp://h/1"))
plain("planned-without-lifecycle.xlsx", ("a", "北门", ""))

# Duplicates.
plain("same-id.xlsx", good(1), ("CAM-1", "又一个", "rtsp://10.0.0.9/main"), good(2), good(1))
titled(
    "same-code.xlsx", ("通道编号", "国标编码", "名称", "主码流"),
    ("a", CODE, "经公安", "rtsp://h/1"), ("b", CODE, "经应急", "rtsp://h/2"),
    ("c", "43048900001320000099", "已登记的", "rtsp://h/3"),
)  # fmt: skip
plain(
    "same-address.xlsx",
    ("a", "一", "rtsp://h/1"),
    ("b", "二", "rtsp://u:p@h/1"),
    ("c", "三", "rtsp://10.9.9.2/main"),
)
plain(
    "same-address-by-default-port.xlsx",
    ("a", "一", "rtsp://H.example:554/1"),
    ("b", "二", "rtsp://h.example/1"),
    ("c", "三", "RTSP://10.9.9.2:554/main"),
)
titled(
    "same-device.xlsx",
    ("编号", "名称", "厂商", "IP", "端口", "通道号"),
    ("a", "一", "海康威视", "10.1.2.3", "", "1"),
    ("b", "二", "hikvision", "１０.1.2.3", 554, "01"),
    ("c", "三", "海康", "10.1.2.3", "", "2"),
    ("d", "四", "海康", "10.1.2.3", 8554, "1"),
)
plain("all-known.xlsx", ("old-1", "老通道", "rtsp://u:p@10.9.9.1/main"), ("OLD-2", "改名", ""))

# Titles.
titled(
    "english.xlsx",
    ("ID", "Name", "URL", "Sub URL", "Channel_No"),
    ("a", "n", "rtsp://h/1", "rtsp://h/2", 3.0),
)
titled("starred-titles.xlsx", ("*通道编号(必填)", "通道名称：", " 主 码 流 "), good(1))
titled(
    "duplicate-columns.xlsx",
    ("通道编号", "名称", "设备名称", "主码流"),
    ("a", "一", "二", "rtsp://h/1"),
)
titled(
    "managing-unit-beside-department.xlsx",
    (*HEAD, "管理单位", "所属部门(警种)"),
    (*good(1), "某公司", "公安局"),
)
titled("managing-unit-alone.xlsx", (*HEAD, "管理单位"), (*good(1), "公安局"))
titled("unknown-columns.xlsx", ("序号", *HEAD, "颜色", "备注"), (1, *good(1), "红", "x"))
titled(
    "title-row-and-remarks.xlsx",
    ("城关镇视频点位登记表", None, None),
    ("填表人：王工", None, None),
    (None,) * 3,
    HEAD,
    good(1),
)
titled("header-too-low.xlsx", *[("说明",)] * 11, HEAD, good(1))
titled("blank-lines.xlsx", HEAD, (None,) * 3, good(1), (" ", "\u3000", ""), good(2), (None,) * 3)
titled("example-row.xlsx", HEAD, ("示例", "样子", "rtsp://h/1"), good(1))
titled(
    "a-name-like-an-example.xlsx", ("名称", "编号", "主码流"), ("示例小学门口", "a", "rtsp://h/1")
)


# Long numbers where nobody looks for them: two would become one.
LONG = 43048900001320000001
LONG_TITLES = ("编号", "名称", "主码流", "点位", "通道号", "标签", "用户名", "密码")


def _long(at: int) -> tuple[Any, ...]:
    """A row whose column `at` is a number that a spreadsheet has kept as one."""
    row: list[Any] = [f"cam-{at}", f"第{at}路", f"rtsp://10.0.0.{at}/1", None, None, None, "u", "p"]
    row[at] = float(LONG)
    return tuple(row)


titled("long-numbers.xlsx", LONG_TITLES, *map(_long, (1, 3, 4, 5, 6, 7)))
raw("long-numbers.xls", lambda: biff.xls(LONG_TITLES, *map(_long, (1, 3, 4, 5, 6, 7))))
csv(
    "long-numbers.csv",
    "编号,名称,主码流,点位,通道号,标签\r\n"
    "a,4.30489E+19,rtsp://h/1,,,\r\nb,二,rtsp://h/2,4.30489E+19,,\r\n"
    "c,三,rtsp://h/3,,4.3E+19,\r\nd,四,rtsp://h/4,,,北门 4.30489E+19\r\n"
    f'e,五,rtsp://h/5,"=""{LONG}""",2E1,1E5\r\n',
)

# Cells merged over the rows that share them.
MERGED_TITLES = ("编号", "名称", "厂商", "IP", "通道号", "部门")


def _merge(*places: str) -> Callable[[], bytes]:
    """A recorder's four channels in a sheet where the places are merged."""

    def make() -> bytes:
        made = load_workbook(io.BytesIO(xlsx(MERGED_TITLES, *RECORDER)))
        for place in places:
            made.worksheets[0].merge_cells(place)
        out = io.BytesIO()
        made.save(out)
        return out.getvalue()

    return make


RECORDER = (
    ("a", "一", "海康", "10.0.0.1", 1, "水利局"),
    ("b", "二", None, None, 2, None),
    ("c", "三", None, None, 3, None),
    ("d", "四", "大华", "10.0.0.2", 1, "教育局"),
)
raw("merged-cells.xlsx", _merge("C2:C4", "D2:D4", "F2:F4"))
raw("merged-block.xlsx", _merge("C2:D4"))
raw("merged-keys.xlsx", _merge("A2:A3", "D2:D4", "C2:C4"))
raw(
    "merged-cells.xls",
    lambda: biff.xls(
        MERGED_TITLES,
        (
            "a",
            "一",
            Merged("海康", rows=3),
            Merged("10.0.0.1", rows=3),
            1,
            Merged("水利局", rows=3),
        ),
        ("b", "二", None, None, 2, None),
        ("c", "三", None, None, 3, None),
        ("d", "四", "大华", "10.0.0.2", 1, "教育局"),
    ),
)


def _merge_error(made: Workbook) -> None:
    made.worksheets[0]["B2"] = "=Z9"
    made.worksheets[0].merge_cells("B2:B3")


worked("merged-formula.xlsx", _merge_error, good(1), ("cam-2", None, "rtsp://10.0.0.2/main"))


def _filter(made: Workbook) -> None:
    for row in (3, 4):
        made.worksheets[0].row_dimensions[row].hidden = True


worked("filtered-rows.xlsx", _filter, good(1), good(2), good(3), good(4))


@case("two-row-header.xlsx")
def _two_rows() -> bytes:
    made = load_workbook(io.BytesIO(xlsx(
        ("视频点位登记表",), ("通道编号", "通道名称", "位置", None, "取流", None),
        (None, None, "经度", "纬度", "主码流地址", "子码流地址"),
        ("a", "北门", 112.8, 26.4, "rtsp://h/1", "rtsp://h/2"),
    )))  # fmt: skip
    for place in ("A1:F1", "A2:A3", "B2:B3", "C2:D2", "E2:F2"):
        made.worksheets[0].merge_cells(place)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


# Workbooks that somebody worked on.
def _formula(made: Workbook) -> None:
    made.worksheets[0]["B2"] = '="城关镇"&"北门"'


def _error(made: Workbook) -> None:
    made.worksheets[0]["B3"] = "#N/A"
    made.worksheets[0]["B3"].data_type = "e"


def _formula_row(made: Workbook) -> None:
    for column in "ABC":
        made.worksheets[0][f"{column}4"] = f"={column}2"


def _unread_formula(made: Workbook) -> None:
    made.worksheets[0]["E1"] = "合计"
    made.worksheets[0]["E2"] = "=COUNTA(A:A)"


def _hide(made: Workbook) -> None:
    made.create_sheet("旧表")
    for row in (HEAD, good(7)):
        made["旧表"].append(list(row))
    made["旧表"].sheet_state = "hidden"
    made.create_sheet("列表").append(["是", "否"])
    made["列表"].sheet_state = "veryHidden"


def _hide_all(made: Workbook) -> None:
    made.create_sheet("空")
    made.worksheets[0].sheet_state = "hidden"
    made.active = 1


def _decorate(made: Workbook) -> None:
    sheet = made.worksheets[0]
    sheet["A1"].font = Font(bold=True)
    for row in range(1, 300):
        sheet.cell(row=row, column=40).fill = PatternFill("solid", fgColor="FFEEEE")
    sheet.row_dimensions[3].hidden = True
    sheet.auto_filter.ref = "A1:C3"


worked("uncached-formula.xlsx", _formula, good(1), good(2))
worked("error-value.xlsx", _error, good(1), good(2))
worked("row-of-formulas.xlsx", _formula_row, good(1))
worked("formula-in-an-unread-column.xlsx", _unread_formula, good(1))
worked("hidden-sheets.xlsx", _hide, good(1))
worked("all-hidden.xlsx", _hide_all, good(1))
worked("coloured-far-and-wide.xlsx", _decorate, good(1), good(2))
raw(
    "several-sheets.xlsx",
    lambda: book(
        {"说明": [("请填下表",)], "公安": [HEAD, good(1)], "校园": [HEAD, good(2), good(1)]}
    ),
)
raw(
    "platform-list-beside.xlsx",
    lambda: book(
        {"通道": [HEAD, good(1)], "平台": [("名称", "IP", "端口"), ("公安", "10.0.0.1", 80)]}
    ),
)
raw("template.xlsx", make_template)


@case("cached-formula.xlsx")
def _cached() -> bytes:
    """As Excel saves it: each formula with its value."""
    made = io.BytesIO(xlsx(HEAD, ("a", "=D2", "rtsp://h/1"), ("b", '=IF(1,"","")', "rtsp://h/2")))
    out = io.BytesIO()
    with zipfile.ZipFile(made) as before, zipfile.ZipFile(out, "w") as after:
        for part in before.infolist():
            content = before.read(part)
            content = content.replace(b"<f>D2</f><v></v>", b"<f>D2</f><v>7</v>")
            content = content.replace(b'<c r="B3"><f>', b'<c r="B3" t="str"><f>')
            after.writestr(part, content)
    return out.getvalue()


# Old workbooks, as Excel 2003 and WPS save them.
raw("old.xls", lambda: biff.xls(HEAD, good(1)))
raw("wps-merged.xls", lambda: biff.xls(
    (Merged("视频点位登记表", columns=4),), (None,),
    (Merged("通道编号", rows=2), Merged("通道名称", rows=2), Merged("位置", columns=2), None,
     Merged("主码流地址", rows=2)),
    (None, None, "经度", "纬度"), ("a", "北门", 112.8, 26.4, "rtsp://h/1"),
))  # fmt: skip
raw("formulas.xls", lambda: biff.xls(
    HEAD, ("a", Formula("北门"), "rtsp://h/1"), ("b", Formula(None), "rtsp://h/2"),
    ("c", Formula(Error(0x17)), "rtsp://h/3"), ("d", Error(0x2A), "rtsp://h/4"),
))  # fmt: skip
raw(
    "float-codes.xls",
    lambda: biff.xls(
        ("国标编码", "名称", "主码流"),
        (4.3048900001320000001e19, "北门", "rtsp://h/1"),
        (CODE, "南门", "rtsp://h/2"),
    ),
)
raw(
    "hidden.xls",
    lambda: biff.book([("通道", [HEAD, good(1)], 0), ("旧表", [HEAD, good(2)], biff.HIDDEN)]),
)
raw("password.xls", lambda: biff.xls(HEAD, good(1), extra=biff.record(0x002F, bytes(6))))
raw("far-cell.xls", lambda: biff.compound(_far()))
raw("cut.xls", lambda: biff.xls(HEAD, *map(good, range(200)))[:9000])
raw("word.doc", lambda: biff.compound(b"\0" * 5000, name="WordDocument"))
raw("encrypted.xlsx", lambda: biff.compound(b"\0" * 5000, name="EncryptedPackage"))


def _far() -> bytes:
    names = biff.record(0x0085, b"\0\0\0\0" + bytes((0, 0, 1, 0)) + b"x")
    head = biff.record(0x0809, b"\0\x06\x05\0" + bytes(12)) + names + biff.record(0x000A, b"")
    body = biff.record(0x0809, b"\0\x06\x10\0" + bytes(12)) + biff.cell(65535, 255, 1.0)
    return (
        head.replace(b"\x85\0\x09\0\0\0\0\0", b"\x85\0\x09\0" + bytes((len(head), 0, 0, 0))) + body
    )


# What is something else.
raw("a-pdf.xlsx", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n")
raw("a-picture.xlsx", b"\x89PNG\r\n\x1a\n" + bytes(100))
raw(
    "a-web-page.xls",
    b"\xef\xbb\xbf<html xmlns:x='urn:schemas-microsoft-com:office:excel'><table></table></html>",
)
raw("a-text.xls", text(HEAD, good(1), delimiter="\t", encoding="gb18030"))
raw("gzip.csv.gz", lambda: gzip.compress(text(HEAD, good(1)), mtime=0))
raw("cut.xlsx", lambda: xlsx(HEAD, *map(good, range(200)))[:3000])
raw("only-the-start.xlsx", b"PK\x03\x04")
raw("too-large.csv", lambda: b"x" * (MAX_FILE + 1))
raw(
    "doctype.xlsx",
    lambda: packed(**{"xl__sharedStrings.xml": '<!DOCTYPE x [<!ENTITY a "b">]><sst/>'}),
)
raw("binary-workbook.xlsb", lambda: packed(**{"xl/workbook.bin": "x"}))
raw(
    "million-rows.xlsx",
    lambda: packed(
        **{
            "xl__worksheets__sheet1.xml": SHEET
            + '<row r="1000000"><c r="A1000000"><v>1</v></c></row>'
            + END
        }
    ),
)
raw(
    "zip-bomb.xlsx",
    lambda: packed(**{"xl__worksheets__sheet1.xml": SHEET + "<row/>" + " " * (101 << 20) + END}),
)
raw("many-parts.xlsx", lambda: packed(**{f"p{n}": "" for n in range(300)}))


@case("a-zip-of-a-csv.xlsx")
def _zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo("登记表.csv"), text(HEAD, good(1)))
    return out.getvalue()


async def told_of(registry: Registry, file: str) -> dict[str, Any]:
    """The report of a file, or what refuses it; the register is a fresh one."""
    await registry.import_file("before.csv", BEFORE, actor="test")
    known = registry.channels
    data = await asyncio.to_thread(CASES[file])
    try:
        report = await registry.import_file(file, data, actor="test")
    except InputError as error:
        assert registry.channels is known
        return {"refused": error.message, "hint": error.hint}
    assert (registry.channels == known) == (report.change is None)
    return _short(report.as_json())


def _short(report: dict[str, Any]) -> dict[str, Any]:
    """Cells as one line each, what is nothing left out."""
    told = {name: value for name, value in report.items() if value not in (0, [], None)}
    told.pop("lifecycles", None)  # they follow from the counts
    for name in ("errors", "warnings"):
        if name in told:
            told[name] = [
                f"{one['sheet']}!{one['row']} [{one['column']}] {one['value']!r}: {one['message']}"
                for one in told[name]
            ]
    return told


async def main() -> None:
    told = {}
    for file in CASES:
        with tempfile.TemporaryDirectory() as name:
            async with (
                Database(Path(name) / "vidgate.db", clock=ManualClock()) as db,
                Registry(db, SecretBox(Path(name)), Bus(), in_thread, place=HUNAN) as registry,
            ):
                told[file] = await told_of(registry, file)
    json.dump(told, sys.stdout, ensure_ascii=False, indent=1)
    print()


if __name__ == "__main__":
    asyncio.run(main())
