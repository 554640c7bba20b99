"""The settings of a platform: what may be set and how it is checked."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from vidgate.errors import ForbiddenPlaceError, InputError
from vidgate.model.channel import Platform
from vidgate.registry import placeholders
from vidgate.registry.addresses import asks_with_secret
from vidgate.registry.fields import Parser, boolean, integer, plain, slug, text
from vidgate.registry.resolvers import Permits, is_address, steps
from vidgate.registry.routes import CHANNEL_NAMES
from vidgate.wire.uri import Uri

RESOLVERS = ("static", "template", "http")
METHODS = ("GET", "POST")
AUTHS = ("none", "basic", "bearer")
MAX_TEMPLATE = 1024


def _one_of(*known: str) -> Parser:
    def parse(cell: Any) -> str:
        value = plain(cell)
        if value not in known:
            raise ValueError(f"应为 {' / '.join(known)} 之一")
        return value

    return parse


def _address(*schemes: str) -> Parser:
    """A template of an address without a login; what the camera wants is in its credential."""

    def parse(cell: Any) -> str:
        value: str = _template(cell)
        if value.partition("://")[0] not in schemes:
            raise ValueError(f"应以 {' 或 '.join(f'{scheme}://' for scheme in schemes)} 开头")
        if "@" in value.partition("://")[2].partition("/")[0] or asks_with_secret(value):
            raise ValueError("不能含有用户名、口令或令牌，请放入凭据")
        return value

    return parse


def _template(cell: Any) -> str:
    value = plain(cell)
    if len(value) > MAX_TEMPLATE or not value.isprintable():
        raise ValueError(f"最长 {MAX_TEMPLATE} 个字符，不能有控制字符")
    placeholders.check(value, CHANNEL_NAMES)
    return value


def _body(cell: Any) -> str:
    value = plain(cell)
    if len(value) > MAX_TEMPLATE:
        raise ValueError(f"最长 {MAX_TEMPLATE} 个字符")
    if asks_with_secret(value):
        raise ValueError("不能含有口令或令牌，请放入凭据，由 auth = basic 或 bearer 带上")
    return value


def _path(cell: Any) -> str:
    value = plain(cell)
    steps(value)
    return value


def _fingerprint(cell: Any) -> str:
    value = plain(cell).replace(":", "").replace(" ", "").lower()
    if not re.fullmatch(r"[0-9a-f]{64}", value):
        raise ValueError("应为证书的 SHA-256 指纹，64 位十六进制")
    return value


OPTIONS: dict[str, Parser] = {
    "main": _address("rtsp"),
    "sub": _address("rtsp"),
    "endpoint": _address("http", "https"),
    "method": _one_of(*METHODS),
    "body": _body,
    "auth": _one_of(*AUTHS),
    "credential": slug(64),
    "path": _path,
    "fingerprint": _fingerprint,
}
PLACES: Mapping[str, tuple[str, ...]] = {
    "static": (),
    "template": ("main", "sub"),
    "http": ("endpoint",),
}
NEEDED = {"static": (), "template": ("main",), "http": ("endpoint",)}


PLATFORM_FIELDS: dict[str, Parser] = {
    "name": text(128),
    "slots": integer(0, 100_000),
    "describe_parallel": integer(1, 10_000),
    "quota": integer(0, 1_000_000),
    "describe_proves": boolean,
    "resolver": _one_of(*RESOLVERS),
}


def parse_platform(id_: str, current: Platform | None, fields: Mapping[str, Any]) -> Platform:
    """The platform with these fields set; a blank value means the default.

    `options` is a mapping of what its resolver is told; a blank one is left out from then on.
    Raises InputError naming every wrong field.
    """
    mistakes: list[str] = []
    values: dict[str, Any] = {}
    old = current or Platform(id=id_, name=id_)
    if "options" in fields:
        values["options"] = _options(old.options, fields["options"] or {}, mistakes)
    for name, cell in fields.items():
        if name == "options":
            continue
        if name not in PLATFORM_FIELDS:
            mistakes.append(f"{name}: 没有此字段 / no such field")
            continue
        if cell is None or plain(cell) == "":
            values[name] = getattr(Platform(id=id_, name=id_), name)
            continue
        try:
            values[name] = PLATFORM_FIELDS[name](cell)
        except ValueError as error:
            mistakes.append(f"{name}: {error}")
    try:
        name = slug(64)(id_)
        if name != id_ or not name:
            raise ValueError("不能为空，首尾不能有空格")
    except ValueError as error:
        mistakes.append(f"id: {error}")
    platform = replace(old, **values)
    missing = [one for one in NEEDED[platform.resolver] if one not in platform.options]
    mistakes += [f"{one}: {platform.resolver} 方式必须填写" for one in missing]
    if mistakes:
        raise InputError("；".join(mistakes))
    return platform


def check_places(platform: Platform, current: Platform | None, permits: Permits) -> None:
    """Raise ForbiddenPlaceError for an address, newly given, that we may not connect to.

    A name is looked up at each pull, and a placeholder is nobody's address: those are judged then.
    """
    for name in PLACES[platform.resolver]:
        given = platform.options.get(name, "")
        is_old = current is not None and current.resolver == platform.resolver
        if not given or (is_old and current and current.options.get(name) == given):
            continue
        place = _place(given)
        if place is not None and not permits(*place):
            raise ForbiddenPlaceError(
                f"{name}: 设置不允许连接 {place[0]}:{place[1]} / our settings forbid that address",
                pointer=f"/options/{name}",
                hint="设置 media.allow 和 media.deny / see media.allow and media.deny",
            )


def _place(address: str) -> tuple[str, int] | None:
    """The IP address and port that an address names; None where it names none."""
    try:
        uri = Uri.parse(address)
    except InputError:
        return None
    return (uri.host, uri.effective_port) if is_address(uri.host) else None


def _options(
    old: Mapping[str, str], given: Mapping[str, Any], mistakes: list[str]
) -> dict[str, str]:
    options = dict(old)
    for name, cell in given.items():
        if name not in OPTIONS:
            mistakes.append(f"{name}: 没有此字段 / no such field")
        elif cell is None or plain(cell) == "":
            options.pop(name, None)
        else:
            try:
                options[name] = OPTIONS[name](cell)
            except ValueError as error:
                mistakes.append(f"{name}: {error}")
    return options
