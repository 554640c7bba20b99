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
