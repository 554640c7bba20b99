"""From an offer to pictures, with aiortc as the browser and real coded pictures."""

import asyncio
import gc
import os
import socket
import weakref
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from aiortc.rtcdtlstransport import SRTP_AES128_CM_SHA1_80

from tests.waiting import until
from tests.webrtc.clients import WHO, open_session, watching
from tests.webrtc.feeds import SOUND_TRACK, Camera, group, video_track
from vidgate.aio.bus import Bus
from vidgate.aio.clock import ManualClock
from vidgate.errors import (
    InputError,
    LimitError,
    NoMediaError,
    NotAcceptableError,
    NotFoundError,
    ProtocolError,
    RemoteTimeoutError,
    UnauthorizedError,
    UnreachableError,
    UnsupportedError,
)
from vidgate.media.hub import Hub, HubSettings
from vidgate.model.media import Codec, StreamKey, Track, Variant
from vidgate.model.user import Principal, Role
from vidgate.settings.tree import WebrtcSettings
from vidgate.simulator.viewers import LightViewer
from vidgate.webrtc.dtls import Certificate
from vidgate.webrtc.whep import WhepService, WhepSession
from vidgate.wire.sdp import Session

OFFER = (Path(__file__).parent / "data" / "chromium.sdp").read_text(encoding="utf-8")
CERTIFICATE = Certificate.generateCertificate()


@dataclass
class Place:
    """The media plane with cameras by stream."""

    cameras: dict[StreamKey, Camera]
    bus: Bus
    hub: Hub
    whep: WhepService
    clock: ManualClock

    @property
    def main(self) -> Camera:
        return self.cameras[StreamKey("cam")]

    @property
    def sub(self) -> Camera:
        return self.cameras[StreamKey("cam", Variant.SUB)]

    @asynccontextmanager
    async def light(self, name: str = "cam") -> AsyncIterator[LightViewer]:
        async with LightViewer(CERTIFICATE) as viewer:
            session = await open_session(self.whep, name, viewer.offer)
            await viewer.connect(session.answer_sdp)
            yield viewer


@pytest.fixture
async def place(no_descriptor_left: None) -> AsyncIterator[Place]:
    async with serving(WebrtcSettings(port=0)) as made:
        yield made


@asynccontextmanager
async def serving(settings: WebrtcSettings) -> AsyncIterator[Place]:
    cameras = {StreamKey("cam", variant): Camera(group()) for variant in Variant}
    bus, clock = Bus(), ManualClock()
    hub_settings = HubSettings(idle_stop=0.0, retry_first=0.01, retry_cap=0.02)

    def make(key: StreamKey) -> Camera:
        if key not in cameras:
            raise NotFoundError("no such channel")
        return cameras[key]

    async with (
        Hub(make, bus, hub_settings) as hub,
        WhepService(hub, bus, settings, clock) as whep,
    ):
        yield Place(cameras, bus, hub, whep, clock)


async def test_pictures_and_sound_reach_a_viewer(place: Place) -> None:
    async with watching(place.whep) as client:
        pictures = await client.more_pictures(10)
        assert {(picture.width, picture.height) for picture in pictures} == {(640, 360)}
        levels = [float(np.mean(p.to_ndarray(format="gray"))) for p in pictures]
        assert len(set(levels)) > 5  # they move
        await until(lambda: len(client.sounds) > 20, what="sound")
        tone = client.sounds[-1].to_ndarray().reshape(-1).astype(float)
        assert np.sqrt(np.mean(tone**2)) > 3000
        stats = place.whep.find(client.session.id).stats()
        assert stats["state"] == "connected"
        assert stats["codecs"] == ["h264", "pcma"]
        assert stats["packets"] > 10
        assert stats["lost"] == 0
        assert place.whep.viewers("cam") == 1
    await until(lambda: not place.whep.sessions, what="the browser's goodbye is heard")
    await until(lambda: not place.hub.streams, what="the camera is left alone")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1"])
async def test_every_address_of_ours_leads_to_pictures(host: str) -> None:
    settings = WebrtcSettings(port=0, hosts=["127.0.0.1", "127.0.0.2", "::1"])
    async with serving(settings) as place, LightViewer(CERTIFICATE) as viewer:
        session = await open_session(place.whep, "cam", viewer.offer)
        assert addresses(session.answer_sdp) == ["127.0.0.1", "127.0.0.2", "::1"]
        # Its socket is connected: it hears only what comes from the address that it called.
        await viewer.connect(session.answer_sdp, host=host)
        async with asyncio.timeout(5):
            await viewer.pictured.wait()
        assert viewer.counts.lost == 0


async def test_an_offer_that_came_by_ipv6_is_answered_by_ipv6(place: Place) -> None:
    async with LightViewer(CERTIFICATE) as viewer:
        session = await place.whep.open(
            "cam", viewer.offer, stream="main", local_address="::1", principal=WHO
        )
        assert addresses(session.answer_sdp) == ["::1"]
        await viewer.connect(session.answer_sdp)
        async with asyncio.timeout(5):
            await viewer.pictured.wait()


def addresses(answer: str) -> list[str]:
    """The addresses of an answer's candidates, of all m-lines alike."""
    media = [section for section in Session.parse(answer).media if section.port]
    found = [[value.split()[4] for value in section.all("candidate")] for section in media]
    assert all(one == found[0] for one in found)
    return found[0]


async def test_viewers_share_one_pull_and_the_second_starts_at_once(place: Place) -> None:
    async with AsyncExitStack() as stack:
        viewers = [await stack.enter_async_context(place.light()) for _ in range(5)]
        for viewer in viewers:
            async with asyncio.timeout(5):
                await viewer.pictured.wait()
        await until(lambda: all(viewer.counts.packets > 100 for viewer in viewers))
        assert place.main.runs == 1
        assert [viewer.counts.forged for viewer in viewers] == [0] * 5
        assert [viewer.counts.lost for viewer in viewers] == [0] * 5
        session = next(iter(place.whep.sessions.values()))
        await place.whep.close(session.id)
        await until(lambda: any(viewer.ended.is_set() for viewer in viewers), what="close_notify")
        with pytest.raises(NotFoundError):
            await place.whep.close(session.id)
        assert len(place.whep.sessions) == 4


async def test_a_session_survives_its_camera(place: Place) -> None:
    async with watching(place.whep) as client:
        await client.more_pictures()
        place.main.fail(UnreachableError("unplugged"))
        await until(lambda: place.main.runs > 2, what="retries")
        place.main.heal()
        await client.more_pictures(10)
        assert client.connection.connectionState == "connected"
        assert place.whep.find(client.session.id).state == "connected"


async def test_another_codec_ends_the_sessions(place: Place) -> None:
    async with place.light() as viewer:
        async with asyncio.timeout(5):
            await viewer.pictured.wait()
        place.main.tracks = (Track(0, Codec.H265, 90000), SOUND_TRACK)
        place.main.fail(UnreachableError("restarted"))
        place.main.heal()
        async with asyncio.timeout(5):
            await viewer.ended.wait()
        await until(lambda: not place.whep.sessions)


async def test_auto_falls_to_the_sub_stream_and_remembers(place: Place) -> None:
    place.main.tracks = (Track(0, Codec.H265, 90000),)
    async with watching(place.whep, has_sub=True) as client:
        assert client.session.variant is Variant.SUB
        await client.more_pictures()
    runs = place.main.runs
    session = await open_session(place.whep, "cam", OFFER, has_sub=True)
    assert session.variant is Variant.SUB
    assert place.main.runs == runs, "asked the main stream although its codec is known"
    place.bus.publish("register.changed", "", {})
    await until(lambda: not place.whep._known)
    session = await open_session(place.whep, "cam", OFFER, has_sub=True)
    assert place.main.runs == runs + 1
    assert session.variant is Variant.SUB


async def test_what_cannot_be_taken_is_said(place: Place) -> None:
    place.main.tracks = (Track(0, Codec.H265, 90000),)
    with pytest.raises(NotAcceptableError, match="H265"):
        await open_session(place.whep, "cam", OFFER)
    with pytest.raises(NotAcceptableError, match="no sub-stream"):
        await open_session(place.whep, "cam", OFFER, stream="sub")
    place.bus.publish("register.changed", "", {})
    await until(lambda: not place.whep._known)
    place.main.error = UnsupportedError("only MJPEG")
    place.sub.tracks = (Track(0, Codec.H265, 90000),)
    with pytest.raises(NotAcceptableError, match="main: only MJPEG; sub: .*H265"):
        await open_session(place.whep, "cam", OFFER, has_sub=True)
    with pytest.raises(InputError, match="stream=third"):
        await open_session(place.whep, "cam", OFFER, stream="third")
    await until(lambda: not place.hub.streams, what="nothing is held")


async def test_what_is_wrong_with_the_offer_is_said_once(place: Place) -> None:
    sender = OFFER.replace("a=recvonly", "a=sendonly")
    with pytest.raises(NotAcceptableError) as caught:
        await open_session(place.whep, "cam", sender, has_sub=True)
    assert caught.value.message.count("a=sendonly") == 2  # in Chinese and in English
    assert "recvonly" in caught.value.hint
    await until(lambda: not place.hub.streams, what="nothing is held")


@pytest.mark.parametrize("error", [UnauthorizedError("401"), NoMediaError("nothing came")])
async def test_the_cameras_error_reaches_the_caller(place: Place, error: Exception) -> None:
    place.main.error = error
    with pytest.raises(type(error)):
        await open_session(place.whep, "cam", OFFER, has_sub=True)
    assert not place.whep.sessions


async def test_too_many_viewers_are_refused() -> None:
    async with serving(WebrtcSettings(port=0, max_sessions=1)) as place:
        await open_session(place.whep, "cam", OFFER)
        with pytest.raises(LimitError):
            await open_session(place.whep, "cam", OFFER)


async def test_one_user_leaves_room_for_others() -> None:
    settings = WebrtcSettings(port=0, max_sessions=3, max_user_sessions=2)
    async with serving(settings) as place:
        slow = place.cameras[StreamKey("slow")] = Camera(group())
        slow.error = UnreachableError("not yet")
        for _ in range(2):
            await open_session(place.whep, "cam", OFFER)
        with pytest.raises(LimitError, match="2 streams"):
            await open_session(place.whep, "cam", OFFER)
        other = Principal("other", Role.VIEWER, "token")

        async def open_as_other(name: str) -> WhepSession:
            return await place.whep.open(
                name, OFFER, stream="main", local_address="127.0.0.1", principal=other
            )

        with pytest.raises(UnreachableError):  # one that fails holds nothing
            await open_as_other("slow")
        session = await open_as_other("cam")
        with pytest.raises(LimitError, match="3 viewers"):
            await open_as_other("cam")
        await place.whep.close(session.id)
        await open_as_other("cam")
        assert not place.whep._opening


async def test_a_browser_that_never_comes_is_forgotten() -> None:
    async with serving(WebrtcSettings(port=0, handshake_timeout=0.05)) as place:
        session = await open_session(place.whep, "cam", OFFER)
        async with asyncio.timeout(5):
            await session.closed.wait()
        assert "handshake" in session.reason
        assert not place.whep.sessions


async def test_a_handshake_that_never_ends_meets_the_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A peer that is heard all the time: it says hello again and again, and reads no answer."""

    async def deaf(_: object) -> bytes:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr("vidgate.simulator.viewers._Wire._recv", deaf)
    settings = WebrtcSettings(port=0, handshake_timeout=1.5)
    async with serving(settings) as place, LightViewer(CERTIFICATE) as viewer:
        session = await open_session(place.whep, "cam", viewer.offer)
        with pytest.raises(RemoteTimeoutError):
            await viewer.connect(session.answer_sdp, 5.0)
        assert session.state == "closed"
        assert "no DTLS handshake within 1.5 s" in session.reason


async def test_who_shows_another_certificate_gets_nothing(place: Place) -> None:
    """RFC 8827 5.1: the fingerprint in the offer is all that tells who the peer is."""
    promised = Certificate.generateCertificate().fingerprint.value
    async with LightViewer(CERTIFICATE) as viewer:
        offer = viewer.offer.replace(CERTIFICATE.fingerprint.value, promised)
        session = await open_session(place.whep, "cam", offer)
        with suppress(ProtocolError, RemoteTimeoutError):
            await viewer.connect(session.answer_sdp, 3.0)
        async with asyncio.timeout(5):
            await session.closed.wait()
        assert "handshake failed" in session.reason
        assert session.viewer is None
        assert viewer._wire is not None
        assert not viewer._wire.early, "not one packet of media"
        assert viewer.counts.packets == viewer.counts.forged == 0


async def test_what_a_viewer_cannot_have_sealed_ends_nothing(place: Place) -> None:
    """FreeSWITCH GHSA-jh42: a hundred bad SRTP packets hung up the call."""
    async with place.light() as viewer:
        async with asyncio.timeout(5):
            await viewer.pictured.wait()
        (session,) = place.whep.sessions.values()
        wire = viewer._wire
        assert wire is not None
        for number in range(2000):
            wire.send(bytes((0x80, (96, 200, 201, 206)[number % 4])) + os.urandom(60))
            if number % 100 == 0:
                await asyncio.sleep(0)
        packets = viewer.counts.packets
        await until(lambda: viewer.counts.packets > packets + 30)
        assert (viewer.counts.lost, session.state) == (0, "connected")


async def test_a_silent_browser_is_reaped(place: Place) -> None:
    async with place.light() as viewer:
        async with asyncio.timeout(5):
            await viewer.pictured.wait()
        (session,) = place.whep.sessions.values()
        assert viewer._wire is not None
        asyncio.get_running_loop().remove_reader(viewer._wire.socket.fileno())
        await viewer._tasks.__aexit__(None, None, None)
        place.clock.advance(31)
        async with asyncio.timeout(5):
            await session.closed.wait()
        assert "silent" in session.reason


async def test_who_has_left_is_freed_at_once(place: Place) -> None:
    """A viewer holds lines with megabytes of pictures: no cycle may keep it for the collector."""
    gc.collect()
    gc.disable()
    try:
        async with place.light() as viewer:
            async with asyncio.timeout(5):
                await viewer.pictured.wait()
            (session,) = place.whep.sessions.values()
            assert session.viewer is not None
            viewer_gone = weakref.ref(session.viewer)
            fanout_gone = weakref.ref(session.shared.fanout)
            del session
        await until(lambda: not place.whep.sessions, what="the browser's goodbye is heard")
        await until(lambda: viewer_gone() is None and fanout_gone() is None, what="it is freed")
    finally:
        gc.enable()


async def test_a_removed_channel_ends_its_viewers(place: Place) -> None:
    session = await open_session(place.whep, "cam", OFFER)
    await place.hub.forget("cam")
    assert place.whep.find(session.id) is session  # it is pulled anew
    await until(lambda: place.main.runs == 2)
    place.cameras.clear()
    await place.hub.forget("cam")
    async with asyncio.timeout(5):
        await session.closed.wait()
    assert session.reason == "no such channel"
    with pytest.raises(NotFoundError, match="no such channel"):
        await open_session(place.whep, "cam", OFFER)


async def test_an_empty_datagram_and_a_foreign_hello_hurt_nobody(place: Place) -> None:
    """The two ways in which stock aiortc dies (measured: 10 of 10)."""
    hello = bytes.fromhex("16feff00000000000000000032010000260000000000000026fefd") + bytes(64)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        target = ("127.0.0.1", place.whep.port)
        async with asyncio.TaskGroup() as tasks:
            flood = tasks.create_task(_flood(stranger, target, (b"", hello)))
            async with watching(place.whep) as client:  # the race for the handshake
                await client.more_pictures()
                flood.cancel()
                for data in (b"", hello, b"\x15\xfe\xfd" + bytes(30), b"\x80" * 50, b"\x00" * 28):
                    for _ in range(100):
                        stranger.sendto(data, target)
                dropped = place.whep.counters["dropped"]
                await until(lambda: place.whep.counters["dropped"] >= dropped)
                await client.more_pictures(10)
                assert client.connection.connectionState == "connected"
                assert place.whep.find(client.session.id).state == "connected"
    assert place.whep.counters["dropped"] > 500


async def _flood(stranger: socket.socket, target: tuple[str, int], data: tuple[bytes, ...]) -> None:
    while True:
        for one in data:
            stranger.sendto(one, target)
        await asyncio.sleep(0.001)


async def test_a_peer_without_gcm_is_served_by_libsrtp(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aiortc.rtcdtlstransport.SRTP_PROFILES", [SRTP_AES128_CM_SHA1_80])
    async with watching(place.whep) as client:
        await client.more_pictures()
        viewer = client.session.viewer
        assert viewer is not None
        assert viewer.security.profile == "SRTP_AES128_CM_SHA1_80"
        # Its reports come back, and what it asks for is sent again.
        await until(lambda: all(flow.report for flow in viewer.flows), what="its reports")
        place.clock.advance(2)
        client.session.shared.fanout.refresh(viewer)
        await client.more_pictures(30)
        assert client.session.stats()["lost"] == 0


async def test_lost_pictures_are_repeated_and_asked_for(place: Place) -> None:
    async with watching(place.whep) as client:
        await client.more_pictures()
        (session,) = place.whep.sessions.values()
        viewer = session.viewer
        assert viewer is not None
        flow = viewer.flows[0]
        packets = flow.packets
        shared = session.shared.fanout
        # Right after joining a key frame is under way; later the group is repeated.
        shared.refresh(viewer)
        assert place.main.key_frames_asked == 0
        place.clock.advance(2)
        shift = flow.shift
        shared.refresh(viewer)
        assert place.main.key_frames_asked == 1
        assert flow.shift > shift
        shared.refresh(viewer)
        assert place.main.key_frames_asked == 1
        await client.more_pictures(10)
        assert flow.packets > packets


async def test_a_key_frame_of_any_size_arrives_whole(place: Place) -> None:
    large = group(1280, 720, 10, 12_000_000)
    place.cameras[StreamKey("big")] = Camera(large)
    assert sum(map(len, large[0].units)) > 100_000
    async with watching(place.whep, "big") as client:
        pictures = await client.more_pictures(12)
        assert {picture.width for picture in pictures} == {1280}
        assert place.whep.find(client.session.id).stats()["drops"] == 0


async def test_stopping_the_service_says_goodbye() -> None:
    async with AsyncExitStack() as stack:
        place = await stack.enter_async_context(serving(WebrtcSettings(port=0)))
        viewer = LightViewer(CERTIFICATE)
        async with viewer:
            session = await open_session(place.whep, "cam", viewer.offer)
            await viewer.connect(session.answer_sdp)
            await stack.aclose()
            async with asyncio.timeout(5):
                await viewer.ended.wait()
        assert session.state == "closed"


def test_feeds_are_real_pictures() -> None:
    track = video_track(group())
    assert replace(track, parameter_sets=()).codec is Codec.H264
    assert track.profile.startswith("42")
    assert sum(picture.key for picture in group()) == 1
