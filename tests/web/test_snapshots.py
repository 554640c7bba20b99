from email.utils import parsedate_to_datetime

from tests.web.conftest import Site
from vidgate.model.user import Role
from vidgate.storage.snapshots import Snapshot

PATH = "/api/v1/channels/CAMERA-1/snapshot"


async def test_the_last_picture_comes_with_its_age(site: Site) -> None:
    taken = site.clock.wall() - 180
    site.fakes.snapshots.kept["Camera-1"] = Snapshot(b"\xff\xd8jpeg", taken)
    response = await site.call("GET", PATH, role=Role.VIEWER)
    assert (response.status, response.content_type) == (200, "image/jpeg")
    assert (await response.text("latin-1")).encode("latin-1") == b"\xff\xd8jpeg"
    assert response.headers["Age"] == "180"
    assert parsedate_to_datetime(response.headers["Last-Modified"]).timestamp() == int(taken)
    assert response.headers["Cache-Control"] == "no-store"
    (note,) = site.fakes.trail.notes
    assert (note.action, note.object) == ("snapshot.watch", "Camera-1")


async def test_without_a_picture_it_is_said_why(site: Site) -> None:
    response = await site.call("GET", PATH, role=Role.VIEWER)
    problem = await response.json()
    assert (response.status, problem["code"]) == (404, "no_picture")
    assert problem["hint"]
    missing = await site.call("GET", "/api/v1/channels/none/snapshot", role=Role.VIEWER)
    assert (await missing.json())["code"] == "not_found"


async def test_who_may_not_watch_gets_no_picture(site: Site) -> None:
    site.fakes.snapshots.kept["Camera-1"] = Snapshot(b"\xff\xd8jpeg", 1.0)
    assert (await site.call("GET", PATH, role=Role.AUDITOR)).status == 403
    assert (await site.call("GET", PATH)).status == 401
    body = {"stream": "camera-3"}
    made = await site.call("POST", "/api/v1/tickets", role=Role.VIEWER, json=body)
    ticket = {"Authorization": f"Bearer {(await made.json())['ticket']}"}
    assert (await site.call("GET", PATH, headers=ticket)).status == 403
