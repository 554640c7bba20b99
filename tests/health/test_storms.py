"""What a city's bad day does to the probing: reliability.md F2, F3, F6, F11, F12 and F15."""

import asyncio
from collections import Counter, defaultdict

import pytest

from tests.health.storms import Model, Run, register_of, watching
from tests.virtual import VirtualClock
from vidgate.health.service import HealthService
from vidgate.model.channel import Login
from vidgate.model.health import Level, Reason, State

SETTLED = 300.0  # seconds until all were looked at, and their picture too
PERIOD = 60.0
PACE = 80


def healthy(*_: object) -> Reason:
    return Reason.OK


def states(health: HealthService) -> Counter[str]:
    return Counter(one.state.label for one in health.health.values())


def told(model: Model, since: float) -> Counter[str]:
    """Changes of state that were told, by channel."""
    return Counter(event.object for at, event in model.events if at >= since)


@pytest.mark.parametrize("reason", [Reason.UNREACHABLE, Reason.TIMEOUT])
def test_f2_a_fifth_of_the_fleet_flaps(run: Run, reason: Reason) -> None:
    async def main(clock: VirtualClock) -> None:
        register = register_of(20, 12, 15)
        flapping = set(list(register.channels)[::5])
        phase = {id_: 60 * (at * 29 % 101) / 101 for at, id_ in enumerate(flapping)}
        begun = [float("inf")]

        def condition(id_: str, now: float, _: Level) -> Reason:
            away = now >= begun[0] and id_ in phase and (now + phase[id_]) % 60 < 30
            return reason if away else Reason.OK

        async with watching(clock, register, condition) as (model, health):
            await asyncio.sleep(SETTLED)
            calm = clock.now()
            await asyncio.sleep(900)
            begun[0] = clock.now()
            await asyncio.sleep(1800)
            normal = sum(model.connects(calm, begun[0]).values()) / 900
            stormy = sum(model.connects(begun[0], clock.now()).values()) / 1800
            assert stormy <= 1.2 * normal
            changes = told(model, begun[0])
            assert changes.keys() <= flapping
            assert max(changes.values()) <= 30  # one a minute
            assert {health.of(id_).state for id_ in register.channels if id_ not in flapping} == {
                State.UP
            }

    run(main)


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_f3_everything_goes_and_comes_back(run: Run) -> None:
    async def main(clock: VirtualClock) -> None:
        register = register_of(235, 12, 209)
        is_out = False

        def condition(*_: object) -> Reason:
            return Reason.TIMEOUT if is_out else Reason.OK

        async with watching(clock, register, condition) as (model, health):
            await asyncio.sleep(120)
            is_out = True
            await asyncio.sleep(300)
            assert states(health) == {"down": 2743}
            is_out, back = False, clock.now()
            await asyncio.sleep(120)
            assert states(health) == {"up": 2743}
            assert max(model.connects(back, clock.now()).values()) <= PACE + 1

    run(main)


def test_f6_cameras_that_take_the_whole_deadline_delay_nobody(run: Run) -> None:
    async def main(clock: VirtualClock) -> None:
        register = register_of(60, 12, 20)
        slow = set(list(register.channels)[::9])

        def condition(id_: str, *_: object) -> Reason:
            return Reason.TIMEOUT if id_ in slow else Reason.OK

        async with watching(clock, register, condition) as (model, health):
            await asyncio.sleep(SETTLED)
            await asyncio.sleep(600)
            looks: defaultdict[str, list[float]] = defaultdict(list)
            for at, id_, _ in model.asked:
                looks[id_].append(at)
            gaps = {
                id_: max(b - a for a, b in zip(times, times[1:], strict=False))
                for id_, times in looks.items()
            }
            assert max(gaps.values()) <= 1.5 * PERIOD
            assert {health.of(id_).state for id_ in slow} == {State.DOWN}

    run(main)


def test_a_platform_that_times_out_is_known_before_the_round_of_its_looks_is_through(
    run: Run,
) -> None:
    """Each look takes its whole deadline; what is in doubt is looked at again first."""

    async def main(clock: VirtualClock) -> None:
        register = register_of(0, 1, 800)
        since = [float("inf")]

        def condition(_id: str, now: float, _level: Level) -> Reason:
            return Reason.TIMEOUT if now >= since[0] else Reason.OK

        async with watching(clock, register, condition) as (_, health):
            await asyncio.sleep(SETTLED)
            since[0] = clock.now()
            await asyncio.sleep(30)
            assert states(health)["down"] >= 16

    run(main)


def test_f11_a_rotated_password_is_tried_twice_an_hour_at_most(run: Run) -> None:
    async def main(clock: VirtualClock) -> None:
        register = register_of(100, 10, 50)
        rotated = set(list(register.channels)[:500])
        since = [float("inf")]

        def condition(id_: str, now: float, _: Level) -> Reason:
            return Reason.UNAUTHORIZED if id_ in rotated and now >= since[0] else Reason.OK

        async with watching(clock, register, condition) as (model, health):
            await asyncio.sleep(120)
            since[0] = clock.now()
            for _ in range(6):  # and engineers sweep all of it, every ten minutes
                await asyncio.sleep(600)
                async for _result in health.run(list(register.channels), Level.DESCRIBE):
                    pass
            tries: defaultdict[str, list[float]] = defaultdict(list)
            for at, id_, _ in model.asked:
                if at >= since[0] and id_ in rotated:
                    tries[id_].append(at)
            assert len(tries) == 500
            for times in tries.values():  # never three within an hour, wherever it begins
                assert all(c - a >= 3600 for a, c in zip(times, times[2:], strict=False))
            assert {health.of(id_).state for id_ in rotated} == {State.UNAUTHORIZED}

            since[0] = float("inf")  # the new password is entered
            for id_ in rotated:
                register.known[id_] = Login("viewer", "new")
            model.bus.publish("register.changed", "", {})
            await asyncio.sleep(120)
            assert states(health) == {"up": 600}

    run(main)


@pytest.mark.parametrize("level", [Level.DESCRIBE, Level.MEDIA])
def test_f12_busy_is_not_offline_and_is_left_in_peace(run: Run, level: Level) -> None:
    async def main(clock: VirtualClock) -> None:
        register = register_of(20, 4, 10)
        busy = set(list(register.channels)[::2])
        since = [float("inf")]

        def condition(id_: str, now: float, depth: Level) -> Reason:
            is_busy = id_ in busy and now >= since[0] and depth >= level
            return Reason.BUSY if is_busy else Reason.OK

        async with watching(clock, register, condition, media_period=60.0) as (model, health):
            await asyncio.sleep(SETTLED)
            since[0] = clock.now()
            await asyncio.sleep(1800)
            refused: dict[str, float] = {}
            for at, id_, depth in model.asked:
                if at < since[0] or id_ not in busy or depth < level:
                    continue
                assert at - refused.get(id_, 0.0) >= 30, id_
                refused[id_] = at
            assert refused
            assert not any(event.data["state"] == "down" for _, event in model.events)
            asked = {id_ for id_ in busy if id_ in refused}
            assert {health.of(id_).state for id_ in asked} == {State.BUSY}

    run(main)


@pytest.mark.parametrize("step", [3600.0, -3600.0, 315_360_000.0])
def test_f15_a_stepped_wall_clock_is_no_outage(run: Run, step: float) -> None:
    async def main(clock: VirtualClock) -> None:
        register = register_of(20, 4, 10)
        async with watching(clock, register, healthy) as (model, health):
            await asyncio.sleep(SETTLED)
            before = clock.now()
            clock.step += step
            await asyncio.sleep(300)
            assert states(health) == {"up": 60}
            assert told(model, before) == {}
            normal = model.connects(before - 180, before)
            assert max(model.connects(before, clock.now()).values()) <= max(normal.values()) + 4

    run(main)
