import asyncio
import gc

import pytest

from tests.web.fakes import FakeAccounts
from vidgate.aio.clock import ManualClock
from vidgate.auth.opaque import fingerprint
from vidgate.auth.tickets import Ticket
from vidgate.errors import NotAuthenticatedError
from vidgate.model.user import Role
from vidgate.storage.accounts import Token
from vidgate.web.keyring import KEEP, MAX_KNOWN, Keyring


async def test_the_database_is_asked_once_in_a_while() -> None:
    accounts, clock = FakeAccounts(), ManualClock()
    keyring = Keyring(accounts, clock)
    secret = accounts.token_of(Role.VIEWER)
    for _ in range(10):
        assert (await keyring.token(secret)).principal.role is Role.VIEWER
    assert accounts.lookups == 1
    clock.advance(KEEP)
    await keyring.token(secret)
    assert accounts.lookups == 2


async def test_who_comes_meanwhile_waits_for_the_one_look() -> None:
    """A flood of requests with one token took all connections of the database (seen: 507)."""
    accounts = FakeAccounts()
    keyring = Keyring(accounts, ManualClock())
    secret, found, gate = accounts.token_of(Role.VIEWER), accounts.token, asyncio.Event()

    async def slow(hash_: str) -> Token | None:
        await gate.wait()
        return await found(hash_)

    accounts.token = slow  # type: ignore[method-assign]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(keyring.token(secret)) for _ in range(100)]
        await asyncio.sleep(0)
        tasks[0].cancel()  # the one who looks goes away
        gate.set()
    callers = {task.result() for task in tasks[1:]}
    assert len(callers) == 1
    assert accounts.lookups == 1
    tasks.clear()
    gc.collect()
    assert not keyring._looking, "nothing is kept of it"


async def test_what_is_revoked_is_forgotten_even_while_it_is_looked_up() -> None:
    accounts = FakeAccounts()
    keyring = Keyring(accounts, ManualClock())
    secret = accounts.token_of(Role.VIEWER)
    found = accounts.token

    async def revoked_meanwhile(hash_: str) -> Token | None:
        token = await found(hash_)
        accounts.kept.clear()
        keyring.forget()
        return token

    accounts.token = revoked_meanwhile  # type: ignore[method-assign]
    await keyring.token(secret)
    accounts.token = found  # type: ignore[method-assign]
    with pytest.raises(NotAuthenticatedError):
        await keyring.token(secret)


@pytest.mark.parametrize("secret", ["", "nonsense", "\udcff", "x" * 10_000])
async def test_nonsense_is_nobody(secret: str) -> None:
    keyring = Keyring(FakeAccounts(), ManualClock())
    for look in (keyring.token, keyring.session):
        with pytest.raises(NotAuthenticatedError):
            await look(secret)


async def test_a_session_is_no_token_and_a_token_no_session() -> None:
    accounts = FakeAccounts()
    keyring = Keyring(accounts, ManualClock())
    await accounts.open_session(fingerprint("s"), "viewer", "")
    secret = accounts.token_of(Role.VIEWER)
    assert (await keyring.session("s")).session == fingerprint("s")
    assert (await keyring.token(secret)).session is None
    for look, wrong in ((keyring.token, "s"), (keyring.session, secret)):
        with pytest.raises(NotAuthenticatedError):
            await look(wrong)


async def test_a_ticket_is_its_issuers_and_a_flood_of_them_asks_the_database_once() -> None:
    accounts = FakeAccounts()
    keyring = Keyring(accounts, ManualClock())
    issuer = await keyring.token(accounts.token_of(Role.VIEWER))
    ticket = Ticket(issuer.credential, "camera-1")
    caller = (await asyncio.gather(*(keyring.bearer(ticket) for _ in range(10))))[0]
    assert caller.credential == issuer.credential
    assert caller.principal.name == issuer.principal.name
    assert (caller.principal.via, caller.principal.stream) == ("ticket", "camera-1")
    assert accounts.lookups == 2, "the secret, and then the number of its token"
    local = await keyring.bearer(Ticket("socket", "camera-1"))
    assert (local.principal.name, local.principal.via) == ("local", "ticket")


async def test_memory_is_bounded() -> None:
    accounts = FakeAccounts()
    keyring = Keyring(accounts, ManualClock())
    for number in range(MAX_KNOWN + 10):
        await accounts.open_session(fingerprint(str(number)), "viewer", "")
        await keyring.session(str(number))
    before = accounts.lookups
    await keyring.session(str(MAX_KNOWN))
    assert accounts.lookups == before
    await keyring.session("0")
    assert accounts.lookups == before + 1
