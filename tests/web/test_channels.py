import gzip
import json

import pytest

from tests.web.conftest import Site
from vidgate.model.channel import Channel
from vidgate.model.health import State
from vidgate.model.user import Role
from vidgate.registry.bulk import Wish

CHANNELS = "/api/v1/channels"


async def test_the_list_has_every_channel_in_register_order(site: Site) -> None:
    response = await site.call("GET", CHANNELS, role=Role.VIEWER)
    told = await response.json()
    assert told["total"] == 3
    assert [item["id"] for item in told["items"]] == ["Camera-1", "camera-2", "camera-3"]
    assert told["items"][0] == {
        "id": "Camera-1",
        "name": "城关镇河堤",
        "number": 1,
        "state": "up",
        "reason": "ok",
        "since": 5.0,
        "level": "media",
        "kind": "rtsp",
        "platform": "",
        "department": "公安",
        "area": "城关镇",
        "lifecycle": "accepted",
        "enabled": True,
        "pinyin": "cgzhd chengguanzhenhedi",
        "tags": ["river"],
        "has_sub": True,
        "declared_status": None,
        "differs": [],
    }


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("q=cgz", ["Camera-1"]),
        ("q=河堤", ["Camera-1"]),
        ("q=CAMERA-3", ["camera-3"]),
        ("q=camera 哨", ["camera-3"]),
        ("q=nothing", []),
        ("platform=fire", ["camera-3"]),
        ("department=公安", ["Camera-1"]),
        ("department=", ["camera-2"]),
        ("area=城关镇", ["Camera-1"]),
        ("state=down", ["camera-2"]),
        ("limit=1&offset=1", ["camera-2"]),
        ("limit=0", []),
        ("offset=2", ["camera-3"]),
    ],
)
async def test_the_list_can_be_narrowed(site: Site, query: str, ids: list[str]) -> None:
    site.fakes.health.states["camera-2"] = State.DOWN
    response = await site.call("GET", f"{CHANNELS}?{query}", role=Role.VIEWER)
    assert [item["id"] for item in (await response.json())["items"]] == ids


@pytest.mark.parametrize(
    "query", ["state=alive", "limit=-1", "limit=x", "stat=up", "q=" + "x" * 200]
)
async def test_a_wrong_query_is_explained(site: Site, query: str) -> None:
    response = await site.call("GET", f"{CHANNELS}?{query}", role=Role.VIEWER)
    assert response.status == 400
    assert (await response.json())["code"] == "bad_input"


async def test_a_fleet_is_gzipped_and_complete(site: Site) -> None:
    fleet = [Channel(id=f"c{number}", name=f"城关镇{number}") for number in range(2743)]
    site.fakes.registry.channels = {channel.id: channel for channel in fleet}
    headers = site.bearer(Role.VIEWER) | {"Accept-Encoding": "gzip"}
    async with site.client.get(
        site.url + CHANNELS, headers=headers, auto_decompress=False
    ) as response:
        body = await response.read()
        assert response.headers["Content-Encoding"] == "gzip"
        assert response.headers["Vary"] == "Accept-Encoding"
        assert response.headers["Cache-Control"] == "no-store"
    told = json.loads(gzip.decompress(body))
    assert told["total"] == len(told["items"]) == 2743
    assert told["items"][-1]["id"] == "c2742"
    plain = await site.call("GET", CHANNELS, role=Role.VIEWER, headers={"Accept-Encoding": "br"})
    assert "Content-Encoding" not in plain.headers
    assert await plain.json() == told


async def test_a_channel_is_shown_with_its_health_and_no_password(site: Site) -> None:
    response = await site.call("GET", f"{CHANNELS}/CAMERA-1", role=Role.ENGINEER)
    text = await response.text()
    told = json.loads(text)
    assert told["url"] == "rtsp://10.1.2.3/main"
    assert told["credential"] == "nvr"
    assert told["tags"] == ["river"]
    assert told["state"] == told["health"]["state"] == "up"
    assert "hunter2" not in text


async def test_addresses_are_for_those_who_may_edit(site: Site) -> None:
    for role in (Role.VIEWER, Role.OPERATOR, Role.AUDITOR):
        response = await site.call("GET", f"{CHANNELS}/camera-1", role=role)
        assert "10.1.2.3" not in await response.text(), role
        assert "nvr" not in await response.text(), role


async def test_an_unknown_channel_is_a_problem(site: Site) -> None:
    response = await site.call("GET", f"{CHANNELS}/camera-9", role=Role.VIEWER)
    assert response.status == 404
    told = await response.json()
    assert told["code"] == "not_found"
    assert told["title"] == "不存在"
    assert told["status"] == 404


async def test_a_channel_is_added_changed_and_removed_by_somebody(site: Site) -> None:
    body = {"id": "new-1", "name": "新", "port": 554, "username": "u", "password": "secret"}
    made = await site.call("POST", CHANNELS, role=Role.ENGINEER, json=body)
    assert made.status == 201
    assert made.headers["Location"] == f"{CHANNELS}/new-1"
    assert "secret" not in await made.text()
    twice = await site.call("POST", CHANNELS, role=Role.ENGINEER, json=body)
    assert twice.status == 409
    changed = await site.call(
        "PATCH", f"{CHANNELS}/new-1", role=Role.ENGINEER, json={"name": "名", "tags": ["a"]}
    )
    assert (await changed.json())["name"] == "名"
    removed = await site.call("DELETE", f"{CHANNELS}/new-1", role=Role.ENGINEER)
    assert removed.status == 204
    actor = "token 1 test"
    assert site.fakes.registry.calls == [
        ("add", body, actor),
        ("add", body, actor),
        ("set", "new-1", {"name": "名", "tags": ["a"]}, actor),
        ("remove", "new-1", actor),
    ]


@pytest.mark.parametrize(
    "body", ["{}", '{"nam": "x"}', '{"name": {}}', "[1]", "{", '{"name": "\\ud800"}', ""]
)
async def test_a_wrong_change_is_refused_before_the_register(site: Site, body: str) -> None:
    response = await site.call(
        "PATCH",
        f"{CHANNELS}/camera-1",
        role=Role.ENGINEER,
        data=body,
        headers={"Content-Type": "application/json"},
    )
    assert response.status == 400
    assert site.fakes.registry.calls == []


async def test_a_wrong_body_is_not_repeated(site: Site) -> None:
    response = await site.call(
        "PATCH",
        f"{CHANNELS}/camera-1",
        role=Role.ENGINEER,
        json={"password": {"value": "hunter2"}, "hunter3": 1},
    )
    assert response.status == 400
    assert "hunter2" not in await response.text()


@pytest.mark.parametrize("dry_run", [False, True])
async def test_many_channels_are_changed_at_once(site: Site, dry_run: bool) -> None:
    body = {
        "ids": ["Camera-1", "camera-2"],
        "fields": {"area": "新", "enabled": False},
        "add_tags": ["防汛"],
        "dry_run": dry_run,
    }
    response = await site.call("PATCH", CHANNELS, json=body, role=Role.ENGINEER)
    assert await response.json() == {
        "change": None if dry_run else 7,
        "updated": 1,
        "unchanged": 1,
        "revisions": {"Camera-1": 1},
        "rows": [
            {
                "kind": "channel",
                "id": "Camera-1",
                "action": "updated",
                "before": {"area": "旧"},
                "after": {"area": "新"},
            }
        ],
    }
    wish = Wish({"area": "新", "enabled": False}, ["防汛"], [])
    (call,) = site.fakes.registry.calls
    assert call[:3] == ("set_many", ["Camera-1", "camera-2"], wish)
    assert call[4] is dry_run


@pytest.mark.parametrize("given", ['"1"', '"7", "1"', "*", None])
async def test_what_was_seen_may_be_changed(site: Site, given: str | None) -> None:
    shown = await site.call("GET", f"{CHANNELS}/camera-1", role=Role.ENGINEER)
    assert shown.headers["ETag"] == '"1"'
    headers = {"If-Match": given} if given else {}
    tries: list[tuple[str, str, dict[str, object] | None]] = [
        ("PATCH", CHANNELS, {"ids": ["Camera-1"], "fields": {"area": "新"}}),
        ("PATCH", f"{CHANNELS}/camera-1", {"name": "新"}),
        ("DELETE", f"{CHANNELS}/camera-1", None),
    ]
    for method, path, body in tries:
        response = await site.call(method, path, role=Role.ENGINEER, json=body, headers=headers)
        assert response.status < 300, path
        assert response.headers.get("ETag") == ('"1"' if body and "name" in body else None)


BODIES: dict[str, dict[str, object] | None] = {
    "PATCH": {"name": "新"},
    "DELETE": None,
    "BULK": {"ids": ["Camera-1"], "fields": {"area": "新"}},
}


@pytest.mark.parametrize("given", ['"2"', 'W/"1"', '"abc"', '"1x"', '""'])
@pytest.mark.parametrize("method", ["PATCH", "DELETE", "BULK"])
async def test_what_changed_since_is_left_alone(site: Site, given: str, method: str) -> None:
    path, body = f"{CHANNELS}/camera-1", BODIES[method]
    if method == "BULK":
        path, method = CHANNELS, "PATCH"
    headers = {"If-Match": given}
    response = await site.call(method, path, role=Role.ENGINEER, json=body, headers=headers)
    assert response.status == 412
    assert response.content_type == "application/problem+json"
    told = await response.json()
    assert (told["code"], told["title"]) == ("precondition_failed", "已被他人修改")
    assert "Camera-1" in told["detail"]


async def test_a_bulk_edit_says_what_it_has_seen_of_each(site: Site) -> None:
    body = {"ids": ["Camera-1", "camera-2"], "fields": {"area": "新"}}
    for revisions, status in (({"camera-1": 1}, 200), ({"Camera-1": 1, "camera-2": 2}, 412)):
        sent = body | {"revisions": revisions}
        response = await site.call("PATCH", CHANNELS, role=Role.ENGINEER, json=sent)
        assert response.status == status


@pytest.mark.parametrize("given", ["1", '"1', '"1" "2"', "*, *", ""])
async def test_a_condition_that_is_none_is_no_permission(site: Site, given: str) -> None:
    headers = {"If-Match": given}
    response = await site.call(
        "PATCH", f"{CHANNELS}/camera-1", role=Role.ENGINEER, json={"name": "新"}, headers=headers
    )
    assert response.status == 400
    assert site.fakes.registry.calls == []


async def test_a_whole_fleet_fits_into_one_bulk_edit(site: Site) -> None:
    ids = [f"{number:020d}" for number in range(20_000)]
    body = {"ids": ids, "fields": {"area": "新"}}
    response = await site.call("PATCH", CHANNELS, json=body, role=Role.ENGINEER)
    assert response.status == 200


@pytest.mark.parametrize("body", [{}, {"ids": []}, {"ids": ["c"], "fields": {"nmae": "x"}}])
async def test_a_wrong_bulk_edit_is_refused(site: Site, body: dict[str, object]) -> None:
    response = await site.call("PATCH", CHANNELS, json=body, role=Role.ENGINEER)
    assert response.status == 400
    assert site.fakes.registry.calls == []


async def test_a_channel_says_how_its_streams_were_carried(site: Site) -> None:
    found = await (await site.call("GET", f"{CHANNELS}/camera-1", role=Role.VIEWER)).json()
    assert found["transports"] == [
        {"variant": "main", "transport": "udp", "reason": "TCP was refused: 461"}
    ]
    found = await (await site.call("GET", f"{CHANNELS}/camera-2", role=Role.VIEWER)).json()
    assert found["transports"] == []


@pytest.mark.parametrize(("role", "told"), [(Role.ENGINEER, ["port"]), (Role.VIEWER, [])])
async def test_doubts_are_for_who_may_edit(site: Site, role: Role, told: list[str]) -> None:
    channel = Channel(id="d", name="n", port=8000)
    site.fakes.registry.channels["d"] = channel
    shown = await (await site.call("GET", f"{CHANNELS}/d", role=role)).json()
    assert [one["field"] for one in shown["warnings"]] == told


async def test_too_many_at_once_is_said_in_chinese_first(site: Site) -> None:
    body = {"ids": [f"c{number}" for number in range(20_001)], "fields": {"area": "x"}}
    response = await site.call("PATCH", CHANNELS, role=Role.ENGINEER, json=body)
    assert response.status == 400
    assert (await response.json())["detail"].startswith(
        "ids: 最多 20000 项，请分批 / at most 20000"
    )
