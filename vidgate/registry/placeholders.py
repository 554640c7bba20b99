"""Texts with `{names}` to fill in: paths of URL forms, addresses and requests of platforms."""

import re
from collections.abc import Collection, Mapping
from urllib.parse import quote

_NAME = re.compile(r"\{([a-z_]+)(?::([1-9])|(-1))?\}")
SECRETS = ("username", "password")


def check(text: str, allowed: Collection[str]) -> None:
    """Raise ValueError, with a sentence for the user, for a placeholder that nothing fills."""
    rest = _NAME.sub("", text)
    if "{" in rest or "}" in rest:
        raise ValueError("花括号里只能是占位符，例如 {channel}")
    unknown = sorted({name[1] for name in _NAME.finditer(text)} - set(allowed))
    if unknown:
        known = " ".join(f"{{{name}}}" for name in sorted(allowed))
        raise ValueError(f"不认识的占位符 {' '.join(unknown)}；可用 {known}")


def names(text: str) -> set[str]:
    """The placeholders of a text."""
    return {found[1] for found in _NAME.finditer(text)}


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with its placeholders filled, percent-encoded; those without a value stay.

    `{channel:2}` pads with zeros, `{channel-1}` counts from zero: both raise ValueError where the
    value is no number, the second for 0 as well.
    """

    def value(found: re.Match[str]) -> str:
        given = values.get(found[1])
        if given is None:
            return found[0]
        if found[2] or found[3]:
            if not (given.isascii() and given.isdigit()):
                raise ValueError(f"{found[1]} 应为数字，现为 {given[:32]}")
            if found[3] and int(given) == 0:
                raise ValueError(f"{found[1]} 应从 1 数起，现为 {given[:32]}")
            given = given.zfill(int(found[2])) if found[2] else str(int(given) - 1)
        return quote(given, safe="")

    return _NAME.sub(value, text)
