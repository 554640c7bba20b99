import pytest

from vidgate.wire.schemes import PULLED, kind_of, unsupported


@pytest.mark.parametrize("scheme", PULLED)
def test_what_is_pulled_is_no_other_kind(scheme: str) -> None:
    assert kind_of(scheme) is None


@pytest.mark.parametrize(
    ("scheme", "told"),
    [("rtsph", "through HTTP"), ("rtspsh", "through HTTP"), ("ws", "WebSocket"), ("http", "HLS")],
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


def test_an_unknown_scheme_is_not_quoted() -> None:
    error = unsupported("s3cr3t")
    assert "s3cr3t" not in error.message + error.hint
