"""Engine limits of probing: one sweep of the whole register, spreading and slots off.

    python scripts/bench_sweep.py [--channels 2743] [--level describe|media|both]

The cameras are the simulated fleet in a process of its own; the sweep runs as the service runs it,
on uvloop, 320 in flight. Seconds are wall time, CPU is of the probing process alone.
"""

import argparse
import asyncio
import contextlib
import gc
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from pathlib import Path

import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.benchtable import machine, print_table
from vidgate.aio.bus import Bus
from vidgate.errors import NotFoundError
from vidgate.health.limits import PlatformSlots
from vidgate.health.prober import Prober
from vidgate.health.service import HealthService
from vidgate.media.hub import Hub
from vidgate.media.source import Source
from vidgate.model.channel import Channel, Lifecycle, Login, Platform
from vidgate.model.health import Level
from vidgate.model.media import StreamKey
from vidgate.rtsp.address import RtspAddress
from vidgate.settings.tree import ProbeSettings
from vidgate.simulator import register as sample
from vidgate.storage.database import Database
from vidgate.storage.states import States
from vidgate.wire.uri import Uri

BUDGET_SECONDS = 3.0
BUDGET_CPU = 1.0  # milliseconds a channel
RUNS = 3


class Rows:
    """The sample register in memory; no platform limits anything."""

    def __init__(self, file: Path, port: int) -> None:
        self.channels: dict[str, Channel] = {}
        self.platforms: dict[str, Platform] = {}
        self._logins: dict[str, Login] = {}
        for number, row in enumerate(sample.read(file), 1):
            if row["url"]:
                self._add(number, row, port)

    def _add(self, number: int, row: dict[str, str], port: int) -> None:
        uri = Uri.parse(row["url"])
        id_, platform = row["id"], row["platform"]
        self.channels[id_.lower()] = Channel(
            id=id_,
            name=row["name"],
            number=number,
            url=f"rtsp://{uri.host}:{port}{uri.path}",
            platform=platform,
            lifecycle=Lifecycle(row["lifecycle"]),
        )
        self._logins[id_] = Login(uri.username or "", uri.password or "")
        if platform:
            self.platforms[platform] = Platform(id=platform, describe_parallel=0)

    def logins(self, channel: Channel) -> Login | None:
        """What it signs in with."""
        return self._logins[channel.id]

    def place(self, channel: Channel) -> str:
        """Its own address."""
        return channel.url

    def shows(self, channel: Channel, credentials: Collection[str]) -> bool:
        """No login changes."""
        return False

    async def address(self, channel: Channel) -> RtspAddress:
        """Where a channel is."""
        return RtspAddress(url=channel.url, login=self._logins[channel.id])


@dataclass(slots=True)
class Sweep:
    """What one sweep cost."""

    level: Level
    channels: int
    seconds: float
    cpu: float
    stall: float
    states: dict[str, int]


@contextlib.asynccontextmanager
async def fleet(file: Path) -> AsyncIterator[int]:
    """The cameras in a child process; gives their port."""
    code = (
        "import asyncio, sys, uvloop; from pathlib import Path\n"
        "from vidgate.simulator.commands import run_fleet\n"
        "uvloop.run(run_fleet(Path(sys.argv[1]), None, 0))"
    )
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, str(file), stderr=asyncio.subprocess.PIPE
    )
    assert child.stderr is not None
    try:
        async with asyncio.timeout(30):
            while line := (await child.stderr.readline()).decode():
                if line.startswith("fleet ready"):
                    break
        yield int(line.rsplit("rtsp=", 1)[1])
    finally:
        child.send_signal(signal.SIGINT)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(10):
                await child.stderr.read()
                await child.wait()
        if child.returncode is None:
            child.kill()
            await child.wait()


class Stall:
    """The longest time that the event loop did not turn, in seconds."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._loop = asyncio.get_running_loop()
        self._last = self._loop.time()
        self._timer = self._loop.call_later(0.001, self._tick)

    def _tick(self) -> None:
        now = self._loop.time()
        self.longest = max(self.longest, now - self._last - 0.001)
        self._last = now
        self._timer = self._loop.call_later(0.001, self._tick)

    def stop(self) -> float:
        """End the measurement."""
        self._timer.cancel()
        return self.longest


async def sweep(health: HealthService, ids: list[str], level: Level) -> Sweep:
    """One sweep, measured."""
    stall = Stall()
    wall, cpu = time.perf_counter(), time.process_time()
    reasons: Counter[str] = Counter()
    async for result in health.run(ids, level):
        reasons[result.reason.value] += 1
    seconds, used = time.perf_counter() - wall, time.process_time() - cpu
    return Sweep(level, len(ids), seconds, used, stall.stop(), dict(reasons))


async def measure(channels: int, levels: list[Level]) -> list[Sweep]:
    """Start the fleet and sweep it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "register.csv"
        sample.write(sample.generate(channels, 1), file)
        async with fleet(file) as port:
            return await _measure(Rows(file, port), Path(folder), levels)


async def _measure(rows: Rows, folder: Path, levels: list[Level]) -> list[Sweep]:
    settings = ProbeSettings(enabled=False, per_host=10_000)
    prober = Prober(rows, rows.address, PlatformSlots(rows), settings)
    bus = Bus()
    done: list[Sweep] = []
    async with (
        Database(folder / "bench.db") as db,
        Hub(_no_source, bus) as hub,
        HealthService(rows, hub, bus, prober, States(db), settings) as health,
    ):
        ids = [channel.id for channel in rows.channels.values() if channel.is_counted]
        gc.collect()
        gc.freeze()  # as the service does: else every full collection walks what is always there
        for level in levels:
            if level is Level.MEDIA:
                await sweep(health, ids, level)  # the fleet encodes its pictures at first demand
            done.extend([await sweep(health, ids, level) for _ in range(RUNS)])
    return done


def _no_source(key: StreamKey) -> Source:
    raise NotFoundError(key.name)


def report(sweeps: list[Sweep]) -> None:
    """The table, and whether the budget is kept."""
    print_table(
        f"Engine limit of probing ({machine()})",
        ["level", "channels", "s", "ms CPU a channel", "channels/s", "longest stall ms", "results"],
        [
            [
                one.level.label,
                one.channels,
                round(one.seconds, 2),
                round(1000 * one.cpu / one.channels, 3),
                round(one.channels / one.seconds),
                round(1000 * one.stall, 1),
                " ".join(f"{reason}={count}" for reason, count in one.states.items()),
            ]
            for one in sweeps
        ],
    )
    print(f"\nbudget for describe: <= {BUDGET_SECONDS:g} s, <= {BUDGET_CPU:g} ms CPU a channel")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--channels", type=int, default=sample.CHANNELS)
    parser.add_argument("--level", choices=("describe", "media", "both"), default="both")
    chosen = parser.parse_args()
    levels = [Level.DESCRIBE, Level.MEDIA]
    if chosen.level != "both":
        levels = [Level[chosen.level.upper()]]
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    report(uvloop.run(measure(chosen.channels, levels)))


if __name__ == "__main__":
    main()
