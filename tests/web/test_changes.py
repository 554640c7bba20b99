import pytest

from tests.web.conftest import Site
from vidgate.model.user import Role
from vidgate.registry.changesets import ChangeRow
from vidgate.web.changes import row_view

CHANGES = "/api/v1/changes"


async def test_the_changes_newest_first(site: Site) -> None:
    told = await (await site.call("GET", CHANGES, role=Role.VIEWER)).json()
    assert told["items"][0]["id"] == 1
    assert told["items"][0]["actor"] == "wang"


async def test_a_change_has_all_its_rows(site: Site) -> None:
    told = await (await site.call("GET", f"{CHANGES}/1", role=Role.ENGINEER)).json()
    assert told["action"] == "import"
    assert len(told["rows"]) == 450
    assert told["rows"][0] == {
        "kind": "channel",
        "id": "c0",
        "action": "created",
        "before": None,
        "after": {"name": "新"},
    }
    assert told["rows"][1]["before"] == {"name": "旧"}


@pytest.mark.parametrize("number", ["2", "x", "-1", "1e3", "9" * 40])
async def test_a_change_that_is_not_there(site: Site, number: str) -> None:
    assert (await site.call("GET", f"{CHANGES}/{number}", role=Role.ENGINEER)).status == 404


async def test_undoing_what_was_touched_since_is_a_conflict(site: Site) -> None:
    response = await site.call("POST", f"{CHANGES}/1/undo", role=Role.ENGINEER)
    assert response.status == 409
    told = await response.json()
    assert (told["code"], told["hint"]) == ("conflict", "undo the later change first")
    assert site.fakes.registry.calls == [("undo", 1, "token 1 test")]


def test_a_sealed_login_is_not_in_a_row() -> None:
    row = ChangeRow("credential", "nvr", None, {"username": "admin", "sealed": "c2VjcmV0"})
    assert row_view(row)["after"] == {"username": "admin", "password": "***"}
