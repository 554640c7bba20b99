"""The settings of a platform: what may be set and how it is checked."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from vidgate.errors import InputError
from vidgate.model.channel import Platform
from vidgate.registry.fields import Parser, boolean, integer, plain, slug, text

RESOLVERS = ("static",)


def _resolver(cell: Any) -> str:
    value = plain(cell)
    if value not in RESOLVERS:
        raise ValueError(f"应为 {' / '.join(RESOLVERS)} 之一")
    return value


PLATFORM_FIELDS: dict[str, Parser] = {
    "name": text(128),
    "slots": integer(0, 100_000),
    "describe_parallel": integer(1, 10_000),
    "quota": integer(0, 1_000_000),
    "describe_proves": boolean,
    "resolver": _resolver,
}


def parse_platform(id_: str, current: Platform | None, fields: Mapping[str, Any]) -> Platform:
    """The platform with these fields set; a blank value means the default.

    Raises InputError naming every wrong field.
    """
    mistakes: list[str] = []
    values: dict[str, Any] = {}
    for name, cell in fields.items():
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
    if mistakes:
        raise InputError("；".join(mistakes))
    return replace(current or Platform(id=id_, name=id_), **values)
