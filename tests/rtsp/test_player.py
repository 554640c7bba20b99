"""What a session owes the camera while it plays."""

import asyncio

import pytest

from tests.rtp.packets import key, packets
from tests.rtsp.camera import Habits, interleave, run_camera
from tests.waiting import until
from vidgate.aio.clock import ManualClock, SystemClock
from vidgate.errors import NoMediaError
from vidgate.model.channel import Transport
from vidgate.model.media import Frame
from vidgate.rtp.rtcp import ReceiverReport, Sdes, parse_compound
from vidgate.rtsp import probe
from vidgate.rtsp.address import RtspAddress
from vidgate.rtsp.choice import Choice
from vidgate.rtsp.client import RtspClient
from vidgate.rtsp.player import Player
from vidgate.rtsp.receiver import OUR_SSRC
from vidgate.rtsp.tracks import choose


async def test_receiver_reports_are_sent_for_every_track() -> None:
    clock = ManualClock()
    frames: list[Frame] = []
    async with run_camera() as camera:
        address = RtspAddress(url=camera.url, stall_timeout=1000.0)
        async with (
            RtspClient.connect(address, clock) as client,
            Player.open(client, clock, frames.append) as player,
        ):
            await player.setup(choose(await client.describe())[0])
            await player.play()
            camera.send_pictures()
            await until(lambda: frames)
            done = False
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(player.watch(until=lambda: done))
                clock.advance(5.0)
                client.interrupt()
                await until(lambda: len(camera.frames) == 2)
                done = True
                client.interrupt()
        assert [channel for channel, _ in camera.frames] == [1, 3]
        report, name = parse_compound(camera.frames[0][1])
        assert isinstance(report, ReceiverReport)
        assert report.reports[0].ssrc == 7
        assert isinstance(name, Sdes)
        empty = parse_compound(camera.frames[1][1])[0]
        assert isinstance(empty, ReceiverReport)
        assert empty.reports == ()


async def test_a_camera_that_wants_a_sign_of_life_each_five_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """gortsplib knows such; what it sends them is a receiver report (RFC 3550 6.4.2)."""
    clock = ManualClock()
    sent: list[tuple[float, bytes]] = []
    async with run_camera() as camera:
        address = RtspAddress(url=camera.url, stall_timeout=1000.0)
        async with (
            RtspClient.connect(address, clock) as client,
            Player.open(client, clock, lambda frame: None) as player,
        ):
            await player.setup(choose(await client.describe())[0][:1])
            await player.play()
            begun = clock.now()

            async def wait(seconds: float) -> None:
                clock.advance(seconds)

            def note(_: int, report: bytes) -> None:
                sent.append((clock.now() - begun, report))

            monkeypatch.setattr(client, "wait", wait)
            monkeypatch.setattr(client, "send_frame", note)
            await player.watch(until=lambda: clock.now() >= begun + 60)
    assert [at for at, _ in sent] == pytest.approx(list(range(5, 61, 5)))
    assert {data[:8] for _, data in sent} == {bytes.fromhex("80c90001") + OUR_SSRC.to_bytes(4)}


async def test_packets_of_another_type_than_the_description_says() -> None:
    """They came: it is no transport that fails, and the other would bring the same."""
    foreign = interleave(packets([key()], payload_type=98))
    async with run_camera(Habits(plays=[foreign], udp=True)) as camera:
        choice = Choice()
        address = RtspAddress(url=camera.url, stall_timeout=0.1, choice=choice)
        with pytest.raises(NoMediaError, match="type 98 alone, where the description says 96"):
            await probe.media(address, SystemClock())
        assert camera.methods.count("PLAY") == 1
        assert choice == Choice(used=Transport.TCP)
