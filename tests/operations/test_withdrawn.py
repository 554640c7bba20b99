"""What a change of a channel does to those who watch it, live or its recording."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.operations.test_sources import CLOCK, Bench, running
from tests.waiting import until
from vidgate.aio.mailbox import MailboxClosed
from vidgate.errors import ChannelDisabledError, NotFoundError, VidgateError
from vidgate.media.reader import Reader
from vidgate.media.replay import ReplayKey
from vidgate.model.channel import Channel
from vidgate.model.media import StreamKey, StreamState, Variant
from vidgate.registry import ledger
from vidgate.wire.clock import ClockRange

OFF = "channel_disabled"


def recording(channel: Channel) -> ReplayKey:
    """Ten minutes ago, and on."""
    return ReplayKey.of(channel.id, Variant.MAIN, ClockRange(CLOCK.wall() - 600, None))


@asynccontextmanager
async def watched(bench: Bench, channel: Channel) -> AsyncIterator[tuple[Reader, Reader]]:
    """Somebody watches the channel, and somebody its recording; both have seen a picture."""
    async with (
        bench.hub.read(StreamKey(channel.id)) as live,
        bench.past.read(recording(channel)) as past,
    ):
        await live.get()
        await past.get()
        yield live, past


async def end(reader: Reader) -> None:
    """Wait until the reader is told that nothing comes any more."""
    with suppress(MailboxClosed):
        async with asyncio.timeout(5):
            while True:
                await reader.get()


async def camera(bench: Bench, number: int, **fields: Any) -> Channel:
    return await bench.add(number, url=bench.fleet.register_rows[number - 1]["url"], **fields)


@pytest.mark.parametrize("few", [0, 50], ids=["of many", "of few"])  # told one by one, or not
@pytest.mark.parametrize(
    ("change", "code", "kind"),
    [
        ({"enabled": "no"}, OFF, ChannelDisabledError),
        ({"lifecycle": "suspended"}, OFF, ChannelDisabledError),
        ({"lifecycle": "retired"}, OFF, ChannelDisabledError),
        (None, "not_found", NotFoundError),
    ],
    ids=["disabled", "suspended", "retired", "removed"],
)
async def test_who_watches_what_is_withdrawn_is_told_and_goes(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, str] | None,
    code: str,
    kind: type[VidgateError],
    few: int,
) -> None:
    monkeypatch.setattr(ledger, "FEW", few)
    async with running(tmp_path) as bench:
        channel, other = await camera(bench, 1), await camera(bench, 2)
        async with (
            watched(bench, other) as (others, others_past),
            watched(bench, channel) as (live, past),
            bench.bus.subscribe(["stream.state"]) as events,
        ):
            if change is None:
                await bench.registry.remove(channel.id, "test")
            else:
                await bench.registry.set(channel.id, change, "test")
            await end(live)
            await end(past)
            async with asyncio.timeout(5):
                while (told := await events.get()).data["state"] != "blocked":
                    pass
            assert (told.object, told.data["reason"]) == (channel.id, code)
            for hub, key in ((bench.hub, StreamKey(channel.id)), (bench.past, recording(channel))):
                async with hub.read(key) as late:
                    with pytest.raises(kind):
                        await late.tracks()
            await others.get()
            await others_past.get()
            assert bench.fleet.cameras[other.id].counts.connections == 2  # neither was pulled anew

        await bench.registry.undo((await bench.registry.changes())[0].id, "test")
        async with asyncio.timeout(5), watched(bench, channel):
            pass  # both are to be had again


async def test_what_does_not_touch_the_pictures_ends_nobody(tmp_path: Path) -> None:
    async with running(tmp_path) as bench:
        channel = await camera(bench, 1)
        async with watched(bench, channel) as (live, past):
            await bench.registry.set(
                channel.id, {"name": "x", "tags": ["y"], "lifecycle": "commissioning"}, "test"
            )
            async with bench.bus.subscribe(["register.changed"]) as events:
                await bench.registry.set(channel.id, {"industry": "z"}, "test")
                await events.get()
            await live.get()
            await past.get()
            assert bench.fleet.cameras[channel.id].counts.connections == 2


async def test_who_watches_a_stream_whose_address_is_gone_goes(tmp_path: Path) -> None:
    """And may ask for the other one, instead of waiting for what never comes."""
    async with running(tmp_path) as bench:
        channel = await camera(bench, 1, sub_url=bench.fleet.register_rows[0]["sub_url"])
        async with (
            bench.hub.read(StreamKey(channel.id)) as main,
            bench.hub.read(StreamKey(channel.id, Variant.SUB)) as sub,
        ):
            await main.get()
            await sub.get()
            await bench.registry.set(channel.id, {"sub_url": ""}, "test")
            await end(sub)
            await until(lambda: main.stream.state is StreamState.LIVE)
            assert main.stream.readers


async def test_a_new_login_pulls_what_is_live_anew_and_ends_a_replay(tmp_path: Path) -> None:
    """A replay made anew would begin once more, under somebody's eyes."""
    async with running(tmp_path) as bench:
        channel = await camera(bench, 1)
        async with watched(bench, channel) as (live, past):
            await bench.registry.set(
                channel.id, {"username": "new", "password": "canary-new"}, "test"
            )
            await end(past)
            await until(lambda: live.stream.state is StreamState.BLOCKED)
            assert live.stream.error is not None
            assert live.stream.error.code == "camera_unauthorized"
            assert live.stream.readers


async def test_what_is_withdrawn_stands_in_for_nobody(tmp_path: Path) -> None:
    async with running(tmp_path) as bench:
        own, other = await camera(bench, 1, point="gate"), await camera(bench, 2, point="gate")
        bench.fleet.set_fault(own.id, "down")
        async with bench.hub.read(StreamKey(own.id)) as reader:
            await until(lambda: reader.stream.origin == other.id)
            await bench.registry.set(other.id, {"enabled": "no"}, "test")
            await until(lambda: reader.stream.state is StreamState.RETRYING)
            assert reader.stream.origin == own.id
            bench.fleet.clear_fault(own.id)
            await until(lambda: reader.stream.state is StreamState.LIVE)
            assert reader.stream.origin == own.id
