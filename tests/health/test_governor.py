"""The governor lets probes in flight only while the event loop turns quickly."""

from pathlib import Path

import pytest

from tests.waiting import until
from vidgate.health.governor import LEAST, LONG_TURN, START, Governor


def test_it_grows_to_the_most_and_no_further() -> None:
    governor = Governor(320)
    assert governor.allowed == START
    for _ in range(100):
        governor.note(0.0, 0.01)
    assert governor.allowed == 320


def test_it_shrinks_by_our_own_long_turns_only() -> None:
    governor = Governor(320)
    governor.note(10 * LONG_TURN, 0.0)  # the machine was busy with somebody else
    assert governor.allowed > START
    governor.note(10 * LONG_TURN, 10 * LONG_TURN)
    assert governor.allowed < START
    for _ in range(100):
        governor.note(1.0, 1.0)
    assert governor.allowed == LEAST


def test_waiting_for_the_processor_between_pieces_of_work_is_not_our_long_turn() -> None:
    governor = Governor(320)
    governor.note(0.1, worked=0.03, waited=0.09)
    assert governor.allowed > START
    governor.note(0.1, worked=0.03, waited=0.02)
    assert governor.allowed < START


async def test_it_reads_how_long_it_waited_for_the_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_descriptor_left: None
) -> None:
    file = tmp_path / "schedstat"
    file.write_text("5 2000000000 7\n")
    monkeypatch.setattr("vidgate.health.governor.SCHEDSTAT", str(file))
    noted: list[float] = []

    class Noting(Governor):
        def note(self, late: float, worked: float, waited: float = 0.0) -> None:
            noted.append(waited)
            file.write_text(f"5 {2 + len(noted)}000000000 7\n")

    governor = Noting(320)
    governor.start()
    file.write_text("5 2500000000 7\n")
    await until(lambda: noted)
    governor.stop()
    assert noted[0] == 0.5
    monkeypatch.setattr("vidgate.health.governor.SCHEDSTAT", str(tmp_path / "none"))
    noted.clear()
    governor.start()
    await until(lambda: noted)
    governor.stop()
    assert noted[0] == 0.0


def test_a_small_most_is_kept() -> None:
    governor = Governor(4)
    for _ in range(100):
        governor.note(1.0, 1.0)
    assert governor.allowed == 4


async def test_it_beats_only_between_start_and_stop() -> None:
    governor = Governor(320)
    governor.start()
    governor.start()
    await until(lambda: governor.allowed != START)
    governor.stop()
    governor.stop()
