"""The tree of commands, its help and the exit statuses."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cyclopts import App

from tests.cli.conftest import FakeService, Vidgate
from vidgate.cli.main import ALONE, NOUNS, application

CONTRACT = {
    "serve", "demo", "probe", "doctor", "version", "completion",
    "channel template", "channel import", "channel list", "channel show", "channel add",
    "channel set", "channel test", "channel submit", "channel approve", "channel remove",
    "channel export", "channel history",
    "change list", "change show", "change undo",
    "platform list", "platform set",
    "credential set", "credential list", "credential test", "credential rotate",
    "maintenance list", "maintenance add", "maintenance end",
    "alarm list", "alarm show", "alarm acknowledge", "alarm note", "alarm close",
    "report uptime", "cert init",
    "user password", "token create", "token list", "token revoke",
    "simulate register", "simulate fleet", "simulate faults", "simulate fault",
}  # fmt: skip


def _registered() -> set[str]:
    found = {verb.name for verb in ALONE}
    for noun in NOUNS:
        found |= {f"{noun.name} {verb.name}" for verb in noun.verbs}
    return found


def test_registers_the_verbs_of_the_contract() -> None:
    assert _registered() == CONTRACT


@pytest.mark.parametrize("command", sorted(CONTRACT))
def test_every_verb_has_help_with_chinese(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    app: App = application()
    app([*command.split(), "--help"])
    told = capsys.readouterr().out
    assert f"vidgate {command}" in told
    assert any("\u4e00" <= letter <= "\u9fff" for letter in told)


async def test_help_is_no_error(vidgate: Vidgate) -> None:
    assert (await vidgate()).status == 0
    assert (await vidgate("--help")).status == 0
    assert (await vidgate("channel", "--help")).status == 0
    assert (await vidgate("--version")).out.strip()


@pytest.mark.parametrize(
    "arguments",
    [
        ("channel",),
        ("nosuch",),
        ("channel", "lst"),
        ("channel", "show"),
        ("channel", "list", "--nosuch", "1"),
        ("channel", "list", "--state", "green"),
        ("channel", "set", "a"),
        ("channel", "set", "a", "--password", "secret"),
        ("channel", "set", "a", "--password-stdin"),
        ("channel", "remove"),
        ("channel", "import", "/nonexistent.xlsx"),
        ("platform", "set", "a"),
        ("credential", "set", "a"),
        ("credential", "set", "a", "--username", "u", "--password", "secret"),
        ("token", "create"),
        ("token", "create", "--role", "boss"),
        ("probe",),
        ("probe", "a", "--all"),
        ("probe", "a", "--level", "picture"),
    ],
)
async def test_a_wrong_command_line_is_2(vidgate: Vidgate, arguments: tuple[str, ...]) -> None:
    ended = await vidgate(*arguments)
    assert ended.status == 2
    if arguments != ("channel",):
        assert ended.err.startswith("错误: ")
        assert "\nerror: " in ended.err
        assert ended.out == ""


async def test_nobody_there_is_6(
    vidgate: Vidgate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIDGATE_DATA", str(tmp_path))
    monkeypatch.delenv("VIDGATE_SERVER", raising=False)
    ended = await vidgate("channel", "list", "--json")
    assert ended.status == 6
    assert ended.out == ""
    assert "vidgate serve" in ended.err


@pytest.mark.parametrize(
    ("http", "code", "status"),
    [
        (400, "bad_input", 1),
        (404, "not_found", 1),
        (401, "not_authenticated", 4),
        (403, "not_permitted", 4),
        (409, "conflict", 5),
        (507, "storage", 1),
        (503, "unavailable", 6),
        (500, "a_code_of_tomorrow", 1),
    ],
)
async def test_problems_have_their_status(
    service: FakeService, vidgate: Vidgate, http: int, code: str, status: int
) -> None:
    service.refuse(
        "GET", "/channels/a", http, code, title="标题", detail="what happened", hint="do this"
    )
    ended = await vidgate("channel", "show", "a")
    assert ended.status == status
    assert ended.err.splitlines()[0] == "错误: 标题"
    assert "what happened" in ended.err
    assert "do this" in ended.err


async def test_the_reader_may_leave(service: FakeService, tmp_path: Path) -> None:
    service.answer("GET", "/channels", {"total": 0, "items": []})
    left, right = os.pipe()
    os.close(left)
    import asyncio

    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "vidgate", "channel", "list", "--json",
        stdout=right, stderr=subprocess.PIPE,
    )  # fmt: skip
    os.close(right)
    _, errors = await process.communicate()
    assert process.returncode == 0
    assert b"Traceback" not in errors
