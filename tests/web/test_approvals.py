from tests.web.conftest import Site
from vidgate.model.user import Role
from vidgate.registry.approvals import Decision

APPROVALS = "/api/v1/approvals"


async def test_what_waits_is_listed_with_who_submitted_it(site: Site) -> None:
    told = await (await site.call("GET", APPROVALS, role=Role.ENGINEER)).json()
    assert told["items"] == [
        {"id": "Camera-1", "change": 1, "actor": "wang", "time": 1.0},
        {"id": "camera-2", "change": None, "actor": "", "time": None},
    ]
    assert (await site.call("GET", APPROVALS, role=Role.OPERATOR)).status == 403


async def test_an_administrator_decides_about_many(site: Site) -> None:
    body = {"verdict": "reject", "ids": ["Camera-1", "camera-2"], "reason": " 画面不清 "}
    assert (await site.call("POST", APPROVALS, role=Role.ENGINEER, json=body)).status == 403
    done = await site.call("POST", APPROVALS, role=Role.ADMINISTRATOR, json=body)
    assert (await done.json())["change"] == 8
    decision = Decision("reject", ["Camera-1", "camera-2"], "画面不清")
    assert site.fakes.registry.calls == [("decide", decision, "token 2 test")]


async def test_nothing_is_sent_back_without_a_reason(site: Site) -> None:
    for body in (
        {"verdict": "reject", "ids": ["Camera-1"], "reason": "  "},
        {"verdict": "perhaps", "ids": ["Camera-1"]},
        {"verdict": "approve", "ids": []},
    ):
        refused = await site.call("POST", APPROVALS, role=Role.ADMINISTRATOR, json=body)
        assert refused.status == 400, body
    assert site.fakes.registry.calls == []
