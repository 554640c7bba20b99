"""The asyncio client against a camera with habits."""

import asyncio
import gc
import weakref

import pytest

from tests.rtsp.camera import SDP, Camera, Habits, run_camera
from tests.waiting import until
from vidgate.aio.clock import ManualClock, SystemClock
from vidgate.errors import (
    BusyError,
    DeniedAddressError,
    MissingStreamError,
    NoCredentialError,
    ProtocolError,
    RefusedError,
    RemoteError,
    RemoteTimeoutError,
    UnauthorizedError,
    UnreachableError,
    UnsupportedError,
)
from vidgate.model.channel import Login
from vidgate.rtsp.address import RtspAddress
from vidgate.rtsp.client import RtspClient
from vidgate.rtsp.headers import TransportHeader
from vidgate.wire.digest import DigestServer
from vidgate.wire.headers import Headers
from vidgate.wire.message import Message

pytestmark = pytest.mark.usefixtures("no_descriptor_left")

LOGIN = Login("admin", "pass")
TCP = TransportHeader(is_tcp=True, interleaved=(0, 1))


async def describe(camera: Camera, login: Login | None = None, **options: float) -> None:
    address = RtspAddress(url=camera.url, login=login, **options)  # type: ignore[arg-type]
    async with RtspClient.connect(address, SystemClock()) as client:
        await client.describe()


def answer(status: int, reason: str = "x") -> Habits:
    def change(_: Message, reply: Message) -> Message:
        reply.start = f"RTSP/1.0 {status} {reason}"
        return reply

    return Habits(change=change)


async def test_a_whole_session() -> None:
    async with run_camera() as camera:
        address = RtspAddress(url=camera.url)
        async with RtspClient.connect(address, SystemClock()) as client:
            description = await client.describe()
            given = await client.setup(description.media[0], TCP)
            assert given.interleaved == (0, 1)
            await client.play()
        assert camera.methods == ["DESCRIBE", "SETUP", "PLAY", "TEARDOWN"]
        assert camera.requests[1].uri == camera.url + "/trackID=1"
        assert camera.requests[2].headers.get("Range") == "npt=0.000-"
        assert camera.requests[3].headers.get("Session") == "abc123"


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
async def test_digest(algorithm: str) -> None:
    digest = DigestServer("IP Camera", algorithm, "admin", "pass")
    async with run_camera(Habits(digest=digest)) as camera:
        await describe(camera, LOGIN)
        assert camera.methods == ["DESCRIBE", "DESCRIBE"]


async def test_a_wrong_password_is_shown_once() -> None:
    digest = DigestServer("r", "MD5", "admin", "pass")
    async with run_camera(Habits(digest=digest)) as camera:
        with pytest.raises(UnauthorizedError):
            await describe(camera, Login("admin", "wrong"))
        assert camera.methods == ["DESCRIBE", "DESCRIBE"]
        with pytest.raises(NoCredentialError):
            await describe(camera)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (404, MissingStreamError),
        (453, BusyError),
        (503, BusyError),
        (302, RefusedError),
        (500, RefusedError),
        (403, UnauthorizedError),
    ],
)
async def test_refusals(status: int, error: type[RemoteError]) -> None:
    async with run_camera(answer(status)) as camera:
        with pytest.raises(error, match=str(status)):
            await describe(camera)


async def test_nobody_listens() -> None:
    async with run_camera() as camera:
        pass
    with pytest.raises(UnreachableError, match="127.0.0.1"):
        await describe(camera)


async def test_no_reply_is_a_timeout() -> None:
    async with run_camera(Habits(change=lambda request, reply: None)) as camera:
        with pytest.raises(RemoteTimeoutError, match="DESCRIBE: .* / no reply within 0.05 s"):
            await describe(camera, request_timeout=0.05)


async def test_a_connection_lost_while_waiting() -> None:
    async with run_camera(Habits(change=lambda request, reply: None)) as camera:
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(_expect_lost(camera))
            await until(lambda: camera.requests)
            camera.hang_up()
        assert task.result()


async def _expect_lost(camera: Camera) -> bool:
    with pytest.raises(UnreachableError, match="connection lost"):
        await describe(camera)
    return True


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 99999999\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: -5\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nX: " + b"x" * 70_000,
        b"\xff" * 140_000,
    ],
)
async def test_nonsense_is_a_protocol_error(reply: bytes) -> None:
    class Raw(Message):
        def __bytes__(self) -> bytes:
            return reply

    async with run_camera(Habits(change=lambda request, made: Raw(""))) as camera:
        with pytest.raises(ProtocolError):
            await describe(camera)


async def test_a_description_without_media_is_nonsense() -> None:
    async with run_camera(Habits(sdp="v=0\r\n")) as camera:
        with pytest.raises(ProtocolError, match="no media"):
            await describe(camera)


async def test_a_description_without_a_length_is_none() -> None:
    """RFC 2326 12.14, and no client that we know reads on until the camera hangs up."""

    class Raw(Message):
        def __bytes__(self) -> bytes:
            return b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n" + SDP.encode()

    async with run_camera(Habits(change=lambda request, made: Raw(""))) as camera:
        with pytest.raises(ProtocolError, match="no Content-Length"):
            await describe(camera)


async def test_another_service_at_the_port() -> None:
    """It answers, and a person who is told of a timeout looks for the fault elsewhere."""

    class Raw(Message):
        def __bytes__(self) -> bytes:
            return b"SSH-2.0-OpenSSH_9.2p1\r\n"

    async with (
        run_camera(Habits(change=lambda request, made: Raw(""))) as camera,
        RtspClient.connect(RtspAddress(url=camera.url), SystemClock()) as client,
    ):
        asking = asyncio.create_task(client.describe())
        await until(lambda: client.session.parser.skipped)
        assert client._deadline is not None
        client._deadline.reschedule(0)
        with pytest.raises(ProtocolError, match="is not RTSP"):
            await asking


async def test_a_setup_without_a_session_is_nonsense() -> None:
    async with run_camera(Habits(session="")) as camera:
        address = RtspAddress(url=camera.url)
        async with RtspClient.connect(address, SystemClock()) as client:
            description = await client.describe()
            with pytest.raises(ProtocolError, match="no session"):
                await client.setup(description.media[0], TCP)


async def test_a_forbidden_address_is_not_connected_to() -> None:
    seen: list[str] = []

    def allowed(ip: str) -> bool:
        seen.append(ip)
        return False

    async with run_camera() as camera:
        address = RtspAddress(url=camera.url.replace("127.0.0.1", "localhost"), allowed=allowed)
        with pytest.raises(DeniedAddressError):
            async with RtspClient.connect(address, SystemClock()):
                pass
        assert camera.connections == []
    assert seen in (["127.0.0.1"], ["::1"])


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_other_schemes_are_not_supported(scheme: str) -> None:
    with pytest.raises(UnsupportedError, match=f"^{scheme}://") as caught:
        async with RtspClient.connect(RtspAddress(url=f"{scheme}://127.0.0.1/"), SystemClock()):
            pass
    assert "rtsp://" in caught.value.hint


async def test_the_base_s_host_is_not_followed() -> None:
    async with run_camera(Habits(content_base="rtsp://10.9.9.9:1/inner/")) as camera:
        address = RtspAddress(url=camera.url)
        async with RtspClient.connect(address, SystemClock()) as client:
            description = await client.describe()
            await client.setup(description.media[0], TCP)
            assert client.session.play_uri == f"rtsp://127.0.0.1:{camera.port}/inner/"
        assert camera.asked("SETUP")[0].uri == f"rtsp://127.0.0.1:{camera.port}/inner/trackID=1"


async def test_keepalives_go_out_and_interrupt_ends_the_wait() -> None:
    clock = ManualClock()
    async with run_camera(Habits(session="abc;timeout=5")) as camera:
        address = RtspAddress(url=camera.url)
        async with RtspClient.connect(address, clock) as client:
            description = await client.describe()
            await client.setup(description.media[0], TCP)
            await client.play()
            clock.advance(2.5)
            client.interrupt()
            await client.wait(10)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(client.wait(10))
                await until(lambda: camera.asked("OPTIONS"))
                client.interrupt()


async def test_a_teardown_without_reply_does_not_hold_us() -> None:
    def change(request: Message, reply: Message) -> Message | None:
        return None if request.method == "TEARDOWN" else reply

    async with run_camera(Habits(change=change)) as camera:
        address = RtspAddress(url=camera.url)
        async with asyncio.timeout(5):
            async with RtspClient.connect(address, SystemClock()) as client:
                description = await client.describe()
                await client.setup(description.media[0], TCP)
        assert camera.methods[-1] == "TEARDOWN"


async def test_a_cancelled_session_is_torn_down() -> None:
    async with run_camera() as camera:

        async def play() -> None:
            address = RtspAddress(url=camera.url)
            async with RtspClient.connect(address, SystemClock()) as client:
                description = await client.describe()
                await client.setup(description.media[0], TCP)
                await client.play()
                await client.wait(60)

        task = asyncio.create_task(play())
        await until(lambda: camera.asked("PLAY"))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert camera.methods[-1] == "TEARDOWN"


async def test_the_camera_may_ask_and_may_end_it() -> None:
    async with run_camera() as camera:
        address = RtspAddress(url=camera.url)
        async with RtspClient.connect(address, SystemClock()) as client:
            await client.describe()
            ping = Message.request("OPTIONS", "*", Headers([("CSeq", "9")]))
            camera.write(bytes(ping))
            await until(lambda: camera.requests[-1].is_response)
            camera.write(b"TEARDOWN * RTSP/1.0\r\nCSeq: 10\r\n\r\n")
            with pytest.raises(UnreachableError, match="ended the session"):
                await client.wait(10)
            with pytest.raises(UnreachableError):
                await client.describe()


async def test_a_client_that_is_done_waits_for_no_collection() -> None:
    """Circles would wait for a full collection, which holds the event loop, after every probe."""
    async with run_camera() as camera:
        gc.disable()
        try:
            async with RtspClient.connect(RtspAddress(url=camera.url), SystemClock()) as client:
                await client.describe()
            left = weakref.ref(client)
            del client
            await until(lambda: left() is None)
        finally:
            gc.enable()


async def test_a_camera_that_asks_but_does_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vidgate.rtsp.intake.MOST_ITEMS", 1e9)  # the rate would end it before
    async with run_camera() as camera:
        address = RtspAddress(url=camera.url)
        async with RtspClient.connect(address, SystemClock()) as client:
            await client.describe()
            camera.connections[-1].transport.pause_reading()
            flood = asyncio.create_task(_flood(camera))
            try:
                with pytest.raises(ProtocolError, match="does not read"):
                    await client.wait(20)
            finally:
                flood.cancel()


async def _flood(camera: Camera) -> None:
    ping = bytes(Message.request("OPTIONS", "*", Headers([("CSeq", "9")]))) * 1000
    while True:
        camera.write(ping)
        await asyncio.sleep(0)
