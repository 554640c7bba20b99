"""The past of a fleet: bytes on the disk for as long as it is kept, and a report of thirty days.

Sizes are measured on what is written by the service's own code (looks of a few channels and
transitions and days of all) and counted up to 2,743 channels and the days of the settings.
"""

import argparse
import asyncio
import gc
import random
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

from scripts.bench_import import longest_hold
from scripts.benchtable import machine, print_table
from vidgate.aio.clock import ManualClock
from vidgate.health import history as histories
from vidgate.health.history import History
from vidgate.health.kpi import load_definitions
from vidgate.health.looks import LookLog
from vidgate.model.channel import Channel
from vidgate.model.health import Level, ProbeResult, Reason, State
from vidgate.model.maintenance import Window as MaintenanceWindow
from vidgate.model.standing import Circumstances, Run
from vidgate.operations.reports import Reports, Window
from vidgate.settings.tree import HistorySettings
from vidgate.storage.database import Database
from vidgate.storage.history import HistoryStore
from vidgate.storage.states import States, Transition

CHANNELS = 2743
DAY = 86_400
START = 1_767_225_600.0  # 2026-01-01
SAMPLE = 20  # channels whose looks are written
DEPARTMENTS = ("公安局", "应急局", "教育局")
OUTAGES = (Reason.TIMEOUT, Reason.UNREACHABLE, Reason.NO_MEDIA, Reason.BUSY)


@dataclass
class Bench:
    """The parts, and how far their file has grown."""

    db: Database
    clock: ManualClock
    store: HistoryStore
    channels: dict[str, Channel]

    def bytes(self) -> int:
        """Of the file with what is in its log."""
        path = self.db.path
        files = (path, path.with_name(path.name + "-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    async def settle(self) -> int:
        """Move the log into the file; its bytes then."""
        connection = sqlite3.connect(self.db.path)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        return self.bytes()


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Bench]:
    """An empty database and a register."""
    clock = ManualClock(wall=START)
    channels = {
        f"c{n:04}": Channel(
            id=f"c{n:04}",
            name=f"通道 {n}",
            department=DEPARTMENTS[n % 3],
            platform=f"p{n % 12}" if n % 12 else "",
        )
        for n in range(CHANNELS)
    }
    async with Database(folder / "vidgate.db", clock=clock) as db:
        yield Bench(db, clock, HistoryStore(db), channels)


def looks_of(rng: random.Random, id_: str, day: int) -> list[ProbeResult]:
    """A day as the scheduler makes it: a describe a minute, a picture every half hour."""
    results = []
    phase = rng.uniform(0, 60)
    down_until = 0.0
    for minute in range(1440):
        t0 = START + day * DAY + minute * 60 + phase + rng.uniform(0, 2)
        if rng.random() < 2 / 1440:
            down_until = t0 + rng.expovariate(1 / 1800)
        is_up = t0 > down_until
        asked = Level.MEDIA if minute % 30 == 0 else Level.DESCRIBE
        results.append(
            ProbeResult(
                channel=id_,
                asked=asked,
                level=asked if is_up else Level.NONE,
                reason=Reason.OK if is_up else Reason.TIMEOUT,
                t0=t0,
                t1=rng.uniform(0.005, 0.05) if is_up else None,
                t2=rng.uniform(0.1, 0.4) if is_up and asked is Level.MEDIA else None,
                t3=rng.uniform(0.4, 4.0) if is_up and asked is Level.MEDIA else None,
            )
        )
    return results


async def write_looks(bench: Bench, days: int) -> None:
    """Every half hour what has come, as the service does."""
    rng, log = random.Random(1), LookLog()
    for day in range(days):
        made = [one for n in range(SAMPLE) for one in looks_of(rng, f"c{n:04}", day)]
        made.sort(key=lambda one: one.t0)
        for part in range(0, len(made), 30 * SAMPLE):
            for one in made[part : part + 30 * SAMPLE]:
                log.add(one)
            while rows := log.take(200, now=made[part].t0):
                await bench.store.add_looks(rows)


def moves_of(rng: random.Random, id_: str, days: int, a_day: int) -> list[Transition]:
    """Outages, so many changes a day."""
    times = sorted(rng.uniform(0, days * DAY) for _ in range(days * a_day - 1))
    moves = [(0.0, State.UP, Reason.OK, Level.MEDIA)]
    for number, at in enumerate(times):
        is_up = bool(number % 2)
        reason = Reason.OK if is_up else rng.choice(OUTAGES)
        state = State.UP if is_up else State.BUSY if reason is Reason.BUSY else State.DOWN
        moves.append((at, state, reason, Level.MEDIA if is_up else Level.NONE))
    return [
        Transition(
            channel=id_, time=START + at, before=State.UNKNOWN, after=state, reason=reason,
            level=level,
        )
        for at, state, reason, level in moves
    ]  # fmt: skip


async def write_moves(bench: Bench, days: int, a_day: int) -> int:
    """Transitions of the whole fleet, in order of time as they come; how many."""
    rng, states = random.Random(2), States(bench.db)
    moves = [move for id_ in bench.channels for move in moves_of(rng, id_, days, a_day)]
    moves.sort(key=lambda move: move.time)
    for part in range(0, len(moves), 5000):
        await states.save([], moves[part : part + 5000])
    return len(moves)


async def roll_up(bench: Bench, days: int) -> tuple[float, float]:
    """All days; seconds for one of them, and the longest hold."""
    await bench.store.save_runs([Run(round(START * 1000), round(bench.clock.wall() * 1000))])
    history = History(bench.store, HistorySettings(timezone="UTC"), bench.clock)
    await history.beat()
    started, done = time.perf_counter(), 0
    with longest_hold() as hold:
        while made := await history.roll_up():
            done += made
    return (time.perf_counter() - started) / max(1, done), hold[0]


class _Watch:
    """At work all the time, and every failure is the channel's own."""

    revision = 0

    async def of(self, ids: Collection[str], start: int, end: int) -> dict[str, Circumstances]:
        return dict.fromkeys(ids, Circumstances())

    def recorded(self) -> list[MaintenanceWindow]:
        return []

    async def runs(self, start: int, end: int) -> list[Run]:
        return [Run(round(START * 1000), end)]


async def report(bench: Bench, since: str, until: str) -> tuple[float, float, float, float]:
    """Seconds, of CPU, the longest hold (CPU of one step), the latest wake-up of another task."""
    watch = _Watch()
    reports = Reports(bench, bench.store, watch, watch, load_definitions(), UTC, bench.clock)
    gc.collect()
    gc.freeze()  # as the service does once it stands
    late = [0.0]

    async def tick() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            late[0] = max(late[0], time.perf_counter() - before - 0.001)

    ticking = asyncio.get_running_loop().create_task(tick())
    started, busy = time.perf_counter(), time.process_time()
    with longest_hold() as hold:
        document = await reports.uptime("department", Window(since, until), worst=CHANNELS)
    seconds, busy = time.perf_counter() - started, time.process_time() - busy
    ticking.cancel()
    assert len(document["channels"]) == CHANNELS
    return seconds, busy, hold[0], late[0]


async def run(days: int, a_day: int) -> None:
    """Fill, measure, print."""
    mib = 1 << 20
    keep = HistorySettings()
    with tempfile.TemporaryDirectory() as folder:
        async with opened(Path(folder)) as bench:
            empty = await bench.settle()
            await write_looks(bench, min(days, 5))
            looks = (await bench.settle() - empty) / SAMPLE / min(days, 5)
            before = await bench.settle()
            count = await write_moves(bench, days, a_day)
            each = (await bench.settle() - before) / count
            bench.clock.advance(days * DAY + 3600)
            unrolled = await report(bench, "30d", str(START + days * DAY))
            before = await bench.settle()
            a_day_takes, hold = await roll_up(bench, days)
            tallies = (await bench.settle() - before) / CHANNELS / days
            rolled = await report(bench, "30d", str(START + days * DAY))
            odd = await report(bench, "30d", str(START + days * DAY - 30_000))
    kept = (
        ("looks", looks, "a channel and day", keep.result_days),
        ("transitions", each * a_day, f"a channel and day, {a_day} changes", keep.transition_days),
        ("roll-ups", tallies, "a channel and day", keep.rollup_days),
    )
    sizes = [
        (name, f"{size:.0f} {of}", days_kept, size * CHANNELS * days_kept / mib)
        for name, size, of, days_kept in kept
    ]
    print(machine())
    print_table(
        f"history of {CHANNELS} channels on the disk (budget 1,024 MiB)",
        ("what", "bytes", "days", "MiB"),
        [*sizes, ("all", "", "", sum(size for *_, size in sizes))],
    )
    measured = (
        ("computed from transitions", unrolled),
        ("of rolled-up days", rolled),
        ("rolled up, both ends within a day", odd),
    )
    print_table(
        f"uptime report of 30 days, {CHANNELS} channels, every channel told"
        " (budget 2,000 ms, hold 20 ms)",
        ("window", "ms", "CPU ms", "longest hold ms (CPU)", "latest wake-up ms"),
        [(name, *(round(1000 * one, 1) for one in figures)) for name, figures in measured],
    )
    print(f"\nroll-up of one day: {a_day_takes:.2f} s, longest hold {hold * 1000:.1f} ms (CPU)")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--changes", type=int, default=6, help="a channel and day")
    chosen = parser.parse_args()
    histories.GAP = 1 << 60
    asyncio.run(run(chosen.days, chosen.changes))


if __name__ == "__main__":
    main()
