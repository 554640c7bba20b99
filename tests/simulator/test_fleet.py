import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import av
import numpy as np
import pytest

from tests.simulator.conftest import address_of, id_of, next_to_show, plain_client, small_fleet
from tests.waiting import until
from vidgate.aio.clock import SystemClock
from vidgate.errors import (
    BusyError,
    ConflictError,
    InputError,
    LimitError,
    NotFoundError,
    RemoteError,
    UnauthorizedError,
)
from vidgate.model.channel import Login, Transport
from vidgate.model.health import State
from vidgate.model.media import Codec, Frame, Reception, Track
from vidgate.rtp.audio import alaw_decode
from vidgate.rtsp import probe
from vidgate.rtsp.address import RtspAddress
from vidgate.rtsp.source import RtspSource
from vidgate.simulator.coded import Strip, read_strip, tone_of
from vidgate.simulator.faults import FAULTS
from vidgate.simulator.fleet import Fleet
from vidgate.simulator.register import generate, write

CLOCK = SystemClock()
START = b"\x00\x00\x00\x01"


class Recorder:
    """A publisher that keeps everything."""

    def __init__(self) -> None:
        self.tracks: tuple[Track, ...] = ()
        self.frames: list[Frame] = []

    def start(self, tracks: Sequence[Track], *, origin: str = "", cause: str = "") -> None:
        self.tracks = tuple(tracks)

    def missed(self) -> None:
        """Pictures were lost."""

    def received(self, reception: Reception) -> None:
        """Not of interest."""

    def frame(self, frame: Frame) -> None:
        self.frames.append(frame)

    def of(self, codec: Codec) -> list[Frame]:
        return [frame for frame in self.frames if self.tracks[frame.track].codec is codec]


async def record(address: RtspAddress, codec: Codec, count: int) -> Recorder:
    """Pull until so many frames came."""
    recorder = Recorder()
    async with asyncio.TaskGroup() as tasks:
        pull = tasks.create_task(RtspSource(address).run(recorder))
        await until(lambda: recorder.tracks and len(recorder.of(codec)) >= count)
        pull.cancel()
    return recorder


def strips(frames: Sequence[Frame], codec: Literal["h264", "hevc"] = "h264") -> list[Strip | None]:
    """What the pictures say, from the first key frame on."""
    context = av.CodecContext.create(codec, "r")
    first = next(at for at, frame in enumerate(frames) if frame.key)
    packets = [av.Packet(START + START.join(frame.units)) for frame in frames[first:]]
    pictures = [p for packet in (*packets, None) for p in context.decode(packet)]
    return [read_strip(p.to_ndarray()[: p.height].astype(np.uint8)) for p in pictures]


@pytest.mark.parametrize("transport", [Transport.TCP, Transport.UDP])
async def test_pulled_pictures_say_channel_and_frame(fleet: Fleet, transport: Transport) -> None:
    number = next_to_show(fleet)
    recorder = await record(address_of(fleet, number, transport=transport), Codec.H264, 30)
    frames = recorder.of(Codec.H264)
    read = strips(frames)
    assert len(read) >= 10
    assert read[0] is not None
    assert read == [Strip(number, read[0].counter + at) for at in range(len(read))]
    steps = {b.timestamp - a.timestamp for a, b in zip(frames, frames[1:], strict=False)}
    assert steps == {3600}


async def test_sub_stream_says_the_same(fleet: Fleet) -> None:
    number = next_to_show(fleet)
    recorder = await record(address_of(fleet, number, column="sub_url"), Codec.H264, 20)
    read = strips(recorder.of(Codec.H264))
    assert {strip.number for strip in read if strip} == {number}
    assert None not in read


async def test_sound_is_the_channels_tone(fleet: Fleet) -> None:
    recorder = await record(address_of(fleet, 9), Codec.PCMA, 26)
    sound = b"".join(frame.units[0] for frame in recorder.of(Codec.PCMA)[:25])
    spectrum = np.abs(np.fft.rfft(np.array(alaw_decode(sound))))
    assert np.argmax(spectrum) == tone_of(9)  # one second: bins are 1 Hz wide


async def test_a_camera_may_have_an_ipv6_address() -> None:
    rows = generate(2)
    host = rows[0]["url"].split("@")[1].split(":")[0]
    for name in ("url", "sub_url"):
        rows[0][name] = rows[0][name].replace(f"@{host}:", "@[::1]:")
    async with Fleet(rows) as fleet:
        assert f"@[::1]:{fleet.port}/" in fleet.register_rows[0]["url"]
        assert fleet.register_rows[1]["url"] == rows[1]["url"].replace(":10554", f":{fleet.port}")
        for number in (1, 2):
            await probe.describe(address_of(fleet, number), CLOCK)
        recorder = await record(address_of(fleet, 1, transport=Transport.AUTO), Codec.H264, 1)
        assert recorder.frames


async def test_counter_follows_the_fleets_time(fleet: Fleet) -> None:
    recorder = await record(address_of(fleet, next_to_show(fleet)), Codec.H264, 15)
    now = fleet.truth()["uptime"] * 25
    last = strips(recorder.of(Codec.H264))[-1]
    assert last is not None
    assert now - 50 < last.counter <= now


async def test_nobody_watching_costs_nothing(fleet: Fleet) -> None:
    await record(address_of(fleet), Codec.H264, 2)
    await until(lambda: fleet.truth()["connections"] == 0)
    truth = fleet.truth()
    assert truth["streams"] == truth["sessions"] == 0


async def test_truth_counts_what_was_asked(fleet: Fleet) -> None:
    number = next_to_show(fleet)
    await probe.media(address_of(fleet, number), CLOCK)
    await probe.describe(address_of(fleet, number), CLOCK)
    await until(lambda: fleet.truth()["sessions"] == 0)
    channel = fleet.truth()["channels"][id_of(fleet, number)]
    counts = {key: channel[key] for key in ("describes", "setups", "plays", "teardowns")}
    assert counts == {"describes": 2, "setups": 1, "plays": 1, "teardowns": 1}
    assert channel["max_sessions"] == 1
    assert channel["dropped"] == channel["unauthorized"] == 0
    assert channel["condition"] == "up"
    assert sum(other["describes"] for other in fleet.truth()["channels"].values()) == 2


async def test_h265_channels_say_channel_and_frame() -> None:
    rows = generate(1)
    rows[0]["url"] = rows[0]["url"].replace("/h264/", "/h265/")
    async with Fleet(rows) as fleet:
        seen = await probe.media(address_of(fleet), CLOCK)
        recorder = await record(address_of(fleet), Codec.H265, 60)
    read = strips(recorder.of(Codec.H265), "hevc")
    assert read[0] is not None
    assert read == [Strip(1, read[0].counter + at) for at in range(len(read))]
    assert len(read) >= 50
    assert seen.codec is Codec.H265
    assert (seen.width, seen.height) == (704, 576)


async def test_wrong_password_is_refused_and_counted(fleet: Fleet) -> None:
    right = address_of(fleet)
    wrong = RtspAddress(url=right.url, login=Login("viewer", "not it"))
    with pytest.raises(UnauthorizedError):
        await probe.describe(wrong, CLOCK)
    channel = fleet.truth()["channels"][id_of(fleet)]
    assert channel["unauthorized"] == channel["describes"] == 1


async def verdict(fleet: Fleet, level: str) -> State:
    """The state that a probe of the first camera finds."""
    address = RtspAddress(
        url=address_of(fleet).url,
        login=address_of(fleet).login,
        request_timeout=0.3,
        stall_timeout=0.3,
        transport=Transport.TCP,
    )
    try:
        await getattr(probe, level)(address, CLOCK)
    except UnauthorizedError:
        return State.UNAUTHORIZED
    except BusyError:
        return State.BUSY
    except RemoteError as error:
        # A short stall timeout may end before the camera's key frame comes.
        return State.UP if error.reason == "no_key_frame" else State.DOWN
    return State.UP if level == "media" else State.REACHABLE


@pytest.mark.parametrize("name", ["down", "401", "busy", "stalled", "frozen", "silent", "missing"])
async def test_faults_look_as_the_truth_tells(fleet: Fleet, name: str) -> None:
    fault = FAULTS[name]
    fleet.set_fault(id_of(fleet), name)
    assert await verdict(fleet, "describe") is fault.describe.state
    assert await verdict(fleet, "media") is fault.media.state
    channel = fleet.truth()["channels"][id_of(fleet)]
    assert channel["condition"] == (fault.condition or name)
    assert channel["expect"]["media"] == fault.media.state.label
    assert channel["reasons"]["media"] == fault.media.reason.value
    assert 1 <= channel["describes"] <= 2
    fleet.clear_fault(id_of(fleet))
    assert await verdict(fleet, "describe") is State.REACHABLE


async def test_frozen_pictures_stand_still(fleet: Fleet) -> None:
    number = next_to_show(fleet)
    fleet.set_fault(id_of(fleet, number), "frozen")
    shown = strips((await record(address_of(fleet, number), Codec.H264, 20)).of(Codec.H264))
    assert len(shown) > 5
    assert len(set(shown)) == 1


async def test_a_camera_that_goes_down_cuts_its_viewers(fleet: Fleet) -> None:
    recorder = Recorder()
    async with asyncio.TaskGroup() as tasks:
        pull = tasks.create_task(failure_of(RtspSource(address_of(fleet)), recorder))
        await until(lambda: recorder.frames)
        fleet.set_fault(id_of(fleet), "down")
        assert (await pull).reason == "unreachable"
    channel = fleet.truth()["channels"][id_of(fleet)]
    assert channel["sessions"] == 0
    assert channel["dropped"] == 1


async def failure_of(source: RtspSource, recorder: Recorder) -> RemoteError:
    try:
        await source.run(recorder)
    except RemoteError as error:
        return error
    raise AssertionError("the source ended without an error")


async def test_sessions_are_capped_and_given_back() -> None:
    async with small_fleet(1, host_sessions=1) as fleet:
        host = fleet.register_rows[0]["url"].split("@")[1].split(":")[0]
        recorder = Recorder()
        async with asyncio.TaskGroup() as tasks:
            pull = tasks.create_task(RtspSource(address_of(fleet)).run(recorder))
            await until(lambda: recorder.frames)
            with pytest.raises(BusyError):
                await probe.media(address_of(fleet), CLOCK)
            pull.cancel()
        await until(lambda: fleet.truth()["hosts"][host]["sessions"] == 0)
        await probe.media(address_of(fleet), CLOCK)
        truth = fleet.truth()
        counts = {"sessions": 0, "max_sessions": 1, "taken": 2, "refused": 1}
        assert counts.items() <= truth["hosts"][host].items()
        assert truth["channels"][id_of(fleet)]["refused"] == 1


async def test_planned_faults_come_and_go(fleet: Fleet) -> None:
    id_ = id_of(fleet)
    soon = fleet.truth()["uptime"] + 0.05
    fleet.set_fault(id_, "busy", soon, soon + 0.05)
    assert fleet.cameras[id_].fault is None
    await until(lambda: fleet.cameras[id_].fault is FAULTS["busy"])
    await until(lambda: fleet.cameras[id_].fault is None)
    assert fleet.planned == []


async def test_clearing_forgets_what_is_planned(fleet: Fleet) -> None:
    fleet.set_fault(id_of(fleet), "busy", 3600)
    fleet.clear_fault(id_of(fleet))
    assert fleet.planned == []


async def test_silent_sessions_time_out() -> None:
    async with small_fleet(1, session_timeout=0.2) as fleet, plain_client(fleet) as client:
        assert (await client.ask("DESCRIBE")).status == 200
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await client.response()


async def test_delay_keeps_the_order_of_answers() -> None:
    async with small_fleet(1, delay=(0.02, 0.03)) as fleet, plain_client(fleet) as client:
        for cseq in range(3):
            request = f"OPTIONS {client.url} RTSP/1.0\r\nCSeq: {cseq}\r\n\r\n"
            client.writer.write(request.encode())
        answers = [await client.response() for _ in range(3)]
        assert [answer.headers.get("CSeq") for answer in answers] == ["0", "1", "2"]


async def test_the_registers_own_port_is_taken(tmp_path: Path) -> None:
    async with small_fleet(1) as other:
        taken = other.port
        file = tmp_path / "register.csv"
        await asyncio.to_thread(write, generate(3, port=taken), file)
        with pytest.raises(ConflictError, match=str(taken)):
            await Fleet(file, port=None).__aenter__()
    async with Fleet(file, port=None) as fleet:
        assert fleet.port == taken
        assert fleet.register_rows == generate(3, port=taken)


async def test_registers_that_cannot_be_served_are_refused() -> None:
    rows = generate(2)
    with pytest.raises(InputError, match="there twice"):
        await Fleet([rows[0], rows[0]]).__aenter__()
    other = {**rows[1], "url": rows[1]["url"].replace(":10554", ":10555")}
    with pytest.raises(InputError, match="2 ports"):
        await Fleet([rows[0], other], port=None).__aenter__()
    with pytest.raises(InputError, match="profile"):
        small_fleet(1, profile="other")


async def test_unknown_channels_and_faults_are_named(fleet: Fleet) -> None:
    with pytest.raises(NotFoundError, match="nobody"):
        fleet.set_fault("nobody", "down")
    with pytest.raises(InputError, match="on fire"):
        fleet.set_fault(id_of(fleet), "on fire")


async def test_too_few_descriptors_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (100, 100))
    with pytest.raises(LimitError, match="open files"):
        await small_fleet(4).__aenter__()


async def test_load_profile_has_one_slice_a_picture() -> None:
    async with small_fleet(1, profile="load", bitrate=1_000_000) as fleet:
        recorder = await record(address_of(fleet), Codec.H264, 5)
    slices = [[u for u in frame.units if u[0] & 31 in (1, 5)] for frame in recorder.of(Codec.H264)]
    assert {len(units) for units in slices} == {1}
