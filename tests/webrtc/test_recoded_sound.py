"""AAC of a camera to a browser: Opus, made in a worker while someone listens."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest

from tests.simulator.conftest import address_of, id_of
from tests.waiting import until
from tests.webrtc.clients import Client, open_session, watching
from vidgate.aio.bus import Bus
from vidgate.errors import NotAcceptableError
from vidgate.media.hub import Hub, HubSettings
from vidgate.media.opus import OpusWorks
from vidgate.media.worker import WorkerLimits, WorkerPool
from vidgate.rtsp.source import RtspSource
from vidgate.settings.tree import WebrtcSettings
from vidgate.simulator.coded import read_strip, tone_of
from vidgate.simulator.fleet import Fleet
from vidgate.simulator.register import generate
from vidgate.webrtc.whep import WhepService

OFFER = (Path(__file__).parent / "data" / "chromium.sdp").read_text(encoding="utf-8")
NUMBER = 9


@dataclass
class Place:
    """A simulated camera with AAC, and the media plane before it."""

    whep: WhepService
    works: OpusWorks
    pool: WorkerPool
    hub: Hub


@asynccontextmanager
async def serving() -> AsyncIterator[Place]:
    async with Fleet(generate(20)) as fleet:
        fleet.set_fault(id_of(fleet, NUMBER), "audio-aac")
        pool = WorkerPool("sound", WorkerLimits(memory=1 << 30))
        works = OpusWorks(pool)
        hub = Hub(
            lambda key: RtspSource(address_of(fleet, NUMBER)), Bus(), HubSettings(idle_stop=0.0)
        )
        whep = WhepService(hub, Bus(), WebrtcSettings(port=0), opus=works)
        async with pool, hub, whep:
            yield Place(whep, works, pool, hub)


def frequency_of(sounds: list[av.AudioFrame]) -> float:
    """Of 16-bit stereo at 48 kHz, as aiortc gives Opus."""
    left = np.concatenate([sound.to_ndarray().reshape(-1, 2)[:, 0] for sound in sounds])
    spectrum = np.abs(np.fft.rfft(left.astype(float) * np.hanning(len(left))))
    return float(np.argmax(spectrum) * 48000 / len(left))


async def next_second(client: Client, *, timeout: float = 20.0) -> list[av.AudioFrame]:
    """A second of sound that comes from now on, the first of it left out."""
    before = len(client.sounds) + 10

    def samples() -> int:
        return sum(sound.samples for sound in client.sounds[before:])

    await until(lambda: samples() >= 48000, timeout=timeout, what="sound")
    return client.sounds[before:]


async def test_the_tone_of_a_camera_with_aac_is_heard(no_descriptor_left: None) -> None:
    async with serving() as place:
        assert place.pool.pids == []
        async with watching(place.whep) as client:
            assert place.whep.find(client.session.id).stats()["codecs"] == ["h264", "opus"]
            assert abs(frequency_of(await next_second(client)) - tone_of(NUMBER)) < 4
            assert len(place.pool.pids) == place.works.streams == 1
        await until(lambda: place.works.streams == 0, what="nobody listens any more")


async def test_a_killed_worker_costs_a_moment_of_sound_and_no_picture() -> None:
    async with serving() as place, watching(place.whep) as client:
        await next_second(client)
        first = len(client.pictures)
        os.kill(place.pool.pids[0], signal.SIGKILL)
        await until(lambda: place.pool.starts == 2, what="a new worker")
        assert abs(frequency_of(await next_second(client)) - tone_of(NUMBER)) < 4
        await until(lambda: len(client.pictures) - first > 25, what="pictures meanwhile")
        pictures = client.pictures[first:]
        strips = [read_strip(picture.to_ndarray(format="gray")) for picture in pictures]
        counters = [strip.counter for strip in strips if strip is not None]
        assert len(counters) == len(pictures)
        assert counters == list(range(counters[0], counters[0] + len(counters)))


async def test_pictures_alone_start_no_worker() -> None:
    async with serving() as place:
        offer = OFFER.replace("m=audio", "m=application")
        session = await open_session(place.whep, "cam", offer)
        assert session.stats()["codecs"] == ["h264"]
        await asyncio.sleep(0)
        assert place.pool.starts == 0


async def test_more_streams_than_a_worker_can_do_go_without_sound() -> None:
    async with serving() as place:
        place.works.streams = 10_000
        session = await open_session(place.whep, "cam", OFFER)
        assert session.stats()["codecs"] == ["h264"]
        place.works.streams = 0


async def test_sound_alone_that_cannot_be_made_is_refused() -> None:
    async with serving() as place:
        place.works.streams = 10_000
        offer = OFFER.replace("m=video", "m=application")
        with pytest.raises(NotAcceptableError):
            await open_session(place.whep, "cam", offer)
        place.works.streams = 0
