"""Last pictures of real simulated cameras: from probes, and from streams that have ended."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from tests.operations.test_sources import CLOCK, Bench, running
from tests.waiting import until
from vidgate.media.stream import Picture
from vidgate.media.worker import WorkerPool
from vidgate.model.channel import Channel
from vidgate.model.health import Level
from vidgate.model.media import Codec, Frame, StreamKey, StreamState
from vidgate.operations.snapshots import MAX_WAITING, Snapshots
from vidgate.simulator.coded import read_strip
from vidgate.storage.snapshots import Snapshot, SnapshotShelf

NATIVE = (704, 576)


@asynccontextmanager
async def keeping(bench: Bench, folder: Path) -> AsyncIterator[Snapshots]:
    """The service's own wiring of `app`."""
    async with WorkerPool("picture") as pool:
        shelf = SnapshotShelf(folder / "snapshots")
        snapshots = Snapshots(bench.registry, shelf, pool, bench.bus, CLOCK)
        async with snapshots:
            bench.hub.on_picture, bench.prober.on_picture = snapshots.take, snapshots.see
            yield snapshots


async def kept(snapshots: Snapshots, channel: str, *, after: float = 0.0) -> Snapshot:
    """The channel's picture, as soon as there is one younger than `after`."""
    async with asyncio.timeout(20):
        while True:
            found = await snapshots.get(channel)
            if found is not None and found.time > after:
                return found
            await asyncio.sleep(0.02)


def number(snapshot: Snapshot) -> int:
    """The camera's number in the picture."""
    picture = Image.open(BytesIO(snapshot.jpeg)).resize(NATIVE)  # its cells are 16 pixels again
    pixels = np.asarray(picture.convert("RGB"))
    strip = read_strip(pixels)
    assert strip is not None
    return strip.number


async def wide(bench: Bench, row: int) -> Channel:
    """A camera whose picture is wide enough for its strip to be read from the JPEG."""
    return await bench.add(row, url=bench.fleet.register_rows[row - 1]["url"])


async def test_a_probe_leaves_a_picture(tmp_path: Path) -> None:
    async with running(tmp_path) as bench, keeping(bench, tmp_path) as snapshots:
        one, other = await wide(bench, 1), await wide(bench, 2)
        assert await snapshots.get(one.id) is None
        began = CLOCK.wall()
        await bench.look(one, Level.MEDIA)
        await bench.look(other, Level.DESCRIBE)
        found = await kept(snapshots, one.id)
        assert began <= found.time <= CLOCK.wall()
        assert number(found) == 1
        assert await snapshots.get(other.id) is None

        # A look right after it makes no other; the channel's end is the picture's.
        await bench.look(one, Level.MEDIA)
        await bench.look(other, Level.MEDIA)
        await kept(snapshots, other.id)
        assert await snapshots.get(one.id) == found
        await bench.registry.remove(one.id, "test")
        await until(lambda: not (tmp_path / "snapshots" / f"{one.id}.jpg").exists())
        assert await snapshots.get(other.id) is not None


async def test_a_stream_that_breaks_leaves_its_last_picture(tmp_path: Path) -> None:
    async with running(tmp_path) as bench, keeping(bench, tmp_path) as snapshots:
        channel = await wide(bench, 1)
        async with bench.hub.read(StreamKey(channel.id)) as reader:
            await until(lambda: reader.stream.state is StreamState.LIVE)
            bench.fleet.set_fault(channel.id, "down")
            found = await kept(snapshots, channel.id)
            assert number(found) == 1
            assert found.time <= CLOCK.wall()


async def test_what_is_removed_while_it_is_watched_leaves_no_picture(tmp_path: Path) -> None:
    async with running(tmp_path) as bench, keeping(bench, tmp_path) as snapshots:
        one, other = await wide(bench, 1), await wide(bench, 2)
        async with bench.hub.read(StreamKey(one.id)) as reader:
            await until(lambda: reader.stream.state is StreamState.LIVE)
            await bench.registry.remove(one.id, "test")
            await until(lambda: bench.hub.find(StreamKey(one.id)) is None)
        await bench.look(other)
        await kept(snapshots, other.id)  # pictures are made in turn
        assert await snapshots.get(one.id) is None


async def test_a_stand_in_s_picture_is_its_own(tmp_path: Path) -> None:
    async with running(tmp_path) as bench, keeping(bench, tmp_path) as snapshots:
        one, other = await wide(bench, 1), await wide(bench, 2)
        for channel in (one, other):
            await bench.registry.set(channel.id, {"point": "p1"}, "test")
        bench.fleet.set_fault(one.id, "down")
        async with bench.hub.read(StreamKey(one.id)) as reader:
            await until(lambda: reader.stream.state is StreamState.LIVE)
            bench.fleet.set_fault(other.id, "down")
            assert number(await kept(snapshots, other.id)) == 2
        assert await snapshots.get(one.id) is None


async def test_what_cannot_be_decoded_costs_nothing_but_itself(tmp_path: Path) -> None:
    async with running(tmp_path) as bench, keeping(bench, tmp_path) as snapshots:
        channel = await wide(bench, 1)
        for index in range(MAX_WAITING + 50):
            broken = Frame(0, 0, True, (b"\x65broken",), CLOCK.now())
            snapshots.see(Picture(f"ghost-{index}", Codec.H264, broken))
        assert len(snapshots._waiting) == MAX_WAITING
        await bench.look(channel, Level.MEDIA)
        assert number(await kept(snapshots, channel.id)) == 1
