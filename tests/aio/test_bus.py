"""The bus keeps order, forgets the oldest, and never waits for a listener."""

from vidgate.aio.bus import Bus


async def test_listeners_get_events_in_order_and_by_type() -> None:
    bus = Bus()
    async with bus.subscribe(["a"]) as only_a, bus.subscribe() as everything:
        for type_ in ("a", "b", "a"):
            bus.publish(type_, "x")
        assert [(await only_a.get()).seq, (await only_a.get()).seq] == [1, 3]
        assert [(await everything.get()).type for _ in range(3)] == ["a", "b", "a"]


async def test_a_slow_listener_loses_the_oldest_and_is_told() -> None:
    bus = Bus()
    async with bus.subscribe(limit=2) as slow:
        for _ in range(5):
            bus.publish("a", "x")
        assert slow.lost == 3
        assert (await slow.get()).seq == 4


def test_resume_says_whether_anything_was_forgotten() -> None:
    bus = Bus(history=3)
    for _ in range(5):
        bus.publish("a", "x")
    complete, events = bus.since(2)
    assert complete
    assert [event.seq for event in events] == [3, 4, 5]
    assert bus.since(1)[0] is False
    assert bus.since(99) == (False, [])


def test_the_numbers_of_a_run_before_are_not_misunderstood() -> None:
    before = Bus(first=1_000)
    last = before.publish("a", "x").seq
    after = Bus(first=2_000)
    assert after.since(last) == (False, [])
    after.publish("a", "y")
    assert after.since(last)[0] is False
    assert after.since(2_000)[0] is True
