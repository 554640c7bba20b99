"""A full disk under viewers: pictures, probing and signing in go on; what waited is written."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.registry.test_full_disk import UNSHARE, may_mount

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


def test_pictures_probing_and_signing_in_go_on_while_the_disk_is_full(tmp_path: Path) -> None:
    if not may_mount(tmp_path):
        pytest.skip("may not mount a small disk here")
    command = [*UNSHARE, sys.executable, "-m", "tests.e2e.full_disk", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    for status, said in (told["import"], told["change"]):
        assert status == 507
        assert "database or disk is full" in said
    assert told["full"] == "ready\nstorage full\n"
    assert told["writable"] == 0
    assert told["sign in"] == 200
    assert json.loads(told["session"])["server"]["storage"] == "full"
    assert told["lost"] == "unauthorized", "probing stopped"
    assert told["waiting"] >= 3, "the session, the one it replaced, and a view wait in memory"
    # and all of it by itself once there is room again
    assert told["ready"] == "ready\n"
    assert (told["waiting after"], told["audit lost"], told["after"]) == (0, 0, 200)
    assert told["events"][0] == "full"
    assert told["events"][-1] == "ok"
    assert told["stored"] == 5
    assert told["sessions"] == 1
    assert told["actions"].count("session.open") == 2
    assert told["actions"].count("session.close") == 1
    assert told["actions"].count("stream.watch") == 2
    assert told["audit"] is None
    assert told["integrity"] == "ok"
    assert told["exit"] == 0
    # the viewer saw its own camera all the way
    assert told["numbers"] == [told["number"]]
    assert told["gap"] < 2.0
