"""The register as files: import, the sheet with its mistakes, template, export; and its past."""

from dataclasses import asdict
from typing import Any
from urllib.parse import quote

from aiohttp import hdrs, web
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_json

from vidgate.registry.changesets import Change, ChangeRow
from vidgate.registry.doubts import has_ticket
from vidgate.registry.export import Form
from vidgate.web.access import actor_of
from vidgate.web.changes import row_view
from vidgate.web.channels import ChannelQuery, matching
from vidgate.web.context import CONTEXT
from vidgate.web.exchange import encode_rows, parts_of, read_body, read_query, reply_packed

MAX_IMPORT = 10 << 20
LOST = "Vidgate-Lost"
TICKETS = "Vidgate-Tickets"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
TYPES = {Form.CSV: "text/csv", Form.XLSX: XLSX}


class FileQuery(BaseModel):
    """`filename` is what people know the file by."""

    model_config = ConfigDict(extra="forbid")
    filename: str = Field(min_length=1, max_length=255)


class ImportQuery(FileQuery):
    """`partial`: the good rows even where others are bad; `prune`: remove what is not in it."""

    dry_run: bool = False
    partial: bool = False
    prune: bool = False


class ExportQuery(ChannelQuery):
    """Which channels, as for the list, and as what."""

    format: Form = Form.XLSX


class HistoryQuery(BaseModel):
    """How many, the newest first."""

    model_config = ConfigDict(extra="forbid")
    limit: int = Field(100, ge=1, le=1000)


async def import_(request: web.Request) -> web.Response:
    """Take a register (xlsx, xls or csv): all rows or, unless `partial`, none."""
    query = read_query(request.query, ImportQuery)
    data = await read_body(request, MAX_IMPORT)
    report = await request.app[CONTEXT].parts.registry.import_file(
        query.filename,
        data,
        dry_run=query.dry_run,
        partial=query.partial,
        prune=query.prune,
        actor=actor_of(request),
    )
    # Thousands of rows may be wrong: what is said of them is encoded in chunks.
    errors = await encode_rows(report.errors, asdict)
    warnings = await encode_rows(report.warnings, asdict)
    more = to_json([asdict(one) for one in report.more])
    lists = b',"errors":%b,"warnings":%b,"more":%b}' % (errors, warnings, more)
    return await reply_packed(request, to_json(report.counts())[:-1] + lists)


async def mark(request: web.Request) -> web.Response:
    """The sheets that were sent, as xlsx, with what an import would say in the cells it is about.

    Nothing is imported. What could not be kept of the original is said in the header LOST,
    percent-encoded as UTF-8.
    """
    query = read_query(request.query, FileQuery)
    data = await read_body(request, MAX_IMPORT)
    marked = await request.app[CONTEXT].parts.registry.mark(query.filename, data)
    response = _file(marked.content, "errors", Form.XLSX)
    if marked.lost:
        response.headers[LOST] = quote(marked.lost)
    return response


async def template(request: web.Request) -> web.Response:
    """An empty register with every column explained."""
    return _file(await request.app[CONTEXT].parts.registry.template(), "channels", Form.XLSX)


async def export(request: web.Request) -> web.Response:
    """The channels that match as a file that an import takes as unchanged; no passwords.

    The header TICKETS says how many of them have addresses with a token or the like, which stay.
    """
    context = request.app[CONTEXT]
    query = read_query(request.query, ExportQuery)
    rows = parts_of(await matching(context, query), query.offset, query.limit)
    data = await context.parts.registry.export(rows, query.format)
    response = _file(data, "channels", query.format)
    response.headers[TICKETS] = str(sum(map(has_ticket, rows)))
    return response


async def history(request: web.Request) -> web.Response:
    """What was done to one channel, newest first; also to one that is gone."""
    query = read_query(request.query, HistoryQuery)
    found = await request.app[CONTEXT].parts.registry.history(
        request.match_info["id"], limit=query.limit
    )
    return await reply_packed(request, b'{"items":%b}' % await encode_rows(found, _past))


def _past(found: tuple[Change, ChangeRow]) -> dict[str, Any]:
    change, row = found
    told = {name: getattr(change, name) for name in ("time", "actor", "source", "undone_by")}
    return {"change": change.id, "cause": change.action, **told, **row_view(row)}


def _file(data: bytes, name: str, form: Form) -> web.Response:
    headers = {hdrs.CONTENT_DISPOSITION: f'attachment; filename="{name}.{form}"'}
    return web.Response(body=data, content_type=TYPES[form], headers=headers)
