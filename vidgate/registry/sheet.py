"""A file read into parsed rows, with what is wrong in each. Runs in a worker."""

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

from vidgate.errors import InputError
from vidgate.registry.fields import HEADERS, header_key, plain
from vidgate.registry.header import Cells, Header, find_header, keyless
from vidgate.registry.limits import HEADER_WITHIN, MAX_ROWS
from vidgate.registry.merges import Merges
from vidgate.registry.rows import ParsedRow, parse_row, shown
from vidgate.registry.tables import SPLIT, Table, confined, read_tables

CHUNK = 100  # rows that are planned between two turns of the loop
EXAMPLE = "示例"  # a row that begins so is the template's own
KEYLESS = "没有“通道编号”或“国标编码”列，这个工作表没有导入"
UNKNOWN = "不认识的列，没有读取"
RIVAL = "与另一列说的是同一项，没有读取"
HEADERLESS = "没有找到表头，这个工作表没有导入"
HIDDEN = "隐藏的工作表没有导入"
FILTERED = "有 {} 行被筛选或隐藏，已一并导入"
TABULAR = 3  # filled cells in a row from which a sheet without titles is a table and no text
SHIFTED = "这一行的单元格比表头多，可能有未加引号的逗号，请给该单元格加上引号"


@dataclass(frozen=True, slots=True)
class Remark:
    """What is to be said of a file beside its rows; `sheet` is a name."""

    sheet: str
    row: int
    column: str
    message: str


@dataclass(slots=True)
class ParsedFile:
    """What a worker hands back.

    `titles` has the user's column title for each field, a dict a sheet; `chunks` are JSON lists
    of rows `{"sheet", "row", "values", "login", "mistakes", "warnings", "shown"}`, small enough
    each to be read without holding the event loop and packed (zlib), for all of them are on the
    way and in memory at once. `unread` are those remarks that are about a
    sheet with rows which were not read: the file does not tell the whole register.
    """

    sheets: list[str] = field(default_factory=list)
    titles: list[dict[str, str]] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    unread: list[Remark] = field(default_factory=list)


def rows_of(chunk: bytes) -> list[dict[str, Any]]:
    """The rows of one chunk of a parsed file."""
    rows: list[dict[str, Any]] = json.loads(zlib.decompress(chunk))
    return rows


def parse_file(name: str, data: bytes) -> ParsedFile:
    """Read every sheet that has a header. Raises InputError for a file that cannot be read."""
    import python_calamine  # noqa: F401, PLC0415 - before its memory would count as the file's

    with confined():
        return _parse(name, data)


def _parse(name: str, data: bytes) -> ParsedFile:
    parsed = ParsedFile()
    rows = _number_rows(parsed, name, data)
    while chunk := list(islice(rows, CHUNK)):
        parsed.chunks.append(zlib.compress(json.dumps(chunk, ensure_ascii=False).encode(), 1))
    if not parsed.sheets:
        told = [one for one in parsed.remarks if one.message != HEADERLESS]
        why = "；".join(f"{one.sheet}: {one.message}" for one in told[:3])
        raise InputError(
            f"没有找到表头（{why}）" if why else "没有找到表头",
            hint="第一行应有“通道编号、通道名称”等列名；模板: channel template",
        )
    return parsed


def _number_rows(parsed: ParsedFile, name: str, data: bytes) -> Iterator[dict[str, Any]]:
    total = 0
    for table in read_tables(name, data):
        rows = iter(table.rows)
        top = list(islice(rows, HEADER_WITHIN + 1))
        header = find_header(table.name, top)
        if header is None:
            _leave_headerless(parsed, table, top, rows)
            continue
        if table.is_hidden:
            _leave(parsed, Remark(table.name, 0, "", HIDDEN))
            continue
        _enter(parsed, table, header)
        hidden = 0
        for row in _rows_below(table, header, top, rows):
            total += 1
            if total > MAX_ROWS:
                raise InputError(f"超过 {MAX_ROWS} 行", hint=SPLIT)
            hidden += row["row"] in table.odd.hidden
            yield {"sheet": len(parsed.sheets) - 1, **row}
        if hidden:
            parsed.remarks.append(Remark(table.name, 0, "", FILTERED.format(hidden)))


def _leave(parsed: ParsedFile, remark: Remark) -> None:
    parsed.remarks.append(remark)
    parsed.unread.append(remark)


def _leave_headerless(
    parsed: ParsedFile, table: Table, top: list[Cells], rest: Iterator[Cells]
) -> None:
    """Say of a sheet without a header that it was not read, where it is no mere text."""
    if titles := keyless(top):
        _leave(parsed, Remark(table.name, 0, titles[:80], KEYLESS))
    elif not table.is_hidden and any(map(_is_tabular, chain(top, rest))):
        _leave(parsed, Remark(table.name, 0, "", HEADERLESS))


def _is_tabular(cells: Cells) -> bool:
    return sum(1 for cell in cells if plain(cell)) >= TABULAR


def _enter(parsed: ParsedFile, table: Table, header: Header) -> None:
    parsed.sheets.append(table.name)
    parsed.titles.append(dict(header.columns.values()))
    number = table.first + header.below - 1
    for title in header.unknown.values():
        message = RIVAL if header_key(title) in HEADERS else UNKNOWN
        parsed.remarks.append(Remark(table.name, number, title[:80], message))


def _rows_below(
    table: Table, header: Header, top: list[Cells], rest: Iterator[Cells]
) -> Iterator[dict[str, Any]]:
    number = table.first + header.below
    merges = Merges(
        table.odd.merges, {table.left + at: name for at, (name, _) in header.columns.items()}
    )
    # A row of nothing but uncalculated formulas is an empty one to a reader, or none at all.
    odd_rows = {
        row for row, column in table.odd if row >= number and column - table.left in header.columns
    }
    for part in (top[header.below :], rest):
        for cells in part:
            if number in odd_rows or not _is_skipped(cells, header):
                yield _row(table, header, number, cells, merges)
            odd_rows.discard(number)
            number += 1
    for number in sorted(odd_rows):
        yield _row(table, header, number, (), merges)


def _is_skipped(cells: Cells, header: Header) -> bool:
    """Whether a row is blank, or the template's example."""
    if not any(plain(cell) for cell in cells):
        return True
    first = plain(cells[0])
    is_key = header.columns.get(0, ("", ""))[0] in ("id", "gb_code")
    return first.startswith(EXAMPLE) if is_key else first == EXAMPLE


def _row(table: Table, header: Header, number: int, cells: Cells, merges: Merges) -> dict[str, Any]:
    if table.is_text and any(plain(cell) for cell in cells[header.width :]):
        # All that follows the comma is one column off, a piece of a password perhaps: not quoted.
        return _encoded(number, ParsedRow(mistakes=[("", SHIFTED)]), {})
    given = {}
    odd = {}
    for column, (name, _) in header.columns.items():
        message = table.odd.get((number, table.left + column))
        if message is not None:
            odd[name] = message
        elif column < len(cells):
            given[name] = cells[column]
    merged = merges.fill(number, given, odd)
    parsed = parse_row(given, lenient=True)
    parsed.mistakes[:0] = [*odd.items(), *merged.mistakes]
    parsed.warnings += merged.warnings
    return _encoded(number, parsed, given)


def _encoded(number: int, parsed: ParsedRow, given: dict[str, Any]) -> dict[str, Any]:
    login = parsed.login
    unread = [one for one in parsed.warnings if one[0] not in parsed.values]
    return {
        "row": number,
        "values": parsed.values,
        "login": [login.username, login.password] if login else None,
        "mistakes": parsed.mistakes,
        "warnings": parsed.warnings,
        "shown": {name: shown(name, given.get(name)) for name, _ in (*parsed.mistakes, *unread)},
    }
