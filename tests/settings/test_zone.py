from pathlib import Path

import pytest

from vidgate.settings.tree import HistorySettings
from vidgate.settings.zone import machine_zone

SHANGHAI = "Asia/Shanghai"


@pytest.mark.parametrize(
    ("said", "name"),
    [
        (SHANGHAI, SHANGHAI),
        (f":{SHANGHAI}", SHANGHAI),
        (f"/usr/share/zoneinfo/{SHANGHAI}", SHANGHAI),
        ("CST-8", ""),
        ("", ""),
    ],
)
def test_the_environment_names_the_machines_zone(said: str, name: str) -> None:
    assert machine_zone({"TZ": said}) == name


def test_else_the_system_does(tmp_path: Path) -> None:
    localtime = tmp_path / "localtime"
    assert machine_zone({}, str(localtime)) == ""
    localtime.symlink_to(f"/usr/share/zoneinfo/{SHANGHAI}")
    assert machine_zone({}, str(localtime)) == SHANGHAI


def test_what_is_set_is_stronger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    assert HistorySettings().zone == "Europe/Berlin"
    assert HistorySettings(timezone=SHANGHAI).zone == SHANGHAI
