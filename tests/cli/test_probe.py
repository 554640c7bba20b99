"""`vidgate probe`."""

from typing import Any

from tests.cli.conftest import FakeService, Vidgate


def _item(id: str, state: str = "up", reason: str = "ok") -> dict[str, Any]:
    return {
        "id": id,
        "state": state,
        "reason": reason,
        "t0": 1.0,
        "t1": 1.012,
        "t2": None,
        "t3": None,
    }


def _result(*items: dict[str, Any]) -> dict[str, Any]:
    up = sum(item["state"] == "up" for item in items)
    states = dict.fromkeys(sorted({item["state"] for item in items}), 1)
    return {
        "level": "media",
        "total": len(items),
        "up": up,
        "states": states,
        "seconds": 1.5,
        "items": list(items),
    }


async def test_all_up_is_0(service: FakeService, vidgate: Vidgate) -> None:
    result = _result(_item("a"))
    service.stream("POST", "/probes", [{"done": 0, "total": 1}, {"done": 1, "total": 1}, result])
    ended = await vidgate("probe", "a", "--json")
    assert ended.status == 0
    assert ended.document == result
    assert service.asked[0].body == {"ids": ["a"], "level": "media"}


async def test_one_not_up_is_3(service: FakeService, vidgate: Vidgate) -> None:
    result = _result(_item("a"), _item("b", "unauthorized", "unauthorized"))
    service.stream("POST", "/probes", [result])
    ended = await vidgate("probe", "--department", "公安局", "--level", "describe")
    assert ended.status == 3
    assert "口令不对" in ended.out
    assert "12 ms" in ended.out
    assert "channel show b" in ended.err
    assert service.asked[0].body == {"department": "公安局", "level": "describe"}


async def test_of_many_only_the_bad_are_shown(service: FakeService, vidgate: Vidgate) -> None:
    items = [_item(f"good{n}") for n in range(100)] + [_item("bad", "down", "timeout")]
    service.stream("POST", "/probes", [_result(*items)])
    ended = await vidgate("probe", "--all")
    assert ended.status == 3
    assert "good1" not in ended.out
    assert "bad" in ended.out
    assert service.asked[0].body == {"all": True, "level": "media"}


async def test_an_end_without_a_result_is_an_error(service: FakeService, vidgate: Vidgate) -> None:
    service.stream("POST", "/probes", [{"done": 0, "total": 2}])
    assert (await vidgate("probe", "--all", "--json")).status == 1


async def test_an_error_on_the_way_is_told(service: FakeService, vidgate: Vidgate) -> None:
    told = {"code": "storage", "detail": "no space left", "hint": "free some"}
    service.stream("POST", "/probes", [{"done": 0, "total": 2}, told])
    ended = await vidgate("probe", "--all")
    assert ended.status == 1
    assert "no space left" in ended.err
    assert "free some" in ended.err


async def test_a_bad_look_at_a_channel_still_up_is_3(
    service: FakeService, vidgate: Vidgate
) -> None:
    service.stream("POST", "/probes", [_result(_item("a", "up", "timeout"))])
    ended = await vidgate("probe", "a")
    assert ended.status == 3
    assert "超时" in ended.out


async def test_an_answer_is_no_picture(service: FakeService, vidgate: Vidgate) -> None:
    result = _result(_item("a", "reachable")) | {"level": "describe"}
    service.stream("POST", "/probes", [result])
    ended = await vidgate("probe", "a", "--level", "describe")
    assert ended.status == 3
    assert "--level media" in ended.err
