"""How the address of a channel's stream is found. Pure: what must be asked for is asked elsewhere.

A channel's own addresses go first. Without any, its platform's resolver makes them (`template`,
`http`), and where that is `static`, the URL form of its make.
"""

import json
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from vidgate.model.channel import Channel, Kind, Lifecycle, Login, Platform
from vidgate.model.media import Variant
from vidgate.registry import placeholders
from vidgate.registry.url_forms import WEB_PORTS, FormError, UrlForms

STREAMS = {Variant.MAIN: "0", Variant.SUB: "1"}
CHANNEL_NAMES = ("id", "gb_code", "channel_no", "address", "port", "variant", "stream")


class Way(StrEnum):
    """Where an address comes from."""

    OWN = "own"  # the channel's url or sub_url
    FORM = "form"  # the URL form of its make
    TEMPLATE = "template"  # its platform's template
    HTTP = "http"  # asked of its platform at each pull


@dataclass(frozen=True, slots=True)
class Question:
    """What an `http` platform is asked; nothing of it is an answer, so it may be kept."""

    endpoint: str
    method: str = "GET"
    body: str = ""
    auth: str = "none"
    login: Login | None = field(default=None, repr=False)
    path: str = "url"
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """The way to one stream; equal routes lead to the same stream.

    `url` holds no secret: a form's `{username}` and `{password}` are still to be filled in. It is
    empty where `question` must be asked. `form` says in one line which rule made it.
    """

    way: Way
    form: str
    url: str = ""
    question: Question | None = None
    login: Login | None = field(default=None, repr=False)
    credential: str = ""


def values_of(channel: Channel, variant: Variant) -> dict[str, str]:
    """What a platform's templates are filled with."""
    return {
        "id": channel.id,
        "gb_code": channel.gb_code or channel.id,
        "channel_no": channel.channel_no or "1",
        "address": channel.address,
        "port": str(channel.port or ""),
        "variant": variant.value,
        "stream": STREAMS[variant],
    }


def has_own(channel: Channel) -> bool:
    """Whether the channel brings its addresses itself."""
    return bool(channel.url or channel.sub_url)


def has_sub(channel: Channel, platform: Platform | None, forms: UrlForms) -> bool:
    """Whether there is a way to a sub-stream; asked for each channel of a list."""
    if has_own(channel):
        return bool(channel.sub_url)
    if platform is not None and platform.resolver != "static":
        return "sub" in platform.options or platform.resolver == Way.HTTP
    form = forms.find(channel.vendor) if channel.address else None
    if form is None:
        return False
    single = not channel.channel_no and form.single
    return bool((single or form).sub)


def formed(channel: Channel, variant: Variant, forms: UrlForms) -> tuple[str, str] | None:
    """The rule's line and the address by the make's URL form; None where there is none."""
    try:
        made = forms.make(channel, variant)
    except ValueError:  # said when it was registered; a form may have changed since
        return None
    return (f"{made.vendor} {made.path}", made.url) if made else None


def templated(platform: Platform, channel: Channel, variant: Variant) -> tuple[str, str] | None:
    """The rule's line and the address by the platform's template."""
    template = platform.options.get(variant.value, "")
    if not template:
        return None
    try:
        return f"{platform.id} {template}", placeholders.fill(template, values_of(channel, variant))
    except ValueError:
        return None


def question(
    platform: Platform, channel: Channel, variant: Variant, login: Login | None
) -> Question:
    """What the platform is asked for a stream."""
    options, values = platform.options, values_of(channel, variant)
    return Question(
        endpoint=placeholders.fill(options.get("endpoint", ""), values),
        method=options.get("method", "GET"),
        body=_filled_json(options.get("body", ""), values),
        auth=options.get("auth", "none"),
        login=login,
        path=options.get("path", "url"),
        fingerprint=options.get("fingerprint", ""),
    )


def _filled_json(body: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        body = body.replace(f"{{{name}}}", json.dumps(value, ensure_ascii=False)[1:-1])
    return body


def route_of(
    channel: Channel,
    variant: Variant,
    platform: Platform | None,
    forms: UrlForms,
    login: tuple[str, Login | None] = ("", None),
) -> Route | None:
    """The way to a stream; None where there is none. `login`: the credential's name and login.

    The login of an `http` platform's question is not the camera's: the caller adds it.
    """
    name, known = login
    if has_own(channel):
        url = channel.url if variant is Variant.MAIN else channel.sub_url
        return Route(Way.OWN, "", url, None, known, name) if url else None
    resolver = platform.resolver if platform is not None else "static"
    if platform is not None and resolver == Way.HTTP:
        try:
            asked = question(platform, channel, variant, None)
        except ValueError:  # `{channel_no:2}` of a channel whose number is none
            return None
        return Route(Way.HTTP, f"{platform.id} http", "", asked, known, name)
    made = (
        templated(platform, channel, variant)
        if platform is not None and resolver == Way.TEMPLATE
        else formed(channel, variant, forms)
    )
    way = Way.TEMPLATE if resolver == Way.TEMPLATE else Way.FORM
    return Route(way, made[0], made[1], None, known, name) if made else None


def place(channel: Channel, platform: Platform | None, forms: UrlForms) -> Hashable:
    """Where its main stream is, or who is asked for it; None where there is no way to it.

    Whichever rule it comes by, and whatever login is shown there. By which method, and how its
    certificate is known, says how it is asked and not of which camera: see `Access.logins`.
    """
    route = route_of(channel, Variant.MAIN, platform, forms)
    if route is None or route.question is None:
        return None if route is None else route.url
    asked = route.question
    return asked.endpoint, asked.body, asked.path


def mistakes(channel: Channel, platform: Platform | None, forms: UrlForms) -> list[tuple[str, str]]:
    """Why a channel that should give pictures now has no address: (field, sentence)."""
    if channel.kind is not Kind.RTSP or channel.lifecycle is not Lifecycle.ACCEPTED:
        return []
    resolver = platform.resolver if platform is not None else "static"
    is_bare = not has_own(channel) and channel.address  # without: `fields.problems` says that
    if is_bare and resolver == "static" and forms.find(channel.vendor) is None:
        known = "、".join(forms.titles)
        return [("vendor", f"没有该厂商的取流地址规则，请填主码流地址；有规则的厂商：{known}")]
    return unusable(channel, platform, forms)


def unusable(channel: Channel, platform: Platform | None, forms: UrlForms) -> list[tuple[str, str]]:
    """What a channel gives that the rule for its address cannot use: (field, sentence)."""
    if channel.kind is not Kind.RTSP or has_own(channel):
        return []
    resolver = platform.resolver if platform is not None else "static"
    try:
        if platform is not None and resolver == Way.TEMPLATE:
            values = values_of(channel, Variant.MAIN)
            placeholders.fill(platform.options.get(Variant.MAIN.value, ""), values)
        elif resolver == "static":
            forms.make(channel, Variant.MAIN)
    except FormError as error:
        return [(error.field, str(error))]
    except ValueError as error:
        return [("channel_no", str(error))]
    return []


def replaced_port(
    channel: Channel, platform: Platform | None, forms: UrlForms
) -> list[tuple[str, str]]:
    """That a form does not use the port that is given: (field, sentence)."""
    is_static = platform is None or platform.resolver == "static"
    is_formed = channel.kind is Kind.RTSP and channel.address and not has_own(channel)
    form = forms.find(channel.vendor) if is_static and is_formed else None
    if form is None or not channel.port or not form.mistakes_port(channel.port):
        return []
    kind = "网页" if channel.port in WEB_PORTS else f"{form.title or form.vendor} SDK 的"
    said = f"{channel.port} 是{kind}端口，不是取流端口：取流时改用 RTSP 端口 {form.port}"
    return [("port", f"{said}；RTSP 真在 {channel.port} 端口的，请填主码流地址")]
