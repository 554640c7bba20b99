"""Files that commands read and write."""

from pathlib import Path

import pytest

from vidgate.cli import files
from vidgate.cli.errors import UsageError


def test_read(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"x")
    assert files.read(file) == b"x"


def test_what_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="none"):
        files.read(tmp_path / "none")
    with pytest.raises(UsageError):
        files.read(tmp_path)
    (tmp_path / "big").write_bytes(b"xx")
    monkeypatch.setattr(files, "MAX_FILE", 1)
    with pytest.raises(UsageError, match="larger"):
        files.read(tmp_path / "big")


def test_write_replaces_only_when_told(tmp_path: Path) -> None:
    file = tmp_path / "a"
    files.write(file, b"1", force=False)
    with pytest.raises(UsageError, match="exists"):
        files.write(file, b"2", force=False)
    assert file.read_bytes() == b"1"
    files.write(file, b"2", force=True)
    assert file.read_bytes() == b"2"


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere"):
        files.write(tmp_path / "nowhere" / "a", b"", force=False)
