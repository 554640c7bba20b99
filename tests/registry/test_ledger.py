import pytest

from vidgate.aio.bus import Bus
from vidgate.errors import ConflictError
from vidgate.model.channel import Channel, Platform
from vidgate.registry import changesets
from vidgate.registry.edits import Edit, Pair
from vidgate.registry.ledger import FEW, Deed, Ledger, announce
from vidgate.storage.audit import Audit
from vidgate.storage.database import Database

DEED = Deed("me", "set", "cam")


def added(count: int) -> Edit:
    return Edit([Pair(None, Channel(id=f"c{n}", name="c", number=n)) for n in range(count)])


async def test_change_and_audit_are_written_with_the_edit(db: Database) -> None:
    assert await Ledger(db).write(added(2), DEED) == 1
    async with db.read() as session:
        assert (await changesets.find(session, 1)).created == 2
    row = (await Audit(db).rows())[0]
    assert (row.action, row.object) == ("register.set", "cam")
    assert row.detail == '{"created":2,"updated":0,"removed":0,"change":1}'


async def test_an_edit_of_nothing_is_audited_only(db: Database) -> None:
    assert await Ledger(db).write(Edit(), DEED) is None
    assert len(await Audit(db).rows()) == 1


@pytest.mark.parametrize(
    "edit",
    [
        Edit([Pair(None, Channel(id="a", name="a", platform="nowhere"))]),
        Edit([Pair(None, Channel(id="a", name="a")), Pair(None, Channel(id="A", name="a"))]),
    ],
)
async def test_what_the_database_does_not_agree_with_is_a_conflict(
    db: Database, edit: Edit
) -> None:
    with pytest.raises(ConflictError):
        await Ledger(db).write(edit, DEED)
    assert await Audit(db).rows() == []


@pytest.mark.parametrize(("count", "told"), [(FEW, FEW), (FEW + 1, 0)])
def test_few_channels_are_told_one_by_one(bus: Bus, count: int, told: int) -> None:
    announce(bus, 7, added(count))
    types = [event.type for event in bus.since(0)[1]]
    assert types == ["channel.changed"] * told + ["register.changed"]


def test_platforms_are_told(bus: Bus) -> None:
    announce(bus, 7, Edit(platforms=[Pair(None, Platform(id="p"))]))
    event = bus.since(0)[1][0]
    assert (event.type, event.object, event.data) == ("platform.changed", "p", {"change": 7})
