"""Where a table's titles stand, and which column each of them names."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vidgate.errors import InputError
from vidgate.registry.fields import DECLARED, HEADERS, RANKS, WEAK, header_key, plain
from vidgate.registry.limits import HEADER_WITHIN

Cells = Sequence[Any]
KEYS = frozenset({"id", "gb_code"})
# What every list has and no register needs: no word about it.
PROBLEMS = "导入问题"  # the column that `marks` adds to a sheet
_UNREAD = frozenset({"序号", "no", "no.", PROBLEMS})


@dataclass(frozen=True, slots=True)
class Header:
    """`below` is the index of the first row under it, `columns` the field and title of each.

    `problems` are the columns that an earlier `--errors` has added.
    """

    below: int
    columns: dict[int, tuple[str, str]]
    width: int
    unknown: dict[int, str]
    problems: tuple[int, ...] = ()


def find_header(sheet: str, rows: Sequence[Cells]) -> Header | None:
    """The header among the first rows; a heading may stand above it.

    It may take two rows, where cells are merged: groups above, titles below them. Raises
    InputError where two columns mean the same field.
    """
    for index, cells in enumerate(rows[:HEADER_WITHIN]):
        columns = _known(cells)
        under = rows[index + 1] if index + 1 < len(rows) else ()
        lower = _continued(columns, under)
        both = _without_rivals(_without_weak(columns | lower))
        names = [name for name, _ in both.values()]
        if KEYS & set(names) and len(names) > 1 and columns:
            _refuse_twins(sheet, both)
            below = index + (2 if lower else 1)
            return _header(below, both, cells, _problems(rows[index:below]))
    return None


def _without_weak(columns: dict[int, tuple[str, str]]) -> dict[int, tuple[str, str]]:
    """Without titles that mean a field only where no other does: they are columns of their own."""
    strong = {name for name, title in columns.values() if header_key(title) not in WEAK}
    return {
        column: (name, title)
        for column, (name, title) in columns.items()
        if name not in strong or header_key(title) not in WEAK
    }


def _without_rivals(columns: dict[int, tuple[str, str]]) -> dict[int, tuple[str, str]]:
    """Of several columns that declare the same, that whose title says it best."""
    best: dict[str, int] = {}
    for column in sorted(columns, key=lambda column: RANKS[header_key(columns[column][1])]):
        best.setdefault(columns[column][0], column)
    return {
        column: (name, title)
        for column, (name, title) in columns.items()
        if name not in DECLARED or best[name] == column
    }


def keyless(rows: Sequence[Cells]) -> str:
    """The titles of what would be a header, had it a column that says which channel."""
    for cells in rows[:HEADER_WITHIN]:
        columns = _known(cells)
        if len(columns) > 2:
            return "、".join(title for _, title in columns.values())
    return ""


def _known(cells: Cells) -> dict[int, tuple[str, str]]:
    found: dict[int, tuple[str, str]] = {}
    for column, cell in enumerate(cells):
        field = HEADERS.get(header_key(cell))
        if field is not None:
            found[column] = field.name, plain(cell)
    return found


def _continued(columns: dict[int, tuple[str, str]], under: Cells) -> dict[int, tuple[str, str]]:
    """The titles of a second header row: nothing but titles, and none under a title."""
    ours = _problems([under])
    filled = [n for n, cell in enumerate(under) if plain(cell) and n not in ours]
    lower = _known(under)
    if not filled or len(lower) < len(filled) or columns.keys() & set(filled):
        return {}
    return lower


def _problems(rows: Sequence[Cells]) -> tuple[int, ...]:
    places = {n for cells in rows for n, cell in enumerate(cells) if plain(cell) == PROBLEMS}
    return tuple(sorted(places))


def _header(
    below: int, columns: dict[int, tuple[str, str]], cells: Cells, problems: tuple[int, ...]
) -> Header:
    unknown = {
        column: plain(cell)
        for column, cell in enumerate(cells)
        if plain(cell) and column not in columns and header_key(cell) not in _UNREAD
    }
    filled = [column for column, cell in enumerate(cells) if plain(cell)]
    return Header(below, columns, max([*filled, *columns, *problems]) + 1, unknown, problems)


def _refuse_twins(sheet: str, columns: dict[int, tuple[str, str]]) -> None:
    titles: dict[str, str] = {}
    for name, title in columns.values():
        if name in titles:
            raise InputError(f"工作表“{sheet}”里“{titles[name]}”和“{title}”是同一项，请留一列")
        titles[name] = title
