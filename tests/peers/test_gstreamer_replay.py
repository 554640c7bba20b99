"""GStreamer's RTSP server as an ONVIF recorder: replay from a peer that nobody here wrote."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.e2e.viewing import told, viewing
from tests.peers.coded_picture import RATE
from tests.peers.gstreamer import LOGIN, RTSP_SERVER, camera, elements, required
from tests.peers.received import Shelf, strips
from tests.programs import running_service
from tests.waiting import until
from vidgate.aio.clock import SystemClock
from vidgate.errors import NoMediaError, NoReplayError
from vidgate.model.channel import Transport
from vidgate.model.media import Codec, Frame
from vidgate.rtsp import probe
from vidgate.rtsp.address import RtspAddress
from vidgate.rtsp.source import RtspSource
from vidgate.wire.clock import ClockRange

pytestmark = pytest.mark.peer

NUMBER = 77
FILMED = 3600  # seconds that the recorder has


installed = required(
    "\n".join((RTSP_SERVER[0], elements("rtponviftimestamp"))),
    f"{RTSP_SERVER[1]} gstreamer1.0-plugins-bad",
)


def recording() -> tuple[int, tuple[str, ...]]:
    """When the film of the last hour begins, and the recorder's options."""
    begin = int(time.time()) - FILMED
    window = (str(begin), str(begin + FILMED))
    return begin, ("--number", str(NUMBER), "--recorded", *window)


async def replayed(address: RtspAddress, moments: ClockRange) -> Shelf:
    """Everything up to the end."""
    shelf = Shelf()
    with pytest.raises(NoMediaError):
        async with asyncio.timeout(30):
            await RtspSource(address, replay=moments).run(shelf)
    return shelf


def filmed(codec: Codec, pictures: Sequence[Frame]) -> list[int]:
    """The counters in the pictures, each of which must be the recorder's."""
    seen = [strip for strip in strips(codec, pictures) if strip is not None]
    assert len(seen) == len(pictures)
    assert {strip.number for strip in seen} == {NUMBER}
    return [strip.counter for strip in seen]


@pytest.mark.parametrize(
    ("codec", "transport"),
    [
        (Codec.H264, Transport.TCP),
        (Codec.H264, Transport.UDP),
        (Codec.H265, Transport.TCP),
        (Codec.H265, Transport.UDP),
    ],
)
async def test_a_stretch_of_a_recording(codec: Codec, transport: Transport) -> None:
    """From a moment between two pictures: all of the stretch, none besides, each with its time."""
    begin, options = recording()
    start = begin + 600.02
    async with camera("--codec", codec.value, *options) as (url, program):
        address = RtspAddress(url=url, login=LOGIN, transport=transport)
        shelf = await replayed(address, ClockRange(start, start + 3))
        await program.says("sessions 0")
    pictures = shelf.of(0)
    counters = filmed(codec, pictures)
    assert counters == list(range(600 * RATE + 1, 603 * RATE + 1))
    assert pictures[0].key
    for counter, picture in zip(counters, pictures, strict=True):
        assert picture.recorded == pytest.approx(begin + counter / RATE, abs=0.001)
    lasted = pictures[-1].received - pictures[0].received
    assert lasted == pytest.approx(3, abs=0.5)  # at its own speed


async def test_a_camera_that_does_not_replay() -> None:
    async with camera() as (url, _):
        address = RtspAddress(url=url, login=LOGIN)
        with pytest.raises(NoReplayError):
            await RtspSource(address, replay=ClockRange(time.time() - 600)).run(Shelf())


@pytest.mark.timeout(90)
async def test_a_recording_in_the_browser(tmp_path: Path) -> None:
    """The whole way: asked for at the service, seen by a viewer, over at its end."""
    begin, options = recording()
    start = begin + 1200
    async with (
        camera(*options) as (url, program),
        running_service(tmp_path / "data", {"VIDGATE__PROBE__ENABLED": "false"}) as service,
    ):
        login = ("credential", "set", "nvr", "--username", LOGIN.username, "--password-stdin")
        await service.cli(*login, given=LOGIN.password)
        where = ("--url", url, "--credential", "nvr")
        await service.cli("channel", "add", "nvr-1", "--name", "闸口", *where)
        token = (await service.cli_json("token", "create", "--role", "operator"))["token"]
        async with viewing(service, token) as viewer:
            window = {"stream": "main", "from": told(start), "to": told(start + 4)}
            assert await viewer.offer("nvr-1", **window) == (201, "")
            await until(lambda: len([s for s in viewer.strips if s]) >= 25, timeout=20)
            view = await viewer.view()
            assert view["replay_from"] == start
            newest = next(strip for strip in reversed(viewer.strips) if strip)
            # Decoding comes after, and a good jitter buffer some tenths of a second later.
            assert -0.1 <= view["recorded"] - (begin + newest.counter / RATE) <= 2
            assert await viewer.is_over()
            seen = [strip for strip in viewer.strips if strip is not None]
            assert {strip.number for strip in seen} == {NUMBER}
            stretch = range(1200 * RATE, 1204 * RATE)
            assert {strip.counter for strip in seen} <= set(stretch)
        await program.says("sessions 0")


@pytest.mark.parametrize("transport", [Transport.TCP, Transport.UDP])
async def test_the_clock_of_a_live_camera_without_reports(transport: Transport) -> None:
    async with camera("--stamped", "--no-reports") as (url, program):
        address = RtspAddress(url=url, login=LOGIN, transport=transport)
        seen = await probe.media(address, SystemClock())
        await program.says("sessions 0")
    assert seen.reception is not None
    assert seen.reception.clock_by == "extension"
    assert seen.reception.clock_offset == pytest.approx(0, abs=1)
