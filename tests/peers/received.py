"""What was pulled from a peer, decoded by FFmpeg (PyAV): coded pictures and tones read back."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import av
import numpy as np

from tests.waiting import until
from vidgate.model.media import Codec, Frame, Reception, Track
from vidgate.rtp import annexb
from vidgate.rtsp.source import RtspAddress, RtspSource
from vidgate.simulator.coded import Strip, read_strip

NAMES = {
    Codec.H264: "h264",
    Codec.H265: "hevc",
    Codec.PCMA: "pcm_alaw",
    Codec.PCMU: "pcm_mulaw",
    Codec.AAC: "aac",
}


class Shelf:
    """A publisher that keeps everything."""

    def __init__(self) -> None:
        self.tracks: Sequence[Track] = ()
        self.frames: list[Frame] = []

    def start(self, tracks: Sequence[Track], *, origin: str = "", cause: str = "") -> None:
        self.tracks = tracks

    def missed(self) -> None:
        """Pictures were lost."""

    def received(self, reception: Reception) -> None:
        """Not of interest."""

    def frame(self, frame: Frame) -> None:
        self.frames.append(frame)

    def of(self, track: int) -> list[Frame]:
        return [frame for frame in self.frames if frame.track == track]


@asynccontextmanager
async def pulled(address: RtspAddress, pictures: int) -> AsyncIterator[tuple[Shelf, RtspSource]]:
    """A running pull from which so many pictures have come; ended with the block."""
    shelf = Shelf()
    source = RtspSource(address)
    task = asyncio.create_task(source.run(shelf))
    try:
        await until(lambda: task.done() or len(shelf.of(0)) >= pictures, timeout=20)
        assert not task.done(), task.exception()
        yield shelf, source
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def strips(codec: Codec, frames: Sequence[Frame]) -> list[Strip | None]:
    """What each decoded picture says."""
    context: Any = av.CodecContext.create(NAMES[codec], "r")
    pictures: list[Any] = []
    for frame in frames:
        pictures += context.decode(av.Packet(annexb.join(frame.units)))
    pictures += context.decode(None)
    return [read_strip(picture.to_ndarray(format="gray")) for picture in pictures]


def tone(track: Track, frames: Sequence[Frame]) -> float:
    """The strongest frequency of the sound, in Hz; at least a second of it is needed."""
    context: Any = av.CodecContext.create(NAMES[track.codec], "r")
    context.sample_rate = track.clock_rate
    context.layout = "mono"
    if track.parameter_sets:
        context.extradata = track.parameter_sets[0]
    parts: list[Any] = [
        sound.to_ndarray().astype(float).reshape(-1)
        for frame in frames
        for unit in frame.units
        for sound in context.decode(av.Packet(unit))
    ]
    samples = np.concatenate(parts)[track.clock_rate // 5 :]  # an encoder's first frames are odd
    assert len(samples) > track.clock_rate
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * track.clock_rate / len(samples))
