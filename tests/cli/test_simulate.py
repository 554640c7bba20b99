"""`vidgate simulate`, as the shell runs it."""

import os
import signal
from pathlib import Path

import aiohttp
import pytest

from tests.cli.conftest import Vidgate
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


async def test_a_fleet_of_no_register_is_an_error(tmp_path: Path) -> None:
    arguments = ("simulate", "fleet", "--register", str(tmp_path / "none.csv"))
    async with Children() as children:
        fleet = await children.start("fleet", arguments, os.environ)
        with pytest.raises(ChildError, match=r"none\.csv"):
            await fleet.expect("fleet ready", timeout=20)
        assert fleet.status == 1
