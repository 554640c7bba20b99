import asyncio

import pytest

from tests.waiting import until
from tests.web.conftest import Site
from tests.web.fakes import PASSWORD
from vidgate.model.user import Role
from vidgate.settings.tree import HttpSettings, Settings
from vidgate.web.server import WebServer

SESSION = "/api/v1/session"


def form(username: str = "operator", password: str = PASSWORD) -> dict[str, str]:
    return {"username": username, "password": password}


async def test_signing_in_gives_a_guarded_cookie(site: Site) -> None:
    response = await site.call("POST", SESSION, json=form(), headers=site.origin())
    assert response.status == 200
    told = await response.json()
    assert told["user"]["name"] == "operator"
    assert told["user"]["role"] == "operator"
    assert "probe.run" in told["user"]["permissions"]
    assert told["server"]["https"] is False
    assert told["server"]["demo"] is False
    cookie = response.headers["Set-Cookie"]
    assert cookie.startswith("vidgate=")
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Path=/" in cookie
    assert "Secure" not in cookie  # plain HTTP: a browser would throw it away

    again = await site.call("GET", SESSION)
    assert (await again.json())["user"]["name"] == "operator"


async def test_a_name_is_known_in_any_case(site: Site) -> None:
    assert (await site.call("POST", SESSION, json=form("Operator"))).status == 200


async def test_wrong_words_get_no_cookie_and_the_same_answer(site: Site) -> None:
    wrong = await site.call("POST", SESSION, json=form(password="not the password"))
    unknown = await site.call("POST", SESSION, json=form("nobody-of-that-name"))
    assert wrong.status == unknown.status == 401
    assert await wrong.json() == await unknown.json()
    assert "Set-Cookie" not in wrong.headers
    assert site.fakes.accounts.open == {}


async def test_guessing_is_paused_and_others_are_not(site: Site) -> None:
    for _ in range(5):
        assert (await site.call("POST", SESSION, json=form(password="wrong"))).status == 401
    refused = await site.call("POST", SESSION, json=form())
    assert refused.status == 429
    assert (await refused.json())["code"] == "too_many_attempts"
    assert int(refused.headers["Retry-After"]) > 200
    assert (await site.call("POST", SESSION, json=form("viewer"))).status == 200
    site.clock.advance(301)
    assert (await site.call("POST", SESSION, json=form())).status == 200


async def test_a_whole_shift_may_sign_in_from_one_address(site: Site) -> None:
    statuses = [(await site.call("POST", SESSION, json=form())).status for _ in range(40)]
    assert set(statuses) == {200}


async def test_many_names_from_one_address_are_guesses_too(site: Site) -> None:
    statuses = [
        (await site.call("POST", SESSION, json=form(f"user{number}"))).status
        for number in range(40)
    ]
    assert statuses.count(401) == 30
    assert statuses.count(429) == 10


async def test_behind_a_trusted_proxy_with_https_the_cookie_is_of_the_host(
    site: Site,
) -> None:
    http = HttpSettings.model_validate(
        {"host": "127.0.0.1", "port": 0, "trusted_proxies": ["127.0.0.0/8"]}
    )
    told = {
        "X-Forwarded-For": "198.51.100.9",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "city.example",
        "Origin": "https://city.example",
    }
    async with WebServer(site.fakes.parts(), Settings(http=http)) as server:
        url = f"http://127.0.0.1:{server.port}{SESSION}"
        async with site.client.post(url, json=form(), headers=told) as response:
            assert response.status == 200
            assert (await response.json())["server"]["https"] is True
            cookie = response.headers["Set-Cookie"]
            assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert cookie.startswith("__Host-vidgate=")
        assert "Secure" in cookie
        assert "Domain" not in cookie
        assert [address for _, address in site.fakes.accounts.open.values()] == ["198.51.100.9"]
        headers = told | {"Cookie": cookie.partition(";")[0]}
        async with site.client.delete(url, headers=headers) as response:
            assert response.status == 204


async def test_what_strangers_say_of_themselves_changes_nothing(site: Site) -> None:
    def claim(number: int) -> dict[str, str]:
        return {
            "X-Forwarded-For": f"198.51.100.{number}",
            "X-Forwarded-Proto": "https",
            "X-Forwarded-Host": "city.example",
            "Forwarded": f"for=198.51.100.{number};proto=https",
            "X-Real-IP": f"198.51.100.{number}",
        }

    signed = await site.call("POST", SESSION, json=form(), headers=claim(1) | site.origin())
    assert signed.status == 200
    assert signed.headers["Set-Cookie"].startswith("vidgate=")
    assert "Secure" not in signed.headers["Set-Cookie"]
    assert [address for _, address in site.fakes.accounts.open.values()] == ["127.0.0.1"]
    # Another address for each guess is still one guesser.
    guesses = [
        (await site.call("POST", SESSION, json=form(password=str(n)), headers=claim(n))).status
        for n in range(8)
    ]
    assert guesses == [401] * 5 + [429] * 3
    refused = [note for note in site.fakes.trail.notes if note.action == "session.refused"]
    assert refused
    assert "198.51.100" not in str(refused)


async def test_a_hundred_guesses_at_once_are_not_a_hundred_guesses(site: Site) -> None:
    guesses = [site.call("POST", SESSION, json=form(password=str(n))) for n in range(30)]
    statuses = [response.status for response in await asyncio.gather(*guesses)]
    assert statuses.count(401) == 5
    assert statuses.count(429) == 25


async def test_attempts_are_in_the_audit_trail(site: Site) -> None:
    await site.call("POST", SESSION, json=form(password="wrong"))
    await until(lambda: bool(site.fakes.trail.notes))
    assert site.fakes.trail.notes[0].action == "session.refused"
    assert "wrong" not in str(site.fakes.trail.notes)


async def test_a_foreign_page_cannot_sign_its_visitor_in(site: Site) -> None:
    headers = {"Origin": "http://evil.example"}
    response = await site.call("POST", SESSION, json=form(), headers=headers)
    assert response.status == 403
    hint = (await response.json())["hint"]  # for whoever set up a proxy that tells another name
    assert headers["Origin"] in hint
    assert site.origin()["Origin"] in hint
    headers["Origin"] += "x" * 7000
    response = await site.call("POST", SESSION, json=form(), headers=headers)
    assert len((await response.json())["hint"]) < 500


async def test_a_form_is_not_json(site: Site) -> None:
    response = await site.call("POST", SESSION, data=b'{"username":"operator"}')
    assert response.status == 415


async def test_signing_in_again_ends_the_session_before(site: Site) -> None:
    await site.sign_in()
    before = dict(site.fakes.accounts.open)
    await site.sign_in()
    assert len(site.fakes.accounts.open) == 1
    assert not before.keys() & site.fakes.accounts.open.keys()


async def test_signing_out_ends_the_session_and_what_it_watches(site: Site) -> None:
    await site.sign_in()
    watching = await site.call(
        "POST",
        "/whep/camera-1",
        data=b"v=0",
        headers=site.origin() | {"Content-Type": "application/sdp"},
    )
    assert watching.status == 201
    assert len(site.fakes.whep.sessions) == 1
    stolen = {cookie.key: cookie.value for cookie in site.client.cookie_jar}

    response = await site.call("DELETE", SESSION, headers=site.origin())
    assert response.status == 204
    assert site.fakes.whep.sessions == {}
    assert site.fakes.accounts.open == {}
    assert (await site.call("GET", SESSION, cookies=stolen)).status == 401


async def test_the_cookie_of_a_foreign_page_does_nothing(site: Site) -> None:
    await site.sign_in()
    for headers in ({}, {"Origin": "http://evil.example"}, {"Origin": "null"}):
        response = await site.call("DELETE", SESSION, headers=headers)
        assert response.status == 403, headers
    assert len(site.fakes.accounts.open) == 1


async def test_a_secret_in_the_query_is_not_looked_at(site: Site) -> None:
    secret = site.fakes.accounts.token_of(Role.ADMINISTRATOR)
    for name in ("token", "access_token", "ticket"):
        assert (await site.call("GET", f"{SESSION}?{name}={secret}")).status == 401


@pytest.mark.parametrize(
    "value", ["Basic YWRtaW46YWRtaW4=", "Bearer", "Bearer nonsense", "Bearer vgt_x.y", "x" * 600]
)
async def test_other_authorization_is_refused(site: Site, value: str) -> None:
    await site.sign_in()  # a wrong header is wrong, however good the cookie
    response = await site.call("GET", SESSION, headers={"Authorization": value})
    assert response.status == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


async def test_a_revoked_token_is_dead_at_once(site: Site) -> None:
    headers = site.bearer(Role.VIEWER)
    assert (await site.call("GET", SESSION, headers=headers)).status == 200
    revoked = await site.call("DELETE", "/api/v1/tokens/1", role=Role.ADMINISTRATOR)
    assert revoked.status == 204
    assert (await site.call("GET", SESSION, headers=headers)).status == 401


async def test_a_password_that_is_set_anew_while_it_is_looked_at_opens_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts = site.fakes.accounts
    opens = accounts.open_session

    async def late(hash_: str, user: str, address: str) -> None:
        await accounts.set_password(user, "another", "local")
        await opens(hash_, user, address)

    monkeypatch.setattr(accounts, "open_session", late)
    refused = await site.call("POST", SESSION, json=form())
    assert refused.status == 401
    assert "Set-Cookie" not in refused.headers
    assert accounts.open == {}
