"""Cameras that mean harm, or are broken enough: bounded in bytes, in seconds, in descriptors."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import pytest

from tests.rtsp.camera import SDP, Habits, interleave, run_camera
from tests.rtsp.test_source import Pull, failure
from tests.waiting import until
from vidgate.aio.clock import SystemClock
from vidgate.errors import NoMediaError, ProtocolError, RemoteError, RemoteTimeoutError
from vidgate.rtp.packet import RtpPacket
from vidgate.rtsp import probe
from vidgate.rtsp.address import RtspAddress
from vidgate.wire.message import Message

pytestmark = pytest.mark.usefixtures("no_descriptor_left")

GROWTH = 5 << 20  # bytes
Serve = Callable[[asyncio.StreamWriter], Coroutine[None, None, None]]


@asynccontextmanager
async def answering(serve: Serve) -> AsyncIterator[str]:
    """A server that answers whatever comes by `serve`; the address of its stream."""

    live: set[asyncio.Task[None]] = set()

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        live.add(task)
        try:
            await reader.readuntil(b"\r\n\r\n")
            serving = asyncio.ensure_future(serve(writer))
            with suppress(ConnectionError):
                await reader.read()  # until the client leaves
            serving.cancel()
            await asyncio.wait([serving])
        finally:
            writer.close()
            live.discard(task)

    server = await asyncio.start_server(serve_one, "127.0.0.1", 0)
    try:
        yield f"rtsp://127.0.0.1:{server.sockets[0].getsockname()[1]}/1"
    finally:
        server.close()
        await server.wait_closed()
        await until(lambda: not live)


@contextmanager
def small_growth() -> Iterator[None]:
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] - before <= GROWTH
    finally:
        tracemalloc.stop()


HEAD = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Type: application/sdp\r\n"


async def forever(writer: asyncio.StreamWriter, data: bytes) -> None:
    while True:
        writer.write(data)
        await writer.drain()


async def endless_headers(writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD)
    await forever(writer, b"X-Padding: " + b"x" * 100 + b"\r\n")


async def one_endless_header(writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"X: ")
    await forever(writer, b"x" * 1000)


async def a_ten_gigabyte_body(writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"Content-Length: 10737418240\r\n\r\n")
    await forever(writer, b"a=x\r\n" * 200)


async def a_million_attributes(writer: asyncio.StreamWriter) -> None:
    lines = b"a=\r\n" * 1000
    writer.write(HEAD + b"Content-Length: %d\r\n\r\n" % (1000 * len(lines)))
    for _ in range(1000):
        writer.write(lines)
        await writer.drain()


async def as_many_attributes_as_fit(writer: asyncio.StreamWriter) -> None:
    body = b"v=0\n" + b"a=\n" * 20_000
    writer.write(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)


async def as_many_media_as_fit(writer: asyncio.StreamWriter) -> None:
    body = b"m=v\n" * 4_000
    writer.write(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)


async def many_headers(writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"A: b\r\n" * 5_000 + b"\r\n")


async def frames_without_end(writer: asyncio.StreamWriter) -> None:
    await forever(writer, b"\xff" * 1000)


@pytest.mark.parametrize(
    "serve",
    [
        endless_headers,
        one_endless_header,
        a_ten_gigabyte_body,
        a_million_attributes,
        as_many_attributes_as_fit,
        as_many_media_as_fit,
        many_headers,
        frames_without_end,
    ],
)
async def test_too_much_is_cut_and_named(serve: Serve) -> None:
    """F8: cut at 64 KiB, at most 5 MiB of growth, told as a protocol error."""
    async with answering(serve) as url:
        with small_growth(), pytest.raises(ProtocolError) as caught:
            await probe.describe(RtspAddress(url=url), SystemClock())
        assert caught.value.reason == "protocol_error"


async def a_body_that_never_ends(writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"Content-Length: 60000\r\n\r\nv=0\r\n")


async def replies_of_no_use(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"RTSP/1.0 100 Trying\r\nCSeq: 1\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.001)


async def pictures_before_the_answer(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"$\0\0\x0c" + b"\x80" + bytes(11))
        await writer.drain()
        await asyncio.sleep(0.001)


async def silence(_: asyncio.StreamWriter) -> None:
    pass


async def one_byte_at_a_time(writer: asyncio.StreamWriter) -> None:
    for byte in HEAD * 100:
        writer.write(bytes((byte,)))
        await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    "serve",
    [
        a_body_that_never_ends,
        replies_of_no_use,
        pictures_before_the_answer,
        silence,
        one_byte_at_a_time,
    ],
)
async def test_each_answer_has_one_deadline(serve: Serve) -> None:
    """No byte that comes gives the camera more time."""
    async with answering(serve) as url:
        loop = asyncio.get_running_loop()
        started = loop.time()
        with pytest.raises(RemoteTimeoutError):
            await probe.describe(RtspAddress(url=url, request_timeout=0.3), SystemClock())
        assert loop.time() - started < 2.0


async def test_three_hundred_slow_cameras_are_all_cut() -> None:
    """F6, the whole of it at once."""

    async def look(url: str) -> bool:
        try:
            await probe.describe(RtspAddress(url=url, request_timeout=1.0), SystemClock())
        except RemoteTimeoutError:
            return True
        return False

    async with answering(one_byte_at_a_time) as url:
        loop = asyncio.get_running_loop()
        started = loop.time()
        cut = await asyncio.gather(*(look(url) for _ in range(300)))
        assert sum(cut) == 300
        assert loop.time() - started < 10.0


async def test_a_peer_that_is_suddenly_gone_without_a_word() -> None:
    """F5, half-open TCP: no packet, no answer, no FIN. Stale after the stall time, then closed."""
    async with run_camera() as camera:
        pull = Pull(RtspAddress(url=camera.url, stall_timeout=0.3))
        await until(lambda: pull.shelf.tracks)
        camera.send_pictures()
        await until(lambda: pull.pictures)
        camera.connections[-1].transport.pause_reading()
        camera.habits.change = lambda request, reply: None
        loop = asyncio.get_running_loop()
        started = loop.time()
        with pytest.raises(NoMediaError, match="no picture for"):
            await pull.task
        # the stall, at most one look more, one second for TEARDOWN and one for the close
        assert loop.time() - started < 4.0
        assert camera.methods[-1] != "TEARDOWN"


def rtp(payload: bytes) -> bytes:
    return interleave([RtpPacket(96, False, 7, 7, 0x1234, payload)])


@pytest.mark.parametrize(
    "flood",
    [
        pytest.param(b"$\x05\0\0" * 16_000, id="empty frames"),
        pytest.param(rtp(b"\x1c\x05") * 3_000, id="pieces of a picture"),
        pytest.param(b"$\1\0\x08\x80\xc9\0\1\0\0\x124" * 5_000, id="reports"),
        pytest.param(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n" * 1_000, id="requests"),
        pytest.param(b"RTSP/1.0 200 OK\r\nCSeq: 999\r\n\r\n" * 1_000, id="answers"),
    ],
)
async def test_a_flood_ends_it_and_holds_up_nobody(flood: bytes) -> None:
    """Small things as fast as a network takes them: the others get their pictures meanwhile."""
    async with run_camera() as hostile, run_camera() as camera:
        pull, other = Pull(RtspAddress(url=hostile.url)), Pull(RtspAddress(url=camera.url))
        await until(lambda: pull.shelf.tracks and other.shelf.tracks)
        hostile.send_pictures()
        camera.send_pictures()
        await until(lambda: pull.pictures and other.pictures)
        transport = hostile.connections[-1].transport
        while not pull.task.done():
            if not transport.is_closing() and transport.get_write_buffer_size() < len(flood):
                transport.write(flood)
            camera.send_pictures()
            await asyncio.sleep(0)
        with pytest.raises(ProtocolError, match="packets a second|does not read"):
            await pull.task
        seen = len(other.pictures)
        camera.send_pictures()
        await until(lambda: len(other.pictures) > seen)
        other.task.cancel()
        await asyncio.wait([other.task])


async def test_every_failure_after_setup_ends_in_a_teardown() -> None:
    def fails_at(method: str) -> Callable[[Message, Message], Message]:
        def change(request: Message, reply: Message) -> Message:
            if request.method == method:
                reply.start = "RTSP/1.0 500 x"
            return reply

        return change

    for method in ("SETUP", "PLAY"):
        async with run_camera(Habits(change=fails_at(method))) as camera:
            assert isinstance(await failure(camera), RemoteError)
            assert (camera.methods[-1] == "TEARDOWN") is (method == "PLAY")
    async with run_camera(Habits(sdp=SDP)) as camera:
        await failure(camera, stall_timeout=0.1)
        assert camera.methods[-1] == "TEARDOWN"


async def test_many_pulls_of_hostile_cameras_leave_nothing() -> None:
    """Descriptors and tasks: the fixtures count them."""
    async with answering(a_ten_gigabyte_body) as url:
        for _ in range(100):
            with pytest.raises(ProtocolError):
                await probe.describe(RtspAddress(url=url), SystemClock())
