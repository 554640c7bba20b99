from tests.waiting import until
from vidgate.simulator.camera import Camera, Usage
from vidgate.simulator.faults import Fault, PlannedFault
from vidgate.simulator.schedule import FaultSchedule
from vidgate.simulator.ticker import Ticker


def camera() -> Camera:
    return Camera("c", 1, "127.0.0.1", "", None, "h264", Usage(), Usage())


def schedule() -> FaultSchedule:
    return FaultSchedule(Ticker(), Camera.set_fault)


async def test_a_fault_without_times_stays() -> None:
    book, broken = schedule(), camera()
    entry = PlannedFault("c", Fault.BUSY)
    book.add(broken, entry)
    book.add(broken, entry)
    assert (broken.fault, book.entries) == (Fault.BUSY, [entry])
    book.clear(broken)
    assert (broken.fault, book.entries) == (None, [])


async def test_a_fault_comes_and_goes() -> None:
    book, broken = schedule(), camera()
    book.add(broken, PlannedFault("c", Fault.BUSY, 0.02, 0.04))
    assert book.entries
    await until(lambda: broken.fault is Fault.BUSY)
    await until(lambda: broken.fault is None)
    assert book.entries == []


async def test_the_end_of_one_fault_leaves_another_in_force() -> None:
    book, broken = schedule(), camera()
    book.add(broken, PlannedFault("c", Fault.BUSY, None, 0.01))
    book.add(broken, PlannedFault("c", Fault.DOWN))
    await until(lambda: len(book.entries) == 1)
    assert broken.fault is Fault.DOWN


async def test_stopping_forgets_what_was_to_come() -> None:
    book, other, broken, later = schedule(), schedule(), camera(), camera()
    book.add(broken, PlannedFault("c", Fault.BUSY, 0.001))
    book.stop()
    other.add(later, PlannedFault("c", Fault.BUSY, 0.01))
    await until(lambda: later.fault)
    assert broken.fault is None
