"""The commands against the real service, through its socket and over HTTP."""

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Vidgate


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running service; commands find its socket by the environment."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("VIDGATE")]:
            patch.delenv(name)
        patch.setenv("VIDGATE_DATA", str(tmp_path_factory.mktemp("service") / "data"))
        settings = {
            "VIDGATE__HTTP__HOST": "127.0.0.1",
            "VIDGATE__HTTP__PORT": "0",
            "VIDGATE__WEBRTC__PORT": "0",
            "VIDGATE__PROBE__ENABLED": "false",
            "VIDGATE__LOG__LEVEL": "error",
        }
        with subprocess.Popen(
            [sys.executable, "-m", "vidgate", "serve"],
            env=os.environ | settings,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stderr is not None
            said = []
            for line in process.stderr:
                said.append(line)
                if line.startswith("vidgate ready http="):
                    break
            else:
                pytest.fail("".join(said))
            yield "http://" + said[-1].split("http=")[1].split()[0]
            process.terminate()
            process.stderr.read()
        assert process.returncode == 0


async def test_a_register_comes_and_goes(address: str, vidgate: Vidgate, tmp_path: Path) -> None:
    file = str(tmp_path / "登记表.xlsx")
    made = await vidgate("simulate", "register", "--channels", "12", "-o", file)
    assert made.status == 0, made.err
    tried = await vidgate("channel", "import", file, "--dry-run", "--json")
    assert (tried.status, tried.document["change"]) == (0, None)
    imported = await vidgate("channel", "import", file, "--json")
    assert imported.status == 0, imported.err
    assert imported.document["created"] >= 12
    again = (await vidgate("channel", "import", file, "--json")).document
    assert (again["change"], again["unchanged"]) == (None, imported.document["created"])
    listed = (await vidgate("channel", "list", "--json")).document
    assert listed["total"] == len(listed["items"])

    first: dict[str, Any] = next(item for item in listed["items"] if item["platform"])
    changed = await vidgate("channel", "set", first["id"], "--name", "新名", "--port", "５５４")
    assert changed.status == 0, changed.err
    shown = (await vidgate("channel", "show", first["id"], "--json")).document
    assert (shown["name"], shown["port"]) == ("新名", 554)
    newest = str((await vidgate("change", "list", "--json")).document["items"][0]["id"])
    assert first["name"] in (await vidgate("change", "show", newest)).out
    assert (await vidgate("change", "undo", str(imported.document["change"]))).status == 5
    assert (await vidgate("change", "undo", newest)).status == 0
    shown = (await vidgate("channel", "show", first["id"], "--json")).document
    assert shown["name"] == first["name"]


async def test_bad_rows_are_all_told(address: str, vidgate: Vidgate, tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    file.write_text(
        "编号,名称,主码流地址,端口\nok1,好,rtsp://127.0.0.1/1,\na b,坏,x,７x\n", "utf-8"
    )
    ended = await vidgate("channel", "import", str(file), "--json")
    assert ended.status == 1
    assert ended.document["rejected"] == 1
    assert {error["row"] for error in ended.document["errors"]} == {3}
    assert len(ended.document["errors"]) >= 2
    assert (await vidgate("channel", "import", str(file), "--partial")).status == 3
    assert (await vidgate("channel", "show", "ok1")).status == 0


async def test_no_password_comes_back(
    address: str, vidgate: Vidgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "s3cret-pass"
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{secret}\n"))
    stored = await vidgate("credential", "set", "site", "--username", "u", "--password-stdin")
    assert stored.status == 0, stored.err
    url = f"rtsp://v:{secret}@127.0.0.1/1"
    added = await vidgate("channel", "add", "p1", "--name", "一", "--url", url)
    assert added.status == 0, added.err
    change = str((await vidgate("change", "list", "--json")).document["items"][0]["id"])
    for command in (("credential", "list"), ("channel", "show", "p1"), ("change", "show", change)):
        for flags in ((), ("--json",)):
            ended = await vidgate(*command, *flags)
            assert ended.status == 0, ended.err
            assert secret not in ended.out + ended.err


async def test_a_token_has_its_role(
    address: str, vidgate: Vidgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = (await vidgate("token", "create", "--role", "viewer", "--json")).document
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("VIDGATE_SERVER", address)
        elsewhere.setenv("VIDGATE_TOKEN", made["token"])
        elsewhere.setenv("VIDGATE_DATA", "/nonexistent")
        assert (await vidgate("channel", "list", "--json")).status == 0
        assert (await vidgate("channel", "add", "c1", "--name", "x")).status == 4
    assert (await vidgate("token", "revoke", str(made["id"]))).status == 0
    monkeypatch.setenv("VIDGATE_SERVER", address)
    monkeypatch.setenv("VIDGATE_TOKEN", made["token"])
    assert (await vidgate("channel", "list")).status == 4


async def test_a_template_can_be_imported_as_it_is(
    address: str, vidgate: Vidgate, tmp_path: Path
) -> None:
    file = tmp_path / "t.xlsx"
    assert (await vidgate("channel", "template", "-o", str(file))).status == 0
    ended = await vidgate("channel", "import", str(file), "--dry-run", "--json")
    assert ended.document["errors"] == []


async def test_probing_nothing_that_lives(address: str, vidgate: Vidgate) -> None:
    added = await vidgate("channel", "add", "c1", "--name", "x", "--url", "rtsp://127.0.0.1:1/x")
    assert added.status == 0, added.err
    ended = await vidgate("probe", "c1", "--level", "describe", "--json")
    assert ended.status == 3
    assert ended.document["total"] == 1
    assert ended.document["items"][0]["reason"] == "unreachable"
    assert (await vidgate("probe", "nosuch")).status == 1
