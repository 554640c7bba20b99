"""Our own work, and waiting for the processor, told apart."""

import time
from contextlib import closing
from pathlib import Path

import pytest

from vidgate.aio.processor import Processor


@pytest.fixture
def schedstat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_descriptor_left: None) -> Path:
    """What stands in for the kernel's file."""
    file = tmp_path / "schedstat"
    file.write_text("5 2000000000 7\n")
    monkeypatch.setattr("vidgate.aio.processor.SCHEDSTAT", str(file))
    return file


def work(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def test_our_own_work_holds(schedstat: Path) -> None:
    with closing(Processor()) as processor:
        processor.start()
        work(0.03)
        assert processor.held(0.02) == 0.02
        assert 0.03 <= processor.held(60.0) < 60.0


def test_waiting_for_the_processor_between_pieces_of_work_does_not(schedstat: Path) -> None:
    with closing(Processor()) as processor:
        processor.start()
        work(0.03)
        schedstat.write_text("5 2500000000 7\n")
        assert processor.held(0.51) == pytest.approx(0.01)
        assert processor.held(0.4) == 0.0
        processor.start()
        assert processor.held(0.0) == 0.0


def test_a_kernel_that_does_not_tell_leaves_work_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("vidgate.aio.processor.SCHEDSTAT", str(tmp_path / "none"))
    with closing(Processor()) as processor:
        processor.start()
        work(0.01)
        assert processor.held(60.0) >= 0.01
