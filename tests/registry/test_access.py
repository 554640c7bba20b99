"""Credentials by pattern: which one a channel gets, and how it is reached with it."""

from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from vidgate.aio.bus import Bus
from vidgate.errors import InputError
from vidgate.model.channel import Channel, Login, Platform
from vidgate.model.media import Variant
from vidgate.registry.access import Access, Pattern, host_of, parse_patterns
from vidgate.registry.edits import Credential
from vidgate.registry.planner import Register
from vidgate.registry.registry import Registry
from vidgate.registry.url_forms import load

FORMS = load()
URL = "rtsp://10.1.2.3:554/main"


def credential(name: str, **patterns: str) -> Credential:
    login, known = Login(name, "x"), parse_patterns(None, patterns)
    return Credential(name=name, login=login, sealed=b"", changed=0.0, **known)


def access(*credentials: Credential, platforms: Mapping[str, Platform] | None = None) -> Access:
    known = {one.name: one for one in credentials}
    return Access(Register(platforms=platforms or {}, credentials=known), FORMS)


@pytest.mark.parametrize(
    ("patterns", "fits"),
    [
        ({"host": "10.1.2.3"}, True),
        ({"host": "10.1.*"}, True),
        ({"host": "10.1.0.0/16"}, True),
        ({"host": "10.2.0.0/16"}, False),
        ({"host": "10.1.2"}, False),
        ({"platform": "公安"}, True),
        ({"platform": "公*"}, True),
        ({"platform": "教育"}, False),
        ({"vendor": "hik"}, True),
        ({"vendor": "海康"}, True),
        ({"vendor": "大华"}, False),
        ({"vendor": "大华", "host": "10.1.*"}, False),
        ({"vendor": "HIKVISION", "host": "10.1.*", "platform": "公安"}, True),
    ],
)
def test_all_patterns_of_a_credential_must_fit(patterns: dict[str, str], fits: bool) -> None:
    channel = Channel(id="a", name="n", url=URL, platform="公安", vendor="海康威视")
    assert access(credential("c", **patterns)).credential(channel) == ("c" if fits else "")


def test_the_one_that_says_most_is_taken_and_a_named_one_goes_first() -> None:
    all_ = (
        credential("all", host="*"),
        credential("net", host="10.0.0.0/8"),
        credential("nearer", host="10.1.0.0/16"),
        credential("one", host="10.1.2.3"),
        credential("both", host="10.*", vendor="海康"),
        credential("none"),
    )
    channel = Channel(id="a", name="n", url=URL, vendor="海康")
    names = []
    left = list(all_)
    while found := access(*left).credential(channel):
        names.append(found)
        left = [one for one in left if one.name != found]
    assert names == ["both", "one", "nearer", "net", "all"]
    named = Channel(id="a", name="n", url=URL, vendor="海康", credential="none")
    assert access(*all_).login(named) == Login("none", "x")
    assert [one.id for one in access(*all_).users("both")] == []


def test_the_host_is_the_one_that_is_called() -> None:
    behind = Channel(id="a", name="n", url="rtsp://Platform:554/x", address="10.9.9.9")
    assert host_of(behind) == "platform"
    for written in ("[fd00::1]", "FD00:0:0::1"):
        assert host_of(Channel(id="a", name="n", address=written)) == "fd00::1"
    assert host_of(Channel(id="a", name="n", url="rtsp://[FD00:0:0::1]:554/x")) == "fd00::1"
    assert host_of(Channel(id="a", name="n")) == ""


def test_another_login_of_the_platform_is_another_try() -> None:
    platform = Platform(
        id="p", resolver="http", options={"endpoint": "http://h/{id}", "credential": "asker"}
    )
    channel = Channel(id="a", name="n", platform="p")
    one = access(credential("asker"), platforms={"p": platform})
    route = one.route(channel, Variant.MAIN)
    assert route is not None
    assert route.question is not None
    assert route.question.login == Login("asker", "x")
    assert "Login" not in repr(route)
    for changed in ({"auth": "basic"}, {"method": "POST"}, {"fingerprint": "00" * 32}):
        now = replace(platform, options=platform.options | changed)
        other = access(credential("asker"), platforms={"p": now})
        assert other.logins(channel) != one.logins(channel)
        assert other.place(channel) == one.place(channel), "how it is asked makes no other camera"
    assert one.shows(channel, {"asker"})
    assert not one.shows(channel, {"other"})
    own = replace(channel, url=URL)
    assert one.logins(own) == (None, None, None)
    assert not one.shows(own, {"asker"})


def test_patterns_are_gone_through_once_for_all_channels_that_are_alike(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However many channels there are, and however often each is asked for at a change."""
    tried, fits = 0, Pattern.fits

    def counted(pattern: Pattern, platform: str, vendor: str, host: str) -> bool:
        nonlocal tried
        tried += 1
        return fits(pattern, platform, vendor, host)

    monkeypatch.setattr(Pattern, "fits", counted)
    one = access(*(credential(f"c{n}", host=f"10.{n}.*") for n in range(20)))
    for number in range(300):
        channel = Channel(id=f"{number}", name="n", url=f"rtsp://10.{number % 3}.0.1/{number}")
        assert one.shows(channel, {f"c{number % 3}"})
        assert one.login(channel) == Login(f"c{number % 3}", "x")
        assert not one.shows(replace(channel, url="rtsp://192.0.2.1/"), {"c1"})
    assert tried <= 20 * 4


def test_whose_pattern_fits_is_shown_the_credential() -> None:
    channel = Channel(id="a", name="n", url=URL)
    two = access(credential("net", host="10.1.*"), credential("other", host="10.2.*"))
    assert two.shows(channel, {"net"})
    assert not two.shows(channel, {"other"})


TEMPLATE = Platform(id="p", resolver="template", options={"main": "rtsp://h/{id}/{channel_no:2}"})
HTTP = Platform(id="p", resolver="http", options={"endpoint": "http://h/{channel_no:2}"})
CAMERA = Channel(id="a", name="n", platform="p", vendor="海康", address="10.1.2.3", channel_no="1")


@pytest.mark.parametrize("platform", [TEMPLATE, HTTP])
def test_a_place_is_what_the_platform_makes_and_nothing_else_of_it(platform: Platform) -> None:
    def place(channel: Channel = CAMERA, /, **fields: Any) -> Hashable:
        changed = replace(platform, **fields)
        return access(credential("c"), platforms={"p": changed}).place(channel)

    main, endpoint = "rtsp://i/{id}/{channel_no:2}", "http://i/{channel_no:2}"
    here = place()
    assert here is not None
    assert place(options={"main": main, "endpoint": endpoint}) != here
    assert place(resolver="static", options={}) not in (here, None)
    assert place(name="other", slots=8, describe_proves=True, quota=9) == here
    unused = {"sub": "rtsp://h/{id}/sub", "auth": "basic", "credential": "c"}
    assert place(options=platform.options | unused) == here
    assert place(replace(CAMERA, name="m", vendor="大华", department="d")) == here
    assert place(replace(CAMERA, channel_no="2")) != here
    assert place(replace(CAMERA, channel_no="D3")) is None
    own = replace(CAMERA, url=URL)
    assert place(own) == place(own, options={"main": main, "endpoint": endpoint}) == URL


def test_a_number_that_the_endpoint_cannot_take_is_no_way() -> None:
    one = access(platforms={"p": HTTP})
    assert one.route(replace(CAMERA, channel_no="D3"), Variant.MAIN) is None


@pytest.mark.parametrize("host", ["10.1.0.0/40", "http://x", "a b", "a@b"])
def test_a_wrong_pattern_is_refused(host: str) -> None:
    with pytest.raises(InputError, match="host"):
        parse_patterns(None, {"host": host})


async def test_patterns_are_kept_undone_and_told(registry: Registry, bus: Bus) -> None:
    channel = await registry.add({"id": "a", "name": "甲", "url": URL}, "wang")
    assert registry.login(channel) is None
    async with bus.subscribe(["credential.changed"]) as events:
        await registry.set_credential("net", "u", "p", "wang", patterns={"host": "10.1.*"})
        told = await anext(aiter(events))
    assert told.object == "net"
    assert registry.login(channel) == Login("u", "p")
    assert registry.uses() == {"net": 1}
    await registry.set_credential("net", None, None, "wang", patterns={"host": ""})
    assert registry.login(channel) is None
    newest = (await registry.changes())[0]
    await registry.undo(newest.id, "wang")
    assert registry.login(registry.get("a")) == Login("u", "p")
    with pytest.raises(InputError):
        await registry.set_credential("new", None, None, "wang", patterns={"host": "*"})
