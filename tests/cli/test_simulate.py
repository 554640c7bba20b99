"""`vidgate simulate`, as the shell runs it."""

import csv
import os
import signal
from pathlib import Path

import aiohttp
import pytest

from tests.cli.conftest import Vidgate
from tests.programs import running_fleet, running_service
from vidgate.cli.children import ChildError, Children


async def test_the_same_seed_writes_the_same_register(vidgate: Vidgate, tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        file = tmp_path / name
        ended = await vidgate("simulate", "register", "--channels", "9", "-o", str(file))
        assert ended.status == 0
        assert "simulate fleet --register" in ended.err
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


async def test_an_unknown_kind_of_file_is_refused(vidgate: Vidgate, tmp_path: Path) -> None:
    ended = await vidgate("simulate", "register", "-o", str(tmp_path / "a.doc"))
    assert ended.status == 1
    assert ended.err.startswith("错误: ")


async def test_a_fleet_serves_until_sigterm(vidgate: Vidgate, tmp_path: Path) -> None:
    file = tmp_path / "register.csv"
    assert (await vidgate("simulate", "register", "--channels", "5", "-o", str(file))).status == 0
    arguments = ("simulate", "fleet", "--register", str(file), "--port", "0")
    async with Children() as children:
        fleet = await children.start("fleet", arguments, os.environ)
        ready = await fleet.expect(r"fleet ready (\d+) .*control=(\S+)", timeout=20)
        assert int(ready[1]) >= 5
        async with aiohttp.ClientSession() as session, session.get(f"{ready[2]}/truth") as answer:
            assert len((await answer.json())["channels"]) == int(ready[1])
        os.kill(fleet.pid, signal.SIGTERM)
        await fleet.gone
        assert fleet.status == 0


async def test_a_platform_s_addresses_expire_and_are_asked_for_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMULATOR_PLATFORM_PASSWORD", "p-secret-7")
    options = ("--platform-user", "asker", "--ticket-seconds", "0.5")
    async with (
        running_fleet(tmp_path, 3, options=options) as fleet,
        running_service(tmp_path / "data", {"VIDGATE__PROBE__ENABLED": "false"}) as service,
    ):
        endpoint = (await fleet.program.says(r"platform=(\S+)"))[1]
        given = ("credential", "set", "asker", "--username", "asker", "--password-stdin")
        await service.cli(*given, given="p-secret-7\n")
        told = ("--endpoint", endpoint, "--auth", "basic", "--credential", "asker")
        asked = ("--resolver", "http", *told, "--path", "data.url")
        await service.cli("platform", "set", "tickets", *asked)
        with fleet.register.open(encoding="utf-8-sig", newline="") as file:
            first = next(csv.DictReader(file))["id"]
        await service.cli("channel", "add", first, "--name", "票", "--platform", "tickets")
        async with aiohttp.ClientSession(fleet.control) as session:
            for issued in (1, 2):
                probed = await service.cli_json("probe", first, "--level", "media")
                assert (probed["total"], probed["up"]) == (1, 1), probed
                platform = (await (await session.get("/truth")).json())["platform"]
                assert (platform["issued"], platform["refused"]) == (issued, 0)
        assert "/ticket/" not in service.program.text
        assert "p-secret-7" not in service.program.text + fleet.program.text


async def test_a_platform_s_user_needs_a_password(vidgate: Vidgate, tmp_path: Path) -> None:
    words = ("simulate", "fleet", "--register", str(tmp_path / "none.csv"))
    ended = await vidgate(*words, "--platform-user", "asker")
    assert ended.status == 1
    assert "SIMULATOR_PLATFORM_PASSWORD" in ended.err


async def test_a_fleet_of_no_register_is_an_error(tmp_path: Path) -> None:
    arguments = ("simulate", "fleet", "--register", str(tmp_path / "none.csv"))
    async with Children() as children:
        fleet = await children.start("fleet", arguments, os.environ)
        with pytest.raises(ChildError, match=r"none\.csv"):
            await fleet.expect("fleet ready", timeout=20)
        assert fleet.status == 1
