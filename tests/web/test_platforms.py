from dataclasses import replace

import pytest

from tests.web.conftest import Site
from vidgate.errors import ForbiddenPlaceError
from vidgate.model.channel import Channel, Lifecycle
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
            "options": {},
            "channels": 1,
            "delivered": 1,
            "delivery_rate": None,
            "lifecycles": {"accepted": 1},
            "without_address": None,
            "demand": {
                "needed": 6.5,
                "seconds": 3.2,
                "wished": 1800.0,
                "periods": {"1": 1800.0, "9": 3600.0},
                "is_stretched": True,
                "held": 0,
                "is_short": True,
            },
        }
    ]


async def test_planned_channels_are_owed_and_suspended_ones_were_delivered(site: Site) -> None:
    registry = site.fakes.registry
    for number, step in enumerate(Lifecycle):
        id_ = f"more-{number}"
        registry.channels[id_] = Channel(id=id_, name=id_, platform="fire", lifecycle=step)
    registry.platforms["fire"] = replace(registry.platforms["fire"], quota=8)
    told = await (await site.call("GET", PLATFORMS, role=Role.VIEWER)).json()
    fire = told["items"][0]
    assert (fire["channels"], fire["delivered"], fire["delivery_rate"]) == (6, 3, 0.375)
    assert fire["lifecycles"]["planned"] == 1


async def test_where_addresses_are_asked_for_is_told_to_who_may_edit(site: Site) -> None:
    registry = site.fakes.registry
    options = {"endpoint": "http://10.0.0.1/x"}
    registry.platforms["fire"] = replace(
        registry.platforms["fire"], resolver="http", options=options
    )
    seen = {}
    for role in (Role.VIEWER, Role.ENGINEER):
        told = await (await site.call("GET", PLATFORMS, role=role)).json()
        seen[role] = told["items"][0]["options"]
    assert seen == {Role.VIEWER: {}, Role.ENGINEER: options}


async def test_only_what_was_sent_is_set(site: Site) -> None:
    body = {"slots": 4}
    response = await site.call("PUT", f"{PLATFORMS}/fire", role=Role.ENGINEER, json=body)
    told = await response.json()
    assert (told["slots"], told["without_address"]) == (4, 1)
    assert site.fakes.registry.calls == [("platform", "fire", body, "token 1 test")]


async def test_an_address_that_the_settings_forbid_is_pointed_at(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def forbid(*_: object) -> None:
        raise ForbiddenPlaceError(
            "endpoint: 不允许", pointer="/options/endpoint", hint="media.deny"
        )

    monkeypatch.setattr(site.fakes.registry, "set_platform", forbid)
    response = await site.call("PUT", f"{PLATFORMS}/fire", role=Role.ENGINEER, json={"slots": 4})
    assert response.status == 422
    told = await response.json()
    assert told["code"] == "place_forbidden"
    assert told["errors"] == [{"detail": "endpoint: 不允许", "pointer": "#/options/endpoint"}]


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
