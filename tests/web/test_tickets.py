import pytest

from tests.web.conftest import Site
from vidgate.model.user import Role

TICKETS = "/api/v1/tickets"


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
