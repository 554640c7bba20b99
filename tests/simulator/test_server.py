import asyncio

import pytest

from tests.simulator.conftest import PlainClient, address_of, plain_client, small_fleet
from vidgate.rtp.packet import RtpPacket
from vidgate.rtp.rtcp import SenderReport, is_rtcp, parse_compound
from vidgate.simulator.fleet import Fleet
from vidgate.simulator.requests import METHODS
from vidgate.wire.sdp import Session

TCP = "RTP/AVP/TCP;unicast;interleaved=0-1"


async def play(client: PlainClient, transport: str = TCP) -> str:
    """Set up the picture and play; returns the session."""
    answer = await client.ask("SETUP", "/trackID=0", Transport=transport)
    assert answer.status == 200
    session, _, timeout = answer.headers.get("Session").partition(";")
    assert timeout == "timeout=60"
    answer = await client.ask("PLAY", Session=session, Range="npt=0-")
    assert answer.status == 200
    assert "trackID=0;seq=" in answer.headers.get("RTP-Info")
    return session


async def test_options_need_no_password(fleet: Fleet) -> None:
    async with plain_client(fleet) as client:
        answer = await client.ask_once("OPTIONS")
        assert (answer.status, answer.headers.get("Public")) == (200, METHODS)
        answer = await client.ask_once("OPTIONS", "/elsewhere")
        assert answer.status == 200


async def test_describe_tells_both_tracks(fleet: Fleet) -> None:
    async with plain_client(fleet) as client:
        challenge = await client.ask_once("DESCRIBE")
        assert challenge.status == 401
        assert challenge.headers.get("WWW-Authenticate").startswith("Digest realm=")
        answer = await client.ask("DESCRIBE")
        assert answer.headers.get("Content-Base") == client.url + "/"
        described = Session.parse(answer.body)
        video, sound = described.media
        assert (video.kind, sound.kind) == ("video", "audio")
        parameters = video.fmtp(96)
        assert 100_000 < (video.bandwidth or 0) < 1_000_000
        assert parameters["packetization-mode"] == "1"
        assert parameters["profile-level-id"].startswith("42c0")
        assert len(parameters["sprop-parameter-sets"].split(",")) == 2
        assert (video.get("control"), sound.get("control")) == ("trackID=0", "trackID=1")


async def test_frames_come_on_the_channels_that_were_asked_for(fleet: Fleet) -> None:
    async with plain_client(fleet) as client:
        await play(client, "RTP/AVP/TCP;unicast;interleaved=6-7")
        kinds: dict[int, list[bytes]] = {6: [], 7: []}
        while not (kinds[6] and kinds[7]):
            channel, packet = await client.frame()
            kinds[channel].append(packet)
        assert RtpPacket.parse(kinds[6][0]).payload_type == 96
        assert is_rtcp(kinds[7][0])
        assert isinstance(parse_compound(kinds[7][0])[0], SenderReport)


async def test_rtp_info_names_the_first_packet(fleet: Fleet) -> None:
    async with plain_client(fleet) as client:
        setup = await client.ask("SETUP", "/trackID=0", Transport=TCP)
        answer = await client.ask("PLAY", Session=setup.headers.get("Session").split(";")[0])
        channel, data = await client.frame()
        while channel:
            channel, data = await client.frame()
        packet = RtpPacket.parse(data)
        _, sequence, stamp = answer.headers.get("RTP-Info").split(";")
        assert sequence == f"seq={packet.sequence}"
        ahead = packet.timestamp - int(stamp.removeprefix("rtptime="))
        assert abs(ahead) <= 2 * 3600


async def test_teardown_ends_the_session_not_the_connection(fleet: Fleet) -> None:
    async with plain_client(fleet) as client:
        session = await play(client)
        assert (await client.ask("GET_PARAMETER", Session=session)).status == 200
        assert (await client.ask("TEARDOWN", Session=session)).status == 200
        assert fleet.truth()["sessions"] == 0
        assert (await client.ask("PLAY", Session=session)).status == 454
        assert (await client.ask("DESCRIBE")).status == 200


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("DESCRIBE", "/nothing", {}, 404),
        ("PAUSE", "", {}, 501),
        ("PLAY", "", {"Session": "wrong"}, 454),
        ("SETUP", "/trackID=0", {"Transport": "RTP/AVP;multicast;client_port=5000-5001"}, 461),
        ("SETUP", "/trackID=0", {"Transport": "RTP/AVP;unicast;client_port=0-1"}, 461),
        ("SETUP", "/trackID=0", {}, 461),
        ("SETUP", "/trackID=7", {"Transport": TCP}, 404),
        ("SETUP", "", {"Transport": TCP}, 404),
    ],
)
async def test_wrong_requests_are_refused_by_the_book(
    fleet: Fleet, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    async with plain_client(fleet) as client:
        assert (await client.ask(method, path, **headers)).status == status


async def test_a_session_is_of_one_stream(fleet: Fleet) -> None:
    async with plain_client(fleet) as client:
        await play(client)
        client.url = client.url.replace("/main", "/sub")
        assert (await client.ask("SETUP", "/trackID=0", Transport=TCP)).status == 455


async def test_nonsense_is_answered_and_ends_the_connection(fleet: Fleet) -> None:
    async with plain_client(fleet) as client:
        client.writer.write(b"OPTIONS * RTSP/1.0\r\nContent-Length: -1\r\n\r\n")
        assert (await client.response()).status == 400
        assert await client.reader.read() == b""


async def test_endless_heads_end_the_connection(fleet: Fleet) -> None:
    async with plain_client(fleet) as client:
        client.writer.write(b"x" * 200_000)
        try:
            answer = await client.reader.read()
        except ConnectionError:
            return
        assert not answer or answer.startswith(b"RTSP/1.0 400")


async def test_interleaved_reports_of_the_client_are_skipped(fleet: Fleet) -> None:
    async with plain_client(fleet) as client:
        client.writer.write(b"$\x01\x00\x04abcd$\x01\x00")
        await client.writer.drain()
        await asyncio.sleep(0)
        client.writer.write(b"\x02ab")
        assert (await client.ask("DESCRIBE")).status == 200


async def test_cameras_without_a_password_ask_for_none() -> None:
    async with small_fleet(1) as fleet:
        url = address_of(fleet).url
    rows = [{"id": "open", "url": url}]
    async with Fleet(rows) as fleet, plain_client(fleet) as client:
        assert (await client.ask_once("DESCRIBE")).status == 200
        fleet.set_fault("open", "401")
        assert (await client.ask_once("DESCRIBE")).status == 401
