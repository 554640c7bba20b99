"""Channels that may show the same place are told until somebody says which."""

from typing import Any

import pytest

from vidgate.model.channel import Channel
from vidgate.registry.points import Points
from vidgate.registry.registry import Registry

HERE = {"longitude": 112.84, "latitude": 26.42}
METRE = 1 / 111_320


def channel(**fields: Any) -> Channel:
    known: dict[str, Any] = {
        "id": "old",
        "name": "人民路口",
        "platform": "公安",
        "area": "城关镇",
        **HERE,
    }
    return Channel(**(known | fields))


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"name": "其他", "latitude": 26.42 + 12 * METRE, "platform": "应急"}, "12 米"),
        ({"name": "其他", "latitude": 26.42 + 25 * METRE, "platform": "应急"}, ""),
        # Several cameras of one platform at one crossing are nothing to ask about ...
        ({"name": "其他", "platform": "公安"}, ""),
        # ... unless they are called the same.
        ({"name": "人民路口 2号", "platform": "公安"}, "0 米"),
        ({"name": "人民 路口", "longitude": None, "latitude": None, "platform": "应急"}, "同名"),
        ({"name": "人民路口", "longitude": None, "latitude": None, "platform": "公安"}, ""),
        (
            {
                "name": "人民路口",
                "longitude": None,
                "latitude": None,
                "platform": "应急",
                "area": "白沙镇",
            },
            "",
        ),
    ],
)
def test_a_likely_duplicate_is_told(values: dict[str, Any], word: str) -> None:
    found = Points([channel()]).of("new", {**HERE, "area": "城关镇", **values}, None)
    assert bool(found) is bool(word)
    assert all(field == "point" and word in message for field, message in found)


@pytest.mark.parametrize(("old", "new"), [("p1", "p1"), ("p1", "p2")])
def test_what_has_points_is_confirmed(old: str, new: str) -> None:
    values = {**HERE, "name": "人民路口", "platform": "应急", "point": new}
    assert not Points([channel(point=old)]).of("new", values, None)
    assert Points([channel(point=old)]).of("new", values | {"point": ""}, None)


def test_a_channel_is_no_duplicate_of_itself_nor_of_where_it_was() -> None:
    points = Points([channel()])
    assert not points.of("OLD", {**HERE, "name": "人民路口", "platform": "应急"}, channel())
    moved = Points([channel()])
    assert not moved.of("old", {"longitude": 112.9}, channel())
    assert not moved.of("new", {**HERE, "name": "新", "platform": "应急"}, None)


async def test_an_import_tells_and_takes_them(registry: Registry) -> None:
    head = "通道编号,通道名称,主码流地址,所属平台,经度,纬度,点位编号\n"
    rows = (
        "a,人民路口,rtsp://10.0.0.1/1,公安,112.84,26.42,\n"
        "b,路口高点,rtsp://10.0.0.2/1,应急,112.84,26.42,\n"
    )
    report = await registry.import_file("a.csv", (head + rows).encode(), actor="wang")
    assert (report.created, report.rejected) == (2, 0)
    assert [(one.row, one.column) for one in report.warnings] == [(3, "点位编号")]
    both = rows.replace(",\n", ",p1\n")
    report = await registry.import_file("a.csv", (head + both).encode(), actor="wang")
    assert (report.updated, report.warnings) == (2, [])
