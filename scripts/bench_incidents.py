"""What a city's worst day costs the alarms: the whole fleet fails and comes back.

The channels are the sample register's, at their platforms, areas and devices; the alarms run as in
the service, over a database on the disk. A hold is the CPU of one step of the event loop.
"""

import argparse
import asyncio
import gc
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scripts.bench_import import longest_hold
from scripts.benchtable import machine, print_table
from tests.health.fakes import Known
from vidgate.aio.bus import Bus
from vidgate.aio.clock import ManualClock
from vidgate.health.incidents import Fold
from vidgate.model.channel import Channel, Lifecycle
from vidgate.model.health import Health, Level, Reason, State
from vidgate.model.incident import Attention, Cause, Incident, Member, Selection
from vidgate.operations.alarms import Alarms, summary
from vidgate.simulator import register as sample
from vidgate.storage.audit import Audit
from vidgate.storage.database import Database
from vidgate.storage.incidents import IncidentStore
from vidgate.web.exchange import encode_rows
from vidgate.wire.uri import Uri

PERIOD = 60  # seconds in which every channel is looked at once
LISTENERS = 8  # consoles that are told of every alarm
PAST = 300  # incidents of platforms in a year
BUDGET = 20.0  # milliseconds that the loop may be held


@dataclass
class Site(Known):
    """The register and what is known of its channels; the bench sets it."""

    channels: Mapping[str, Channel]
    health: dict[str, Health]
    hosts: dict[str, str]
    clock: ManualClock
    bus: Bus
    db: Database
    media: float = 1800.0

    def set(self, state: State, ids: Iterable[str]) -> None:
        """They were looked at just now."""
        now = self.clock.wall()
        reason = Reason.OK if state is State.UP else Reason.TIMEOUT
        for id_ in ids:
            self.health[id_] = replace(
                self.health[id_], state=state, reason=reason, since=now, probed=now, media_seen=now
            )
        self.bus.publish("channel.state", "", {})

    def look(self, second: int) -> None:
        """The looks of one second at those that are well find them so."""
        now = self.clock.wall()
        for id_ in list(self.health)[second % PERIOD :: PERIOD]:
            if self.health[id_].state is State.UP:
                self.health[id_] = replace(self.health[id_], probed=now)

    def alarms(self) -> Alarms:
        """As the service has them."""
        store = IncidentStore(self.db, Audit(self.db))
        return Alarms(
            self, self, self.bus, store, lambda channel: self.hosts[channel.id], self.clock
        )


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Site]:
    """The sample register, all of it well."""
    clock = ManualClock()
    rows = [row for row in sample.generate() if row["url"]]
    channels = {
        row["id"].lower(): Channel(
            id=row["id"],
            name=row["name"],
            number=number,
            platform=row["platform"],
            area=row["area"],
            lifecycle=Lifecycle(row["lifecycle"]),
        )
        for number, row in enumerate(rows)
    }
    hosts = {row["id"]: f"h-{Uri.parse(row['url']).host}" for row in rows}
    health = {row["id"]: Health(channel=row["id"], level=Level.MEDIA) for row in rows}
    async with Database(folder / "vidgate.db", clock=clock) as db:
        site = Site(channels, health, hosts, clock, Bus(clock=clock), db)
        site.set(State.UP, health)
        yield site


@dataclass
class Figures:
    """Of turns: seconds each took, and the longest step of the loop in each."""

    seconds: list[float]
    holds: list[float]

    def row(self, name: str, note: str) -> tuple[object, ...]:
        """One line of the table."""
        median, worst = statistics.median(self.holds), max(self.holds)
        return (
            name,
            len(self.seconds),
            round(1000 * statistics.median(self.seconds), 1),
            round(1000 * max(self.seconds), 1),
            round(1000 * median, 1),
            round(1000 * worst, 1),
            note,
        )


async def turns(
    site: Site, alarms: Alarms, fold: Fold, seconds: int, change: Callable[[int], None]
) -> Figures:
    """So many turns, a second apart; `change` says what was found before each."""
    figures = Figures([], [])
    for second in range(seconds):
        site.clock.advance(1.0)
        change(second)
        site.look(second)
        alarms.wake()
        started = time.perf_counter()
        with longest_hold() as hold:
            # A task of its own: what runs before its first pause is a step of the loop too.
            await asyncio.create_task(alarms.turn(fold))
        figures.seconds.append(time.perf_counter() - started)
        figures.holds.append(hold[0])
    return figures


def at_once(site: Site, state: State, ids: list[str]) -> Callable[[int], None]:
    """All of them are found within the first second."""
    return lambda second: site.set(state, ids) if second == 0 else None


def as_probed(site: Site, state: State, ids: list[str]) -> Callable[[int], None]:
    """They are found one after the other, as the looks come round."""
    return lambda second: site.set(state, ids[second % PERIOD :: PERIOD])


async def storm(site: Site) -> list[tuple[object, ...]]:
    """Failures and recoveries of the whole fleet, and a fifth of it that comes and goes."""
    everyone, fifth = list(site.health), list(site.health)[::5]
    alarms, fold, rows = site.alarms(), Fold(), []
    cases = (
        ("whole fleet fails within a second", at_once, State.DOWN, everyone, 5),
        ("and recovers", at_once, State.UP, everyone, 5),
        ("whole fleet fails as it is probed", as_probed, State.DOWN, everyone, PERIOD),
        ("and recovers", as_probed, State.UP, everyone, PERIOD),
        ("a fifth fails within a second", at_once, State.DOWN, fifth, 100),
        ("and recovers", at_once, State.UP, fifth, 5),
        ("fails again", at_once, State.DOWN, fifth, 5),
        ("and recovers", at_once, State.UP, fifth, 5),
    )
    async with AsyncExitStack() as stack:
        for _ in range(LISTENERS):
            await stack.enter_async_context(site.bus.subscribe())
        for name, how, state, ids, seconds in cases:
            gc.collect()
            gc.freeze()  # as the service does once it stands
            figures = await turns(site, alarms, fold, seconds, how(site, state, ids))
            rows.append(figures.row(name, f"{len(fold.open)} open"))
    return rows


def past(site: Site, number: int) -> list[Incident]:
    """Incidents that are over, each of a platform in turn with all of its channels."""
    by_platform: dict[str, list[str]] = {}
    for one in site.channels.values():
        by_platform.setdefault(one.platform, []).append(one.id)
    names = [name for name in by_platform if len(by_platform[name]) > 100 and name]
    found = []
    for at in range(number):
        name, begun = names[at % len(names)], 1000.0 * at
        members = {
            id_: Member(channel=id_, since=begun, until=begun + 500.0) for id_ in by_platform[name]
        }
        found.append(
            Incident(
                id=10_000 + at, cause=Cause.PLATFORM, subject=name, opened=begun,
                ended=begun + 500.0, members=members,
            )
        )  # fmt: skip
    return found


async def lists(site: Site) -> list[tuple[object, ...]]:
    """What the console's page asks for, with a year's incidents in the database."""
    store = IncidentStore(site.db, Audit(site.db))
    for one in past(site, PAST):
        await store.save([(one, list(one.members))])
    alarms = site.alarms()

    async def closed() -> int:
        _, found = await alarms.list_(Selection(attention=[Attention.CLOSED]), 1000)
        return len(await encode_rows(found, summary))

    async def whole() -> int:
        incident, _ = await alarms.get(10_000)
        return len(incident.members)

    return [
        await listing(f"closed, {PAST} of platforms in the database", closed),
        await listing("one of them with its channels", whole),
    ]


async def listing(name: str, work: Callable[[], Coroutine[Any, Any, int]]) -> tuple[object, ...]:
    """The best of three."""
    times, holds, size = [], [], 0
    for _ in range(3):
        started = time.perf_counter()
        with longest_hold() as hold:
            size = await asyncio.create_task(work())
        times.append(time.perf_counter() - started)
        holds.append(hold[0])
    return name, round(1000 * min(times), 1), round(1000 * min(holds), 1), size


async def run() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        async with opened(Path(folder)) as site:
            stormy, listed = await storm(site), await lists(site)
    print(machine())
    print_table(
        f"alarms of {len(site.channels)} channels (budget: the loop held {BUDGET:.0f} ms)",
        ("what", "turns", "ms", "worst", "hold ms", "worst hold", "after it"),
        stormy,
    )
    print_table("reading alarms", ("what", "ms", "hold ms", "bytes or channels"), listed)


def main() -> None:
    """Command line."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    asyncio.run(run())


if __name__ == "__main__":
    main()
