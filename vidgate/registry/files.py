"""The register's files, in and out; everything heavy happens in the worker."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Protocol, TypeVar

from vidgate.model.channel import Channel
from vidgate.registry import export
from vidgate.registry.export import Form
from vidgate.registry.importer import ImportReport
from vidgate.registry.limits import MARK_TIMEOUT, PARSE_TIMEOUT
from vidgate.registry.marks import Marked, mark_file
from vidgate.registry.sheet import ParsedFile, parse_file
from vidgate.registry.store import chunks
from vidgate.registry.template import make_template

T = TypeVar("T")

# Functions that read what somebody sent, and their deadlines in seconds.
READERS: Mapping[Callable[..., Any], float] = {parse_file: PARSE_TIMEOUT, mark_file: MARK_TIMEOUT}


class Runner(Protocol):
    """Runs a module-level function in a worker process; see `media.worker.WorkerPool.run`."""

    def __call__(self, function: Callable[..., T], /, *args: Any) -> Awaitable[T]:
        """Await the function's result; its errors are raised as they are."""
        ...


class Files:
    """Reads and writes tables through a worker."""

    def __init__(self, run: Runner) -> None:
        self._run = run

    async def read(self, name: str, data: bytes) -> ParsedFile:
        """The rows of an uploaded file. Raises InputError."""
        return await self._run(parse_file, name, data)

    async def template(self) -> bytes:
        """The workbook to fill in."""
        return await self._run(make_template)

    async def export(self, channels: Iterable[Channel], form: Form) -> bytes:
        """A table of these channels that an import takes as unchanged."""
        if form is Form.CSV:
            return await export.csv_of(channels)
        return await self._run(export.make_workbook, await export.packed(channels))

    async def mark(self, name: str, data: bytes, report: ImportReport) -> Marked:
        """The uploaded sheets as xlsx, with what the report says about their cells."""
        notes = [
            (one.sheet, one.row, one.column, one.message, is_error)
            for found, is_error in ((report.errors, True), (report.warnings, False))
            for one in found
        ]
        pieces = []
        for chunk in chunks(notes):
            pieces.append(json.dumps(chunk, ensure_ascii=False).encode())
            await asyncio.sleep(0)
        return await self._run(mark_file, name, data, pieces)
