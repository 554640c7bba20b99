"""The register as a table that an import reads back unchanged, and that runs nothing.

No password is in it: a channel names its credential.
"""

import asyncio
import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from io import BytesIO, StringIO
from itertools import islice
from typing import Any

from vidgate.model.channel import Channel
from vidgate.model.declared import CODEC_WORDS, STATUS_WORDS
from vidgate.registry.fields import FIELDS, LIFECYCLES, LOGINS, POINT_CLASSES
from vidgate.registry.rows import guarded
from vidgate.storage.database import CHUNK

COLUMNS = tuple(field for field in FIELDS if field.name not in LOGINS)
CODES = ("id", "gb_code", "channel_no")  # kept as text where somebody edits them
WIDTHS = {"id": 24, "name": 28, "gb_code": 24, "url": 48, "sub_url": 48, "platform": 20}

# What Excel writes for a character that XML has not (ECMA-376 22.9.2.19): in a name it is a name.
_ESCAPE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_WORDS = {str(value): word for word, value in (*LIFECYCLES.items(), *POINT_CLASSES.items())}
_WORDS |= {**STATUS_WORDS, **CODEC_WORDS}


class Form(StrEnum):
    """The files that a register is written as."""

    CSV = "csv"
    XLSX = "xlsx"


def cells_of(channel: Channel) -> list[str]:
    """One row: every column but the login, none a formula."""
    return [guarded(_text(getattr(channel, field.name))) for field in COLUMNS]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, tuple):
        return ",".join(value)
    if isinstance(value, StrEnum):
        return _WORDS.get(value, value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


async def csv_of(channels: Iterable[Channel]) -> bytes:
    """UTF-8 with a mark, without which Excel reads it as GB18030; gives way after each chunk."""
    pieces = ["\ufeff"]
    for chunk in _chunks([field.title for field in COLUMNS], channels):
        out = StringIO()
        csv.writer(out).writerows(chunk)
        pieces.append(out.getvalue())
        await asyncio.sleep(0)
    return "".join(pieces).encode()


async def packed(channels: Iterable[Channel]) -> list[bytes]:
    """The rows for `make_workbook`, as JSON: to pickle them would hold the loop."""
    pieces = []
    for chunk in _chunks(None, channels):
        pieces.append(json.dumps(chunk, ensure_ascii=False).encode())
        await asyncio.sleep(0)
    return pieces


def _chunks(head: list[str] | None, channels: Iterable[Channel]) -> Iterator[list[list[str]]]:
    if head is not None:
        yield [head]
    rows = map(cells_of, channels)
    while chunk := list(islice(rows, CHUNK)):
        yield chunk


def make_workbook(chunks: list[bytes]) -> bytes:
    """An xlsx of the packed rows; runs in a worker."""
    from openpyxl import Workbook  # noqa: PLC0415 - only the worker needs it
    from openpyxl.utils import get_column_letter  # noqa: PLC0415

    book = Workbook(write_only=True)
    sheet = book.create_sheet("通道")
    sheet.freeze_panes = "C2"
    for index, field in enumerate(COLUMNS, 1):
        sheet.column_dimensions[get_column_letter(index)].width = WIDTHS.get(field.name, 12)
    text = text_cells(sheet)
    coded = [index for index, field in enumerate(COLUMNS) if field.name in CODES]
    sheet.append([field.title for field in COLUMNS])
    for chunk in chunks:
        for cells in json.loads(chunk):
            row: list[Any] = [escaped(cell) or None for cell in cells]
            for index, value in enumerate(row):
                # A name like #N/A is a name, which the writer would take for an error value.
                if value and (index in coded or value.startswith("#")):
                    row[index] = text(value)
            sheet.append(row)
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def text_cells(sheet: Any) -> Callable[[str], Any]:
    """Makes cells that Excel takes for text, whatever they begin with and who edits them."""
    from openpyxl.cell import WriteOnlyCell  # noqa: PLC0415 - only the worker needs it

    def make(value: str) -> Any:
        cell = WriteOnlyCell(sheet, value=value)
        cell.data_type = "s"
        cell.number_format = "@"
        return cell

    return make


def escaped(value: str) -> str:
    """A text as a workbook holds it."""
    return _ESCAPE.sub("_x005F_", value)
