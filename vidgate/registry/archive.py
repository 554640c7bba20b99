"""What an uploaded workbook would unpack to, found out before anything is unpacked to memory.

A few kilobytes of xlsx can hold gigabytes. The zip directory may lie about that, so every part is
also inflated in small pieces that are counted and thrown away; sheets, known by what they hold and
not by what they are called, are walked cell by cell, because a reader makes room for all cells up
to the farthest one. The same walk finds the cells whose value a reader would silently take for
nothing: formulas that were never calculated, and errors.
"""

import re
import zlib
from collections.abc import Iterator, Mapping
from io import BytesIO
from posixpath import normpath
from xml.parsers import expat
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from vidgate.errors import InputError
from vidgate.registry.limits import (
    MAX_ENTRIES,
    MAX_UNPACKED,
    UNCACHED,
    Oddities,
    check_extent,
    error_value,
)

PIECE = 1 << 18
LOCAL_HEADER = 30  # bytes before name and extra field (APPNOTE.TXT 4.3.7)
WORKBOOK = "xl/workbook.xml"
RELATIONS = "xl/_rels/workbook.xml.rels"
MAX_SHEETS = 100
NO_XLSX = "不是有效的 xlsx 文件，或没有传完"

_CELL = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
_RANGE = re.compile(r"([A-Z]{1,3})([0-9]{1,7}):([A-Z]{1,3})([0-9]{1,7})")
_XML_START = re.compile(rb"(\xef\xbb\xbf)?\s*<|\xff\xfe|\xfe\xff")


def check_workbook(data: bytes) -> dict[str, Oddities]:
    """The odd cells of each sheet, by its name.

    Raises InputError for what is no workbook, or more than we read.
    """
    parts: dict[str, _Part] = {}
    try:
        with ZipFile(BytesIO(data)) as archive:
            entries = archive.infolist()
            _check_kind([entry.filename.lower() for entry in entries])
            if len(entries) > MAX_ENTRIES:
                raise InputError(f"工作簿里有 {len(entries)} 个部件，最多 {MAX_ENTRIES} 个")
            if sum(entry.file_size for entry in entries) > MAX_UNPACKED:  # an honest giant
                raise _too_large()
            left = MAX_UNPACKED
            for entry in entries:
                part = _Part(entry.filename)
                left -= _check_entry(data, entry, part, left)
                parts[entry.filename.lower()] = part
    except (BadZipFile, zlib.error, ValueError, IndexError, NotImplementedError) as error:
        raise InputError(NO_XLSX, hint="请用 Excel 重新另存为 .xlsx") from error
    return _by_name(parts)


def _check_kind(names: list[str]) -> None:
    """Only xlsx: a reader would take its cousins too, whose parts we cannot look into."""
    if "xl/workbook.bin" in names or "content.xml" in names:
        raise InputError("不支持 .xlsb 和 .ods 文件", hint="请用 Excel 另存为 .xlsx")
    if WORKBOOK not in names:
        raise InputError("压缩包里没有工作簿，不是 xlsx 文件", hint="请直接给出 .xlsx 或 .csv 文件")


def _check_entry(data: bytes, entry: ZipInfo, part: "_Part", left: int) -> int:
    """Inflate and count one entry, walking what is XML; returns its true size."""
    if entry.flag_bits & 1:
        raise InputError("工作簿有密码保护", hint="请取消密码后另存")
    size = 0
    for piece in _inflate(data, entry):
        size += len(piece)
        if size > left:
            raise _too_large()
        part.feed(piece)
    part.feed(b"", last=True)
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


def _by_name(parts: "Mapping[str, _Part]") -> dict[str, Oddities]:
    """Tie the walked sheets to their names; every sheet that a reader would open was walked."""
    relations = parts[RELATIONS].relations if RELATIONS in parts else {}
    odd: dict[str, Oddities] = {}
    for name, relation in parts[WORKBOOK].sheets:
        target = relations.get(relation, "")
        path = target.lstrip("/") if target.startswith("/") else normpath(f"xl/{target}")
        part = parts.get(path.lower())
        if part is None:
            continue  # the reader finds nothing there either
        if part.root not in ("worksheet", "chartsheet", "dialogsheet", "macrosheet"):
            raise InputError(f"工作表“{name}”的内容已损坏", hint="请用 Excel 重新另存为 .xlsx")
        odd[name] = part.odd
    return odd


class _Part:
    """One part of the package, fed in pieces; read on only where its root element matters to us."""

    def __init__(self, name: str) -> None:
        self.root = ""
        self.odd = Oddities()
        self.sheets: list[tuple[str, str]] = []
        self.relations: dict[str, str] = {}
        self._is_xml = name.lower().endswith((".xml", ".rels"))
        self._started = False
        self._parser: expat.XMLParserType | None = expat.ParserCreate()
        self._parser.StartElementHandler = self._first
        # A DOCTYPE has no place in a workbook and is how entity bombs come in.
        self._parser.StartDoctypeDeclHandler = self._doctype

    def feed(self, piece: bytes, *, last: bool = False) -> None:
        if self._parser is None or (not piece and not last):
            return
        if not self._started:
            self._started = True
            if not self._is_xml and not _XML_START.match(piece):
                self._parser = None  # a picture, or whatever: counted only
                return
        try:
            self._parser.Parse(piece, last)
        except expat.ExpatError as error:
            if self._is_xml or self.root:
                raise InputError("工作簿内容已损坏", hint="请用 Excel 重新另存为 .xlsx") from error
            self._parser = None

    def _doctype(self, *_: object) -> None:
        raise InputError("工作簿里有 DOCTYPE，拒绝读取")

    def _first(self, tag: str, _: dict[str, str]) -> None:
        assert self._parser is not None
        self.root = _local(tag)
        match self.root:
            case "worksheet":
                _SheetWalk(self._parser, self.odd)
            case "workbook":
                self._parser.StartElementHandler = self._workbook
            case "Relationships":
                self._parser.StartElementHandler = self._relationship
            case _:
                self._parser.StartElementHandler = None

    def _workbook(self, tag: str, attributes: dict[str, str]) -> None:
        if _local(tag) != "sheet":
            return
        if len(self.sheets) >= MAX_SHEETS:
            raise InputError(f"工作簿最多 {MAX_SHEETS} 个工作表")
        relation = next((v for k, v in attributes.items() if _local(k) == "id" and ":" in k), "")
        self.sheets.append((attributes.get("name", ""), relation))

    def _relationship(self, tag: str, attributes: dict[str, str]) -> None:
        if _local(tag) == "Relationship":
            self.relations[attributes.get("Id", "")] = attributes.get("Target", "")


class _SheetWalk:
    """Walks the cells of one sheet; raises InputError at the first filled one too far out."""

    def __init__(self, parser: expat.XMLParserType, odd: Oddities) -> None:
        self._odd = odd
        self._row = 0
        self._column = 0
        self._kind = ""
        self._is_formula = False
        self._text = ""
        self._parser = parser
        parser.buffer_text = True
        parser.StartElementHandler = self._start

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        name = _local(tag)
        if name == "c":
            self._kind = attributes.get("t", "")
            self._is_formula = False
            self._text = ""
            self._odd.cells += 1
            self._cell(attributes.get("r", ""))
            if self._kind == "e":
                self._watch()
        elif name in ("v", "is", "f"):  # a cell that is only formatted takes no room
            check_extent(self._row, self._column)
            if name == "f":
                self._is_formula = True
                self._watch()
        elif name == "row":
            given = attributes.get("r", "")
            self._row = int(given) if given.isascii() and given.isdigit() else self._row + 1
            self._column = 0
            if attributes.get("hidden", "") in ("1", "true"):
                self._odd.hide(self._row)
        elif name == "mergeCell" and (found := _RANGE.fullmatch(attributes.get("ref", ""))):
            left, right = _column(found[1]), _column(found[3])
            self._odd.merge(int(found[2]), left, int(found[4]), right)

    def _cell(self, given: str) -> None:
        place = _CELL.fullmatch(given)
        if place is None:
            self._column += 1
            return
        self._row, self._column = int(place[2]), _column(place[1])

    # Texts and ends cost a call each, so they are asked for within cells that may be odd only.

    def _watch(self) -> None:
        self._parser.CharacterDataHandler = self._characters
        self._parser.EndElementHandler = self._end

    def _characters(self, text: str) -> None:
        self._text = (self._text + text)[:32]

    def _end(self, tag: str) -> None:
        name = _local(tag)
        if name == "f":
            self._text = ""  # the formula itself; what follows is its value
        if name != "c":
            return
        self._parser.CharacterDataHandler = None
        self._parser.EndElementHandler = None
        value = self._text.strip()
        if self._kind == "e":
            self._odd.note(self._row, self._column, error_value(value))
        elif self._is_formula and not value and self._kind != "str":
            self._odd.note(self._row, self._column, UNCACHED)


def _column(letters: str) -> int:
    """A column's number from 1, of its letters."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def _local(tag: str) -> str:
    return tag.rpartition(":")[2]
