"""Addresses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidgate.errors import InputError
from vidgate.wire.uri import Uri, canonical_host, place_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rtsp://10.0.0.1", Uri("rtsp", "10.0.0.1")),
        ("RTSP://Host:8554/a?b=c", Uri("rtsp", "host", 8554, "/a?b=c")),
        ("rtsp://u:p@h/x", Uri("rtsp", "h", None, "/x", "u", "p")),
        ("rtsp://u@h/x", Uri("rtsp", "h", None, "/x", "u", None)),
        ("rtsp://u:p%40s%25@h:554/", Uri("rtsp", "h", 554, "/", "u", "p@s%")),
        ("rtsp://u:p@s#w@h:554/x@y", Uri("rtsp", "h", 554, "/x@y", "u", "p@s#w")),
        ("rtsp://u:a/b?c@h/x", Uri("rtsp", "h", None, "/x", "u", "a/b?c")),
        ("rtsp://u:@h/x", Uri("rtsp", "h", None, "/x", "u", "")),
        ("rtsp://[fe80::1]:554/x", Uri("rtsp", "fe80::1", 554, "/x")),
        ("rtsp://[FE80:0:0::1]/x", Uri("rtsp", "fe80::1", None, "/x")),
        ("rtsp://h?x=1", Uri("rtsp", "h", None, "?x=1")),
        ("  rtsp://h/a b ", Uri("rtsp", "h", None, "/a%20b")),
        ("rtsp://h:/x", Uri("rtsp", "h", None, "/x")),
    ],
)
def test_parse(text: str, expected: Uri) -> None:
    assert Uri.parse(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "h/x",
        "rtsp://",
        "rtsp:///x",
        "rtsp://h:0/",
        "rtsp://h:65536/",
        "rtsp://h:port/",
        "rtsp://secret:pa ss@h h/",
        "rtsp://h/\r\nA: b",
        "rtsp://h/" + "x" * 3000,
        "rtsp://secret:secret@:554/",
        "rtsp://secret:pass/word@/",
    ],
)
def test_nonsense_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(InputError) as caught:
        Uri.parse(text)
    assert "secret" not in str(caught.value)


def test_printing_shows_no_credentials() -> None:
    uri = Uri.parse("rtsp://admin:hidden@10.0.0.1:554/x")
    for text in (str(uri), repr(uri), f"{uri}"):
        assert "hidden" not in text
        assert "admin" not in text
    assert uri.without_credentials().password is None
    assert str(uri.with_path("/y")) == "rtsp://10.0.0.1:554/y"


def test_ports_have_defaults() -> None:
    assert Uri.parse("rtsp://h/").effective_port == 554
    assert Uri.parse("rtsp://h:8554/").effective_port == 8554
    assert Uri.parse("x://h/").effective_port == 0
    assert Uri.parse("rtsp://[::1]/").authority == "[::1]"


def test_a_host_has_one_form() -> None:
    for written in ("2001:DB8:0:0::1", "[2001:db8::1]", "2001:0db8::0001"):
        assert canonical_host(written) == "2001:db8::1"
    assert canonical_host("Camera.Example") == "camera.example"
    assert canonical_host("[no:address]") == "no:address"
    assert (place_of("2001:db8::1", 1), place_of("h", 1)) == ("[2001:db8::1]:1", "h:1")


@given(st.text(max_size=60))
def test_only_input_errors_come_of_nonsense(text: str) -> None:
    try:
        uri = Uri.parse("rtsp://" + text)
    except InputError:
        return
    assert (uri.scheme, bool(uri.host)) == ("rtsp", True)
    assert 0 < uri.effective_port <= 65535


words = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=10)


@given(words, st.integers(1, 65535), words)
def test_what_is_printed_is_read_back(host: str, port: int, path: str) -> None:
    uri = Uri("rtsp", host, port, "/" + path)
    assert Uri.parse(str(uri)) == uri
