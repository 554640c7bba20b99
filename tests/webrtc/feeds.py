"""A camera in this process: real coded pictures (encoded once by PyAV) and a real A-law tone."""

import asyncio
import functools
import math
from dataclasses import dataclass, field
from fractions import Fraction

import av
import numpy as np

from vidgate.media.source import Publisher
from vidgate.model.media import Codec, Frame, Track
from vidgate.rtp import annexb, h265
from vidgate.rtp.audio import alaw_encode
from vidgate.rtp.h264 import is_key, parse_sps
from vidgate.simulator import coded

FPS = 25
TICKS = 90000 // FPS
SOUND = 160  # samples of one packet: 20 ms


@dataclass(frozen=True, slots=True)
class Picture:
    """One coded picture of the loop."""

    units: tuple[bytes, ...]
    key: bool


@functools.cache
def group(
    width: int = 640, height: int = 360, frames: int = 25, bitrate: int = 1_000_000
) -> tuple[Picture, ...]:
    """A closed group of pictures: a grey ramp that moves, so that every picture differs."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height = width, height
    encoder.pix_fmt = "yuv420p"
    encoder.time_base = Fraction(1, FPS)
    encoder.bit_rate = bitrate
    encoder.options = {
        "profile": "baseline",
        "tune": "zerolatency",
        "preset": "ultrafast",
        "g": str(frames),
        "keyint_min": str(frames),
        "sc_threshold": "0",
        "threads": "1",
        "sliced-threads": "0",
        "nal-hrd": "cbr",
        "maxrate": str(bitrate),
        "bufsize": str(bitrate // 2),
    }
    random = np.random.default_rng(1)
    noise = random.integers(0, 60, (height, width), dtype=np.uint8)
    pictures = []
    for number in range(frames):
        luma = np.roll(noise, number * 5, axis=1) + np.uint8(40 + 3 * number)
        rgb = np.repeat(luma[:, :, None], 3, axis=2)
        frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
        frame.pts = number
        pictures += [_picture(bytes(packet)) for packet in encoder.encode(frame)]
    pictures += [_picture(bytes(packet)) for packet in encoder.encode(None)]
    return tuple(pictures)


def _picture(data: bytes) -> Picture:
    # Filler and SEI are of no use to a decoder here.
    units = tuple(unit for unit in annexb.split(data) if unit[0] & 31 in (1, 5, 7, 8))
    return Picture(units, is_key(units))


@functools.cache
def coded_h265(
    number: int, width: int = 640, height: int = 368, frames: int = 25, bitrate: int = 500_000
) -> tuple[Picture, ...]:
    """A closed group of H.265 pictures with the strip of `simulator.coded`; counters from 0."""
    encoder = av.CodecContext.create("libx265", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.framerate = Fraction(FPS)
    encoder.bit_rate = bitrate
    encoder.thread_count = 1
    encoder.options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "x265-params": f"keyint={frames}:min-keyint={frames}:scenecut=0:bframes=0:repeat-headers=1:"
        "pools=none:frame-threads=1:log-level=none",
    }
    pictures = []
    for counter in range(frames):
        planes = np.full((height * 3 // 2, width), 128, np.uint8)
        planes[:height] = np.arange(width, dtype=np.uint8) // 4 + 2 * counter
        _draw_strip(planes, number, counter)
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts = counter
        pictures += [_h265_picture(bytes(packet)) for packet in encoder.encode(frame)]
    pictures += [_h265_picture(bytes(packet)) for packet in encoder.encode(None)]
    return tuple(pictures)


def _draw_strip(planes: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]", *what: int) -> None:
    number, counter = what
    bits = (0b10 << coded.NUMBER_BITS | number) << coded.COUNTER_BITS | coded.gray(counter)
    for cell, bit in enumerate(f"{bits:0{coded.CELLS}b}"):
        left = cell * coded.CELL
        planes[: coded.CELL, left : left + coded.CELL] = coded.ONE if bit == "1" else coded.ZERO


def _h265_picture(data: bytes) -> Picture:
    units = tuple(unit for unit in annexb.split(data) if h265.kind(unit) < 35)
    return Picture(units, h265.is_key(units))


def h265_track(pictures: tuple[Picture, ...]) -> Track:
    """The track of such a group."""
    sets = tuple(unit for unit in pictures[0].units if h265.kind(unit) >= 32)
    return Track(0, Codec.H265, 90000, parameter_sets=sets)


def video_track(pictures: tuple[Picture, ...]) -> Track:
    """The track of such a group."""
    sets = tuple(unit for unit in pictures[0].units if unit[0] & 31 in (7, 8))
    return Track(0, Codec.H264, 90000, parameter_sets=sets, profile=parse_sps(sets[0]).profile)


SOUND_TRACK = Track(1, Codec.PCMA, 8000)


@functools.cache
def tone(frequency: int = 400) -> tuple[bytes, ...]:
    """One second of a tone as A-law packets."""
    samples = [int(8000 * math.sin(2 * math.pi * frequency * n / 8000)) for n in range(8000)]
    coded = alaw_encode(samples)
    return tuple(coded[at : at + SOUND] for at in range(0, len(coded), SOUND))


@dataclass
class Camera:
    """A `Source`: loops the group at `speed` times real time until told to fail."""

    pictures: tuple[Picture, ...] = field(default_factory=group)
    sound: bool = True
    tracks: tuple[Track, ...] = ()
    speed: float = 1.0
    runs: int = 0
    key_frames_asked: int = 0
    error: Exception | None = None
    failed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        if not self.tracks:
            self.tracks = (video_track(self.pictures), *([SOUND_TRACK] if self.sound else []))

    def fail(self, error: Exception) -> None:
        """End the run under way with this error; `heal` lets the next one go on."""
        self.error = error
        self.failed.set()

    def heal(self) -> None:
        """Let runs succeed again."""
        self.error = None
        self.failed.clear()

    def request_key_frame(self) -> None:
        """Counted; a looped group cannot do better."""
        self.key_frames_asked += 1

    async def run(self, publisher: Publisher) -> None:
        """Publish in real time."""
        self.runs += 1
        if self.error is not None:
            raise self.error
        publisher.start(self.tracks)
        loop = asyncio.get_running_loop()
        started = loop.time()
        number = 0
        while True:
            now = loop.time()
            picture = self.pictures[number % len(self.pictures)]
            publisher.frame(Frame(0, number * TICKS, picture.key, picture.units, now))
            if len(self.tracks) > 1:
                for packet in (2 * number, 2 * number + 1):
                    payload = (tone()[packet % 50],)
                    publisher.frame(Frame(1, packet * SOUND, True, payload, now))
            number += 1
            due = started + number / (FPS * self.speed)
            try:
                async with asyncio.timeout(max(0.0, due - loop.time())):
                    await self.failed.wait()
            except TimeoutError:
                continue
            assert self.error is not None
            raise self.error
