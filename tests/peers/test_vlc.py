"""VLC as the camera: UDP alone, Basic alone; it answers 461 to TCP."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import av
import numpy as np
import pytest

from tests.e2e.stage import eventually
from tests.peers.coded_picture import HEIGHT, RATE, WIDTH, picture
from tests.peers.received import pulled, strips
from tests.programs import free_port, lacking, running, running_service
from vidgate.aio.clock import SystemClock
from vidgate.errors import (
    MissingStreamError,
    RefusedError,
    UnauthorizedError,
    UnreachableError,
    UnsupportedError,
)
from vidgate.model.channel import Login, Transport
from vidgate.model.media import Codec
from vidgate.rtsp import probe
from vidgate.rtsp.address import RtspAddress

pytestmark = pytest.mark.peer

NUMBER = 42
LOGIN = Login("operator", "s3cret")
PICTURES = 1500  # a minute, longer than a test: where it begins again VLC sends nothing


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    """The program."""
    if shutil.which("cvlc") is None:
        lacking("vlc-bin vlc-plugin-base")


@pytest.fixture(scope="module")
def film() -> Iterator[Path]:
    """Coded pictures in a file that anybody may read: VLC refuses to run as root."""
    with tempfile.TemporaryDirectory(prefix="vidgate-vlc-") as folder:
        Path(folder).chmod(0o755)
        path = Path(folder) / "camera.mp4"
        with av.open(str(path), "w") as file:
            options = {"g": "25", "preset": "ultrafast", "tune": "zerolatency"}
            stream = file.add_stream("libx264", rate=RATE, options=options)
            stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
            for counter in range(PICTURES):
                plane = np.frombuffer(picture(NUMBER, counter), np.uint8)
                frame = av.VideoFrame.from_ndarray(plane.reshape(-1, WIDTH), format="yuv420p")
                frame.pts = counter
                file.mux(stream.encode(frame))
            file.mux(stream.encode(None))
        path.chmod(0o644)
        yield path


@asynccontextmanager
async def camera(film: Path) -> AsyncIterator[str]:
    """VLC showing the film in a loop, asking for the login."""
    port = free_port()
    as_nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    login = ("--sout-rtsp-user", LOGIN.username, "--sout-rtsp-pwd", LOGIN.password)
    sent = f"#rtp{{sdp=rtsp://127.0.0.1:{port}/camera}}"
    command = ("cvlc", "-I", "dummy", str(film), "--loop", "--sout", sent, *login, "--sout-keep")
    who = as_nobody if os.getuid() == 0 else ()
    async with running(*who, *command, env={"HOME": str(film.parent)}):
        url = f"rtsp://127.0.0.1:{port}/camera"
        await until_it_answers(url)
        yield url


async def until_it_answers(url: str) -> None:
    """It says nothing when it listens, and listens before it has a stream."""

    async def answers() -> bool:
        try:
            await probe.describe(RtspAddress(url=url, login=LOGIN), SystemClock())
        except (UnreachableError, RefusedError, MissingStreamError):
            return False
        return True

    assert await eventually(answers, bool, timeout=15), "VLC does not listen"


async def test_its_461_leads_to_udp_and_says_so(film: Path, tmp_path: Path) -> None:
    async with camera(film) as url:
        address = RtspAddress(url=url, login=LOGIN)
        async with pulled(address, pictures=60) as (shelf, source):
            stats = source.stats
            pictures = shelf.of(0)
        assert (stats.lost, stats.damaged) == (0, 0)
        seen = [strip for strip in strips(Codec.H264, pictures) if strip is not None]
        assert len(seen) == len(pictures)
        assert {strip.number for strip in seen} == {NUMBER}
        steps = {(b.counter - a.counter) % PICTURES for a, b in zip(seen, seen[1:], strict=False)}
        assert steps == {1}
        assert address.choice.used is Transport.UDP
        assert "TCP was refused" in address.choice.reason
        assert "SETUP: 461" in address.choice.reason
        async with running_service(tmp_path) as service:
            login = ("credential", "set", "vlc", "--username", LOGIN.username, "--password-stdin")
            await service.cli(*login, given=LOGIN.password)
            where = ("--url", url, "--credential", "vlc")
            await service.cli("channel", "add", "vlc-1", "--name", "闸口", *where)
            await service.cli("probe", "vlc-1", "--level", "media")
            (carried,) = (await service.cli_json("channel", "show", "vlc-1"))["transports"]
            assert (carried["variant"], carried["transport"]) == ("main", "udp")
            assert "461" in carried["reason"]


async def test_what_it_refuses(film: Path) -> None:
    clock = SystemClock()
    async with camera(film) as url:
        with pytest.raises(UnsupportedError, match="461"):
            await probe.media(RtspAddress(url=url, login=LOGIN, transport=Transport.TCP), clock)
        with pytest.raises(UnauthorizedError):
            await probe.describe(RtspAddress(url=url, login=Login("operator", "no")), clock)
