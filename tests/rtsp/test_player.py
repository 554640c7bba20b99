"""What a session owes the camera while it plays."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.rtp.packets import packets
from tests.rtsp.camera import Camera, Habits, interleave, run_camera
from tests.waiting import until
from vidgate.aio.clock import ManualClock
from vidgate.errors import NoMediaError, SilentTransportError
from vidgate.model.channel import Transport
from vidgate.model.media import Frame
from vidgate.rtp.rtcp import ReceiverReport, Sdes, parse_compound
from vidgate.rtsp.address import RtspAddress
from vidgate.rtsp.choice import Choice
from vidgate.rtsp.client import RtspClient
from vidgate.rtsp.player import MANY, Player
from vidgate.rtsp.receiver import OUR_SSRC
from vidgate.rtsp.tracks import choose


@asynccontextmanager
async def playing(
    habits: Habits, clock: ManualClock, stall_timeout: float = 10.0
) -> AsyncIterator[tuple[Camera, RtspClient, Player]]:
    async with run_camera(habits) as camera:
        address = RtspAddress(url=camera.url, stall_timeout=stall_timeout)
        async with (
            RtspClient.connect(address, clock) as client,
            Player.open(client, clock, lambda frame: None) as player,
        ):
            await player.setup(choose(await client.describe())[0][:1])
            await player.play()
            yield camera, client, player


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
    begun = clock.now()
    async with playing(Habits(), clock, stall_timeout=1000.0) as (_, client, player):

        async def wait(seconds: float) -> None:
            clock.advance(seconds)

        def note(_: int, report: bytes) -> None:
            sent.append((clock.now() - begun, report))

        monkeypatch.setattr(client, "wait", wait)
        monkeypatch.setattr(client, "send_frame", note)
        await player.watch(until=lambda: clock.now() >= begun + 60)
    assert [at for at, _ in sent] == pytest.approx(list(range(5, 61, 5)))
    assert {data[:8] for _, data in sent} == {bytes.fromhex("80c90001") + OUR_SSRC.to_bytes(4)}


async def test_a_report_that_is_due_by_one_reckoning_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The sum of start and interval is rounded: what is left is nothing, and what has passed is
    less than the interval. Who went by both would turn and turn, and let nobody else run.
    """
    start = 1023.1774943906472
    assert start + 5.0 - (start + 5.0) == 0.0
    assert (start + 5.0) - start < 5.0
    clock = ManualClock(start)
    async with playing(Habits(), clock) as (camera, client, player):
        waited: list[float] = []

        async def wait(seconds: float) -> None:
            waited.append(seconds)
            clock.advance(start + 5.0 - clock.now())

        monkeypatch.setattr(client, "wait", wait)
        await player.watch(until=lambda: len(waited) == 1)
        await until(lambda: camera.frames)


async def end_of(foreign: int) -> tuple[NoMediaError, Choice]:
    """How a session ends in which so many packets of another type came, and no others."""
    clock, one = ManualClock(), packets([[b"\x41"]], payload_type=98)
    async with playing(Habits(plays=[interleave(one * foreign)]), clock) as (_, client, player):
        await until(lambda: player.receivers[0].foreign.total() == foreign)

        def time_passes() -> bool:
            clock.advance(client.address.stall_timeout + 1)
            return False

        with pytest.raises(NoMediaError) as caught:
            await player.watch(until=time_passes)
        return caught.value, client.address.choice


async def test_packets_of_another_type_than_the_description_says() -> None:
    """They came: it is no transport that fails, and the other would bring the same."""
    error, choice = await end_of(MANY)
    assert "type 98 alone, where the description says 96" in error.message
    assert not isinstance(error, SilentTransportError)
    assert choice == Choice(used=Transport.TCP)


async def test_a_few_packets_of_another_type_are_no_stream() -> None:
    """Uniview and others slip them in; that nothing else comes may be the transport's fault."""
    error, choice = await end_of(MANY - 1)
    assert isinstance(error, SilentTransportError)
    assert choice.transport is Transport.UDP
