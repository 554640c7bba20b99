"""Bombs and broken files; each must be refused fast and without the memory that it asks for."""

import io
import time
import tracemalloc
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.registry.files import HEADER, row, xlsx
from vidgate.errors import InputError
from vidgate.registry.archive import check_workbook
from vidgate.registry.limits import (
    MAX_COLUMNS,
    MAX_ENTRIES,
    MAX_FILE,
    MAX_ODD,
    MAX_ROWS,
    MAX_UNPACKED,
    UNCACHED,
    error_value,
)

SHEET = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
END = "</sheetData></worksheet>"


WORKBOOK = (
    '<workbook xmlns:r="urn:r"><sheets><sheet name="通道" sheetId="1" r:id="rId1"/></sheets>'
    "</workbook>"
)
RELATIONS = (
    '<Relationships><Relationship Id="rId1" Target="worksheets/sheet1.xml"/></Relationships>'
)


def packed(**entries: str | bytes) -> bytes:
    """A workbook of these parts beside the two that every one has."""
    frame = {"xl__workbook.xml": WORKBOOK, "xl___rels__workbook.xml.rels": RELATIONS}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (frame | entries).items():
            archive.writestr(name.replace("xl__", "xl/").replace("__", "/"), content)
    return out.getvalue()


def sheet(body: str, head: str = "") -> bytes:
    return packed(**{"xl__worksheets__sheet1.xml": head + SHEET + body + END})


@contextmanager
def frugal(memory: int = 20 << 20) -> Iterator[None]:
    """The block may take little memory, whatever a file claims."""
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < memory, f"{peak >> 20} MiB"


def test_an_ordinary_workbook_passes() -> None:
    (found,) = check_workbook(xlsx(HEADER, *map(row, range(50)))).values()
    assert (dict(found), found.cells) == ({}, 51 * len(HEADER))


def test_what_unpacks_to_too_much_is_refused() -> None:
    data = sheet("<row/>" + " " * (MAX_UNPACKED + 1))
    assert len(data) < MAX_FILE
    with pytest.raises(InputError, match="100 MiB"):
        check_workbook(data)


def test_many_parts_that_are_too_much_together_are_refused() -> None:
    part = b" " * (30 << 20)
    with pytest.raises(InputError, match="100 MiB"):
        check_workbook(packed(**{f"part{number}": part for number in range(4)}))


def test_a_directory_that_lies_about_the_size_is_not_believed() -> None:
    body = zlib.compressobj(9, zlib.DEFLATED, -15)
    deflated = b"".join(body.compress(b" " * (1 << 20)) for _ in range(101)) + body.flush()
    honest = packed(**{"xl__sharedStrings.xml": b"tiny"})
    with zipfile.ZipFile(io.BytesIO(honest)) as archive:
        info = archive.infolist()[0]
        start = info.header_offset + 30 + len(info.filename)
        tail = bytearray(honest[start + info.compress_size :])
    size = len(deflated).to_bytes(4, "little")
    central = tail.find(b"PK\x01\x02")
    tail[central + 20 : central + 24] = size  # the packed size; the unpacked one stays "4 bytes"
    end = tail.find(b"PK\x05\x06")
    tail[end + 16 : end + 20] = (start + len(deflated) + central).to_bytes(4, "little")
    with frugal(), pytest.raises(InputError, match="100 MiB"):
        check_workbook(honest[:start] + deflated + bytes(tail))


def test_too_many_parts_are_refused() -> None:
    with pytest.raises(InputError, match=str(MAX_ENTRIES)):
        check_workbook(packed(**{f"part{number}": "" for number in range(MAX_ENTRIES + 1)}))


@pytest.mark.parametrize(
    "body",
    [
        '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>',
        "<row><c r='A40000' t='n'><v>1</v></c></row>",
        '<row r="40000"><c><v>1</v></c></row>',
        "<row>" + "<c><v>1</v></c>" * (MAX_COLUMNS + 1) + "</row>",
        "<row/>" * (MAX_ROWS + 10) + "<row><c><v>1</v></c></row>",
        '<row r="1"><c r="DY1" t="inlineStr"><is><t>x</t></is></c></row>',
    ],
)
def test_cells_far_out_are_refused(body: str) -> None:
    with pytest.raises(InputError, match="20000 行 128 列"):
        check_workbook(sheet(body))


def test_far_cells_under_another_prefix_are_seen() -> None:
    data = packed(
        **{
            "xl__worksheets__sheet1.xml": '<x:worksheet xmlns:x="urn:x"><x:sheetData>'
            '<x:c r="ZZ1"><x:v>1</x:v></x:c></x:sheetData></x:worksheet>'
        }
    )
    with pytest.raises(InputError, match="128 列"):
        check_workbook(data)


def test_cells_that_are_only_formatted_take_no_room() -> None:
    with frugal(1 << 20):
        check_workbook(sheet('<row r="1048576"><c r="XFD1048576" s="1"/></row>'))


def test_entities_are_refused() -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    with pytest.raises(InputError, match="DOCTYPE"):
        check_workbook(sheet("<row><c><v>&b;</v></c></row>", bomb))


@pytest.mark.parametrize(
    "data",
    [
        b"PK\x03\x04 and no more",
        packed(**{"xl__worksheets__sheet1.xml": "<worksheet>"}),
        packed(**{"xl__worksheets__sheet1.xml": b"\xff\xfe\x00"}),
        packed(a="x" * 1000)[:-30],
        packed(a="x" * 1000).replace(b"\x08\x00", b"\x0c\x00"),  # bzip2
    ],
)
def test_broken_files_are_refused(data: bytes) -> None:
    with pytest.raises(InputError):
        check_workbook(data)


def test_every_cut_and_every_flipped_byte_is_refused_or_read() -> None:
    whole = xlsx(HEADER, row(1))
    started = time.monotonic()
    for index in range(0, len(whole), 37):
        flipped = bytearray(whole)
        flipped[index] ^= 0x55
        for data in (whole[:index], bytes(flipped)):
            try:
                check_workbook(data)
            except InputError as error:
                assert error.message  # noqa: PT017 - both ends are right, other errors are not
    assert time.monotonic() - started < 50


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ('<c r="A1"><f>B1</f></c>', UNCACHED),
        ('<c r="A1"><f>B1</f><v></v></c>', UNCACHED),
        ('<c r="A1"><f>B1</f><v/></c>', UNCACHED),
        ('<c r="A1" t="e"><f>B1</f><v>#REF!</v></c>', error_value("#REF!")),
        ('<c r="A1" t="e"><v>#N/A</v></c>', error_value("#N/A")),
    ],
)
def test_cells_that_only_seem_empty_are_found(cell: str, message: str) -> None:
    found = check_workbook(sheet(f'<row r="1">{cell}<c r="B1"><v>1</v></c></row>'))
    assert found["通道"].data == {(1, 1): message}


@pytest.mark.parametrize(
    "cell",
    [
        '<c r="A1"><f>B1</f><v>3</v></c>',
        '<c r="A1" t="str"><f>IF(1,"","")</f><v></v></c>',
        '<c r="A1"/>',
        '<c r="A1"><v/></c>',
    ],
)
def test_cells_with_a_value_and_empty_ones_are_not(cell: str) -> None:
    assert not check_workbook(sheet(f'<row r="1">{cell}</row>'))["通道"]


def test_too_many_formulas_without_a_value_are_refused() -> None:
    data = sheet(f"<row>{'<c><f>1</f></c>' * 100}</row>" * (MAX_ODD // 100 + 1))
    with pytest.raises(InputError, match=str(MAX_ODD)):
        check_workbook(data)


def test_a_sheet_under_another_name_is_walked_too() -> None:
    far = SHEET + '<row><c r="ZZ1"><v>1</v></c></row>' + END
    there = RELATIONS.replace("worksheets/sheet1.xml", "/xl/Photo.JPG")
    with pytest.raises(InputError, match="128 列"):
        check_workbook(packed(**{"xl___rels__workbook.xml.rels": there, "xl/photo.jpg": far}))
    junk = packed(**{"xl___rels__workbook.xml.rels": there, "xl/photo.jpg": "x" + far})
    with pytest.raises(InputError, match="已损坏"):
        check_workbook(junk)


@pytest.mark.parametrize("name", ["xl/workbook.bin", "content.xml"])
def test_cousins_of_xlsx_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="xlsb"):
        check_workbook(packed(**{name: "<x/>"}))


def test_a_zip_without_a_workbook_is_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("register.csv", "id,name")
    with pytest.raises(InputError, match="没有工作簿"):
        check_workbook(out.getvalue())
