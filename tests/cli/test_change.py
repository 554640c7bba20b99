"""`vidgate change`."""

from tests.cli.conftest import FakeService, Vidgate

CHANGE = {
    "id": 3,
    "time": 1_700_000_000.0,
    "actor": "admin",
    "action": "channel.set",
    "created": 0,
    "updated": 1,
    "removed": 0,
    "undoes": None,
}


async def test_list(service: FakeService, vidgate: Vidgate) -> None:
    service.answer("GET", "/changes", {"total": 1, "items": [CHANGE]})
    ended = await vidgate("change", "list")
    assert ended.status == 0
    assert "channel.set" in ended.out
    assert "change show 3" in ended.err
    assert (await vidgate("change", "list", "--json")).document["items"] == [CHANGE]


async def test_show_tells_the_difference(service: FakeService, vidgate: Vidgate) -> None:
    rows = [
        {
            "id": "a",
            "action": "updated",
            "before": {"name": "旧", "port": None},
            "after": {"name": "新", "port": 1},
        },
        {"id": "b", "action": "created", "before": None, "after": {"name": "x"}},
        {"id": "c", "action": "removed", "before": {"name": "x"}, "after": None},
    ]
    service.answer("GET", "/changes/3", CHANGE | {"rows": rows})
    ended = await vidgate("change", "show", "3")
    assert ended.status == 0
    assert "名称: 旧 > 新" in ended.out
    assert "端口:  > 1" in ended.out
    assert "移除" in ended.out


async def test_undo(service: FakeService, vidgate: Vidgate) -> None:
    service.answer("POST", "/changes/3/undo", CHANGE | {"id": 4})
    ended = await vidgate("change", "undo", "3", "--json")
    assert ended.status == 0
    assert ended.document == CHANGE | {"id": 4}


async def test_a_later_change_is_a_conflict(service: FakeService, vidgate: Vidgate) -> None:
    service.refuse("POST", "/changes/3/undo", 409, "conflict", detail="a was changed by 5")
    ended = await vidgate("change", "undo", "3")
    assert ended.status == 5
    assert "a was changed by 5" in ended.err
