"""A platform that leads elsewhere moves its channels: what follows, and what does not."""

import asyncio
from collections import Counter
from dataclasses import replace

import pytest

from tests.health.test_service import World, channel, comes, key_frame, watched
from tests.waiting import until
from vidgate.health.service import CHUNK
from vidgate.model.channel import Channel, Platform
from vidgate.model.health import Level, Reason, State
from vidgate.model.media import StreamKey, StreamState

TEMPLATE = "rtsp://10.0.0.{}/{{id}}"
FLEET = 2264
SOON = 6  # seconds: two until it is asked, and a look for the picture after that


def bare(id_: str = "a", **fields: object) -> Channel:
    """A channel whose address its platform makes."""
    return Channel(id=id_, name=id_, platform="p", **fields)  # type: ignore[arg-type]


def platform(host: int, **fields: object) -> Platform:
    """The platform, which leads to that host."""
    options = {"main": TEMPLATE.format(host)}
    return Platform(id="p", resolver="template", options=options, **fields)  # type: ignore[arg-type]


def moving(*channels: Channel, enabled: bool = True) -> World:
    """A world whose platform makes addresses."""
    world = World(*channels, enabled=enabled)
    world.register.platforms["p"] = platform(1)
    return world


async def edit(world: World, changed: Platform) -> None:
    """Somebody edits the platform, and the service has heard it."""
    world.register.platforms["p"] = changed
    world.bus.publish("platform.changed", "p", {})
    await world.told()


async def test_a_platform_that_leads_elsewhere_takes_the_proofs_with_it() -> None:
    world = moving(bare("a"), channel("own", platform="p"), channel("other"))
    async with world.running():
        await world.passes(70, lambda: {world.state(id_) for id_ in ["a", "own"]} == {State.UP})
        await world.passes(70, lambda: world.state("other") is State.UP)
        world.prober.answers |= dict.fromkeys(("a", "own", "other"), Reason.NO_MEDIA)
        world.prober.reached |= dict.fromkeys(("a", "own", "other"), Level.DESCRIBE)
        await edit(world, platform(2))
        assert world.state() is State.UNKNOWN
        assert world.service.of("a").media_seen is None
        await world.passes(SOON, lambda: world.state() is State.DOWN)
        assert world.state("own") is world.state("other") is State.UP
    assert world.states_told() == ["reachable", "up", "unknown", "down"]


async def test_what_does_not_say_where_a_channel_is_changes_nothing() -> None:
    world = moving(bare())
    async with world.running():
        await world.passes(70, lambda: world.state() is State.UP)
        plan = world.service._scheduler.plans["a"]
        await edit(world, platform(1, name="other", slots=9, describe_parallel=3, quota=1))
        assert world.service._scheduler.plans["a"] is plan
    assert world.states_told() == ["reachable", "up"]


@pytest.mark.parametrize(
    ("reason", "level"),
    [(Reason.NO_ADDRESS, Level.NONE), (Reason.NO_MEDIA, Level.DESCRIBE)],
)
async def test_an_address_put_right_is_asked_at_once(reason: Reason, level: Level) -> None:
    """However long the pause has grown by then."""
    world = moving(bare())
    world.prober.answers["a"], world.prober.reached["a"] = reason, level
    async with world.running():
        await world.passes(70, lambda: world.service.of("a").last is not None)
        for _ in range(9):
            plan, asked = world.service._scheduler.plans["a"], len(world.prober.asked)
            world.clock.advance(max(0.0, plan.due - world.clock.now()))
            world.service._scheduler.wake()
            await until(lambda count=asked: len(world.prober.asked) > count)  # type: ignore[misc]
        world.prober.answers.clear()
        world.prober.reached.clear()
        await edit(world, platform(2))
        await world.passes(SOON, lambda: world.state() is State.UP)


async def test_a_move_in_maintenance_is_seen_when_that_is_over() -> None:
    world = moving(bare(), bare("off", enabled=False))
    async with world.running():
        await world.passes(70, lambda: world.state() is State.UP)
        world.maintained.add("a")
        await world.service.age()
        before = world.service.of("a")
        world.clock.advance(100.0)
        await edit(world, platform(2))
        assert world.state("off") is State.DISABLED
        after = world.service.of("a")
        assert (after.state, after.since) == (State.MAINTENANCE, before.since)
        assert (after.last, after.last_frame) == (None, None)
    assert world.states_told()[2:] == ["maintenance"]


async def test_a_whole_fleet_moves_in_steps_at_its_pace_and_nobody_is_called_down() -> None:
    world = moving(*(bare(f"c{n}") for n in range(FLEET)))
    async with world.running():
        everybody = world.service.health.values
        ids = list(world.service.health)
        await world.probe(*ids)
        assert Counter(one.state for one in everybody()) == {State.UP: FLEET}
        told, asked = len(world.store.transitions), len(world.prober.asked)
        world.register.platforms["p"] = platform(2)
        world.bus.publish("platform.changed", "p", {})
        most = before = 0
        for _ in range(200):
            await asyncio.sleep(0)
            moved = sum(one.state is State.UNKNOWN for one in everybody())
            most, before = max(most, moved - before), moved
        assert Counter(one.state for one in everybody()) == {State.UNKNOWN: FLEET}
        assert most <= CHUNK, "others have their turn in between"
        pace = world.settings.connects_per_second
        for second in range(1, 8):
            world.clock.advance(1.0)
            world.service._scheduler.wake()
            for _ in range(300):
                await asyncio.sleep(0)
            assert len(world.prober.asked) - asked <= (second + 1) * pace
        assert len(world.prober.asked) > asked
    since = world.store.transitions[told:]
    assert State.DOWN not in {one.after for one in since}


async def test_a_picture_from_the_old_address_proves_nothing_of_the_new_one() -> None:
    world = moving(bare())
    async with watched(world):
        old = {StreamKey("a")}
        world.hub.is_outdated = lambda key: key in old
        await comes(world, key_frame(world), StreamState.LIVE)
        assert world.state() is State.UP
        await edit(world, platform(2))
        world.clock.advance(1.0)
        world.service.look_at_streams()
        assert world.state() is State.UNKNOWN
        old.clear()
        await world.hub.forget("a")  # as whoever renews streams does
        await until(lambda: world.camera.sources[StreamKey("a")].running)
        await comes(world, key_frame(world), StreamState.LIVE)
        assert world.state() is State.UP


async def test_a_credential_said_again_is_tried_also_by_who_gets_it_by_a_pattern() -> None:
    world = moving(replace(bare(), credential=""))
    world.register.fitting["a"] = "net"
    world.prober.answers["a"] = Reason.UNAUTHORIZED
    async with world.running():
        await world.passes(70, lambda: world.state() is State.UNAUTHORIZED)
        del world.prober.answers["a"]
        world.bus.publish("credential.changed", "net")
        await until(lambda: world.state() is State.UNKNOWN)
        await world.passes(SOON, lambda: world.state() is State.UP)
