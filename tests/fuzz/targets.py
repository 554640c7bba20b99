"""The readers of bytes from outside: each takes anything, and raises nothing but our own errors.

A target is a function of bytes; what it lets out other than a `VidgateError` is a crash. The seeds
are made here, from what cameras, browsers and departments really send.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from aioice import stun
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Ping

from tests.registry import corpus
from vidgate.aio.clock import ManualClock
from vidgate.errors import VidgateError
from vidgate.model.channel import Login
from vidgate.model.media import Codec, Frame, Track
from vidgate.registry.sheet import parse_file, rows_of
from vidgate.rtp import h264, h265
from vidgate.rtp.rtcp import (
    Bye,
    Nack,
    Pli,
    ReceiverReport,
    ReportBlock,
    Sdes,
    SenderReport,
    parse_compound,
)
from vidgate.rtsp.headers import TransportHeader, base_uri, parse_session, resolve_control
from vidgate.rtsp.http_tunnel import HttpTunnel
from vidgate.rtsp.receiver import TrackReceiver
from vidgate.rtsp.session import ClientSession
from vidgate.rtsp.tracks import choose
from vidgate.rtsp.tunnel import PORTION
from vidgate.rtsp.websocket_tunnel import SUBPROTOCOL, WebSocketTunnel
from vidgate.webrtc import offers
from vidgate.webrtc.fingerprint import Fingerprint
from vidgate.webrtc.mux import Leg, Mux
from vidgate.wire import sdp
from vidgate.wire.message import Message
from vidgate.wire.uri import Uri

Read = Callable[[bytes], None]

CAMERA = Uri.parse("rtsp://10.0.0.1/h264/ch1/main")
DATA = Path(__file__).parents[1] / "webrtc" / "data"
MAX_SEED = 96 << 10  # bytes; larger files have tests of their own
LARGE = ("too-large.csv", "zip-bomb.xlsx", "million-rows.xlsx")
MOST = 64 << 10  # bytes of one packet, message or read of a socket
PACKETS = 200  # of one input: a loop's turn takes fewer (rtsp/intake.py)
DESCRIPTION = (
    "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=Media\r\nt=0 0\r\na=control:*\r\n"
    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 {codec}/90000\r\na=control:trackID=1\r\n"
    "a=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z0IAKeKQFoe2AtwEBAaQeJEV,aM48gA==\r\n"
    "m=audio 0 RTP/AVP 104\r\na=rtpmap:104 {sound}\r\na=control:trackID=2\r\na=fmtp:104 {fmtp}\r\n"
)
AAC_FMTP = "streamtype=5;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1210"
LATM_FMTP = "cpresent=0;config=40002410adca00"
DESCRIPTIONS = tuple(
    DESCRIPTION.format(codec=codec, sound=sound, fmtp=fmtp).encode()
    for codec, sound, fmtp in (
        ("H264", "mpeg4-generic/44100/2", AAC_FMTP),
        ("H265", "MP4A-LATM/90000", LATM_FMTP),
        ("H264", "PCMA/8000", "x"),
    )
)


@dataclass(frozen=True, slots=True)
class Target:
    """A reader, what it is good for, and what to begin with.

    More than `slow` seconds of processor time for one input of at most `most` bytes are a crash:
    what reads for the event loop may not hold it (design.md 2).
    """

    name: str
    read: Read
    seeds: Callable[[], Sequence[bytes]]
    most: int = MOST
    slow: float = 0.02

    def run(self, data: bytes) -> None:
        """Read; the errors that callers expect are none."""
        try:
            self.read(data)
        except VidgateError:
            pass


def pieces(data: bytes) -> Iterator[bytes]:
    """The data as a network brings it: in pieces, whose sizes its own first byte decides."""
    if not data:
        return
    chance, at = random.Random(data[0]), 1
    while at < len(data):
        size = chance.choice((1, 2, 3, 7, 64, 1400, 65536))
        yield data[at : at + size]
        at += size


# -- RTSP ----------------------------------------------------------------------------------------


def rtsp(data: bytes) -> None:
    """A session with a login and two requests under way, before PLAY or after."""
    session = ClientSession(CAMERA, Login("admin", "secret"))
    if data[:1] > b"\x7f":
        session.parser.channels = frozenset((0, 1))
    session.request("DESCRIBE", str(CAMERA))
    session.request("SETUP", f"{CAMERA}/trackID=1")
    for piece in pieces(data):
        for event in session.receive(piece):
            message = getattr(event, "message", None)
            if isinstance(message, Message):
                TransportHeader.parse(message.headers.get("Transport"))
                parse_session(message.headers.get("Session"))
                base_uri(CAMERA, message.headers.get("Content-Base"))
        session.data_to_send()


def _rtsp_seeds() -> list[bytes]:
    challenge = b'WWW-Authenticate: Digest realm="IP Camera", nonce="ab12", algorithm=SHA-256\r\n'
    replies = [
        b"RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\n" + challenge + b"\r\n",
        b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Base: rtsp://10.0.0.1/h264/\r\n"
        b"Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%b"
        % (len(DESCRIPTIONS[0]), DESCRIPTIONS[0]),
        b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nSession: 1a2b;timeout=60\r\n"
        b"Transport: RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=1F2E\r\n\r\n",
        b"OPTIONS rtsp://10.0.0.1 RTSP/1.0\r\nCSeq: 9\r\n\r\n",
        b"$\x00\x00\x10" + bytes((0x80, 96)) + bytes(14),
    ]
    frames = replies[-1] * 40
    text = b"RTSP/1.0 200" * 4000 + b"\1"
    between = [frames, frames + replies[2] + frames, frames + text + frames]
    return [
        *(b"\x05" + reply for reply in (*replies, _refusal(b"a=,"))),
        b"\x01" + b"".join(replies),
        *(bytes((0x81 + number,)) + data for number, data in enumerate(between)),
    ]


def _refusal(challenge: bytes) -> bytes:
    """A 401 with as much as a head may hold of it."""
    values = (b"WWW-Authenticate: Digest " + challenge * (4000 // len(challenge)) + b"\r\n") * 15
    return b"RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\n" + values + b"\r\n"


def tunnel(data: bytes) -> None:
    """What a camera answers to the GET and the POST of a tunnel."""
    down, up = HttpTunnel(CAMERA, "cookie"), HttpTunnel(CAMERA, "cookie")
    for piece in pieces(data):
        up.receive_post(piece)
    for piece in pieces(data):
        down.receive(piece)


def websocket(data: bytes) -> None:
    """What a camera answers to the request for a WebSocket, or sends once it has one."""
    made, server = WebSocketTunnel(CAMERA), WSConnection(ConnectionType.SERVER)
    server.receive_data(made.get())
    list(server.events())
    if data[:1] > b"\x7f":
        made.receive(server.send(AcceptConnection(subprotocol=SUBPROTOCOL)))
    for piece in pieces(data[1:]):
        made.receive(piece)
        made.data_to_send()
    made.goodbye()


def _websocket_seeds() -> list[bytes]:
    server = WSConnection(ConnectionType.SERVER)
    server.receive_data(WebSocketTunnel(CAMERA).get())
    list(server.events())
    answer = server.send(AcceptConnection(subprotocol=SUBPROTOCOL))
    sent = (
        BytesMessage(data=b"RTSP/1.0 200 OK\r\n"),
        Ping(payload=b"x"),
        CloseConnection(code=1000),
    )
    return [
        b"\xff\x05" + b"".join(server.send(one) for one in sent),
        b"\x00\x05" + answer,
        b"\x00\x01HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno",
    ]


def _tunnel_seeds() -> list[bytes]:
    kind = b"Content-Type: application/x-rtsp-tunnelled\r\n"
    return [
        b"\x05HTTP/1.0 200 OK\r\n" + kind + b"x-server-ip-address: 10.9.9.9\r\n\r\nRTSP/1.0 200 OK",
        b"\x01HTTP/1.1 401 Unauthorized\r\nContent-Length: 3\r\n\r\nno.",
        b"\x02HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>",
    ]


# -- descriptions --------------------------------------------------------------------------------


def description(data: bytes) -> None:
    """A camera's description, and what we would take of it."""
    session = sdp.Session.parse(data)
    chosen, _ = choose(session)
    for number, offer in enumerate(chosen):
        offer.track(number)
        offer.depacketiser()
        resolve_control(CAMERA, offer.media.get("control"))
    assert sdp.Session.parse(str(session)).media is not None


def _description_seeds() -> list[bytes]:
    """What cameras send, and as much of it as a message may hold."""
    media = DESCRIPTIONS[0].partition(b"m=")[2]
    formats = b"a=fmtp:96 profile-level-id=42e01f\r\n"
    return [
        *DESCRIPTIONS,
        (DESCRIPTIONS[0] + (b"m=" + media) * 7 + formats * 900)[:MOST],  # 16 media
        (DESCRIPTIONS[0] + b"a=fmtp:96 x\r\n" * 1000)[:MOST],
        (b"m=video 0 RTP/AVP" + b" 96" * 128 + b"\r\n" + b"a=rtpmap:96 x/9\r\n" * 60) * 16,
    ]


TRACKS = (
    Track(id=0, codec=Codec.H264, clock_rate=90_000, profile="42e01f"),
    Track(id=1, codec=Codec.PCMA, clock_rate=8_000),
)
LOCAL = offers.Local(
    "abcd", "p" * 24, Fingerprint("sha-256", ":".join(["00"] * 32)), ("127.0.0.1", "::1"), 8189
)


def offer(data: bytes) -> None:
    """A browser's offer, and our answer."""
    parsed = offers.parse_offer(data.decode("utf-8", "replace"))
    offers.codecs(parsed)
    picks = offers.choose(parsed, TRACKS)
    out = [offers.Outgoing(pick, 1 + number, "x") for number, pick in enumerate(picks)]
    offers.answer(parsed, out, LOCAL)


def _offer_seeds() -> list[bytes]:
    return [file.read_bytes() for file in sorted(DATA.glob("*.sdp"))]


# -- datagrams -----------------------------------------------------------------------------------


def front(data: bytes) -> None:
    """The open UDP port: checks, handshakes, packets, from two addresses."""
    mux = Mux(0, ManualClock())
    mux._send_each = lambda path, packets: True  # type: ignore[method-assign]
    leg = mux.leg()
    known, strange = ("127.0.0.1", 9), ("127.0.0.2", 9)
    if data[:1] == b"\x01":  # who has passed a check
        mux._receive(_check(leg), known, [])
        leg.on_media = _compound
    for piece in pieces(data):
        mux._receive(piece, known, [])
        mux._receive(piece, strange, [])
    mux.forget(leg)


def _compound(data: bytes) -> None:
    for packet in parse_compound(data):
        bytes(packet)


def _check(leg: Leg) -> bytes:
    request = stun.Message(
        message_method=stun.Method.BINDING,
        message_class=stun.Class.REQUEST,
        transaction_id=bytes(12),
        attributes={"USERNAME": f"{leg.ufrag}:them", "PRIORITY": 1},
    )
    request.add_message_integrity(leg.password.encode())
    return bytes(request)


def _front_seeds() -> list[bytes]:
    leg = Mux(0, ManualClock()).leg()
    hello = bytes.fromhex("16feff00000000000000000032010000260000000000000026fefd") + bytes(64)
    packet = bytes((0x80, 96)) + bytes(30)
    return [first + body for first in (b"\x00", b"\x01") for body in (_check(leg), hello, packet)]


def rtcp(data: bytes) -> None:
    """A compound packet."""
    _compound(data)


def _rtcp_seeds() -> list[bytes]:
    block = ReportBlock(7, 1, 2, 3, 4, 5, 6)
    packets = (
        SenderReport(1, 2 << 32, 3, 4, 5, (block,)),
        ReceiverReport(1, (block, block)),
        Sdes(((1, "camera"),)),
        Bye((1, 2)),
        Nack(1, 2, (3, 4, 90)),
        Pli(1, 2),
    )
    return [bytes(one) for one in packets] + [b"".join(bytes(one) for one in packets)]


# -- media ---------------------------------------------------------------------------------------


def track(data: bytes) -> None:
    """Packets of one track of a camera, over UDP or TCP: the data's second byte says which."""
    if len(data) < 3:
        return
    made = choose(sdp.Session.parse(DESCRIPTIONS[data[1] % len(DESCRIPTIONS)]))[0]
    chosen = made[data[1] // 16 % len(made)]
    frames: list[Frame] = []
    receiver = TrackReceiver(0, chosen, lambda: 1.0, frames.append)
    if data[1] & 8:
        receiver.use_udp()
    at = 2
    for _ in range(PACKETS):
        if at >= len(data):
            break
        size = int.from_bytes(data[at : at + 2], "big")  # as in an interleaved frame
        packet = data[at + 2 : at + 2 + size]
        receiver.rtp(packet)
        receiver.rtcp(packet)
        at += 2 + size
    receiver.report(2.0)


def _packet(kind: int, number: int, load: bytes) -> bytes:
    """A packet behind its size; `kind` is the second byte, payload type and marker."""
    packet = bytes((0x80, kind)) + number.to_bytes(2, "big") + bytes(8) + load
    return len(packet).to_bytes(2, "big") + packet


def _track_seeds() -> list[bytes]:
    units = [bytes((0x67, 66, 0, 41)) + bytes(8), bytes((0x68, 1, 2)), b"\x65\x88" + bytes(3000)]
    loads = h264.packetise(units, 1180)
    sound = [b"\x00\x10\x02\x00" + bytes(64), bytes(160)]
    seeds = []
    for which in range(0, 64, 4):
        body = b""
        for number, load in enumerate(loads + sound):
            kind = 104 if which & 16 else 96
            marker = 0x80 if number == len(loads) - 1 else 0
            body += _packet(kind | marker, number, load)
        seeds.append(bytes((0, which)) + body)
    return seeds + _large_track_seeds()


def _large_track_seeds() -> list[bytes]:
    """The longest packets, full of what there may be many of, for pictures and for sound."""
    fill = MOST - 64
    pictures = (b"\x18" + b"\0\1\x0c" * (fill // 3), b"\x06" + b"\0\0\1a" * (fill // 4))
    reports = (b"\x80\xcb\0\0" * (fill // 4), b"\x81\xcd\x3f\xdd" + b"\xff" * (fill - 4))
    sound = (b"\xff" * fill, b"\x02\0" + b"\0\x10" * (fill // 2))
    return [
        *(bytes((0, 0)) + _packet(0xE0, 0, load) for load in pictures),
        *(bytes((0, 0)) + len(load).to_bytes(2, "big") + load for load in reports),
        *(bytes((0, which)) + _packet(0xE8, 0, load) for load in sound for which in (16, 18)),
    ]


def parameter_sets(data: bytes) -> None:
    """A sequence parameter set of either codec."""
    for parse in (h264.parse_sps, h265.parse_sps):
        try:
            parse(data)
        except VidgateError:
            pass
    h265.profile_of((data,) if data else ())


def _set_seeds() -> list[bytes]:
    return [
        bytes.fromhex("67420029e2901687b602dc04040690789115"),
        bytes.fromhex("6764001facd9405005bb011000000300100000030320f1831960"),
        bytes.fromhex("420101016000000300b0000003000003005da00280802d1636b924cbc04040"),
    ]


# -- registers -----------------------------------------------------------------------------------


def register(data: bytes) -> None:
    """A file that somebody uploads, as the worker reads it."""
    for chunk in parse_file("r", data).chunks:
        rows_of(chunk)


def _register_seeds() -> list[bytes]:
    made = (make() for name, make in corpus.CASES.items() if name not in LARGE)
    return [data for data in made if len(data) <= MAX_SEED]


TARGETS = {
    one.name: one
    for one in (
        Target("rtsp", rtsp, _rtsp_seeds),
        Target("tunnel", tunnel, _tunnel_seeds),
        Target("websocket", websocket, _websocket_seeds, most=PORTION),
        Target("sdp", description, _description_seeds),
        Target("offer", offer, _offer_seeds),
        Target("front", front, _front_seeds),
        Target("rtcp", rtcp, _rtcp_seeds),
        Target("track", track, _track_seeds),
        Target("sets", parameter_sets, _set_seeds),
        Target("register", register, _register_seeds, most=1 << 18, slow=0.5),  # in a worker
    )
}


# -- mutation ------------------------------------------------------------------------------------

TOKENS = (
    b"\r\n", b"\0", b"$", b"\xff\xff\xff\xff", b"Content-Length: ", b"99999999999", b"-1", b"<",
    b"&", b"a=", b"m=video 0 RTP/AVP 96\r\n", b"\x80\xc8", b"\x21\x12\xa4\x42", b"PK\x03\x04",
)  # fmt: skip


def mutated(seed: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """The seed with a few things done to it that wires, programs and people do."""
    data = bytearray(seed)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(7):
            case 0 if data:
                data[at % len(data)] ^= 1 << chance.randrange(8)
            case 1 if data:
                data[at % len(data)] = chance.choice((0, 1, 127, 128, 255))
            case 2:
                del data[at : at + chance.choice((1, 2, 8, 64))]
            case 3:
                data[at:at] = chance.choice(TOKENS)
            case 4:
                data[at:at] = data[at : at + chance.choice((1, 4, 64))]
            case 5:
                other = chance.choice(others)
                data[at:] = other[chance.randrange(len(other) + 1) :]
            case _:
                del data[at:]
    return bytes(data)
