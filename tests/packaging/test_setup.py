"""scripts/setup on a fresh Debian, where python3 comes without what makes environments."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.packaging.rooms import SYSTEM, Room, need_rooms

ROOT = Path(__file__).parents[2]
TOP = "/home/site/vidgate"
ENVIRONMENT = {"PATH": SYSTEM, "HOME": "/home/site", "LANG": "C.UTF-8"}


@pytest.fixture
def fresh(tmp_path: Path) -> Room:
    """A room with the sources and without python3-venv."""
    need_rooms()
    room = Room(tmp_path).make()
    top = room.upper / TOP[1:]
    shutil.copytree(ROOT / "scripts", top / "scripts")
    shutil.copy2(ROOT / "pyproject.toml", top)
    # pip stops at once: what follows the environment is no part of these tests.
    (top / "constraints.txt").write_text("this is no constraint\n")
    for path in (top, top.parent):
        path.chmod(0o777)
    remove = ["dpkg", "--purge", "--force-depends", "python3-venv", "python3.11-venv"]
    subprocess.run(room.command(remove), capture_output=True, check=True)
    return room


def _set_up(room: Room, **options: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if "PROXY" in name.upper()}
    command = room.command(["scripts/setup"], where=TOP, **options)  # type: ignore[arg-type]
    return subprocess.run(
        command, env=inherited | ENVIRONMENT, capture_output=True, text=True, check=False
    )


@pytest.mark.peer
def test_root_gets_what_is_missing(fresh: Room) -> None:
    done = _set_up(fresh)
    assert "安装系统软件包" in done.stderr, done.stderr
    assert "安装 Python 依赖" in done.stderr, done.stderr
    assert (fresh.upper / TOP[1:] / ".venv" / "bin" / "pip").exists()


@pytest.mark.peer
def test_others_are_told_the_line_for_an_administrator(fresh: Room) -> None:
    done = _set_up(fresh, user="nobody")
    assert done.returncode != 0
    line = "sudo apt-get update && sudo apt-get install -y --no-install-recommends python3-venv"
    assert f"  {line}\n" in done.stderr, done.stderr
    assert not (fresh.upper / TOP[1:] / ".venv").exists()


def test_a_python_that_is_too_old_is_named() -> None:
    done = subprocess.run(
        [ROOT / "scripts" / "setup"],
        env={"PATH": SYSTEM, "PYTHON": "false"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "python3 is too old" in done.stderr
