"""The virtual recording of the simulated cameras, pulled and read from its pixels."""

import pytest

from tests.simulator.conftest import address_of, id_of, next_to_show
from tests.simulator.test_fleet import Recorder, strips
from tests.waiting import until
from vidgate.errors import NoMediaError, NoRecordingError, NoReplayError, RemoteError
from vidgate.model.channel import Transport
from vidgate.model.media import Codec
from vidgate.rtsp.source import RtspSource
from vidgate.simulator.coded import COUNTER_MASK
from vidgate.simulator.fleet import Fleet
from vidgate.simulator.pictures import FPS
from vidgate.wire.clock import ClockRange


async def replay(fleet: Fleet, moments: ClockRange, transport: Transport, number: int) -> Recorder:
    """Everything up to the end."""
    recorder = Recorder()
    address = address_of(fleet, number, transport=transport)
    with pytest.raises(NoMediaError):
        await RtspSource(address, replay=moments).run(recorder)
    return recorder


@pytest.mark.parametrize("transport", [Transport.TCP, Transport.UDP])
@pytest.mark.parametrize("ago", [1800, 60])
async def test_the_pictures_are_those_of_the_time(
    fleet: Fleet, transport: Transport, ago: int
) -> None:
    number = next_to_show(fleet)
    epoch = float(fleet.truth()["epoch"])
    start = epoch + fleet.truth()["uptime"] - ago
    recorder = await replay(fleet, ClockRange(start, start + 1), transport, number)
    pictures = recorder.of(Codec.H264)
    assert FPS - 1 <= len(pictures) <= FPS + 2
    times = [frame.recorded for frame in pictures]
    assert times[0] == pytest.approx(start, abs=2 / FPS)
    seen = [strip.counter for strip in strips(pictures) if strip is not None]
    assert len(seen) == len(pictures)
    for counter, recorded in zip(seen, times, strict=True):
        assert recorded is not None
        assert counter == round((recorded - epoch) * FPS) & COUNTER_MASK


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("no-replay", NoReplayError),
        ("no-recording", NoRecordingError),
        ("live-replay", NoReplayError),
    ],
)
async def test_cameras_without_a_recording(
    fleet: Fleet, fault: str, kind: type[RemoteError]
) -> None:
    number = next_to_show(fleet)
    fleet.set_fault(id_of(fleet, number), fault)
    moments = ClockRange(fleet.wall() - 60)
    with pytest.raises(RemoteError) as caught:
        await RtspSource(address_of(fleet, number), replay=moments).run(Recorder())
    assert type(caught.value) is kind


async def test_only_the_last_hour_is_kept(fleet: Fleet) -> None:
    for start in (fleet.wall() - 7200, fleet.wall() + 60):
        with pytest.raises(NoRecordingError):
            await RtspSource(address_of(fleet), replay=ClockRange(start)).run(Recorder())


async def test_a_recording_does_not_disturb_what_is_live(fleet: Fleet) -> None:
    number = next_to_show(fleet)
    camera = fleet.cameras[id_of(fleet, number)]
    start = fleet.wall() - 60
    await replay(fleet, ClockRange(start, start + 0.5), Transport.TCP, number)
    assert not camera.streams
    await until(lambda: camera.usage.sessions == 0)
