"""Putting packets back in order."""

import random

from hypothesis import given
from hypothesis import strategies as st

from vidgate.rtp.jitter import ReorderBuffer
from vidgate.rtp.packet import RtpPacket


def packet(sequence: int) -> RtpPacket:
    return RtpPacket(sequence=sequence & 0xFFFF)


def pushed(buffer: ReorderBuffer, sequence: int, now: float = 0.0) -> list[int]:
    return [p.sequence for p in buffer.push(packet(sequence), now)]


def test_in_order_nothing_waits() -> None:
    buffer = ReorderBuffer()
    assert [pushed(buffer, n) for n in (65535, 0, 1)] == [[65535], [0], [1]]


def test_a_late_packet_is_waited_for() -> None:
    buffer = ReorderBuffer()
    assert [pushed(buffer, n) for n in (1, 3, 4, 2)] == [[1], [], [], [2, 3, 4]]


def test_time_ends_the_waiting() -> None:
    buffer = ReorderBuffer(wait=0.1)
    assert pushed(buffer, 1, 0.0) == [1]
    assert pushed(buffer, 3, 0.0) == []
    assert pushed(buffer, 4, 0.05) == []
    assert pushed(buffer, 5, 0.2) == [3, 4, 5]
    assert pushed(buffer, 2, 0.2) == []
    assert buffer.late == 1


def test_size_ends_the_waiting() -> None:
    buffer = ReorderBuffer(size=2)
    assert [pushed(buffer, n) for n in (1, 3, 4, 5)] == [[1], [], [], [3, 4, 5]]


def test_duplicates_are_dropped() -> None:
    buffer = ReorderBuffer()
    assert [pushed(buffer, n) for n in (1, 1, 3, 3, 2)] == [[1], [], [], [], [2, 3]]
    assert buffer.late == 2


def test_a_great_jump_starts_over() -> None:
    buffer = ReorderBuffer()
    assert [pushed(buffer, n) for n in (1, 3, 20000, 20001)] == [[1], [], [3, 20000], [20001]]


def test_flush_gives_what_is_held() -> None:
    buffer = ReorderBuffer()
    pushed(buffer, 1)
    pushed(buffer, 5)
    pushed(buffer, 3)
    assert [p.sequence for p in buffer.flush()] == [3, 5]
    assert pushed(buffer, 6) == [6]


@given(st.integers(0, 2**32), st.integers(0, 65535), st.integers(1, 8))
def test_any_small_disorder_is_undone(seed: int, start: int, reach: int) -> None:
    chance = random.Random(seed)
    order = sorted(range(1, 60), key=lambda n: n + chance.random() * reach)
    buffer = ReorderBuffer()
    got = pushed(buffer, start)
    for number in order:
        got += pushed(buffer, start + number)
    assert got == [(start + n) & 0xFFFF for n in range(60)]
