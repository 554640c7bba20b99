from tests.web.conftest import Site
from vidgate.health.maintenance import Booking
from vidgate.model.maintenance import Scope
from vidgate.model.user import Role

API = "/api/v1/maintenance"
BODY = {"scope": "channel", "subject": "Camera-1", "from": "2h", "until": "4h", "reason": "moved"}


async def test_engineers_add_list_and_end_windows(site: Site) -> None:
    made = await site.call("POST", API, role=Role.ENGINEER, json=BODY)
    assert made.status == 201
    told = await made.json()
    assert (told["scope"], told["subject"], told["end"], told["now"]) == (
        "channel",
        "Camera-1",
        None,
        True,
    )
    booking, actor, may_excuse = site.fakes.maintenance.asked[-1]
    assert booking == Booking(Scope.CHANNEL, "Camera-1", "2h", "4h", "moved")
    assert may_excuse is False
    for query, number in (("", 1), ("?past=true", 1), ("?channel=camera-1", 1)):
        listed = await site.call("GET", API + query, role=Role.VIEWER)
        assert len((await listed.json())["items"]) == number
    ended = await site.call("POST", f"{API}/1/end", role=Role.ADMINISTRATOR)
    assert ended.status == 200
    assert site.fakes.maintenance.asked[-1][2] is True  # who accepts may excuse


async def test_nonsense_is_told(site: Site) -> None:
    for body in ({}, BODY | {"scope": "moon"}, BODY | {"reason": None}, BODY | {"x": 1}):
        assert (await site.call("POST", API, role=Role.ENGINEER, json=body)).status == 400
    assert (await site.call("POST", API, role=Role.OPERATOR, json=BODY)).status == 403
    assert (await site.call("POST", f"{API}/7/end", role=Role.ENGINEER)).status == 404
    assert (await site.call("GET", f"{API}?channel=nosuch", role=Role.VIEWER)).status == 404
