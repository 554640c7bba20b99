"""A full disk: reads go on, the error says so, and writing goes on by itself once there is room."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.registry.full_disk import FEW

UNSHARE = ["unshare", "--mount", "--map-root-user"]


def may_mount(folder: Path) -> bool:
    try:
        mount = [*UNSHARE, "mount", "-t", "tmpfs", "tmpfs", str(folder)]
        return subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def test_a_full_disk_stops_writing_and_nothing_else(tmp_path: Path) -> None:
    if not may_mount(tmp_path):
        pytest.skip("may not mount a small disk here")
    command = [*UNSHARE, sys.executable, "-m", "tests.registry.full_disk", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    for message in (told["too large for the disk"], *told["full"]):
        assert "full" in message, told
        assert "磁盘空间" in message, told
    assert told["unchanged"]
    assert told["reads"] == {
        "list": FEW,
        "login": True,
        "address": "rtsp://10.0.0.2/main",
        "export": FEW,
        "changes": [1],
        "history": 1,
        "ready": True,
    }
    assert (told["after"]["updated"], told["after"]["change"]) == (FEW, 2)
    assert told["audit"] is None
    assert told["restarted"] == [FEW, "新1"]
