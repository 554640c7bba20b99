"""Spreadsheets and CSV files read into parsed rows. Runs in a worker; calamine lives only there."""

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO, StringIO
from itertools import islice
from typing import Any

from vidgate.errors import InputError
from vidgate.registry.archive import MAX_COLUMNS, MAX_FILE, MAX_ROWS, check_workbook
from vidgate.registry.fields import HEADERS, header_key, plain
from vidgate.registry.rows import parse_row, shown

CHUNK = 200
HEADER_WITHIN = 10  # a title and remarks may stand above the header
EXAMPLE = "示例"  # a row that begins so is the template's own

Cells = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Sheet:
    """The rows of one sheet as they are, and the number of the first, from 1."""

    name: str
    first: int
    rows: Sequence[Cells]


@dataclass(slots=True)
class ParsedFile:
    """What a worker hands back.

    `titles` has the user's column title for each field, a dict a sheet; `chunks` are JSON lists
    of rows `{"sheet", "row", "values", "login", "mistakes", "shown"}`, small enough each to be
    read without holding the event loop.
    """

    sheets: list[str] = field(default_factory=list)
    titles: list[dict[str, str]] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)


def parse_file(name: str, data: bytes) -> ParsedFile:
    """Read every sheet that has a header. Raises InputError for a file that cannot be read."""
    if len(data) > MAX_FILE:
        raise InputError(f"文件超过 {MAX_FILE >> 20} MiB", hint="请分成几个文件")
    if data[:4] == b"PK\x03\x04":
        sheets: Iterable[Sheet] = _read_workbook(data)
    elif data[:4] == b"\xd0\xcf\x11\xe0":
        raise InputError("这是旧版 .xls 或加密的文件", hint="请用 Excel 另存为 .xlsx（不设密码）")
    else:
        sheets = [Sheet(name, 1, _read_csv(data))]
    parsed = ParsedFile()
    rows = _number_rows(parsed, sheets)
    while chunk := list(islice(rows, CHUNK)):
        parsed.chunks.append(json.dumps(chunk, ensure_ascii=False).encode())
    if not parsed.sheets:
        raise InputError(
            "没有找到表头", hint="第一行应有“通道编号、通道名称”等列名；模板: channel template"
        )
    return parsed


def _number_rows(parsed: ParsedFile, sheets: Iterable[Sheet]) -> Iterator[dict[str, Any]]:
    total = 0
    for sheet in sheets:
        found = _find_header(sheet)
        if found is None:
            continue
        index, columns = found
        parsed.sheets.append(sheet.name)
        parsed.titles.append(dict(columns.values()))
        for offset, cells in enumerate(sheet.rows[index + 1 :], index + 1):
            if not any(plain(cell) for cell in cells) or plain(cells[0]).startswith(EXAMPLE):
                continue
            total += 1
            if total > MAX_ROWS:
                raise InputError(f"超过 {MAX_ROWS} 行", hint="请分成几个文件")
            yield _row(len(parsed.sheets) - 1, sheet.first + offset, columns, cells)


def _find_header(sheet: Sheet) -> tuple[int, dict[int, tuple[str, str]]] | None:
    """The index of the header row, and the field and title of each column that has one."""
    for index, cells in enumerate(sheet.rows[:HEADER_WITHIN]):
        columns: dict[int, tuple[str, str]] = {}
        for column, cell in enumerate(cells):
            known = HEADERS.get(header_key(cell))
            if known is not None:
                columns[column] = (known.name, plain(cell))
        names = [name for name, _ in columns.values()]
        if {"id", "gb_code"} & set(names) and len(names) > 1:
            _refuse_twins(sheet, columns)
            return index, columns
    return None


def _refuse_twins(sheet: Sheet, columns: dict[int, tuple[str, str]]) -> None:
    titles: dict[str, str] = {}
    for name, title in columns.values():
        if name in titles:
            raise InputError(f"工作表“{sheet.name}”里“{titles[name]}”和“{title}”是同一项，请留一列")
        titles[name] = title


def _row(
    sheet: int, number: int, columns: dict[int, tuple[str, str]], cells: Cells
) -> dict[str, Any]:
    given = {name: cells[column] for column, (name, _) in columns.items() if column < len(cells)}
    parsed = parse_row(given)
    login = parsed.login
    return {
        "sheet": sheet,
        "row": number,
        "values": parsed.values,
        "login": [login.username, login.password] if login else None,
        "mistakes": parsed.mistakes,
        "shown": {name: shown(name, given.get(name)) for name, _ in parsed.mistakes},
    }


def _read_workbook(data: bytes) -> Iterator[Sheet]:
    import python_calamine as calamine  # noqa: PLC0415 - only the worker needs it

    check_workbook(data)
    try:
        book = calamine.CalamineWorkbook.from_filelike(BytesIO(data))
        for about in book.sheets_metadata:
            if (
                about.typ == calamine.SheetTypeEnum.WorkSheet
                and about.visible == calamine.SheetVisibleEnum.Visible
            ):
                sheet = book.get_sheet_by_name(about.name)
                first = sheet.start[0] + 1 if sheet.start else 1
                yield Sheet(about.name, first, sheet.to_python(skip_empty_area=True))
    except calamine.CalamineError as error:
        raise InputError(f"工作簿无法读取: {error}", hint="请用 Excel 重新另存为 .xlsx") from None


def _read_csv(data: bytes) -> list[Cells]:
    content = _decode(data)
    if "\0" in content:
        raise InputError("不是文本文件", hint="请给出 .xlsx 或 .csv 文件")
    first = content.lstrip("\r\n").partition("\n")[0]
    delimiter = max(",\t;", key=first.count)
    rows: list[Cells] = []
    try:
        for cells in csv.reader(StringIO(content, newline=""), delimiter=delimiter):
            # A quoted cell may span lines, so this is the row as a spreadsheet would number it.
            rows.append(cells)
            if len(rows) > MAX_ROWS + HEADER_WITHIN:
                raise InputError(f"超过 {MAX_ROWS} 行", hint="请分成几个文件")
            if len(cells) > MAX_COLUMNS:
                raise InputError(f"第 {len(rows)} 行超过 {MAX_COLUMNS} 列")
    except csv.Error as error:
        raise InputError(f"CSV 第 {len(rows) + 1} 行无法读取: {error}") from None
    return rows


def _decode(data: bytes) -> str:
    """UTF-8 (with or without a mark), UTF-16 with a mark, else GB18030."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encodings: tuple[str, ...] = ("utf-16",)
    else:
        encodings = ("utf-8-sig", "gb18030")
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InputError("文件编码不是 UTF-8 或 GB18030", hint="请另存为“CSV UTF-8”或 .xlsx")
