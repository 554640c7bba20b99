"""The demo's folder: whose is removed, and whose is left alone."""

import fcntl
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from vidgate.cli import scratch as module
from vidgate.cli.scratch import MARKER, scratch, stale


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def left(temporary: Path) -> Path:
    """The folder of a demo that was killed."""
    code = (
        "import os, signal; from vidgate.cli.scratch import scratch\nwith scratch(): os.kill(0, 9)"
    )
    environment = {**os.environ, "TMPDIR": str(temporary)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, start_new_session=True, check=False
    )
    assert done.returncode == -9
    return next(temporary.glob("vidgate-demo-*"))


def test_a_folder_goes_with_its_process(temporary: Path) -> None:
    with scratch() as folder:
        assert folder.parent == temporary
        assert folder.stat().st_mode & 0o777 == 0o700
        assert list(stale()) == []
    assert os.listdir(temporary) == []


def test_what_a_killed_one_left_goes_at_the_next_start(left: Path) -> None:
    (left / "data").mkdir()
    (left / "data" / "vidgate.db").touch()
    assert list(stale()) == [left]
    with scratch() as folder:
        assert not left.exists()
        assert folder.exists()


def test_a_running_demo_keeps_its_folder() -> None:
    with scratch() as first, scratch():
        assert first.exists()


@pytest.mark.parametrize("field", ["start", "boot"])
def test_a_later_process_of_the_same_number_is_another_one(temporary: Path, field: str) -> None:
    with scratch() as folder:
        owner = json.loads((folder / MARKER).read_text())
        (folder / MARKER).write_text(json.dumps(owner | {field: "1"}))
        assert list(stale()) == [folder]


def test_a_service_that_still_ends_keeps_its_folder(left: Path) -> None:
    lock = left / module.LOCK
    lock.parent.mkdir()
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert list(stale()) == []
    assert list(stale()) == [left]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"pid": "x"}', "not json"])
def test_what_is_not_marked_as_ours_stays(left: Path, content: str) -> None:
    (left / MARKER).write_text(content)
    assert list(stale()) == []
    (left / MARKER).unlink()
    assert list(stale()) == []


def test_a_link_is_not_followed(left: Path, temporary: Path) -> None:
    elsewhere = temporary / "elsewhere"
    left.rename(elsewhere)
    left.symlink_to(elsewhere)
    with scratch():
        assert (elsewhere / MARKER).exists()


def test_another_user_s_folder_stays(left: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: left.stat().st_uid + 1)
    assert list(stale()) == []
