"""The user's own workbook with what is wrong coloured and said; all else stays as it is.

Runs in a worker. Formulas stay formulas, so it is for people: a spreadsheet calculates them when it
opens the file.
"""

import warnings
from collections.abc import Iterator
from io import BytesIO
from typing import Any

from vidgate.registry.export import escaped
from vidgate.registry.fields import plain
from vidgate.registry.header import PROBLEMS, Header, find_header
from vidgate.registry.limits import HEADER_WITHIN, MAX_COLUMNS
from vidgate.registry.notes import (
    AUTHOR,
    MOST,
    RED,
    THEIRS,
    YELLOW,
    Mark,
    Note,
    Notes,
    columns_of,
    marks_of,
    summary,
)

WIDTH = 48  # of the added column, in characters


def overlay(data: bytes, notes: Notes) -> bytes:
    """The same workbook, marked. Whatever openpyxl raises for one that it cannot take."""
    from openpyxl import load_workbook  # noqa: PLC0415 - only the worker needs it

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of parts that it leaves out, such as slicers
        book = load_workbook(BytesIO(data), rich_text=True)
        for sheet in book.worksheets:
            _Sheet(sheet, notes).write()
        if book.calculation is not None:
            book.calculation.fullCalcOnLoad = True
        out = BytesIO()
        book.save(out)
    return out.getvalue()


class _Sheet:
    """Marks one sheet. Rows count from 1, columns from 0 as a header does."""

    def __init__(self, sheet: Any, notes: Notes) -> None:
        self._sheet = sheet
        self._notes = notes
        self._left = MOST
        self._anchors = {
            (row, column): (area.min_row, area.min_col)
            for area in sheet.merged_cells.ranges
            for row in range(area.min_row, area.max_row + 1)
            for column in range(area.min_col, area.max_col + 1)
        }
        self._header, self._head = self._find_header()
        self._columns = columns_of(self._header)

    def write(self) -> None:
        self._clean()
        place = self._place()
        if self._header is None:
            if notes := self._notes.of(self._sheet.title, 1, is_head=True):
                self._mark(1, notes, 0)
            return
        for row in sorted({self._head, *self._notes.rows(self._sheet.title)}):
            is_head = row == self._head
            notes = self._notes.of(self._sheet.title, row, is_head=is_head)
            self._mark(row, notes, place)
            if place < MAX_COLUMNS:
                self._say(row, place, PROBLEMS if is_head else summary(notes))
        letter = self._cell(self._head, place).column_letter
        self._sheet.column_dimensions[letter].width = WIDTH

    def _find_header(self) -> tuple[Header | None, int]:
        """The header and the number of its last row; looked for as the import does."""
        first = next((number for number, cells in self._rows() if any(map(plain, cells))), 0)
        top = [cells for number, cells in self._rows(first + HEADER_WITHIN) if number >= first]
        header = find_header(self._sheet.title, top)
        return header, first + header.below - 1 if header else 0

    def _rows(self, last: int | None = None) -> Iterator[tuple[int, list[Any]]]:
        columns = min(self._sheet.max_column, MAX_COLUMNS)
        rows = self._sheet.iter_rows(max_row=last, max_col=columns, values_only=True)
        return ((number, list(cells)) for number, cells in enumerate(rows, 1))

    def _clean(self) -> None:
        """Take away what an earlier marking has put there."""
        from openpyxl.comments import Comment  # noqa: PLC0415 - only the worker needs it
        from openpyxl.styles import PatternFill  # noqa: PLC0415

        old = {column + 1 for column in self._header.problems} if self._header else set()
        for cell in list(self._sheet._cells.values()):
            if cell.column in old and cell.row >= self._head and not self._is_covered(cell):
                cell.value = None
            if cell.comment is None or cell.comment.author != AUTHOR:
                continue
            _, _, theirs = cell.comment.text.partition(THEIRS)
            cell.comment = Comment(theirs, "") if theirs else None
            if cell.fill.fill_type == "solid" and str(cell.fill.fgColor.rgb)[2:] in (RED, YELLOW):
                cell.fill = PatternFill()

    def _is_covered(self, cell: Any) -> bool:
        """Whether a cell is part of a merged one and not its first."""
        place = cell.row, cell.column
        return self._anchors.get(place, place) != place

    def _place(self) -> int:
        """The added column: where it was, else the first one with nothing in it."""
        if self._header and self._header.problems:
            return self._header.problems[0]
        filled = (
            cell.column
            for cell in self._sheet._cells.values()
            if cell.row >= self._head and cell.value is not None
        )
        covered = (column for row, column in self._anchors if row >= self._head)
        return max((*filled, *covered), default=0)

    def _mark(self, row: int, notes: list[Note], place: int) -> None:
        for column, mark in marks_of(notes, self._columns, place).items():
            if column < MAX_COLUMNS:
                self._colour(self._cell(row, column), mark)

    def _colour(self, cell: Any, mark: Mark) -> None:
        from openpyxl.comments import Comment  # noqa: PLC0415 - only the worker needs it
        from openpyxl.styles import PatternFill  # noqa: PLC0415

        cell.fill = PatternFill("solid", fgColor=mark.colour)
        if self._left > 0:
            theirs = cell.comment.text if cell.comment else ""
            cell.comment = Comment(mark.comment(theirs), AUTHOR, height=90, width=320)
            self._left -= 1

    def _cell(self, row: int, column: int) -> Any:
        """The cell, or the one that it is merged into."""
        row, column = self._anchors.get((row, column + 1), (row, column + 1))
        return self._sheet.cell(row=row, column=column)

    def _say(self, row: int, column: int, said: str) -> None:
        cell = self._cell(row, column)
        cell.value = escaped(said) or None
        cell.data_type = "s"
