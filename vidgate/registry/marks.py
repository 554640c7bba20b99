"""The user's own sheet with what is wrong coloured and said. Runs in a worker.

Values are carried over as they were read, passwords too, for it goes back to who sent it, to be
put right and imported again.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from io import BytesIO
from itertools import islice
from typing import Any

from vidgate.registry.export import escaped
from vidgate.registry.header import PROBLEMS, Header, find_header
from vidgate.registry.limits import HEADER_WITHIN
from vidgate.registry.rows import FORMULA
from vidgate.registry.tables import Table, confined, read_tables

RED, YELLOW = "FFC7CE", "FFEB9C"

# By sheet and row: (title of the column, what is wrong, whether it refuses the row).
Notes = dict[tuple[str, int], list[tuple[str, str, bool]]]


def mark_file(name: str, data: bytes, notes: list[bytes]) -> bytes:
    """An xlsx of every sheet of a file, with `notes`: JSON lists of [sheet, row, column, message,
    is error]. Raises InputError as the reading does."""
    from openpyxl import Workbook  # noqa: PLC0415 - only the worker needs it

    with confined():
        book = Workbook(write_only=True)
        found: Notes = defaultdict(list)
        for chunk in notes:
            for sheet, row, column, message, is_error in json.loads(chunk):
                found[sheet, row].append((column, message, is_error))
        for table in read_tables(name, data):
            _Marker(book, table, found).write()
        out = BytesIO()
        book.save(out)
    return out.getvalue()


class _Marker:
    """Writes one sheet."""

    def __init__(self, book: Any, table: Table, notes: Notes) -> None:
        self._table = table
        self._notes = notes
        self._rows: Iterator[Any] = iter(table.rows)
        self._top = list(islice(self._rows, HEADER_WITHIN + 1))
        self._header = find_header(table.name, self._top)
        self._columns = _columns(self._header)
        title = table.name.rpartition("/")[2] if table.is_text else table.name
        for sign in "[]:*?/\\":
            title = title.replace(sign, "_")
        self._sheet = book.create_sheet(title[:31])
        if table.is_hidden:
            self._sheet.sheet_state = "hidden"

    def write(self) -> None:
        for _ in range(1, self._table.first):
            self._sheet.append([])
        number = self._table.first
        for part in (self._top, self._rows):
            for cells in part:
                self._append(number, cells)
                number += 1
        last = max((row for sheet, row in self._notes if sheet == self._table.name), default=0)
        while number <= last:
            self._append(number, ())
            number += 1

    def _append(self, number: int, cells: Any) -> None:
        notes = self._notes.get((self._table.name, number), [])
        row = [self._cell(cell) for cell in cells]
        if self._header and number == self._table.first + self._header.below - 1:
            row += [None] * (self._header.width - len(row))
            row[self._header.width :] = [PROBLEMS]
        if notes:
            self._mark(row, notes)
        self._sheet.append([None] * (self._table.left - 1) + row)

    def _mark(self, row: list[Any], notes: list[tuple[str, str, bool]]) -> None:
        width = self._header.width if self._header else len(row)
        row += [None] * (width + 1 - len(row))
        said: dict[int, list[str]] = defaultdict(list)
        for title, message, is_error in notes:
            column = self._columns.get(title)
            place = width if column is None else column
            said[place].append(message)
            row[place] = self._coloured(row[place], RED if is_error else YELLOW, said[place])
        row[width] = self._cell("；".join(message for _, message, _ in notes))

    def _coloured(self, value: Any, colour: str, messages: list[str]) -> Any:
        from openpyxl.cell import Cell, WriteOnlyCell  # noqa: PLC0415 - only the worker needs it
        from openpyxl.comments import Comment  # noqa: PLC0415
        from openpyxl.styles import PatternFill  # noqa: PLC0415

        cell = value if isinstance(value, Cell) else WriteOnlyCell(self._sheet, value)
        if cell.comment is None or colour == RED:
            cell.fill = PatternFill("solid", fgColor=colour)
        cell.comment = Comment("\n".join(messages), "vidgate", height=90, width=320)
        return cell

    def _cell(self, value: Any) -> Any:
        """A value as a cell: never a formula, and no character that XML has not."""
        from openpyxl.cell import WriteOnlyCell  # noqa: PLC0415 - only the worker needs it
        from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE  # noqa: PLC0415

        if not isinstance(value, str):
            return value
        value = escaped(ILLEGAL_CHARACTERS_RE.sub("", value))
        if not FORMULA.match(value) and not value.startswith("#"):  # nor an error value
            return value or None
        cell = WriteOnlyCell(self._sheet, value=value)
        cell.data_type = "s"
        cell.quotePrefix = True
        return cell


def _columns(header: Header | None) -> dict[str, int]:
    """Where the column of each title is; that of what has none is the one after the last."""
    if header is None:
        return {}
    titled = {title: column for column, (_, title) in header.columns.items()}
    return {title: column for column, title in header.unknown.items()} | titled
