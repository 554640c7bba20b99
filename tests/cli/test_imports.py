"""A client command must not pay for the service: what it imports is held to a list."""

import subprocess
import sys

import pytest

HEAVY = (
    "aiortc", "alembic", "av", "cryptography", "cv2", "numpy", "onvif", "openpyxl", "pydantic",
    "pypinyin", "python_calamine", "sqlalchemy", "vidgate.app", "vidgate.web", "yaml",
)  # fmt: skip
CLIENTS = (
    "channel", "register", "change", "platform", "credential", "token", "probe", "version",
    "simulate", "names",
)  # fmt: skip
PROGRAM = """
import sys
from importlib import import_module
import vidgate.__main__
for name in sys.argv[1].split(","):
    import_module(f"vidgate.cli.{name}")
print(*sorted(sys.modules))
"""


def test_client_commands_import_nothing_heavy() -> None:
    told = subprocess.run(
        [sys.executable, "-c", PROGRAM, ",".join(CLIENTS)],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(told.stdout.split())
    assert "vidgate.cli.channel" in loaded
    assert loaded.isdisjoint(HEAVY), sorted(loaded & set(HEAVY))


@pytest.mark.parametrize("command", [["--version"], ["channel", "--help"]])
def test_help_imports_no_command(command: list[str]) -> None:
    program = (
        "import sys; from vidgate.cli.main import run; run(sys.argv[1:]); "
        "print(*sys.modules, file=sys.stderr)"
    )
    told = subprocess.run(
        [sys.executable, "-c", program, *command], capture_output=True, text=True, check=True
    )
    loaded = set(told.stderr.split())
    assert not {"aiohttp", "asyncio", "vidgate.cli.channel"} & loaded
