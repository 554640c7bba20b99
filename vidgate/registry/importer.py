"""From a file to one edit, with every mistake of every row."""

import asyncio
import re
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from vidgate.errors import InputError
from vidgate.model.channel import Login
from vidgate.registry.fields import BY_NAME
from vidgate.registry.planner import Mistakes, Planner
from vidgate.registry.rows import ParsedRow, shown
from vidgate.registry.sheet import ParsedFile, rows_of

MAX_ERRORS = 20_000  # told in one report; `rejected` counts on
LISTED = 50  # warnings of one kind that are told one by one

NOT_PRUNED = "有错误的行，没有移除文件里没有的通道"

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
class Manner:
    """How to import; see `Registry.import_file`."""

    dry_run: bool = False
    partial: bool = False
    prune: bool = False


@dataclass(frozen=True, slots=True)
class Folded:
    """`count` more warnings of a kind than are listed; `message` is the first that is not."""

    column: str
    message: str
    count: int


@dataclass(slots=True)
class ImportReport:
    """What an import did, or with `change` None would do.

    Counts are of channels, `rejected` of rows; `lifecycles` of those created and updated that are
    enabled, by the step that they are at. An import that was refused because of rejected rows
    has created and updated nothing and says so. `warnings` refuse nothing: what is doubtful, and
    what was not read. Of each kind the first are listed and the others counted in `more`.
    """

    change: int | None = None
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    rejected: int = 0
    lifecycles: dict[str, int] = field(default_factory=dict)
    errors: list[RowError] = field(default_factory=list)
    warnings: list[RowError] = field(default_factory=list)
    more: list[Folded] = field(default_factory=list)

    def is_good_for(self, manner: Manner) -> bool:
        """Whether what was planned is to be done: not where all rows or none were wanted."""
        return not self.rejected or manner.dry_run or manner.partial

    def counts(self) -> dict[str, Any]:
        """All that is no list."""
        names = ("change", "created", "updated", "unchanged", "removed", "rejected", "lifecycles")
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
        await self._planner.learn_waiting()
        for one in parsed.remarks:
            self._report.warnings.append(RowError(one.sheet, one.row, one.column, "", one.message))
        for index, chunk in enumerate(parsed.chunks):
            parsed.chunks[index] = b""  # taken: no longer to be held
            for row in rows_of(chunk):
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
        column = _title(parsed, row, name)
        self._beyond.setdefault(kind, (column, message))
        return False

    def _tell(
        self, parsed: ParsedFile, row: dict[str, Any], found: Mistakes, to: list[RowError]
    ) -> None:
        sheet = parsed.sheets[row["sheet"]]
        for name, message in found[: MAX_ERRORS - len(to)]:
            value = row["shown"].get(name, shown(name, row["values"].get(name)))
            column = _title(parsed, row, name)
            to.append(RowError(sheet, row["row"], column, value, message))


def _title(parsed: ParsedFile, row: dict[str, Any], name: str) -> str:
    """What the user's sheet calls a field; where it has no such column, what the template does."""
    known = BY_NAME.get(name)
    titles: dict[str, str] = parsed.titles[row["sheet"]]
    return titles.get(name, known.title if known else name)


async def enter(planner: Planner, parsed: ParsedFile, manner: Manner) -> ImportReport:
    """Plan a file in `planner.edit`; InputError where pruning would empty the register."""
    report = ImportReport()
    await Importer(planner, report).plan(parsed)
    report.unchanged = planner.unchanged
    if report.is_good_for(manner):
        if manner.prune:
            _prune(planner, report)
        report.created, report.updated, report.removed = planner.edit.counts()
        report.lifecycles = planner.edit.lifecycles()
        await planner.forget()
    return report


def refuse_unread(parsed: ParsedFile) -> None:
    """Raise InputError: a file of which a part was not read does not say what is to be removed."""
    if parsed.unread:
        sheets = "；".join(f"工作表“{one.sheet}”：{one.message}" for one in parsed.unread[:3])
        raise InputError(
            f"{sheets}；其中的通道会被移除 / not all sheets were read, so nothing can be pruned",
            hint="取消隐藏、补上表头或删除该工作表，或不用 --prune",
        )


def _prune(planner: Planner, report: ImportReport) -> None:
    if report.rejected:
        report.warnings.append(RowError("", 0, "", "", NOT_PRUNED))
        return
    if not planner.seen:
        raise InputError("文件里没有通道，不能据此移除全部通道 / would remove every channel")
    planner.remove_unseen()
