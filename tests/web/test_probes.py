import json
from typing import Any

import aiohttp
import pytest

from tests.web.conftest import Site
from vidgate.model.health import Level, State
from vidgate.model.user import Role
from vidgate.web.probes import COUNTED

PROBES = "/api/v1/probes"


async def probe(site: Site, body: dict[str, Any]) -> list[dict[str, Any]]:
    response = await site.call("POST", PROBES, role=Role.OPERATOR, json=body)
    assert response.status == 200
    assert response.content_type == "application/x-ndjson"
    return [json.loads(line) for line in (await response.text()).splitlines()]


async def test_progress_and_then_the_document(site: Site) -> None:
    site.fakes.health.states["camera-3"] = State.DOWN
    lines = await probe(site, {"ids": ["CAMERA-1", "camera-3", "camera-1"], "level": "media"})
    assert lines[0] == {"done": 0, "total": 2}
    assert lines[-2] == {"done": 2, "total": 2}
    document = lines[-1]
    assert document["level"] == "media"
    assert document["total"] == 2
    assert document["up"] == 1
    assert document["states"] == {"up": 1, "down": 1}
    assert document["seconds"] >= 0
    assert document["items"][0] == {
        "id": "Camera-1",
        "state": "up",
        "reason": "ok",
        "t0": 7.0,
        "t1": 7.01,  # an instant like t0
        "t2": None,
        "t3": None,
        **dict.fromkeys(COUNTED),  # not measured
    }
    assert site.fakes.health.asked == [(["Camera-1", "camera-3"], Level.MEDIA)]


async def test_all_means_all_that_are_counted(site: Site) -> None:
    await probe(site, {"all": True})
    await probe(site, {"department": "公安"})
    assert site.fakes.health.asked == [
        (["Camera-1", "camera-3"], Level.DESCRIBE),  # camera-2 is disabled
        (["Camera-1"], Level.DESCRIBE),
    ]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"all": True, "department": "公安"}, 400),
        ({"ids": []}, 400),
        ({"ids": ["camera-9"]}, 404),
        ({"all": True, "level": "deep"}, 400),
        ({"all": True, "force": True}, 400),
    ],
)
async def test_a_wrong_request_is_refused(site: Site, body: dict[str, Any], status: int) -> None:
    response = await site.call("POST", PROBES, role=Role.OPERATOR, json=body)
    assert response.status == status
    assert site.fakes.health.asked == []


async def test_a_failure_on_the_way_is_the_last_line(site: Site) -> None:
    site.fakes.health.breaks_after = 1
    lines = await probe(site, {"all": True})
    assert lines[-1]["code"] == "remote"
    assert "items" not in lines[-1]


async def test_a_bug_on_the_way_cuts_the_stream_and_writes_nothing_into_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(result: object) -> State:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(site.fakes.health, "judge", broken)
    headers = site.bearer(Role.OPERATOR)
    async with site.client.post(site.url + PROBES, json={"all": True}, headers=headers) as answer:
        assert answer.status == 200
        lines = [await answer.content.readline() for _ in range(2)]
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.content.read()
    assert [json.loads(line)["total"] for line in lines] == [2, 2]


async def test_a_department_that_nobody_has_is_not_found(site: Site) -> None:
    body = {"department": "公按"}
    response = await site.call("POST", PROBES, role=Role.OPERATOR, json=body)
    assert response.status == 404
    assert (await response.json())["code"] == "not_found"


async def test_thousands_of_ids_fit_into_a_request(site: Site) -> None:
    body = {"ids": ["c" * 60] * 3000}
    response = await site.call("POST", PROBES, role=Role.OPERATOR, json=body)
    assert response.status == 404, "read, and looked for"
