"""Ports that are free, taken, forbidden; addresses that are ours and not."""

import errno
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.cli.checkup import subject
from vidgate.cli.checkup import network
from vidgate.cli.checkup.finding import Verdict


def _taken(kind: socket.SocketKind) -> socket.socket:
    sock = socket.socket(type=kind)
    sock.bind(("127.0.0.1", 0))
    if kind == socket.SOCK_STREAM:
        sock.listen()
    return sock


@pytest.mark.parametrize(
    ("section", "kind"), [("http", socket.SOCK_STREAM), ("webrtc", socket.SOCK_DGRAM)]
)
def test_a_port_that_another_program_has(
    tmp_path: Path, section: str, kind: socket.SocketKind
) -> None:
    settings: dict[str, Any] = {"http": {"host": "127.0.0.1", "port": 0}, "webrtc": {"port": 0}}
    with _taken(kind) as sock:
        settings[section]["port"] = sock.getsockname()[1]
        found = network.ports(subject(tmp_path, settings))
        assert found.verdict is Verdict.FAILED
        assert f"{section}.port" in found.fix
        assert str(settings[section]["port"]) in found.fix
        running = network.ports(subject(tmp_path, settings, is_running=True))
        assert running.verdict is Verdict.OK
    assert network.ports(subject(tmp_path, settings)).verdict is Verdict.OK
    elsewhere = network.ports(subject(tmp_path, settings, is_running=True))
    assert elsewhere.verdict is Verdict.WARNING


def test_ports_that_the_kernel_picks(tmp_path: Path) -> None:
    settings = {"http": {"port": 0}, "webrtc": {"port": 0}}
    assert network.ports(subject(tmp_path, settings)).verdict is Verdict.OK


@pytest.mark.parametrize(
    ("code", "fix"),
    [(errno.EACCES, "CAP_NET_BIND_SERVICE"), (errno.EADDRNOTAVAIL, "http.host"), (errno.EIO, "ss")],
)
def test_other_obstacles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, fix: str
) -> None:
    monkeypatch.setattr(network, "_obstacle", lambda _: code)
    found = network.ports(subject(tmp_path))
    assert found.verdict is Verdict.FAILED
    assert fix in found.fix


def test_https_has_a_port_where_there_is_a_certificate(tmp_path: Path) -> None:
    plain = subject(tmp_path).settings
    secure = subject(tmp_path, {"http": {"tls": {"cert": "c.pem"}}}).settings
    assert [str(one) for one in network.listeners(plain)] == ["8080/tcp", "8189/udp"]
    assert [str(one) for one in network.listeners(secure)] == ["8080/tcp", "8443/tcp", "8189/udp"]


@pytest.mark.parametrize(
    ("first", "last", "verdict"),
    [
        (30000, 30999, Verdict.OK),
        (30001, 30999, Verdict.FAILED),
        (30000, 30000, Verdict.FAILED),
        (40000, 40999, Verdict.WARNING),
    ],
)
def test_the_range_of_rtp(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: int, last: int, verdict: Verdict
) -> None:
    (tmp_path / "ephemeral").write_text("32768\t60999\n")
    (tmp_path / "reserved").write_text("\n")
    monkeypatch.setattr(network, "EPHEMERAL", tmp_path / "ephemeral")
    monkeypatch.setattr(network, "RESERVED", tmp_path / "reserved")
    examined = subject(tmp_path, {"rtp": {"first": first, "last": last}})
    assert network.media_ports(examined).verdict is verdict
    if verdict is Verdict.WARNING:
        assert f"ip_local_reserved_ports = {first}-{last}" in network.media_ports(examined).fix
        (tmp_path / "reserved").write_text(f"8080,{first}-{last}\n")
        assert network.media_ports(examined).verdict is Verdict.OK


@pytest.mark.parametrize(
    ("hosts", "verdict"),
    [
        ([], Verdict.OK),
        (["127.0.0.1", "127.9.8.7"], Verdict.OK),
        (["127.0.0.1", "192.0.2.7"], Verdict.WARNING),
    ],
)
def test_addresses_for_browsers(tmp_path: Path, hosts: list[str], verdict: Verdict) -> None:
    assert network.addresses(subject(tmp_path, {"webrtc": {"hosts": hosts}})).verdict is verdict


def test_addresses_behind_a_reverse_proxy(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"http": {"trusted_proxies": ["127.0.0.1/32"]}}
    found = network.addresses(subject(tmp_path, settings))
    assert found.verdict is Verdict.WARNING
    assert "webrtc.hosts" in found.fix
    settings["webrtc"] = {"hosts": ["127.0.0.1"]}
    assert network.addresses(subject(tmp_path, settings)).verdict is Verdict.OK


def test_cameras_on_this_machine(tmp_path: Path) -> None:
    assert network.loopback(subject(tmp_path)).verdict is Verdict.WARNING
    denied = subject(tmp_path, {"media": {"deny": ["::1/128", "127.0.0.0/8"]}})
    assert network.loopback(denied).verdict is Verdict.OK
