"""The fleet before a client that nobody here wrote: FFmpeg's, through PyAV."""

import asyncio

import av
import numpy as np
import pytest

from tests.simulator.conftest import next_to_show
from tests.waiting import until
from vidgate.simulator.coded import Strip, read_strip
from vidgate.simulator.fleet import Fleet


def watch(url: str, transport: str, pictures: int) -> tuple[list[Strip | None], int]:
    """What the first pictures say, and how many packets of sound came meanwhile."""
    strips: list[Strip | None] = []
    sounds = 0
    options = {"rtsp_transport": transport, "analyzeduration": "200000"}
    with av.open(url, options=options, timeout=10) as container:
        for packet in container.demux():
            if packet.stream.type == "audio":
                sounds += 1
                continue
            for frame in packet.decode():
                assert isinstance(frame, av.VideoFrame)
                strips.append(read_strip(frame.to_ndarray()[: frame.height].astype(np.uint8)))
            if len(strips) >= pictures:
                break
    return strips, sounds


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_ffmpeg_shows_the_channel(fleet: Fleet, transport: str) -> None:
    number = next_to_show(fleet)
    url = fleet.register_rows[number - 1]["url"]
    strips, sounds = await asyncio.to_thread(watch, url, transport, 15)
    assert strips[0] is not None
    assert strips == [Strip(number, strips[0].counter + at) for at in range(len(strips))]
    assert sounds > 5
    counts = fleet.cameras[fleet.register_rows[number - 1]["id"]].counts
    await until(lambda: (counts.plays, counts.teardowns) == (1, 1))
