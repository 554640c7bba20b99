from dataclasses import replace

from vidgate.model.channel import Channel, Kind, Login, Platform
from vidgate.registry import changesets, store
from vidgate.registry.edits import Credential, Edit, Pair
from vidgate.storage.database import CHUNK, Database

PLATFORM = Platform(id="p", name="P", slots=2, options={"a": "b"})
CREDENTIAL = Credential(name="c", login=Login("u", "p"), sealed=b"\0", changed=2.0)


def channel(number: int) -> Channel:
    return Channel(
        id=f"C{number}",
        name="名",
        kind=Kind.ONVIF,
        tags=("a", "b"),
        platform="p",
        credential="c",
        longitude=1.25,
        number=number,
    )


async def written(db: Database, edit: Edit) -> None:
    async with db.write() as session:
        number = await changesets.begin(session, 1.0, "me", "set", "x", edit)
        await store.write(session, number, edit)


async def channels(db: Database) -> list[Channel]:
    async with db.read() as session:
        return [one async for chunk in store.read_channels(session) for one in chunk]


async def test_what_is_written_is_read_in_register_order(db: Database) -> None:
    count = CHUNK * 2 + 1
    new = [channel(number) for number in range(count, 0, -1)]
    edit = Edit([Pair(None, one) for one in new], [Pair(None, PLATFORM)], [Pair(None, CREDENTIAL)])
    await written(db, edit)
    assert await channels(db) == new[::-1]
    async with db.read() as session:
        assert await store.read_platforms(session) == [PLATFORM]
        assert await store.read_credentials(session) == [
            {
                "name": "c",
                "username": "u",
                "sealed": b"\0",
                "changed": 2.0,
                "platform": "",
                "host": "",
                "vendor": "",
            }
        ]


async def test_updates_and_removals_in_one_edit(db: Database) -> None:
    one, two = channel(1), channel(2)
    pairs = [Pair(None, one), Pair(None, two)]
    await written(db, Edit(pairs, [Pair(None, PLATFORM)], [Pair(None, CREDENTIAL)]))
    bare = replace(one, platform="", credential="", tags=(), longitude=None)
    edit = Edit(
        [Pair(one, bare), Pair(two, None)], [Pair(PLATFORM, None)], [Pair(CREDENTIAL, None)]
    )
    await written(db, edit)
    assert await channels(db) == [bare]
    async with db.read() as session:
        assert await store.read_platforms(session) == []
        rows = await changesets.rows_of(session, 2, 0, 10)
        assert [(one.kind, one.object, one.after is None) for one in rows] == [
            ("platform", "p", True),
            ("credential", "c", True),
            ("channel", "C1", False),
            ("channel", "C2", True),
        ]


async def test_equal_numbers_are_not_lost_between_chunks(db: Database) -> None:
    same = [
        replace(channel(1), id=f"x{n:04}", platform="", credential="") for n in range(CHUNK + 5)
    ]
    await written(db, Edit([Pair(None, one) for one in same]))
    assert await channels(db) == same
