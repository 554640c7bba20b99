"""A wrong setting stops the start and is named."""

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

import pytest

from vidgate.errors import SettingsError
from vidgate.settings import Settings, load_settings


def write(folder: Path, text: str) -> Path:
    """A settings file."""
    file = folder / "vidgate.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_nothing_given_is_the_defaults() -> None:
    assert load_settings(None, {}) == Settings()


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = write(tmp_path, "http:\n  port: 1\n  host: 10.0.0.1\n")
    settings = load_settings(file, {"VIDGATE__HTTP__PORT": "2"})
    assert (settings.http.port, settings.http.host) == (2, "10.0.0.1")


def test_the_address_to_listen_on_is_written_as_others_are_compared_with_it(tmp_path: Path) -> None:
    file = write(tmp_path, "http: {host: 'FD00:0:0::1'}")
    assert load_settings(file, {}).http.host == "fd00::1"


def test_lists_come_as_json() -> None:
    settings = load_settings(None, {"VIDGATE__WEBRTC__HOSTS": '["10.0.0.1", "fd00::1"]'})
    assert settings.webrtc.hosts == ["10.0.0.1", "fd00::1"]


def test_the_file_is_found_by_environment(tmp_path: Path) -> None:
    file = write(tmp_path, "http: {port: 3}")
    assert load_settings(None, {"VIDGATE_CONFIG": str(file)}).http.port == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("htpp: {port: 1}", "htpp: 没有此字段"),
        ("http: {prot: 1}", "http.prot: 没有此字段"),
        ("http: {port: 99999}", "http.port"),
        ("probe: {per_host: none}", "probe.per_host"),
        ("- a list", "must hold keys and values"),
        ("http: [", "vidgate.yaml"),
        ("registry: {box: [114, 26, 112, 27]}", "west, south, east, north"),
        ("registry: {box: [112, 26]}", "registry.box"),
        ("media: {allow: [10.0.0.1/33]}", "media.allow.0: '10.0.0.1/33' 不是网段"),
        ("media: {deny: [10]}", "media.deny.0: '10' 不是网段"),
        ("media: {deny: [10.0.0.1/8]}", "write 10.0.0.0/8; for that host alone 10.0.0.1 "),
        (
            "http: {trusted_proxies: ['fd00::1/64']}",
            "http.trusted_proxies.0: 'fd00::1/64' 的主机位不为零, 应写 fd00::/64; ",
        ),
        (
            "http: {hosts: ['https://a.example:8443']}",
            "http.hosts.0: 'https://a.example:8443' 不是",
        ),
        ("http: {hosts: [a.example, 'b.example:8443']}", "http.hosts.1: 'b.example:8443' 不是"),
        ("http: {hosts: ['[fd00::1]']}", "http.hosts.0"),
        ("http: {hosts: ['']}", "http.hosts.0"),
        ("http: {tls: {key: a.pem}}", "http.tls: 有 key 而没有 cert"),
        ("http: {tls: {redirect: true, key: a}}", "http.tls: 有 key, redirect 而没有 cert"),
        ("http: {host: localhost}", "http.host: 'localhost' 不是 IP 地址"),
        ("http: {host: '[::1]'}", "http.host"),
        ("http: {host: ''}", "http.host"),
        ("webrtc: {hosts: [vidgate.local]}", "webrtc.hosts.0"),
        ("webrtc: {hosts: [10.0.0.1, '::']}", "webrtc.hosts.1"),
        ("webrtc: {hosts: [224.0.0.1]}", "webrtc.hosts.0"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words.replace(".", r"\.")):
        load_settings(write(tmp_path, text), {})


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("VIDGATE__HTTP__PROT", "1", "http.prot"),
        ("VIDGATE__WEBRTC__HOSTS", "[1,", "not valid JSON"),
        ("VIDGATE__HTTP", "x", "http"),
    ],
)
def test_a_wrong_variable_is_named(name: str, value: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        load_settings(None, {name: value})


def test_a_missing_file_is_an_error() -> None:
    with pytest.raises(SettingsError, match="No such file"):
        load_settings(Path("/nowhere/vidgate.yaml"), {})


def test_a_time_of_day_stays_a_text(tmp_path: Path) -> None:
    media = load_settings(write(tmp_path, "media: {tls_ca: 22:30, font: no}"), {}).media
    assert (media.tls_ca, media.font) == ("22:30", "no")


def test_hosts_are_names_and_addresses_as_users_type_them(tmp_path: Path) -> None:
    file = write(
        tmp_path, "http: {hosts: [video.example, '*.内网.example', 10.1.0.5, 'FD00:0::1']}"
    )
    hosts = load_settings(file, {}).http.hosts
    assert hosts == ["video.example", "*.内网.example", "10.1.0.5", "fd00::1"]


def test_a_network_may_be_one_address() -> None:
    settings = load_settings(None, {"VIDGATE__HTTP__TRUSTED_PROXIES": '["10.1.0.5", "fd00::/8"]'})
    assert settings.http.trusted_proxies == [IPv4Network("10.1.0.5/32"), IPv6Network("fd00::/8")]


def test_a_box_comes_from_the_environment() -> None:
    settings = load_settings(None, {"VIDGATE__REGISTRY__BOX": "[112, 26, 114.5, 27]"})
    assert settings.registry.box == (112, 26, 114.5, 27)


@pytest.mark.parametrize("name", ["Mars/Olympus", "../../etc/passwd", "Asia"])
def test_a_time_zone_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match=r"history.timezone: .*没有时区"):
        load_settings(None, {"VIDGATE__HISTORY__TIMEZONE": name})
