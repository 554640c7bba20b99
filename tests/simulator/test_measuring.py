"""What a look counts is what the simulator sends: rates and loss, both codecs, TCP and UDP."""

from contextlib import suppress

import pytest

from tests.simulator.conftest import address_of, id_of
from tests.simulator.test_fleet import record
from vidgate.aio.clock import SystemClock
from vidgate.errors import NoKeyFrameError
from vidgate.model.channel import Transport
from vidgate.model.media import Codec
from vidgate.rtsp import probe
from vidgate.rtsp.probe import ProbeTimes
from vidgate.simulator.fleet import Fleet
from vidgate.simulator.pictures import FPS, LOOP
from vidgate.simulator.register import generate

CLOCK = SystemClock()
SHOWN = 2  # pictures since the key frame of the camera that is chosen, at least


def long_before_a_key_frame(fleet: Fleet) -> int:
    """The number of the camera whose key frame came last, so that the wait for the next is long."""
    index = int(fleet.truth()["uptime"] * FPS) - SHOWN
    numbers = [camera.number for camera in fleet.cameras.values()]
    return min(numbers, key=lambda number: (index + number * 37) % LOOP)


def coded(codec: str) -> Fleet:
    """Twenty cameras of one codec."""
    rows = generate(20)
    for row in rows:
        row["url"] = row["url"].replace("/h264/", f"/{codec}/")
    return Fleet(rows)


@pytest.mark.parametrize("transport", [Transport.TCP, Transport.UDP])
@pytest.mark.parametrize("codec", ["h264", "h265"])
async def test_rates(codec: str, transport: Transport) -> None:
    async with coded(codec) as fleet:
        await probe.media(address_of(fleet), CLOCK)  # its pictures are encoded now
        number = long_before_a_key_frame(fleet)
        seen = await probe.media(address_of(fleet, number, transport=transport), CLOCK)
        recorder = await record(address_of(fleet, number), Codec(codec), LOOP)
    # What is announced leaves out what makes the pictures readable: the bytes are the truth.
    truth = 8 * sum(frame.size for frame in recorder.of(Codec(codec))[:LOOP]) * FPS / LOOP
    assert seen.codec == codec
    assert seen.count.fps == pytest.approx(FPS, rel=0.001)
    assert seen.count.bitrate == pytest.approx(truth, rel=0.25)
    assert seen.count.group_seconds is None  # one key frame tells of no group
    assert seen.reception is not None
    assert seen.reception.lost == 0
    assert seen.reception.expected > 20


async def test_loss_over_udp(fleet: Fleet) -> None:
    """Of several looks together, also those to which no key frame came whole."""
    lost = expected = 0
    while expected < 800:
        number = long_before_a_key_frame(fleet)
        fleet.set_fault(id_of(fleet, number), "loss=5")
        seen, address = ProbeTimes(), address_of(fleet, number, transport=Transport.UDP)
        with suppress(NoKeyFrameError):
            await probe.media(address, CLOCK, seen)
        assert seen.reception is not None
        lost, expected = lost + seen.reception.lost, expected + seen.reception.expected
        assert seen.count.fps is None or seen.count.fps == pytest.approx(FPS, rel=0.01)
    assert lost / expected == pytest.approx(0.05, abs=0.025)


@pytest.mark.parametrize("transport", [Transport.TCP, Transport.UDP])
@pytest.mark.parametrize("codec", ["h264", "h265"])
async def test_the_length_of_a_group(codec: str, transport: Transport) -> None:
    async with coded(codec) as fleet:
        address = address_of(fleet, transport=transport)
        assert (await probe.media(address, CLOCK)).count.group_frames is None
        seen = await probe.media(address, CLOCK, stay=lambda: True)
    assert (seen.count.group_frames, seen.count.group_seconds) == (LOOP, LOOP / FPS)
    assert seen.stayed == pytest.approx(LOOP / FPS, abs=0.5)
    assert seen.t3 is not None
    assert seen.t3 <= LOOP / FPS + 0.5  # the wait for the first one alone
