"""`vidgate platform`."""

from tests.cli.conftest import FakeService, Vidgate


async def test_list(service: FakeService, vidgate: Vidgate) -> None:
    found = {"items": [{"id": "公安回流", "slots": 16, "describe_proves": False}]}
    service.answer("GET", "/platforms", found)
    ended = await vidgate("platform", "list")
    assert "公安回流" in ended.out
    assert (await vidgate("platform", "list", "--json")).document == found


async def test_set_sends_what_was_given(service: FakeService, vidgate: Vidgate) -> None:
    service.answer("PUT", "/platforms/%E5%85%AC%E5%AE%89", {"id": "公安"})
    ended = await vidgate(
        "platform", "set", "公安", "--slots", "0", "--describe-parallel", "8",
        "--no-describe-proves",
    )  # fmt: skip
    assert ended.status == 0, ended.err
    expected = {"slots": 0, "describe_parallel": 8, "describe_proves": False}
    assert service.asked[0].body == expected


async def test_channels_that_lose_their_address_are_counted(
    service: FakeService, vidgate: Vidgate
) -> None:
    service.answer("PUT", "/platforms/p", {"id": "p", "without_address": 12})
    ended = await vidgate("platform", "set", "p", "--resolver", "static")
    assert ended.status == 0
    assert "12 路在用的通道没有取流地址" in ended.err
    assert "channel list --platform p" in ended.err


async def test_an_address_that_is_forbidden_is_said_at_once(
    service: FakeService, vidgate: Vidgate
) -> None:
    told = {"title": "地址不允许访问", "detail": "endpoint: 10.0.0.9:80", "hint": "media.deny"}
    service.refuse("PUT", "/platforms/p", 422, "place_forbidden", **told)
    ended = await vidgate("platform", "set", "p", "--endpoint", "http://10.0.0.9/")
    assert ended.status == 1
    assert "地址不允许访问" in ended.err
    assert "media.deny" in ended.err


async def test_what_the_resolver_is_told(service: FakeService, vidgate: Vidgate) -> None:
    service.answer("PUT", "/platforms/p", {})
    words = "--resolver http --endpoint http://10.0.0.9/{id} --auth basic --credential asker"
    ended = await vidgate("platform", "set", "p", *words.split(), "--path", "")
    assert ended.status == 0, ended.err
    assert service.asked[0].body == {
        "resolver": "http",
        "options": {
            "endpoint": "http://10.0.0.9/{id}",
            "auth": "basic",
            "credential": "asker",
            "path": "",
        },
    }
