"""From a file to one edit, with every mistake of every row."""

import asyncio
import json
from dataclasses import asdict, dataclass, field
from typing import Any

from vidgate.model.channel import Login
from vidgate.registry.planner import Planner
from vidgate.registry.rows import ParsedRow, shown
from vidgate.registry.sheet import ParsedFile

MAX_ERRORS = 20_000  # told in one report; `rejected` counts on


@dataclass(frozen=True, slots=True)
class RowError:
    """One wrong cell: `row` as the spreadsheet numbers it, `column` its title there."""

    sheet: str
    row: int
    column: str
    value: str
    message: str


@dataclass(slots=True)
class ImportReport:
    """What an import did, or with `change` None would do.

    Counts are of channels, `rejected` of rows. An import that was refused because of rejected rows
    has created and updated nothing and says so.
    """

    change: int | None = None
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    errors: list[RowError] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The document of `channel import --json`."""
        return asdict(self)


class Importer:
    """Plans the rows of a parsed file, giving way to the event loop after each chunk."""

    def __init__(self, planner: Planner, report: ImportReport) -> None:
        self._planner = planner
        self._report = report

    async def plan(self, parsed: ParsedFile) -> None:
        """Plan every row; mistakes go to the report."""
        for chunk in parsed.chunks:
            for row in json.loads(chunk):
                self._take(parsed, row)
            await asyncio.sleep(0)

    def _take(self, parsed: ParsedFile, row: dict[str, Any]) -> None:
        login = Login(*row["login"]) if row["login"] else None
        mistakes = [(name, message) for name, message in row["mistakes"]]
        sheet = parsed.sheets[row["sheet"]]
        where = f"第 {row['row']} 行" if len(parsed.sheets) == 1 else f"{sheet} 第 {row['row']} 行"
        found = self._planner.take(ParsedRow(row["values"], login, mistakes), where)
        if not found:
            return
        self._report.rejected += 1
        titles = parsed.titles[row["sheet"]]
        for name, message in found[: MAX_ERRORS - len(self._report.errors)]:
            value = row["shown"].get(name, shown(name, row["values"].get(name)))
            column = titles.get(name, name)
            self._report.errors.append(RowError(sheet, row["row"], column, value, message))
