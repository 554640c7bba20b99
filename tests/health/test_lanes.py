"""Lanes: limits, turns, and what goes first."""

from hypothesis import given
from hypothesis import strategies as st

from vidgate.health.lanes import Lanes


def drain(lanes: Lanes[str]) -> list[str]:
    """Everything that may start now."""
    found = []
    while taken := lanes.take():
        found.append(taken[1])
    return found


def test_a_lane_lets_only_its_limit_through() -> None:
    lanes: Lanes[str] = Lanes()
    for item in "abcde":
        lanes.put("host", 2, item)
    assert drain(lanes) == ["a", "b"]
    assert (lanes.active, lanes.waiting) == (2, 3)
    lanes.release("host")
    assert drain(lanes) == ["c"]


def test_no_limit() -> None:
    lanes: Lanes[str] = Lanes()
    for item in "abc":
        lanes.put("platform", 0, item)
    assert drain(lanes) == ["a", "b", "c"]


def test_lanes_take_turns() -> None:
    lanes: Lanes[str] = Lanes()
    for item in ("a1", "a2", "a3"):
        lanes.put("a", 9, item)
    lanes.put("b", 9, "b1")
    assert drain(lanes) == ["a1", "b1", "a2", "a3"]


def test_a_person_goes_first_and_the_routine_may_be_held() -> None:
    lanes: Lanes[str] = Lanes()
    lanes.put("a", 1, "routine")
    lanes.put("a", 1, "urgent", urgent=True)
    assert lanes.take(routine=False) == ("a", "urgent")
    lanes.release("a")
    assert lanes.take(routine=False) is None
    assert lanes.take() == ("a", "routine")


def test_what_settles_a_doubt_goes_before_the_rest_of_the_routine() -> None:
    lanes: Lanes[str] = Lanes()
    for item in ("one", "two"):
        lanes.put("a", 1, item)
    for item in ("again", "and again"):
        lanes.put("a", 1, item, again=True)
    lanes.put("a", 1, "urgent", urgent=True)
    order = []
    while taken := lanes.take():
        order.append(taken[1])
        lanes.release("a")
    assert order == ["urgent", "again", "and again", "one", "two"]
    assert (lanes.active, lanes.waiting) == (0, 0)
    lanes.put("a", 1, "last", again=True)
    assert drain(lanes) == ["last"]


def test_a_lane_whose_limit_grows() -> None:
    lanes: Lanes[str] = Lanes()
    lanes.put("a", 1, "one")
    lanes.put("a", 1, "two")
    assert drain(lanes) == ["one"]
    lanes.put("a", 3, "three")
    assert drain(lanes) == ["two", "three"]


def test_a_lane_without_room_lets_only_people_through() -> None:
    room: dict[object, int] = {"a": 0}
    lanes: Lanes[str] = Lanes(room.get)
    for item in ("one", "two"):
        lanes.put("a", 3, item)
    lanes.put("b", 3, "other")
    assert drain(lanes) == ["other"]
    assert (lanes.is_full("a"), lanes.is_full("a", urgent=True)) == (True, False)
    lanes.put("a", 3, "urgent", urgent=True)
    assert drain(lanes) == ["urgent"]
    room["a"] = 2
    lanes.reopen()
    assert drain(lanes) == ["one"]
    lanes.release("a")
    lanes.reopen()
    assert drain(lanes) == ["two"]


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=60),
    st.dictionaries(st.sampled_from("abc"), st.integers(0, 3)),
)
def test_everything_runs_once_and_no_limit_is_exceeded(
    puts: list[tuple[str, bool]], limits: dict[str, int]
) -> None:
    lanes: Lanes[int] = Lanes()
    active = dict.fromkeys("abc", 0)
    done: list[int] = []
    for number, (key, urgent) in enumerate(puts):
        lanes.put(key, limits.get(key, 1), number, urgent=urgent)
    running: list[str] = []
    while lanes.waiting or running:
        while taken := lanes.take():
            key = str(taken[0])
            running.append(key)
            active[key] += 1
            done.append(taken[1])
            assert limits.get(key, 1) == 0 or active[key] <= limits.get(key, 1)
        key = running.pop(0)
        active[key] -= 1
        lanes.release(key)
    assert sorted(done) == list(range(len(puts)))
    assert lanes.active == 0


def test_what_is_discarded_waits_no_more() -> None:
    lanes: Lanes[str] = Lanes(lambda key: 0)
    for number in range(100):
        lanes.put("a", 2, f"look {number}")
        lanes.discard("a", f"look {number}")
    lanes.discard("nowhere", "look")
    assert lanes.waiting == 0
    lanes.put("a", 2, "asked for", urgent=True)
    assert drain(lanes) == ["asked for"]
