"""Import of a whole register, and again: seconds, memory of service and worker, loop holds.

Each file starts with an empty database and no worker process. `hold` is the longest time that one
step of the event loop took, in CPU time, so that other programs on the machine do not count.
`growth` is the most that service and workers had together at one moment, sampled all the while.
"""

import argparse
import asyncio
import asyncio.events
import gc
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Self, cast

import psutil
import uvloop

from scripts.bench_register import through_the_service
from scripts.benchtable import machine, print_table
from vidgate.aio.bus import Bus
from vidgate.media.worker import WorkerPool
from vidgate.model.health import Health
from vidgate.operations.texts import Texts
from vidgate.registry.export import Form
from vidgate.registry.registry import Registry
from vidgate.storage.database import Database
from vidgate.storage.secrets import SecretBox
from vidgate.web.channels import ChannelQuery, item, matching
from vidgate.web.context import Context
from vidgate.web.exchange import encode_rows

COLUMNS = (
    "file",
    "run",
    "seconds",
    "service CPU s",
    "growth MiB",
    "service MiB",
    "workers MiB",
    "hold ms",
    "report",
)
Row = tuple[object, ...]


@contextmanager
def longest_hold() -> Iterator[list[float]]:
    """The longest step of the loop within the block, in seconds of CPU; asyncio's loop only."""
    longest = [0.0]
    run = asyncio.events.Handle._run

    def timed(handle: asyncio.events.Handle) -> None:
        started = time.thread_time()
        run(handle)
        longest[0] = max(longest[0], time.thread_time() - started)

    setattr(asyncio.events.Handle, "_run", timed)  # noqa: B010 - nobody declares it assignable
    try:
        yield longest
    finally:
        setattr(asyncio.events.Handle, "_run", run)  # noqa: B010


class Memory(threading.Thread):
    """Samples what this process and its children hold; `most` in bytes above the start."""

    def __init__(self, before: int) -> None:
        super().__init__(daemon=True)
        self.most = self.most_service = self.most_workers = 0
        self._before = before
        self._ended = threading.Event()

    def run(self) -> None:
        me = psutil.Process()
        while not self._ended.wait(0.02):
            service = me.memory_info().rss - self._before
            workers = sum(map(_rss, me.children(recursive=True)))
            self.most = max(self.most, service + workers)
            self.most_service = max(self.most_service, service)
            self.most_workers = max(self.most_workers, workers)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()


def _rss(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def cpu(*pids: int) -> float:
    """Seconds of processor time that processes have had."""
    times = [psutil.Process(pid).cpu_times() for pid in pids]
    return sum(one.user + one.system for one in times)


async def measure(kind: str, data: bytes) -> list[Row]:
    """Import a file three times into a fresh register."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with (
            Database(folder / "vidgate.db") as db,
            WorkerPool("text") as pool,
            Registry(db, SecretBox(folder), Bus(), Texts(pool)) as registry,
        ):
            # As the service does once it is ready: what lives for ever is not looked at again.
            gc.collect()
            gc.freeze()
            before = psutil.Process().memory_info().rss
            for run in ("first", "again, warm worker", "again, cold worker"):
                if run == "again, cold worker":
                    await pool.__aexit__(None, None, None)
                    await pool.__aenter__()
                rows.append((kind, run, *await _import(registry, data, before)))
    return rows


async def _import(registry: Registry, data: bytes, before: int) -> Row:
    with longest_hold() as hold, Memory(before) as memory:
        spent = cpu(os.getpid())
        started = time.perf_counter()
        report = await registry.import_file("register", data, actor="bench")
        seconds = time.perf_counter() - started
        spent = cpu(os.getpid()) - spent
    done = f"+{report.created} ~{report.updated} ={report.unchanged} !{report.rejected}"
    most = (memory.most, memory.most_service, memory.most_workers)
    mib = [f"{value / (1 << 20):.0f}" for value in most]
    return (f"{seconds:.2f}", f"{spent:.2f}", *mib, f"{hold[0] * 1000:.0f}", done)


async def reading(data: bytes) -> list[Row]:
    """Best of three of what pages and files are made of: list, search, export, marked sheet."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with (
            Database(folder / "vidgate.db") as db,
            WorkerPool("text") as pool,
            Registry(db, SecretBox(folder), Bus(), Texts(pool)) as registry,
        ):
            await registry.import_file("register", data, actor="bench")
            gc.collect()
            gc.freeze()
            works: dict[str, Callable[[], Awaitable[int]]] = {
                "list: JSON of every channel": lambda: _listed(registry, ""),
                "search: 城关镇": lambda: _listed(registry, "城关镇"),
                "search: cgz 01": lambda: _listed(registry, "cgz 01"),
                "export csv": lambda: _exported(registry, Form.CSV),
                "export xlsx": lambda: _exported(registry, Form.XLSX),
                "marked sheet": lambda: _marked(registry, data),
            }
            for what, work in works.items():
                rows.append((what, *await _best(work)))
    return rows


async def _best(work: Callable[[], Awaitable[int]]) -> Row:
    times, size, held = [], 0, 0.0
    for _ in range(3):
        with longest_hold() as hold:
            started = time.perf_counter()
            size = await work()
            times.append(time.perf_counter() - started)
        held = max(held, hold[0])
    return (f"{min(times) * 1000:.0f}", f"{held * 1000:.0f}", f"{size / 1024:.0f}")


async def _listed(registry: Registry, words: str) -> int:
    known = Health(channel="")
    context = SimpleNamespace(parts=SimpleNamespace(registry=registry, health=None))
    chosen = await matching(cast(Context, context), ChannelQuery(q=words))
    has_sub = registry.has_sub
    return len(await encode_rows(chosen, lambda one: item(one, known, has_sub=has_sub(one))))


async def _exported(registry: Registry, form: Form) -> int:
    return len(await registry.export(registry.channels.values(), form))


async def _marked(registry: Registry, data: bytes) -> int:
    return len((await registry.mark("register", data)).content)


async def restart(data: bytes) -> Row:
    """Seconds from an existing database to a register in memory."""
    with tempfile.TemporaryDirectory() as name:
        await _import_into(Path(name), data)
        started = time.perf_counter()
        return (await _import_into(Path(name), None), f"{time.perf_counter() - started:.2f}")


async def _import_into(folder: Path, data: bytes | None) -> int:
    async with (
        Database(folder / "vidgate.db") as db,
        WorkerPool("text") as pool,
        Registry(db, SecretBox(folder), Bus(), pool.run) as registry,
    ):
        if data is not None:
            await registry.import_file("register", data, actor="bench")
        return len(registry.channels)


def make(folder: Path, channels: int) -> list[Path]:
    """Sample registers, written by a process of their own: openpyxl would spoil the figures."""
    files = [folder / "register.xlsx", folder / "register.csv"]
    program = (
        "import sys; from pathlib import Path; from scripts.bench_import import sample;"
        "from vidgate.simulator.register import write;"
        "rows = sample(int(sys.argv[1])); [write(rows, Path(f)) for f in sys.argv[2:]]"
    )
    command = [sys.executable, "-c", program, str(channels), *map(str, files)]
    subprocess.run(command, check=True)
    return files


def sample(channels: int) -> list[dict[str, str]]:
    """The sample register; above what can be simulated, several of them under other ids."""
    from vidgate.simulator.register import MAX_CHANNELS, generate

    if channels <= MAX_CHANNELS:
        return generate(channels)
    rows: list[dict[str, str]] = []
    for part in range(-(-channels // 10_000)):
        for row in generate(10_000, seed=part + 1):
            row["id"] = f"{part}-{row['id']}"
            row["gb_code"] = ""
            row["url"] = row["url"] and f"{row['url']}?part={part}"
            rows.append(row)
    return rows[:channels]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--channels", type=int, default=2743)
    channels = parser.parse_args().channels
    with tempfile.TemporaryDirectory() as name:
        files = make(Path(name), channels)
        contents = [(file.suffix[1:], file.read_bytes()) for file in files]
        rows = [row for kind, data in contents for row in asyncio.run(measure(kind, data))]
        loaded = uvloop.run(restart(contents[0][1]))
        read = asyncio.run(reading(contents[0][1]))
        asked = asyncio.run(through_the_service(files[0]))
    print(machine())
    print_table(
        f"Import of {channels:,} channels and the planned ones"
        " (budget: 2 s, again 2 s, growth 150 MiB, hold 20 ms)",
        COLUMNS,
        rows,
    )
    print_table("Register from disk to memory", ("channels", "seconds"), [loaded])
    print_table(
        f"Reading a register of {channels:,}, best of three",
        ("what", "ms", "hold ms", "KiB"),
        read,
    )
    print_table(
        f"Through the service with {channels:,} channels, median of five",
        ("what", "ms", "KiB", "hold so far ms"),
        asked,
    )


if __name__ == "__main__":
    main()
