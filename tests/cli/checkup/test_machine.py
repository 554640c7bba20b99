"""What the kernel, the clock, the fonts and the media library say."""

import resource
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.checkup import subject
from vidgate.aio.clock import SystemClock
from vidgate.cli.checkup import machine
from vidgate.cli.checkup.finding import Verdict
from vidgate.webrtc import mux


def test_asks_for_the_buffers_that_the_media_port_asks_for() -> None:
    assert machine.MEDIA_BUFFER == mux.BUFFER
    assert machine.UDP_SEGMENT == mux.UDP_SEGMENT


@pytest.mark.parametrize(
    ("receive", "send", "fixed"),
    [
        (4 << 20, 4 << 20, []),
        (212992, 4 << 20, ["rmem_max"]),
        (212992, 212992, ["rmem_max", "wmem_max"]),
    ],
)
def test_buffers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, receive: int, send: int, fixed: list[str]
) -> None:
    granted = {socket.SO_RCVBUF: receive, socket.SO_SNDBUF: send}
    monkeypatch.setattr(machine, "_granted", granted.__getitem__)
    found = machine.buffers(subject(tmp_path))
    assert found.verdict is (Verdict.WARNING if fixed else Verdict.OK)
    for name in ("rmem_max", "wmem_max"):
        assert (f"net.core.{name} = 4194304" in found.fix) is (name in fixed)


def test_the_kernel_is_really_asked() -> None:
    limit = int(Path("/proc/sys/net/core/rmem_max").read_text())
    assert machine._granted(socket.SO_RCVBUF) == min(limit, machine.MEDIA_BUFFER)


def test_segmentation_is_what_this_kernel_has(tmp_path: Path) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        try:
            sock.setsockopt(17, 103, 1200)
            verdict = Verdict.OK
        except OSError:
            verdict = Verdict.WARNING
    assert machine.segmentation(subject(tmp_path)).verdict is verdict


@pytest.mark.parametrize(
    ("hard", "verdict"),
    [
        (resource.RLIM_INFINITY, Verdict.OK),
        (65536, Verdict.OK),
        (20000, Verdict.WARNING),
        (1024, Verdict.FAILED),
    ],
)
def test_descriptors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hard: int, verdict: Verdict
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, hard))
    found = machine.descriptors(subject(tmp_path))
    assert found.verdict is verdict
    assert ("LimitNOFILE=65536" in found.fix) is (verdict is not Verdict.OK)


@pytest.mark.parametrize(
    ("synchronised", "verdict"), [(True, Verdict.OK), (None, Verdict.OK), (False, Verdict.WARNING)]
)
def test_the_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, synchronised: bool | None, verdict: Verdict
) -> None:
    monkeypatch.setattr(machine, "_is_synchronised", lambda: synchronised)
    assert machine.clock(subject(tmp_path)).verdict is verdict
    monkeypatch.setattr(SystemClock, "wall", lambda _: 86400.0)
    assert machine.clock(subject(tmp_path)).verdict is Verdict.FAILED


def test_the_kernel_says_whether_its_clock_is_kept() -> None:
    assert machine._is_synchronised() in (True, False)


def test_a_font(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "FONT_FOLDERS", (str(tmp_path), str(tmp_path / "none")))
    assert machine.font(subject(tmp_path)).verdict is Verdict.WARNING
    (tmp_path / "opentype").mkdir()
    (tmp_path / "opentype" / "NotoSansCJK-Regular.ttc").touch()
    found = machine.font(subject(tmp_path))
    assert (found.verdict, found.found.split()[0]) == (Verdict.OK, "NotoSansCJK-Regular.ttc")
    gone = subject(tmp_path, {"media": {"font": str(tmp_path / "gone.ttf")}})
    assert machine.font(gone).verdict is Verdict.FAILED


def test_codecs_of_this_installation(tmp_path: Path) -> None:
    assert machine.codecs(subject(tmp_path)).verdict is Verdict.OK
    assert "av" not in vars(machine)


def test_codecs_that_are_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "DECODERS", ("h264", "nosuch"))
    found = machine.codecs(subject(tmp_path))
    assert found.verdict is Verdict.FAILED
    assert "nosuch" in found.found


def test_a_broken_media_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_PROBE", "import no_such_library")
    found = machine.codecs(subject(tmp_path))
    assert found.verdict is Verdict.FAILED
    assert "no_such_library" in found.found
    assert sys.executable in found.fix


def test_a_media_library_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(*_: object, **__: object) -> None:
        raise subprocess.TimeoutExpired("av", 60)

    monkeypatch.setattr(subprocess, "run", hang)
    assert machine.codecs(subject(tmp_path)).verdict is Verdict.FAILED
