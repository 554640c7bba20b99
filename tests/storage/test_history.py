"""The past as the database keeps it."""

from vidgate.model.channel import Lifecycle
from vidgate.model.health import Level, Reason, State
from vidgate.model.standing import Entry, Run, Standing
from vidgate.storage.database import Database
from vidgate.storage.history import HistoryStore
from vidgate.storage.states import States, Transition


def moved(channel: str, time: float, after: State = State.UP) -> Transition:
    return Transition(
        channel=channel,
        time=time,
        before=State.UNKNOWN,
        after=after,
        reason=Reason.OK,
        level=Level.MEDIA,
    )


def entry(time: int, state: State = State.UP) -> Entry:
    return Entry(time, Standing(Lifecycle.ACCEPTED, state, Reason.OK, Level.MEDIA))


async def past(db: Database, *transitions: Transition) -> tuple[HistoryStore, dict[str, int]]:
    await States(db).save([], transitions)
    store = HistoryStore(db)
    return store, await store.subjects()


async def test_entries_begin_with_the_one_that_held(db: Database) -> None:
    moves = [moved("a", second) for second in (1, 2, 3, 4)]
    store, keys = await past(db, *moves, moved("b", 9), moved("c", 2.5))
    found = await store.entries(list(keys.values()), 2500, 4000)
    assert found == {
        keys["a"]: [entry(2000), entry(3000)],
        keys["b"]: [],
        keys["c"]: [entry(2500)],
    }
    assert await store.entries([], 0, 1) == {}


async def test_an_entry_at_the_very_start_is_the_one_that_holds(db: Database) -> None:
    store, keys = await past(db, moved("a", 1), moved("a", 2, State.DOWN))
    assert (await store.entries([keys["a"]], 2000, 9000))[keys["a"]] == [entry(2000, State.DOWN)]


async def test_forgetting_leaves_what_held(db: Database) -> None:
    moves = [moved("a", second) for second in (1, 2, 3)]
    store, keys = await past(db, *moves, moved("b", 1))
    await store.forget_transitions(list(keys.values()), 2500)
    assert [one.time for one in await States(db).transitions("a")] == [3.0, 2.0]
    assert [one.time for one in await States(db).transitions("b")] == [1.0]


async def test_runs_are_kept_by_their_beginning(db: Database) -> None:
    store = HistoryStore(db)
    assert await store.first_run() is None
    await store.save_runs([Run(10, 20)])
    await store.save_runs([Run(10, 30), Run(50, 60)])
    assert await store.runs(0, 100) == [Run(10, 30), Run(50, 60)]
    assert await store.runs(30, 55) == [Run(50, 60)]
    assert await store.first_run() == 10
    await store.forget_runs(40)
    assert await store.first_run() == 50


async def test_a_day_is_there_once_it_is_closed(db: Database) -> None:
    store = HistoryStore(db)
    await store.save_tallies(100, [(1, b"x"), (2, b"y")])
    await store.save_tallies(100, [(2, b"z")])
    await store.save_tallies(100, [])
    assert await store.days(0, 1000) == {}
    await store.close_day(100, 200)
    assert await store.days(100, 200) == {100: 200}
    assert await store.days(101, 200) == await store.days(100, 199) == {}
    assert await store.tallies(100) == [(1, b"x"), (2, b"z")]
    assert await store.tallies(100, 1) == [(2, b"z")]
    assert await store.forget_days(200)
    assert not await store.forget_days(200)
    assert await store.tallies(100) == []


async def test_rewinding_drops_what_is_later(db: Database) -> None:
    store = HistoryStore(db)
    await store.save_runs([Run(10, 90), Run(95, 99)])
    await store.save_tallies(20, [(1, b"x")])
    await store.close_day(20, 80)
    await store.rewind(50)
    assert await store.runs(0, 100) == [Run(10, 50)]
    assert await store.days(0, 100) == {}
    assert await store.tallies(20) == []


async def test_looks_are_appended(db: Database) -> None:
    store = HistoryStore(db)
    await store.add_looks([("a", 100, b"1"), ("b", 100, b"2")])
    await store.add_looks([("a", 100, b"3"), ("a", 200, b"4")])
    assert await store.looks("a", 0, 1000) == [(100, b"13"), (200, b"4")]
    assert await store.looks("a", 101, 200) == []
    assert await store.looks("nobody", 0, 1000) == []
    await store.forget_looks(list((await store.subjects()).values()), 200)
    assert await store.looks("a", 0, 1000) == [(200, b"4")]


async def test_a_channel_that_left_is_known_by_its_last_fields(db: Database) -> None:
    from sqlalchemy import insert

    from vidgate.storage.models import change_rows, changes

    row = {"kind": "channel", "object": "a"}
    async with db.write() as session:
        for number, name in enumerate(("旧", "新"), 1):
            await session.execute(
                insert(changes).values(
                    id=number, time=1.0, actor="x", action="remove", source="",
                    created=0, updated=0, removed=1,
                )
            )  # fmt: skip
            await session.execute(
                insert(change_rows).values(
                    change=number, position=0, before={"name": name}, after=None, **row
                )
            )
    assert await HistoryStore(db).departed(["a", "b"]) == {"a": {"name": "新"}}


async def test_until_when_the_past_is_forgotten_is_kept(db: Database) -> None:
    store, keys = await past(db, moved("a", 1), moved("a", 2))
    assert await store.forgotten() == 0
    await store.forget_transitions(list(keys.values()), 2500)
    await store.forget_transitions(list(keys.values()), 1500)  # to keep more brings nothing back
    assert await store.forgotten() == 2500
    await store.rewind(2000)  # a fast clock forgot all that had been
    assert await store.forgotten() == 2000
    await store.bound_forgotten(1500)
    assert await store.forgotten() == 1500
    await store.bound_forgotten(1800)
    assert await store.forgotten() == 1500
