"""Header fields."""

import pytest

from vidgate.wire.headers import Headers


def test_names_ignore_case_and_order_stays() -> None:
    headers = Headers(
        [("CSeq", "1"), ("WWW-Authenticate", "Basic"), ("www-authenticate", "Digest")]
    )
    assert headers.get("cseq") == "1"
    assert headers.all("WWW-AUTHENTICATE") == ["Basic", "Digest"]
    assert "Cseq" in headers
    assert 3 not in headers
    assert headers.get("Session", "none") == "none"
    assert list(headers)[0] == ("CSeq", "1")
    assert len(headers) == 3


def test_set_replaces_and_remove_drops_all() -> None:
    headers = Headers([("A", "1"), ("a", "2"), ("B", "3")])
    headers.set("A", "4")
    assert headers.all("a") == ["4"]
    headers.remove("b")
    assert headers.encode() == "A: 4\r\n"


def test_a_copy_is_independent() -> None:
    headers = Headers([("A", "1")])
    copied = headers.copy()
    assert copied == headers
    copied.add("B", "2")
    assert copied != headers
    assert headers != "A: 1"


@pytest.mark.parametrize("value", ["a\r\nInjected: b", "a\nb", "a\0b"])
def test_a_value_cannot_break_out_of_its_line(value: str) -> None:
    with pytest.raises(ValueError, match="line break"):
        Headers().add("A", value)


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\r\n"])
def test_a_name_is_a_token(name: str) -> None:
    with pytest.raises(ValueError, match="header name"):
        Headers().add(name, "x")


def test_values_stay_out_of_the_repr() -> None:
    assert "secret" not in repr(Headers([("Authorization", "Basic secret")]))
