"""What a session owes the camera while it plays."""

import asyncio

from tests.rtsp.camera import run_camera
from tests.waiting import until
from vidgate.aio.clock import ManualClock
from vidgate.model.media import Frame
from vidgate.rtp.rtcp import ReceiverReport, Sdes, parse_compound
from vidgate.rtsp.address import RtspAddress
from vidgate.rtsp.client import RtspClient
from vidgate.rtsp.player import Player
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
