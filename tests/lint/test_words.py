"""What users read of an error is Chinese first, then English."""

import ast
import re
from pathlib import Path

from vidgate import errors

ROOT = Path(errors.__file__).parent
# Their errors are counted, or handled by whoever asked; no user reads them.
INWARD = ("rtp/packet.py", "rtp/h264.py", "rtp/h265.py", "storage/snapshots.py", "web/access.py")
CHINESE = re.compile("[\u4e00-\u9fff]")
WORDS = re.compile(r"[a-z]{3,} [a-z]{2,}")
KINDS = {name for name in vars(errors) if name.endswith("Error")} | {"WorkerError"}


def _english_alone(file: Path) -> list[str]:
    """Where a half may come from a table (` / ` stands alone) it is believed."""
    return [
        f"{file.relative_to(ROOT)}:{node.lineno}: {text}"
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS
        for text in map(_literal, node.args[:1])
        if WORDS.search(text) and not CHINESE.search(text) and " / " not in text
    ]


def _literal(node: ast.AST) -> str:
    return "".join(
        each.value
        for each in ast.walk(node)
        if isinstance(each, ast.Constant) and isinstance(each.value, str)
    )


def test_no_error_is_told_in_english_alone() -> None:
    files = [
        file
        for file in ROOT.rglob("*.py")
        if not {"node_modules", "simulator"} & set(file.parts) and not str(file).endswith(INWARD)
    ]
    assert len(files) > 100
    assert [line for file in files for line in _english_alone(file)] == []
