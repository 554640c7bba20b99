import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from tests.waiting import until
from tests.web.conftest import SETTINGS, Site
from vidgate.auth.opaque import fingerprint
from vidgate.model.user import Role
from vidgate.web import server as server_module
from vidgate.web.keyring import KEEP
from vidgate.web.server import WebServer

TICKETS = "/api/v1/tickets"
BODY = {"stream": "camera-1"}


async def ticket(site: Site, **given: Any) -> dict[str, str]:
    """The headers of a page that was handed a ticket for camera-1."""
    made = await site.call("POST", TICKETS, json=BODY, **given)
    assert made.status == 201
    return {
        "Authorization": f"Bearer {(await made.json())['ticket']}",
        "Content-Type": "application/sdp",
    }


async def watch(site: Site, headers: dict[str, str]) -> aiohttp.ClientResponse:
    """A page's request: it has a ticket and no cookie."""
    async with (
        aiohttp.ClientSession() as page,
        page.post(f"{site.url}/whep/camera-1", data=b"v=0", headers=headers) as answer,
    ):
        await answer.read()
    return answer


async def revoke(site: Site) -> None:
    id_ = (await site.fakes.accounts.tokens())[0].id
    done = await site.call("DELETE", f"/api/v1/tokens/{id_}", role=Role.ADMINISTRATOR)
    assert done.status == 204


async def sign_out(site: Site) -> None:
    done = await site.call("DELETE", "/api/v1/session", headers=site.origin())
    assert done.status == 204


async def by_token(site: Site) -> dict[str, str]:
    return await ticket(site, role=Role.VIEWER)


async def by_session(site: Site) -> dict[str, str]:
    await site.sign_in()
    return await ticket(site, headers=site.origin())


@pytest.mark.parametrize(
    ("issued", "end"),
    [(by_token, revoke), (by_session, sign_out), (by_session, Site.sign_in)],
    ids=["token revoke", "sign-out", "signing in anew"],
)
async def test_a_ticket_ends_with_the_token_or_session_behind_it(
    site: Site,
    issued: Callable[[Site], Awaitable[dict[str, str]]],
    end: Callable[[Site], Awaitable[None]],
) -> None:
    headers = await issued(site)
    assert (await watch(site, headers)).status == 201
    assert len(site.fakes.whep.sessions) == 1
    await end(site)
    assert site.fakes.whep.sessions == {}, "it watched on"
    refused = await watch(site, headers)
    assert refused.status == 401
    told = await refused.json()
    assert told["code"] == "not_authenticated"
    assert "票据" in told["detail"] and told["hint"]  # noqa: PT018
    assert site.fakes.whep.sessions == {}


async def test_a_ticket_is_worth_what_its_issuer_is_worth_today(site: Site) -> None:
    headers, accounts = await by_session(site), site.fakes.accounts
    assert (await watch(site, headers)).status == 201
    accounts.all["operator"] = replace(accounts.all["operator"], role=Role.AUDITOR)
    site.clock.advance(KEEP)
    assert (await watch(site, headers)).status == 403
    accounts.open.clear()  # so the database answers for a user that is disabled or gone, too
    site.clock.advance(KEEP)
    assert (await watch(site, headers)).status == 401


async def test_what_a_ticket_opened_ends_with_the_age_of_the_session_behind_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "SWEEP", 0.02)
    fakes = site.fakes
    await fakes.accounts.open_session(fingerprint("s"), "viewer", "")
    async with WebServer(fakes.parts(), SETTINGS) as server:
        aged = replace(site, server=server)
        mine = {"headers": {"Cookie": "vidgate=s", "Origin": aged.url}}
        assert (await watch(aged, await ticket(aged, **mine))).status == 201
        fakes.accounts.open.clear()
        await until(lambda: not fakes.whep.sessions)


async def test_who_is_revoked_while_the_camera_is_asked_does_not_get_in(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers, open_ = await by_token(site), site.fakes.whep.open
    asked, answer = asyncio.Event(), asyncio.Event()

    async def slow(*args: Any, **more: Any) -> Any:
        asked.set()
        await answer.wait()
        return await open_(*args, **more)

    monkeypatch.setattr(site.fakes.whep, "open", slow)
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(watch(site, headers))
        await asked.wait()
        await revoke(site)
        answer.set()
    assert watching.result().status == 401
    assert site.fakes.whep.sessions == {}


async def test_the_revocation_of_another_ends_nobody(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    _ = site.bearer(Role.AUDITOR)  # the first, which is revoked
    headers, open_ = await by_token(site), site.fakes.whep.open

    async def meanwhile(*args: Any, **more: Any) -> Any:
        await revoke(site)
        return await open_(*args, **more)

    monkeypatch.setattr(site.fakes.whep, "open", meanwhile)
    assert (await watch(site, headers)).status == 201
    assert len(site.fakes.whep.sessions) == 1


async def test_a_ticket_is_for_sixty_seconds_and_one_stream(site: Site) -> None:
    response = await site.call("POST", TICKETS, role=Role.VIEWER, json={"stream": "CAMERA-1"})
    assert response.status == 201
    made = await response.json()
    assert made["expires"] == site.clock.wall() + 60

    headers = {
        "Authorization": f"Bearer {made['ticket']}",
        "Content-Type": "application/sdp",
    }
    watch = await site.call("POST", "/whep/camera-1", data=b"v=0", headers=headers)
    assert watch.status == 201
    other = await site.call("POST", "/whep/camera-3", data=b"v=0", headers=headers)
    assert other.status == 403

    site.clock.advance(61)
    late = await site.call("POST", "/whep/camera-1", data=b"v=0", headers=headers)
    assert late.status == 401
    # The session that it began may still be ended with it.
    ended = await site.call("DELETE", watch.headers["Location"], headers=headers)
    assert ended.status == 204


@pytest.mark.parametrize("step", [3600.0, -3600.0, 10 * 365 * 86400.0])
async def test_a_clock_that_is_put_right_makes_a_ticket_neither_older_nor_younger(
    site: Site, step: float
) -> None:
    made = await (
        await site.call("POST", TICKETS, role=Role.VIEWER, json={"stream": "camera-1"})
    ).json()
    headers = {"Authorization": f"Bearer {made['ticket']}", "Content-Type": "application/sdp"}
    site.clock.jump_wall(step)
    site.clock.advance(50)
    assert (await site.call("POST", "/whep/camera-1", data=b"v=0", headers=headers)).status == 201
    site.clock.advance(11)
    assert (await site.call("POST", "/whep/camera-1", data=b"v=0", headers=headers)).status == 401


async def test_a_ticket_does_not_beget_tickets(site: Site) -> None:
    body = {"stream": "camera-1"}
    first = await (await site.call("POST", TICKETS, role=Role.VIEWER, json=body)).json()
    headers = {"Authorization": f"Bearer {first['ticket']}"}
    assert (await site.call("POST", TICKETS, headers=headers, json=body)).status == 403


async def test_there_is_no_ticket_for_what_is_not_there(site: Site) -> None:
    response = await site.call("POST", TICKETS, role=Role.VIEWER, json={"stream": "camera-9"})
    assert response.status == 404
