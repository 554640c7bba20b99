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
from vidgate.registry.archive import MAX_ENTRIES, MAX_FILE, MAX_UNPACKED, check_workbook

SHEET = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
END = "</sheetData></worksheet>"


def packed(**entries: str | bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name.replace("__", "/"), content)
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
    check_workbook(xlsx(HEADER, *map(row, range(50))))


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
        "<row><c r='A20000' t='n'><v>1</v></c></row>",
        '<row r="20000"><c><v>1</v></c></row>',
        "<row>" + "<c><v>1</v></c>" * 65 + "</row>",
        "<row/>" * 10_001 + "<row><c><v>1</v></c></row>",
        '<row r="1"><c r="BN1" t="inlineStr"><is><t>x</t></is></c></row>',
    ],
)
def test_cells_far_out_are_refused(body: str) -> None:
    with pytest.raises(InputError, match="10000 行 64 列"):
        check_workbook(sheet(body))


def test_far_cells_under_another_prefix_are_seen() -> None:
    data = packed(
        **{
            "xl__worksheets__sheet1.xml": '<x:worksheet xmlns:x="urn:x"><x:sheetData>'
            '<x:c r="ZZ1"><x:v>1</x:v></x:c></x:sheetData></x:worksheet>'
        }
    )
    with pytest.raises(InputError, match="64 列"):
        check_workbook(data)


def test_cells_that_are_only_formatted_take_no_room() -> None:
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
