"""What must hold of every register: it comes back from a file, and from an undo, as it was."""

import asyncio
import csv
import functools
import io
import os
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import python_calamine
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from tests.registry.killing import at_once
from vidgate.aio.bus import Bus
from vidgate.aio.clock import ManualClock
from vidgate.model.channel import Channel
from vidgate.registry.edits import Credential
from vidgate.registry.export import Form
from vidgate.registry.fields import FIELDS
from vidgate.registry.importer import ImportReport
from vidgate.registry.registry import Registry
from vidgate.storage.database import Database
from vidgate.storage.secrets import SecretBox

FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r")
quick = settings(
    max_examples=25,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
)

ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)
odd = st.sampled_from(
    ["=1+1", "'=x", "''+y", "-5", "+86 10", "@a", "＝甲", "'", "a,b", 'say "x"', "_x0041_",
     "_x005F_", "1e5", "3.4E+19", "2026-01-01", "true", "0012", "示例", "<b>&amp;", "北门；东",
     "#N/A"]
)  # fmt: skip
words = st.one_of(
    odd,
    st.text(
        st.characters(exclude_categories=("C", "Z"), include_characters=" "),
        min_size=1,
        max_size=24,
    ),
).filter(lambda text: bool(text.strip()))
one_word = words.map(lambda text: text.replace("/", "_"))
blank = st.just("")
codes = st.from_regex(r"[0-9]{20}", fullmatch=True)
places = st.tuples(st.floats(-180, 180, width=32), st.floats(-90, 90, width=32)).filter(
    lambda place: place != (0, 0)
)


@st.composite
def rows(draw: st.DrawFn) -> dict[str, Any]:
    """The fields of one channel, as the API would send them."""
    row: dict[str, Any] = {
        "id": draw(ids),
        "name": draw(words),
        "url": draw(
            st.from_regex(
                r"rtsps?://[a-z]{1,8}(:[1-9][0-9]{1,3})?/[a-z0-9=&?+-]{0,12}", fullmatch=True
            )
        ),
        "lifecycle": draw(st.sampled_from(["规划", "accepted", "suspended"])),
        "point_class": draw(st.sampled_from(["一类", "2", "其他"])),
        "kind": draw(st.sampled_from(["rtsp", "push"])),
        "transport": draw(st.sampled_from(["auto", "tcp", "udp"])),
        "enabled": draw(st.booleans()),
        "declared_status": draw(blank | st.sampled_from(["在线", "OFF", "0"])),
        "declared_codec": draw(blank | st.sampled_from(["H.264", "H.265/HEVC", "svac"])),
        "declared_resolution": draw(blank | st.sampled_from(["1080P", "704*576", "400万"])),
        "declared_fps": draw(st.none() | st.sampled_from([25, "12.5", "25帧/秒"])),
        "port": draw(st.none() | st.integers(1, 65535)),
        "gb_code": draw(blank | codes),
        "platform": draw(blank | one_word),
        "tags": draw(st.lists(words, max_size=3)),
    }
    for name in ("channel_no", "department", "area", "point", "industry"):
        row[name] = draw(blank | words)
    if draw(st.booleans()):
        row["username"], row["password"] = draw(words), draw(st.text("ab=+-'@", max_size=8))
    if draw(st.booleans()):
        row["longitude"], row["latitude"] = draw(places)
    return row


registers = st.lists(rows(), max_size=6, unique_by=lambda row: row["id"].lower())


@pytest.fixture(autouse=True)
def blockbuster() -> None:
    """Each example has a loop of its own, which may wait."""


# A register is written and read again for each example: in memory, where there is such a folder.
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


@functools.cache
def empty_database() -> bytes:
    """The file of a database without a row: to migrate one for each example takes long."""

    async def make(path: Path) -> None:
        async with Database(path):
            pass

    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        path = Path(folder) / "empty.db"
        asyncio.run(make(path))
        return path.read_bytes()


class Site:
    """Registers on fresh databases that share one key, so that a credential means the same."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._box = SecretBox(folder)
        self._empty = empty_database()
        self._count = 0

    def database(self) -> Database:
        self._count += 1
        path = self._folder / f"{self._count}.db"
        path.write_bytes(self._empty)
        return Database(path, clock=ManualClock())

    def registry(self, db: Database) -> Registry:
        return Registry(db, self._box, Bus(), at_once)


def table(rows: Sequence[dict[str, Any]]) -> bytes:
    """The rows as somebody else's csv would have them; what is refused is no part of a register."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([field.title for field in FIELDS])
    writer.writerows([_cell(row.get(field.name)) for field in FIELDS] for row in rows)
    return out.getvalue().encode()


async def fill(registry: Registry, rows: Sequence[dict[str, Any]]) -> ImportReport:
    return await registry.import_file("x.csv", table(rows), partial=True, actor="test")


def essence(registry: Registry) -> list[Channel]:
    """The channels without what the register itself counts."""
    return [replace(channel, revision=1, number=0) for channel in registry.channels.values()]


@given(registers, st.sampled_from(Form))
@quick
def test_an_export_imports_unchanged_and_rebuilds_the_register(
    rows: list[dict[str, Any]], form: Form
) -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        asyncio.run(_round_trip(Site(Path(folder)), rows, form))


async def _round_trip(site: Site, rows: list[dict[str, Any]], form: Form) -> None:
    async with site.database() as db, site.registry(db) as registry:
        await fill(registry, rows)
        data = await registry.export(registry.channels.values(), form)
        assert not formulas(data, form)
        report = await registry.import_file(f"x.{form}", data, actor="test")
        assert report.errors == []
        assert (report.change, report.unchanged) == (None, len(registry.channels))
        async with site.database() as empty, site.registry(empty) as other:
            for one in registry.credentials.values():
                await other.set_credential(one.name, *login_of(one), "test")
            report = await other.import_file(f"x.{form}", data, actor="test")
            assert report.errors == []
            assert essence(other) == essence(registry)


def login_of(credential: Credential) -> tuple[str, str]:
    return credential.login.username, credential.login.password


def formulas(data: bytes, form: Form) -> list[str]:
    """Every cell of an export that a spreadsheet might run."""
    if form is Form.CSV:
        cells = [cell for row in csv.reader(io.StringIO(data.decode("utf-8-sig"))) for cell in row]
        return [cell for cell in cells if cell.startswith(FORMULA)]
    sheet = load_workbook(io.BytesIO(data)).worksheets[0]
    found = [cell for row in sheet.iter_rows() for cell in row if cell.value is not None]
    read = python_calamine.load_workbook(io.BytesIO(data)).get_sheet_by_index(0).to_python()
    return [
        *(str(cell.value) for cell in found if cell.data_type != "s"),
        *(str(cell) for row in read for cell in row if str(cell).startswith(FORMULA)),
    ]


@given(registers, registers)
@quick
def test_undoing_an_import_brings_back_what_was(
    first: list[dict[str, Any]], second: list[dict[str, Any]]
) -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        asyncio.run(_undo(Site(Path(folder)), first, second))


async def _undo(site: Site, first: list[dict[str, Any]], second: list[dict[str, Any]]) -> None:
    async with site.database() as db, site.registry(db) as registry:
        await fill(registry, first)
        before = essence(registry), registry.platforms, registry.credentials
        report = await fill(registry, second)
        if report.change is None:
            assert (essence(registry), registry.platforms, registry.credentials) == before
            return
        await registry.undo(report.change, "test")
        assert (essence(registry), registry.platforms, registry.credentials) == before
        async with site.registry(db) as again:  # and so it stands on the disk
            assert essence(again) == before[0]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return ",".join(value) if isinstance(value, list) else str(value)
