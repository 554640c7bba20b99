"""What a shell completes, from a service, from a cache, and from neither."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import FakeService, Vidgate
from vidgate.cli import names

CHANNELS = {
    "items": [
        {"id": "East-1", "name": "东门", "department": "公安局", "area": "城关镇", "state": "up"},
        {"id": "east-2", "name": "东门 二", "department": "公安局", "area": ""},
        {"id": "west-1", "name": "西门", "department": "林业局", "area": "城关镇"},
    ]
}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "vidgate"


def kept(cache: Path) -> Path:
    (file,) = cache.iterdir()
    return file


def in_the_way(folder: Path) -> None:
    folder.write_text("a file", encoding="utf-8")


async def completed(vidgate: Vidgate, *words: str) -> list[str]:
    ended = await vidgate("__complete", *words)
    assert ended.status == 0
    _, _, told = ended.out.partition("\x1fbegin\n")
    assert ended.err == ""
    return [line.partition("\t")[0] for line in told.splitlines()]


@pytest.mark.parametrize(
    ("words", "path", "items", "told"),
    [
        ("channel show ", "/channels", CHANNELS, ["East-1", "east-2", "west-1"]),
        ("channel show e", "/channels", CHANNELS, ["East-1", "east-2"]),
        ("channel remove east-2 we", "/channels", CHANNELS, ["west-1"]),
        ("channel list --department ", "/channels", CHANNELS, ["公安局", "林业局"]),
        ("channel list --area ", "/channels", CHANNELS, ["城关镇"]),
        ("probe w", "/channels", CHANNELS, ["west-1"]),
        ("simulate fault we", "/channels", CHANNELS, ["west-1"]),
        ("channel export --platform ", "/platforms", {"items": [{"id": "公安回流"}]}, ["公安回流"]),
        ("platform set ", "/platforms", {"items": [{"id": "p", "name": "P"}]}, ["p"]),
        ("credential test ", "/credentials", {"items": [{"name": "nvr"}]}, ["nvr"]),
        ("channel set c --credential ", "/credentials", {"items": [{"name": "nvr"}]}, ["nvr"]),
        ("change undo ", "/changes", {"items": [{"id": 12, "source": "a.csv"}]}, ["12"]),
        ("token revoke ", "/tokens", {"items": [{"id": 3, "name": "prom"}]}, ["3"]),
    ],
)
async def test_names_are_completed(
    service: FakeService,
    vidgate: Vidgate,
    cache: Path,
    words: str,
    path: str,
    items: dict[str, Any],
    told: list[str],
) -> None:
    service.answer("GET", path, items)
    assert await completed(vidgate, *words.split(" ")) == told


async def test_a_name_is_told_beside_an_id(
    service: FakeService, vidgate: Vidgate, cache: Path
) -> None:
    service.answer("GET", "/channels", CHANNELS)
    assert "west-1\t西门\n" in (await vidgate("__complete", "channel", "show", "")).out


async def test_a_list_is_asked_for_once_a_minute(
    service: FakeService, vidgate: Vidgate, cache: Path
) -> None:
    service.answer("GET", "/channels", CHANNELS)
    for _ in range(3):
        assert await completed(vidgate, "channel", "show", "w") == ["west-1"]
    assert len(service.asked) == 1
    file = kept(cache)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert "state" not in file.read_text(encoding="utf-8")  # no more than completion shows
    os.utime(file, (1.0, 1.0))
    service.answer("GET", "/channels", {"items": [{"id": "new"}]})
    assert await completed(vidgate, "channel", "show", "") == ["new"]


async def test_another_service_is_another_list(
    service: FakeService, vidgate: Vidgate, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.answer("GET", "/channels", CHANNELS)
    await completed(vidgate, "channel", "show", "")
    monkeypatch.setenv("VIDGATE_SERVER", "http://127.0.0.1:1")
    assert await completed(vidgate, "channel", "show", "") == []


async def test_an_old_list_is_better_than_none(
    service: FakeService, vidgate: Vidgate, cache: Path
) -> None:
    service.answer("GET", "/channels", CHANNELS)
    await completed(vidgate, "channel", "show", "")
    file = kept(cache)
    os.utime(file, (1.0, 1.0))
    service.refuse("GET", "/channels", 403, "not_permitted")
    assert await completed(vidgate, "channel", "show", "w") == ["west-1"]
    file.write_text("{", encoding="utf-8")
    assert await completed(vidgate, "channel", "show", "w") == []


async def test_nobody_waits_for_a_service_that_does_not_answer(
    vidgate: Vidgate, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "DEADLINE", 0.05)
    held = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await held.wait()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        monkeypatch.setenv("VIDGATE_SERVER", f"http://127.0.0.1:{port}")
        assert await completed(vidgate, "channel", "show", "") == []
        held.set()


async def test_where_nothing_can_be_kept_names_are_completed_all_the_same(
    service: FakeService, vidgate: Vidgate, cache: Path
) -> None:
    in_the_way(cache.parent)
    service.answer("GET", "/channels", CHANNELS)
    assert await completed(vidgate, "channel", "show", "w") == ["west-1"]


async def test_a_shell_is_given_them(
    service: FakeService, vidgate: Vidgate, cache: Path, tmp_path: Path
) -> None:
    """Bash itself, with the script that it sources and the program that it calls back."""
    evil = "x$(touch${IFS}" + str(tmp_path / "ran") + ")"
    service.answer("GET", "/channels", {"items": [*CHANNELS["items"], {"id": evil}]})
    script = (await vidgate("completion", "bash")).out
    script += """
COMP_WORDS=(vidgate channel show ""); COMP_CWORD=3; _vidgate; printf '%s\\n' "${COMPREPLY[@]}"
"""
    program = tmp_path / "bin" / "vidgate"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m vidgate "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    path = f"{program.parent}:{os.environ['PATH']}"
    done = await asyncio.to_thread(
        subprocess.run,
        ["bash", "--norc"],
        input=script,
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PATH": path},
    )
    assert {"East-1", "east-2", "west-1"} < set(done.stdout.split()), done.stderr
    assert not (tmp_path / "ran").exists()
