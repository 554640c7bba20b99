import pytest

from vidgate.wire.schemes import PULLED, kind_of, spoken, unsupported
from vidgate.wire.uri import Uri


@pytest.mark.parametrize("scheme", PULLED)
def test_what_is_pulled_is_no_other_kind(scheme: str) -> None:
    assert kind_of(scheme) is None


@pytest.mark.parametrize(
    ("scheme", "told"),
    [("http", "HLS"), ("https", "a tunnel")],
)
def test_a_known_kind_is_named_with_the_way_out(scheme: str, told: str) -> None:
    error = unsupported(scheme)
    for text in (error.message, error.hint):
        chinese, _, english = text.partition(" / ")
        assert not chinese.isascii()
        assert english.isascii()
    assert told in error.message
    assert f"{scheme}://" in error.message
    assert "rtsp://" in error.hint
    assert "rtsph://" in error.hint


@pytest.mark.parametrize(
    ("registered", "asked"),
    [
        ("rtsp://h/1", "rtsp://h/1"),
        ("rtsps://h/1", "rtsps://h/1"),
        ("rtsph://h/1", "rtsp://h:80/1"),
        ("rtspsh://h/1?a=b", "rtsp://h:443/1?a=b"),
        ("rtsph://h:8080/1", "rtsp://h:8080/1"),
        ("ws://h/1", "rtsp://h:80/1"),
        ("wss://h/1", "rtsp://h:443/1"),
    ],
)
def test_requests_know_nothing_of_the_tunnel(registered: str, asked: str) -> None:
    assert str(spoken(Uri.parse(registered))) == asked


def test_an_unknown_scheme_is_not_quoted() -> None:
    error = unsupported("s3cr3t")
    assert "s3cr3t" not in error.message + error.hint
