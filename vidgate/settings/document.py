"""Writes configs/vidgate.yaml: every key with its default and comment.

python -m vidgate.settings.document > configs/vidgate.yaml
"""

import inspect
import sys
from collections.abc import Iterator

import yaml

from vidgate.settings.tree import Section, Settings

HEAD = """\
# vidgate 的全部设置及默认值; 只需保留要改的行. / Every setting of vidgate with its default; keep only the lines you change.
# 使用: vidgate serve --config FILE 或 VIDGATE_CONFIG; 任一键可用环境变量 VIDGATE__A__B 覆盖 (列表写成 JSON).
# Use: vidgate serve --config FILE or VIDGATE_CONFIG; any key by environment VIDGATE__A__B (lists as JSON).
"""


def write() -> str:
    """The commented file as text."""
    return HEAD + "".join(_section(Settings(), ""))


def _section(section: Section, indent: str) -> Iterator[str]:
    values = section.model_dump(mode="json")
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, Section):
            yield f"{'' if indent else chr(10)}{indent}{name}:  # {inspect.getdoc(type(value))}\n"
            yield from _section(value, indent + "  ")
        else:
            shown = yaml.safe_dump(
                values[name], default_flow_style=True, allow_unicode=True, width=10_000
            )
            yield f"{indent}{name}: {shown.removesuffix(chr(10)).removesuffix('...').strip()}"
            yield f"  # {field.description}\n"


if __name__ == "__main__":
    sys.stdout.write(write())
