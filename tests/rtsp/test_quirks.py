"""What cameras do that no standard says, each by its name and its bytes.

A quirk that hurt somebody stands here even where another test covers the rule behind it: the name
is what one looks for when the next camera of that make misbehaves.
"""

import asyncio
import base64
import socket
from collections.abc import Callable
from typing import NamedTuple

import pytest

from tests.rtp.packets import PPS, SPS, inter, key, packets
from tests.rtp.test_h265 import PPS as PPS5
from tests.rtp.test_h265 import SPS as SPS5
from tests.rtp.test_h265 import VPS as VPS5
from tests.rtsp.camera import SDP, Habits, interleave, run_camera
from tests.rtsp.test_source import failure, pulling
from tests.waiting import until
from vidgate.aio.clock import SystemClock
from vidgate.errors import RefusedError, UnsupportedError
from vidgate.model.channel import Login, Transport
from vidgate.model.media import Codec
from vidgate.rtp.packet import RtpPacket
from vidgate.rtsp import probe
from vidgate.rtsp.address import RtspAddress
from vidgate.rtsp.headers import base_uri, resolve_control
from vidgate.rtsp.messages import Parser
from vidgate.rtsp.tracks import choose
from vidgate.wire.digest import DigestServer
from vidgate.wire.message import Message
from vidgate.wire.sdp import Session
from vidgate.wire.uri import Uri

pytestmark = pytest.mark.usefixtures("no_descriptor_left")


def b64(*units: bytes) -> str:
    return ",".join(base64.b64encode(unit).decode() for unit in units)


HEAD = "v=0\r\no=- 1 1 IN IP4 192.168.1.64\r\ns=x\r\nt=0 0\r\n"
VIDEO = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:track1\r\n"
SETS = f"a=fmtp:96 packetization-mode=1;sprop-parameter-sets={b64(SPS, PPS)}\r\n"
SOUND = "m=audio 0 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=control:track2\r\n"
PICTURE = (Codec.H264, (SPS, PPS))
BARE = (Codec.H264, ())
ALAW = (Codec.PCMA, ())

# name -> description, and the codecs with their parameter sets that are to be found in it.
DESCRIPTIONS: dict[str, tuple[str, list[tuple[Codec, tuple[bytes, ...]]]]] = {
    "several s=, also inside media": (
        HEAD + "s=RtspServer\r\n" + VIDEO + "s=RtspServer\r\ni=live\r\n" + SETS + SOUND + "s=y\r\n",
        [PICTURE, ALAW],
    ),
    "broken c=": (HEAD + "c=IN IP4\r\nc=IN IPV4 0.0.0.0\r\nc=\r\n" + VIDEO + SETS, [PICTURE]),
    "no header at all": (VIDEO + SETS, [PICTURE]),
    "garbled header": ("\x00\xffgarbage\r\n=\r\no\r\n\r\n" + VIDEO + SETS, [PICTURE]),
    "m=application/TP-LINK": (
        HEAD
        + VIDEO
        + SETS
        + "m=application/TP-LINK 0 RTP/AVP smart/1/90000\r\na=rtpmap:95 TP-LINK/90000\r\n",
        [PICTURE],
    ),
    "m=application/tp-link of another rate": (
        HEAD
        + "a=smart_encoder:virtualIFrame=1\r\n"
        + VIDEO
        + SETS
        + "m=application/tp-link 0 RTP/AVP smart/0/25000\r\n"
        + "a=rtpmap:95 tp-link/25000\r\na=control:track3\r\n",
        [PICTURE],
    ),
    "m=application/MERCURY": (
        HEAD
        + "m=application/MERCURY 0 RTP/AVP smart/1/90000\r\na=control:track3\r\n"
        + VIDEO
        + SETS,
        [PICTURE],
    ),
    "m=vana and m=meta": (
        HEAD + "m=vana 0 RTP/AVP 97\r\nm=meta 0 RTP/AVP 98\r\n" + VIDEO + SETS,
        [PICTURE],
    ),
    "vana beside the picture's own payload type": (
        HEAD
        + VIDEO.replace("AVP 96", "AVP 97 96").replace(
            "\r\na=rtpmap", "\r\na=rtpmap:97 vana/90000\r\na=rtpmap"
        )
        + SETS,
        [PICTURE],
    ),
    "negative port": (HEAD + VIDEO.replace("video 0", "video -1") + SETS, [PICTURE]),
    "huge port": (HEAD + VIDEO.replace("video 0", "video 4294967295") + SETS, [PICTURE]),
    "truncated final line": (HEAD + VIDEO + SETS + "a=rang", [PICTURE]),
    "bare line feeds": ((HEAD + VIDEO + SETS).replace("\r\n", "\n"), [PICTURE]),
    "spaces in o=": (HEAD.replace("o=- 1", "o=my camera 1") + VIDEO + SETS, [PICTURE]),
    "decimals in o=": (HEAD.replace("o=- 1 1", "o=- 1.5 2.25") + VIDEO + SETS, [PICTURE]),
    "empty o=": (HEAD.replace("o=- 1 1 IN IP4 192.168.1.64", "o=") + VIDEO + SETS, [PICTURE]),
    "fmtp of the picture under the sound": (HEAD + VIDEO + SOUND + SETS, [PICTURE, ALAW]),
    "fmtp under another payload type": (
        HEAD + VIDEO + SETS.replace("fmtp:96", "fmtp:98"),
        [PICTURE],
    ),
    "H.265 with all three sets": (
        HEAD
        + VIDEO.replace("H264", "H265")
        + f"a=fmtp:96 sprop-vps={b64(VPS5)};sprop-sps={b64(SPS5)};sprop-pps={b64(PPS5)}\r\n",
        [(Codec.H265, (VPS5, SPS5, PPS5))],
    ),
    "H.265 without its VPS": (
        HEAD
        + VIDEO.replace("H264", "H265")
        + f"a=fmtp:96 sprop-sps={b64(SPS5)};sprop-pps={b64(PPS5)}\r\n",
        [(Codec.H265, ())],
    ),
    "H.265 sets with start codes (Revotech)": (
        HEAD
        + VIDEO.replace("H264", "H265")
        + "a=fmtp:96 sprop-vps=AAAAAUABDAH//wFgAAADAAADAAADAAADAJasCQ==; "
        + "sprop-sps=AAAAAUIBAQFgAAADAAADAAADAAADAJagBaIB4WNrkkya5Zk=; "
        + "sprop-pps=AAAAAUQB4HawJkA=\r\n",
        [
            (
                Codec.H265,
                (
                    bytes.fromhex("40010c01ffff01600000030000030000030000030096ac09"),
                    bytes.fromhex("42010101600000030000030000030000030096a005a201e1636b924c9ae599"),
                    bytes.fromhex("4401e076b02640"),
                ),
            )
        ],
    ),
    "o= and c= that end with IN (Uniview)": (
        "v=0\r\no=- 1001 1 IN \r\ns=VCP IPC Realtime stream\r\n"
        + VIDEO.replace("\r\n", "\r\nc=IN\r\n", 1)
        + SETS
        + "a=recvonly\r\nm=application 0 RTP/AVP 107\r\nc=IN\r\n"
        + "a=rtpmap:107 vnd.onvif.metadata/90000\r\na=fmtp:107 DecoderTag=h3c-v3 RTCP=0\r\n",
        [PICTURE],
    ),
    "Opus reported as 48000/1": (
        HEAD + "m=audio 0 RTP/AVP 101\r\na=rtpmap:101 OPUS/48000/1\r\n",
        [(Codec.OPUS, ())],
    ),
    "payload type 35 is H.264 (Bosch)": (HEAD + "m=video 0 RTP/AVP 35\r\n", [BARE]),
    "direction of the server's own view (D-Link)": (
        HEAD.replace("o=-", "o=CV-RTSPHandler")
        + VIDEO
        + SETS
        + "a=sendonly\r\n"
        + SOUND
        + "a=sendonly\r\n",
        [PICTURE, ALAW],
    ),
    "no direction": (HEAD + VIDEO + SETS + SOUND, [PICTURE, ALAW]),
    "clock rate 0": (
        HEAD + "m=video 0 RTP/AVP 97\r\na=rtpmap:97 H264/0\r\n" + VIDEO + SETS,
        [PICTURE],
    ),
    "sets with start codes": (
        HEAD
        + VIDEO
        + "a=fmtp:96 sprop-parameter-sets="
        + b64(bytes([0, 0, 0, 1]) + SPS, bytes([0, 0, 1]) + PPS)
        + "\r\n",
        [PICTURE],
    ),
    "back channel listed as sound (Dahua trackID=5)": (
        HEAD
        + VIDEO
        + SETS
        + "m=audio 0 RTP/AVP 0\r\na=control:trackID=5\r\na=sendonly\r\n"
        + SOUND,
        [PICTURE, ALAW],
    ),
    "sound of a payload type with another's rtpmap": (
        HEAD + "m=audio 0 RTP/AVP 8\r\na=rtpmap:0 pcma/8000/1\r\n",
        [ALAW],
    ),
}


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_description(name: str) -> None:
    text, expected = DESCRIPTIONS[name]
    offers, _ = choose(Session.parse(text.encode("latin-1")))
    assert [(offer.codec, offer.parameter_sets) for offer in offers] == expected


REGISTERED = Uri.parse("rtsp://10.0.0.9:8554/main")

# name -> Content-Base, control, and the address that is asked for.
ADDRESSES: dict[str, tuple[str, str, str]] = {
    "two schemes": ("rtsp://rtsp://cam.lan:554/stream1/", "track1", "/stream1/track1"),
    "no scheme": ("10.0.0.9/stream1/", "track1", "/stream1/track1"),
    "mapped IPv6 without brackets": (
        "rtsp://::ffff:10.0.0.9/onvif/1/",
        "track1",
        "/onvif/1/track1",
    ),
    "a base with a query": ("rtsp://10.0.0.9/h264?ch=1&sub=0", "track1", "/h264?ch=1&sub=0/track1"),
    "another host (NAT)": ("rtsp://192.168.1.64:554/s/", "track1", "/s/track1"),
    "its own loopback (TP-Link)": ("rtsp://127.0.0.1/stream1/", "track1", "/stream1/track1"),
    "no trailing slash": ("rtsp://10.0.0.9/s", "track1", "/s/track1"),
    "control with a leading slash": ("rtsp://10.0.0.9/s/", "/track1", "/s/track1"),
    "absolute control": ("rtsp://10.0.0.9/s/", "rtsp://10.0.0.9:8554/s/t/1", "/s/t/1"),
    "absolute control, two schemes": ("rtsp://10.0.0.9/s/", "rtsp://rtsp://10.0.0.9/s/1", "/s/1"),
    "control is a query": ("rtsp://10.0.0.9/s", "?track=1", "/s?track=1"),
    "control of everything": ("rtsp://10.0.0.9/s/", "*", "/s/"),
    "no base": ("", "track1", "/main/track1"),
}


@pytest.mark.parametrize("name", ADDRESSES)
def test_address(name: str) -> None:
    content_base, control, path = ADDRESSES[name]
    base = base_uri(REGISTERED, content_base) if content_base else REGISTERED
    assert resolve_control(base, control) == REGISTERED.with_path(path)


@pytest.mark.parametrize(
    ("text", "password", "host"),
    [
        ("rtsp://admin:p%40ss%23@10.0.0.9/1", "p@ss#", "10.0.0.9"),
        ("rtsp://admin:p@ss#1@10.0.0.9/1", "p@ss#1", "10.0.0.9"),
        ("rtsp://admin:100%@10.0.0.9/1", "100%", "10.0.0.9"),
    ],
)
def test_passwords_that_nobody_escaped(text: str, password: str, host: str) -> None:
    uri = Uri.parse(text)
    assert (uri.password, uri.host, uri.path) == (password, host, "/1")


# name -> the camera's Transport where channels 0-1 were asked for, and where its pictures come.
TRANSPORTS: dict[str, tuple[str, int]] = {
    "other channels than asked": ("RTP/AVP/TCP;unicast;interleaved=10-11;ssrc=10117CB7", 10),
    "one channel": ("RTP/AVP/TCP;unicast;interleaved=0", 0),
    "an odd channel": ("RTP/AVP/TCP;unicast;interleaved=3-4", 3),
    "no channels": ("RTP/AVP/TCP;unicast", 0),
    "RTP/AVP with channels": ("RTP/AVP;unicast;destination=10.0.0.1;interleaved=0-1", 0),
    "nothing": ("", 0),
    "a short SSRC": ("RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=1A", 0),
    "an SSRC with spaces (Dahua)": (
        "RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=     D93FF",
        0,
    ),
    "an SSRC with spaces inside": ("RTP/AVP/TCP;unicast;interleaved=0-1;ssrc= 12 34", 0),
    "an SSRC that is none": ("RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=xyz;mode=play", 0),
    "a source elsewhere": ("RTP/AVP/TCP;unicast;source=192.168.9.9;interleaved=0-1", 0),
}
VIDEO_ONLY = SDP[: SDP.index("m=audio")]


@pytest.mark.parametrize("name", TRANSPORTS)
async def test_transport(name: str) -> None:
    given, channel = TRANSPORTS[name]
    habits = Habits(transport=lambda asked: given, sdp=VIDEO_ONLY)
    async with run_camera(habits) as camera, pulling(camera) as pull:
        await until(lambda: pull.shelf.tracks)
        camera.send_pictures(channel=channel)
        await until(lambda: pull.pictures)


@pytest.mark.parametrize("server_port", ["", ";server_port=0-1", ";server_port=0"])
async def test_udp_without_the_server_s_ports(server_port: str) -> None:
    """Nothing can be punched; what comes from the camera's address is taken all the same."""
    habits = Habits(sdp=VIDEO_ONLY, transport=lambda asked: asked + server_port)
    options = {"transport": Transport.UDP, "udp_ports": (41000, 45000)}
    async with run_camera(habits) as camera, pulling(camera, **options) as pull:
        await until(lambda: pull.shelf.tracks)
        port = camera.udp_port()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            for packet in packets([key()]):
                sender.sendto(bytes(packet), ("127.0.0.1", port))
        await until(lambda: pull.pictures)


@pytest.mark.parametrize("is_allowed", [True, False])
async def test_udp_from_another_address_of_the_camera(*, is_allowed: bool) -> None:
    """It answers at one address and sends from another, which it names and we must allow."""
    habits = Habits(sdp=VIDEO_ONLY, transport=lambda asked: asked + ";source=127.0.0.3")
    options = {
        "transport": Transport.UDP,
        "udp_ports": (41000, 45000),
        "allowed": lambda ip: is_allowed or ip == "127.0.0.1",
    }
    async with run_camera(habits) as camera, pulling(camera, **options) as pull:
        await until(lambda: pull.shelf.tracks)
        port = camera.udp_port()
        for address in ("127.0.0.3", "127.0.0.1"):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.setblocking(False)
                sender.bind((address, 0))
                for packet in packets([key()], ssrc=int(address[-1])):
                    sender.sendto(bytes(packet), ("127.0.0.1", port))
        await until(lambda: len(pull.pictures) == (2 if is_allowed else 1))


# -- flow ------------------------------------------------------------------------------------------


async def test_every_request_signs_in_anew_hikvision() -> None:
    """It challenges each request of a connection, with a nonce of its own."""
    server = DigestServer("IP Camera(G0821)", "MD5", "admin", "pw")
    answered: set[str] = set()

    def change(request: Message, reply: Message) -> Message:
        authorization = request.headers.get("Authorization")
        if not authorization or authorization in answered:
            return reply
        answered.add(authorization)
        return reply

    habits = Habits(digest=server, change=change)
    async with run_camera(habits) as camera:
        async with pulling(camera, login=Login("admin", "pw")) as pull:
            await until(lambda: pull.shelf.tracks)
        signed = [r for r in camera.requests if r.headers.get("Authorization")]
        assert [r.method for r in signed] == ["DESCRIBE", "SETUP", "SETUP", "PLAY", "TEARDOWN"]
        for request in signed:
            assert f'uri="{request.uri}"' in request.headers.get("Authorization")
        assert camera.methods.index("DESCRIBE") < camera.methods.index("SETUP")


async def test_a_describe_without_a_user_agent_is_answered_by_401() -> None:
    def change(request: Message, reply: Message) -> Message:
        if not request.headers.get("User-Agent"):
            reply.start = "RTSP/1.0 401 Unauthorized"
        return reply

    async with run_camera(Habits(change=change)) as camera:
        await probe.describe(RtspAddress(url=camera.url), SystemClock())
        assert camera.methods == ["DESCRIBE"], "and it was not asked twice"


async def test_no_back_channel_is_ever_asked_for_dahua() -> None:
    """Dahua fails the second SETUP that requires one: we require nothing."""
    async with run_camera() as camera, pulling(camera) as pull:
        await until(lambda: pull.shelf.tracks)
        assert not any(request.headers.get("Require") for request in camera.requests)


async def test_the_session_is_renamed_after_setup() -> None:
    def change(request: Message, reply: Message) -> Message:
        if request.method == "PLAY":
            reply.headers.add("Session", "renamed")
        return reply

    async with run_camera(Habits(change=change)) as camera:
        async with pulling(camera) as pull:
            await until(lambda: pull.shelf.tracks)
        assert camera.asked("TEARDOWN")[0].headers.get("Session") == "renamed"


async def test_play_always_has_a_range_parrot() -> None:
    def change(request: Message, reply: Message) -> Message:
        if request.method == "PLAY" and not request.headers.get("Range").startswith("npt=0"):
            reply.start = "RTSP/1.0 457 Invalid Range"
        return reply

    async with run_camera(Habits(change=change)) as camera, pulling(camera) as pull:
        await until(lambda: pull.shelf.tracks)


async def test_a_transport_stream_is_named_fritzbox() -> None:
    """A DVB tuner, with a network type of its own spelling; told by its name, not as nonsense."""
    sdp = (
        "v=0\r\no=- 224 1 IN IP4 192.168.178.1\r\ns=SatIPServer:1 0,0,4\r\nt=0 0\r\n"
        "m=video 0 RTP/AVP 33\r\nc=In IP4 0.0.0.0\r\na=control:stream=1\r\n"
        "a=fmtp:33 ver=1.2;src=1;tuner=1,240,1,7,112,,dvbc,,,,6900,34;pids=0,16,17,18,20\r\n"
        "a=sendonly\r\n"
    )
    async with run_camera(Habits(sdp=sdp)) as camera:
        error = await failure(camera)
    assert isinstance(error, UnsupportedError)
    assert "mp2t" in str(error)


async def test_a_new_nonce_after_150_seconds_axis() -> None:
    """A keepalive is suddenly answered by 401 with a fresh nonce, and without stale=true."""
    first, second = (DigestServer("AXIS", "MD5", "root", "pw") for _ in range(2))
    habits = Habits(digest=first, session="abc;timeout=1")
    async with run_camera(habits) as camera, pulling(camera, login=Login("root", "pw")) as pull:
        await until(lambda: pull.shelf.tracks)
        camera.habits.digest = second
        seen = len(camera.requests)
        await until(lambda: len(camera.requests) >= seen + 3)
        pings = camera.requests[seen:]
        assert [each.headers.get("Authorization") != "" for each in pings[:2]] == [True, True]
        camera.send_pictures()
        await until(lambda: pull.pictures)
        assert not pull.task.done()


class Redirect(NamedTuple):
    """A Location, and the path that is asked for then; None: nobody is asked."""

    location: str
    path: str | None


REDIRECTS: dict[str, Redirect] = {
    "another path": Redirect("rtsp://127.0.0.1:{port}/inner", "/inner"),
    "another path with a login": Redirect("rtsp://u:p@127.0.0.1:{port}/inner", "/inner"),
    "another host": Redirect("rtsp://127.0.0.9:{port}/main", None),
    "another port": Redirect("rtsp://127.0.0.1:1/main", None),
    "a denied address": Redirect("rtsp://169.254.169.254/latest/meta-data", None),
    "another scheme": Redirect("http://127.0.0.1:{port}/main", None),
    "no address": Redirect("/inner", None),
    "nothing": Redirect("", None),
}


@pytest.mark.parametrize("status", [301, 302])
@pytest.mark.parametrize("name", REDIRECTS)
async def test_redirect(name: str, status: int) -> None:
    """The registered address is where we stay: within it we follow, elsewhere we never go."""
    location, path = REDIRECTS[name]

    def change(request: Message, reply: Message) -> Message:
        if request.method == "DESCRIBE" and request.uri.endswith("/main"):
            reply.start = f"RTSP/1.0 {status} Moved"
            reply.headers.add("Location", location.format(port=camera.port))
        return reply

    async with run_camera(Habits(change=change)) as camera:
        asking = probe.describe(RtspAddress(url=camera.url), SystemClock())
        if path is None:
            with pytest.raises(RefusedError, match=f"{status}.*not followed"):
                await asking
            assert camera.methods == ["DESCRIBE"]
        else:
            await asking
            assert [Uri.parse(each.uri).path for each in camera.requests] == ["/main", path]


@pytest.mark.parametrize(
    ("status", "location"),
    [(305, "rtsp://127.0.0.1:{port}/x"), (302, "rtsp://127.0.0.1:{port}/main")],
)
async def test_a_proxy_and_an_endless_redirect(status: int, location: str) -> None:
    def change(request: Message, reply: Message) -> Message:
        reply.start = f"RTSP/1.0 {status} x"
        reply.headers.add("Location", location.format(port=camera.port))
        return reply

    async with run_camera(Habits(change=change)) as camera:
        error = await failure(camera)
        assert error.reason == "refused"
        assert len(camera.requests) <= 3


# -- data ------------------------------------------------------------------------------------------


def damage(made: list[RtpPacket], change: Callable[[RtpPacket], None]) -> list[RtpPacket]:
    for packet in made:
        change(packet)
    return made


async def test_foreign_payload_types_inside_a_track_uniview() -> None:
    async with run_camera(Habits(sdp=VIDEO_ONLY)) as camera, pulling(camera) as pull:
        await until(lambda: pull.shelf.tracks)
        made = packets([key(3000)])
        for position in (1, 2):
            made.insert(position, RtpPacket(50, True, 9, 9, 9, b"Unassigned"))
        camera.send(made)
        await until(lambda: pull.pictures)
        assert pull.pictures[0].units == tuple(key(3000))
        assert (pull.source.stats.ignored, pull.source.stats.lost) == (2, 0)


@pytest.mark.parametrize(
    "data", [b"", b"\x80", b"\x81\xc8\xff\xff", b"\xbf\xc8\x00\x01abcd", b"\x00" * 28, b"\xff" * 40]
)
async def test_invalid_rtcp_hanwha(data: bytes) -> None:
    async with run_camera(Habits(sdp=VIDEO_ONLY)) as camera, pulling(camera) as pull:
        await until(lambda: pull.shelf.tracks)
        camera.write(b"$\x01" + len(data).to_bytes(2, "big") + data)
        camera.send_pictures()
        await until(lambda: pull.pictures)


GARBAGE: dict[str, bytes] = {
    "text": b"\r\nerror: encoder restarted\r\n",
    "zeros": bytes(700),
    "a dollar of an unknown channel": b"xx$\x09\x00\x04\x80abc",
    "a dollar that is no RTP": b"xx$\x00\x00\x04abcd",
    "a torn frame's tail": bytes(range(128, 256)) * 3,
    "half a status line": b"SP/1.0 200",
}


@pytest.mark.parametrize("name", GARBAGE)
@pytest.mark.parametrize("step", [1, 7, 100_000])
def test_resync_after_garbage(name: str, step: int) -> None:
    """Frames are found again by `$`, a known channel and RTP behind the length."""
    parser = Parser()
    parser.channels = frozenset((0, 1))
    good = interleave(packets([key(), inter()]))
    data = good + GARBAGE[name] + good
    items: list[object] = []
    for at in range(0, len(data), step):
        items += parser.feed(data[at : at + step])
    assert len(items) == 2 * len(packets([key(), inter()]))
    assert all(isinstance(item, tuple) for item in items)


async def test_start_codes_inside_the_payload() -> None:
    """The three units of a key frame in one payload, as in a file."""
    units = key()
    whole = b"".join(b"\0\0\0\1" + unit for unit in units)
    async with run_camera(Habits(sdp=VIDEO_ONLY)) as camera, pulling(camera) as pull:
        await until(lambda: pull.shelf.tracks)
        camera.send([RtpPacket(96, True, 1, 0, 7, whole)])
        await until(lambda: pull.pictures)
        assert pull.pictures[0].units == tuple(units)


async def test_a_fragment_without_its_start() -> None:
    async with run_camera(Habits(sdp=VIDEO_ONLY)) as camera, pulling(camera) as pull:
        await until(lambda: pull.shelf.tracks)
        torn = packets([key(5000), key()])
        del torn[1]  # the first fragment
        camera.send(torn)
        await until(lambda: pull.pictures)
        assert pull.pictures[0].units == tuple(key())
        assert pull.source.stats.damaged == 1


@pytest.mark.parametrize("always", [True, False])
async def test_wrong_markers(always: bool) -> None:
    """Set on every packet, or never: then the time stamp alone ends a picture."""

    def mark(packet: RtpPacket) -> None:
        packet.marker = always

    async with run_camera(Habits(sdp=VIDEO_ONLY)) as camera, pulling(camera) as pull:
        await until(lambda: pull.shelf.tracks)
        camera.send(damage(packets([key(3000), inter(), inter(), inter()]), mark))
        await until(lambda: len(pull.pictures) >= 3)
        assert pull.pictures[0].units == tuple(key(3000))


async def test_the_onvif_replay_extension_is_kept_off_the_pictures() -> None:
    """12 bytes of profile 0xABAC (ONVIF Streaming 6.3): parsed, and no part of the payload."""
    made = packets([key()])
    for packet in made:
        packet.extension = 0xABAC, bytes.fromhex("e0c9a1b2c3d4e5f6") + b"\xe0\x01\0\0"
    assert RtpPacket.parse(bytes(made[0])).extension == made[0].extension
    async with run_camera(Habits(sdp=VIDEO_ONLY)) as camera, pulling(camera) as pull:
        await until(lambda: pull.shelf.tracks)
        camera.send(made)
        await until(lambda: pull.pictures)
        assert pull.pictures[0].units == tuple(key())


async def test_missing_answers_to_keepalives_do_no_harm_while_media_flows() -> None:
    def change(request: Message, reply: Message) -> Message | None:
        return None if request.method in ("OPTIONS", "GET_PARAMETER") else reply

    habits = Habits(change=change, session="abc;timeout=1", sdp=VIDEO_ONLY)
    async with run_camera(habits) as camera, pulling(camera) as pull:
        await until(lambda: pull.shelf.tracks)
        await until(lambda: len(camera.asked("OPTIONS")) >= 3)
        camera.send_pictures()
        await until(lambda: pull.pictures)
        assert not pull.task.done()
        await asyncio.sleep(0)
