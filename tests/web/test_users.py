import aiohttp
import pytest

from tests.web.conftest import Site
from tests.web.fakes import PASSWORD, FakeAccounts
from vidgate.auth.passwords import verify_password
from vidgate.model.user import Role
from vidgate.web.sockets import REVOKED
from vidgate.web.users import ensure_admin

SESSION = "/api/v1/session"


@pytest.fixture
def accounts() -> FakeAccounts:
    nobody = FakeAccounts()
    nobody.all.clear()
    return nobody


async def test_the_first_start_makes_one_administrator(accounts: FakeAccounts) -> None:
    told: list[str] = []
    await ensure_admin(accounts, told.append)
    await ensure_admin(accounts, told.append)
    (password,) = told
    assert accounts.all["admin"].role is Role.ADMINISTRATOR
    assert verify_password(accounts.all["admin"].password, password)


async def test_an_account_is_kept_only_when_its_password_was_told(accounts: FakeAccounts) -> None:
    def die(password: str) -> None:
        raise SystemExit(password)

    with pytest.raises(SystemExit):
        await ensure_admin(accounts, die)
    assert not await accounts.has_users()


async def renewed(site: Site, name: str) -> str:
    """The password that the machine's own socket answers with."""
    local = aiohttp.UnixConnector(str(site.folder / "vidgate.sock"))
    url = f"http://vidgate/api/v1/users/{name}/password"
    async with aiohttp.ClientSession(connector=local) as client, client.post(url) as response:
        assert response.status == 200
        told = await response.json()
    assert told["name"] == name.lower()
    return str(told["password"])


async def test_a_new_password_lets_in_and_the_old_one_no_longer(site: Site) -> None:
    password = await renewed(site, "Operator")
    old = {"username": "operator", "password": PASSWORD}
    assert (await site.call("POST", SESSION, json=old)).status == 401
    assert (await site.call("POST", SESSION, json=old | {"password": password})).status == 200


async def test_a_new_password_lets_in_who_was_barred_for_wrong_ones(site: Site) -> None:
    form = {"username": "operator", "password": "wrong"}
    while (await site.call("POST", SESSION, json=form)).status == 401:
        pass
    form["password"] = await renewed(site, "operator")
    assert (await site.call("POST", SESSION, json=form)).status == 200


async def test_a_new_password_ends_what_the_user_opened_and_nobody_elses(site: Site) -> None:
    await site.sign_in(Role.OPERATOR)
    events = site.url.replace("http", "ws") + "/api/v1/events"
    mine = await site.client.ws_connect(events, headers=site.origin())
    others = await site.client.ws_connect(events, headers=site.bearer(Role.VIEWER))
    await renewed(site, "viewer")
    assert (await site.call("GET", SESSION)).status == 200
    await renewed(site, "operator")
    assert (await site.call("GET", SESSION)).status == 401
    while (told := await mine.receive()).type is not aiohttp.WSMsgType.CLOSE:
        pass
    assert told.data == REVOKED
    assert not others.closed
    await others.close()


async def test_an_unknown_user_has_no_password(site: Site) -> None:
    path = "/api/v1/users/nobody/password"
    assert (await site.call("POST", path, role=Role.ADMINISTRATOR)).status == 404
