from pathlib import Path

import pytest

from vidgate.errors import StorageError
from vidgate.storage.snapshots import MAX_BYTES, Snapshot, SnapshotShelf


async def test_a_picture_comes_back_with_its_own_time(tmp_path: Path) -> None:
    shelf = SnapshotShelf(tmp_path / "snapshots")
    assert await shelf.get("Cam-1") is None
    assert await shelf.age("Cam-1", 200.0) is None
    await shelf.put("Cam-1", Snapshot(b"old", 100.0))
    await shelf.put("cam-1", Snapshot(b"new", 150.5))
    assert await shelf.get("CAM-1") == Snapshot(b"new", 150.5)
    assert await shelf.age("Cam-1", 200.0) == pytest.approx(49.5)
    assert (tmp_path / "snapshots").stat().st_mode & 0o077 == 0


async def test_what_is_of_no_channel_goes(tmp_path: Path) -> None:
    shelf = SnapshotShelf(tmp_path / "snapshots")
    await shelf.keep_only([])
    for channel in ("a", "b"):
        await shelf.put(channel, Snapshot(b"x", 1.0))
    (tmp_path / "snapshots" / "c.new").write_bytes(b"half")
    await shelf.keep_only(["A"])
    assert [file.name for file in (tmp_path / "snapshots").iterdir()] == ["a.jpg"]


async def test_a_picture_out_of_all_measure_is_not_kept(tmp_path: Path) -> None:
    shelf = SnapshotShelf(tmp_path / "snapshots")
    with pytest.raises(StorageError):
        await shelf.put("a", Snapshot(bytes(MAX_BYTES + 1), 1.0))
    blocked = SnapshotShelf(tmp_path / "file")
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StorageError):
        await blocked.put("a", Snapshot(b"x", 1.0))
