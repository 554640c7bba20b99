"""What a command lists, as a file for a spreadsheet or a program: raw values, nothing that runs."""

import csv
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

from vidgate.cli import files, output
from vidgate.cli.errors import UsageError, both
from vidgate.cli.options import Output
from vidgate.registry.rows import guarded

STDOUT = Path("-")
# What XML has not, half of a surrogate pair, and what would steer a terminal.
_BARRED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
Cell = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Sheet:
    """The columns of a list, by their names in the API; `times` are wall-clock seconds there."""

    title: str
    columns: tuple[str, ...]
    times: tuple[str, ...] = ()

    def rows(self, items: Sequence[output.Item]) -> list[list[Cell]]:
        """The names of the columns, then a row for each item."""
        rows = [[self._cell(item, name) for name in self.columns] for item in items]
        return [list(self.columns), *rows]

    def _cell(self, item: output.Item, name: str) -> Cell:
        value = item.get(name)
        return cell(instant(value) if name in self.times else value)


def check(shape: Output | None) -> None:
    """UsageError where the options do not go together: said before the work, not after."""
    chosen = shape or Output()
    form = _form(chosen)
    if chosen.json and form != "json":
        raise UsageError(both(f"--json 和 -o {form} 只能选一个", f"--json or -o {form}: not both"))
    if chosen.file is None:
        if form == "xlsx":
            raise UsageError(
                both("xlsx 要写到文件, 请加 --file", "xlsx goes to a file: give --file"),
                hint="-o xlsx --file list.xlsx",
            )
        return
    if form not in ("csv", "xlsx"):
        raise UsageError(
            both("--file 只用于 -o csv 或 -o xlsx", "--file goes with -o csv or -o xlsx"),
            hint=f"-o csv --file {chosen.file}",
        )
    files.check_free(chosen.file, force=chosen.force)


def written(
    shape: Output | None, sheet: Sheet, found: Any, items: Sequence[output.Item] | None = None
) -> bool:
    """Give out an answer as was asked; False where a table for a person was.

    The rows of a file are `items`, by default the answer's own.
    """
    chosen = shape or Output()
    rows = found["items"] if items is None else items
    match _form(chosen):
        case "table":
            return False
        case "json":
            output.document(found)
            return True
        case "csv":
            path = chosen.file or STDOUT
            content = csv_of(sheet.rows(rows), is_marked=path != STDOUT)
        case _:
            path = chosen.file or STDOUT
            content = xlsx_of(sheet.title, sheet.rows(rows))
    sys.stdout.flush()
    files.write(path, content, force=chosen.force)
    if path != STDOUT:
        output.note(f"已写入 written: {path} ({len(rows)} 行 rows)")
    return True


def _form(chosen: Output) -> str:
    return "json" if chosen.json and chosen.form == "table" else chosen.form


def instant(seconds: object) -> object:
    """Wall-clock seconds as an RFC 3339 text in UTC; anything else as it is."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return seconds
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def cell(value: object) -> Cell:
    """A value as a cell: a number stays one, a text is none that a spreadsheet would run."""
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, list | tuple):
        value = ",".join(map(str, value))
    elif isinstance(value, dict):
        value = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return guarded(_BARRED.sub("\N{REPLACEMENT CHARACTER}", str(value)))


def csv_of(rows: Sequence[Sequence[Cell]], *, is_marked: bool) -> bytes:
    """RFC 4180 in UTF-8; a file is marked, or Excel reads its Chinese as GB18030; a pipe is not."""
    out = StringIO()
    csv.writer(out).writerows(
        [str(value).lower() if isinstance(value, bool) else value for value in row] for row in rows
    )
    return out.getvalue().encode("utf-8-sig" if is_marked else "utf-8")


def xlsx_of(title: str, rows: Sequence[Sequence[Cell]]) -> bytes:
    """A workbook of one sheet, its first row fixed."""
    from openpyxl import Workbook  # heavy, and few ask for it

    from vidgate.registry.export import escaped, text_cells  # heavy as well

    book = Workbook(write_only=True)
    sheet = book.create_sheet(title)
    sheet.freeze_panes = "B2"
    text = text_cells(sheet)
    for row in rows:
        line: list[Any] = [escaped(value) if isinstance(value, str) else value for value in row]
        # A name like #N/A is a name, which the writer would take for an error value.
        sheet.append([text(v) if isinstance(v, str) and v.startswith("#") else v for v in line])
    out = BytesIO()
    book.save(out)
    return out.getvalue()
