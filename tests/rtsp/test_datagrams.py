"""One camera's datagrams are taken in turns, and counted by the work they make."""

import asyncio
from collections.abc import Callable

from vidgate.rtsp.datagrams import MOST_BYTES, MOST_WAITING, Datagrams
from vidgate.rtsp.intake import MOST_ITEMS, TURN
from vidgate.rtsp.receiver import UNITS_EACH


class Sender:
    """Datagrams whose clock stands still but for the work that each one costs."""

    def __init__(self, *, cost: float = 0.0, units: int = 1, work: int = 0) -> None:
        self.now = 0.0
        self.cost = cost
        self.units = units
        self.work = work
        self.asked = 0
        self.taken: list[bytes] = []
        self.floods = 0
        self.arrived: list[float] = []
        self.datagrams = Datagrams(self._clock, self.arrived.append, self._flood, self._clock)
        self.receive: Callable[[bytes], None] = self.datagrams.handler(self._take, self._work)

    def _clock(self) -> float:
        return self.now

    def _flood(self) -> None:
        self.floods += 1

    def _take(self, data: bytes) -> None:
        self.taken.append(data)
        self.now += self.cost
        self.work += self.units

    def _work(self) -> int:
        self.asked += 1
        return self.work

    def second(self, datagrams: int, burst: int) -> None:
        """A second of them, so many at once."""
        for _ in range(datagrams // burst):
            self.now += burst / datagrams
            for _ in range(burst):
                self.receive(b"x")


async def test_a_lively_camera_is_no_flood() -> None:
    """8K at 30 Mbit/s are 3,000 packets a second; a key frame of a mebibyte comes at once."""
    sender = Sender(units=4)
    for _ in range(10):
        sender.second(3000, 1000)
    assert not sender.datagrams.is_flooded
    assert len(sender.taken) == 30_000
    assert sender.arrived[-1] == sender.now


async def test_a_flood_ends_it_once() -> None:
    sender = Sender()
    for _ in range(4):
        sender.second(MOST_ITEMS * 3 // 2, 100)
    assert sender.floods == 1
    taken = len(sender.taken)
    sender.second(1000, 10)
    assert len(sender.taken) == taken


async def test_units_are_counted_whatever_they_come_in() -> None:
    few, many = Sender(units=UNITS_EACH * 10), Sender(units=UNITS_EACH * 100)
    for _ in range(5):
        few.second(1000, 10)
        many.second(1000, 10)
    assert (few.floods, many.floods) == (0, 1)


async def test_a_track_that_begins_anew_is_no_flood() -> None:
    sender = Sender(work=10**9)
    sender.receive(b"x")
    sender.units = -(10**9)
    for _ in range(3):
        sender.receive(b"x")
    assert len(sender.taken) == 4
    assert not sender.floods


async def test_the_work_is_asked_for_once_a_datagram() -> None:
    sender = Sender()
    asked = sender.asked
    sender.second(1000, 10)
    assert sender.asked - asked == 1000


async def test_the_work_of_each_port_is_its_own() -> None:
    sender = Sender(units=UNITS_EACH * MOST_ITEMS * 2, work=5)
    other = sender.datagrams.handler(lambda data: None, sender._work)
    quiet = sender.datagrams.handler(lambda data: None)
    for _ in range(10):
        other(b"x")
        quiet(b"x")
    assert not sender.datagrams.is_flooded
    sender.receive(b"x")
    assert sender.floods == 1


async def test_others_have_their_turn_and_nothing_is_lost() -> None:
    sender = Sender(cost=TURN * 0.7)
    sent = [b"%d" % number for number in range(8)]
    for data in sent:
        sender.receive(data)
    assert sender.taken == sent[:2]
    turns = 0
    while len(sender.taken) < len(sent):
        await asyncio.sleep(0)
        turns += 1
        assert turns < 10
    assert sender.taken == sent
    assert turns == 3
    sender.now += TURN * 2
    sender.receive(b"later")
    assert sender.taken == [*sent, b"later"]


async def test_what_waits_is_bounded_and_what_is_lost_counts() -> None:
    small, large = Sender(cost=TURN * 2), Sender(cost=TURN * 2)
    for _ in range(MOST_WAITING + 10):
        small.receive(b"x")
    piece = bytes(64 << 10)
    for _ in range(40):
        large.receive(piece)
    for sender, held in ((small, MOST_WAITING), (large, MOST_BYTES // len(piece))):
        sender.cost = 0.0
        await asyncio.sleep(0)
        assert len(sender.taken) == 1 + held
    flood = Sender(cost=TURN * 2)
    for _ in range(MOST_ITEMS + MOST_WAITING + 2):
        flood.receive(b"x")
    assert flood.floods == 1
    await asyncio.sleep(0)
    assert len(flood.taken) == 1


async def test_after_the_end_nothing_is_taken() -> None:
    sender = Sender(cost=TURN * 2)
    for _ in range(3):
        sender.receive(b"x")
    sender.datagrams.close()
    await asyncio.sleep(0)
    sender.receive(b"x")
    assert len(sender.taken) == 1
    assert not sender.floods
