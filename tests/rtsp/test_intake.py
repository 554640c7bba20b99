"""One peer's bytes are taken in turns, and no peer's flood is taken for ever."""

import asyncio

import pytest

from vidgate.errors import ProtocolError
from vidgate.rtsp.intake import LEAST, LOOKED_AFTER, MOST_ITEMS, PORTION, TURN, Intake


class Wire(asyncio.Transport):
    """A transport that only tells whether it would read."""

    def __init__(self) -> None:
        super().__init__()
        self._reads = True
        self.is_shut = False

    def pause_reading(self) -> None:
        self._reads = False

    def resume_reading(self) -> None:
        assert not self.is_shut
        self._reads = True

    def is_reading(self) -> bool:
        return self._reads

    def is_closing(self) -> bool:
        return self.is_shut


class Peer:
    """An intake whose clock stands still but for the work that each portion costs."""

    def __init__(self, *, cost: float = 0.0, items: int = 1) -> None:
        self.now = 0.0
        self.cost = 0.0
        self.items = items
        self.taken = b""
        self.failures: list[ProtocolError] = []
        self.wire = Wire()
        self.intake = Intake(self._process, self.failures.append, lambda: self.now)
        self.intake.open(self.wire)
        self.intake.add(bytes(LEAST))  # what it sends is large, or small, by now
        self.now, self.taken, self.cost = 0.0, b"", cost

    def _process(self, data: bytes) -> int:
        assert len(data) <= PORTION
        self.taken += data
        self.now += self.cost
        return self.items


DATA = b"".join(bytes((number,)) * PORTION for number in range(8))


async def turn() -> None:
    await asyncio.sleep(0)


async def test_what_costs_little_is_taken_at_once() -> None:
    peer = Peer(cost=TURN / 20)
    peer.intake.add(DATA)
    assert peer.taken == DATA
    assert peer.wire.is_reading()


async def test_small_items_are_counted_by_few() -> None:
    """Hundreds of pictures fit into what is read at once, and each goes to all viewers."""
    most = 0

    def process(data: bytes) -> int:
        nonlocal most
        most = max(most, len(data) // 16)
        return len(data) // 16

    intake = Intake(process, lambda error: None)
    intake.open(Wire())
    for _ in range(9):
        intake.add(bytes(1600))
    assert most <= LOOKED_AFTER


async def test_a_portion_is_no_larger_than_is_borne() -> None:
    sizes: list[int] = []

    def process(data: bytes) -> int:
        sizes.append(len(data))
        return 1

    intake = Intake(process, lambda error: None, most=1000)
    intake.open(Wire())
    intake.add(DATA)
    assert max(sizes) == 1000


async def test_others_have_their_turn_and_no_byte_is_lost() -> None:
    peer = Peer(cost=TURN * 0.7)
    peer.intake.add(DATA)
    assert peer.taken == DATA[: 2 * PORTION]
    assert not peer.wire.is_reading()
    peer.intake.add(b"behind")  # TLS hands on what it had read before the pause
    assert peer.taken == DATA[: 2 * PORTION]
    turns = 0
    while not peer.wire.is_reading():
        await turn()
        turns += 1
        assert turns < 10
    assert peer.taken == DATA + b"behind"
    assert turns == 4


async def test_work_of_several_reads_within_one_turn_is_one_turn() -> None:
    peer = Peer(cost=TURN * 0.4)
    for _ in range(3):
        peer.intake.add(b"x")
    assert peer.wire.is_reading()
    peer.intake.add(b"y")
    assert not peer.wire.is_reading()
    assert peer.taken == b"xxx"
    await turn()
    assert peer.taken == b"xxxy"
    peer.now += TURN
    peer.intake.add(b"z")
    assert peer.taken == b"xxxyz"
    assert peer.wire.is_reading()


async def test_after_the_end_nothing_is_taken() -> None:
    peer = Peer(cost=TURN)
    peer.intake.add(DATA)
    peer.intake.close()
    peer.wire.is_shut = True
    await turn()
    await turn()
    assert peer.taken == DATA[: 2 * PORTION]


async def test_a_peer_that_closes_while_it_waits() -> None:
    peer = Peer(cost=TURN)
    peer.intake.add(DATA)
    peer.wire.is_shut = True
    for _ in range(10):
        await turn()
    assert peer.taken == DATA


@pytest.mark.parametrize("rate", [MOST_ITEMS // 2, MOST_ITEMS])
async def test_a_lively_camera_is_no_flood(rate: int) -> None:
    peer = Peer(items=rate // 100)
    for _ in range(1000):
        peer.now += 0.01
        peer.intake.add(b"x")
    assert not peer.failures


async def test_a_flood_ends_it() -> None:
    peer = Peer(items=MOST_ITEMS // 50)
    for _ in range(110):
        peer.now += 0.01
        peer.intake.add(b"x")
    (failure,) = peer.failures
    assert "packets a second" in failure.message
    taken = peer.taken
    peer.intake.add(b"more")
    assert peer.taken == taken
