"""People hold sessions of a platform, all or most of them: what becomes of the looks meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from tests.health.polite import EACH, SLOTS, Fleet, at_work
from tests.health.storms import Run
from tests.virtual import VirtualClock
from vidgate.aio.limits import Priority
from vidgate.health.limits import PlatformSlots
from vidgate.health.service import HealthService
from vidgate.model.health import Level, Reason, State
from vidgate.settings.tree import ProbeSettings

HOUR = 3600.0
DETECTED = 75.0


@asynccontextmanager
async def watching(fleet: Fleet, slots: PlatformSlots, sessions: int) -> AsyncIterator[None]:
    """So many people watch channels of the platform."""
    (place,) = fleet.places.values()
    one = next(iter(fleet.register.channels.values()))
    async with AsyncExitStack() as people:
        for _ in range(sessions):
            await people.enter_async_context(slots.hold(one, Priority.OPERATOR))
            place.take()
        yield
        for _ in range(sessions):
            place.give_back()


def longest_gap(fleet: Fleet, since: float, until: float) -> float:
    """The most seconds that passed between two calls of one camera."""
    longest = 0.0
    for called in fleet.called.values():
        moments = [since, *(at for at in called if since < at < until), until]
        longest = max(longest, *(b - a for a, b in zip(moments, moments[1:], strict=False)))
    return longest


def with_state(health: HealthService, state: State) -> set[str]:
    """Addresses of the channels in it."""
    return {f"rtsp://p0/{id_}" for id_, one in health.health.items() if one.state is state}


@pytest.mark.parametrize("held", [SLOTS, SLOTS - 1])
def test_describes_keep_their_period_and_the_dead_are_found(run: Run, held: int) -> None:
    async def main(clock: VirtualClock) -> None:
        settings = ProbeSettings()
        async with at_work(clock, 1, settings) as (fleet, health, slots):
            await asyncio.sleep(300)
            assert len(with_state(health, State.UP)) == EACH
            async with watching(fleet, slots, held):
                began = clock.now()
                await asyncio.sleep(HOUR)  # every picture has been due twice
                assert longest_gap(fleet, began, clock.now()) <= settings.describe_period + 2.0
                fleet.dead = set(list(fleet.called)[::20])
                await asyncio.sleep(DETECTED)
                assert with_state(health, State.DOWN) == fleet.dead
                fleet.dead = set()
                await asyncio.sleep(2 * settings.describe_period)
                assert not with_state(health, State.DOWN)
            (place,) = fleet.places.values()
            assert place.max_sessions <= SLOTS
            fleet.count_anew()
            await asyncio.sleep(EACH * 4.0 / SLOTS + 30.0)  # their pictures, as fast as they go
            assert len(with_state(health, State.UP)) == EACH
            assert fleet.peak <= 80

    run(main)


def test_with_one_session_left_every_picture_is_seen_in_its_time(run: Run) -> None:
    async def main(clock: VirtualClock) -> None:
        async with at_work(clock, 1, ProbeSettings()) as (fleet, health, slots):
            await asyncio.sleep(300)
            async with watching(fleet, slots, SLOTS - 1):
                for _ in range(90):
                    await asyncio.sleep(60.0)
                    assert len(with_state(health, State.UP)) == EACH

    run(main)


def test_a_person_who_only_wants_a_describe_waits_for_no_session(run: Run) -> None:
    async def main(clock: VirtualClock) -> None:
        async with at_work(clock, 1, ProbeSettings()) as (fleet, health, slots):
            await asyncio.sleep(300)
            async with watching(fleet, slots, SLOTS):
                await asyncio.sleep(HOUR)
                ids, asked = list(health.health), clock.now()
                results = [one async for one in health.run(ids, Level.DESCRIBE)]
                assert {one.reason for one in results} == {Reason.OK}
                assert clock.now() - asked < 5.0

    run(main)


def test_who_holds_sessions_is_counted_in_what_the_platform_needs(run: Run) -> None:
    async def main(clock: VirtualClock) -> None:
        async with at_work(clock, 1, ProbeSettings()) as (fleet, health, slots):
            await asyncio.sleep(300)
            demand = health.demands.by_platform["p0"]
            assert (demand.held, demand.is_short) == (0, False)
            async with watching(fleet, slots, SLOTS):
                await health.age()
                demand = health.demands.by_platform["p0"]
                assert (demand.held, demand.is_stretched, demand.is_short) == (SLOTS, False, True)
                assert demand.total > SLOTS
            async with watching(fleet, slots, SLOTS // 2):
                await health.age()
                assert not health.demands.by_platform["p0"].is_short

    run(main)


def test_looks_that_wait_for_a_describe_come_at_the_pace_too(run: Run) -> None:
    async def main(clock: VirtualClock) -> None:
        settings = ProbeSettings(connects_per_second=10)
        async with at_work(clock, 4, settings) as (fleet, health, slots):
            await asyncio.sleep(300)
            async with AsyncExitStack() as people:
                for place, slot in fleet.places.items():
                    one = next(c for c in fleet.register.channels.values() if c.platform == place)
                    for _ in range(SLOTS):
                        await people.enter_async_context(slots.hold(one, Priority.OPERATOR))
                        slot.take()
                await asyncio.sleep(HOUR)
                fleet.dead = set(fleet.called)
                await asyncio.sleep(120)
                fleet.count_anew()
                for slot in fleet.places.values():
                    for _ in range(SLOTS):
                        slot.give_back()
            await asyncio.sleep(300)
            assert fleet.peak <= 10

    run(main)
