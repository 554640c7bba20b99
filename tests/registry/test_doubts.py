"""What a register gives that is doubtful, as an import and a channel's page tell it."""

from typing import Any

import pytest

from vidgate.errors import InputError
from vidgate.model.channel import Channel
from vidgate.model.media import Variant
from vidgate.registry.doubts import lost_numbers
from vidgate.registry.importer import ImportReport
from vidgate.registry.registry import Registry

HEAD = "编号,名称,厂商,IP,端口,通道号,主码流地址,建设阶段"
NVR = {"id": "a", "name": "甲", "vendor": "海康", "address": "10.1.2.3", "channel_no": "1"}


async def imported(registry: Registry, *rows: str, head: str = HEAD) -> ImportReport:
    data = "\n".join((head, *rows)).encode()
    return await registry.import_file("r.csv", data, actor="engineer")


def said(report: ImportReport) -> list[tuple[int, str, str]]:
    return [(one.row, one.column, one.message) for one in report.warnings]


def doubts(registry: Registry, id_: str) -> list[str]:
    return [field for field, _ in registry.doubts(registry.get(id_))]


@pytest.mark.parametrize("vendor", ["科达", "中维世纪"])
async def test_a_number_that_a_form_would_lose_refuses_the_row(
    registry: Registry, vendor: str
) -> None:
    report = await imported(
        registry,
        f"a,甲,{vendor},10.1.2.3,,1,,",
        f"b,乙,{vendor},10.1.2.3,,2,,",
        f"c,丙,{vendor},10.1.2.3,,3,,",
    )
    assert [(one.row, one.column) for one in report.errors] == [(3, "通道号"), (4, "通道号")]
    assert "取不到第 2 路" in report.errors[0].message
    assert "主码流地址" in report.errors[0].message
    assert report.warnings == []  # they are not told as the same channel of the same device


async def test_what_is_not_accepted_yet_is_warned_of_its_number(registry: Registry) -> None:
    report = await imported(registry, "a,甲,海康,10.1.2.3,,D1,,规划")
    assert (report.rejected, report.created) == (0, 1)
    ((row, column, message),) = said(report)
    assert (row, column) == (2, "通道号")
    assert "只填数字" in message
    assert doubts(registry, "a") == ["channel_no"]
    with pytest.raises(InputError, match="只填数字"):
        await registry.set("a", {"lifecycle": "accepted"}, "admin")


@pytest.mark.parametrize(
    ("vendor", "port", "what"),
    [
        ("海康", "8000", "SDK"),
        ("大华", "37777", "SDK"),
        ("海康", "80", "网页"),
        ("科达", "443", "网页"),
    ],
)
async def test_the_port_of_an_sdk_is_said_to_be_replaced(
    registry: Registry, vendor: str, port: str, what: str
) -> None:
    report = await imported(registry, f"a,甲,{vendor},10.1.2.3,{port},1,,")
    ((row, column, message),) = said(report)
    assert (row, column) == (2, "端口")
    assert message.startswith(f"{port} 是")
    assert what in message
    assert "改用 RTSP 端口 554" in message
    channel = registry.get("a")
    route = registry.route(channel)
    assert channel.port == int(port)  # what the register says stays as it was written
    assert route is not None
    assert ":554/" in route.url
    assert doubts(registry, "a") == ["port"]


@pytest.mark.parametrize("row", ["a,甲,,,,,rtsp://10.1.2.3:80/x,", "a,甲,某厂,10.1.2.3,80,1,,规划"])
async def test_a_port_that_no_form_is_asked_for_is_not_doubted(
    registry: Registry, row: str
) -> None:
    assert said(await imported(registry, row)) == []


async def test_a_ticket_in_an_address_is_warned_of_and_not_quoted(registry: Registry) -> None:
    report = await imported(registry, "a,甲,,,,,rtsp://10.1.2.3/x?token=CANARY&c=1,")
    (warning,) = report.warnings
    assert (warning.column, warning.row) == ("主码流地址", 2)
    assert "token" in warning.message
    assert "导出" in warning.message
    assert "CANARY" not in warning.message + warning.value
    assert doubts(registry, "a") == ["url"]


async def test_a_doubt_is_told_once_by_whoever_says_it(registry: Registry) -> None:
    await imported(registry, "a,甲,海康,10.1.2.3,8000,1,,")
    assert said(await imported(registry, "a,乙", head="编号,名称")) == []
    await registry.set("a", {"port": "554"}, "engineer")
    assert doubts(registry, "a") == []


@pytest.mark.parametrize(
    ("options", "number", "is_good"),
    [("{channel_no:2}", "3", True), ("{channel_no:2}", "A", False), ("{channel_no-1}", "0", False)],
)
async def test_a_template_that_cannot_take_the_number_refuses_it(
    registry: Registry, options: str, number: str, is_good: bool
) -> None:
    told: dict[str, Any] = {"resolver": "template", "options": {"main": f"rtsp://h/{options}"}}
    await registry.set_platform("p", told, "admin")
    fields = {"id": "a", "name": "甲", "platform": "p", "channel_no": number}
    if is_good:
        channel = await registry.add(fields, "admin")
        assert registry.address(channel, Variant.MAIN) == "rtsp://h/03"
    else:
        with pytest.raises(InputError, match="channel_no"):
            await registry.add(fields, "admin")


async def test_what_was_wrong_before_does_not_stop_other_changes(registry: Registry) -> None:
    told: dict[str, Any] = {"resolver": "template", "options": {"main": "rtsp://h/{id}"}}
    await registry.set_platform("p", told, "admin")
    await registry.add({"id": "a", "name": "甲", "platform": "p"}, "admin")
    assert await registry.without_address("p") == 0
    await registry.set_platform("p", {"resolver": "static"}, "admin")
    assert await registry.without_address("p") == 1
    assert (await registry.set("a", {"name": "乙"}, "engineer")).name == "乙"
    with pytest.raises(InputError, match="vendor"):
        await registry.set("a", {"address": "10.1.2.3", "vendor": "某厂"}, "engineer")


def test_long_numbers_that_an_older_version_took_are_told() -> None:
    lost = "4.304890000132e+19"
    channel = Channel(id="a", name="北门", point=lost, tags=("河堤", lost))
    found = [field for field, message in lost_numbers(channel) if lost in message]
    assert found == ["point", "tags"]
    assert lost_numbers(Channel(id="a", name="5e12 号机房", channel_no="2E1")) == []
