from typing import Any

import pytest

from vidgate.errors import InputError
from vidgate.model.channel import Platform
from vidgate.registry.platforms import parse_platform


def test_fields_are_set_and_the_rest_stays() -> None:
    current = Platform(id="a", name="A", slots=4, quota=100)
    assert parse_platform("a", current, {"slots": "８", "describe_proves": "是"}) == Platform(
        id="a", name="A", slots=8, quota=100, describe_proves=True
    )


def test_a_blank_is_the_default() -> None:
    current = Platform(id="a", name="A", slots=4, describe_parallel=2)
    fields: dict[str, Any] = {"name": "", "slots": None, "describe_parallel": " "}
    assert parse_platform("a", current, fields) == Platform(id="a", name="a")


def test_a_new_platform_is_named_after_its_id() -> None:
    assert parse_platform("应急", None, {}) == Platform(id="应急", name="应急")


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(InputError) as caught:
        parse_platform("a/b", None, {"slots": "x", "colour": 1, "resolver": "shell"})
    for word in ("id", "slots", "colour", "resolver"):
        assert word in caught.value.message
