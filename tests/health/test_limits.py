"""A platform's sessions: shared, never exceeded, operators first."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from tests.health.fakes import FakeRegister
from tests.media.fakes import FakeSource
from tests.waiting import until
from vidgate.aio.limits import Preempted, Priority
from vidgate.errors import SessionsTakenError
from vidgate.health.limits import PlatformSlots
from vidgate.media.source import Publisher
from vidgate.model.channel import Channel, Platform

CHANNEL = Channel(id="c", name="c", platform="p")


def slots(capacity: int) -> tuple[PlatformSlots, FakeRegister]:
    """The slots of one platform."""
    register = FakeRegister([CHANNEL], [Platform(id="p", slots=capacity)])
    return PlatformSlots(register), register


def watched() -> bool:
    """Somebody watches: it does not leave."""
    return False


async def pull(shared: PlatformSlots, source: FakeSource, publisher: Publisher) -> None:
    """Somebody watches the channel."""
    async with shared.pull(CHANNEL, watched) as admit:
        await admit()
        await source.run(publisher)


def used(shared: PlatformSlots) -> int:
    """Sessions held of the platform."""
    found = shared.of(CHANNEL)
    assert found is not None
    return found.used


async def test_no_limit_without_a_platform_or_with_none_told() -> None:
    unlimited, _ = slots(0)
    assert unlimited.of(CHANNEL) is None
    assert unlimited.of(replace(CHANNEL, platform="")) is None
    async with unlimited.hold(CHANNEL, Priority.PROBE):
        pass


async def test_the_capacity_follows_the_register() -> None:
    shared, register = slots(1)
    first = shared.of(CHANNEL)
    register.platforms["p"] = Platform(id="p", slots=3)
    assert shared.of(CHANNEL) is first
    assert first is not None
    assert first.capacity == 3


async def test_an_operator_takes_the_session_of_a_probe(publisher: Publisher) -> None:
    shared, _ = slots(1)
    source = FakeSource()
    holding = asyncio.Event()

    async def probe() -> None:
        async with shared.hold(CHANNEL, Priority.PROBE):
            holding.set()
            await asyncio.get_running_loop().create_future()

    probing = asyncio.ensure_future(probe())
    await holding.wait()
    pulling = asyncio.ensure_future(pull(shared, source, publisher))
    with pytest.raises(Preempted):
        await probing
    await until(lambda: source.running)
    waiting = asyncio.ensure_future(probe())
    holding.clear()
    await asyncio.sleep(0)
    assert not holding.is_set()
    pulling.cancel()
    await holding.wait()
    waiting.cancel()
    await asyncio.gather(pulling, waiting, return_exceptions=True)


async def test_a_person_hears_soon_who_holds_the_sessions(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vidgate.health.limits.PERSON_WAIT", 0.01)
    shared, _ = slots(6)
    async with AsyncExitStack() as stack:
        for number in range(6):
            one = replace(CHANNEL, id=f"c{number}")
            await stack.enter_async_context(shared.hold(one, Priority.OPERATOR))
        with pytest.raises(SessionsTakenError) as refusal:
            await pull(shared, FakeSource(), publisher)
    assert "all 6 sessions of platform p are taken: c0, c1, c2, c3 (+2)" in refusal.value.message
    assert "--slots" in refusal.value.hint


async def test_a_limit_that_is_lifted_lets_everybody_in() -> None:
    shared, register = slots(1)
    async with shared.hold(CHANNEL, Priority.OPERATOR):
        waiting = asyncio.create_task(shared.hold(CHANNEL, Priority.OPERATOR).__aenter__())
        await asyncio.sleep(0)
        register.platforms.clear()
        assert shared.of(CHANNEL) is None
        async with asyncio.timeout(2):
            await waiting


async def test_a_camera_that_is_only_called_takes_no_session() -> None:
    shared, _ = slots(1)
    async with shared.pull(CHANNEL, watched):
        async with shared.look(CHANNEL) as admit:
            await admit()
            assert used(shared) == 1
        assert used(shared) == 0


async def test_a_session_is_asked_for_once() -> None:
    shared, _ = slots(2)
    async with shared.pull(CHANNEL, watched) as admit:
        await admit()
        await admit()
        assert used(shared) == 1
    assert used(shared) == 0


async def test_a_person_calls_no_camera_where_people_hold_every_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("vidgate.health.limits.PERSON_WAIT", 0.01)
    shared, _ = slots(1)
    async with shared.hold(CHANNEL, Priority.OPERATOR):
        with pytest.raises(SessionsTakenError):
            async with shared.pull(CHANNEL, watched):
                pytest.fail("it was called")


@pytest.fixture
def publisher() -> Publisher:
    """Takes frames and drops them."""

    class Sink:
        def start(self, tracks: object, *, origin: str = "", cause: str = "") -> None:
            pass

        def frame(self, frame: object) -> None:
            pass

        def missed(self) -> None:
            """Pictures were lost."""

        def received(self, reception: object) -> None:
            pass

    return Sink()
