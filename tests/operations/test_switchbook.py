"""What failover says on the bus is kept; a disk that is full costs rows only."""

from tests.waiting import until
from vidgate.aio.bus import Bus
from vidgate.errors import StorageError
from vidgate.operations.switchbook import SwitchBook
from vidgate.storage.switches import Switch


class Disk:
    def __init__(self) -> None:
        self.kept: list[Switch] = []
        self.is_full = False
        self.refused = 0

    async def add(self, switch: Switch) -> None:
        if self.is_full:
            self.refused += 1
            raise StorageError("disk full")
        self.kept.append(switch)


def switched(bus: Bus, source: str, reason: str) -> None:
    data = {"variant": "sub", "source": source, "before": "cam", "reason": reason}
    bus.publish("stream.source", "cam", data)


async def test_switches_are_written_down_as_long_as_the_disk_takes_them() -> None:
    bus, disk = Bus(), Disk()
    async with SwitchBook(disk, bus):
        switched(bus, "other", "timeout")
        await until(lambda: len(disk.kept) == 1)
        disk.is_full = True
        switched(bus, "cam", "back")
        await until(lambda: disk.refused == 1)
        disk.is_full = False
        switched(bus, "other", "no_media")
        await until(lambda: len(disk.kept) == 2)
    first, last = disk.kept
    assert (first.channel, first.variant, first.source) == ("cam", "sub", "other")
    assert (first.reason, last.reason) == ("timeout", "no_media")
