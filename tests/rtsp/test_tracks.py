"""Choosing media out of what cameras describe."""

import base64

import pytest

from tests.rtp.packets import PPS, SPS
from tests.rtp.test_h265 import PPS as PPS5
from tests.rtp.test_h265 import SPS as SPS5
from tests.rtp.test_h265 import VPS as VPS5
from tests.rtp.work import lines
from tests.rtsp.camera import SDP
from vidgate.errors import UnsupportedError
from vidgate.model.media import Codec
from vidgate.rtsp.tracks import Offer, Picture, choose, picture
from vidgate.wire.sdp import MAX_FORMATS, MAX_LENGTH, MAX_LINES, MAX_MEDIA, Session


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def chosen(text: str) -> list[Offer]:
    return choose(Session.parse(text))[0]


def test_picture_and_sound_are_taken() -> None:
    offers, others = choose(Session.parse(SDP))
    assert [offer.codec for offer in offers] == [Codec.H264, Codec.PCMA]
    assert others == []
    track = offers[0].track(0)
    assert track.parameter_sets == (SPS, PPS)
    assert track.profile == "42c00d"
    assert picture(offers[0]) == Picture(320, 240, 25.0)
    assert offers[1].track(1).profile == ""


def test_others_are_named() -> None:
    text = (
        "m=application 0 RTP/AVP 107\r\na=rtpmap:107 vnd.onvif.metadata/90000\r\n"
        "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/16000\r\n"
        "m=video 0 RTP/AVP 26\r\n"
        "m=application/TP-LINK 0 RTP/AVP smart/1/90000\r\n" + SDP
    )
    offers, others = choose(Session.parse(text))
    assert [offer.codec for offer in offers] == [Codec.H264, Codec.PCMA]
    assert others == ["vnd.onvif.metadata", "mpeg4-generic", "jpeg", "application/TP-LINK"]


def test_a_name_does_not_steer_the_terminal_that_it_is_told_on() -> None:
    text = (
        "m=video 0 RTP/AVP 96\r\na=rtpmap:96 \x1b[31mX\x07\u2028Y/90000\r\n"
        "m=\x1b[2J 0 RTP/AVP 1\r\n"
    )
    _, others = choose(Session.parse(text))
    assert UnsupportedError("offers", said=", ".join(others)).message == "offers: ?[31mx??y, ?[2J"


def test_the_first_of_each_kind() -> None:
    offers, others = choose(Session.parse(SDP + SDP[SDP.index("m=video") :]))
    assert len(offers) == 2
    assert others == ["h264", "pcma"]


def test_a_back_channel_is_no_sound() -> None:
    text = "m=audio 0 RTP/AVP 0\r\na=sendonly\r\na=control:trackID=5\r\n"
    assert chosen(text) == []
    assert len(chosen(text + "m=audio 0 RTP/AVP 8\r\na=recvonly\r\n")) == 1


@pytest.mark.parametrize(
    "media",
    [
        "m=video 0 RTP/AVP 35\r\n",  # Bosch
        "m=video 0 RTP/AVP 97 96\r\na=rtpmap:97 vana/90000\r\na=rtpmap:96 H264/90000\r\n",
        "m=video 65536 RTP/AVP 96\r\na=rtpmap:96 h264/90000\r\na=sendonly\r\n",
    ],
)
def test_odd_pictures_are_taken(media: str) -> None:
    (offer,) = chosen(media)
    assert offer.codec is Codec.H264
    assert offer.parameter_sets == ()


def test_an_invalid_clock_rate_is_no_track() -> None:
    assert chosen("m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/0\r\n") == []
    assert chosen("m=audio 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n") == []


def test_parameter_sets_with_start_codes_and_under_another_type() -> None:
    sets = ",".join((b64(b"\0\0\0\1" + SPS), b64(b"\0\0\1" + PPS)))
    text = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
    for number in (96, 98):
        (offer,) = chosen(f"{text}a=fmtp:{number} sprop-parameter-sets={sets}\r\n")
        assert offer.parameter_sets == (SPS, PPS)


@pytest.mark.parametrize("sets", ["", "!!!", "A", "AA", "Z0", b64(PPS), "Zw==,Zw=="])
def test_broken_parameter_sets_are_none(sets: str) -> None:
    text = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
    (offer,) = chosen(f"{text}a=fmtp:96 sprop-parameter-sets={sets}\r\n")
    assert offer.parameter_sets == ()
    assert picture(offer) == Picture()


def test_a_broken_sps_tells_no_size() -> None:
    text = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
    (offer,) = chosen(f"{text}a=fmtp:96 sprop-parameter-sets={b64(SPS[:6])}\r\na=framerate:x\r\n")
    assert len(offer.parameter_sets) == 1
    assert picture(offer) == Picture()


def test_h265_needs_all_three_sets() -> None:
    text = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H265/90000\r\na=framerate:12.5\r\na=fmtp:96 "
    full = f"sprop-vps={b64(VPS5)};sprop-sps={b64(SPS5)};sprop-pps={b64(PPS5)}"
    (offer,) = chosen(text + full)
    assert offer.parameter_sets == (VPS5, SPS5, PPS5)
    assert picture(offer) == Picture(320, 240, 12.5)
    (offer,) = chosen(text + full.replace("sprop-pps", "x"))
    assert offer.parameter_sets == ()
    assert picture(offer) == Picture(fps=12.5)


def test_feedback_is_noticed() -> None:
    assert not chosen(SDP)[0].feedback
    assert chosen(SDP.replace("b=AS:1000", "a=rtcp-fb:* nack pli"))[0].feedback


AAC = "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 "
HBR = "a=fmtp:97 streamtype=5;profile-level-id=1;mode=AAC-hbr;config=1210;"
LENGTHS = "SizeLength=13;IndexLength=3;IndexDeltaLength=3\r\n"


@pytest.mark.parametrize(
    "text",
    [
        AAC + "MPEG4-GENERIC/44100/2\r\n" + HBR + LENGTHS,
        AAC + "mpeg4-generic/44100\r\n" + HBR + "\r\n",  # neither channels nor lengths
        AAC + "mpeg4-generic/44100/2\r\na=fmtp:97 config=1210\r\n",
        AAC + "MP4A-LATM/44100/2\r\na=fmtp:97 cpresent=0;config=400024203fc0\r\n",
    ],
)
def test_aac_is_taken_in_either_framing(text: str) -> None:
    (offer,) = chosen(text)
    track = offer.track(1)
    assert (track.codec, track.clock_rate, track.channels) == (Codec.AAC, 44100, 2)
    assert track.parameter_sets == (b"\x12\x10",)
    assert offer.depacketiser() is not offer.depacketiser()


@pytest.mark.parametrize(
    "text",
    [
        AAC + "mpeg4-generic/44100\r\n",
        AAC + "mpeg4-generic/44100\r\na=fmtp:97 config=xyz\r\n",
        AAC + "mpeg4-generic/44100\r\na=fmtp:97 mode=CELP-cbr;config=1210\r\n",
        AAC + "mpeg4-generic/44100\r\na=fmtp:97 config=1210;constantsize=9\r\n",
        AAC + "MP4A-LATM/44100\r\na=fmtp:97 cpresent=1\r\n",
        AAC + "mpeg4-generic/44100\r\na=sendonly\r\n" + HBR + LENGTHS,
    ],
)
def test_aac_that_cannot_be_read_is_left_out(text: str) -> None:
    assert chosen(text) == []


ONE = "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\n"
MANY = (MAX_MEDIA - 1) * ONE
ALL = " ".join(map(str, range(MAX_FORMATS)))
UNUSED = MAX_LINES - 60
MOST_LINES = 35 * MAX_LINES  # of Python; as many for each line of a description


@pytest.mark.parametrize(
    "text",
    [
        MANY + ONE + "a=fmtp\n" * UNUSED,
        MANY + ONE + "a=fmtp:96 sprop-parameter-sets=" + "AAAA," * 12000,
        MANY + ONE + "a=fmtp:96 " + "a;" * 30000,
        ONE + "a=fmtp:96 sprop-parameter-sets=AAAA\n" * 900,
        ONE + ("a=fmtp:96 sprop-parameter-sets=" + "AA," * 15 + "\n") * 800,
        ONE + "a=rtcp-fb:96 nack\n" * UNUSED,
        ONE + "".join(f"a=x{number}\n" for number in range(UNUSED)),
        (f"m=video 0 RTP/AVP {ALL}\n" + "a=rtpmap:0 x/9\n" * 60) * MAX_MEDIA,
        (f"m=audio 0 RTP/AVP {ALL}\n" + "a=rtpmap:0 PCMA/8000/2\n" * 60) * MAX_MEDIA,
        "m=video 0 RTP/AVP " + "1 " * 30000,
    ],
)
def test_a_hostile_description_costs_little(text: str) -> None:
    """The parameters of all media read for each took a second."""
    assert len(text) < MAX_LENGTH
    assert lines(lambda: choose(Session.parse(text))) <= MOST_LINES


def test_sets_are_looked_for_in_all_that_a_device_describes() -> None:
    """A recorder that describes each of its streams, the sets under the last of many."""
    sets = f"a=fmtp:96 sprop-parameter-sets={b64(SPS)},{b64(PPS)}\n"
    (offer,) = chosen(MANY + ONE + "a=fmtp:97 x=1\n" * 40 + sets)
    assert offer.parameter_sets == (SPS, PPS)
