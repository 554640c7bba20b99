"""Reading requests within limits and deadlines, and writing JSON without holding the loop."""

import asyncio
import re
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from aiohttp import hdrs, web
from multidict import MultiMapping
from pydantic import BaseModel
from pydantic_core import to_json

from vidgate.errors import InputError, NotFoundError
from vidgate.registry.preconditions import Precondition
from vidgate.web.problems import MediaTypeError, SlowBodyError, TooLargeError

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")

JSON = "application/json"
_ENTITY_TAG = r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"'
_TAG = re.compile(_ENTITY_TAG)
_TAGS = re.compile(rf"\s*{_ENTITY_TAG}\s*(?:,\s*{_ENTITY_TAG}\s*)*")
MAX_JSON = 64 << 10
MAX_DIGITS = 15  # of a number in a path: fits an integer of SQLite
BODY_TIMEOUT = 10.0  # seconds for a small body
BODY_RATE = 32 << 10  # bytes a second that a larger one must bring
CHUNK = 200  # rows encoded between two turns of the loop: some 2 ms
GZIP_FROM = 4096  # bytes; less is not worth the CPU


async def read_body(request: web.Request, limit: int) -> bytes:
    """The whole body. Raises TooLargeError beyond `limit` bytes and SlowBodyError when it drips."""
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        # A compressed body could unpack to any size: nothing we take needs it.
        raise MediaTypeError("请勿压缩内容 / compressed bodies are not taken")
    if (request.content_length or 0) > limit:
        raise _too_large(limit)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT) as deadline:
            end = deadline.when() or 0.0
            async for chunk in request.content.iter_any():
                body += chunk
                deadline.reschedule(end + len(body) / BODY_RATE)
                if len(body) > limit:
                    raise _too_large(limit)
    except TimeoutError:
        raise SlowBodyError("内容没有按时送达 / the body did not arrive in time") from None
    return bytes(body)


def _too_large(limit: int) -> TooLargeError:
    return TooLargeError(f"内容最多 {limit} 字节 / the body may have {limit} bytes at most")


async def read_json(request: web.Request, model: type[M], limit: int = MAX_JSON) -> M:
    """The JSON body as a model. Only application/json: a foreign form cannot send that (CSRF)."""
    if request.content_type != JSON:
        raise MediaTypeError("内容类型应为 application/json / the body must be application/json")
    return model.model_validate_json(await read_body(request, limit))


def read_tags(request: web.Request) -> set[str] | None:
    """The strong entity tags of `If-Match` (RFC 9110 13.1.1); None where any will do.

    Raises InputError for what is no list of tags.
    """
    text = request.headers.get(hdrs.IF_MATCH)
    if text is None or text.strip() == "*":
        return None
    if not _TAGS.fullmatch(text):
        raise InputError('If-Match 应形如 "3" / is no list of entity tags')
    return {found[2] for found in _TAG.finditer(text) if not found[1]}


def read_precondition(request: web.Request, each: Mapping[str, int] | None = None) -> Precondition:
    """The `If-Match` of a request (RFC 9110 13.1.1): revisions as entity tags, or `*`.

    It holds for every channel that the request is about; `each` says more. A weak tag, or one that
    is no revision, matches nothing. Raises InputError for what is no list of tags.
    """
    tags = read_tags(request)
    if tags is None:
        return Precondition(each=each or {})
    revisions = {int(tag) for tag in tags if tag.isascii() and tag.isdigit() and len(tag) < 16}
    return Precondition(revisions, each or {})


def read_query(query: MultiMapping[str], model: type[M]) -> M:
    """The query as a model; an unknown parameter is an error, of a repeated one the last counts."""
    return model.model_validate(dict(query.items()))


def read_number(request: web.Request, key: str, what: str) -> int:
    """A number of the path; raises NotFoundError for anything that numbers no such thing."""
    given = request.match_info[key]
    if not given.isascii() or not given.isdigit() or len(given) > MAX_DIGITS:
        raise NotFoundError(f"没有{what} {given} / no such number")
    return int(given)


def reply(document: Any, status: int = 200) -> web.Response:
    """A JSON answer of a model or of plain data."""
    return web.Response(body=to_json(document), status=status, content_type=JSON, charset="utf-8")


async def encode_rows(rows: Iterable[T], encode: Callable[[T], Any]) -> bytes:
    """A JSON array of any number of rows, giving way to the loop between chunks."""
    everything = list(rows)
    pieces = []
    for start in range(0, len(everything), CHUNK):
        if start:
            await asyncio.sleep(0)
        pieces.append(to_json([encode(row) for row in everything[start : start + CHUNK]])[1:-1])
    return b"[" + b",".join(pieces) + b"]"


async def reply_packed(request: web.Request, body: bytes, content_type: str = JSON) -> web.Response:
    """A large answer, gzipped in a thread when the client takes that."""
    headers = {hdrs.VARY: "Accept-Encoding"}
    if len(body) >= GZIP_FROM and accepts_gzip(request):
        body = await asyncio.to_thread(gzip, body)
        headers[hdrs.CONTENT_ENCODING] = "gzip"
    return web.Response(body=body, headers=headers, content_type=content_type, charset="utf-8")


def accepts_gzip(request: web.Request) -> bool:
    """Whether the client listed gzip, and not with a zero quality."""
    for item in request.headers.get(hdrs.ACCEPT_ENCODING, "").lower().split(","):
        name, _, parameters = item.partition(";")
        if name.strip() == "gzip":
            return parameters.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def gzip(data: bytes, level: int = 1) -> bytes:
    """RFC 1952; level 1 takes a third of the time of 6 for a tenth more bytes of our JSON."""
    packer = zlib.compressobj(level, wbits=31)
    return packer.compress(data) + packer.flush()


def parts_of(rows: Sequence[T], offset: int, limit: int | None) -> Sequence[T]:
    """The page of the rows that was asked for."""
    return rows[offset : None if limit is None else offset + limit]
