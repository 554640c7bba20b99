"""Pulling a camera into a stream."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from tests.rtp.packets import PPS, SPS, inter, key, packets
from tests.rtsp.camera import SDP, Camera, Habits, interleave, pictures, run_camera
from tests.waiting import until
from vidgate.errors import (
    BusyError,
    NoKeyFrameError,
    NoMediaError,
    ProtocolError,
    RemoteError,
    UnsupportedError,
)
from vidgate.model.channel import Transport
from vidgate.model.media import Codec, Frame, Reception, Track
from vidgate.rtp.packet import RtpPacket
from vidgate.rtp.rtcp import Bye, Pli, ReceiverReport, parse_compound
from vidgate.rtsp.address import RtspAddress
from vidgate.rtsp.choice import Choice
from vidgate.rtsp.player import MOST_REPORTS
from vidgate.rtsp.source import RtspSource
from vidgate.wire.message import Message

pytestmark = pytest.mark.usefixtures("no_descriptor_left")

NO_SETS = SDP.replace("sprop-parameter-sets", "x")
VIDEO_ONLY = SDP[: SDP.index("m=audio")]


class Shelf:
    """A publisher that keeps everything."""

    def __init__(self) -> None:
        self.tracks: list[tuple[Track, ...]] = []
        self.frames: list[Frame] = []

    def start(self, tracks: Sequence[Track], *, origin: str = "", cause: str = "") -> None:
        assert not self.frames
        self.tracks.append(tuple(tracks))

    def missed(self) -> None:
        """Pictures were lost."""

    def received(self, reception: Reception) -> None:
        """Not of interest."""

    def frame(self, frame: Frame) -> None:
        assert self.tracks
        self.frames.append(frame)


class Pull:
    """A running source."""

    def __init__(self, address: RtspAddress) -> None:
        self.shelf = Shelf()
        self.source = RtspSource(address)
        self.task = asyncio.create_task(self.source.run(self.shelf))

    @property
    def pictures(self) -> list[Frame]:
        return [frame for frame in self.shelf.frames if frame.track == 0]


@asynccontextmanager
async def pulling(camera: Camera, **options: object) -> AsyncIterator[Pull]:
    pull = Pull(replace(RtspAddress(url=camera.url), **options))  # type: ignore[arg-type]
    try:
        yield pull
    finally:
        pull.task.cancel()
        await asyncio.gather(pull.task, return_exceptions=True)


async def failure(camera: Camera, **options: object) -> RemoteError:
    async with pulling(camera, **options) as pull:
        with pytest.raises(RemoteError) as caught:
            async with asyncio.timeout(10):
                await pull.task
        return caught.value


async def test_pictures_and_sound_arrive() -> None:
    async with run_camera() as camera, pulling(camera) as pull:
        await until(lambda: pull.shelf.tracks)
        camera.send_pictures(3)
        camera.send([RtpPacket(8, False, 5, 160, 9, b"a" * 160)], channel=2)
        await until(lambda: len(pull.shelf.frames) == 4)
        assert [frame.key for frame in pull.pictures] == [True, False, False]
        assert [track.codec for track in pull.shelf.tracks[0]] == [Codec.H264, Codec.PCMA]
        assert pull.shelf.frames[-1].units == (b"a" * 160,)
        camera.send([RtpPacket(50, False, 0, 0, 1, b"foreign")])
        camera.send([RtpPacket(96, False, 0, 0, 1, b"nobody's")], channel=9)
        await until(lambda: pull.source.stats.ignored == 2)
        assert pull.source.stats.packets > 3
    assert pull.source.stats.packets == 0


async def test_packets_behind_the_reply_to_play_are_not_lost() -> None:
    habits = Habits(plays=[interleave(pictures(2))])
    async with run_camera(habits) as camera, pulling(camera) as pull:
        await until(lambda: len(pull.pictures) == 2)
        assert len(pull.shelf.tracks) == 1


async def test_a_camera_without_sets_in_its_description() -> None:
    async with run_camera(Habits(sdp=NO_SETS)) as camera, pulling(camera) as pull:
        await until(lambda: camera.asked("PLAY"))
        camera.send([RtpPacket(8, False, 5, 160, 9, b"a" * 160)], channel=2)
        camera.send(packets([inter(), key(), inter()]))
        await until(lambda: len(pull.pictures) == 2)
        video = pull.shelf.tracks[0][0]
        assert video.parameter_sets == (SPS, PPS)
        assert video.profile == "42c00d"
        assert len(pull.shelf.tracks) == 1


async def test_a_busy_camera_never_looks_described() -> None:
    def change(request: Message, reply: Message) -> Message:
        if request.method == "PLAY":
            reply.start = "RTSP/1.0 453 Not Enough Bandwidth"
        return reply

    async with run_camera(Habits(change=change)) as camera, pulling(camera) as pull:
        with pytest.raises(BusyError):
            await pull.task
        assert pull.shelf.tracks == []
        assert camera.methods[-1] == "TEARDOWN"


async def test_sound_that_cannot_be_had_is_left_out() -> None:
    def change(request: Message, reply: Message) -> Message:
        if request.method == "SETUP" and request.uri.endswith("2"):
            reply.start = "RTSP/1.0 406 Not Acceptable"
        return reply

    async with run_camera(Habits(change=change)) as camera, pulling(camera) as pull:
        await until(lambda: pull.shelf.tracks)
        assert len(pull.shelf.tracks[0]) == 1


async def test_nothing_that_we_can_take() -> None:
    sdp = "m=video 0 RTP/AVP 26\r\na=control:1\r\n"
    async with run_camera(Habits(sdp=sdp)) as camera:
        error = await failure(camera)
    assert isinstance(error, UnsupportedError)
    assert "jpeg" in str(error)


@pytest.mark.parametrize(
    "transport",
    [
        lambda asked: asked.replace("RTP/AVP/TCP", "RTP/AVP"),
        lambda asked: asked.replace("interleaved=0-1", "interleaved=0"),
        lambda asked: asked.split(";interleaved")[0],
        lambda asked: "RTP/AVP/TCP;unicast;interleaved=0-1",  # for every track
        lambda asked: "",
        lambda asked: asked + ";ssrc= 1 2;mode=play",
    ],
)
async def test_odd_transports(transport: object) -> None:
    habits = Habits(transport=transport)  # type: ignore[arg-type]
    async with run_camera(habits) as camera, pulling(camera) as pull:
        await until(lambda: pull.shelf.tracks)
        camera.send_pictures()
        camera.send([RtpPacket(8, False, 5, 160, 9, b"a" * 160)], channel=2)
        await until(lambda: len(pull.shelf.frames) == 2)


async def test_other_channels_than_asked() -> None:
    habits = Habits(transport=lambda asked: "RTP/AVP/TCP;interleaved=6-7", sdp=VIDEO_ONLY)
    async with run_camera(habits) as camera, pulling(camera) as pull:
        await until(lambda: pull.shelf.tracks)
        camera.send_pictures(channel=6)
        await until(lambda: pull.pictures)


async def test_garbage_between_frames() -> None:
    async with run_camera() as camera, pulling(camera) as pull:
        await until(lambda: pull.shelf.tracks)
        camera.send_pictures()
        camera.write(b"\xff\xfe some vendor's debugging \x00\x01\x02")
        camera.send_pictures()
        await until(lambda: len(pull.pictures) == 2)
        assert pull.source.stats.skipped > 0


async def test_udp() -> None:
    habits = Habits(udp=True, sdp=VIDEO_ONLY)
    async with run_camera(habits) as camera:
        async with pulling(camera, transport=Transport.UDP, udp_ports=(41000, 45000)) as pull:
            await until(lambda: pull.shelf.tracks)
            port = camera.udp_port()
            assert camera.udp is not None
            loop = asyncio.get_running_loop()
            assert (await loop.sock_recv(camera.udp, 100))[0] == 0x80  # the hole was punched
            made = packets([key(3000), inter()])
            made[1], made[2] = made[2], made[1]
            for packet in made:
                camera.udp.sendto(bytes(packet), ("127.0.0.1", port))
            await until(lambda: len(pull.pictures) == 2)
        assert camera.methods[-1] == "TEARDOWN"


async def test_a_flood_by_udp_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vidgate.rtsp.intake.MOST_ITEMS", 500)
    async with (
        run_camera(Habits(udp=True, sdp=VIDEO_ONLY)) as camera,
        pulling(camera, transport=Transport.UDP, **PORTS) as pull,
    ):
        await until(lambda: pull.shelf.tracks)
        port = camera.udp_port()
        assert camera.udp is not None
        for _ in range(600):
            camera.udp.sendto(bytes(packets([key(20)])[0]), ("127.0.0.1", port))
        with pytest.raises(ProtocolError, match="packets a second"):
            async with asyncio.timeout(10):
                await pull.task
        assert camera.methods[-1] == "TEARDOWN"


async def test_units_without_end_in_few_datagrams_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vidgate.rtsp.intake.MOST_ITEMS", 500)
    async with (
        run_camera(Habits(udp=True, sdp=VIDEO_ONLY)) as camera,
        pulling(camera, transport=Transport.UDP, **PORTS) as pull,
    ):
        await until(lambda: pull.shelf.tracks)
        port = camera.udp_port()
        assert camera.udp is not None
        payload = b"\x18" + b"\0\3\x41\x9a\1" * 280
        for number in range(20):
            packet = RtpPacket(96, True, number, 3600 * number, 7, payload)
            camera.udp.sendto(bytes(packet), ("127.0.0.1", port))
        with pytest.raises(ProtocolError, match="packets a second"):
            async with asyncio.timeout(10):
                await pull.task
        assert camera.methods[-1] == "TEARDOWN"


@pytest.mark.parametrize("transport", [Transport.TCP, Transport.UDP])
async def test_reports_without_end_are_not_read(transport: Transport) -> None:
    async with (
        run_camera(Habits(udp=transport is Transport.UDP, sdp=VIDEO_ONLY)) as camera,
        pulling(camera, transport=transport, **PORTS) as pull,
    ):
        await until(lambda: pull.shelf.tracks)
        report = bytes(Pli(1, 2)) * 9
        for _ in range(8 * MOST_REPORTS):
            if camera.udp is None:
                camera.write(b"$\1" + len(report).to_bytes(2, "big") + report)
            else:
                port = camera.udp_port()
                camera.udp.sendto(report, ("127.0.0.1", port + 1))
        await until(lambda: pull.source.stats.ignored > 5 * MOST_REPORTS)
        assert pull.source.stats.ignored <= 7 * MOST_REPORTS
        assert not pull.task.done()


def refuses(transport: str) -> Habits:
    """A camera that answers 461 to one of the two."""

    def change(request: Message, reply: Message) -> Message:
        asked = request.headers.get("Transport")
        if asked and ("TCP" in asked) == (transport == "TCP"):
            reply.start = "RTSP/1.0 461 Unsupported transport"
        return reply

    return Habits(udp=True, sdp=VIDEO_ONLY, change=change)


PORTS = {"udp_ports": (41000, 45000)}


@pytest.mark.parametrize("wanted", [Transport.AUTO, Transport.TCP])
async def test_461_falls_back_to_udp_where_that_is_left_to_us(wanted: Transport) -> None:
    choice = Choice()
    async with (
        run_camera(refuses("TCP")) as camera,
        pulling(camera, transport=wanted, choice=choice, **PORTS) as pull,
    ):
        if wanted is Transport.TCP:
            with pytest.raises(UnsupportedError):
                await pull.task
            assert choice == Choice()
        else:
            await until(lambda: pull.shelf.tracks)
            assert choice.transport is Transport.UDP
            assert "TCP was refused" in choice.reason
            assert "SETUP: 461" in choice.reason


async def test_what_was_learnt_is_asked_first_next_time() -> None:
    choice = Choice(Transport.UDP, "as before")
    async with (
        run_camera(refuses("TCP")) as camera,
        pulling(camera, choice=choice, **PORTS) as pull,
    ):
        await until(lambda: pull.shelf.tracks)
        assert ["TCP" in each.headers.get("Transport") for each in camera.asked("SETUP")] == [False]
    assert choice == Choice(Transport.UDP, "as before", Transport.UDP)


async def test_udp_refused_turns_to_tcp() -> None:
    choice = Choice(Transport.UDP, "as before")
    async with (
        run_camera(refuses("UDP")) as camera,
        pulling(camera, choice=choice, **PORTS) as pull,
    ):
        await until(lambda: pull.shelf.tracks)
        camera.send_pictures()
        await until(lambda: pull.pictures)
    assert choice.transport is Transport.TCP
    assert "UDP was refused" in choice.reason
    assert "SETUP: 461" in choice.reason


async def test_udp_that_brings_nothing_turns_to_tcp_at_once() -> None:
    """A firewall that lets RTSP through and RTP not."""
    choice = Choice(Transport.UDP, "as before")
    async with (
        run_camera(Habits(udp=True, sdp=VIDEO_ONLY)) as camera,
        pulling(camera, choice=choice, stall_timeout=0.2, **PORTS) as pull,
    ):
        await until(lambda: pull.shelf.tracks and len(camera.asked("PLAY")) == 2)
        assert camera.methods.count("TEARDOWN") == 1
        camera.send_pictures()
        await until(lambda: pull.pictures)
    assert choice.transport is Transport.TCP
    assert "nothing came" in choice.reason


async def test_neither_brings_anything() -> None:
    choice = Choice(Transport.UDP, "as before")
    async with run_camera(Habits(udp=True, sdp=VIDEO_ONLY)) as camera:
        error = await failure(camera, choice=choice, stall_timeout=0.1, **PORTS)
        assert isinstance(error, NoMediaError)
        assert camera.methods.count("PLAY") == 2


async def test_tcp_that_brings_nothing_turns_to_udp_once() -> None:
    """A camera that takes TCP and interleaves nothing."""
    choice = Choice()
    async with (
        run_camera(Habits(udp=True, sdp=VIDEO_ONLY)) as camera,
        pulling(camera, choice=choice, stall_timeout=0.4, **PORTS) as pull,
    ):
        await until(lambda: len(camera.asked("PLAY")) == 2)
        assert camera.methods.count("TEARDOWN") == 1
        port = camera.udp_port(1)
        assert camera.udp is not None
        for packet in packets([key()]):
            camera.udp.sendto(bytes(packet), ("127.0.0.1", port))
        await until(lambda: pull.pictures)
    assert choice.transport is Transport.UDP
    assert choice.reason.startswith("TCP: ")
    assert "nothing came" in choice.reason


@pytest.mark.parametrize("asked", [Transport.TCP, Transport.UDP])
async def test_a_transport_that_was_asked_for_stays(asked: Transport) -> None:
    choice = Choice()
    async with run_camera(Habits(udp=True, sdp=VIDEO_ONLY)) as camera:
        error = await failure(camera, transport=asked, choice=choice, stall_timeout=0.1, **PORTS)
        assert isinstance(error, NoMediaError)
        assert camera.methods.count("PLAY") == 1
    assert choice == Choice(used=asked)


@pytest.mark.parametrize("habits", [Habits(udp=True, sdp=VIDEO_ONLY), refuses("UDP")])
async def test_dead_transports_are_not_tried_by_turns(habits: Habits) -> None:
    """Neither brings anything, or TCP brings nothing and UDP is refused."""
    choice = Choice()
    async with run_camera(habits) as camera:
        for played in (2, 3, 4):
            error = await failure(camera, choice=choice, stall_timeout=0.1, **PORTS)
            assert type(error) is NoMediaError
            assert camera.methods.count("PLAY") == played
    assert choice.transport is Transport.TCP


async def test_a_camera_that_answers_udp_with_tcp() -> None:
    habits = Habits(transport=lambda asked: "RTP/AVP/TCP;interleaved=0-1", sdp=VIDEO_ONLY)
    async with run_camera(habits) as camera:
        error = await failure(camera, transport=Transport.UDP, udp_ports=(41000, 45000))
        assert error.code == "unsupported"


async def test_a_silent_camera() -> None:
    async with run_camera() as camera:
        error = await failure(camera, stall_timeout=0.1)
        assert isinstance(error, NoMediaError)
        assert "nothing came" in str(error)


async def test_a_camera_that_stops() -> None:
    async with run_camera() as camera, pulling(camera, stall_timeout=0.1) as pull:
        await until(lambda: pull.shelf.tracks)
        camera.send_pictures()
        with pytest.raises(NoMediaError, match="no picture for"):
            await pull.task


async def test_a_camera_without_key_frames() -> None:
    habits = Habits(plays=[interleave(packets([inter(), inter()]))])
    async with run_camera(habits) as camera:
        assert isinstance(await failure(camera, stall_timeout=0.1), NoKeyFrameError)


async def test_a_goodbye_ends_the_stream() -> None:
    async with run_camera() as camera, pulling(camera, stall_timeout=0.4) as pull:
        await until(lambda: pull.shelf.tracks)
        camera.send_pictures()
        data = bytes(ReceiverReport(7)) + bytes(Bye((7,)))
        camera.write(b"$\x01" + len(data).to_bytes(2, "big") + data)
        with pytest.raises(NoMediaError):
            await pull.task


async def test_key_frames_are_asked_for_where_the_camera_listens() -> None:
    sdp = VIDEO_ONLY + "a=rtcp-fb:96 nack pli\r\n"
    async with run_camera(Habits(sdp=sdp)) as camera, pulling(camera) as pull:
        pull.source.request_key_frame()
        await until(lambda: pull.shelf.tracks)
        camera.send_pictures()
        await until(lambda: pull.pictures)
        pull.source.request_key_frame()
        await until(lambda: camera.frames)
        channel, data = camera.frames[0]
        assert channel == 1
        assert isinstance(parse_compound(data)[1], Pli)


async def test_a_source_can_run_again() -> None:
    async with run_camera() as camera:
        source = RtspSource(RtspAddress(url=camera.url))
        for _ in range(2):
            shelf = Shelf()
            task = asyncio.create_task(source.run(shelf))
            await until(lambda shelf=shelf: shelf.tracks)  # type: ignore[misc]
            camera.send_pictures()
            await until(lambda shelf=shelf: shelf.frames)  # type: ignore[misc]
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert camera.methods.count("TEARDOWN") == 2
