"""Probing now: progress line by line, then the document of `probe --json`."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import Any

from aiohttp import web
from pydantic_core import to_json

from vidgate.errors import InputError, NotFoundError, VidgateError
from vidgate.model.health import Level, ProbeResult, State
from vidgate.web.access import actor_of
from vidgate.web.context import CONTEXT, Context
from vidgate.web.exchange import CHUNK, encode_rows, read_json
from vidgate.web.schemas import ProbeRequest

NDJSON = "application/x-ndjson"
MAX_BODY = 2 << 20  # 20,000 ids of 64 characters
PROGRESS = 0.2  # seconds between two lines of progress at least
WRITE_TIMEOUT = 15.0
COUNTED = (
    "fps", "bitrate", "measured_fps", "measured_bitrate", "group_frames", "group_seconds",
    "expected", "lost",
)  # fmt: skip


async def run(request: web.Request) -> web.StreamResponse:
    """Probe channels; lines `{"done", "total"}`, then the result (or a problem) as the last."""
    context = request.app[CONTEXT]
    asked = await read_json(request, ProbeRequest, MAX_BODY)
    ids = targets(context, asked)
    async with context.probing.turn():
        detail = {"level": asked.level, "targets": len(ids)}
        context.notes.note(actor_of(request), "probe.run", _named(asked), detail)
        response = web.StreamResponse()
        response.content_type = NDJSON
        await response.prepare(request)
        await _stream(context, response, ids, Level[asked.level.upper()])
        await response.write_eof()
    return response


def targets(context: Context, asked: ProbeRequest) -> list[str]:
    """The ids asked for, each once. Raises InputError, NotFoundError."""
    ways = (asked.ids is not None, asked.department is not None, asked.all)
    if sum(ways) != 1:
        raise InputError("给出 ids、department、all 之一 / give one of ids, department and all")
    registry = context.parts.registry
    if asked.ids is not None:
        return list(dict.fromkeys(registry.get(id_).id for id_ in asked.ids))
    named = [
        channel
        for channel in registry.channels.values()
        if asked.all or channel.department == asked.department
    ]
    if not named and not asked.all:
        raise NotFoundError(f"没有部门 {asked.department} / no channel has that department")
    return [channel.id for channel in named if channel.is_counted]


async def _stream(
    context: Context, response: web.StreamResponse, ids: Sequence[str], level: Level
) -> None:
    loop = asyncio.get_running_loop()
    began = told = loop.time()
    results: dict[str, ProbeResult] = {}
    await _line(response, {"done": 0, "total": len(ids)})
    try:
        async with aclosing(context.parts.health.run(ids, level, unspread=True)) as probing:
            async for result in probing:
                results[result.channel] = result
                if loop.time() - told >= PROGRESS:
                    told = loop.time()
                    await _line(response, {"done": len(results), "total": len(ids)})
    except VidgateError as error:
        # The status line is long sent: the problem is told in the last line.
        told_so_far = {"done": len(results), "total": len(ids)}
        problem = {"code": error.code, "detail": error.message, "hint": error.hint}
        await _line(response, told_so_far | problem)
        return
    await _line(response, {"done": len(results), "total": len(ids)})
    seconds = round(loop.time() - began, 3)
    await _write(response, await _document(context, level, ids, results, seconds))


async def _document(
    context: Context,
    level: Level,
    ids: Sequence[str],
    results: Mapping[str, ProbeResult],
    seconds: float,
) -> bytes:
    states = await _judged(context, ids, results)
    counts = Counter(state.label for state in states.values())
    head = to_json(
        {
            "level": level.label,
            "total": len(ids),
            "up": counts[State.UP.label],
            "states": counts,
            "seconds": seconds,
        }
    )
    items = await encode_rows(ids, lambda id_: _item(id_, states[id_], results.get(id_)))
    return head[:-1] + b',"items":' + items + b"}\n"


async def _judged(
    context: Context, ids: Sequence[str], results: Mapping[str, ProbeResult]
) -> dict[str, State]:
    """What this probe says of each channel; the states that are kept follow with hysteresis."""
    health = context.parts.health
    states: dict[str, State] = {}
    for number, id_ in enumerate(ids, 1):
        result = results.get(id_)
        states[id_] = health.of(id_).state if result is None else health.judge(result)
        if number % CHUNK == 0:
            await asyncio.sleep(0)
    return states


def _item(id_: str, state: State, result: ProbeResult | None) -> dict[str, Any]:
    return {
        "id": id_,
        "state": state.label,
        "reason": result.reason.value if result else "not_tested",
        "t0": result.t0 if result else None,
        **{name: _instant(result, name) for name in ("t1", "t2", "t3")},
        **{name: getattr(result, name, None) for name in COUNTED},
    }


def _instant(result: ProbeResult | None, name: str) -> float | None:
    """Wall-clock seconds, like `t0`: an acceptance counts the delays from where it likes."""
    after = getattr(result, name) if result else None
    return None if after is None or result is None else round(result.t0 + after, 6)


def _named(asked: ProbeRequest) -> str:
    if asked.ids is not None:
        return " ".join(asked.ids[:8])[:255]
    return asked.department or "all"


async def _line(response: web.StreamResponse, document: Mapping[str, Any]) -> None:
    await _write(response, to_json(document) + b"\n")


async def _write(response: web.StreamResponse, data: bytes) -> None:
    """A client that left or does not read ends the probing, not a probe slot for ever."""
    async with asyncio.timeout(WRITE_TIMEOUT):
        await response.write(data)
