"""`vidgate doctor`: verdicts, exit status, the health check; against a real service and none."""

import json
import os
import time
from pathlib import Path

import pytest
from aiohttp import web

from tests.cli.conftest import FakeService, Vidgate
from tests.programs import running_service
from vidgate.cli import doctor
from vidgate.cli.checkup import machine
from vidgate.cli.checkup.finding import Subject, Verdict
from vidgate.settings.tree import HistorySettings, Settings


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder without a service."""
    for name in ("VIDGATE_SERVER", "VIDGATE_TOKEN", "VIDGATE_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("VIDGATE_DATA", str(tmp_path))
    monkeypatch.setenv("VIDGATE__HTTP__PORT", "0")
    monkeypatch.setenv("VIDGATE__WEBRTC__PORT", "0")
    tmp_path.chmod(0o700)
    return tmp_path


async def test_before_the_first_start(vidgate: Vidgate, alone: Path) -> None:
    ended = await vidgate("doctor", "--json")
    found = {item["name"]: item for item in ended.document["items"]}
    assert set(found) == {"service", *(check.name for check in doctor.CHECKS)}
    assert found["service"]["verdict"] == "warning"
    assert found["folder"]["verdict"] == "ok"
    assert ended.document["failed"] == sum(i["verdict"] == "failed" for i in found.values())
    assert ended.status == (1 if ended.document["failed"] else 0)
    assert all(bool(item["fix"]) is (item["verdict"] != "ok") for item in found.values())
    assert os.listdir(alone) == []


async def test_a_failure_is_1_and_says_what_to_do(vidgate: Vidgate, alone: Path) -> None:
    (alone / "secret.key").touch(mode=0o644)
    ended = await vidgate("doctor")
    assert ended.status == 1
    assert f"chmod 600 {alone / 'secret.key'}" in ended.out
    assert "✗ 失败 failed" in ended.out
    assert ended.err.startswith("下一步 next: vidgate doctor ")


async def test_wrong_settings_are_one_finding(
    vidgate: Vidgate, alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIDGATE__HTTP__PROT", "1")
    ended = await vidgate("doctor", "--json")
    assert ended.status == 1
    found = ended.document["items"][1]
    assert (found["name"], found["verdict"]) == ("settings", "failed")
    assert "http.prot" in found["found"]
    assert len(ended.document["items"]) == len(doctor.CHECKS) + 1


async def test_what_may_not_be_looked_at_is_a_finding(
    vidgate: Vidgate, alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(doctor, "CHECKS", (doctor.Check("x", "某", forbidden),))  # type: ignore[arg-type]
    ended = await vidgate("doctor", "--json")
    assert ended.document["items"][-1]["verdict"] == Verdict.FAILED.value


@pytest.mark.parametrize(("http", "status"), [(200, 0), (503, 1)])
async def test_the_health_check(
    service: FakeService, vidgate: Vidgate, http: int, status: int
) -> None:
    service.answers["GET", "/readyz"] = web.Response(status=http)
    ended = await vidgate("doctor", "--ready")
    assert ended.status == status
    assert ended.out == ""


async def test_the_health_check_of_nobody(vidgate: Vidgate, alone: Path) -> None:
    assert (await vidgate("doctor", "--ready")).status == 1


def test_a_machine_in_utc_tells_days_eight_hours_off(monkeypatch: pytest.MonkeyPatch) -> None:
    for zone, named, verdict in (
        ("UTC", "", Verdict.WARNING),
        ("UTC", "Asia/Shanghai", Verdict.OK),
        ("Asia/Shanghai", "", Verdict.OK),
        ("CST-8", "", Verdict.OK),
    ):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        subject = Subject(Settings(history=HistorySettings(timezone=named)), Path())
        found = machine.zone(subject)
        assert (zone, found.verdict) == (zone, verdict)
    monkeypatch.undo()
    time.tzset()


async def test_says_where_a_platform_allows_too_little(
    service: FakeService, vidgate: Vidgate, alone: Path
) -> None:
    need = {"needed": 9.4, "seconds": 4.7, "wished": 1800.0, "periods": {"1": 1800.0, "9": 7260.0}}
    need |= {"held": 0, "is_short": True}
    short = {"id": "公安", "slots": 4, "demand": need | {"is_stretched": True}}
    service.answers["GET", "/readyz"] = web.Response(status=200)
    service.answer("GET", "/platforms", {"items": [short, {"id": "x", "demand": None}]})
    told = (await vidgate("doctor")).out
    assert "公安 需要 9.4 路, 允许 4 路, 取流周期延长到 121 分" in told
    assert "needs 9.4 of 4 slots, period stretched to 121 min" in told
    brief = short | {"demand": need | {"periods": {"3": 16.96}, "is_stretched": True}}
    service.answer("GET", "/platforms", {"items": [brief]})
    assert "取流周期延长到 17 秒" in (await vidgate("doctor")).out
    enough = short | {"demand": need | {"is_stretched": False, "is_short": False}}
    service.answer("GET", "/platforms", {"items": [enough]})
    assert "1 个平台够用" in (await vidgate("doctor")).out
    watched = need | {"needed": 0.3, "held": 4, "is_stretched": False}
    service.answer("GET", "/platforms", {"items": [short | {"demand": watched}]})
    told = (await vidgate("doctor")).out
    assert "公安 需要 4.3 路, 允许 4 路, 值班员占用 4 路" in told
    assert "needs 4.3 of 4 slots, people hold 4" in told
    assert "stretched" not in told


async def test_beside_a_running_service(tmp_path: Path) -> None:
    async with running_service(tmp_path / "data") as running:
        assert await running.cli("doctor", "--ready") == ""
        told = json.loads(await running.cli("doctor", "--json", status=None))
        found = {item["name"]: item["verdict"] for item in told["items"]}
        names = ("service", "settings", "codecs", "folder", "key", "database", "ports")
        assert {name: found[name] for name in names} == dict.fromkeys(names, "ok")
