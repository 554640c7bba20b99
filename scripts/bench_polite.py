"""How long looking at all channels behind platforms takes, where each allows sixteen sessions.

    python scripts/bench_polite.py [--platforms 42]

Cameras give a key frame every 2 to 4 s and none at PLAY, and answer after 5 to 30 ms. Nobody can be
quicker with a platform than the sum of its waits for key frames over its sessions; how far the
sweep is from that, and whether the sessions are in use while somebody is still to be looked at, is
counted by the simulated platforms. First a person's sweep, of every platform at once; then the
background's, which makes 80 connections in any second at most, of six of the largest.
`--platforms` for fewer of them, for a quick look.

Before that the same is done in virtual time, without a socket and without anybody else at work on
the machine: that is what the scheduling alone is worth. The first sweep knows nothing of a camera;
later ones begin with those that were slow.
"""

import argparse
import gc
import statistics
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.bench_sweep import Stall
from scripts.benchtable import machine, print_table
from tests.health import polite
from tests.health.city import City, city
from tests.virtual import VirtualClock, VirtualTime
from vidgate.health.service import HealthService
from vidgate.model.health import Level
from vidgate.settings.tree import ProbeSettings
from vidgate.simulator import register as sample
from vidgate.wire.uri import Uri

SLOTS = 16
LIKE = ("--slots", str(SLOTS), "--rtt", "5-30", "--idr", "2-4")
BACKGROUND = 6  # platforms; more of them would wait for the background's connections a second
RATIO = 1.15
BUSY = 0.9


@dataclass(frozen=True, slots=True)
class Sweep:
    """One sweep. `hosts` are the platforms' own counts, of those that had more than 16 to show."""

    form: str
    channels: int
    seconds: float
    cpu: float
    stall: float
    reasons: dict[str, int]
    hosts: list[dict[str, float]]
    most: int  # sessions of a platform at once
    refused: int
    peak: int  # connects in one second

    @property
    def ratios(self) -> list[float]:
        """For each platform, seconds from its first session to its last's end over the bound."""
        return [host["whole"] / (host["waited"] / SLOTS) for host in self.hosts]

    @property
    def ratio(self) -> float:
        """The whole sweep over the bound of the platform that has the most to show."""
        return self.seconds / max(host["waited"] / SLOTS for host in self.hosts)

    @property
    def shares(self) -> list[float]:
        """For each platform, how much of its sessions was in use while work was due."""
        return [host["busy"] / (SLOTS * host["pressed"]) for host in self.hosts]


async def sweep(city: City, form: str, ids: list[str], *, unspread: bool) -> Sweep:
    """One sweep, measured."""
    await city.count_anew()
    stall, reasons = Stall(), Counter[str]()
    wall, cpu = time.perf_counter(), time.process_time()
    async for result in city.health.run(ids, Level.MEDIA, unspread=unspread):
        reasons[result.reason.value] += 1
    seconds, used = time.perf_counter() - wall, time.process_time() - cpu
    load = await city.load()
    hosts = list(load["hosts"].values())
    return Sweep(
        form,
        len(ids),
        seconds,
        used,
        stall.stop(),
        dict(reasons),
        [host for host in hosts if host["taken"] > SLOTS],
        max(host["max_sessions"] for host in hosts),
        sum(host["refused"] for host in hosts),
        load["peak_connects"],
    )


def platforms(city: City) -> list[list[str]]:
    """The channels of each platform, of the largest first; none of cameras by themselves."""
    found: dict[str, list[str]] = {}
    for channel in city.register.channels.values():
        if channel.url and channel.platform:
            found.setdefault(Uri.parse(channel.url).host, []).append(channel.id)
    return sorted(found.values(), key=len, reverse=True)


async def measure(most: int, looks: int) -> list[Sweep]:
    """Start the fleet, look at it `looks` times (every picture is made by then), and sweep it."""
    settings = ProbeSettings(enabled=False)
    with tempfile.TemporaryDirectory() as folder:
        async with city(Path(folder), sample.CHANNELS, settings, *LIKE, slots=SLOTS) as here:
            chosen = platforms(here)[:most]
            ids = [id_ for channels in chosen for id_ in channels]
            for _ in range(looks):
                await here.look(ids, Level.MEDIA)
            gc.collect()
            gc.freeze()  # as the service does
            few = [id_ for channels in chosen[:BACKGROUND] for id_ in channels]
            return [
                await sweep(here, "a person's", ids, unspread=True),
                await sweep(here, "background", few, unspread=False),
            ]


async def schedule(clock: VirtualClock, looks: int) -> list[list[object]]:
    """Rows of a table: sweeps as people ask for them, one after the other; the background's."""
    rows: list[list[object]] = []

    async def row(health: HealthService, fleet: polite.Fleet, form: str) -> None:
        ratio = await polite.sweep(fleet, health, unspread=form != "background")
        most = max(place.max_sessions for place in fleet.places.values())
        peak = fleet.peak
        share = f"{statistics.median(fleet.shares):.1%}, {min(fleet.shares):.1%}"
        rows.append([form, len(fleet.cameras), f"{ratio:.3f}", share, most, peak])

    async with polite.service(clock, 12) as (fleet, health):
        for number in range(looks + 1):
            await row(health, fleet, f"a person's, after {number} looks at each")
    async with polite.service(clock, BACKGROUND) as (fleet, health):
        for _ in range(looks):
            await polite.sweep(fleet, health, unspread=True)
        await row(health, fleet, "background")
    return rows


def report_schedule(rows: list[list[object]]) -> None:
    """The table of the scheduling alone."""
    print_table(
        f"Polite sweep in virtual time, {SLOTS} sessions a platform",
        [
            *("sweep", "channels", "ratio", "in use while work is due, median, least"),
            *("sessions at once", "connects in a second"),
        ],
        rows,
    )


def report(sweeps: list[Sweep]) -> None:
    """The table, and whether the budget is kept."""
    print_table(
        f"Polite sweep, {SLOTS} sessions a platform ({machine()})",
        [
            *("sweep", "channels", "s", "bound s", "ratio", "a platform's ratio, median, worst"),
            *("in use while work is due, median, least", "sessions at once", "refused"),
            *("connects in a second", "s of CPU", "longest stall ms", "results"),
        ],
        [_row(one) for one in sweeps],
    )
    print(f"\nbudget: ratio <= {RATIO:g}, in use >= {BUSY:.0%}, never more than {SLOTS} at once")


def _row(one: Sweep) -> list[object]:
    return [
        one.form,
        one.channels,
        round(one.seconds, 2),
        round(one.seconds / one.ratio, 2),
        f"{one.ratio:.3f}",
        f"{statistics.median(one.ratios):.3f}, {max(one.ratios):.3f}",
        f"{statistics.median(one.shares):.1%}, {min(one.shares):.1%}",
        one.most,
        one.refused,
        one.peak,
        round(one.cpu, 2),
        round(1000 * one.stall, 1),
        " ".join(f"{reason}={count}" for reason, count in one.reasons.items()),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--platforms", type=int, default=1_000)
    parser.add_argument("--looks", type=int, default=6, help="at each channel, before")
    chosen = parser.parse_args()
    looks = max(1, chosen.looks)
    with VirtualTime() as virtual:
        report_schedule(virtual.run(schedule(virtual.clock, looks)))
    report(uvloop.run(measure(chosen.platforms, looks)))


if __name__ == "__main__":
    main()
