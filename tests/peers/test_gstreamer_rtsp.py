"""GStreamer's RTSP server as the camera: what we pull from a peer that nobody here wrote."""

from pathlib import Path

import pytest

from tests.peers.gstreamer import LOGIN, RTSP_SERVER, camera, required
from tests.peers.received import pulled, strips, tone
from tests.rtsp.bridge import bridged
from tests.rtsp.certificates import Authority
from vidgate.aio.clock import SystemClock
from vidgate.errors import MissingStreamError, NoCredentialError, TlsError, UnauthorizedError
from vidgate.model.channel import Login, Transport
from vidgate.model.media import Codec
from vidgate.rtsp import probe
from vidgate.rtsp.address import RtspAddress
from vidgate.simulator.coded import tone_of
from vidgate.wire.uri import Uri

pytestmark = pytest.mark.peer


installed = required(*RTSP_SERVER)


async def read_back(address: RtspAddress, codec: Codec, sound: Codec, number: int) -> None:
    """Pull, and read from decoded pixels and samples that this is the camera."""
    async with pulled(address, pictures=60) as (shelf, source):
        assert [track.codec for track in shelf.tracks] == [codec, sound]
        stats = source.stats
        pictures, sounds = shelf.of(0), shelf.of(1)
    assert (stats.lost, stats.damaged, stats.skipped) == (0, 0, 0)
    assert pictures[0].key
    assert sum(frame.key for frame in pictures) >= 2
    steps = {b.timestamp - a.timestamp for a, b in zip(pictures, pictures[1:], strict=False)}
    assert all(abs(step - 3600) <= 90 for step in steps)
    seen = [strip for strip in strips(codec, pictures) if strip is not None]
    assert len(seen) == len(pictures)
    assert {strip.number for strip in seen} == {number}
    first = seen[0].counter
    assert [strip.counter for strip in seen] == list(range(first, first + len(seen)))
    assert abs(tone(shelf.tracks[1], sounds) - tone_of(number)) < 4


@pytest.mark.parametrize(
    ("codec", "sound", "transport"),
    [
        (Codec.H264, Codec.PCMA, Transport.TCP),
        (Codec.H265, Codec.PCMU, Transport.TCP),
        (Codec.H265, Codec.PCMA, Transport.UDP),
        (Codec.H264, Codec.PCMU, Transport.UDP),
        (Codec.H264, Codec.AAC, Transport.TCP),
        (Codec.H265, Codec.AAC, Transport.UDP),
    ],
)
async def test_pictures_and_sound_with_digest(
    codec: Codec, sound: Codec, transport: Transport
) -> None:
    wanted = ("--codec", codec.value, "--audio", sound.value, "--number", "77")
    async with camera(*wanted) as (url, program):
        address = RtspAddress(url=url, login=LOGIN, transport=transport)
        await read_back(address, codec, sound, 77)
        await program.says("sessions 0")  # TEARDOWN reached it


@pytest.mark.parametrize("transport", [Transport.TCP, Transport.UDP])
async def test_by_ipv6(transport: Transport) -> None:
    async with camera("--host", "::1", "--number", "66") as (url, program):
        assert "[::1]" in url
        address = RtspAddress(url=url, login=LOGIN, transport=transport)
        await read_back(address, Codec.H264, Codec.PCMA, 66)
        await program.says("sessions 0")


async def test_aac_as_latm() -> None:
    async with camera("--audio", "latm", "--number", "200") as (url, _):
        await read_back(RtspAddress(url=url, login=LOGIN), Codec.H264, Codec.AAC, 200)


async def test_tls(tmp_path: Path) -> None:
    """Encrypted, unchecked and checked; and what a wrong authority or a plain camera is told as."""
    site, stranger = Authority(tmp_path), Authority(tmp_path, "stranger")
    async with camera("--tls", *site.camera(), "--number", "9", scheme="rtsps") as (url, program):
        for ca in ("", site.file):
            address = RtspAddress(url=url, login=LOGIN, tls_ca=ca)
            await read_back(address, Codec.H264, Codec.PCMA, 9)
            await program.says("sessions 0")
        wrong = RtspAddress(url=url, login=LOGIN, tls_ca=stranger.file)
        with pytest.raises(TlsError, match="not signed by an authority"):
            await probe.describe(wrong, SystemClock())


async def test_through_http() -> None:
    """Both connections of the tunnel, Digest inside it, reports back through POST, TEARDOWN."""
    async with camera("--number", "42", scheme="rtsph") as (url, program):
        address = RtspAddress(url=url, login=LOGIN)
        described = await probe.describe(address, SystemClock())
        assert (described.width, described.height) == (640, 360)
        await read_back(address, Codec.H264, Codec.PCMA, 42)
        await program.says("sessions 0")


async def test_over_websocket() -> None:
    """Its frames are aiohttp's: both what carries RTSP and RTSP itself are another's."""
    async with (
        camera("--number", "44") as (url, program),
        bridged(Uri.parse(url).effective_port, "/camera") as (outside, _),
    ):
        address = RtspAddress(url=outside, login=LOGIN)
        described = await probe.describe(address, SystemClock())
        assert (described.width, described.height) == (640, 360)
        await read_back(address, Codec.H264, Codec.PCMA, 44)
        await program.says("sessions 0")


async def test_through_https(tmp_path: Path) -> None:
    site, stranger = Authority(tmp_path), Authority(tmp_path, "stranger")
    async with camera("--tls", *site.camera(), "--number", "43", scheme="rtspsh") as (url, program):
        address = RtspAddress(url=url, login=LOGIN, tls_ca=site.file)
        await read_back(address, Codec.H264, Codec.PCMA, 43)
        await program.says("sessions 0")
        wrong = RtspAddress(url=url, login=LOGIN, tls_ca=stranger.file)
        with pytest.raises(TlsError, match="not signed by an authority"):
            await probe.describe(wrong, SystemClock())


async def test_a_camera_without_tls() -> None:
    async with camera(scheme="rtsps") as (url, _):
        with pytest.raises(TlsError, match="not TLS|no TLS port|nothing answers"):
            await probe.describe(RtspAddress(url=url, connect_timeout=2), SystemClock())


async def test_tcp_refused_falls_back_to_udp() -> None:
    async with camera("--transport", "udp") as (url, _):
        times = await probe.media(RtspAddress(url=url, login=LOGIN), SystemClock())
    assert times.t3 is not None


async def test_probes() -> None:
    clock = SystemClock()
    async with camera() as (url, program):
        address = RtspAddress(url=url, login=LOGIN)
        described = await probe.describe(address, clock)
        assert (described.codec, described.width, described.height) == (Codec.H264, 640, 360)
        assert described.fps == 25.0
        seen = await probe.media(address, clock)
        assert seen.t1 is not None
        assert seen.t2 is not None
        assert seen.t3 is not None
        assert seen.t1 < seen.t2 <= seen.t3
        await program.says("sessions 0")


@pytest.mark.parametrize(("codec", "rate", "group"), [("h264", 20, 30), ("h265", 10, 15)])
async def test_what_a_look_measures(codec: str, rate: int, group: int) -> None:
    options = ("--codec", codec, "--rate", str(rate), "--group", str(group))
    async with camera(*options) as (url, program):
        address = RtspAddress(url=url, login=LOGIN)
        count = (await probe.media(address, SystemClock(), stay=lambda: True)).count
        await program.says("sessions 0")
    assert count.group_frames == group
    assert count.group_seconds == pytest.approx(group / rate, abs=0.01)
    assert count.fps == pytest.approx(rate, rel=0.02)


async def test_refusals() -> None:
    clock = SystemClock()
    async with camera() as (url, _):
        with pytest.raises(UnauthorizedError):
            await probe.describe(RtspAddress(url=url, login=Login("operator", "wrong")), clock)
        with pytest.raises(NoCredentialError):
            await probe.describe(RtspAddress(url=url), clock)
        with pytest.raises(MissingStreamError):
            await probe.describe(RtspAddress(url=url + "s", login=LOGIN), clock)
