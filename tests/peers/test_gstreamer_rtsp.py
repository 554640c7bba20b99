"""GStreamer's RTSP server as the camera: what we pull from a peer that nobody here wrote."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.peers.gstreamer import PYTHON, require
from tests.programs import Program, running
from tests.waiting import until
from vidgate.aio.clock import SystemClock
from vidgate.errors import MissingStreamError, NoCredentialError, UnauthorizedError
from vidgate.model.channel import Login, Transport
from vidgate.model.media import Codec, Frame, Track
from vidgate.rtp import annexb
from vidgate.rtsp import probe
from vidgate.rtsp.source import RtspAddress, RtspSource

pytestmark = pytest.mark.peer

SERVER = Path(__file__).parent / "gstreamer_rtsp_server.py"
LOGIN = Login("operator", "s3cret, with=signs")


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    """The server and its bindings."""
    code = "gi.require_version('GstRtspServer', '1.0')"
    require(code, "python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-rtsp")


@asynccontextmanager
async def camera(*options: str) -> AsyncIterator[tuple[str, Program]]:
    """The server, and the address of its one camera."""
    login = ("--username", LOGIN.username, "--password", LOGIN.password)
    async with running(PYTHON, SERVER, *login, *options) as program:
        port = (await program.says(r"listening (\d+)"))[1]
        yield f"rtsp://127.0.0.1:{port}/camera", program


class Shelf:
    """A publisher that keeps everything."""

    def __init__(self) -> None:
        self.tracks: Sequence[Track] = ()
        self.frames: list[Frame] = []

    def start(self, tracks: Sequence[Track], *, origin: str = "", cause: str = "") -> None:
        self.tracks = tracks

    def frame(self, frame: Frame) -> None:
        self.frames.append(frame)

    def of(self, track: int) -> list[Frame]:
        return [frame for frame in self.frames if frame.track == track]


def decoded(codec: Codec, frames: Sequence[Frame]) -> list[tuple[int, int]]:
    """The sizes of the pictures that FFmpeg makes of the frames."""
    av = pytest.importorskip("av")
    context: Any = av.CodecContext.create("hevc" if codec is Codec.H265 else "h264", "r")
    context.options = {"flags": "output_corrupt"}
    pictures: list[Any] = []
    for frame in frames:
        pictures += context.decode(av.Packet(annexb.join(frame.units)))
    pictures += context.decode(None)
    return [(picture.width, picture.height) for picture in pictures]


@pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])
@pytest.mark.parametrize("transport", [Transport.TCP, Transport.UDP])
async def test_pictures_and_sound_with_digest(codec: Codec, transport: Transport) -> None:
    async with camera("--codec", codec.value) as (url, program):
        shelf = Shelf()
        address = RtspAddress(url=url, login=LOGIN, transport=transport)
        source = RtspSource(address)
        task = asyncio.create_task(source.run(shelf))
        try:
            await until(lambda: task.done() or len(shelf.of(0)) >= 60, timeout=20)
            assert not task.done(), task.exception()
            stats = source.stats
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await program.says("sessions 0")  # TEARDOWN reached it
    assert [track.codec for track in shelf.tracks] == [codec, Codec.PCMA]
    assert (stats.lost, stats.damaged, stats.skipped) == (0, 0, 0)
    pictures, sound = shelf.of(0), shelf.of(1)
    assert pictures[0].key
    assert sum(frame.key for frame in pictures) >= 2
    steps = {b.timestamp - a.timestamp for a, b in zip(pictures, pictures[1:], strict=False)}
    assert all(abs(step - 3600) <= 90 for step in steps)
    assert sound
    assert decoded(codec, pictures) == [(320, 240)] * len(pictures)


async def test_tcp_refused_falls_back_to_udp() -> None:
    async with camera("--transport", "udp") as (url, _):
        times = await probe.media(RtspAddress(url=url, login=LOGIN), SystemClock())
    assert times.t3 is not None


async def test_probes() -> None:
    clock = SystemClock()
    async with camera() as (url, program):
        address = RtspAddress(url=url, login=LOGIN)
        described = await probe.describe(address, clock)
        assert (described.codec, described.width, described.height) == (Codec.H264, 320, 240)
        assert described.fps == 25.0
        seen = await probe.media(address, clock)
        assert seen.t1 is not None
        assert seen.t2 is not None
        assert seen.t3 is not None
        assert seen.t1 < seen.t2 <= seen.t3
        await program.says("sessions 0")


async def test_refusals() -> None:
    clock = SystemClock()
    async with camera() as (url, _):
        with pytest.raises(UnauthorizedError):
            await probe.describe(RtspAddress(url=url, login=Login("operator", "wrong")), clock)
        with pytest.raises(NoCredentialError):
            await probe.describe(RtspAddress(url=url), clock)
        with pytest.raises(MissingStreamError):
            await probe.describe(RtspAddress(url=url + "s", login=LOGIN), clock)
