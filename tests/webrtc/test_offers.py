"""Offers of real browsers and of nobody, and our answers."""

from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vidgate.errors import InputError, NotAcceptableError
from vidgate.model.media import Codec, Track
from vidgate.webrtc.fingerprint import Fingerprint
from vidgate.webrtc.offers import (
    MAX_OFFER,
    Local,
    Offer,
    Outgoing,
    answer,
    choose,
    codecs,
    parse_offer,
)
from vidgate.wire.sdp import Session

CHROMIUM = (Path(__file__).parent / "data" / "chromium.sdp").read_text(encoding="utf-8")
LOCAL = Local("ours", "secret" * 4, Fingerprint("sha-256", "AB:CD"), ("192.0.2.1",), 8189)
SOUND = Track(1, Codec.PCMA, 8000)


def h264(profile: str = "42e01f") -> Track:
    return Track(0, Codec.H264, 90000, profile=profile)


def respond(offer: Offer, *tracks: Track) -> Session:
    picks = choose(offer, tracks)
    outgoing = [Outgoing(pick, 100 + n, "name") for n, pick in enumerate(picks)]
    return Session.parse(answer(offer, outgoing, LOCAL))


def test_chromium_takes_pictures_and_sound() -> None:
    offer = parse_offer(CHROMIUM)
    assert {"H264", "VP8", "PCMA", "PCMU", "OPUS"} <= set(codecs(offer))
    assert "H265" not in codecs(offer)
    session = respond(offer, h264(), SOUND)
    video, audio = session.media
    assert session.has("ice-lite")
    assert session.get("group") == "BUNDLE 0 1"
    assert (video.port, video.protocol, video.direction) == (8189, "UDP/TLS/RTP/SAVPF", "sendonly")
    assert video.fmtp(int(video.formats[0]))["packetization-mode"] == "1"
    assert set(video.all("rtcp-fb")) == {
        f"{video.formats[0]} {feedback}" for feedback in ("nack", "nack pli", "ccm fir")
    }
    assert audio.formats == ["8"]
    assert not audio.all("rtcp-fb")
    for media in session.media:
        assert media.get("setup") == "passive"
        assert media.get("candidate") == "1 1 udp 2130706431 192.0.2.1 8189 typ host"
        assert media.get("ice-ufrag") == "ours"
        assert media.get("fingerprint") == "sha-256 AB:CD"


@pytest.mark.parametrize(
    ("profile", "answered"),
    [("42c01e", "42"), ("4d0029", "4d"), ("640028", "64"), ("f40028", "f4"), ("", "42")],
)
def test_the_nearest_profile_is_answered(profile: str, answered: str) -> None:
    (video, _) = respond(parse_offer(CHROMIUM), h264(profile)).media
    number = int(video.formats[0])
    offered = video.fmtp(number)["profile-level-id"]
    # This Chromium offers no High profile; it is given constrained baseline, and decodes it all.
    assert offered[:2] == (answered if answered != "64" else "42")


def test_sound_that_it_cannot_take_is_left_out() -> None:
    video, audio = respond(parse_offer(CHROMIUM), h264(), Track(1, Codec.AAC, 44100)).media
    assert video.port == 8189
    assert (audio.port, audio.direction) == (0, "inactive")
    assert audio.get("mid") == "1"


def test_sound_alone_is_answered() -> None:
    session = respond(parse_offer(CHROMIUM), Track(0, Codec.PCMU, 8000))
    assert [media.direction for media in session.media] == ["inactive", "sendonly"]
    assert session.get("group") == "BUNDLE 0 1"


VIDEO, AUDIO = (f"m={part}" for part in CHROMIUM.split("\nm=")[1:])
HEAD = CHROMIUM[: CHROMIUM.index("m=")]


def ports(session: Session) -> list[int]:
    return [media.port for media in session.media]


def test_without_a_bundle_the_picture_alone_is_answered() -> None:
    text = CHROMIUM.replace("a=group:BUNDLE 0 1\n", "")
    session = respond(parse_offer(text), h264(), SOUND)
    assert not session.has("group")
    assert ports(session) == [8189, 0]
    assert all(media.has("setup") and media.has("fingerprint") for media in session.media)
    sound = respond(parse_offer(text), SOUND)
    assert not sound.has("group")
    assert ports(sound) == [0, 8189]


def test_only_what_shares_the_pictures_transport_is_answered() -> None:
    offer = parse_offer(CHROMIUM.replace("BUNDLE 0 1", "BUNDLE 0"))
    session = respond(offer, h264(), SOUND)
    assert session.get("group") == "BUNDLE 0"
    assert ports(session) == [8189, 0]
    second = AUDIO.replace("a=mid:1", "a=mid:2")
    text = CHROMIUM.rstrip() + "\n" + second
    two = text.replace(
        "a=group:BUNDLE 0 1", "a=group:LS 0 1\na=group:BUNDLE 1\na=group:BUNDLE 0 2 9"
    )
    session = respond(parse_offer(two), h264(), SOUND)
    assert session.all("group") == ["BUNDLE 0 2"]
    assert ports(session) == [8189, 0, 8189]


def test_a_line_without_a_name_gets_none() -> None:
    text = CHROMIUM.replace("a=group:BUNDLE 0 1\n", "").replace("a=mid:0\n", "")
    video = respond(parse_offer(text), h264()).media[0]
    assert (video.port, video.get("mid")) == (8189, None)


def sound_first(mark: str = "") -> str:
    """An offer of `max-bundle` whose group begins with the sound; `mark` is put upon the video."""
    group = HEAD.replace("BUNDLE 0 1", "BUNDLE 1 0")
    return group + AUDIO.rstrip() + "\n" + VIDEO.rstrip() + "\n" + mark


def test_the_group_keeps_its_order() -> None:
    """Its first m-line has the transport of all (RFC 8843 7.3.1): Chromium refuses another."""
    session = respond(parse_offer(sound_first()), h264(), SOUND)
    assert session.get("group") == "BUNDLE 1 0"
    assert [media.direction for media in session.media] == ["sendonly", "sendonly"]


@pytest.mark.parametrize("mark", ["", "a=bundle-only\n"])
def test_the_tagged_line_is_answered_though_nothing_is_sent_on_it(mark: str) -> None:
    text = sound_first(mark)
    session = respond(parse_offer(text.replace("m=video 9", "m=video 0") if mark else text), h264())
    audio, video = session.media
    assert session.get("group") == "BUNDLE 1 0"
    assert (audio.port, audio.direction, len(audio.formats)) == (8189, "inactive", 1)
    assert audio.get("ice-ufrag") == "ours"
    assert not audio.has("ssrc")
    assert (video.port, video.direction) == (8189, "sendonly")


def test_a_line_that_is_not_used_is_not_the_tagged_one() -> None:
    text = sound_first().replace("m=audio 9", "m=audio 0")
    session = respond(parse_offer(text), h264(), SOUND)
    assert session.get("group") == "BUNDLE 0"
    assert ports(session) == [0, 8189]


def test_h264_without_its_mode_is_told_so() -> None:
    offer = parse_offer(CHROMIUM.replace("packetization-mode=1", "packetization-mode=0"))
    with pytest.raises(NotAcceptableError, match="H264 without packetization-mode=1") as caught:
        choose(offer, [h264()])
    assert "GStreamer" in caught.value.hint
    inactive = VIDEO.replace("a=recvonly", "a=inactive").replace("a=mid:0", "a=mid:2")
    other = parse_offer(CHROMIUM.replace("H264", "VP9").rstrip() + "\n" + inactive)
    with pytest.raises(NotAcceptableError, match="the stream is H264; the browser offers VP8"):
        choose(other, [h264()])


def test_h265_is_refused_with_what_would_do() -> None:
    with pytest.raises(NotAcceptableError) as caught:
        choose(parse_offer(CHROMIUM), [Track(0, Codec.H265, 90000), SOUND])
    assert "H265" in caught.value.message
    assert "H264" in caught.value.message
    assert "sub" in caught.value.hint


def h265_offer(*parameters: str) -> Offer:
    """Chromium's offer with H.265 in place of its first two H.264 payload types."""
    text = CHROMIUM
    for number, wanted in zip((102, 104), parameters, strict=False):
        lines = [line for line in text.split("\r\n") if not line.startswith(f"a=fmtp:{number} ")]
        text = "\r\n".join(lines).replace(
            f"a=rtpmap:{number} H264/90000",
            f"a=rtpmap:{number} H265/90000" + f"\r\na=fmtp:{number} {wanted}" * bool(wanted),
        )
    return parse_offer(text)


def h265(idc: int = 1, level: int = 120, *, tier: int = 0, compatible: int = 0x60000000) -> Track:
    head = bytes((tier << 5 | idc,)) + compatible.to_bytes(4, "big") + bytes(6) + bytes((level,))
    sps = b"\x42\x01\x01" + head.replace(b"\0\0\0", b"\0\0\3\0")
    return Track(0, Codec.H265, 90000, parameter_sets=(b"\x40\x01\x0c", sps, b"\x44\x01\xc1"))


@pytest.mark.parametrize(
    ("offered", "track", "taken"),
    [
        # Chromium 144 on a Mac offers both profiles up to level 6.
        (("level-id=180;profile-id=1;tier-flag=0;tx-mode=SRST",), h265(), 102),
        (("level-id=180;profile-id=2;tier-flag=0;tx-mode=SRST",), h265(), 102),  # includes it
        (("level-id=180;profile-id=2", "level-id=180;profile-id=1"), h265(), 104),
        (("level-id=180;profile-id=1", "level-id=180;profile-id=2"), h265(2, compatible=0), 104),
        (("level-id=180;profile-id=1",), h265(2, compatible=0x20000000), None),  # 10 bits
        (("level-id=180;profile-id=1",), h265(4, compatible=0x08000000), None),
        (("level-id=120;profile-id=1",), h265(level=120), 102),
        (("level-id=93;profile-id=1",), h265(level=120), None),
        (("level-id=93;max-recv-level-id=150",), h265(level=120), 102),
        (("level-id=180;tier-flag=1",), h265(), None),
        (("level-id=180;tier-flag=1",), h265(tier=1), 102),
        (("level-id=180;tx-mode=MRST",), h265(), None),
        (("level-id=180;profile-space=1",), h265(), None),
        (("level-id=high",), h265(), None),
        (("level-id=9999999999",), h265(), None),
        (("profile-id=",), h265(level=63), None),
        (("",), h265(level=93), 102),  # RFC 7798 7.1: nothing said is Main, Main tier, 3.1
        (("",), h265(level=120), None),
        (("level-id=180;profile-id=1",), Track(0, Codec.H265, 90000), None),  # nobody knows
    ],
)
def test_h265_is_taken_where_profile_tier_and_level_fit(
    offered: tuple[str, ...], track: Track, taken: int | None
) -> None:
    offer = h265_offer(*offered)
    if taken is None:
        with pytest.raises(NotAcceptableError, match="H265") as caught:
            choose(offer, [track])
        assert "sub" in caught.value.hint
        return
    (pick,) = choose(offer, [track])
    assert pick.payload_type == taken


def test_the_answer_tells_the_level_that_is_sent() -> None:
    offer = h265_offer("level-id=180;profile-id=1;tier-flag=0;tx-mode=SRST")
    video = respond(offer, h265(level=123)).media[0]
    assert video.all("rtpmap") == ["102 H265/90000"]
    assert video.all("fmtp") == ["102 level-id=123;profile-id=1;tier-flag=0;tx-mode=SRST"]


def test_a_refused_h265_says_what_the_stream_is() -> None:
    with pytest.raises(NotAcceptableError) as caught:
        choose(h265_offer("level-id=93"), [h265(level=153)])
    assert "profile 1, main tier, level 5.1" in caught.value.message
    assert "level-id=93" in caught.value.message


@pytest.mark.parametrize(
    ("old", "new", "told", "mend"),
    [
        ("a=recvonly", "a=sendonly", "m=video (1) of the offer is a=sendonly", "recvonly"),
        ("a=recvonly", "a=inactive", "m=video (1) of the offer is a=inactive", "recvonly"),
        ("a=recvonly\n", "a=x\n", "", ""),  # sendrecv (RFC 8866 6.7)
        (
            "UDP/TLS/RTP/SAVPF",
            "RTP/AVP",
            "m=video (1) of the offer is RTP/AVP",
            "UDP/TLS/RTP/SAVPF",
        ),
        ("UDP/TLS/RTP/SAVPF", "x" * 900, f"is {'x' * 32}…, without", "UDP/TLS/RTP/SAVPF"),
        ("m=video", "m=text", "the offer has no m=video", "recvonly"),
        ("m=video 9", "m=video 0", "m=video (1) of the offer has port 0", "bundle-only"),
        ("a=rtcp-mux\n", "a=rtcp-mux-only\n", "", ""),  # RFC 8858
        ("a=rtcp-mux\n", "", "m=video (1) of the offer has no a=rtcp-mux", "rtcpMuxPolicy"),
    ],
)
def test_an_offer_that_takes_no_pictures_is_told_why(
    old: str, new: str, told: str, mend: str
) -> None:
    assert old in CHROMIUM
    offer = parse_offer(CHROMIUM.replace(old, new))
    if not told:
        assert choose(offer, [h264()])
        return
    with pytest.raises(NotAcceptableError) as caught:
        choose(offer, [h264()])
    assert told in caught.value.message
    assert mend in caught.value.hint
    for text in (caught.value.message, caught.value.hint):
        chinese, _, english = text.partition(" / ")
        assert not chinese.isascii()
        assert english


def test_a_direction_of_the_session_holds_for_its_media() -> None:
    offer = parse_offer(
        CHROMIUM.replace("a=recvonly\n", "").replace("t=0 0\n", "t=0 0\na=inactive\n")
    )
    with pytest.raises(NotAcceptableError, match="a=inactive"):
        choose(offer, [h264()])


def test_what_is_wrong_with_one_line_does_not_hide_the_codec_of_another() -> None:
    second = CHROMIUM[CHROMIUM.index("m=video") :].replace("a=recvonly", "a=inactive", 1)
    offer = parse_offer(CHROMIUM.replace("H264", "VP9") + second.replace("H264", "VP9"))
    with pytest.raises(NotAcceptableError, match="the stream is H264"):
        choose(offer, [h264()])


def test_sound_alone_is_told_why_too() -> None:
    offer = parse_offer(CHROMIUM.replace("a=recvonly", "a=inactive"))
    with pytest.raises(NotAcceptableError, match=r"m=audio \(2\) of the offer is a=inactive"):
        choose(offer, [SOUND])


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "m= lines"),
        ("hello", "m= lines"),
        ("v=0\r\n" + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n" * 17, "m= lines"),
        (CHROMIUM.replace("a=fingerprint", "a=x"), "fingerprint"),
        (CHROMIUM.replace("sha-256", "md5"), "fingerprint"),
        (CHROMIUM.replace("a=ice-ufrag", "a=x"), "ice-ufrag"),
        (CHROMIUM.replace("a=ice-pwd", "a=x"), "ice-pwd"),
        (CHROMIUM.replace("actpass", "passive"), "actpass"),
        (CHROMIUM.replace("a=setup", "a=x"), "a=setup"),
        (sound_first().replace("actpass", "passive", 1), "actpass"),
        ("x" * (MAX_OFFER + 1), "longer"),
        ("v=0\r\n" + "a=x\r\n" * 9000, "more than"),
        (CHROMIUM + "a=candidate:1 1 udp 1 10.0.0.9 5 typ host\r\n" * 33, "32 candidates"),
    ],
)
def test_what_is_missing_is_said(text: str, what: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_offer(text)
    assert what in caught.value.message


LINES = st.sampled_from([*CHROMIUM.splitlines(), "m=", "a=", "m=video", "a=rtpmap:x", "a=fmtp:96"])


@settings(max_examples=200, deadline=None)
@given(st.lists(LINES | st.text(max_size=40), max_size=60))
def test_any_lines_give_an_answer_or_a_declared_error(lines: list[str]) -> None:
    try:
        offer = parse_offer("\r\n".join(lines))
        session = respond(offer, h264(), SOUND)
    except (InputError, NotAcceptableError):
        return
    assert len(session.media) == len(offer.session.media)


IP = st.ip_addresses().filter(lambda ip: not ip.is_unspecified).map(str)


@settings(max_examples=1000, deadline=None)
@given(st.lists(IP, min_size=1, max_size=8, unique=True))
def test_no_address_is_told_but_those_allowed(hosts: list[str]) -> None:
    local = Local("u", "p" * 22, Fingerprint("sha-256", "AB"), tuple(hosts), 7)
    offer = parse_offer(CHROMIUM)
    outgoing = [Outgoing(pick, 1, "n") for pick in choose(offer, [h264(), SOUND])]
    text = answer(offer, outgoing, local)
    for media in Session.parse(text).media:
        assert [line.split()[4] for line in media.all("candidate")] == hosts
        assert (media.line("c") or "").split()[-1] == hosts[0]
    named = {word for line in text.splitlines() for word in line.split() if is_address(word)}
    assert named <= {*hosts, "127.0.0.1"}  # the last one stands in o=, where it means nothing


def is_address(word: str) -> bool:
    try:
        ip_address(word)
    except ValueError:
        return False
    return not word.isdecimal()


def test_several_hosts_are_several_candidates() -> None:
    local = Local("u", "p" * 22, Fingerprint("sha-256", "AB"), ("10.0.0.1", "2001:db8::1"), 7)
    offer = parse_offer(CHROMIUM)
    outgoing = [Outgoing(pick, 1, "n") for pick in choose(offer, [h264()])]
    video = Session.parse(answer(offer, outgoing, local)).media[0]
    assert [line.split()[4] for line in video.all("candidate")] == ["10.0.0.1", "2001:db8::1"]
    assert "p" * 22 not in repr(local)
