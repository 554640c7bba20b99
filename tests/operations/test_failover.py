"""Two cameras of one place: when the watched one breaks, the other one shows it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.media.fakes import FakeSource, picture
from tests.operations.test_sources import CLOCK, Bench, running
from tests.waiting import until
from vidgate.aio.bus import Bus
from vidgate.errors import (
    DeniedAddressError,
    HeldBackError,
    LimitError,
    NoAddressError,
    NoMediaError,
    VidgateError,
)
from vidgate.health.live import LiveJudge
from vidgate.media.reader import Reader
from vidgate.model.channel import Channel
from vidgate.model.event import Event
from vidgate.model.health import Level, ProbeResult, Reason
from vidgate.model.media import Codec, Frame, Reception, StreamKey, StreamState, Track
from vidgate.operations.failover import Failover


async def two(bench: Bench) -> tuple[Channel, Channel]:
    """A watched channel and another of its point; a third one elsewhere."""
    rows = bench.fleet.register_rows
    one = await bench.add(1, url=rows[0]["url"], point="p1")
    other = await bench.add(2, url=rows[1]["url"], point="p1")
    await bench.add(3, url=rows[2]["url"], point="p2")
    return one, other


async def returned(bench: Bench, reader: Reader, id_: str) -> list[str]:
    """Read until the channel's own pictures have come for a while; what was told of the stream.

    No two pictures are further apart than a key frame takes that is under way already.
    """
    told: list[str] = []

    async def hear() -> None:
        async with bench.bus.subscribe(["stream.state"]) as events:
            while True:
                told.append(str((await anext(aiter(events))).data["state"]))

    async with asyncio.TaskGroup() as group:
        hearing = group.create_task(hear())
        while len(reader.mailbox):
            await reader.get()
        last, own = (await reader.get()), 0
        while own < 50:
            frame = await reader.get()
            assert frame.received - last.received < 0.5
            assert frame.timestamp >= last.timestamp or frame.track != last.track
            own += reader.stream.origin == id_
            last = frame
        hearing.cancel()
    return told


def plays(bench: Bench, channel: Channel) -> int:
    count: int = bench.fleet.truth()["channels"][channel.id]["plays"]
    return count


async def test_a_stream_is_switched_and_taken_back(tmp_path: Path) -> None:
    told: list[Event] = []
    async with running(tmp_path) as bench, asyncio.TaskGroup() as group:
        one, other = await two(bench)

        async def hear() -> None:
            async with bench.bus.subscribe(["stream.source"]) as events:
                while True:
                    told.append(await anext(aiter(events)))

        hearing = group.create_task(hear())
        judge = LiveJudge(bench.hub)
        async with bench.hub.read(StreamKey(one.id)) as reader:
            stream = reader.stream
            await reader.get()
            assert (stream.origin, stream.cause) == (one.id, "")
            await until(lambda: judge.sight(one.id, CLOCK.now()))
            bench.fleet.set_fault(one.id, "down")
            await until(lambda: stream.origin == other.id and stream.state is StreamState.LIVE)
            assert stream.cause in {"unreachable", "no_media", "timeout"}
            # What the other one shows is no proof of this one.
            assert judge.sight(one.id, CLOCK.now()) is None
            assert not judge.is_watched(one.id)
            assert judge.trouble(one.id, CLOCK.now()) is None
            bench.fleet.clear_fault(one.id)
            states = await returned(bench, reader, one.id)
            assert states == []  # nobody is told of a trouble, for there is none
        hearing.cancel()
    seen = [(event.object, event.data["source"], event.data["before"]) for event in told]
    assert seen == [(one.id, other.id, one.id), (one.id, one.id, other.id)]
    assert told[0].data["reason"] in {"unreachable", "no_media", "timeout"}
    assert told[1].data["reason"] == "back"


async def test_a_cold_viewer_of_a_dead_camera_sees_the_place_at_once(tmp_path: Path) -> None:
    async with running(tmp_path) as bench:
        one, other = await two(bench)
        bench.fleet.set_fault(one.id, "down")
        await bench.show(one)
        assert plays(bench, other) == 1


async def test_a_refused_camera_is_not_asked_again_while_another_stands_in(tmp_path: Path) -> None:
    async with running(tmp_path) as bench:
        one, other = await two(bench)
        bench.fleet.set_fault(one.id, "unauthorized")
        async with bench.hub.read(StreamKey(one.id)) as reader:
            await reader.get()
            truth = bench.fleet.truth()["channels"][one.id]
            for _ in range(15):
                await reader.get()
            assert reader.stream.origin == other.id
            assert bench.fleet.truth()["channels"][one.id]["unauthorized"] == truth["unauthorized"]


async def test_where_nobody_has_a_picture_the_retries_go_on(tmp_path: Path) -> None:
    async with running(tmp_path) as bench:
        one, other = await two(bench)
        bench.fleet.set_fault(one.id, "unauthorized")
        bench.fleet.set_fault(other.id, "down")
        async with bench.hub.read(StreamKey(one.id)) as reader:
            await until(lambda: reader.stream.state is StreamState.RETRYING)
            await until(lambda: reader.stream.attempt >= 3)
            asked = bench.fleet.truth()["channels"][one.id]["unauthorized"]
            assert asked == 1  # a second wrong password would lock the account
            bench.fleet.clear_fault(other.id)
            await until(lambda: reader.stream.state is StreamState.LIVE)
            assert reader.stream.origin == other.id


async def test_only_counted_channels_of_the_same_point_stand_in(tmp_path: Path) -> None:
    async with running(tmp_path) as bench:
        one, other = await two(bench)
        await bench.registry.set(other.id, {"enabled": "否"}, "test")
        bench.fleet.set_fault(one.id, "down")
        async with bench.hub.read(StreamKey(one.id)) as reader:
            await until(lambda: reader.stream.state is StreamState.RETRYING)
        assert plays(bench, other) == 0


async def test_a_place_is_seen_though_the_watched_channel_leads_nowhere(tmp_path: Path) -> None:
    async with running(tmp_path) as bench:
        one = await bench.add(1, lifecycle="planned", point="p1")
        other = await bench.add(2, url=bench.fleet.register_rows[1]["url"], point="p1")
        await bench.show(one)
        assert plays(bench, other) == 1


class Fed:
    """A publisher that keeps who fed it."""

    def __init__(self) -> None:
        self.origins: list[str] = []
        self.sizes: list[int] = []

    def start(self, tracks: Sequence[Track], *, origin: str = "", cause: str = "") -> None:
        assert [track.codec for track in tracks] == [Codec.H264, Codec.PCMA]
        self.origins.append(origin)

    def missed(self) -> None:
        """Pictures were lost."""

    def received(self, reception: Reception) -> None:
        """Not of interest."""

    def frame(self, frame: Frame) -> None:
        self.sizes.append(frame.size)


class Point:
    """Two cameras of one point, each doing what the test tells it, and a prober that sees both."""

    def __init__(self) -> None:
        self.own, self.other = Channel(id="own", name="own"), Channel(id="other", name="other")
        self.sources = {"own": FakeSource(), "other": FakeSource()}
        self.book = Failover(Bus(), check=0.01)
        self.fed = Fed()

    async def look(self, channel: Channel, level: Level) -> ProbeResult:
        return ProbeResult(channel=channel.id, asked=level, level=level, reason=Reason.OK, t0=0.0)

    async def run(self) -> None:
        """One run of the stream's source."""
        source = self.book.source(
            StreamKey("own"),
            [self.own, self.other],
            lambda one: self.sources[one.id],
            self.look,
        )
        await source.run(self.fed)

    def say(self, id_: str, *items: Frame | Exception) -> None:
        for item in items:
            self.sources[id_].script.put_nowait(item)


async def test_the_own_camera_takes_over_with_its_first_key_frame() -> None:
    point = Point()
    point.say("own", NoMediaError("dead"))
    point.say("other", picture(0, key=True, size=11))
    async with asyncio.TaskGroup() as group:
        running_ = group.create_task(point.run())
        await until(lambda: point.sources["own"].runs == 2)
        point.say("own", picture(7, size=20))  # nobody could show it
        point.say("other", picture(1, size=12))
        await until(lambda: point.fed.sizes == [11, 12])
        assert point.fed.origins == ["other"]
        point.say("own", picture(8, key=True, size=21), picture(9, size=22))
        await until(lambda: point.fed.sizes == [11, 12, 21, 22])
        assert point.fed.origins == ["other", "own"]
        await until(lambda: not point.sources["other"].running)
        running_.cancel()


async def test_a_picture_that_does_not_come_leaves_the_stand_in() -> None:
    point = Point()
    point.say("own", NoMediaError("dead"), NoMediaError("dead again"))
    point.say("other", picture(0, key=True, size=11))
    async with asyncio.TaskGroup() as group:
        running_ = group.create_task(point.run())
        await until(lambda: point.sources["own"].runs >= 3)
        point.say("other", picture(1, size=12))
        await until(lambda: point.fed.sizes == [11, 12])
        assert point.fed.origins == ["other"]
        running_.cancel()


@pytest.mark.parametrize("error", [HeldBackError("not now"), LimitError("no descriptors")])
async def test_who_could_not_be_called_costs_the_stand_in_nothing(error: VidgateError) -> None:
    """Nor is it given up: a refused login is tried again when its hour is over."""
    point = Point()
    point.say("own", error, error)
    point.say("other", picture(0, key=True, size=11))
    async with asyncio.TaskGroup() as group:
        running_ = group.create_task(point.run())
        await until(lambda: point.sources["own"].runs >= 3)
        assert point.fed.origins == ["other"]
        point.say("own", picture(8, key=True, size=21))
        await until(lambda: point.fed.sizes == [11, 21])
        running_.cancel()


@pytest.mark.parametrize("error", [HeldBackError("not now"), DeniedAddressError("not there")])
async def test_what_keeps_the_stand_in_is_told_of_a_channel_without_address(
    error: VidgateError,
) -> None:
    """It is tried again in time; that there is no address would be the last word."""
    point = Point()
    point.say("own", NoAddressError("nowhere"))
    point.say("other", error)
    with pytest.raises(type(error)):
        await point.run()


async def test_who_has_come_back_and_breaks_again_is_tried_last() -> None:
    point = Point()
    point.say("own", NoMediaError("dead"))
    point.say("other", picture(0, key=True))

    async def come_back_and_break() -> None:
        await until(lambda: point.sources["own"].runs == 2)
        point.say("own", picture(1, key=True), NoMediaError("broken"))

    async with asyncio.TaskGroup() as group:
        group.create_task(come_back_and_break())
        with pytest.raises(NoMediaError, match="broken"):
            await point.run()
    order = point.book.order(StreamKey("own"), [point.own, point.other])
    assert [one.id for one in order] == ["other", "own"]
