"""SIGKILL at random moments of an import: all rows or none, and the service starts."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.registry.killing import FRESH, ROWS

ROUNDS = 20


@pytest.mark.slow
@pytest.mark.timeout(150)
def test_a_killed_import_leaves_all_rows_or_none(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.registry.killing", str(tmp_path), str(ROUNDS), "20260"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=140, check=False)
    assert done.returncode == 0, done.stderr
    rounds = [json.loads(line) for line in done.stdout.splitlines()]
    check_rounds(rounds, ROUNDS)


def check_rounds(rounds: list[dict[str, Any]], count: int) -> None:
    """What must hold after every kill; the soak run checks the same."""
    assert len(rounds) == count
    before = 0
    for found in rounds:
        assert "!" not in found["marks"], found
        assert found["started"] in (0, ROWS), found
        assert found["logins"] == found["started"], found
        assert found["audit"] is None, found
        assert found.get("integrity", "ok") == "ok", found
        assert not found.get("foreign"), found
        if "channels" in found:
            assert found["channels"] == found["started"], found
            assert found["generations"] <= 1, found
            assert not found["torn"], found
            assert found["changes"] == found["audits"], found
            # What was answered for is there; what was not may be, once.
            before = 0 if found["round"] % FRESH == 0 else before
            assert before + found["marks"].count("d") <= found["changes"], found
            assert found["changes"] <= before + found["marks"].count("i"), found
        before = found.get("changes", 0)
    # The rounds are worth something: most killed an import in the middle, and many got through.
    assert sum(found["marks"].endswith("i") for found in rounds) >= count // 2
    assert sum("d" in found["marks"] for found in rounds) >= count // 5
