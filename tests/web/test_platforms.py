import pytest

from tests.web.conftest import Site
from vidgate.model.user import Role

PLATFORMS = "/api/v1/platforms"


async def test_platforms_are_listed_with_their_channels(site: Site) -> None:
    told = await (await site.call("GET", PLATFORMS, role=Role.VIEWER)).json()
    assert told["items"] == [
        {
            "id": "fire",
            "name": "应急",
            "slots": 16,
            "describe_parallel": 16,
            "quota": 0,
            "describe_proves": False,
            "resolver": "static",
            "channels": 1,
        }
    ]


async def test_only_what_was_sent_is_set(site: Site) -> None:
    body = {"slots": 4}
    response = await site.call("PUT", f"{PLATFORMS}/fire", role=Role.ENGINEER, json=body)
    assert (await response.json())["slots"] == 4
    assert site.fakes.registry.calls == [("platform", "fire", body, "token 1 test")]


async def test_put_adds_and_patch_does_not(site: Site) -> None:
    body = {"quota": 244}
    missing = await site.call("PATCH", f"{PLATFORMS}/new", role=Role.ENGINEER, json=body)
    assert missing.status == 404
    made = await site.call("PUT", f"{PLATFORMS}/new", role=Role.ENGINEER, json=body)
    assert (await made.json())["quota"] == 244


@pytest.mark.parametrize("body", [{"slots": -1}, {"describe_parallel": 0}, {"slot": 1}, "x"])
async def test_a_wrong_platform_is_refused(site: Site, body: object) -> None:
    response = await site.call("PUT", f"{PLATFORMS}/fire", role=Role.ENGINEER, json=body)
    assert response.status == 400
    assert site.fakes.registry.calls == []
