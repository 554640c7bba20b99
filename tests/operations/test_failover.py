"""Two cameras of one place: when the watched one breaks, the other one shows it."""

import asyncio
from pathlib import Path

from tests.operations.test_sources import CLOCK, Bench, running
from tests.waiting import until
from vidgate.health.live import LiveJudge
from vidgate.model.channel import Channel
from vidgate.model.event import Event
from vidgate.model.media import StreamKey, StreamState


async def two(bench: Bench) -> tuple[Channel, Channel]:
    """A watched channel and another of its point; a third one elsewhere."""
    rows = bench.fleet.register_rows
    one = await bench.add(1, url=rows[0]["url"], point="p1")
    other = await bench.add(2, url=rows[1]["url"], point="p1")
    await bench.add(3, url=rows[2]["url"], point="p2")
    return one, other


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
            await until(lambda: stream.origin == one.id and stream.state is StreamState.LIVE)
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
