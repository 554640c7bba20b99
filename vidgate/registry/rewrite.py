"""The values of a file in a new workbook, with what is wrong coloured and said.

For what cannot be kept as it is (csv, xls, and what is too large). Runs in a worker.
"""

from collections.abc import Iterator
from io import BytesIO
from itertools import islice
from typing import Any

from vidgate.registry.export import escaped
from vidgate.registry.fields import plain
from vidgate.registry.header import PROBLEMS, Cells, find_header
from vidgate.registry.limits import HEADER_WITHIN
from vidgate.registry.notes import AUTHOR, MOST, Note, Notes, columns_of, marks_of, summary
from vidgate.registry.rows import FORMULA
from vidgate.registry.tables import Table, read_tables


def rewrite(name: str, data: bytes, notes: Notes, why: str) -> bytes:
    """An xlsx of every sheet; `why` only the values are kept stands at the added column.

    Raises InputError as the reading does.
    """
    from openpyxl import Workbook  # noqa: PLC0415 - only the worker needs it

    book = Workbook(write_only=True)
    for table in read_tables(name, data):
        _Sheet(book, table, notes, why).write()
    out = BytesIO()
    book.save(out)
    return out.getvalue()


class _Sheet:
    """Writes one sheet."""

    def __init__(self, book: Any, table: Table, notes: Notes, why: str) -> None:
        self._table = table
        self._notes = notes
        self._why = why
        self._rows = list(table.rows)
        header = find_header(table.name, list(islice(self._rows, HEADER_WITHIN + 1)))
        self._head = table.first + header.below - 1 if header else 0
        self._columns = columns_of(header)
        self._old = header.problems if header else ()
        self._place = self._old[0] if self._old else max(map(_filled, self._rows), default=0)
        self._left = MOST
        title = table.name.rpartition("/")[2] if table.is_text else table.name
        for sign in "[]:*?/\\":
            title = title.replace(sign, "_")
        self._sheet = book.create_sheet(title[:31])
        if table.is_hidden:
            self._sheet.sheet_state = "hidden"

    def write(self) -> None:
        for _ in range(1, self._table.first):
            self._sheet.append([])
        for number, cells in self._numbered():
            self._append(number, cells)

    def _numbered(self) -> Iterator[tuple[int, Cells]]:
        number = self._table.first
        for cells in self._rows:
            yield number, cells
            number += 1
        # Rows of nothing but formulas that were never calculated are none to the reader.
        last = max(self._notes.rows(self._table.name), default=0)
        yield from ((row, ()) for row in range(number, last + 1))

    def _append(self, number: int, cells: Cells) -> None:
        row = [self._cell(cell) for cell in cells]
        for column in self._old:
            row[column : column + 1] = [None] * (column < len(row))
        is_head = number == self._head
        notes = self._notes.of(self._table.name, number, is_head=is_head)
        if is_head or notes:
            row += [None] * (self._place + 1 - len(row))
        if notes:
            self._mark(row, notes)
        if is_head:
            row[self._place] = self._titled(row[self._place])
        elif notes:
            row[self._place] = self._cell(summary(notes))
        self._sheet.append([None] * (self._table.left - 1) + row)

    def _mark(self, row: list[Any], notes: list[Note]) -> None:
        from openpyxl.cell import Cell, WriteOnlyCell  # noqa: PLC0415 - only the worker needs it
        from openpyxl.comments import Comment  # noqa: PLC0415
        from openpyxl.styles import PatternFill  # noqa: PLC0415

        for column, mark in marks_of(notes, self._columns, self._place).items():
            value = row[column]
            cell = value if isinstance(value, Cell) else WriteOnlyCell(self._sheet, value)
            cell.fill = PatternFill("solid", fgColor=mark.colour)
            if self._left > 0:
                cell.comment = Comment(mark.comment(), AUTHOR, height=90, width=320)
                self._left -= 1
            row[column] = cell

    def _titled(self, cell: Any) -> Any:
        """The title of the added column, and why the rest looks other than it did."""
        from openpyxl.cell import Cell, WriteOnlyCell  # noqa: PLC0415 - only the worker needs it
        from openpyxl.comments import Comment  # noqa: PLC0415

        if not isinstance(cell, Cell):
            cell = WriteOnlyCell(self._sheet)
        said = f"{cell.comment.text}\n" if cell.comment else ""
        cell.value = PROBLEMS
        cell.comment = Comment(said + self._why, AUTHOR, height=90, width=320)
        return cell

    def _cell(self, value: Any) -> Any:
        """A value as a cell: never a formula, and no character that XML has not."""
        if not isinstance(value, str):
            return value
        if value.isalnum():  # nearly all of them
            return value
        from openpyxl.cell import WriteOnlyCell  # noqa: PLC0415 - only the worker needs it
        from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE  # noqa: PLC0415

        value = escaped(ILLEGAL_CHARACTERS_RE.sub("", value))
        if not FORMULA.match(value) and not value.startswith("#"):  # nor an error value
            return value or None
        cell = WriteOnlyCell(self._sheet, value=value)
        cell.data_type = "s"
        cell.quotePrefix = True
        return cell


def _filled(cells: Cells) -> int:
    """How many cells a row has up to its last one with something in it."""
    return max((column for column, cell in enumerate(cells, 1) if plain(cell)), default=0)
