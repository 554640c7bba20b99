"""rtsps://: encrypted pulls, and each way in which they fail, in words."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.rtsp.camera import Camera, Habits, interleave, pictures, run_camera
from tests.rtsp.certificates import Authority
from tests.rtsp.test_source import pulling
from tests.waiting import until
from vidgate.aio.clock import SystemClock
from vidgate.errors import SettingsError, TlsError, UnreachableError, UnsupportedError
from vidgate.model.channel import Login, Transport
from vidgate.rtsp import probe
from vidgate.rtsp.address import RtspAddress
from vidgate.rtsp.client import RtspClient
from vidgate.rtsp.tls import client_context
from vidgate.wire.digest import DigestServer
from vidgate.wire.message import Message

pytestmark = pytest.mark.usefixtures("no_descriptor_left")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    made = Authority(tmp_path_factory.mktemp("site"))
    client_context(made.file)  # read now, as at the service's start
    return made


def served(files: tuple[str, str], **options: object) -> Habits:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    return replace(Habits(tls=context), **options)  # type: ignore[arg-type]


async def describe(camera: Camera, **options: object) -> None:
    address = replace(RtspAddress(url=camera.url), **options)  # type: ignore[arg-type]
    await probe.describe(address, SystemClock())


async def test_pictures_come_encrypted_from_whoever_answers(site: Authority) -> None:
    digest = DigestServer("r", "SHA-256", "admin", "pw")
    habits = served(site.camera("camera.example"), digest=digest)
    async with run_camera(habits) as camera:
        async with pulling(camera, login=Login("admin", "pw")) as pull:
            await until(lambda: pull.shelf.tracks)
            camera.send_pictures(3)
            await until(lambda: len(pull.pictures) == 3)
        assert camera.methods[-1] == "TEARDOWN"
        assert all(request.uri.startswith("rtsps://") for request in camera.requests)
        assert all("TCP" in each.headers.get("Transport") for each in camera.asked("SETUP"))


async def test_a_probe_sees_the_picture(site: Authority) -> None:
    habits = served(site.camera(), plays=[interleave(pictures(2))])
    async with run_camera(habits) as camera:
        times = await probe.media(RtspAddress(url=camera.url, tls_ca=site.file), SystemClock())
    assert times.t3 is not None


def test_the_port_of_rtsps_is_322() -> None:
    from vidgate.wire.uri import Uri

    assert Uri.parse("rtsps://camera/1").effective_port == 322


async def test_the_authority_is_believed_for_address_and_name(site: Authority) -> None:
    async with run_camera(served(site.camera())) as camera:
        await describe(camera, tls_ca=site.file)
        assert camera.methods == ["DESCRIBE"]
    async with run_camera(served(site.camera("localhost"))) as camera:
        await describe(camera, tls_ca=site.file, url=camera.url.replace("127.0.0.1", "localhost"))
        assert camera.methods == ["DESCRIBE"]


async def test_the_very_certificate_may_stand_for_its_authority(tmp_path: Path) -> None:
    files = Authority(tmp_path).camera()
    await asyncio.to_thread(client_context, files[0])
    async with run_camera(served(files)) as camera:
        await describe(camera, tls_ca=files[0])
        assert camera.methods == ["DESCRIBE"]


@pytest.mark.parametrize(
    ("host", "days", "words"),
    [
        ("127.0.0.1", -1, "certificate has expired"),
        ("127.0.0.2", 30, "for another host"),
        ("camera.example", 30, "for another host"),
    ],
)
async def test_a_certificate_that_is_not_to_be_believed(
    site: Authority, host: str, days: int, words: str
) -> None:
    async with run_camera(served(site.camera(host, days=days))) as camera:
        with pytest.raises(TlsError, match=words):
            await describe(camera, tls_ca=site.file)
        assert camera.requests == []
        await describe(camera)  # where nothing is checked, nothing of this matters


async def test_an_unknown_authority(site: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path, "other")
    async with run_camera(served(other.camera())) as camera:
        with pytest.raises(TlsError, match="not signed by an authority"):
            await describe(camera, tls_ca=site.file)


async def test_a_port_without_tls(site: Authority) -> None:
    async with run_camera() as camera:
        url = camera.url.replace("rtsp://", "rtsps://")
        with pytest.raises(TlsError, match="no TLS port|not TLS|nothing answers"):
            await describe(camera, url=url, connect_timeout=0.3)


@asynccontextmanager
async def listener(answer: bytes | None) -> AsyncIterator[str]:
    """A port that says `answer` to whatever comes and hangs up; None: it says nothing at all."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        if answer is not None:
            writer.write(answer)
            writer.close()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"rtsps://127.0.0.1:{server.sockets[0].getsockname()[1]}/1"
    finally:
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"RTSP/1.0 400 Bad Request\r\n\r\n", "not TLS"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "not TLS"),
        (b"", "hung up"),
        (b"\x15\x03\x01\0\2\x02\x46", r"older than 1\.2"),  # alert: protocol version
        (b"\x15\x03\x03\0\2\x02\x28", "no cipher in common"),
        (None, "nothing answers the handshake"),
    ],
)
async def test_a_handshake_that_fails(answer: bytes | None, words: str) -> None:
    async with listener(answer) as url:
        with pytest.raises(TlsError, match=words) as caught:
            await probe.describe(RtspAddress(url=url, connect_timeout=0.3), SystemClock())
    assert caught.value.reason == "tls"


async def test_nobody_listens(site: Authority) -> None:
    async with run_camera(served(site.camera())) as camera:
        pass
    with pytest.raises(UnreachableError):
        await describe(camera)


async def test_pictures_never_leave_the_encrypted_connection(site: Authority) -> None:
    def change(request: Message, reply: Message) -> Message:
        if request.method == "SETUP":
            reply.start = "RTSP/1.0 461 Unsupported transport"
        return reply

    async with run_camera(served(site.camera(), change=change)) as camera:
        for transport in Transport:
            async with pulling(camera, transport=transport) as pull:
                with pytest.raises(UnsupportedError):
                    await pull.task
        assert all("TCP" in each.headers.get("Transport") for each in camera.asked("SETUP"))


async def test_the_base_and_the_controls_stay_encrypted(site: Authority) -> None:
    habits = served(site.camera(), content_base="rtsp://127.0.0.1:1/inner/")
    async with run_camera(habits) as camera:
        async with RtspClient.connect(RtspAddress(url=camera.url), SystemClock()) as client:
            await client.describe()
        assert str(client.base) == f"rtsps://127.0.0.1:{camera.port}/inner/"


async def test_a_peer_that_never_says_goodbye_is_left_in_time(site: Authority) -> None:
    """A close that waits for the peer's own would hold a descriptor for half a minute."""
    async with run_camera(served(site.camera())) as camera:
        async with RtspClient.connect(RtspAddress(url=camera.url), SystemClock()):
            await until(lambda: camera.connections)
            camera.connections[0].transport.pause_reading()
            before = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - before < 5


@pytest.mark.parametrize("text", [None, "", "no certificate", "-----BEGIN CERTIFICATE-----\n"])
def test_a_file_that_is_none(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "ca.pem"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SettingsError, match=r"media\.tls_ca"):
        client_context(str(path))
