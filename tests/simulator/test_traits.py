"""What cameras may be like, seen from outside: logins, sounds, networks, clocks, pictures."""

import asyncio
import re
from collections.abc import Sequence
from email.utils import parsedate_to_datetime

import av
import numpy as np
import pytest

from tests.simulator.conftest import (
    PlainClient,
    address_of,
    id_of,
    next_to_show,
    plain_client,
    small_fleet,
)
from tests.simulator.test_fleet import Recorder, record, strips
from tests.waiting import until
from vidgate.aio.clock import SystemClock
from vidgate.errors import BusyError, RemoteError
from vidgate.model.channel import Transport
from vidgate.model.media import Codec
from vidgate.rtp.audio import ulaw_decode
from vidgate.rtp.packet import RtpPacket
from vidgate.rtp.rtcp import SenderReport, parse_compound, unix_from_ntp
from vidgate.rtsp import probe
from vidgate.rtsp.source import RtspSource
from vidgate.simulator.answers import AWAY
from vidgate.simulator.coded import Strip, tone_of
from vidgate.simulator.fleet import Fleet
from vidgate.simulator.manner import Auth, Sound
from vidgate.wire.sdp import Session

CLOCK = SystemClock()
TCP = "RTP/AVP/TCP;unicast;interleaved={}-{}"


async def play(client: PlainClient, *tracks: int) -> None:
    """Set up the tracks over TCP, on channels 0 and 2, and play."""
    session = ""
    for track in tracks:
        transport = TCP.format(2 * track, 2 * track + 1)
        headers = {"Transport": transport} | ({"Session": session} if session else {})
        answer = await client.ask("SETUP", f"/trackID={track}", **headers)
        assert answer.status == 200
        session = answer.headers.get("Session").partition(";")[0]
    assert (await client.ask("PLAY", Session=session)).status == 200


async def payloads(client: PlainClient, channel: int, count: int) -> list[RtpPacket]:
    """The next packets of one track."""
    found: list[RtpPacket] = []
    while len(found) < count:
        at, data = await client.frame()
        if at == channel:
            found.append(RtpPacket.parse(data))
    return found


@pytest.mark.parametrize(
    ("kind", "challenges"),
    [
        ("none", []),
        ("basic", ['Basic realm="IP Camera"']),
        ("md5", ["Digest .*algorithm=MD5"]),
        ("sha256", ["Digest .*algorithm=SHA-256"]),
        ("both", ["Digest .*algorithm=SHA-256", "Digest .*algorithm=MD5"]),
    ],
)
async def test_cameras_ask_for_every_kind_of_login(
    fleet: Fleet, kind: str, challenges: Sequence[str]
) -> None:
    fleet.set_fault(id_of(fleet), f"auth-{kind}")
    async with plain_client(fleet) as client:
        given = (await client.ask_once("DESCRIBE")).headers.all("WWW-Authenticate")
    assert len(given) == len(challenges)
    for value, pattern in zip(given, challenges, strict=True):
        assert re.match(pattern, value)
    await probe.describe(address_of(fleet), CLOCK)


async def test_a_nonce_may_be_good_for_one_request(fleet: Fleet) -> None:
    fleet.set_fault(id_of(fleet), "stale-nonce")
    async with plain_client(fleet) as client:
        assert (await client.ask("DESCRIBE")).status == 200
        answer = await client.ask_once("DESCRIBE")
        assert answer.status == 401
        assert "stale=true" in answer.headers.get("WWW-Authenticate")
        assert (await client.ask("DESCRIBE")).status == 200
    assert fleet.truth()["channels"][id_of(fleet)]["unauthorized"] == 0


async def test_sound_in_mu_law_is_the_channels_tone(fleet: Fleet) -> None:
    fleet.set_fault(id_of(fleet, 9), "audio-pcmu")
    recorder = await record(address_of(fleet, 9), Codec.PCMU, 26)
    sound = b"".join(frame.units[0] for frame in recorder.of(Codec.PCMU)[:25])
    spectrum = np.abs(np.fft.rfft(np.array(ulaw_decode(sound))))
    assert np.argmax(spectrum) == tone_of(9)


async def test_sound_in_aac_is_the_channels_tone(fleet: Fleet) -> None:
    fleet.set_fault(id_of(fleet, 9), "audio-aac")
    async with plain_client(fleet, 9) as client:
        description = Session.parse((await client.ask("DESCRIBE")).body)
        assert description.media[1].rtpmaps[97].name == "MPEG4-GENERIC"
        config = bytes.fromhex(description.media[1].fmtp(97)["config"])
        await play(client, 1)
        packets = await payloads(client, 2, 40)
    steps = {b.timestamp - a.timestamp for a, b in zip(packets, packets[1:], strict=False)}
    assert steps == {1024}
    context = av.CodecContext.create("aac", "r")
    context.extradata = config
    decoded = [f for p in packets for f in context.decode(av.Packet(p.payload[4:]))]
    samples = np.concatenate([frame.to_ndarray()[0] for frame in decoded])[2048 : 2048 + 32_000]
    assert np.argmax(np.abs(np.fft.rfft(samples))) == 2 * tone_of(9)  # bins of half a hertz


async def test_a_camera_without_sound_describes_none(fleet: Fleet) -> None:
    fleet.set_fault(id_of(fleet), "audio-none")
    async with plain_client(fleet) as client:
        description = Session.parse((await client.ask("DESCRIBE")).body)
        assert [media.kind for media in description.media] == ["video"]
        answer = await client.ask("SETUP", "/trackID=1", Transport=TCP.format(2, 3))
        assert answer.status == 404


async def test_lossy_udp_loses_as_much_as_it_says(fleet: Fleet) -> None:
    fleet.set_fault(id_of(fleet), "loss=20")
    fleet.set_fault(id_of(fleet), "reorder=2")
    fleet.set_fault(id_of(fleet), "jitter=5")
    source = RtspSource(address_of(fleet, transport=Transport.UDP))
    async with asyncio.TaskGroup() as tasks:
        pull = tasks.create_task(source.run(Recorder()))
        await until(lambda: source.stats.packets > 250)
        stats = source.stats
        pull.cancel()
    assert stats.lost / (stats.lost + stats.packets) == pytest.approx(0.2, abs=0.08)


@pytest.mark.parametrize("name", ["garbage", "strays"])
async def test_pictures_survive_what_comes_between_them(fleet: Fleet, name: str) -> None:
    number = next_to_show(fleet)
    fleet.set_fault(id_of(fleet, number), name)
    read = strips((await record(address_of(fleet, number), Codec.H264, 60)).of(Codec.H264))
    assert read[0] is not None
    assert read == [Strip(number, read[0].counter + at) for at in range(len(read))]


async def test_a_clock_that_is_off_shows_in_dates_and_reports(fleet: Fleet) -> None:
    fleet.set_fault(id_of(fleet), "clock=-86400")
    now = CLOCK.wall()
    async with plain_client(fleet) as client:
        answer = await client.ask("OPTIONS")
        date = parsedate_to_datetime(answer.headers.get("Date")).timestamp()
        assert date - now == pytest.approx(-86400, abs=5)
        await play(client, 0)
        channel, data = await client.frame()
        while channel != 1:
            channel, data = await client.frame()
    report = parse_compound(data)[0]
    assert isinstance(report, SenderReport)
    assert unix_from_ntp(report.ntp) - now == pytest.approx(-86400, abs=5)


@pytest.mark.parametrize(("look", "level", "contrast"), [("black", 16, 1), ("covered", 52, 8)])
async def test_black_and_covered_pictures_keep_their_strip(
    fleet: Fleet, look: str, level: int, contrast: float
) -> None:
    recorder = Recorder()

    def shown() -> tuple[float, float] | None:
        """Level and contrast below the strip of the newest key frame; the first may be old."""
        keys = [frame for frame in recorder.of(Codec.H264) if frame.key]
        if not keys:
            return None
        context = av.CodecContext.create("h264", "r")
        units = b"".join(b"\0\0\0\1" + unit for unit in keys[-1].units)
        (picture,) = [*context.decode(av.Packet(units)), *context.decode(None)]
        below = picture.to_ndarray()[20 : picture.height].astype(float)
        return float(below.mean()), float(below.std())

    def is_it() -> bool:
        found = shown()
        return found is not None and abs(found[0] - level) <= 4 and found[1] < contrast

    async with asyncio.TaskGroup() as tasks:
        pull = tasks.create_task(RtspSource(address_of(fleet)).run(recorder))
        await until(lambda: len(recorder.of(Codec.H264)) > 5)
        recorder.frames.clear()
        fleet.set_fault(id_of(fleet), look)  # while it is watched
        await until(is_it, what=look)
        pull.cancel()
    frames = recorder.of(Codec.H264)
    first = next(at for at, frame in enumerate(frames) if frame.key)
    assert {strip.number for strip in strips(frames[first:]) if strip} == {1}


async def test_key_frames_are_as_far_apart_as_it_says() -> None:
    async with small_fleet(12, intervals=(4.0, 4.0)) as fleet:
        recorder = await record(address_of(fleet, 1), Codec.H264, 130)
    keys = [frame.timestamp for frame in recorder.of(Codec.H264) if frame.key]
    assert keys[1] - keys[0] == 4 * 90_000


async def test_playing_begins_with_a_key_frame_only_where_it_says_so(fleet: Fleet) -> None:
    number = next(n for n in range(1, 20) if n != next_to_show(fleet))
    fleet.set_fault(id_of(fleet, number), "key-at-play")
    async with plain_client(fleet, number) as client:
        await play(client, 0)
        first = (await payloads(client, 0, 1))[0]
    assert first.payload[0] & 31 in (7, 24)  # parameter sets lead the key frame


@pytest.mark.parametrize("transport", [Transport.TCP, Transport.UDP])
async def test_a_key_frame_comes_when_it_is_asked_for(fleet: Fleet, transport: Transport) -> None:
    fleet.set_fault(id_of(fleet), "pli")
    recorder = Recorder()
    source = RtspSource(address_of(fleet, transport=transport))
    async with asyncio.TaskGroup() as tasks:
        pull = tasks.create_task(source.run(recorder))
        await until(lambda: recorder.frames)
        recorder.frames.clear()
        source.request_key_frame()
        await until(lambda: any(f.key for f in recorder.frames if f.track == 0), timeout=1.0)
        pull.cancel()


@pytest.mark.parametrize(
    ("name", "transport"), [("no-tcp", TCP.format(0, 1)), ("no-udp", "RTP/AVP;client_port=9-10")]
)
async def test_a_transport_may_be_refused(fleet: Fleet, name: str, transport: str) -> None:
    fleet.set_fault(id_of(fleet), name)
    async with plain_client(fleet) as client:
        assert (await client.ask("SETUP", "/trackID=0", Transport=transport)).status == 461


async def test_sessions_are_capped_by_the_camera(fleet: Fleet) -> None:
    fleet.set_fault(id_of(fleet), "sessions=1")
    recorder = Recorder()
    async with asyncio.TaskGroup() as tasks:
        pull = tasks.create_task(RtspSource(address_of(fleet)).run(recorder))
        await until(lambda: recorder.frames)
        with pytest.raises(BusyError):
            await probe.media(address_of(fleet), CLOCK)
        pull.cancel()


async def test_redirects_lead_where_they_say(fleet: Fleet) -> None:
    async with plain_client(fleet) as client:
        fleet.set_fault(id_of(fleet), "redirect")
        near = (await client.ask("DESCRIBE")).headers.get("Location")
        fleet.clear_fault(id_of(fleet))
        fleet.set_fault(id_of(fleet), "redirect-away")
        assert AWAY in (await client.ask("DESCRIBE")).headers.get("Location")
        fleet.clear_fault(id_of(fleet))
        fleet.set_fault(id_of(fleet), "redirect")
        client.url = near
        assert (await client.ask("DESCRIBE")).status == 200
        fleet.set_fault(id_of(fleet), "redirect-loop")
        assert (await client.ask("DESCRIBE")).headers.get("Location") == near


async def test_a_half_open_connection_ends_when_the_camera_is_back(fleet: Fleet) -> None:
    recorder, neighbour = Recorder(), Recorder()
    async with asyncio.TaskGroup() as tasks:
        source = RtspSource(address_of(fleet))
        pull = tasks.create_task(_ended(source, recorder))
        other = tasks.create_task(RtspSource(address_of(fleet, 2)).run(neighbour))
        await until(lambda: recorder.frames and neighbour.frames)
        fleet.set_fault(id_of(fleet), "half-open")
        count, shown = len(recorder.frames), len(neighbour.frames)
        await until(lambda: len(neighbour.frames) >= shown + 10)
        assert len(recorder.frames) <= count + 3  # what was under way may still come
        fleet.clear_fault(id_of(fleet))
        assert await pull == "unreachable"
        other.cancel()
    await until(lambda: fleet.truth()["connections"] == 0)


async def _ended(source: RtspSource, recorder: Recorder) -> str:
    try:
        await source.run(recorder)
    except RemoteError as error:
        return error.reason
    return "ended"


async def test_a_fleet_has_its_kinds_in_their_proportions() -> None:
    shares = {
        "auth": ((Auth.MD5, 60), (Auth.BASIC, 20), (Auth.SHA256, 20)),
        "sound": ((Sound.PCMA, 50), (Sound.AAC, 50)),
        "intervals": (2.0, 10.0),
        "delay": (0.005, 0.030),
    }
    async with small_fleet(200, **shares) as fleet:
        manners = [camera.manner for camera in fleet.cameras.values()]
    auth = [manner.auth for manner in manners]
    assert {kind: auth.count(kind) for kind in set(auth)} == {
        Auth.MD5: 120,
        Auth.BASIC: 40,
        Auth.SHA256: 40,
    }
    assert [manner.sound for manner in manners].count(Sound.AAC) == 100
    assert {manner.interval for manner in manners} == {2, 4, 6, 8, 10}
    assert min(manner.delay for manner in manners) >= 0.005
    assert max(manner.delay for manner in manners) < 0.0301
