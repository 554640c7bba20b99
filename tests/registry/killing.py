"""Imports that are killed by SIGKILL at random moments; run by test_kill, prints what was found.

    python -m tests.registry.killing FOLDER ROUNDS SEED

Each round forks a child that imports a register over and over, every time with all names changed,
and kills it after a random delay; then looks at what the database holds.
"""

import asyncio
import json
import os
import random
import shutil
import signal
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from tests.registry.files import HEADER, row, text
from vidgate.aio.bus import Bus
from vidgate.registry.pinyin import pinyin_keys
from vidgate.registry.registry import Registry
from vidgate.storage.audit import Audit
from vidgate.storage.database import Database
from vidgate.storage.secrets import SecretBox

T = TypeVar("T")

ROWS = 250  # more than are written at once
SHARE = 2.0  # of the seconds from the fork to the first import done: the latest kill
FRESH = 10  # every so many rounds start with an empty folder, so that first starts are hit too


async def at_once(function: Callable[..., T], /, *args: Any) -> T:
    return function(*args)


def register(generation: int) -> bytes:
    return text(HEADER, *(row(n, name=f"{generation} 城关镇第{n}路") for n in range(ROWS)))


async def import_for_ever(folder: Path, pipe: int) -> None:
    box = SecretBox(folder)
    async with (
        Database(folder / "vidgate.db") as db,
        Registry(db, box, Bus(), at_once) as registry,
    ):
        generation, parent = time.time_ns(), os.getppid()
        while os.getppid() == parent:  # nobody is left to kill it otherwise
            generation += 1
            os.write(pipe, b"i")
            report = await registry.import_file("r.csv", register(generation), actor="killed")
            os.write(pipe, b"d" if not report.rejected else b"!")


def begun(folder: Path) -> tuple[int, int]:
    """A child that imports, and the pipe with its marks: i (import began), d (it was done)."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            asyncio.run(import_for_ever(folder, writer))
        finally:
            os._exit(1)
    os.close(writer)
    return child, reader


def until_done(folder: Path) -> float:
    """Seconds from the fork to the first import done, on this machine as busy as it is."""
    started = time.monotonic()
    child, reader = begun(folder)
    with os.fdopen(reader, "rb", buffering=0) as marks:
        while marks.read(1) not in (b"d", b""):
            pass
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return time.monotonic() - started


def killed(folder: Path, delay: float) -> str:
    """Run a child and kill it; returns its marks."""
    child, reader = begun(folder)
    time.sleep(delay)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reader, "rb") as marks:
        found = marks.read().decode()
    if not os.WIFSIGNALED(status):
        raise RuntimeError(f"the child ended by itself: {status}, {found}")
    return found


def look(path: Path) -> dict[str, Any]:
    """What a plain SQLite reader sees in the file."""
    connection = sqlite3.connect(path)
    try:
        (integrity,) = connection.execute("PRAGMA integrity_check").fetchone()
        foreign = connection.execute("PRAGMA foreign_key_check").fetchall()
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        if "channels" not in tables:
            return {"integrity": integrity, "foreign": foreign, "tables": sorted(tables)}
        names = [name for (name,) in connection.execute("SELECT name FROM channels")]
        torn = connection.execute(
            "SELECT id FROM changes WHERE created + updated + removed != (SELECT count(*) FROM"
            " change_rows WHERE change = changes.id AND kind = 'channel')"
        ).fetchall()
        (changes,) = connection.execute("SELECT count(*) FROM changes").fetchone()
        (audits,) = connection.execute("SELECT count(*) FROM audit").fetchone()
    finally:
        connection.close()
    return {
        "integrity": integrity,
        "foreign": foreign,
        "channels": len(names),
        "generations": len({name.split()[0] for name in names}),
        "torn": torn,
        "changes": changes,
        "audits": audits,
    }


async def start(folder: Path) -> dict[str, Any]:
    """What the service has after its next start."""
    box = SecretBox(folder)
    async with (
        Database(folder / "vidgate.db") as db,
        Registry(db, box, Bus(), at_once) as registry,
    ):
        return {
            "started": len(registry.channels),
            "logins": sum(registry.login(c) is not None for c in registry.channels.values()),
            "audit": (await Audit(db).verify()).broken,
        }


def main() -> None:
    root, rounds, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    chance = random.Random(seed)
    pinyin_keys(["读一遍词典"])  # before the fork, so that no round waits for it
    folders = [root / "pace0", root / "pace1"]
    for folder in folders:
        folder.mkdir()
    longest = SHARE * min(map(until_done, folders))  # the other may meet a busy moment
    folder = root
    for number in range(rounds):
        if number % FRESH == 0:
            folder = root / f"round{number}"
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        marks = killed(folder, chance.uniform(0, longest))
        path = folder / "vidgate.db"
        found = look(path) if path.exists() else {}
        found |= asyncio.run(start(folder))
        print(json.dumps({"round": number, "marks": marks, **found}), flush=True)


if __name__ == "__main__":
    main()
