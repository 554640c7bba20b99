"""The governor lets probes in flight only while the event loop turns quickly."""

from tests.waiting import until
from vidgate.health.governor import LEAST, LONG_TURN, START, Governor


def test_it_grows_to_the_most_and_no_further() -> None:
    governor = Governor(320)
    assert governor.allowed == START
    for _ in range(100):
        governor.note(0.0)
    assert governor.allowed == 320


def test_it_shrinks_by_our_own_long_turns() -> None:
    governor = Governor(320)
    governor.note(10 * LONG_TURN)
    assert governor.allowed < START
    for _ in range(100):
        governor.note(1.0)
    assert governor.allowed == LEAST


def test_a_small_most_is_kept() -> None:
    governor = Governor(4)
    for _ in range(100):
        governor.note(1.0)
    assert governor.allowed == 4


async def test_it_beats_only_between_start_and_stop() -> None:
    governor = Governor(320)
    governor.start()
    governor.start()
    await until(lambda: governor.allowed != START)
    governor.stop()
    governor.stop()
