"""The page of all channels at its largest: every one declared, looked at, watched and measured.

    python -m scripts.bench_pages [--channels 2743]

CPU is this thread's own, whatever else is at work on the machine; wall is what a scrape waits.
"""

import argparse
import asyncio
import statistics
import time
from dataclasses import dataclass

from scripts.bench_import import longest_hold
from scripts.benchtable import machine, print_table
from vidgate.metrics.channels import ChannelPage
from vidgate.model.channel import Channel
from vidgate.model.declared import DeclaredStatus
from vidgate.model.health import Health, Level, Measured, ProbeResult, Reason, State
from vidgate.simulator.register import generate

RUNS = 40
MEASURED = Measured(at=1.7e9, first_frame=0.312, key_interval=2.0, jitter=0.004, clock_offset=-0.25)


@dataclass
class Register:
    """The channels, by their ids in lower case."""

    channels: dict[str, Channel]


def register(number: int) -> Register:
    """As the simulator's city has them."""
    rows = [row for row in generate(number) if row.get("lifecycle") == "accepted"]
    made = [
        Channel(
            id=row["id"],
            name=row["name"],
            department=row.get("department", ""),
            platform=row.get("platform", ""),
            area=row.get("area", ""),
            declared_status=DeclaredStatus.ONLINE,
        )
        for row in rows
    ]
    return Register({one.id.lower(): one for one in made})


def known(id_: str, measured: Measured | None) -> Health:
    """A channel that was looked at to its first picture."""
    last = ProbeResult(
        channel=id_, asked=Level.MEDIA, level=Level.MEDIA, reason=Reason.OK, t0=1.7e9, t3=0.312
    )
    return Health(
        channel=id_,
        state=State.UP,
        level=Level.MEDIA,
        last=last,
        last_frame=1.7e9,
        probed=1.7e9,
        measured=measured,
    )


async def render(title: str, book: Register, measured: Measured | None) -> tuple[str, ...]:
    """One row: CPU and wall in ms (median), size, the longest time between turns of the loop."""
    looks = {one.id: known(one.id, measured) for one in book.channels.values()}
    page = ChannelPage(book, looks.__getitem__)
    body = await page.render()
    cpu, wall = [], []
    with longest_hold() as held:
        for _ in range(RUNS):
            began, worked = time.perf_counter(), time.thread_time()
            body = await page.render()
            cpu.append(time.thread_time() - worked)
            wall.append(time.perf_counter() - began)
    times = (f"{statistics.median(each) * 1000:.1f} ms" for each in (cpu, wall))
    return (title, *times, f"{len(body) / 1000:.0f} kB", f"{held[0] * 1000:.0f} ms")


async def bench(number: int) -> None:
    """Both pages and the table."""
    book = register(number)
    rows = [
        await render("looked at, nothing measured", book, None),
        await render("everything measured", book, MEASURED),
    ]
    title = f"The page of {len(book.channels)} channels — {machine()}"
    print_table(title, ("what", "CPU", "wall", "size", "longest hold"), rows)


def main() -> None:
    """Parse the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--channels", type=int, default=2743)
    asyncio.run(bench(parser.parse_args().channels))


if __name__ == "__main__":
    main()
