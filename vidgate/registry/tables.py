"""Files read into tables of cells. Runs in a worker; calamine lives only there."""

import csv
import re
import resource
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

from vidgate.errors import InputError
from vidgate.registry import biff
from vidgate.registry.archive import check_workbook
from vidgate.registry.limits import (
    HEADER_WITHIN,
    MAX_COLUMNS,
    MAX_FILE,
    MAX_ROWS,
    PARSE_MEMORY,
    Oddities,
)

Cells = Sequence[Any]
TOO_MUCH = "文件太大或太复杂，读取时超出了内存或时间上限"
SPLIT = "请分成几个文件"

MAX_SIGNS = 4096  # commas in one row, those within quoted cells too
SAMPLE = 1 << 16  # characters among which the titles are

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")

# What people rename to .xlsx, .xls or .csv, by how it begins.
_FOREIGN = (
    (b"%PDF", "PDF"),
    (b"Rar!", "RAR"),
    (b"7z\xbc\xaf", "7z"),
    (b"\x1f\x8b", "gzip"),
    (b"\x89PNG", "PNG 图片"),
    (b"\xff\xd8\xff", "JPEG 图片"),
    (b"{\\rtf", "RTF"),
    (b"SQLite format 3", "数据库"),
)
_MARKUP = (b"<html", b"<!doctype", b"<table", b"<?xml", b"<meta", b"<head", b"<style")


@dataclass(frozen=True, slots=True)
class Table:
    """One sheet as it is: `first` and `left` number its first row and column, from 1."""

    name: str
    rows: Iterable[Cells]
    first: int = 1
    left: int = 1
    odd: Oddities = field(default_factory=Oddities)
    is_hidden: bool = False
    is_text: bool = False


def read_tables(name: str, data: bytes) -> Iterator[Table]:
    """Every sheet of a file; InputError for what cannot be read, or is too much."""
    if len(data) > MAX_FILE:
        raise InputError(f"文件超过 {MAX_FILE >> 20} MiB", hint=SPLIT)
    if data[:4] == b"PK\x03\x04":
        return _read_workbook(data, check_workbook(data))
    if data[:8] == biff.MAGIC:
        return _read_workbook(data, biff.check_xls(data))
    _refuse_foreign(data)
    return iter([Table(name, _read_csv(data), is_text=True)])


def _refuse_foreign(data: bytes) -> None:
    for begins, what in _FOREIGN:
        if data.startswith(begins):
            raise InputError(
                f"这是 {what} 文件，只是换了扩展名", hint="请给出 .xlsx、.xls 或 .csv 文件"
            )
    start = data[:64].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith(_MARKUP):
        raise InputError(
            "这是网页 (HTML/XML)，不是工作簿", hint="用 Excel 或 WPS 打开后另存为 .xlsx"
        )


@contextmanager
def confined() -> Iterator[None]:
    """Bound what the block may add to a worker's memory.

    A library that cannot be told that there is no more ends the worker, and with it only the read.
    In a process of no bounded size (a test) this does nothing.
    """
    with _unpanicked():
        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        if hard == resource.RLIM_INFINITY:
            yield
            return
        with _bounded(soft, hard):
            yield


@contextmanager
def _unpanicked() -> Iterator[None]:
    """Say of a library's panic what it is: a file that nobody wrote in good faith or whole."""
    try:
        yield
    except BaseException as error:
        # What PyO3 raises cannot be imported, and is no Exception: it would end whoever reads.
        if type(error).__name__ != "PanicException":
            raise
        raise InputError("工作簿内容已损坏，无法读取", hint="请用 Excel 重新另存为 .xlsx") from None


@contextmanager
def _bounded(soft: int, hard: int) -> Iterator[None]:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    most = min(hard, pages * resource.getpagesize() + PARSE_MEMORY)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    try:
        yield
    except MemoryError:
        raise InputError(TOO_MUCH, hint=SPLIT) from None
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _read_workbook(data: bytes, odd: dict[str, Oddities]) -> Iterator[Table]:
    import python_calamine as calamine  # noqa: PLC0415 - only the worker needs it

    try:
        book = calamine.CalamineWorkbook.from_filelike(BytesIO(data))
        for about in book.sheets_metadata:
            if about.typ != calamine.SheetTypeEnum.WorkSheet:
                continue
            sheet = book.get_sheet_by_name(about.name)
            row, column = sheet.start or (0, 0)
            yield Table(
                about.name,
                # Not as a list: 20,000 rows of Python objects are 26 MiB.
                islice(sheet.iter_rows(), row, None),
                first=row + 1,
                left=column + 1,
                odd=odd.get(about.name, Oddities()),
                is_hidden=about.visible != calamine.SheetVisibleEnum.Visible,
            )
    except calamine.CalamineError as error:
        raise InputError(f"工作簿无法读取: {error}", hint="请用 Excel 重新另存为 .xlsx") from None


def _read_csv(data: bytes) -> Iterator[Cells]:
    """Row by row: 20,000 rows of Python objects are 50 MiB."""
    content = _decode(data)
    if "\0" in content:
        raise InputError("不是文本文件", hint="请给出 .xlsx、.xls 或 .csv 文件")
    delimiter = _delimiter(content)
    number, cells = 0, list[str]()
    lines = _Lines(content, delimiter)
    try:
        for cells in csv.reader(iter(lines), delimiter=delimiter):
            lines.signs = 0
            # A quoted cell may span lines, so this is the row as a spreadsheet would number it.
            number += 1
            if number > MAX_ROWS + HEADER_WITHIN:
                raise InputError(f"超过 {MAX_ROWS} 行", hint=SPLIT)
            if len(cells) > MAX_COLUMNS:
                raise InputError(f"第 {number} 行超过 {MAX_COLUMNS} 列")
            yield cells
    except csv.Error as error:
        raise InputError(f"CSV 第 {number + 1} 行无法读取: {error}") from None
    if any("\n" in cell for cell in cells) and content.count('"') % 2:
        raise InputError(f"CSV 第 {number} 行的引号没有闭合", hint="文件可能没有传完")


class _Lines:
    """The lines of a text, one by one; refuses more cells in a row than anybody means."""

    def __init__(self, content: str, delimiter: str) -> None:
        self._content = content
        self._delimiter = delimiter
        self.signs = 0  # since the last row

    def __iter__(self) -> Iterator[str]:
        for found in _LINE.finditer(self._content):
            line = found[0]
            self.signs += line.count(self._delimiter)
            if self.signs > MAX_SIGNS:
                raise InputError(f"有一行超过 {MAX_COLUMNS} 列", hint="文件可能不是 CSV")
            yield line


def _delimiter(content: str) -> str:
    """By the line with the titles: a heading above it may have none."""
    lines = content[:SAMPLE].lstrip("\r\n").split("\n", HEADER_WITHIN)[:HEADER_WITHIN]
    if lines and lines[0].strip().lower().startswith("sep=") and len(lines[0].strip()) == 5:
        return lines[0].strip()[4]
    counts = [(line.count(sign), sign) for line in lines[:HEADER_WITHIN] for sign in ",\t;"]
    return max(counts, key=lambda count: count[0])[1] if counts else ","


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
