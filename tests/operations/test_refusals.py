"""F12 for those who watch: a camera that said it is busy is not called again within 30 s."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial

import pytest

from tests.operations.test_refused import Town, town
from tests.operations.test_withdrawn import recording
from tests.waiting import until
from vidgate.aio.bus import Bus
from vidgate.errors import BusyError, HeldBusyError
from vidgate.media.hub import Hub, HubSettings
from vidgate.model.channel import Channel, Transport
from vidgate.model.health import Level, Reason
from vidgate.model.media import StreamKey
from vidgate.operations.refusals import REST


@pytest.fixture
async def here() -> AsyncIterator[Town]:
    """Two cameras behind one platform."""
    async with town(2) as made:
        made.channels = {
            id_: replace(channel, platform="p") for id_, channel in made.channels.items()
        }
        yield made


async def click(here: Town, channel: Channel) -> BusyError | None:
    """Somebody opens a tile and closes it again; what he is told."""
    return await told(here.hub, StreamKey(channel.id))


async def replay(here: Town, channel: Channel) -> BusyError | None:
    """The same of what it recorded in the last ten minutes."""
    return await told(here.past, recording(channel))


async def told(hub: Hub, key: StreamKey) -> BusyError | None:
    """What somebody is told who reads the stream for a moment."""
    try:
        async with hub.read(key) as reader:
            await reader.tracks()
    except BusyError as error:
        return error
    finally:
        await until(lambda: hub.find(key) is None)
    return None


async def refused(here: Town, channel: Channel) -> None:
    """The camera says that it is busy, and would not say so again."""
    here.fleet.set_fault(channel.id, "busy")
    assert type(await click(here, channel)) is BusyError
    here.fleet.clear_fault(channel.id)
    assert isinstance(await click(here, channel), HeldBusyError)


async def test_f12_whoever_comes_within_30_s_is_told_without_a_call(here: Town) -> None:
    channel, _ = here.channels.values()
    here.fleet.set_fault(channel.id, "busy")
    first = await click(here, channel)
    assert type(first) is BusyError
    assert first.again_at == here.clock.now() + REST
    for second in range(1, 30):
        here.clock.advance(1.0)
        error = await click(here, channel)
        assert isinstance(error, HeldBusyError)
        assert (error.code, error.message) == (first.code, first.message)
        assert error.again_at == first.again_at
        assert f"{30 - second} s" in error.hint
    assert sum(here.fleet.connects) == 1
    here.clock.advance(1.0)
    assert type(await click(here, channel)) is BusyError
    assert sum(here.fleet.connects) == 2


async def test_f12_nor_is_it_looked_at_while_another_stands_in(here: Town) -> None:
    own, other = (replace(one, point="p1") for one in here.channels.values())
    here.channels = {own.id: own, other.id: other}
    here.fleet.set_fault(own.id, "busy")

    def called() -> int:
        count: int = here.fleet.truth()["channels"][own.id]["connections"]
        return count

    async with here.hub.read(StreamKey(own.id)) as reader:

        async def show() -> None:
            for _ in range(15):  # pictures, in which it could be looked at many times
                await reader.get()

        for calls in (1, 2, 3):  # the pull, and two looks that were refused as well
            await until(partial(lambda calls: called() == calls, calls))
            await show()
            here.clock.advance(REST - 1.0)
            await show()
            assert (called(), reader.stream.origin) == (calls, other.id)
            here.clock.advance(1.0)
        here.fleet.clear_fault(own.id)
        await until(lambda: reader.stream.origin == own.id)


async def test_another_way_to_it_is_another_camera(here: Town) -> None:
    channel, _ = here.channels.values()
    await refused(here, channel)
    here.channels[channel.id] = replace(channel, transport=Transport.TCP)
    assert await click(here, channel) is None


async def test_a_session_that_a_person_leaves_is_for_who_was_refused(here: Town) -> None:
    channel, other = here.channels.values()
    key = StreamKey(other.id)
    async with here.hub.read(key) as reader:
        await reader.tracks()
        await refused(here, channel)
    await until(lambda: here.hub.find(key) is None)
    assert await click(here, channel) is None


async def test_who_stays_is_called_for_as_soon_as_a_session_is_free(here: Town) -> None:
    channel, other = here.channels.values()
    other_key = StreamKey(other.id)
    async with AsyncExitStack() as stack:
        async with here.hub.read(other_key) as reader:
            await reader.tracks()
            here.fleet.set_fault(channel.id, "busy")
            staying = await stack.enter_async_context(here.hub.read(StreamKey(channel.id)))
            with pytest.raises(BusyError):
                await staying.tracks()
            here.fleet.clear_fault(channel.id)
        await until(lambda: here.hub.find(other_key) is None)
        assert await staying.tracks()


async def test_one_refusal_does_not_make_up_for_another(here: Town) -> None:
    channel, other = here.channels.values()
    await refused(here, channel)
    await refused(here, other)
    assert isinstance(await click(here, channel), HeldBusyError)


async def test_a_look_that_had_a_session_of_it_proves_that_there_is_one(here: Town) -> None:
    channel, other = here.channels.values()
    here.fleet.set_fault(channel.id, "busy")
    assert await click(here, channel)
    assert (await here.prober.probe(channel, Level.MEDIA)).reason is Reason.BUSY
    assert isinstance(await click(here, channel), HeldBusyError)
    here.fleet.clear_fault(channel.id)
    assert (await here.prober.probe(channel, Level.DESCRIBE)).reason is Reason.OK
    assert (await here.prober.probe(other, Level.MEDIA)).reason is Reason.OK
    assert isinstance(await click(here, channel), HeldBusyError)
    assert (await here.prober.probe(channel, Level.MEDIA)).reason is Reason.OK
    assert await click(here, channel) is None


async def test_who_was_refused_does_not_wait_for_what_is_forgotten(here: Town) -> None:
    channel, other = here.channels.values()
    keys = StreamKey(channel.id), StreamKey(other.id)
    async with Hub(here.sources, Bus(), HubSettings(idle_stop=3600.0), here.clock) as hub:
        here.sources.serve(hub)
        async with hub.read(keys[1]) as reader:
            await reader.tracks()
        here.fleet.set_fault(channel.id, "busy")
        async with hub.read(keys[0]) as reader:
            with pytest.raises(BusyError):
                await reader.tracks()
        here.fleet.clear_fault(channel.id)
        assert hub.give_up(keys[1])
        await until(lambda: not hub.streams)
        async with hub.read(keys[0]) as reader:
            await reader.tracks()


async def test_a_replay_is_not_asked_for_again_either_and_keeps_no_live_picture_back(
    here: Town,
) -> None:
    channel, other = here.channels.values()
    here.fleet.set_fault(channel.id, "busy")
    assert type(await replay(here, channel)) is BusyError
    here.fleet.clear_fault(channel.id)
    for _ in range(3):
        here.clock.advance(9.0)
        assert isinstance(await replay(here, channel), HeldBusyError)
    assert sum(here.fleet.connects) == 1
    assert await click(here, channel) is None  # which gives a session back
    assert await replay(here, channel) is None
    assert await replay(here, other) is None
