"""Old .xls files made for one test: BIFF8 records in a compound file, as Excel and WPS write them.

Only what a reader needs: [MS-XLS] 2.1.7 and [MS-CFB] 2. Cells are str, float, bool or one of the
classes below; None is no cell.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

SECTOR = 512
FREE, END, FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
HIDDEN = 1


@dataclass(frozen=True)
class Formula:
    """A formula; `value` is what was last calculated: float, str, an Error, or None for nothing."""

    value: Any


@dataclass(frozen=True)
class Error:
    """An error value by its code: 0x2A is #N/A."""

    code: int


@dataclass(frozen=True)
class Merged:
    """A text over several columns and rows; counts from one cell."""

    text: str
    columns: int = 1
    rows: int = 1


def record(kind: int, body: bytes) -> bytes:
    return struct.pack("<HH", kind, len(body)) + body


def long_text(text: str) -> bytes:
    return struct.pack("<HB", len(text), 1) + text.encode("utf-16-le")


def cell(row: int, column: int, value: Any) -> bytes:
    at = struct.pack("<HHH", row, column, 0)
    match value:
        case Merged():
            return cell(row, column, value.text)
        case Error():
            return record(0x0205, at + bytes((value.code, 1)))
        case Formula(result):
            return _formula(at, result)
        case bool():
            return record(0x0205, at + bytes((value, 0)))
        case int() | float():
            return record(0x0203, at + struct.pack("<d", value))
        case _:
            return record(0x0204, at + long_text(str(value)))


def _formula(at: bytes, result: Any) -> bytes:
    tail = struct.pack("<HI", 0, 0) + struct.pack("<HBH", 3, 0x1E, 1)  # the formula "=1"
    match result:
        case None:
            return record(0x0006, at + b"\x03\0\0\0\0\0\xff\xff" + tail)
        case Error():
            return record(0x0006, at + bytes((2, 0, result.code, 0, 0, 0)) + b"\xff\xff" + tail)
        case str():
            said = record(0x0006, at + b"\0\0\0\0\0\0\xff\xff" + tail)
            return said + (record(0x0207, long_text(result)) if result else b"")
        case _:
            return record(0x0006, at + struct.pack("<d", result) + tail)


def sheet(rows: Sequence[Sequence[Any]]) -> bytes:
    width = max((len(row) for row in rows), default=0)
    body = record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0010, 0, 1997, 0, 6))
    body += record(0x0200, struct.pack("<IIHHH", 0, len(rows), 0, width, 0))
    merged = []
    for number, row in enumerate(rows):
        for column, value in enumerate(row):
            if value is not None:
                body += cell(number, column, value)
            if isinstance(value, Merged):
                last = number + value.rows - 1, column + value.columns - 1
                merged.append(struct.pack("<HHHH", number, last[0], column, last[1]))
    if merged:
        body += record(0x00E5, struct.pack("<H", len(merged)) + b"".join(merged))
    return body + record(0x000A, b"")


def xls(*rows: Sequence[Any], title: str = "通道", state: int = 0, extra: bytes = b"") -> bytes:
    """A workbook of one sheet."""
    return book([(title, rows, state)], extra)


def book(sheets: Sequence[tuple[str, Sequence[Sequence[Any]], int]], extra: bytes = b"") -> bytes:
    """A workbook of sheets: (title, rows, state); `extra` are records of the whole book."""
    head = record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0005, 0, 1997, 0, 6))
    head += record(0x0042, struct.pack("<H", 1200)) + extra
    names = [
        struct.pack("<BBBB", state, 0, len(t), 1) + t.encode("utf-16-le") for t, _, state in sheets
    ]
    offset = len(head) + sum(len(name) + 8 for name in names) + 4
    bodies = [sheet(rows) for _, rows, _ in sheets]
    for name, body in zip(names, bodies, strict=True):
        head += record(0x0085, struct.pack("<I", offset) + name)
        offset += len(body)
    return compound(head + record(0x000A, b"") + b"".join(bodies))


def compound(stream: bytes, name: str = "Workbook") -> bytes:
    """A compound file of one stream, which is made long enough to lie in sectors of its own."""
    stream += bytes(max(0, 4096 - len(stream)))
    count = -(-len(stream) // SECTOR)
    tables = 1
    while tables * 128 < count + tables + 1:
        tables += 1
    chain = [FAT] * tables + [END] + [*range(tables + 2, tables + 1 + count), END]
    chain += [FREE] * (tables * 128 - len(chain))
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    header += struct.pack(
        "<HHHHH6xIIIIIIIII", 0x3E, 3, 0xFFFE, 9, 6, 0, tables, tables, 0, 4096, END, 0, END, 0
    )
    header += b"".join(struct.pack("<I", n if n < tables else FREE) for n in range(109))
    entries = _entry("Root Entry", 5, END, 0, child=1) + _entry(name, 2, tables + 1, len(stream))
    body = struct.pack(f"<{len(chain)}I", *chain) + entries.ljust(SECTOR, b"\0")
    return header + body + stream + bytes(count * SECTOR - len(stream))


def _entry(name: str, kind: int, start: int, size: int, child: int = FREE) -> bytes:
    encoded = name.encode("utf-16-le")
    head = encoded.ljust(64, b"\0") + struct.pack("<HBB", len(encoded) + 2, kind, 1)
    return (
        head + struct.pack("<III", FREE, FREE, child) + bytes(36) + struct.pack("<IQ", start, size)
    )
