import sqlite3

import pytest

from vidgate.aio.clock import ManualClock
from vidgate.errors import ConflictError, NotFoundError
from vidgate.model.user import Role
from vidgate.settings.tree import AuthSettings
from vidgate.storage.accounts import Accounts
from vidgate.storage.audit import Audit
from vidgate.storage.database import Database

SETTINGS = AuthSettings(session_idle=3600, session_max=10_000)


@pytest.fixture
async def accounts(db: Database) -> Accounts:
    accounts = Accounts(db, SETTINGS)
    await accounts.add_user("Admin", Role.ADMINISTRATOR, "$argon2id$1", "first start")
    return accounts


async def actions(db: Database) -> list[str]:
    return [row.action for row in reversed(await Audit(db).rows())]


async def test_users_are_found_ignoring_case(db: Database, accounts: Accounts) -> None:
    user = await accounts.user("ADMIN")
    assert user is not None
    assert (user.name, user.role, user.password) == ("admin", Role.ADMINISTRATOR, "$argon2id$1")
    assert await accounts.user("other") is None
    assert await accounts.users() == [user]


async def test_whether_there_are_users(db: Database) -> None:
    accounts = Accounts(db)
    assert not await accounts.has_users()
    await accounts.add_user("a", Role.VIEWER, "x", "me")
    assert await accounts.has_users()


async def test_a_name_is_taken_once(accounts: Accounts) -> None:
    with pytest.raises(ConflictError, match="已存在"):
        await accounts.add_user("admin", Role.VIEWER, "x", "me")


async def test_a_session_lives_until_it_is_closed(accounts: Accounts) -> None:
    await accounts.open_session("h1", "admin", "10.0.0.1")
    found = await accounts.session("h1")
    assert found is not None
    assert found.name == "admin"
    assert await accounts.session("h2") is None
    await accounts.close_session("h1")
    await accounts.close_session("h1")
    assert await accounts.session("h1") is None


async def test_a_session_ends_when_idle_but_not_when_used(
    accounts: Accounts, clock: ManualClock
) -> None:
    await accounts.open_session("h1", "admin", "")
    await accounts.open_session("h2", "admin", "")
    clock.advance(3000)
    assert await accounts.session("h1")
    clock.advance(3000)
    assert await accounts.session("h1")
    assert await accounts.session("h2") is None


async def test_a_session_ends_at_its_longest(accounts: Accounts, clock: ManualClock) -> None:
    await accounts.open_session("h1", "admin", "")
    for _ in range(3):
        clock.advance(3000)
        assert await accounts.session("h1")
    clock.advance(3000)
    assert await accounts.session("h1") is None


@pytest.mark.parametrize("step", [3600.0, -3600.0, 10 * 365 * 86400.0, -10 * 365 * 86400.0])
async def test_a_clock_that_is_put_right_ends_no_session_and_keeps_none(
    accounts: Accounts, clock: ManualClock, step: float
) -> None:
    await accounts.open_session("h1", "admin", "")
    await accounts.open_session("h2", "admin", "")
    clock.jump_wall(step)
    clock.advance(3000)
    assert await accounts.session("h1")
    clock.advance(3000)
    assert await accounts.session("h1")
    assert await accounts.session("h2") is None  # idle, whatever the wall says


async def test_a_session_of_the_future_does_not_live_for_years(
    db: Database, accounts: Accounts, clock: ManualClock
) -> None:
    await accounts.open_session("h1", "admin", "")
    clock.jump_wall(-10 * 365 * 86400.0)
    restarted = Accounts(db, SETTINGS, clock=clock)
    assert await restarted.session("h1") is None


async def test_what_is_over_is_deleted_at_the_next_signing_in(
    db: Database, accounts: Accounts, clock: ManualClock
) -> None:
    await accounts.open_session("h1", "admin", "")
    clock.advance(4000)
    await accounts.open_session("h2", "admin", "")
    connection = sqlite3.connect(db.path)
    rows = connection.execute("SELECT hash FROM sessions").fetchall()
    connection.close()
    assert rows == [("h2",)]


async def test_a_new_password_ends_the_users_sessions(accounts: Accounts) -> None:
    await accounts.open_session("h1", "admin", "")
    assert await accounts.set_password("Admin", "$argon2id$2", "admin") == ["h1"]
    assert await accounts.session("h1") is None
    user = await accounts.user("admin")
    assert user is not None
    assert user.password == "$argon2id$2"
    with pytest.raises(NotFoundError):
        await accounts.set_password("nobody", "x", "admin")


async def test_tokens_are_found_by_hash_until_revoked(
    accounts: Accounts, clock: ManualClock
) -> None:
    token = await accounts.add_token("t1", "prometheus", Role.VIEWER, "admin")
    assert await accounts.token("t1") == token
    assert await accounts.token_by_id(token.id + 1) is None
    clock.advance(10)
    found = await accounts.token("t1")
    assert found is not None
    assert found.used == clock.wall() - 10
    assert await accounts.token_by_id(token.id) == found
    assert await accounts.token("t2") is None
    assert (await accounts.revoke_token(token.id, "admin")).name == "prometheus"
    assert await accounts.token("t1") is None
    assert await accounts.token_by_id(token.id) is None
    with pytest.raises(NotFoundError):
        await accounts.revoke_token(token.id, "admin")


async def test_a_tokens_number_is_never_given_again(accounts: Accounts) -> None:
    first = await accounts.add_token("t1", "a", Role.VIEWER, "admin")
    await accounts.revoke_token(first.id, "admin")
    second = await accounts.add_token("t2", "b", Role.VIEWER, "admin")
    assert second.id > first.id
    assert [token.name for token in await accounts.tokens()] == ["b"]


async def test_who_is_signed_in_stays_so_when_nothing_can_be_written(
    db: Database, accounts: Accounts, clock: ManualClock
) -> None:
    await accounts.open_session("h1", "admin", "")
    clock.advance(1000)
    async with db.write() as session:
        await session.exec_driver_sql("PRAGMA busy_timeout=1")
    other = sqlite3.connect(db.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        assert await accounts.session("h1")
    finally:
        other.close()


async def test_every_deed_is_audited(db: Database, accounts: Accounts) -> None:
    await accounts.open_session("h1", "admin", "10.0.0.1")
    await accounts.close_session("h1")
    token = await accounts.add_token("t1", "a", Role.VIEWER, "admin")
    await accounts.revoke_token(token.id, "admin")
    await accounts.set_password("admin", "x", "admin")
    assert await actions(db) == [
        "user.create",
        "session.open",
        "session.close",
        "token.create",
        "token.revoke",
        "user.password",
    ]
    dump = "\n".join(row.detail for row in await Audit(db).rows())
    assert "t1" not in dump
    assert "argon2" not in dump
