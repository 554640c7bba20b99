"""What an uploaded .xls holds, found out before it is read: [MS-CFB] outside, [MS-XLS] inside.

The file is not compressed, so its bytes are its size; yet a cell far out makes a reader take room
for all before it, and a formula that was never calculated reads as nothing.
"""

import struct
from collections.abc import Iterator

from vidgate.errors import InputError
from vidgate.registry.limits import UNCACHED, Oddities, check_extent, error_value

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
END_OF_CHAIN = 0xFFFFFFFA  # and above: no sector (2.2)
HEADER_DIFAT = 109
BROKEN = "xls 文件已损坏，或没有传完"
HINT = "请用 Excel 或 WPS 另存为 .xlsx"

_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_STREAMS = ("Workbook", "Book")  # BIFF8, BIFF5
_BIFF8 = 0x0600

# Records (2.3)
_FORMULA, _STRING, _MULRK, _BOOLERR, _BOF, _BOUNDSHEET, _FILEPASS = (
    0x0006, 0x0207, 0x00BD, 0x0205, 0x0809, 0x0085, 0x002F,
)  # fmt: skip
_CELLS = frozenset((_FORMULA, _BOOLERR, 0x0203, 0x0204, 0x00FD, 0x027E, 0x00D6))
_ROW, _MERGED = 0x0208, 0x00E5
_IS_HIDDEN = 0x20  # of a ROW record's flags (2.4.221)
_BETWEEN = frozenset((0x04BC, 0x0221, 0x0236))  # between a shared formula and its text
_SHEET_BOF = 0x0010
_ERRORS = {
    0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?",
    0x24: "#NUM!", 0x2A: "#N/A",
}  # fmt: skip


def check_xls(data: bytes) -> dict[str, Oddities]:
    """The odd cells of each sheet, by its name.

    Raises InputError for what is no xls workbook, or more than we read.
    """
    if _ENCRYPTED in data:
        raise InputError("工作簿有密码保护", hint="请取消密码后另存")
    try:
        return _walk(_workbook_stream(data))
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise InputError(BROKEN, hint=HINT) from error


def _workbook_stream(data: bytes) -> bytes:
    """The bytes of the workbook's stream, which lie scattered over sectors."""
    size = 1 << struct.unpack_from("<H", data, 30)[0]
    if size not in (512, 4096):
        raise InputError(BROKEN, hint=HINT)
    # Every sector holds part of one thing, so no chain is longer than the file.
    most = len(data) // size
    table = _allocation(data, size, most)
    (directory,) = struct.unpack_from("<I", data, 48)
    (smallest,) = struct.unpack_from("<I", data, 56)
    entries = _chain(data, size, table, directory, most)
    for offset in range(0, len(entries) - 127, 128):
        (length,) = struct.unpack_from("<H", entries, offset + 64)
        name = entries[offset : offset + max(0, length - 2)].decode("utf-16-le", "replace")
        start, total = struct.unpack_from("<II", entries, offset + 116)
        if name in _STREAMS and total >= smallest:
            found = _chain(data, size, table, start, most)
            if len(found) < total:
                raise InputError(BROKEN, hint=HINT)
            return found[:total]
    raise InputError("文件里没有 Excel 工作簿", hint="这是 Word 等其他程序的文件？" + HINT)


def _allocation(data: bytes, size: int, most: int) -> list[int]:
    """For each sector the one after it (2.3); the table's own sectors are listed (2.5)."""
    count = size // 4
    listed = list(struct.unpack_from(f"<{HEADER_DIFAT}I", data, 76))
    (following,) = struct.unpack_from("<I", data, 68)
    while following < END_OF_CHAIN:
        if len(listed) > most + HEADER_DIFAT:
            raise InputError(BROKEN, hint=HINT)
        *some, following = struct.unpack_from(f"<{count}I", data, (following + 1) * size)
        listed += some
    table: list[int] = []
    for sector in listed:
        if sector < END_OF_CHAIN:
            table += struct.unpack_from(f"<{count}I", data, (sector + 1) * size)
    return table


def _chain(data: bytes, size: int, table: list[int], sector: int, most: int) -> bytes:
    pieces: list[bytes] = []
    while sector < END_OF_CHAIN:
        piece = data[(sector + 1) * size : (sector + 2) * size]
        if not piece or len(pieces) > most:
            raise InputError(BROKEN, hint=HINT)
        pieces.append(piece)
        sector = table[sector]
    return b"".join(pieces)


def _records(stream: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Offset, kind and body of each record."""
    offset = 0
    while offset + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, offset)
        body = stream[offset + 4 : offset + 4 + length]
        if len(body) < length:
            raise InputError(BROKEN, hint=HINT)
        yield offset, kind, body
        offset += 4 + length


def _walk(stream: bytes) -> dict[str, Oddities]:
    names: dict[int, str] = {}
    found: dict[str, Oddities] = {}
    odd: Oddities | None = None
    waiting: tuple[int, int] | None = None  # a formula whose text is the next record
    for offset, kind, body in _records(stream):
        if waiting and kind in _BETWEEN:
            continue
        if waiting and odd is not None and kind != _STRING:
            odd.note(*waiting, UNCACHED)
        waiting = None
        if kind == _BOF:
            version, about = struct.unpack_from("<HH", body)
            is_sheet = about == _SHEET_BOF and version == _BIFF8
            odd = found.setdefault(names.get(offset, ""), Oddities()) if is_sheet else None
        elif kind == _BOUNDSHEET:
            (place,) = struct.unpack_from("<I", body)
            names[place] = _name(body)
        elif kind == _FILEPASS:
            raise InputError("工作簿有密码保护", hint="请取消密码后另存")
        elif kind in _CELLS or kind == _MULRK:
            waiting = _cell(kind, body, odd)
        elif odd is not None:
            _look(kind, body, odd)
    return found


def _cell(kind: int, body: bytes, odd: Oddities | None) -> tuple[int, int] | None:
    """Check one record of cells; returns the place of a formula whose text comes next."""
    row, column = (number + 1 for number in struct.unpack_from("<HH", body))
    last = struct.unpack_from("<H", body, len(body) - 2)[0] + 1 if kind == _MULRK else column
    check_extent(row, max(column, last))
    if odd is None:
        return None
    if kind == _BOOLERR and body[7]:
        odd.note(row, column, error_value(_ERRORS.get(body[6], "#?")))
    elif kind == _FORMULA and body[12:14] == b"\xff\xff":  # its result is no number (2.5.133)
        if body[6] == 0:
            return row, column
        if body[6] == 2:
            odd.note(row, column, error_value(_ERRORS.get(body[8], "#?")))
        elif body[6] == 3:
            # An empty text is also what programs write that cannot calculate.
            odd.note(row, column, UNCACHED)
    return None


def _look(kind: int, body: bytes, odd: Oddities) -> None:
    """Note what rows and ranges a record tells of."""
    if kind == _ROW and body[12] & _IS_HIDDEN:
        odd.hide(struct.unpack_from("<H", body)[0] + 1)
    elif kind == _MERGED:
        for top, bottom, left, right in struct.iter_unpack("<HHHH", _ranges(body)):
            odd.merge(top + 1, left + 1, bottom + 1, right + 1)


def _ranges(body: bytes) -> bytes:
    """The ranges of a MERGECELLS record, behind their number (2.4.168)."""
    (count,) = struct.unpack_from("<H", body)
    return body[2 : 2 + 8 * min(count, (len(body) - 2) // 8)]


def _name(body: bytes) -> str:
    """The name in a BOUNDSHEET record: short text, of bytes or of UTF-16 (2.5.240)."""
    length, flags = body[6], body[7]
    if flags & 1:
        return body[8 : 8 + length * 2].decode("utf-16-le")
    return body[8 : 8 + length].decode("latin-1")
