"""From a file to one edit, with every mistake of every row."""

import asyncio
import json
import re
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from vidgate.model.channel import Login
from vidgate.registry.planner import Mistakes, Planner
from vidgate.registry.rows import ParsedRow, shown
from vidgate.registry.sheet import ParsedFile

MAX_ERRORS = 20_000  # told in one report; `rejected` counts on
LISTED = 50  # warnings of one kind that are told one by one

# What differs between two sentences that say the same of two cells: ids, numbers, names.
_PARTICULARS = re.compile(r"[\w.:/-]*[0-9A-Za-z][\w.:/-]*|（.*）", re.ASCII)


@dataclass(frozen=True, slots=True)
class RowError:
    """One wrong cell: `row` as the spreadsheet numbers it, `column` its title there."""

    sheet: str
    row: int
    column: str
    value: str
    message: str


@dataclass(frozen=True, slots=True)
class Folded:
    """`count` more warnings of a kind than are listed; `message` is the first that is not."""

    column: str
    message: str
    count: int


@dataclass(slots=True)
class ImportReport:
    """What an import did, or with `change` None would do.

    Counts are of channels, `rejected` of rows. An import that was refused because of rejected rows
    has created and updated nothing and says so. `warnings` refuse nothing: what is doubtful, and
    what was not read. Of each kind the first are listed and the others counted in `more`.
    """

    change: int | None = None
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    rejected: int = 0
    errors: list[RowError] = field(default_factory=list)
    warnings: list[RowError] = field(default_factory=list)
    more: list[Folded] = field(default_factory=list)

    def counts(self) -> dict[str, int | None]:
        """All that is no list."""
        names = ("change", "created", "updated", "unchanged", "removed", "rejected")
        return {name: getattr(self, name) for name in names}

    def as_json(self) -> dict[str, Any]:
        """The document of `channel import --json`."""
        return asdict(self)


class Importer:
    """Plans the rows of a parsed file, giving way to the event loop after each chunk.

    `listed`: warnings of one kind that are told one by one.
    """

    def __init__(self, planner: Planner, report: ImportReport, listed: int = LISTED) -> None:
        self._planner = planner
        self._report = report
        self._listed = listed
        self._kinds: Counter[tuple[str, str]] = Counter()
        self._beyond: dict[tuple[str, str], tuple[str, str]] = {}

    async def plan(self, parsed: ParsedFile) -> None:
        """Plan every row; mistakes go to the report."""
        await self._planner.learn_places()
        for one in parsed.remarks:
            self._report.warnings.append(RowError(one.sheet, one.row, one.column, "", one.message))
        for chunk in parsed.chunks:
            for row in json.loads(chunk):
                self._take(parsed, row)
            await asyncio.sleep(0)
        self._report.more += [
            Folded(column, message, self._kinds[kind] - self._listed)
            for kind, (column, message) in self._beyond.items()
        ]

    def _take(self, parsed: ParsedFile, row: dict[str, Any]) -> None:
        sheet = parsed.sheets[row["sheet"]]
        where = f"第 {row['row']} 行" if len(parsed.sheets) == 1 else f"{sheet} 第 {row['row']} 行"
        taken = ParsedRow(
            row["values"],
            Login(*row["login"]) if row["login"] else None,
            [(name, message) for name, message in row["mistakes"]],
            [(name, message) for name, message in row["warnings"]],
        )
        mistakes = self._planner.take(taken, where)
        self._report.rejected += bool(mistakes)
        self._tell(parsed, row, mistakes, self._report.errors)
        doubts = [one for one in taken.warnings if self._is_listed(parsed, row, *one)]
        self._tell(parsed, row, doubts, self._report.warnings)

    def _is_listed(self, parsed: ParsedFile, row: dict[str, Any], name: str, message: str) -> bool:
        """Whether a warning is among the first of its kind; counts it."""
        kind = name, _PARTICULARS.sub("", message)
        self._kinds[kind] += 1
        if self._kinds[kind] <= self._listed:
            return True
        column = parsed.titles[row["sheet"]].get(name, name)
        self._beyond.setdefault(kind, (column, message))
        return False

    def _tell(
        self, parsed: ParsedFile, row: dict[str, Any], found: Mistakes, to: list[RowError]
    ) -> None:
        titles, sheet = parsed.titles[row["sheet"]], parsed.sheets[row["sheet"]]
        for name, message in found[: MAX_ERRORS - len(to)]:
            value = row["shown"].get(name, shown(name, row["values"].get(name)))
            to.append(RowError(sheet, row["row"], titles.get(name, name), value, message))
