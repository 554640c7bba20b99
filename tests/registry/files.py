"""Small registers made for one test: the bytes of an xlsx or a csv."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from openpyxl import Workbook

HEADER = ("id", "name", "url", "platform")


def xlsx(*rows: Sequence[Any], title: str = "通道") -> bytes:
    """A workbook of one sheet."""
    return book({title: rows})


def book(sheets: dict[str, Sequence[Sequence[Any]]]) -> bytes:
    """A workbook of several sheets."""
    made = Workbook()
    made.remove(made.worksheets[0])
    for title, rows in sheets.items():
        sheet = made.create_sheet(title)
        for row in rows:
            sheet.append(list(row))
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def text(*rows: Sequence[Any], encoding: str = "utf-8", delimiter: str = ",") -> bytes:
    """A csv file."""
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(rows)
    return out.getvalue().encode(encoding)


def row(number: int, **changes: str) -> tuple[str, ...]:
    """A good row under HEADER."""
    cells = {
        "id": f"cam-{number:04}",
        "name": f"城关镇第{number}路",
        "url": f"rtsp://admin:secret{number % 3}@10.0.{number // 250}.{number % 250 + 1}/main",
        "platform": "公安",
    }
    return tuple((cells | changes).values())
