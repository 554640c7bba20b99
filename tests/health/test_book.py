"""The book keeps what is known and tells it; a full disk or a stepped clock loses nothing."""

from dataclasses import replace

import pytest

from tests.health.fakes import FakeStore
from vidgate.aio.bus import Bus
from vidgate.aio.clock import ManualClock
from vidgate.health import journal
from vidgate.health.book import SAVE_STAMPS, Book
from vidgate.model.channel import Lifecycle
from vidgate.model.health import Health, Level, Reason, State

UP = Health(channel="c", state=State.UP, reason=Reason.OK, level=Level.MEDIA, since=5.0)


class Desk:
    """A book with what it is made of."""

    def __init__(self) -> None:
        self.store, self.clock = FakeStore(), ManualClock()
        self.bus = Bus(clock=self.clock)
        self.book = Book(self.store, self.bus, self.clock)
        self.book.adopt(Health(channel="c"))

    @property
    def told(self) -> list[str]:
        """States told on the bus."""
        return [event.data["state"] for event in self.bus.since(0)[1]]


@pytest.fixture
def desk() -> Desk:
    """A book that knows one channel."""
    return Desk()


async def test_a_change_is_told_once_and_kept(desk: Desk) -> None:
    desk.book.put(UP)
    desk.book.put(UP)
    (event,) = desk.bus.since(0)[1]
    assert (event.type, event.object) == ("channel.state", "c")
    assert event.data == {"state": "up", "reason": "ok", "since": 5.0, "level": "media"}
    assert await desk.book.save()
    assert desk.store.stored["c"] == UP
    appeared, transition = desk.store.transitions
    assert (appeared.before, appeared.after) == (State.UNKNOWN, State.UNKNOWN)
    assert (transition.before, transition.after) == (State.UNKNOWN, State.UP)
    await desk.book.save()
    assert desk.store.saves == 1


async def test_instants_alone_are_saved_rarely_and_not_told(desk: Desk) -> None:
    desk.book.put(UP)
    await desk.book.save()
    desk.book.put(replace(UP, probed=77.0))
    await desk.book.save()
    assert desk.store.stored["c"] == UP
    desk.clock.advance(SAVE_STAMPS)
    await desk.book.save()
    assert desk.store.stored["c"].probed == 77.0
    assert desk.told == ["up"]
    assert [one.after for one in desk.store.transitions] == [State.UNKNOWN, State.UP]


async def test_a_level_is_told_but_is_no_transition(desk: Desk) -> None:
    desk.book.put(UP)
    desk.book.put(replace(UP, level=Level.PICTURE))
    await desk.book.save()
    assert desk.told == ["up", "up"]
    assert [one.after for one in desk.store.transitions] == [State.UNKNOWN, State.UP]


async def test_what_a_fault_has_become_is_a_transition(desk: Desk) -> None:
    silent = replace(UP, state=State.DOWN, reason=Reason.TIMEOUT, level=Level.REACH)
    for health in (UP, silent, replace(silent, level=Level.NONE)):
        desk.book.put(health)
    await desk.book.save()
    told = [(one.after, one.level) for one in desk.store.transitions]
    assert told[-2:] == [(State.DOWN, Level.REACH), (State.DOWN, Level.NONE)]


async def test_a_full_disk_loses_nothing(desk: Desk) -> None:
    desk.store.refuse()
    desk.book.put(UP)
    assert not await desk.book.save()
    desk.book.put(replace(UP, state=State.DOWN, reason=Reason.TIMEOUT))
    await desk.book.save()
    desk.store.mend()
    await desk.book.save()
    assert desk.store.stored["c"].state is State.DOWN
    kept = [one.after for one in desk.store.transitions]
    assert kept == [State.UNKNOWN, State.UP, State.DOWN]


async def test_what_waits_for_the_disk_is_bounded_and_what_is_lost_is_unknown(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "MAX_WAITING", 10)
    desk.store.refuse()
    await desk.book.save()
    for number in range(31):
        desk.clock.advance(1)
        desk.book.put(replace(UP, state=State.DOWN if number % 2 else State.UP))
        assert not await desk.book.save()
    desk.store.mend()
    await desk.book.close()
    kept = desk.store.transitions
    assert len(kept) <= 10
    assert desk.book.lost_transitions == 32 - len(kept)
    assert kept[0].after is State.UNKNOWN
    assert kept[-1].after is State.UP
    assert kept[-1].time == desk.clock.wall()


async def test_a_step_of_the_lifecycle_and_leaving_are_kept(desk: Desk) -> None:
    desk.book.put(UP)
    desk.book.follow("c", Lifecycle.SUSPENDED)
    desk.book.follow("c", Lifecycle.SUSPENDED)
    desk.book.remove("c")
    await desk.book.save()
    assert [(one.after, one.step) for one in desk.store.transitions[1:]] == [
        (State.UP, Lifecycle.ACCEPTED),
        (State.UP, Lifecycle.SUSPENDED),
        (State.UNKNOWN, None),
    ]


async def test_a_restart_tells_only_what_is_other_than_before(desk: Desk) -> None:
    desk.book.put(UP)
    desk.book.adopt(Health(channel="left"))
    await desk.book.save()
    later = Book(desk.store, desk.bus, desk.clock)
    await later.load()
    later.adopt(replace(UP, state=State.UNKNOWN, reason=Reason.NOT_TESTED))
    later.adopt(Health(channel="new"), Lifecycle.PLANNED)
    later.adopted_all()
    del desk.store.transitions[:]
    await later.save()
    assert [(one.channel, one.before, one.step) for one in desk.store.transitions] == [
        ("c", State.UP, Lifecycle.ACCEPTED),
        ("new", State.UNKNOWN, Lifecycle.PLANNED),
        ("left", State.UNKNOWN, None),
    ]


async def test_a_clock_that_goes_back_forgets_what_it_wrote_too_early(desk: Desk) -> None:
    desk.book.wall()
    desk.clock.jump_wall(3600)
    desk.book.wall()
    desk.book.put(UP)
    await desk.book.save()
    desk.clock.jump_wall(-3600)
    now = desk.book.wall()
    await desk.book.save()
    assert [(one.after, one.time) for one in desk.store.transitions] == [
        (State.UNKNOWN, now),
        (State.UP, now),
    ]


async def test_close_saves_the_rest(desk: Desk) -> None:
    desk.book.put(UP)
    await desk.book.save()
    desk.book.put(replace(UP, probed=77.0))
    await desk.book.close()
    assert desk.store.stored["c"].probed == 77.0


async def test_nothing_stored_can_be_read(desk: Desk) -> None:
    desk.store.broken = True
    assert await desk.book.load() == {}


def test_a_removed_channel_stays_away(desk: Desk) -> None:
    desk.book.remove("c")
    desk.book.put(UP)  # a result that was under way
    assert desk.book.health == {}
    assert desk.told == []


@pytest.mark.parametrize("step", [3600.0, -3600.0, 315_360_000.0])
def test_a_stepped_clock_keeps_every_age(desk: Desk, step: float) -> None:
    now = desk.book.wall()
    desk.book.put(replace(UP, media_seen=now - 100, probed=now - 10))
    desk.clock.advance(50)
    desk.clock.jump_wall(step)
    wall = desk.book.wall()
    health = desk.book.health["c"]
    assert health.media_seen is not None
    assert health.probed is not None
    assert wall - health.media_seen == pytest.approx(150)
    assert wall - health.probed == pytest.approx(60)


def test_a_slewed_clock_is_followed_silently(desk: Desk) -> None:
    desk.book.put(replace(UP, probed=100.0))
    for _ in range(100):
        desk.clock.advance(10)
        desk.clock.jump_wall(0.5)
        desk.book.wall()
    assert desk.book.health["c"].probed == 100.0
