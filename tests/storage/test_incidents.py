from dataclasses import replace
from typing import Any

from sqlalchemy import JSON, Boolean, Float, Integer, Table, insert

from vidgate.model.health import Reason, State
from vidgate.model.incident import Attention, Cause, Departure, Incident, Member, Note, Selection
from vidgate.model.standing import Membership
from vidgate.storage.audit import Audit
from vidgate.storage.database import Database
from vidgate.storage.incidents import FOREVER, IncidentStore
from vidgate.storage.models import channels, platforms


def incident(number: int, opened: float, *channels: str, ended: float | None = None) -> Incident:
    members = {
        one: Member(channel=one, since=opened, state=State.DOWN, reason=Reason.TIMEOUT)
        for one in channels
    }
    return Incident(
        id=number, cause=Cause.HOST, subject="h-1", opened=opened, ended=ended, members=members
    )


async def kept(store: IncidentStore, *incidents: Incident) -> None:
    await store.save([(one, list(one.members)) for one in incidents])


BLANKS = {Integer: 0, Float: 0.0, Boolean: True, JSON: []}


async def row(db: Database, table: Table, **fields: object) -> None:
    """A row whose other fields are blank."""
    blank = {
        column.name: BLANKS.get(type(column.type), "")
        for column in table.columns
        if not column.nullable
    }
    async with db.write() as session:
        await session.execute(insert(table), blank | fields)


async def test_what_is_open_comes_back_and_numbers_go_on(db: Database) -> None:
    store = IncidentStore(db, Audit(db))
    assert (await store.recall(0.0)).first == 1
    first, old, lately = (
        incident(1, 10.0, "a", "b"),
        incident(2, 20.0, "c", ended=30.0),
        incident(3, 40.0, "d", ended=50.0),
    )
    await kept(store, first, old, lately)
    recalled = await store.recall(45.0)
    assert recalled.first == 4
    assert recalled.incidents == [first, lately]
    assert await store.past(5, Selection(), but=[3]) == [old.outline]
    assert await store.find(2) == old
    assert await store.find(9) is None


async def test_members_are_changed(db: Database) -> None:
    store = IncidentStore(db, Audit(db))
    one = incident(1, 10.0, *(f"c{number}" for number in range(450)))
    await kept(store, one)
    for number, why in enumerate(Departure):
        member = one.members[f"c{number}"]
        one.members[f"c{number}"] = replace(member, until=12.0, departure=why)
    one.returns = 2
    await store.save([(one, [f"c{number}" for number in range(len(Departure))])])
    assert await store.find(1) == one


async def test_what_people_said_tells_where_the_alarm_stands(db: Database) -> None:
    audit = Audit(db)
    store = IncidentStore(db, audit)
    one = incident(1, 10.0, "a")
    await store.say(one, Note(time=11.0, actor="li", action="acknowledge", text="on my way"))
    await store.say(one, Note(time=12.0, actor="li", action="note", text="no power"))
    found = await store.find(1)
    assert found is not None
    assert found.attention is Attention.ACKNOWLEDGED
    await store.say(one, Note(time=13.0, actor="wang", action="close", text="moved"))
    found = await store.find(1)
    assert found is not None
    assert found.attention is Attention.CLOSED
    assert found.dismissed is not None
    assert found.dismissed.actor == "wang"
    assert [note.text for note in await store.notes(1)] == ["on my way", "no power", "moved"]
    assert (await audit.verify()).checked == 3


async def test_what_was_said_before_it_came_back_is_history(db: Database) -> None:
    store = IncidentStore(db, Audit(db))
    one = incident(1, 10.0, "a")
    await store.say(one, Note(time=11.0, actor="li", action="acknowledge", text="on my way"))
    await store.say(one, Note(time=12.0, actor="li", action="close", text="moved"))
    one.asked = 20.0
    await kept(store, one)
    found = await store.find(1)
    assert found is not None
    assert (found.attention, found.asked) == (Attention.OPEN, 20.0)
    assert [note.action for note in await store.notes(1)] == ["acknowledge", "close"]
    await store.say(one, Note(time=20.0, actor="wang", action="acknowledge", text=""))
    found = await store.find(1)
    assert found is not None
    assert found.attention is Attention.ACKNOWLEDGED
    assert found.dismissed is None


async def test_the_past_is_told_without_members(db: Database) -> None:
    store = IncidentStore(db, Audit(db))
    whole = incident(1, 10.0, *(f"c{number}" for number in range(450)), ended=30.0)
    whole.members["c7"] = replace(whole.members["c7"], until=12.0)
    merged = incident(2, 20.0, ended=30.0)
    merged.merged = 1
    await kept(store, whole, merged)
    await store.say(whole, Note(time=11.0, actor="li", action="acknowledge", text=""))
    merged_told, told = await store.past(5, Selection())
    assert (told.channels, told.failing) == (450, 449)
    assert told.acknowledged is not None
    assert told.acknowledged.actor == "li"
    assert merged_told == merged.outline


async def test_the_past_of_a_time_and_a_cause(db: Database) -> None:
    store = IncidentStore(db, Audit(db))
    first, second, third = (
        incident(1, 10.0, "a", ended=20.0),
        replace(incident(2, 20.0, "b", ended=30.0), cause=Cause.SINGLE),
        incident(3, 30.0, "c", ended=40.0),
    )
    await kept(store, first, second, third)

    async def found(**wanted: Any) -> list[int]:
        return [one.id for one in await store.past(5, Selection(**wanted))]

    assert await found() == [3, 2, 1]
    assert await found(since=20.5) == [3, 2]
    assert await found(until=20.0) == [1]
    assert await found(since=25.0, until=30.0) == [2]
    assert await found(cause=Cause.HOST) == [3, 1]


async def test_the_past_of_a_place(db: Database) -> None:
    store = IncidentStore(db, Audit(db))
    await row(db, platforms, id="p")
    await row(db, channels, key="camera-1", id="Camera-1", platform="p", area="north")
    await row(db, channels, key="b", id="b", area="south")
    await kept(
        store,
        incident(1, 10.0, "Camera-1", "b", ended=20.0),
        incident(2, 20.0, "b", ended=30.0),
        incident(3, 30.0, "gone", ended=40.0),
    )

    async def found(**wanted: Any) -> list[int]:
        return [one.id for one in await store.past(5, Selection(**wanted))]

    assert await found(platform="p") == [1]
    assert await found(area="south") == [2, 1]
    assert await found(platform="p", area="south") == []  # no channel is both
    assert await found(department="x") == []


async def test_when_channels_failed_together_with_others(db: Database) -> None:
    store = IncidentStore(db, Audit(db))
    over = incident(1, 10.0, "a", "b", ended=20.0)
    over.members["a"] = replace(over.members["a"], until=15.25)
    over.members["b"] = replace(over.members["b"], since=12.0, until=20.0)
    lasts = replace(incident(2, 30.0, "a", *(f"c{n}" for n in range(450))), cause=Cause.PLATFORM)
    alone = replace(incident(3, 10.0, "a", "c"), cause=Cause.SINGLE)
    storm = replace(incident(4, 10.0, "d"), cause=Cause.SCATTERED)
    await kept(store, over, lasts, alone, storm)
    ids = ["a", "b", "d", *(f"c{n}" for n in range(450))]
    found = await store.memberships(ids, 0, 100_000)
    by_host = Membership(10_000, 15_250, Cause.HOST)
    assert found["a"] == [by_host, Membership(30_000, FOREVER, Cause.PLATFORM)]
    assert found["b"] == [Membership(12_000, 20_000, Cause.HOST)]
    assert len(found) == 452
    assert await store.memberships(["a", "b"], 0, 12_000) == {"a": [by_host]}
    assert await store.memberships(["a", "b"], 15_250, 30_000) == {"b": found["b"]}
    assert await store.memberships([], 0, 100_000) == {}


async def test_what_a_wider_cause_took_over_is_told_of_by_that_one(db: Database) -> None:
    store = IncidentStore(db, Audit(db))
    narrow, wide = incident(1, 10.0, "a", "b", ended=20.0), incident(2, 10.0, "a")
    for channel, why in (("a", Departure.MOVED), ("b", Departure.MAINTENANCE)):
        narrow.members[channel] = replace(narrow.members[channel], until=20.0, departure=why)
    await kept(store, narrow, replace(wide, cause=Cause.PLATFORM, subject="p"))
    assert await store.memberships(["a", "b"], 0, 100_000) == {
        "a": [Membership(10_000, FOREVER, Cause.PLATFORM)],
        "b": [Membership(10_000, 20_000, Cause.HOST)],
    }


async def test_the_past_is_forgotten_with_all_that_belongs_to_it(db: Database) -> None:
    store = IncidentStore(db, Audit(db))
    old, open_ = incident(1, 10.0, "a", ended=20.0), incident(2, 10.0, "b")
    await kept(store, old, open_)
    await store.say(old, Note(time=11.0, actor="li", action="note", text="x"))
    await store.forget(21.0)
    assert await store.find(1) is None
    assert await store.notes(1) == []
    assert await store.find(2) == open_
