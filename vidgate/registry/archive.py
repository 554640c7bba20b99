"""What an uploaded workbook would unpack to, found out before anything is unpacked to memory.

A few kilobytes of xlsx can hold gigabytes. The zip directory may lie about that, so every entry is
also inflated in small pieces that are counted and thrown away; sheets are walked cell by cell,
because a reader makes room for all cells up to the farthest one.
"""

import re
import zlib
from collections.abc import Iterator
from io import BytesIO
from xml.parsers import expat
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from vidgate.errors import InputError

MAX_FILE = 10 << 20
MAX_UNPACKED = 100 << 20
MAX_ENTRIES = 200
MAX_ROWS = 10_000
MAX_COLUMNS = 64
PIECE = 1 << 18
LOCAL_HEADER = 30  # bytes before name and extra field (APPNOTE.TXT 4.3.7)

_CELL = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")


def check_workbook(data: bytes) -> None:
    """Raise InputError for what is no workbook, or more than we read."""
    try:
        with ZipFile(BytesIO(data)) as archive:
            entries = archive.infolist()
            if len(entries) > MAX_ENTRIES:
                raise InputError(f"工作簿里有 {len(entries)} 个部件，最多 {MAX_ENTRIES} 个")
            if sum(entry.file_size for entry in entries) > MAX_UNPACKED:  # an honest giant
                raise _too_large()
            left = MAX_UNPACKED
            for entry in entries:
                left -= _check_entry(data, entry, left)
    except (BadZipFile, zlib.error, ValueError, IndexError) as error:
        raise InputError("不是有效的 xlsx 文件", hint="请用 Excel 重新另存为 .xlsx") from error


def _check_entry(data: bytes, entry: ZipInfo, left: int) -> int:
    """Inflate and count one entry, walking it if it is a sheet; returns its true size."""
    if entry.flag_bits & 1:
        raise InputError("工作簿有密码保护", hint="请取消密码后另存")
    sheet = _Sheet() if entry.filename.startswith("xl/worksheets/sheet") else None
    size = 0
    for piece in _inflate(data, entry):
        size += len(piece)
        if size > left:
            raise _too_large()
        if sheet is not None:
            sheet.feed(piece)
    if sheet is not None:
        sheet.feed(b"", last=True)
    return size


def _too_large() -> InputError:
    return InputError(f"工作簿解压后超过 {MAX_UNPACKED >> 20} MiB", hint="请分成几个文件")


def _inflate(data: bytes, entry: ZipInfo) -> Iterator[bytes]:
    view = memoryview(data)
    head = view[entry.header_offset : entry.header_offset + LOCAL_HEADER]
    names = int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
    start = entry.header_offset + LOCAL_HEADER + names
    packed = view[start : start + entry.compress_size]
    if entry.compress_type == ZIP_STORED:
        yield from (bytes(packed[i : i + PIECE]) for i in range(0, len(packed), PIECE))
        return
    if entry.compress_type != ZIP_DEFLATED:
        raise BadZipFile("compressed in a way that no spreadsheet uses")
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    for i in range(0, len(packed), PIECE):
        rest = bytes(packed[i : i + PIECE])
        while rest and not inflater.eof:
            yield inflater.decompress(rest, PIECE)
            rest = inflater.unconsumed_tail
    yield inflater.flush()


class _Sheet:
    """Walks the XML of one sheet; raises InputError at the first filled cell too far out."""

    def __init__(self) -> None:
        self._row = 0
        self._column = 0
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        # A DOCTYPE has no place in a sheet and is how entity bombs come in.
        self._parser.StartDoctypeDeclHandler = self._doctype

    def feed(self, piece: bytes, *, last: bool = False) -> None:
        try:
            self._parser.Parse(piece, last)
        except expat.ExpatError as error:
            raise InputError("工作表内容已损坏", hint="请用 Excel 重新另存为 .xlsx") from error

    def _doctype(self, *_: object) -> None:
        raise InputError("工作表里有 DOCTYPE，拒绝读取")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        if name == "row":
            given = attributes.get("r", "")
            self._row = int(given) if given.isascii() and given.isdigit() else self._row + 1
            self._column = 0
        elif name == "c":
            self._cell(attributes.get("r", ""))
        elif name in ("v", "is", "f"):  # a cell that is only formatted takes no room
            self._check()

    def _cell(self, given: str) -> None:
        place = _CELL.fullmatch(given)
        if place is None:
            self._column += 1
            return
        self._row, self._column = int(place[2]), 0
        for letter in place[1]:
            self._column = self._column * 26 + ord(letter) - 64

    def _check(self) -> None:
        if self._row > MAX_ROWS + 1 or self._column > MAX_COLUMNS:
            raise InputError(
                f"工作表最多 {MAX_ROWS} 行 {MAX_COLUMNS} 列，第 {self._row} 行第 "
                f"{self._column} 列还有内容",
                hint="请分成几个文件，或删除多余的行列",
            )
