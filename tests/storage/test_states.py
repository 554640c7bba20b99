from typing import Any

from sqlalchemy import insert

from vidgate.health.levels import of_probe
from vidgate.health.measure import of_probe as measured
from vidgate.model.health import Health, Level, ProbeResult, Reason, State
from vidgate.model.media import Codec
from vidgate.storage import models
from vidgate.storage.database import Database
from vidgate.storage.states import States, Transition


async def register(db: Database, *ids: str) -> None:
    text = dict.fromkeys(
        ("name", "gb_code", "kind", "url", "sub_url", "vendor", "address", "channel_no", "point"),
        "",
    ) | dict.fromkeys(
        ("department", "area", "point_class", "industry", "lifecycle", "transport", "pinyin"), ""
    )
    rows = [
        text | {"key": id_.lower(), "id": id_, "number": n, "revision": 1, "tags": [], "enabled": 1}
        for n, id_ in enumerate(ids, 1)
    ]
    async with db.write() as session:
        await session.execute(insert(models.channels), rows)


def probed(channel: str) -> Health:
    result = ProbeResult(
        channel=channel,
        asked=Level.MEDIA,
        level=Level.MEDIA,
        reason=Reason.OK,
        t0=100.0,
        t1=0.01,
        t3=1.5,
        codec=Codec.H264,
        width=704,
        height=576,
        fps=25.0,
    )
    return Health(
        channel=channel,
        state=State.UP,
        reason=Reason.OK,
        since=99.5,
        level=Level.MEDIA,
        probed=101.0,
        media_seen=101.5,
        good=3,
        last=result,
        measured=measured(None, result, 101.0),
        levels=of_probe({}, result, 101.0),
    )


async def test_health_comes_back_as_it_was(db: Database) -> None:
    await register(db, "Cam1", "Cam2")
    full, bare = probed("Cam1"), Health(channel="Cam2", state=State.DOWN, reason=Reason.TIMEOUT)
    await States(db).save([full, bare])
    assert await States(db).load() == {"Cam1": full, "Cam2": bare}


async def test_saving_again_replaces(db: Database) -> None:
    await register(db, "Cam1")
    states = States(db)
    await states.save([probed("Cam1")])
    now = Health(channel="Cam1", state=State.BUSY, reason=Reason.BUSY, since=200.0)
    await states.save([now])
    assert await states.load() == {"Cam1": now}


async def test_a_channel_that_is_not_registered_is_not_loaded(db: Database) -> None:
    await register(db, "Cam1")
    states = States(db)
    await states.save([probed("Cam1"), probed("gone")])
    assert list(await states.load()) == ["Cam1"]


async def test_a_whole_fleet_is_saved_and_loaded_in_chunks(db: Database) -> None:
    ids = [f"c{number:04}" for number in range(1001)]
    await register(db, *ids)
    states = States(db)
    await states.save(map(probed, ids))
    assert await states.load() == {id_: probed(id_) for id_ in ids}


async def test_transitions_are_kept_in_order(db: Database) -> None:
    states = States(db)
    rows = [
        Transition(
            channel=channel,
            time=time,
            before=State.UNKNOWN,
            after=State.UP,
            reason=Reason.OK,
            level=Level.MEDIA,
        )
        for channel, time in [("a", 1.0), ("b", 2.0), ("a", 3.0), ("a", 3.25)]
    ]
    await states.save([], rows)
    assert [row.time for row in await states.transitions("a")] == [3.25, 3.0, 1.0]
    assert await states.transitions("a", limit=1) == [rows[3]]
    assert await states.transitions("c") == []
    assert await states.transitions("a", since=3.0, until=3.25) == [rows[2]]
    assert await states.latest() == {"a": rows[3], "b": rows[1]}


def moved(channel: str, time: float, after: State = State.UP, **more: Any) -> Transition:
    told = {"before": State.UNKNOWN, "reason": Reason.OK, "level": Level.MEDIA} | more
    return Transition(channel=channel, time=time, after=after, **told)


async def test_of_two_changes_within_a_millisecond_the_later_counts(db: Database) -> None:
    states = States(db)
    await states.save([], [moved("a", 1.0001), moved("a", 1.0003, State.DOWN, step=None)])
    (kept,) = await states.transitions("a")
    assert (kept.after, kept.step, kept.time) == (State.DOWN, None, 1.0)


async def test_what_a_fast_clock_wrote_is_forgotten(db: Database) -> None:
    states = States(db)
    await states.save([], [moved("a", 10.0), moved("a", 20.0), moved("b", 30.0)])
    await states.save([], [moved("b", 15.5)], forget_after=15.0)
    assert [one.time for one in await states.transitions("a")] == [10.0]
    assert [one.time for one in await states.transitions("b")] == [15.5]


async def test_the_latest_of_a_whole_fleet(db: Database) -> None:
    states = States(db)
    rows = [moved(f"c{n:04}", time) for n in range(450) for time in (1.0, 2.0)]
    await states.save([], rows)
    assert await States(db).latest() == {one.channel: one for one in rows[1::2]}
