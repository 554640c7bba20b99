"""The data folder in every state that an engineer meets."""

import os
import shutil
import sqlite3
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.cli.checkup import subject
from vidgate.cli.checkup import storage
from vidgate.cli.checkup.finding import Verdict
from vidgate.storage.migrations import head, upgrade


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "data"
    made.mkdir(mode=0o700)
    return made


def test_a_folder_of_ours(folder: Path) -> None:
    assert storage.folder(subject(folder)).verdict is Verdict.OK
    assert list(folder.iterdir()) == []


def test_a_folder_that_is_made_later(folder: Path) -> None:
    assert storage.folder(subject(folder / "a" / "b")).verdict is Verdict.OK
    assert list(folder.iterdir()) == []


def test_a_folder_that_others_may_enter(folder: Path) -> None:
    folder.chmod(0o755)
    found = storage.folder(subject(folder))
    assert (found.verdict, found.fix) == (Verdict.WARNING, f"chmod 700 {folder}")


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    assert storage.folder(subject(tmp_path / "data")).verdict is Verdict.FAILED


def test_a_folder_that_cannot_be_written() -> None:
    # /proc takes no files, not even from root.
    found = storage.folder(subject(Path("/proc/self")))
    assert found.verdict is Verdict.FAILED
    assert "chown" in found.fix


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.mark.parametrize(
    ("free", "verdict"),
    [(50 << 20, Verdict.FAILED), (500 << 20, Verdict.WARNING), (50 << 30, Verdict.OK)],
)
def test_room(folder: Path, monkeypatch: pytest.MonkeyPatch, free: int, verdict: Verdict) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(free, 0, free))
    assert storage.room(subject(folder / "not" / "yet")).verdict is verdict


def test_room_for_more_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.statvfs(folder)
    short = os.statvfs_result((*real[:5], 1000, 5, 5, *real[8:]))
    monkeypatch.setattr(os, "statvfs", lambda _: short)
    assert storage.room(subject(folder)).verdict is Verdict.FAILED


def test_the_key(folder: Path) -> None:
    key = folder / "secret.key"
    assert storage.key(subject(folder)).verdict is Verdict.OK
    key.touch(mode=0o600)
    assert storage.key(subject(folder)).verdict is Verdict.OK
    key.chmod(0o644)
    found = storage.key(subject(folder))
    assert (found.verdict, found.fix) == (Verdict.FAILED, f"chmod 600 {key}")


def test_a_key_that_is_gone(folder: Path) -> None:
    (folder / "vidgate.db").touch()
    assert storage.key(subject(folder)).verdict is Verdict.FAILED


def test_a_database_of_this_version(folder: Path) -> None:
    assert storage.database(subject(folder)).verdict is Verdict.OK
    assert not (folder / "vidgate.db").exists()
    upgrade(folder / "vidgate.db")
    found = storage.database(subject(folder))
    assert found.verdict is Verdict.OK
    assert head() in found.found


def test_a_database_of_a_newer_version(folder: Path) -> None:
    path = folder / "vidgate.db"
    upgrade(path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    assert storage.database(subject(folder)).verdict is Verdict.FAILED


def test_a_damaged_database(folder: Path) -> None:
    path = folder / "vidgate.db"
    path.write_bytes(b"not a database at all" * 100)
    found = storage.database(subject(folder))
    assert found.verdict is Verdict.FAILED
    assert "备份" in found.fix


def test_a_database_elsewhere(folder: Path) -> None:
    settings = {"database": {"url": "sqlite+aiosqlite:////x"}}
    assert storage.database(subject(folder, settings)).verdict is Verdict.OK


def test_the_console(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vidgate.__file__", str(folder / "__init__.py"))
    assert storage.console(subject(folder)).verdict is Verdict.FAILED
    (folder / "console" / "dist").mkdir(parents=True)
    (folder / "console" / "dist" / "index.html").touch()
    assert storage.console(subject(folder)).verdict is Verdict.OK
