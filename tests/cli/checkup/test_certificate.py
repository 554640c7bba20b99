"""Certificates that browsers take, and each kind that they do not."""

from pathlib import Path
from typing import Any

import pytest

from tests.cli.checkup import subject
from tests.rtsp.certificates import Authority
from vidgate.aio.clock import SystemClock
from vidgate.cli.checkup.certificate import _covers, certificate
from vidgate.cli.checkup.finding import Finding, Verdict

DAY = 86400.0


def _found(folder: Path, pair: tuple[str, str], *hosts: str) -> Finding:
    tls: dict[str, Any] = {"cert": pair[0], "key": pair[1]}
    return certificate(subject(folder, {"http": {"tls": tls, "hosts": list(hosts)}}))


def test_plain_http(tmp_path: Path) -> None:
    assert certificate(subject(tmp_path)).verdict is Verdict.OK


def test_a_good_one(tmp_path: Path) -> None:
    pair = Authority(tmp_path).camera("hall.example", days=90)
    found = _found(tmp_path, pair, "hall.example", "HALL.example")
    assert found.verdict is Verdict.OK
    assert "hall.example" in found.found


@pytest.mark.parametrize(
    ("later", "verdict"),
    [(0.0, Verdict.OK), (70 * DAY, Verdict.WARNING), (100 * DAY, Verdict.FAILED)],
)
def test_its_last_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, later: float, verdict: Verdict
) -> None:
    now = SystemClock().wall() + later
    monkeypatch.setattr(SystemClock, "wall", lambda _: now)
    pair = Authority(tmp_path).camera("hall.example", days=90)
    assert _found(tmp_path, pair).verdict is verdict


def test_before_its_first_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Authority(tmp_path).camera("hall.example", days=90)
    monkeypatch.setattr(SystemClock, "wall", lambda _: 0.0)
    assert _found(tmp_path, pair).verdict is Verdict.FAILED


def test_names_that_it_lacks(tmp_path: Path) -> None:
    pair = Authority(tmp_path).camera("127.0.0.1", days=90)
    assert _found(tmp_path, pair, "127.0.0.1").verdict is Verdict.OK
    found = _found(tmp_path, pair, "127.0.0.1", "hall.example")
    assert found.verdict is Verdict.WARNING
    assert "hall.example" in found.found


@pytest.mark.parametrize(
    ("held", "typed"),
    [("xn--cy2a840a.example", "视频.Example"), ("fd00::1", "FD00:0:0::1")],
)
def test_a_name_is_found_however_it_is_written(tmp_path: Path, held: str, typed: str) -> None:
    pair = Authority(tmp_path).camera(held, days=90)
    assert _found(tmp_path, pair, typed).verdict is Verdict.OK
    other = _found(tmp_path, pair, "fd00::2", "视讯.example", "视.." + "x" * 70)
    assert other.verdict is Verdict.WARNING
    assert "fd00::2, 视讯.example, 视.." in other.found


def test_a_key_of_another_one(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pair = authority.camera("a.example")[0], authority.camera("b.example")[1]
    found = _found(tmp_path, pair)
    assert found.verdict is Verdict.FAILED


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_no_certificate_at_all(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "cert.pem"
    if content is not None:
        path.write_bytes(content)
    found = _found(tmp_path, (str(path), ""))
    assert found.verdict is Verdict.FAILED
    assert str(path) in found.found


@pytest.mark.parametrize(
    ("name", "host", "covers"),
    [
        ("*.example", "hall.example", True),
        ("*.example", "a.hall.example", False),
        ("*.example", "example", False),
    ],
)
def test_a_wildcard_stands_for_one_label(name: str, host: str, covers: bool) -> None:
    assert _covers(name, host) is covers
