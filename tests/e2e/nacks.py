"""A viewer who asks for lost packets without end, and what that is for who watches the same."""

import asyncio
import struct
import time
from dataclasses import dataclass

from tests.e2e.attacks import Target, watch, watch_gaps
from tests.e2e.floods import loop_of
from vidgate.aio.supervisor import cancel_and_wait
from vidgate.simulator.viewers import LightViewer, Received

PAIRS = 320  # each names 17 packets; with more it fits no datagram
BURST = 0.01  # seconds between two bursts
SETTLE = 3.0  # seconds until joining is over


@dataclass
class Nagged:
    """What was seen. `held`: seconds, the most since the service began; `used`: of one core."""

    sent: int = 0
    seconds: float = 0.0
    held_before: float = 0.0
    held: float = 0.0
    late: int = 0  # beats of the loop that came more than 20 ms late, of all
    beats: int = 0
    used_before: float = 0.0
    used: float = 0.0
    lost: int = 0  # packets of who watches the same
    packets: int = 0
    longest_gap: float = 0.0


async def nag(target: Target, rate: int, seconds: float, token: str) -> Nagged:
    """One viewer sends `rate` NACKs a second, of all packets that he had and never had."""
    found = Nagged()
    async with (
        target.client("watcher") as http,
        target.client("flooder") as other,
        target.playing(http) as counts,
        LightViewer(target.certificate) as flooder,
    ):
        assert await watch(other, flooder, target.channels[0]) is not None
        await asyncio.sleep(SETTLE)
        found.used_before = await _used(target, SETTLE)
        found.held_before, late, beats = await loop_of(target, token)
        packets = counts.packets
        watching = asyncio.create_task(watch_gaps(counts, found))
        flooding = asyncio.create_task(_flood(flooder, rate, found))
        found.used = await _used(target, seconds)
        await cancel_and_wait(flooding, watching)
        found.packets, found.lost = counts.packets - packets, counts.lost
        found.held, late_now, beats_now = await loop_of(target, token)
        found.late, found.beats = late_now - late, beats_now - beats
        found.seconds = seconds
    return found


async def _used(target: Target, seconds: float) -> float:
    """The share of a core that the service takes."""
    started, before = time.monotonic(), sum(target.process.cpu_times()[:2])
    await asyncio.sleep(seconds)
    return float(sum(target.process.cpu_times()[:2]) - before) / (time.monotonic() - started)


async def _flood(viewer: LightViewer, rate: int, found: Nagged) -> None:
    ssrc, stream = next(
        (ssrc, stream)
        for ssrc, stream in viewer.counts.streams.items()
        if stream.payload_type == 96
    )
    started = time.monotonic()
    while True:
        compound = _nack(ssrc, stream)
        while found.sent < (time.monotonic() - started) * rate:
            viewer.tell(compound)
            found.sent += 1
        await asyncio.sleep(BURST)


def _nack(ssrc: int, stream: Received) -> bytes:
    """Of the newest packets first: they are kept, and sent again."""
    firsts = range(stream.highest - 16, stream.highest - 16 - 17 * PAIRS, -17)
    pairs = b"".join(struct.pack(">HH", first & 0xFFFF, 0xFFFF) for first in firsts)
    return struct.pack(">BBHII", 0x81, 205, 2 + PAIRS, 1, ssrc) + pairs
