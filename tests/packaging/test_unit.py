"""configs/vidgate.service, read by systemd's own program."""

import os
import shutil
import subprocess
import sys
from configparser import RawConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "configs" / "vidgate.service"
EXPOSURE = 20  # tenths of systemd's scale from 0 (safe) to 10; a service without any line has 9.6


def _analyze(*words: str | Path) -> subprocess.CompletedProcess[str]:
    found = shutil.which("systemd-analyze")
    if found is None and os.environ.get("CI") != "true":
        pytest.skip("systemd-analyze is not installed")
    assert found, "systemd-analyze is missing (Debian package systemd)"
    return subprocess.run([found, *words], capture_output=True, text=True, check=False)


def unit() -> dict[str, list[str]]:
    """Every key of the unit with its values, in order."""
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith(("#", "[")):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


@pytest.mark.peer
def test_systemd_understands_every_line(tmp_path: Path) -> None:
    program = tmp_path / "vidgate"
    program.write_text(f"#!/bin/sh\nexec {sys.executable} -m vidgate\n")
    program.chmod(0o755)
    text = UNIT.read_text(encoding="utf-8").replace("/opt/vidgate/bin/vidgate", str(program))
    copy = tmp_path / "vidgate.service"
    copy.write_text(
        text.replace("file:///opt/vidgate/share/vidgate/docs/index.md", "man:systemd(1)")
    )
    done = _analyze("verify", "--man=no", "--recursive-errors=no", copy)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.peer
def test_systemd_thinks_it_safe() -> None:
    done = _analyze("security", "--offline=true", f"--threshold={EXPOSURE}", "--no-pager", UNIT)
    assert done.returncode == 0, done.stdout[-400:] + done.stderr


def test_what_the_service_counts_on_is_there() -> None:
    found = unit()
    assert found["Type"] == ["notify"]
    assert found["WatchdogSec"] == ["30"]
    assert found["Restart"] == ["on-failure"]
    assert "VIDGATE_DATA=/var/lib/vidgate" in found["Environment"][0].split()
    assert "TZ=Asia/Shanghai" in found["Environment"]  # else a host in UTC tells days 8 h off
    assert found["StateDirectory"] == ["vidgate"]
    assert int(found["TimeoutStopSec"][0]) > 10  # the service drains for ten seconds
    assert int(found["LimitNOFILE"][0]) >= 65536


def test_it_is_one_well_formed_file() -> None:
    parser = RawConfigParser(strict=False, comment_prefixes=("#",), interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNIT, encoding="utf-8")
    assert parser.sections() == ["Unit", "Service", "Install"]
