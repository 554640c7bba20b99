import pytest

from vidgate.registry.placeholders import check, fill, names


def test_names_are_filled_and_encoded() -> None:
    assert fill("/{a}/{b:3}/{c-1}/{d}", {"a": "x/y", "b": "7", "c": "1"}) == "/x%2Fy/007/0/{d}"
    assert names("/{a}/{b:3}/{c-1}") == {"a", "b", "c"}


@pytest.mark.parametrize("text", ["{a:3}", "{a-1}"])
def test_what_is_no_number_is_not_counted_with(text: str) -> None:
    with pytest.raises(ValueError, match="数字"):
        fill(text, {"a": "D1"})


def test_what_is_counted_from_one_has_no_zero() -> None:
    with pytest.raises(ValueError, match="从 1 数起"):
        fill("{a-1}", {"a": "00"})


@pytest.mark.parametrize("text", ["{b}", "{a", "a}", "{A}", "{}", "{a!r}", "{a.b}"])
def test_only_known_names_may_stand(text: str) -> None:
    with pytest.raises(ValueError, match="占位符"):
        check(text, ["a"])
