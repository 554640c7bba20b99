import pytest

from tests.web.conftest import Site
from vidgate.model.user import Role

TOKENS = "/api/v1/tokens"


async def test_a_token_is_shown_once_and_works(site: Site) -> None:
    body = {"role": "engineer", "name": "探测脚本"}
    response = await site.call("POST", TOKENS, role=Role.ADMINISTRATOR, json=body)
    assert response.status == 201
    made = await response.json()
    assert made["role"] == "engineer"
    assert made["token"].startswith("vg_")

    headers = {"Authorization": f"Bearer {made['token']}"}
    who = await (await site.call("GET", "/api/v1/session", headers=headers)).json()
    assert who["user"]["role"] == "engineer"
    assert "探测脚本" in who["user"]["name"]

    listed = await site.call("GET", TOKENS, role=Role.ADMINISTRATOR)
    assert made["token"] not in await listed.text()
    assert [item["name"] for item in (await listed.json())["items"]] == ["test", "探测脚本"]


@pytest.mark.parametrize("id_", ["99", "x", "-1", "9" * 30, "１"])
async def test_an_unknown_token_cannot_be_revoked(site: Site, id_: str) -> None:
    response = await site.call("DELETE", f"{TOKENS}/{id_}", role=Role.ADMINISTRATOR)
    assert response.status == 404


@pytest.mark.parametrize(
    "body", [{}, {"role": "king"}, {"role": "viewer", "nam": "x"}, [], {"role": None}]
)
async def test_a_wrong_body_is_explained(site: Site, body: object) -> None:
    response = await site.call("POST", TOKENS, role=Role.ADMINISTRATOR, json=body)
    assert response.status == 400
    assert (await response.json())["code"] == "bad_input"
