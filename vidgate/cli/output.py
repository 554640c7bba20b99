"""What commands print: data on stdout, everything else on stderr."""

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.cells import cell_len

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")  # a name must not steer the terminal
Item = Mapping[str, Any]
Column = tuple[str, str | Callable[[Item], object]]


def document(content: object) -> None:
    """Print one JSON document on stdout; indented for a person, on one line for a program."""
    indent = 2 if sys.stdout.isatty() else None
    print(json.dumps(content, ensure_ascii=False, indent=indent))


def table(columns: Sequence[Column], items: Iterable[Item]) -> None:
    """Print a table on stdout; a column is its heading and a key or a function of the item."""
    rows = [[heading for heading, _ in columns]]
    rows.extend([text(_cell(item, source)) for _, source in columns] for item in items)
    lines = _aligned(rows)
    print(lines[0])
    print("─" * max(map(cell_len, lines)))
    print(*lines[1:], sep="\n", end="\n" if lines[1:] else "")


def fields(pairs: Iterable[tuple[str, object]]) -> None:
    """Print names and values, one a line, on stdout; empty values are left out."""
    rows = [[name, text(value)] for name, value in pairs if text(value)]
    print(*_aligned(rows), sep="\n")


def say(line: str) -> None:
    """One line for the person, on stdout, at once."""
    print(line, flush=True)


def note(line: str) -> None:
    """One line for the person, on stderr."""
    print(line, file=sys.stderr)


def text(value: object) -> str:
    """A value as a person reads it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, list | tuple):
        return ", ".join(map(text, value))
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", str(value))


def moment(seconds: object) -> str:
    """Wall-clock seconds, or an RFC 3339 text, as local time to the second, with its offset.

    Typed into a command as it stands it is the same instant, whatever zone the service is in: a
    time without an offset is meant in the service's.
    """
    if isinstance(seconds, str) and seconds:
        told = datetime.fromisoformat(seconds)
    elif isinstance(seconds, int | float) and seconds:
        told = datetime.fromtimestamp(seconds, UTC)
    else:
        return ""
    return told.astimezone().isoformat(timespec="seconds")


def percent(share: object) -> str:
    """A share as percent with one decimal; nothing where it is not known."""
    return f"{share * 100:.1f} %" if isinstance(share, int | float) else ""


def milliseconds(seconds: object) -> str:
    """Seconds as whole milliseconds; nothing where there was no measurement."""
    return f"{seconds * 1000:.0f} ms" if isinstance(seconds, int | float) else ""


def _cell(item: Item, source: str | Callable[[Item], object]) -> object:
    return source(item) if callable(source) else item.get(source)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines with their columns below each other; a Chinese character takes two cells.

    Not rich's table: that takes 1.5 s for 2,743 rows, and folds ids that somebody wants to copy.
    """
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]
