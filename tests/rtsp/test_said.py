"""What a camera was told in confidence and says back is in no message; the rest of its words is."""

from collections.abc import Callable
from urllib.parse import quote

import pytest

from tests.effort import effort
from tests.rtsp.camera import SDP, Camera, Habits, run_camera
from tests.rtsp.indiscreet import Says, encoded_login, login, says_back, status
from vidgate.aio.clock import SystemClock
from vidgate.errors import MAX_SAID, RemoteError, UnreachableError
from vidgate.model.channel import Login
from vidgate.rtsp import probe
from vidgate.rtsp.address import RtspAddress
from vidgate.rtsp.client import RtspClient
from vidgate.rtsp.http_tunnel import HttpTunnel
from vidgate.rtsp.player import Player
from vidgate.rtsp.tracks import choose
from vidgate.wire.message import Message
from vidgate.wire.uri import Uri

pytestmark = pytest.mark.usefixtures("no_descriptor_left")

LOGIN = Login("operator", "Canary p/w77")
HOST = Login("operator", "CanaryPw77")  # what may stand for a host
TICKET = "t1cketOfAnHour"


def described(name: str) -> Says:
    def says(cseq: str, told: str) -> bytes:
        body = SDP.replace("H264/90000", name.format(told)).encode()
        return (
            f"RTSP/1.0 200 OK\r\nCSeq: {cseq}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )

    return says


def far_behind(cseq: str, told: str) -> bytes:
    return status(500)(cseq, "x" * 66 + told)


def no_status(cseq: str, told: str) -> bytes:
    return f"RTSP/1.0 {told}\r\nCSeq: {cseq}\r\n\r\n".encode()


def no_length(cseq: str, told: str) -> bytes:
    return f"RTSP/1.0 200 OK\r\nCSeq: {cseq}\r\nContent-Length: {told}\r\n\r\n".encode()


WAYS: dict[str, Says] = {
    "a status of its own": status(500),
    "one that we know": status(404),
    "a refusal": status(403),
    "far behind": far_behind,
    "no status": no_status,
    "a length": no_length,
    "a codec": described("{}/90000"),
    "a long codec": described("x" * 28 + "{}/90000"),
}
TOLD: dict[str, Callable[[Message], str]] = {
    "the login": login,
    "the password as in a URL": lambda request: quote(LOGIN.password, safe=""),
    "the same in small letters": lambda request: quote(LOGIN.password, safe="").lower(),
    "the login as in the header": encoded_login,
    "the ticket": lambda request: request.uri.rpartition("/")[2],
}


def address_of(camera: Camera, login: Login = LOGIN) -> RtspAddress:
    return RtspAddress(url=f"{camera.url}/{TICKET}", login=login)


async def failure(address: RtspAddress) -> str:
    with pytest.raises(RemoteError) as caught:
        await probe.describe(address, SystemClock())
    assert str(caught.value) == caught.value.message
    return caught.value.message


@pytest.mark.parametrize("what", TOLD)
@pytest.mark.parametrize("way", WAYS)
async def test_what_it_was_told_stays_between_us(way: str, what: str) -> None:
    async with run_camera(says_back(WAYS[way], TOLD[what])) as camera:
        message = (await failure(address_of(camera))).lower()
        for secret in (LOGIN.password, TICKET, encoded_login(camera.requests[-1])):
            assert secret[:6].lower() not in message
        assert len(message) < 300


async def test_the_rest_of_its_words_is_quoted() -> None:
    async with run_camera(says_back(status(500), login)) as camera:
        assert await failure(address_of(camera)) == (
            "摄像机拒绝 / the camera refuses (DESCRIBE: 500): Error ***:***"
        )


@pytest.mark.parametrize("login", [None, LOGIN, Login("a", "e")])
@pytest.mark.parametrize(
    "said",
    [
        "Stream Not Found: /Streaming/Channels/101",
        "Unsupported transportmode",
        "Basic authentication required",
        "Internal Server Error",
    ],
)
def test_words_stay_readable(said: str, login: Login | None) -> None:
    path = "/Streaming/Channels/101?transportmode=unicast&profile=Profile_1"
    assert RtspAddress(url=f"rtsp://h{path}", login=login).hide(said) == said


@pytest.mark.parametrize(
    ("path", "said", "shown"),
    [
        ("/live?pwd=abc123", "no /live?pwd=abc123", "no /live?pwd=***"),
        ("/live?pwd=ab", "no ab in a cabin", "no *** in a cabin"),
        ("/live?id=abcd", "no xabcd", "no x***"),
        ("/live?token=ab/c%3d", "no AB/C=, no ab/c%3D", "no ***, no ***"),
        ("/live?abcdef01", "no abcdef01", "no ***"),
        ("/AbCdEfGhIjKlMnOpQrSt/x", "no /AbCdEfGhIjKlMnOpQrSt/x", "no /***/x"),
        ("/token=abcdef/x", "no /token=abcdef/x", "no /token=***/x"),
    ],
)
def test_secrets_of_an_address(path: str, said: str, shown: str) -> None:
    assert RtspAddress(url=f"rtsp://h{path}").hide(said) == shown


def test_a_login_of_a_letter_or_two() -> None:
    address = RtspAddress(url="rtsp://h/x", login=Login("a", "e"))
    assert address.hide("Error: a:e, YTpl") == "Error: a:***, ***"


def test_what_is_said_at_length_costs_no_more_than_what_is_shown() -> None:
    """A path full of pieces that look alike, and a peer that says what each begins with."""
    path = "/".join(f"{'a' * 9}{number:03}" for number in range(145))
    address = RtspAddress(url=f"rtsp://h/{path}", login=LOGIN)
    said = "a" * (64 << 10)
    assert address.hide(said) == said[:MAX_SAID]
    assert effort(lambda: address.hide(said)) < 0.02


def test_nothing_is_hidden_where_nothing_was_said() -> None:
    """Thousands of cameras fall silent at once, and each would be worked out anew."""

    def hide(said: str) -> str:
        raise AssertionError(said)

    error = UnreachableError("silence")
    error.conceal(hide)
    assert str(error) == error.message == "silence"


async def test_a_host_that_is_the_password() -> None:
    moved = status(302, f"Location: rtsp://{HOST.password}:554/x")
    async with run_camera(says_back(moved, lambda request: "")) as camera:
        message = await failure(address_of(camera, HOST))
        assert message.endswith("not followed: rtsp://***:554")


async def test_why_the_transport_was_turned() -> None:
    def change(request: Message, reply: Message) -> Message:
        if "TCP" in request.headers.get("Transport"):
            reply.start = f"RTSP/1.0 461 no TCP for {LOGIN.password}"
        return reply

    async with run_camera(Habits(change=change, udp=True)) as camera:
        address, clock = address_of(camera), SystemClock()
        async with (
            RtspClient.connect(address, clock) as client,
            Player.open(client, clock, lambda frame: None) as player,
        ):
            await player.setup(choose(await client.describe())[0])
        assert address.choice.reason.endswith("(SETUP: 461): no TCP for ***")


async def test_a_tunnel_that_knows_the_password() -> None:
    tunnel = HttpTunnel(Uri.parse("rtsph://h/x"), "cookie")
    with pytest.raises(RemoteError) as caught:
        tunnel.receive(f"HTTP/1.0 200 OK\r\nContent-Type: {HOST.password}\r\n\r\n".encode())
    assert caught.value.message.endswith(": canarypw77")
    caught.value.conceal(RtspAddress(url="rtsph://h/x", login=HOST).hide)
    assert str(caught.value).endswith("which answers with: ***")
