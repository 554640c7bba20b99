"""Headers with a structure, and what cameras put into them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidgate.rtsp.headers import (
    MAX_LENGTH,
    TransportHeader,
    base_uri,
    date_of,
    parse_public,
    parse_session,
    redirected,
    resolve_control,
)
from vidgate.wire.uri import Uri

REGISTERED = Uri.parse("rtsp://10.0.0.9:8554/main?token=1")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=0000ABCD",
            TransportHeader(True, (0, 1), ssrc=0xABCD),
        ),
        ("RTP/AVP;unicast;interleaved=2-3", TransportHeader(True, (2, 3))),
        ("RTP/AVP/TCP;interleaved=4", TransportHeader(True, (4, 5))),
        ("RTP/AVP/TCP;unicast;interleaved=", TransportHeader(True)),
        ("RTP/AVP/TCP;unicast;interleaved=300-301", TransportHeader(True)),
        (
            'RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001;mode="PLAY",RTP/AVP/TCP',
            TransportHeader(False, None, (5000, 5001), (6000, 6001), mode="play"),
        ),
        ("RTP/AVP;unicast;ssrc= 12 34;server_port=0-1", TransportHeader(False, None, None, (0, 1))),
        (
            "RTP/AVP;multicast;source=10.0.0.1",
            TransportHeader(False, source="10.0.0.1", is_multicast=True),
        ),
        ("RTP/AVP;ssrc=12345678901", TransportHeader(False)),
        ("", TransportHeader(False)),
    ],
)
def test_transport(text: str, expected: TransportHeader) -> None:
    assert TransportHeader.parse(text) == expected


@pytest.mark.parametrize(
    "header",
    [
        TransportHeader(True, (0, 1)),
        TransportHeader(False, None, (5000, 5001), (1, 2), "10.0.0.1", 0xDEADBEEF, False, "play"),
        TransportHeader(False, is_multicast=True),
    ],
)
def test_a_transport_is_written_and_read(header: TransportHeader) -> None:
    assert TransportHeader.parse(str(header)) == header


@given(st.text(max_size=80))
def test_any_transport_can_be_read_and_what_was_read_is_written(text: str) -> None:
    read = TransportHeader.parse(text)
    assert TransportHeader.parse(str(read)) == read


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12345678", ("12345678", 60.0)),
        ("abc; timeout=30", ("abc", 30.0)),
        ("abc;timeout=0", ("abc", 60.0)),
        ("abc;Timeout=x;other", ("abc", 60.0)),
        ("abc\0; timeout=30", ("abc", 30.0)),
        ("abc\r\nX: y", ("abc", 60.0)),
    ],
)
def test_session(text: str, expected: tuple[str, float]) -> None:
    assert parse_session(text) == expected


def test_public() -> None:
    assert parse_public(["OPTIONS, play", "", "GET_PARAMETER,"]) == {
        "OPTIONS",
        "PLAY",
        "GET_PARAMETER",
    }


def test_of_a_long_list_of_methods_only_ours_are_kept() -> None:
    """Of 64 KiB of names more than a mebibyte was, for as long as the session lasted."""
    names = ",".join(f"X{number}" for number in range(10_000))
    assert parse_public([f"PLAY,{names},PAUSE"]) == {"PLAY"}


def test_a_session_is_not_longer_than_a_header_may_be() -> None:
    assert parse_session("7" * 60_000)[0] == "7" * MAX_LENGTH


@pytest.mark.parametrize(
    ("content_base", "path"),
    [
        ("rtsp://10.0.0.9:8554/main/", "/main/"),
        ("rtsp://192.168.1.64/inner/?q=1", "/inner/?q=1"),
        ("rtsp://rtsp://192.168.1.64/x/", "/x/"),
        ("rtsp://::ffff:192.168.1.64/x/", "/x/"),
        ("rtsp://evil.example", "/main?token=1"),
        ("/x/", "/x/"),
        ("192.168.1.64:554/x/", "/x/"),
        ("10.0.0.9/x", "/x"),
        ("nonsense", "/main?token=1"),
        ("rtsp://h/a b\r\nc", "/abc"),
    ],
)
def test_only_the_path_of_a_base_is_believed(content_base: str, path: str) -> None:
    assert base_uri(REGISTERED, content_base) == REGISTERED.with_path(path)


@pytest.mark.parametrize(
    ("path", "control", "expected"),
    [
        ("/main/", "trackID=1", "/main/trackID=1"),
        ("/main", "trackID=1", "/main/trackID=1"),
        ("/main", "/trackID=1", "/main/trackID=1"),
        ("/main?x=1", "trackID=1", "/main?x=1/trackID=1"),
        ("/main", "?ctype=video", "/main?ctype=video"),
        ("/main", "*", "/main"),
        ("/main", None, "/main"),
        ("/main", "rtsp://other:99/main/trackID=1", "/main/trackID=1"),
        ("/main", "rtsp://other", "/main"),
        ("", "trackID=1", "/trackID=1"),
    ],
)
def test_controls_are_resolved_on_the_registered_host(
    path: str, control: str | None, expected: str
) -> None:
    base = REGISTERED.with_path(path)
    assert resolve_control(base, control) == REGISTERED.with_path(expected)


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_base_and_no_control_lead_elsewhere(base: str, control: str) -> None:
    found = resolve_control(base_uri(REGISTERED, base), control)
    assert found.authority == REGISTERED.authority
    assert not set(found.path) & set(" \r\n\0")


@pytest.mark.parametrize(
    ("current", "location"),
    [
        ("rtsps://10.0.0.9/1", "rtsp://10.0.0.9:322/2"),  # the encryption would be stripped off
        ("rtsp://10.0.0.9/1", "rtsps://10.0.0.9:554/2"),
        ("rtsp://10.0.0.9/1", "rtsp://10.0.0.9:8554/2"),
        ("rtsp://10.0.0.9/1", "rtsp://10.0.0.10/2"),
    ],
)
def test_a_redirect_to_elsewhere_is_not_followed(current: str, location: str) -> None:
    assert redirected(Uri.parse(current), 302, location) is None


def test_dates() -> None:
    assert date_of("Wed, 25 Nov 2026 10:30:56 GMT") == 1_795_602_656.0
    assert date_of("Sun Nov  6 08:49:37 1994") is not None
    for nonsense in (
        None,
        "",
        "yesterday",
        "Mon, 99 Foo 2026 99:99:99 GMT",
        "\x00" * 9,
        "1" * 5000,
    ):
        assert date_of(nonsense) is None
