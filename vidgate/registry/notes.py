"""What an import says of the cells of a file, by place. Runs in a worker, with the sheets."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from vidgate.registry.header import Header

RED, YELLOW = "FFC7CE", "FFEB9C"
AUTHOR = "vidgate"  # of our comments: what is ours is replaced when a file is marked again
THEIRS = "\n\n原批注："  # a comment that was there before stands below ours
MOST = 2000  # comments in one sheet; the added column has them all


class Note(NamedTuple):
    """`title` is the user's title of the column, empty for the row as a whole."""

    title: str
    message: str
    is_error: bool


@dataclass(slots=True)
class Mark:
    """What is to be said of one cell."""

    messages: list[str] = field(default_factory=list)
    is_error: bool = False

    @property
    def colour(self) -> str:
        """Red for what refuses the row, else yellow."""
        return RED if self.is_error else YELLOW

    def comment(self, theirs: str = "") -> str:
        """The text of a comment; what `theirs` says stays."""
        return "\n".join(self.messages) + (f"{THEIRS}{theirs}" if theirs else "")


class Notes:
    """All notes: JSON lists of [sheet, row, column title, message, is error]."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._found: dict[tuple[str, int], list[Note]] = defaultdict(list)
        for chunk in chunks:
            for sheet, row, *note in json.loads(chunk):
                self._found[sheet, row].append(Note(*note))

    def of(self, sheet: str, row: int, *, is_head: bool = False) -> list[Note]:
        """The notes of a row; the head of a sheet takes those of the sheet as a whole, too."""
        own = self._found.get((sheet, row), [])
        return self._found.get((sheet, 0), []) + own if is_head else own

    def rows(self, sheet: str) -> list[int]:
        """The rows with notes, in order."""
        return sorted(row for name, row in self._found if name == sheet and row)


def marks_of(notes: Iterable[Note], columns: Mapping[str, int], otherwise: int) -> dict[int, Mark]:
    """The marks of one row by column; what has no column of its own goes to `otherwise`."""
    marks: dict[int, Mark] = defaultdict(Mark)
    for title, message, is_error in notes:
        mark = marks[columns.get(title, otherwise)]
        mark.messages.append(message)
        mark.is_error |= is_error
    return marks


def summary(notes: Iterable[Note]) -> str:
    """A row's notes in one cell."""
    return "；".join(note.message for note in notes)


def columns_of(header: Header | None) -> dict[str, int]:
    """Where the column of each title is."""
    if header is None:
        return {}
    titled = {title: column for column, (_, title) in header.columns.items()}
    return {title: column for column, title in header.unknown.items()} | titled
