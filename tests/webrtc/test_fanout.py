"""The fan-out: a full socket holds up only the viewer who meets it, and ends no sound."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from tests.media.fakes import Camera, picture, sound
from tests.webrtc.test_viewer import FakeLeg, FakeSecurity
from vidgate.aio.bus import Bus
from vidgate.aio.clock import ManualClock
from vidgate.media.hub import Hub
from vidgate.media.stream import Stream
from vidgate.model.media import Frame, StreamKey
from vidgate.webrtc.fanout import Fanout
from vidgate.webrtc.viewer import Flow, Viewer

KEY = StreamKey("one")


@dataclass
class FakeMux:
    """A socket that says it has room as often as the test allows."""

    room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    async def writable(self, _: float) -> bool:
        await self.room.acquire()
        return True


@dataclass
class Scene:
    """A fan-out whose stream is fed by hand."""

    fanout: Fanout
    stream: Stream
    mux: FakeMux
    clock: ManualClock

    def join(self) -> tuple[dict[bool, Flow], FakeLeg]:
        """A viewer of picture and sound, with its flows by whether they are pictures."""
        leg, security = FakeLeg(), cast(Any, FakeSecurity())
        viewer = Viewer(cast(Any, leg), security, self.clock, "x", lambda _: None)
        lines = [self.fanout.line(track) for track in self.stream.tracks]
        viewer.flows = [Flow(line, 102, security, cast(Any, leg)) for line in lines]
        self.fanout.join(viewer)
        return {flow.line.is_video: flow for flow in viewer.flows}, leg


@asynccontextmanager
async def scene() -> AsyncIterator[Scene]:
    camera, mux, clock = Camera(), FakeMux(), ManualClock()
    async with Hub(camera, Bus(), clock=clock) as hub, asyncio.TaskGroup() as group:
        fanout = Fanout(KEY, hub, cast(Any, mux), clock)
        task = group.create_task(fanout.run())
        camera(KEY).script.put_nowait(picture(0))
        await fanout.tracks(1.0)
        stream = hub.find(KEY)
        assert stream is not None
        await until(lambda: stream.stats.frames == 1)
        await until(lambda: not any(len(mailbox) for mailbox in stream.readers))
        yield Scene(fanout, stream, mux, clock)
        task.cancel()


async def until(is_true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not is_true():  # noqa: ASYNC110 - conditions of parts that know no event
            await asyncio.sleep(0)


def loud(number: int) -> Frame:
    """Enough sound for a packet."""
    frame = sound(2 * number)
    return Frame(1, frame.timestamp, True, (bytes(320),), frame.received)


async def test_a_full_socket_holds_up_only_the_viewer_who_meets_it() -> None:
    async with scene() as here:
        flows, leg = here.join()
        _, other = here.join()
        here.stream.frame(picture(1, key=True))
        await until(lambda: len(leg.sent) == len(other.sent) == 1)
        leg.full = True
        here.stream.frame(picture(2))
        here.stream.frame(loud(2))
        await until(lambda: len(other.sent) == 3)
        leg.full = False
        here.mux.room.release()
        here.mux.room.release()
        await until(lambda: flows[False].next == flows[False].line.next)
        await until(lambda: flows[True].next == flows[True].line.next)
        assert len(leg.sent) == 3
        assert [flow.drops for flow in flows.values()] == [0, 0]


async def test_sound_goes_on_after_a_socket_that_stayed_full() -> None:
    async with scene() as here:
        flows, leg = here.join()
        leg.full = True
        here.stream.frame(loud(1))
        await until(lambda: flows[False].next != flows[False].line.next)
        for _ in range(8):
            here.mux.room.release()
        await until(lambda: flows[False].next is None)
        leg.full = False
        here.stream.frame(loud(2))
        await until(lambda: len(leg.sent) == 1)
        assert flows[False].drops == 1
