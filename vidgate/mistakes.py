"""What pydantic finds wrong, told to people: Chinese first, English second, field by field.

The one place for it: bodies and queries of the API, settings, and the tables of a site.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

MOST = 20  # mistakes that are told of one document

# By pydantic's type of error; the braces are its context.
_TEXTS: Mapping[str, tuple[str, str]] = {
    "missing": ("必须填写", "is required"),
    "extra_forbidden": ("没有此字段", "there is no such field"),
    "json_invalid": ("不是 JSON：{error}", "is no JSON: {error}"),
    "value_error": ("{error}", ""),
    "enum": ("应为 {expected} 之一", "must be one of {expected}"),
    "literal_error": ("应为 {expected} 之一", "must be one of {expected}"),
    "string_too_short": ("至少 {min_length} 个字符", "at least {min_length} characters"),
    "string_too_long": ("最多 {max_length} 个字符", "at most {max_length} characters"),
    "string_pattern_mismatch": ("格式应为 {pattern}", "must look like {pattern}"),
    "too_short": ("至少 {min_length} 项", "at least {min_length} items"),
    "too_long": ("最多 {max_length} 项，请分批", "at most {max_length} items; send them in parts"),
    "greater_than": ("应大于 {gt}", "must be greater than {gt}"),
    "greater_than_equal": ("不能小于 {ge}", "must be {ge} or more"),
    "less_than": ("应小于 {lt}", "must be less than {lt}"),
    "less_than_equal": ("不能大于 {le}", "must be {le} or less"),
    "finite_number": ("应为有限的数", "must be a finite number"),
}
# What is wanted where the type alone is wrong, by how pydantic's types of error begin.
_KINDS: Mapping[str, tuple[str, str]] = {
    "string": ("应为文字", "must be a text"),
    "int": ("应为整数", "must be a whole number"),
    "float": ("应为数字", "must be a number"),
    "bool": ("应为 true 或 false", "must be true or false"),
    "list": ("应为列表", "must be a list"),
    "tuple": ("应为列表", "must be a list"),
    "set": ("应为列表", "must be a list"),
    "frozen_set": ("应为列表", "must be a list"),
    "dict": ("应为对象", "must be an object"),
    "mapping": ("应为对象", "must be an object"),
    "model": ("应为对象", "must be an object"),
    "path": ("应为路径", "must be a path"),
    "date": ("应为日期", "must be a date"),
    "ip": ("应为 IP 地址或网段", "must be an IP address or network"),
}
_OTHER = "不符合要求"


def explain(error: ValidationError, *, shows_input: bool = False) -> str:
    """Every mistake of a document, `; ` between them, with `shows_input` what was given.

    Without it nothing of what was sent is repeated: it may hold a password.
    """
    return "; ".join(_lines(error, shows_input))


def _lines(error: ValidationError, shows_input: bool) -> Iterator[str]:
    found = error.errors(include_url=False)
    for one in found[:MOST]:
        place = ".".join(str(part) for part in one["loc"])
        chinese, english = _texts(one["type"], one["msg"], one.get("ctx", {}))
        given = f" (现为 given: {one['input']!r})" if shows_input else ""
        told = f"{chinese} / {english}" if english else chinese
        yield f"{place}: {told}{given}" if place else f"{told}{given}"
    if len(found) > MOST:
        yield f"另有 {len(found) - MOST} 处 / {len(found) - MOST} more"


def _texts(kind: str, message: str, context: Mapping[str, Any]) -> tuple[str, str]:
    told = _TEXTS.get(kind) or _kind(kind)
    if told is None:
        return _OTHER, message
    chinese, english = told
    plain = {name: str(value).replace(" or ", ", ") for name, value in context.items()}
    return chinese.format_map(plain), english.format_map(plain)


def _kind(kind: str) -> tuple[str, str] | None:
    """By the longest beginning: `frozen_set_type` is a set."""
    begins = [name for name in _KINDS if kind.startswith(f"{name}_")]
    return _KINDS[max(begins, key=len)] if begins else None
