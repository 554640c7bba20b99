"""The page of all channels at its largest: every one declared, looked at and measured, and as many
watched as in a full hall.

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
from vidgate.aio.clock import SystemClock
from vidgate.health.levels import of_probe
from vidgate.media.stream import Stream, StreamLimits
from vidgate.metrics.channels import FAMILIES, ChannelPage
from vidgate.model.channel import Channel
from vidgate.model.declared import DeclaredStatus
from vidgate.model.health import Health, Level, Measured, ProbeResult, Reason, State
from vidgate.model.media import StreamKey
from vidgate.simulator.register import generate

RUNS = 40
WATCHED = 250  # channels: the hall load of the design
MEASURED = Measured(
    at=1.7e9, first_frame=0.31234, key_interval=2.00017, jitter=0.0041237, clock_offset=-0.253,
    fps=24.997, fps_by="counted", bitrate=1_998_734.0, bitrate_by="counted", group_frames=50,
    loss=0.00042,
)  # fmt: skip


@dataclass
class Register:
    """The channels, by their ids in lower case."""

    channels: dict[str, Channel]


@dataclass
class Hub:
    """The streams that flow."""

    streams: dict[StreamKey, Stream]


def watched(book: Register) -> Hub:
    """A stream of each of the first channels."""
    keys = [StreamKey(one.id) for one in list(book.channels.values())[:WATCHED]]
    clock = SystemClock()
    return Hub({key: Stream(key, clock, StreamLimits(), lambda _: None) for key in keys})


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
        levels=of_probe({}, last, 1.7e9),
        last_frame=1.7e9,
        probed=1.7e9,
        measured=measured,
    )


async def render(title: str, book: Register, measured: Measured | None) -> tuple[str, ...]:
    """One row: CPU and wall in ms (median), size, the longest time between turns of the loop."""
    looks = {one.id: known(one.id, measured) for one in book.channels.values()}
    hub = watched(book) if measured else None
    page = ChannelPage(book, looks.__getitem__, hub, lambda one: f"h-{hash(one.platform):x}")
    body = await page.render()
    if measured:
        absent = [name for name, *_ in FAMILIES if f"\n{name}{{".encode() not in body]
        assert not absent, f"measured without {absent}"
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
        await render(f"everything measured, {WATCHED} watched", book, MEASURED),
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
