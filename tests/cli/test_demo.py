"""`vidgate demo`: what it ignores, which ports it takes."""

import os
import socket
from pathlib import Path

import pytest

from vidgate.cli import demo


def _plan(monkeypatch: pytest.MonkeyPatch, **environment: str) -> demo.Plan:
    for name in list(os.environ):
        if name.startswith("VIDGATE"):
            monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return demo._plan(Path("/tmp/x"), 3, 1, demo.LOOPBACK)


def test_real_data_and_settings_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = _plan(
        monkeypatch,
        VIDGATE_CONFIG="/etc/vidgate.yaml",
        VIDGATE_DATA="/var/lib/vidgate",
        VIDGATE_SERVER="https://hall",
        VIDGATE_TOKEN="secret",
        VIDGATE__DATABASE__URL="sqlite:///x",
        VIDGATE__database='{"url": "sqlite:///x"}',
        VIDGATE__LOG__LEVEL="debug",
    )
    kept = {name: value for name, value in plan.environment.items() if name.startswith("VIDGATE")}
    assert kept.pop("VIDGATE__HTTP__PORT") in ("0", "8080")
    assert kept.pop("VIDGATE__WEBRTC__PORT") in ("0", "8189")
    assert kept == {
        "VIDGATE_DATA": "/tmp/x/data",
        "VIDGATE_DEMO": "1",
        "VIDGATE__HTTP__HOST": "127.0.0.1",
        "VIDGATE__LOG__LEVEL": "debug",
    }


@pytest.mark.parametrize(
    ("kind", "section"), [(socket.SOCK_STREAM, "HTTP"), (socket.SOCK_DGRAM, "WEBRTC")]
)
def test_a_busy_port_is_replaced(
    monkeypatch: pytest.MonkeyPatch, kind: socket.SocketKind, section: str
) -> None:
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            other.listen()
        name = f"VIDGATE__{section}__PORT"
        busy = str(other.getsockname()[1])
        assert _plan(monkeypatch, **{name: busy}).environment[name] == "0"
    assert _plan(monkeypatch, **{name: busy}).environment[name] == busy


def test_a_busy_port_of_the_cameras_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        busy = other.getsockname()[1]
        monkeypatch.setattr(demo, "CAMERA_PORT", busy)
        assert _plan(monkeypatch).camera_port not in (0, busy)
    assert _plan(monkeypatch).camera_port == busy
