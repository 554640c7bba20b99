from dataclasses import replace

from tests.web.conftest import Site
from vidgate.model.health import Reason, State
from vidgate.model.incident import Cause, Departure, Incident, Member, Note
from vidgate.model.user import Role

API = "/api/v1/alarms"


def incident(number: int, **more: object) -> Incident:
    member = Member(channel="Camera-1", since=10.0, state=State.DOWN, reason=Reason.TIMEOUT)
    known: dict[str, object] = {"cause": Cause.PLATFORM, "subject": "p", "opened": 10.0}
    members = {
        "Camera-1": member,
        "b": replace(member, channel="b", until=12.0, departure=Departure.LEFT_OVER),
    }
    return Incident(id=number, members=members, **known | more)  # type: ignore[arg-type]


async def test_lists_what_waits_for_a_person(site: Site) -> None:
    note = Note(time=1.0, actor="li", action="acknowledge", text="")
    site.fakes.alarms.incidents = {
        1: incident(1, ended=20.0),
        2: incident(2, acknowledged=note),
        3: incident(3),
    }

    async def listed(query: str = "") -> list[int]:
        response = await site.call("GET", API + query, role=Role.VIEWER)
        assert response.status == 200, await response.text()
        return [item["id"] for item in (await response.json())["items"]]

    assert await listed() == [2, 3]
    assert await listed("?attention=open") == [3]
    assert await listed("?attention=closed") == [1]
    assert await listed("?attention=all&limit=2") == [1, 2]
    response = await site.call("GET", f"{API}?attention=all&limit=2", role=Role.VIEWER)
    assert (await response.json())["total"] == 3
    response = await site.call("GET", f"{API}?attention=green", role=Role.VIEWER)
    assert response.status == 400


async def test_lists_what_is_asked_for(site: Site) -> None:
    site.fakes.alarms.incidents = {
        1: incident(1),
        2: incident(2, cause=Cause.SCATTERED, subject=""),
    }
    query = {"cause": "scattered", "platform": "p", "area": "城关镇", "since": "7d", "until": "1d"}
    response = await site.call("GET", API, role=Role.VIEWER, params=query)
    assert [item["id"] for item in (await response.json())["items"]] == [2]
    assert site.fakes.alarms.asked == [({"platform": "p", "area": "城关镇"}, "7d", "1d")]
    for nonsense in ("cause=green", "platform=" + "x" * 65, "since=" + "1" * 41, "place=x"):
        response = await site.call("GET", f"{API}?{nonsense}", role=Role.VIEWER)
        assert response.status == 400


async def test_shows_the_channels_those_that_still_fail_first(site: Site) -> None:
    site.fakes.alarms.incidents = {3: incident(3)}
    site.fakes.alarms.said = [(3, "li", "note", "no power")]
    told = await (await site.call("GET", f"{API}/3", role=Role.AUDITOR)).json()
    assert (told["channels"], told["failing"], told["severity"]) == (2, 1, "critical")
    assert [(one["channel"], one["until"], one["departure"]) for one in told["members"]] == [
        ("Camera-1", None, None),
        ("b", 12.0, "left_over"),
    ]
    assert told["notes"] == [{"time": 5.0, "actor": "li", "action": "note", "text": "no power"}]


async def test_people_see_to_it_under_their_own_names(site: Site) -> None:
    site.fakes.alarms.incidents = {3: incident(3)}
    for verb, body in (("acknowledge", {}), ("note", {"text": "x"}), ("close", {"text": "y"})):
        response = await site.call("POST", f"{API}/3/{verb}", role=Role.OPERATOR, json=body)
        assert response.status == 200
        assert (await response.json())["id"] == 3
        refused = await site.call("POST", f"{API}/3/{verb}", role=Role.VIEWER, json=body)
        assert refused.status == 403
    actors = {actor for _, actor, _, _ in site.fakes.alarms.said}
    assert len(actors) == 1
    assert [(verb, text) for _, _, verb, text in site.fakes.alarms.said] == [
        ("acknowledge", ""),
        ("note", "x"),
        ("close", "y"),
    ]


async def test_nonsense_is_told(site: Site) -> None:
    for path in ("/9", "/abc", "/99999999999999999999", "/-1"):
        assert (await site.call("GET", API + path, role=Role.VIEWER)).status == 404
    long = await site.call("POST", f"{API}/3/note", role=Role.OPERATOR, json={"text": "x" * 501})
    assert long.status == 400
