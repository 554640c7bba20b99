"""`vidgate token`."""

from tests.cli.conftest import FakeService, Vidgate


async def test_create_prints_the_token_alone_on_stdout(
    service: FakeService, vidgate: Vidgate
) -> None:
    service.answer("POST", "/tokens", {"token": "vg_x", "id": "t1"}, 201)
    ended = await vidgate("token", "create", "--role", "viewer", "--name", "监控")
    assert ended.status == 0
    assert ended.out == "vg_x\n"
    assert service.asked[0].body == {"role": "viewer", "name": "监控"}
    ended = await vidgate("token", "create", "--role", "viewer", "--json")
    assert ended.document["token"] == "vg_x"


async def test_list_and_revoke(service: FakeService, vidgate: Vidgate) -> None:
    found = {"items": [{"id": "t1", "name": "监控", "role": "viewer", "created": 1.7e9}]}
    service.answer("GET", "/tokens", found)
    service.give("DELETE", "/tokens/t1", b"")
    assert "监控" in (await vidgate("token", "list")).out
    assert (await vidgate("token", "list", "--json")).document == found
    ended = await vidgate("token", "revoke", "t1")
    assert ended.status == 0
    assert service.asked[-1].method == "DELETE"
