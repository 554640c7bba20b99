"""Budgets and promises about the tree itself."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "vidgate").rglob("*.py"))
FUNCTION_LINES = 60
FILE_LINES = 700
CLASS_LINES = 300


def _definitions(kind: type[ast.AST] | tuple[type[ast.AST], ...]) -> Iterator[tuple[str, int]]:
    for file in SOURCES:
        if "node_modules" in file.parts:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, kind):
                lines = (node.end_lineno or 0) - node.lineno + 1  # type: ignore[attr-defined]
                yield f"{file.relative_to(ROOT)}:{node.name}", lines  # type: ignore[attr-defined]


def test_functions_are_short() -> None:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    assert [where for where, lines in _definitions(kinds) if lines > FUNCTION_LINES] == []


def test_classes_are_short() -> None:
    long = [
        f"{where} {lines}" for where, lines in _definitions(ast.ClassDef) if lines > CLASS_LINES
    ]
    assert long == []


def test_files_are_short() -> None:
    long = [
        str(file.relative_to(ROOT))
        for file in SOURCES
        if file.read_text(encoding="utf-8").count("\n") > FILE_LINES
    ]
    assert long == []


@pytest.mark.parametrize(
    "pattern",
    [r"shell=True", r"os\.system", r"create_subprocess_shell", r"\beval\(", r"\bexec\("],
)
def test_nothing_runs_a_shell_or_code_from_text(pattern: str) -> None:
    guilty = [str(f) for f in SOURCES if re.search(pattern, f.read_text(encoding="utf-8"))]
    assert guilty == []


def _loaded(statement: str) -> set[str]:
    code = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("forbidden", ["cv2", "pypinyin", "openpyxl", "python_calamine", "zeep"])
def test_the_service_stays_light(forbidden: str) -> None:
    assert forbidden not in _loaded("import vidgate.app")


@pytest.mark.parametrize("forbidden", ["av", "aiortc", "sqlalchemy", "cv2", "openpyxl"])
def test_the_command_line_stays_light(forbidden: str) -> None:
    assert forbidden not in _loaded("import vidgate.__main__, vidgate.cli.main, vidgate.cli.client")


def test_no_lock_or_constraints_file_names_a_download_address() -> None:
    locks = [ROOT / "constraints.txt", ROOT / "vidgate" / "console" / "package-lock.json"]
    for lock in locks:
        text = lock.read_text(encoding="utf-8")
        assert '"resolved":' not in text
        assert not re.search(r"https?://[^\s\"]*(?:registry|pypi|pythonhosted)", text)


def test_links_between_documents_are_alive() -> None:
    documents = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    link = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
    broken = [
        f"{file.relative_to(ROOT)}: {target}"
        for file in documents
        for target in link.findall(file.read_text(encoding="utf-8"))
        if not (file.parent / target).exists()
    ]
    assert broken == []
