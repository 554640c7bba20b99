"""The user's own file with what is wrong coloured and said. Runs in a worker.

Passwords stay in it, for it goes back to who sent it, to be put right and imported again.
"""

from dataclasses import dataclass

from vidgate.errors import InputError
from vidgate.registry.archive import check_workbook
from vidgate.registry.limits import MAX_OVERLAY
from vidgate.registry.notes import Notes
from vidgate.registry.overlay import overlay
from vidgate.registry.rewrite import rewrite
from vidgate.registry.tables import confined

NO_XLSX = "原文件不是 xlsx，标出的表只保留了内容，没有保留格式"
TOO_LARGE = f"原表超过 {MAX_OVERLAY} 个单元格，标出的表只保留了内容，没有保留格式"
STRANGE = "原表的格式无法照样写回，标出的表只保留了内容"


@dataclass(frozen=True, slots=True)
class Marked:
    """An xlsx; `lost` says what of the original is not in it, and why."""

    content: bytes
    lost: str = ""


def mark_file(name: str, data: bytes, chunks: list[bytes]) -> Marked:
    """A file with notes (see `notes.Notes`) in its cells. Raises InputError as the reading does.

    An xlsx keeps its looks, formulas and other sheets as far as openpyxl can carry them; of other
    files, and of what is too large for the worker, only the values are kept.
    """
    # Before their memory would count as the file's.
    import openpyxl  # noqa: F401, PLC0415 - only the worker needs them
    import python_calamine  # noqa: F401, PLC0415

    with confined():
        notes = Notes(chunks)
        why = _why_not(data)
        if not why:
            try:
                return Marked(overlay(data, notes))
            except InputError:
                raise
            except MemoryError:
                why = TOO_LARGE
            except Exception:  # noqa: BLE001 - openpyxl raises anything for what others wrote
                why = STRANGE
        return Marked(rewrite(name, data, notes, why), why)


def _why_not(data: bytes) -> str:
    """Why a file cannot be kept as it is; empty where it may."""
    if data[:4] != b"PK\x03\x04":
        return NO_XLSX
    cells = sum(odd.cells for odd in check_workbook(data).values())
    return TOO_LARGE if cells > MAX_OVERLAY else ""
