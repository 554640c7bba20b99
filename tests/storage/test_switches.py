from vidgate.storage.database import Database
from vidgate.storage.switches import KEPT, Switch, Switches


def switch(channel: str, time: float) -> Switch:
    return Switch(channel=channel, variant="main", time=time, source="other", reason="timeout")


async def test_switches_come_back_newest_first(db: Database) -> None:
    book = Switches(db)
    first, second = switch("cam", 1.0), switch("cam", 2.0)
    for one in (first, switch("elsewhere", 1.5), second):
        await book.add(one)
    assert await book.of("cam") == [second, first]
    assert await book.of("cam", limit=1) == [second]


async def test_a_camera_that_flaps_fills_no_disk(db: Database) -> None:
    book = Switches(db)
    await book.add(switch("quiet", 0.5))
    for number in range(KEPT + 3):
        await book.add(switch("cam", float(number)))
    kept = await book.of("cam", limit=KEPT + 10)
    assert [one.time for one in kept] == [float(number) for number in range(KEPT + 2, 2, -1)]
    assert len(await book.of("quiet")) == 1
