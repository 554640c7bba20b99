"""What a shell completes: names that the service knows, kept for a minute.

A TAB must not make anybody wait: the question has a second, and an old list is better than none.
"""

import asyncio
import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from cyclopts.completion import CompletionContext

from vidgate.aio.clock import SystemClock
from vidgate.cli.client import Client, Target
from vidgate.cli.options import Completer
from vidgate.errors import VidgateError

FRESH = 60.0  # seconds
DEADLINE = 1.0
MAX_FILE = 16 << 20
Row = Mapping[str, Any]

# What is kept of each list: no more than completion shows.
_KEPT: Mapping[str, tuple[str, ...]] = {
    "channels": ("id", "name", "platform", "department", "area"),
    "platforms": ("id", "name"),
    "credentials": ("name", "username"),
    "changes": ("id", "source"),
    "tokens": ("id", "name"),
    "alarms": ("id", "subject"),
    "maintenance": ("id", "subject"),
}


def _of(things: str, field: str, told: str = "") -> Completer:
    """A completer with one field of a list, and beside it what another one says."""

    def complete(context: CompletionContext) -> Mapping[str, str]:
        begun = context.incomplete.lower()
        values = ((str(row.get(field, "")), str(row.get(told, ""))) for row in known(things))
        return {value: said for value, said in values if value and value.lower().startswith(begun)}

    return complete


CHANNELS = _of("channels", "id", "name")
DEPARTMENTS = _of("channels", "department")
AREAS = _of("channels", "area")
PLATFORMS = _of("platforms", "id", "name")
CREDENTIALS = _of("credentials", "name", "username")
CHANGES = _of("changes", "id", "source")
TOKENS = _of("tokens", "id", "name")
WINDOWS = _of("maintenance", "id", "subject")
ALARMS = _of("alarms", "id", "subject")


def known(things: str) -> list[Row]:
    """The rows of a list: from the cache while it is fresh, else from the service, else old."""
    target = Target.from_environment()
    file = _file(target, things)
    rows, age = _read(file)
    if rows is not None and 0 <= age < FRESH:
        return rows
    try:
        rows = asyncio.run(_asked(target, things))
    except (VidgateError, TimeoutError):
        return rows or []
    _keep(file, rows)
    return rows


async def _asked(target: Target, things: str) -> list[Row]:
    async with asyncio.timeout(DEADLINE), Client(target) as client:
        found = await client.get(f"/{things}")
    return [{name: item.get(name, "") for name in _KEPT[things]} for item in found["items"]]


def _file(target: Target, things: str) -> Path:
    """In the user's cache; another service, or another token, is another list."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    mark = hashlib.sha256(f"{target} {target.token}".encode()).hexdigest()[:16]
    return Path(base) / "vidgate" / f"{things}-{mark}.json"


def _read(file: Path) -> tuple[list[Row] | None, float]:
    """The rows of a cache file and their age in seconds; None where there are none."""
    try:
        state = file.stat()
        if state.st_size > MAX_FILE or state.st_uid != os.geteuid():
            return None, 0.0
        rows = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return None, 0.0
    is_list = isinstance(rows, list) and all(isinstance(row, dict) for row in rows)
    return (rows if is_list else None), SystemClock().wall() - state.st_mtime


def _keep(file: Path, rows: list[Row]) -> None:
    """Whole or not at all, and for nobody else to read; a disk that is full costs a TAB nothing."""
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            out.write(json.dumps(rows, ensure_ascii=False).encode())
        beside.replace(file)
    except OSError:
        with suppress(OSError):
            beside.unlink()
