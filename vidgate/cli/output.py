"""What commands print: data on stdout, everything else on stderr."""

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from cyclopts import Parameter
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

PLAIN_WIDTH = 240  # a pipe has no width; rich would fold at 80

Json = Annotated[
    bool,
    Parameter(
        name="--json",
        negative="",
        show_default=False,
        help="输出一个 JSON 文档 · one JSON document on stdout",
    ),
]
Item = Mapping[str, Any]
Column = tuple[str, str | Callable[[Item], object]]


def document(content: object) -> None:
    """Print one JSON document on stdout; indented for a person, on one line for a program."""
    indent = 2 if sys.stdout.isatty() else None
    print(json.dumps(content, ensure_ascii=False, indent=indent))


def table(columns: Sequence[Column], items: Iterable[Item]) -> None:
    """Print a table on stdout; a column is its heading and a key or a function of the item."""
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading, _ in columns:
        grid.add_column(heading, overflow="fold")
    for item in items:
        grid.add_row(*(Text(text(_cell(item, source))) for _, source in columns))
    console().print(grid)


def fields(pairs: Iterable[tuple[str, object]]) -> None:
    """Print names and values, one a line, on stdout; empty values are left out."""
    grid = Table(box=None, show_header=False, pad_edge=False)
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in pairs:
        if text(value):
            grid.add_row(Text(name), Text(text(value)))
    console().print(grid)


def console(stderr: bool = False) -> Console:
    """A rich console that does not fold the lines of a pipe."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(
        file=stream, width=None if stream.isatty() else PLAIN_WIDTH, highlight=False, markup=False
    )


def say(line: str) -> None:
    """One line for the person, on stdout."""
    print(line)


def note(line: str) -> None:
    """One line for the person, on stderr."""
    print(line, file=sys.stderr)


def next_step(command: str, why: str) -> None:
    """Name the next sensible command, on stderr."""
    note(f"下一步 next: vidgate {command}    # {why}")


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
    return str(value)


def moment(seconds: object) -> str:
    """Wall-clock seconds, or an RFC 3339 text, as local time to the second."""
    if isinstance(seconds, str) and seconds:
        return datetime.fromisoformat(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    if not isinstance(seconds, int | float) or not seconds:
        return ""
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _cell(item: Item, source: str | Callable[[Item], object]) -> object:
    return source(item) if callable(source) else item.get(source)
