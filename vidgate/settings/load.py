"""Settings from a YAML file and the environment; the environment wins.

`VIDGATE__HTTP__PORT=8081` sets `http.port`; a list is given as JSON. An unknown key in either is an
error that names it.
"""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from vidgate.errors import SettingsError
from vidgate.mistakes import explain
from vidgate.settings.tree import Settings

PREFIX = "VIDGATE__"
MAX_FILE = 1 << 20


class _Loader(yaml.SafeLoader):
    """YAML with the scalars of version 1.2: `22:30` is a text and `no` is not False."""


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("tag:yaml.org,2002:bool", r"^(?:true|false)$", "tf"),
    ("tag:yaml.org,2002:int", r"^[-+]?[0-9]+$", "-+0123456789"),
    (
        "tag:yaml.org,2002:float",
        r"^[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:e[-+]?[0-9]+)?$",
        "-+.0123456789",
    ),
    ("tag:yaml.org,2002:null", r"^(?:null|~|)$", ["n", "~", ""]),
):
    _Loader.add_implicit_resolver(_tag, re.compile(_pattern), list(_first))


def load_settings(
    file: Path | None = None, environment: Mapping[str, str] | None = None
) -> Settings:
    """The settings of `file` (default: `VIDGATE_CONFIG`, else none) and the environment.

    Raises SettingsError, which names the key and says what is wrong with it.
    """
    env = os.environ if environment is None else environment
    if file is None and env.get("VIDGATE_CONFIG"):
        file = Path(env["VIDGATE_CONFIG"])
    tree = _read(file) if file else {}
    for name, value in env.items():
        if name.upper().startswith(PREFIX):
            _put(tree, name, value)
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        raise SettingsError(
            explain(error, shows_input=True), hint="configs/vidgate.yaml 列出所有键 shows every key"
        ) from None


def _read(file: Path) -> dict[str, Any]:
    try:
        if file.stat().st_size > MAX_FILE:
            raise SettingsError(f"{file}: 超过 {MAX_FILE} 字节 / larger than {MAX_FILE} bytes")
        loaded = yaml.load(file.read_text(encoding="utf-8"), _Loader)
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: {error}") from None
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise SettingsError(
            f"{file}: 应为键和值 / must hold keys and values, not a {type(loaded).__name__}"
        )
    return loaded


def _put(tree: dict[str, Any], name: str, value: str) -> None:
    path = name[len(PREFIX) :].lower().split("__")
    branch = tree
    for part in path[:-1]:
        below = branch.setdefault(part, {})
        if not isinstance(below, dict):
            raise SettingsError(f"{name}: {part} 不是一节 / is not a section")
        branch = below
    branch[path[-1]] = _value(name, value)


def _value(name: str, value: str) -> Any:
    if not value.startswith(("[", "{")):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise SettingsError(f"{name}: 不是 JSON / not valid JSON: {error}") from None
