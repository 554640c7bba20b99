"""Files made to take memory, read by a real worker: refused, and little taken from the machine."""

import asyncio
import resource
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.registry import biff
from tests.registry.corpus import CASES
from tests.registry.files import HEADER, row, text
from tests.registry.test_archive import END, SHEET, packed
from vidgate.aio.bus import Bus
from vidgate.errors import InputError
from vidgate.media.worker import WorkerPool
from vidgate.operations.texts import Texts
from vidgate.registry.limits import MAX_FILE
from vidgate.registry.registry import Registry
from vidgate.storage.database import Database
from vidgate.storage.secrets import SecretBox

GROWTH = (
    150 << 20
)  # bytes, service and worker together; a worker that reads nothing has some 30 MiB


@pytest.fixture
async def pool() -> AsyncIterator[WorkerPool]:
    async with WorkerPool("text") as pool:
        yield pool


@pytest.fixture
async def site(db: Database, box: SecretBox, bus: Bus, pool: WorkerPool) -> AsyncIterator[Registry]:
    async with Registry(db, box, bus, Texts(pool)) as registry:
        yield registry


def long_strings() -> bytes:
    """One text of 30,000 characters that 60,000 cells point at."""
    cells = "".join(
        f"<row>{'<c t=' + chr(34) + 's' + chr(34) + '><v>0</v></c>' * 60}</row>"
        for _ in range(1000)
    )
    types = (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-'
        'officedocument.spreadsheetml.sheet.main+xml"/></Types>'
    )
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    kinds = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    return packed(
        **{
            "[Content_Types].xml": types,
            "xl__workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{kinds}"><sheets>'
            '<sheet name="x" sheetId="1" r:id="rId1"/></sheets></workbook>',
            "xl___rels__workbook.xml.rels": "<Relationships xmlns="
            '"http://schemas.openxmlformats.org/package/2006/relationships">'
            f'<Relationship Id="rId1" Type="{kinds}/worksheet" Target="worksheets/sheet1.xml"/>'
            f'<Relationship Id="rId2" Type="{kinds}/sharedStrings" Target="sharedStrings.xml"/>'
            "</Relationships>",
            "xl__sharedStrings.xml": f'<sst xmlns="{main}"><si><t>{"x" * 30_000}</t></si></sst>',
            "xl__worksheets__sheet1.xml": SHEET + cells + END,
        }
    )


def many_cells() -> bytes:
    body = "".join(f"<row>{'<c><v>1</v></c>' * 128}</row>" for _ in range(20_000))
    return packed(**{"xl__worksheets__sheet1.xml": SHEET + body + END})


HOSTILE: dict[str, Callable[[], bytes]] = {
    "zip-bomb": CASES["zip-bomb.xlsx"],
    "million-rows": CASES["million-rows.xlsx"],
    "a-pdf": CASES["a-pdf.xlsx"],
    "far-cell": CASES["far-cell.xls"],
    "long-strings": long_strings,
    "many-cells": many_cells,
    "million-rows.csv": lambda: b"id,name\n" + b"a,b\n" * 1_000_000,
    "one-long-line": lambda: b"id,name\n" + b"," * (MAX_FILE - 100),
    "one-long-row": lambda: b"id,name\n" + b',"\n"' * (MAX_FILE // 4 - 10),
    "one-long-cell": lambda: b'id,name\na,"' + b"\n" * (MAX_FILE - 100),
    "xls-of-one-long-chain": lambda: biff.compound(bytes(4 << 20)),
}


def peak(pids: list[int]) -> int:
    """The most memory that processes ever had, in bytes."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                total += int(line.split()[1]) << 10
    return total


def memory(workers: list[int]) -> int:
    """What this process has now and its workers ever had."""
    own = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return own * resource.getpagesize() + peak(workers)


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_file_is_refused_and_takes_little(
    site: Registry, pool: WorkerPool, name: str
) -> None:
    data = await asyncio.to_thread(HOSTILE[name])
    assert len(data) <= MAX_FILE
    await site.import_file("r.csv", text(HEADER, row(1)), actor="me")
    known, starts = site.channels, pool.starts
    before = await asyncio.to_thread(memory, pool.pids)
    with pytest.raises(InputError) as caught:
        await site.import_file("r.xlsx", data, actor="me")
    assert caught.value.message
    assert site.channels is known
    # A worker that its limit has killed cannot be asked any more; the limit is its answer.
    if pool.starts == starts and pool.pids:
        assert await asyncio.to_thread(memory, pool.pids) - before < GROWTH
    report = await site.import_file("r.csv", text(HEADER, row(1)), actor="me")
    assert report.unchanged == 1
