import pytest

from tests.web.fakes import FakeTrail
from vidgate.aio.supervisor import Supervisor
from vidgate.errors import StorageError
from vidgate.web import trail
from vidgate.web.trail import Notes


async def test_notes_are_written_in_order() -> None:
    written = FakeTrail()
    async with Supervisor("test") as tasks:
        notes = Notes(written, tasks)
        for number in range(50):
            notes.note("wang", "stream.watch", str(number))
        assert written.notes == []  # nobody waited
        await notes.flush()
    assert [note.object for note in written.notes] == [str(number) for number in range(50)]


async def test_a_full_disk_loses_notes_and_counts_them() -> None:
    written = FakeTrail()
    async with Supervisor("test") as tasks:
        notes = Notes(written, tasks)
        written.error = StorageError("disk full")
        notes.note("wang", "stream.watch", "1")
        await notes.flush()
        written.error = None
        notes.note("wang", "stream.watch", "2")
        await notes.flush()
        assert notes.lost == 1
    assert [note.object for note in written.notes] == ["2"]


async def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trail, "MAX_WAITING", 5)
    written = FakeTrail()
    async with Supervisor("test") as tasks:
        notes = Notes(written, tasks)
        for number in range(9):
            notes.note("wang", "stream.watch", str(number))
        await notes.flush()
    assert (len(written.notes), notes.lost) == (5, 4)
