"""Session descriptions, also those that cameras should not send."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidgate.errors import ProtocolError
from vidgate.wire.sdp import (
    MAX_FORMATS,
    MAX_LENGTH,
    MAX_LINES,
    MAX_MEDIA,
    MAX_PARAMETERS,
    Media,
    RtpMap,
    Session,
    parse_parameters,
)

CAMERA = """v=0
o=- 1109162014219182 1109162014219192 IN IP4 10.0.0.1
s=Media Presentation
c=IN IP4 0.0.0.0
b=AS:5100
t=0 0
a=control:rtsp://10.0.0.1/main/
m=video 0 RTP/AVP 96
b=AS:5000
a=recvonly
a=rtpmap:96 H264/90000
a=fmtp:96 profile-level-id=420029; packetization-mode=1; sprop-parameter-sets=Z0IAKQ==,aM4=
a=control:trackID=1
m=audio 0 RTP/AVP 8
a=rtpmap:8 PCMA/8000
a=control:trackID=2
""".replace("\n", "\r\n")


def test_a_camera_s_description() -> None:
    session = Session.parse(CAMERA)
    video, audio = session.media
    assert (video.kind, video.port, video.protocol, video.formats) == (
        "video",
        0,
        "RTP/AVP",
        ["96"],
    )
    assert video.payload_types == [96]
    assert video.rtpmap(96) == RtpMap("H264", 90000)
    assert video.fmtp(96)["sprop-parameter-sets"] == "Z0IAKQ==,aM4="
    assert parse_parameters(video.fmtps[96]) == video.fmtp(96)
    assert video.mapped == [(96, RtpMap("H264", 90000))]
    assert video.get("control") == "trackID=1"
    assert video.direction == "recvonly"
    assert video.bandwidth == 5_000_000
    assert audio.rtpmap(8) == RtpMap("PCMA", 8000)
    assert session.get("control") == "rtsp://10.0.0.1/main/"
    assert session.line("s") == "Media Presentation"


def test_every_line_is_kept() -> None:
    assert str(Session.parse(CAMERA)) == CAMERA


def test_lines_of_gb28181_keep_their_place() -> None:
    media = "m=video 6000 TCP/RTP/AVP 96 98\r\na=setup:active\r\ny=0100000001\r\nf=v/2\r\n"
    text = "v=0\r\ns=Play\r\n" + media
    session = Session.parse(text)
    assert str(session) == text
    assert session.media[0].line("y") == "0100000001"


@pytest.mark.parametrize(
    "head",
    [
        "",  # nothing before the first m=
        "v=0\r\no=garbled\r\ns=a\r\ns=b\r\nc=broken\r\n",
        "o=- 0.5  IN IP4\r\n\r\n\r\nnonsense\r\n",
        "v = 0\r\n",
    ],
)
def test_broken_headers_do_no_harm(head: str) -> None:
    session = Session.parse(head + "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=contr")
    assert session.media[0].rtpmap(96) == RtpMap("H264", 90000)


@pytest.mark.parametrize(
    ("line", "kind", "port"),
    [
        ("m=application/TP-LINK 0 RTP/AVP smart/1/90000", "application/TP-LINK", 0),
        ("m=video -1 RTP/AVP 96", "video", 0),
        ("m=video 99999 RTP/AVP 96", "video", 0),
        ("m=video 5004/2 RTP/AVP 96", "video", 5004),
        ("m=vana", "vana", 0),
        ("m=", "unknown", 0),
    ],
)
def test_odd_media_lines_open_a_section(line: str, kind: str, port: int) -> None:
    session = Session.parse(f"m=audio 0 RTP/AVP 0\r\n{line}\r\na=control:mine\r\n")
    assert not session.media[0].has("control")
    assert (session.media[1].kind, session.media[1].port) == (kind, port)
    assert session.media[1].get("CONTROL") == "mine"


def test_static_types_need_no_rtpmap() -> None:
    media = Media(formats=["0", "8", "35", "x", "200"])
    assert media.payload_types == [0, 8, 35]
    assert media.rtpmap(0) == RtpMap("PCMU", 8000)
    assert media.rtpmap(35) == RtpMap("H264", 90000)
    assert media.rtpmap(99) is None


@pytest.mark.parametrize("value", ["96 H264", "96 H264/0", "96 /90000", "96 H264/fast", "96", ""])
def test_a_broken_rtpmap_means_nothing(value: str) -> None:
    media = Media()
    media.add("rtpmap", value)
    assert media.rtpmap(96) is None


def test_channels_and_case() -> None:
    media = Media()
    media.add("rtpmap", "111 opus/48000/2")
    media.add("rtpmap", "9 g722/8000/x")
    assert media.rtpmap(111) == RtpMap("OPUS", 48000, 2)
    assert media.rtpmap(9) == RtpMap("G722", 8000)


def test_attributes_can_be_added_and_asked_for() -> None:
    media = Media(kind="audio", port=9, formats=["8"])
    media.add("sendonly")
    media.add("mid", "0")
    assert (media.get("sendonly"), media.get("mid"), media.get("x")) == ("", "0", None)
    assert media.direction == "sendonly"
    assert Media().direction is None
    assert Media().bandwidth is None
    assert str(media) == "m=audio 9 RTP/AVP 8\r\na=sendonly\r\na=mid:0\r\n"


def test_tias_goes_before_as() -> None:
    media = Media(lines=[("b", "AS:64"), ("b", "TIAS:64000.5"), ("b", "TIAS:63000")])
    assert media.bandwidth == 63000


def test_parameters() -> None:
    assert parse_parameters(" A=1;b ;; c = x=y;a=2") == {"a": "1", "b": "", "c": "x=y"}


@pytest.mark.parametrize(
    ("line", "most", "words"),
    [("x", MAX_LENGTH, "characters"), ("a=1\r\n", MAX_LINES, "lines"), ("m=x\n", MAX_MEDIA, "m=")],
)
def test_limits(line: str, most: int, words: str) -> None:
    Session.parse(line * most)
    with pytest.raises(ProtocolError, match=f"more than {most} {words}|longer than {most} {words}"):
        Session.parse(line * (most + 1))


def test_what_no_device_has_so_many_of_is_cut() -> None:
    media = Session.parse("m=video 0 RTP/AVP" + " 96" * 1000).media[0]
    assert media.formats == ["96"] * MAX_FORMATS
    assert len(parse_parameters("".join(f"a{number};" for number in range(999)))) == MAX_PARAMETERS


@given(st.text("vmao= 0123456789/\r\n:;videoRTPAVPcontrol*", max_size=300))
def test_any_text_can_be_parsed_and_printed_again(text: str) -> None:
    session = Session.parse(text)
    again = Session.parse(str(session))
    assert str(again) == str(session)


@given(st.binary(max_size=200))
def test_any_bytes_can_be_parsed(data: bytes) -> None:
    session = Session.parse(data)
    assert str(Session.parse(str(session))) == str(session)
