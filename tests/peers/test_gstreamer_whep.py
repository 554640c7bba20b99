"""GStreamer's webrtcbin as the viewer: what leaves us as a program that nobody here wrote gets it.

It offers AES-CM alone, so that every test here goes through libsrtp too.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import av
import pytest

from tests.peers.gstreamer import PYTHON, elements, required
from tests.peers.received import tone
from tests.peers.whep_server import serving
from tests.programs import Program, RunningFleet, running, running_fleet, running_service
from tests.waiting import until
from tests.webrtc.feeds import SOUND_TRACK, Camera, coded_h265, group, h265_track
from vidgate.model.media import Frame, Variant
from vidgate.rtp import annexb, h265
from vidgate.settings.tree import WebrtcSettings
from vidgate.simulator.coded import read_strip

pytestmark = pytest.mark.peer

VIEWER = Path(__file__).parent / "gstreamer_whep.py"
NUMBER = 2741
WANTED = 100


installed = required(
    "gi.require_version('GstWebRTC', '1.0')\n" + elements("webrtcbin", "nicesrc", "rtph265depay"),
    "python3-gi gir1.2-gst-plugins-bad-1.0 gstreamer1.0-plugins-bad gstreamer1.0-nice",
)


def h265_camera() -> Camera:
    """A camera of coded H.265 pictures."""
    pictures = coded_h265(NUMBER)
    return Camera(pictures, tracks=(h265_track(pictures),))


@asynccontextmanager
async def watching(url: str, codec: str, into: Path, *options: str) -> AsyncIterator[Program]:
    """Run the viewer."""
    words = ("--codec", codec, "--into", str(into), *options)
    async with running(PYTHON, VIEWER, url, *words) as program:
        yield program


def decoded(codec: str, data: bytes) -> list[Any]:
    """The pictures of a byte stream, in the order they are shown."""
    context: Any = av.CodecContext.create(codec, "r")
    pictures: list[Any] = []
    for packet in context.parse(data) + context.parse(b""):
        pictures += context.decode(packet)
    return pictures + list(context.decode(None))


def counters_of(data: bytes, number: int) -> list[int]:
    """The counters in a stream's pictures, of which there are enough, all of that number."""
    pictures = [picture.to_ndarray(format="gray") for picture in decoded("hevc", data)]
    strips = [strip for picture in pictures if (strip := read_strip(picture)) is not None]
    assert len(strips) == len(pictures) >= WANTED
    assert {strip.number for strip in strips} == {number}
    return [strip.counter for strip in strips]


async def test_h265_arrives_with_the_right_coded_number(tmp_path: Path) -> None:
    into = tmp_path / "pictures.h265"
    async with serving(h265_camera()) as place, watching(place.url, "h265", into) as viewer:
        await viewer.says("answer 201")
        # It offered no level, which means 3.1; ours is the stream's own, below that.
        await viewer.says("a=fmtp:96 level-id=63;profile-id=1;tier-flag=0;tx-mode=SRST")
        await viewer.says(rf"pictures {WANTED + 10}$")
        (session,) = place.whep.sessions.values()
        assert session.variant is Variant.MAIN
        assert session.stats()["codecs"] == ["h265"]
        assert session.viewer is not None
        assert session.viewer.security.profile == "SRTP_AES128_CM_SHA1_80"
        data = await asyncio.to_thread(into.read_bytes)
    counters = counters_of(data, NUMBER)
    steps = {(b - a) % 25 for a, b in zip(counters, counters[1:], strict=False)}
    assert steps == {1}, "no picture was lost, none came twice"
    kinds = [h265.kind(unit) for unit in annexb.split(data)]
    key_frames = [at for at, kind in enumerate(kinds) if 16 <= kind <= 21]
    assert len(key_frames) >= WANTED // 25
    sets = [h265.VPS, h265.SPS, h265.PPS]
    assert all(kinds[at - 3 : at] == sets for at in key_frames), "sets before each of them"


async def an_h265_camera(fleet: RunningFleet) -> tuple[str, int]:
    """The id and the coded number of a simulated camera whose main stream is H.265."""
    async with aiohttp.ClientSession(fleet.control) as control, control.get("/truth") as response:
        cameras = (await response.json())["channels"]
    return next((id_, one["number"]) for id_, one in cameras.items() if one["codec"] == "h265")


@pytest.mark.timeout(120)
async def test_h265_from_the_cameras_rtsp_to_the_viewer(tmp_path: Path) -> None:
    """The whole way: the service as it is installed, told nothing of what the camera sends."""
    into = tmp_path / "pictures.h265"
    async with (
        running_fleet(tmp_path, 140) as fleet,
        running_service(tmp_path / "data", {"VIDGATE__PROBE__ENABLED": "false"}) as service,
    ):
        await service.cli("channel", "import", str(fleet.register))
        token = (await service.cli_json("token", "create", "--role", "viewer"))["token"]
        id_, number = await an_h265_camera(fleet)
        url = f"{service.url}/whep/{id_}"
        async with watching(url, "h265", into, "--token", token) as viewer:
            await viewer.says(rf"pictures {WANTED + 10}$", timeout=40)
        data = await asyncio.to_thread(into.read_bytes)
    counters = counters_of(data, number)
    assert {b - a for a, b in zip(counters, counters[1:], strict=False)} == {1}


async def test_pictures_by_ipv6(tmp_path: Path) -> None:
    into, settings = tmp_path / "pictures.h264", WebrtcSettings(port=0, hosts=["::1"])
    async with (
        serving(Camera(group()), settings) as place,
        watching(place.url, "h264", into, "--host", "::1") as viewer,
    ):
        await viewer.says("pictures 20$")
        (session,) = place.whep.sessions.values()
        assert session.leg.path is not None
        assert session.leg.path.address[0] == "::1"


@pytest.mark.parametrize("order", ["before", "after"])
async def test_pictures_arrive_though_sound_is_offered_apart(tmp_path: Path, order: str) -> None:
    """webrtcbin's own bundle-policy is none: sound would need a transport that we do not give."""
    into = tmp_path / "pictures.h265"
    pictures = coded_h265(NUMBER)
    camera = Camera(pictures, tracks=(h265_track(pictures), SOUND_TRACK))
    async with (
        serving(camera) as place,
        watching(place.url, "h265", into, "--sound", order) as viewer,
    ):
        await viewer.says(rf"pictures {WANTED + 10}$")
        (session,) = place.whep.sessions.values()
        assert session.stats()["codecs"] == ["h265"]
        data = await asyncio.to_thread(into.read_bytes)
    counters = counters_of(data, NUMBER)
    steps = {(b - a) % 25 for a, b in zip(counters, counters[1:], strict=False)}
    assert steps == {1}, "no picture was lost, none came twice"


@pytest.mark.parametrize("order", ["before", "after"])
async def test_bundled_sound_arrives_too(tmp_path: Path, order: str) -> None:
    into = tmp_path / "pictures.h264"
    async with (
        serving(Camera(group())) as place,
        watching(place.url, "h264", into, "--sound", order, "--max-bundle") as viewer,
    ):
        await viewer.says("pictures 20$")
        await viewer.says("sounds 100$")
        sound = await asyncio.to_thread(Path(f"{into}.alaw").read_bytes)
        await until(lambda: len(decoded("h264", into.read_bytes())) >= 20)
    assert abs(tone(SOUND_TRACK, [Frame(1, 0, True, (sound,), 0.0)]) - 400) < 5


async def test_pictures_come_by_the_transport_of_a_sound_that_is_not_sent(tmp_path: Path) -> None:
    into = tmp_path / "pictures.h264"
    async with (
        serving(Camera(group(), sound=False)) as place,
        watching(place.url, "h264", into, "--sound", "before", "--max-bundle") as viewer,
    ):
        await viewer.says("pictures 20$")
        await until(lambda: len(decoded("h264", into.read_bytes())) >= 20)


async def test_h265_that_a_peer_cannot_take_becomes_the_sub_stream(tmp_path: Path) -> None:
    async with serving(h265_camera(), has_sub=True) as place:
        into = tmp_path / "pictures.h264"
        async with watching(place.url, "h264", into) as viewer:
            await viewer.says("pictures 20$")
            (session,) = place.whep.sessions.values()
            assert session.variant is Variant.SUB
            # The last one is counted before it is written.
            await until(lambda: len(decoded("h264", into.read_bytes())) >= 20)
        await until(lambda: not place.whep.sessions or session.state == "connected")
        async with watching(place.url + "?stream=main", "h264", into) as viewer:
            told = json.loads((await viewer.says(r"answer 406 (.*)"))[1])
    assert told["code"] == "not_acceptable"
    assert "H265" in told["detail"]
    assert "stream=sub" in told["hint"]
