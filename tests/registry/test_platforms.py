from typing import Any

import pytest

from vidgate.errors import ForbiddenPlaceError, InputError
from vidgate.model.channel import Platform
from vidgate.registry.platforms import check_places, parse_platform
from vidgate.registry.registry import Registry


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


HTTP = {
    "resolver": "http",
    "options": {
        "endpoint": "https://10.0.0.9/api/{gb_code}?stream={stream}",
        "auth": "basic",
        "credential": "asker",
        "path": "data.url",
        "fingerprint": ":".join(["AB"] * 32),
    },
}


def test_a_resolver_is_told_what_it_needs() -> None:
    platform = parse_platform("p", None, HTTP)
    assert platform.resolver == "http"
    assert platform.options["fingerprint"] == "ab" * 32
    again = parse_platform("p", platform, {"options": {"path": "", "auth": None}})
    assert set(again.options) == {"endpoint", "credential", "fingerprint"}


@pytest.mark.parametrize(
    ("resolver", "options", "named"),
    [
        ("http", {}, "endpoint"),
        ("template", {"sub": "rtsp://h/{id}"}, "main"),
        ("template", {"main": "http://h/x"}, "main"),
        ("template", {"main": "rtsp://u:secret@h/x"}, "main"),
        ("template", {"main": "rtsp://h/{password}"}, "main"),
        ("template", {"main": "rtsp://h/?password=secret"}, "main"),
        ("http", {"endpoint": "ftp://h/"}, "endpoint"),
        ("http", {"endpoint": "http://u:secret@h/"}, "endpoint"),
        ("http", {"endpoint": "http://h/", "path": "a[x]"}, "path"),
        ("http", {"endpoint": "http://h/", "auth": "ntlm"}, "auth"),
        ("http", {"endpoint": "http://h/", "method": "DELETE"}, "method"),
        ("http", {"endpoint": "http://h/", "body": '{"password=secret"}'}, "body"),
        ("http", {"endpoint": "http://h/", "fingerprint": "ab"}, "fingerprint"),
        ("http", {"endpoint": "http://h/", "ssl": "off"}, "ssl"),
    ],
)
def test_a_wrong_option_is_named_and_not_quoted(
    resolver: str, options: dict[str, str], named: str
) -> None:
    with pytest.raises(InputError, match=named) as caught:
        parse_platform("p", None, {"resolver": resolver, "options": options})
    assert "secret" not in caught.value.message


def permits(address: str, port: int) -> bool:
    return address != "10.0.0.1" and port != 8080


def places(given: Platform) -> list[tuple[str, int]]:
    """The addresses that are judged when it is given."""
    judged: list[tuple[str, int]] = []

    def permits(address: str, port: int) -> bool:
        judged.append((address, port))
        return True

    check_places(given, None, permits)
    return judged


@pytest.mark.parametrize(
    ("resolver", "name", "address"),
    [
        ("http", "endpoint", "http://10.0.0.1/{id}"),
        ("http", "endpoint", "https://10.0.0.2:8080/"),
        ("template", "main", "rtsp://10.0.0.1/{gb_code}"),
        ("template", "sub", "rtsp://10.0.0.2:8080/{gb_code}"),
    ],
)
def test_an_address_that_is_forbidden_is_refused_when_it_is_given(
    resolver: str, name: str, address: str
) -> None:
    good = {"main": "rtsp://10.0.0.3/", "endpoint": "http://10.0.0.3/"}
    given = Platform(id="a", resolver=resolver, options=good | {name: address})
    with pytest.raises(ForbiddenPlaceError) as caught:
        check_places(given, None, permits)
    assert caught.value.pointer == f"/options/{name}"
    check_places(given, given, permits)  # it was there before: other fields can be changed
    with pytest.raises(ForbiddenPlaceError):
        check_places(given, Platform(id="a", options=given.options), permits)


@pytest.mark.parametrize(
    "address", ["rtsp://{address}/x", "rtsp://cam.example/", "rtsp://{id}:{port}/"]
)
def test_what_is_known_only_at_the_pull_is_judged_there(address: str) -> None:
    given = Platform(id="a", resolver="template", options={"main": address})
    assert places(given) == []


def test_what_the_resolver_does_not_use_is_not_judged() -> None:
    options = {"endpoint": "http://10.0.0.1/", "main": "rtsp://10.0.0.2/"}
    assert places(Platform(id="a", resolver="static", options=options)) == []
    assert places(Platform(id="a", resolver="template", options=options)) == [("10.0.0.2", 554)]


async def test_the_register_holds_platforms_against_the_settings(registry: Registry) -> None:
    registry.permits = permits
    fields = {"resolver": "http", "options": {"endpoint": "http://10.0.0.1/"}}
    with pytest.raises(ForbiddenPlaceError):
        await registry.set_platform("p", fields, "admin")
    assert not registry.platforms
