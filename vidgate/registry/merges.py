"""Cells merged downwards: one value that stands for the rows below it as well.

People merge the department or the recorder's address over the rows that share it; a reader gives
the value to the first row only.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from vidgate.registry.fields import plain
from vidgate.registry.header import KEYS

OWN_KEY = "与上面的单元格合并了：每路通道要有自己的编号，请取消合并后填写"
BESIDE = "与左边的单元格合并了，按空白读取"

Range = tuple[int, int, int, int]  # top, left, bottom, right; from 1


@dataclass(slots=True)
class Said:
    """What merged cells add to one row: (field, sentence) each."""

    mistakes: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Cell:
    """A merged cell as its first row has it; `message` where it cannot be read."""

    bottom: int
    name: str
    value: Any
    message: str
    beside: tuple[str, ...]


class Merges:
    """Completes rows, which must come in order. `columns` are the fields by column, from 1."""

    def __init__(self, ranges: Iterable[Range], columns: Mapping[int, str]) -> None:
        self._columns = columns
        self._starts: dict[int, list[Range]] = {}
        self._open: list[_Cell] = []
        for one in ranges:
            self._starts.setdefault(one[0], []).append(one)

    def fill(self, number: int, given: dict[str, Any], odd: Mapping[str, str]) -> Said:
        """Complete the row's cells, by field, in place; `odd`: what cannot be read, by field."""
        said = Said()
        self._open = [cell for cell in self._open if cell.bottom >= number]
        for cell in self._open:
            _continue(cell, given, said)
        for cell in self._begun(number, given, odd):
            self._open.append(cell)
            said.warnings += [(name, BESIDE) for name in cell.beside]
        return said

    def _begun(
        self, number: int, given: Mapping[str, Any], odd: Mapping[str, str]
    ) -> Iterable[_Cell]:
        for _, left, bottom, right in self._starts.get(number, ()):
            name = self._columns.get(left, "")
            value, message = given.get(name), odd.get(name, "")
            if message or plain(value):
                others = (self._columns.get(column, "") for column in range(left + 1, right + 1))
                yield _Cell(bottom, name, value, message, tuple(filter(None, others)))


def _continue(cell: _Cell, given: dict[str, Any], said: Said) -> None:
    said.warnings += [(name, BESIDE) for name in cell.beside]
    if plain(given.get(cell.name)):
        return  # it has a value of its own under the merged one
    if cell.message or cell.name in KEYS:
        said.mistakes.append((cell.name, cell.message or OWN_KEY))
    else:
        given[cell.name] = cell.value
