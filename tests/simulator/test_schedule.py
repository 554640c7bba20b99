from tests.waiting import until
from vidgate.simulator.camera import Camera
from vidgate.simulator.faults import FAULTS, PlannedFault, parse_fault
from vidgate.simulator.schedule import FaultSchedule, Flapping
from vidgate.simulator.ticker import Ticker
from vidgate.simulator.usage import Usage

BUSY, DOWN = FAULTS["busy"], FAULTS["down"]


def camera() -> Camera:
    return Camera("c", 1, "127.0.0.1", "", None, "h264", Usage(), Usage())


def schedule() -> FaultSchedule:
    return FaultSchedule(Ticker(), Camera.set_fault, Camera.mend)


async def test_a_fault_without_times_stays() -> None:
    book, broken = schedule(), camera()
    entry = PlannedFault("c", parse_fault("busy"))
    book.add(broken, entry)
    book.add(broken, entry)
    assert (broken.fault, book.entries) == (BUSY, [entry])
    book.clear(broken)
    assert (broken.fault, book.entries) == (None, [])


async def test_the_same_fault_with_another_number_takes_its_place_again_and_again() -> None:
    book, lossy = schedule(), camera()
    for share in (100, 0, 100, 0):
        book.add(lossy, PlannedFault("c", parse_fault(f"loss={share}")))
        assert lossy.manner.loss == share / 100
        assert [entry.trouble.text for entry in book.entries] == [f"loss={share}"]


async def test_a_fault_comes_and_goes() -> None:
    book, broken = schedule(), camera()
    book.add(broken, PlannedFault("c", parse_fault("busy"), 0.02, 0.04))
    assert book.entries
    await until(lambda: broken.fault is BUSY)
    await until(lambda: broken.fault is None)
    assert book.entries == []


async def test_the_end_of_one_fault_leaves_another_in_force() -> None:
    book, broken = schedule(), camera()
    book.add(broken, PlannedFault("c", parse_fault("busy"), None, 0.01))
    book.add(broken, PlannedFault("c", parse_fault("down")))
    await until(lambda: len(book.entries) == 1)
    assert broken.fault is DOWN


async def test_stopping_forgets_what_was_to_come() -> None:
    book, other, broken, later = schedule(), schedule(), camera(), camera()
    book.add(broken, PlannedFault("c", parse_fault("busy"), 0.001))
    book.stop()
    other.add(later, PlannedFault("c", parse_fault("busy"), 0.01))
    await until(lambda: later.fault)
    assert broken.fault is None


async def test_a_flapping_camera_is_there_and_away() -> None:
    flapping, camera_ = Flapping(), camera()
    camera_.set_fault(parse_fault("flapping=0.1"))
    flapping.follow(camera_)
    await until(lambda: camera_.fault is DOWN)
    await until(lambda: camera_.fault is not DOWN)
    await until(lambda: camera_.is_away)
    camera_.mend()
    flapping.follow(camera_)
    assert camera_.fault is None
    flapping.stop()
