"""A large register through the running service: import, list, search, metrics page, tree.

`held` is the longest that the event loop of the service was held by its own work, in CPU time, as
`/metrics` tells it. The tree and the search of the console are its own modules, run by Node.
"""

import asyncio
import json
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import aiohttp

from scripts.console import CONSOLE, node
from tests.programs import Service, running_service

TIMES = 5
Row = tuple[object, ...]
PAGES = (
    "/api/v1/channels",
    "/api/v1/channels?q=城关镇",
    "/api/v1/channels?q=cgz 01",
    "/api/v1/channels?q=cgz 01&limit=50",
    "/api/v1/overview",
    "/api/v1/platforms",
    "/metrics/channels",
    "/metrics",
)

_CONSOLE = """
import { readFileSync } from 'node:fs'
const tree = await import(`${process.argv[1]}/tree.ts`)
const search = await import(`${process.argv[1]}/search.ts`)
const channels = JSON.parse(readFileSync(0)).items
const best = (work) => Math.min(...Array.from({ length: 5 }, () => {
  const began = performance.now()
  work()
  return performance.now() - began
}))
const build = (by) => {
  const { groupsOf } = tree.buildTree(channels, by, (id) => id, 'none')
  const tally = new tree.Tally()
  for (const channel of channels) tally.count(channel, groupsOf.get(channel.id), 1)
}
const entries = search.prepare(channels)
console.log(JSON.stringify({
  'tree by platform, with its counts': best(() => build('platform')),
  'tree by area, with its counts': best(() => build('area')),
  'search prepared': best(() => search.prepare(channels)),
  'search: 城关镇': best(() => search.search(entries, '城关镇')),
  'search: cgz 01': best(() => search.search(entries, 'cgz 01')),
}))
"""


async def through_the_service(file: Path) -> list[Row]:
    """(what, ms, KiB, longest hold so far in ms) of what people and programs ask for."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        settings = {"VIDGATE__PROBE__ENABLED": "false"}
        async with running_service(Path(name), settings) as service:
            made = await service.cli_json("token", "create", "--role", "administrator")
            headers = {"Authorization": f"Bearer {made['token']}"}
            timeout = aiohttp.ClientTimeout(total=300)
            async with aiohttp.ClientSession(headers=headers, timeout=timeout) as http:
                rows = await _ask(http, service, file)
                listed = await _get(http, service, "/api/v1/channels")
    return rows + await asyncio.to_thread(_in_the_console, listed)


async def _ask(http: aiohttp.ClientSession, service: Service, file: Path) -> list[Row]:
    data = await asyncio.to_thread(file.read_bytes)
    path = f"/api/v1/channels/import?filename={file.name}"

    async def send() -> bytes:
        async with http.post(service.url + path, data=data) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.read()

    rows = [await _timed(http, service, f"import, {run}", send, 1) for run in ("first", "again")]
    for page in PAGES:
        work = partial(_get, http, service, page)
        rows += [await _timed(http, service, f"GET {page}", work)]
    return rows


async def _get(http: aiohttp.ClientSession, service: Service, path: str) -> bytes:
    async with http.get(service.url + path) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.read()


async def _timed(
    http: aiohttp.ClientSession,
    service: Service,
    what: str,
    work: Callable[[], Awaitable[bytes]],
    times: int = TIMES,
) -> Row:
    seconds, size = [], 0
    for _ in range(times):
        began = time.perf_counter()
        size = len(await work())
        seconds.append(time.perf_counter() - began)
    held = await _held(http, service)
    return (what, f"{statistics.median(seconds) * 1000:.0f}", f"{size / 1024:.0f}", held)


async def _held(http: aiohttp.ClientSession, service: Service) -> str:
    """The longest hold of the service's loop so far, in milliseconds."""
    text = (await _get(http, service, "/metrics")).decode()
    found = re.search(r"^vidgate_event_loop_held_max_seconds (\S+)", text, re.MULTILINE)
    return f"{float(found[1]) * 1000:.0f}" if found else ""


def _in_the_console(listed: bytes) -> list[Row]:
    """What a browser does with the list: its trees, and its search at every key."""
    options = ("--no-warnings", "--experimental-strip-types", "--input-type=module")
    command = [node(), *options, "-e", _CONSOLE, str(CONSOLE / "src")]
    done = subprocess.run(command, input=listed, capture_output=True, check=True)
    return [
        (f"console, {what}", f"{ms:.0f}", "", "") for what, ms in json.loads(done.stdout).items()
    ]
