from datetime import date
from typing import Any

import pytest

from vidgate.model.channel import Channel, Kind, Lifecycle
from vidgate.registry.edits import CHANNEL_FIELDS, OWN_FIELDS
from vidgate.registry.fields import (
    BY_NAME,
    FIELDS,
    HEADERS,
    LOGINS,
    header_key,
    host,
    plain,
    problems,
)


@pytest.mark.parametrize(
    ("name", "cell", "value"),
    [
        ("id", " cam-1 ", "cam-1"),
        ("id", "ｃａｍ－１", "cam-1"),
        ("id", "'4304", "4304"),
        ("id", '="0012"', "0012"),
        ("id", 17.0, "17"),
        ("id", "43042100001320000000.0", "43042100001320000000"),
        ("id", "dam-1.0", "dam-1.0"),
        ("gb_code", "43042100001320000000.00", "43042100001320000000"),
        ("gb_code", "４３０４２１００００１３２０００００００１"[:20], "43042100001320000000"),
        ("name", "\u3000城关镇\u3000 人民路\n", "城关镇 人民路"),
        ("name", "\ufeff门口（北）", "门口（北）"),
        ("name", "城关镇１号Ａ座（北）", "城关镇1号A座（北）"),
        ("name", date(2026, 1, 2), "2026-01-02"),
        ("port", "５５４", 554),
        ("port", 554.0, 554),
        ("longitude", "112.83912345678", 112.8391235),
        ("latitude", 26, 26.0),
        ("kind", "RTSP", "rtsp"),
        ("lifecycle", "规划", "planned"),
        ("lifecycle", "Accepted", "accepted"),
        ("point_class", "一类", "1"),
        ("point_class", 9.0, "9"),
        ("enabled", "是", True),
        ("enabled", "停用", False),
        ("enabled", False, False),
        ("enabled", 1.0, True),
        ("tags", "a，b; a 、c", ["a", "b", "c"]),
        ("tags", ["a,b", "a", ""], ["a", "b"]),
        ("password", " p ", " p "),
        ("password", 123456.0, "123456"),
    ],
)
def test_cells_are_read_as_people_mean_them(name: str, cell: Any, value: Any) -> None:
    assert BY_NAME[name].parse(cell) == value


@pytest.mark.parametrize(
    ("name", "cell", "why"),
    [
        ("id", "通道1", "字母、数字"),
        ("id", "a" * 65, "64"),
        ("id", "../x", "字母"),
        ("id", 4.3042100001320000e19, "丢失精度"),
        ("gb_code", "4.30421E+19", "丢失精度"),
        ("gb_code", "430421", "现为 6 位"),
        ("gb_code", "4304210000132000000x", "只能是数字"),
        ("name", "a" * 129, "128"),
        ("name", "a\x07b", "控制字符"),
        ("port", "70000", "65535"),
        ("port", "abc", "整数"),
        ("port", 554.5, "整数"),
        ("longitude", "181", "180"),
        ("longitude", "E112", "WGS-84"),
        ("latitude", "nan", "90"),
        ("latitude", "inf", "90"),
        ("kind", "gb28181", "之一"),
        ("enabled", "也许", "是 或 否"),
        ("tags", " ".join(map(str, range(21))), "20"),
        ("platform", "a/b", "不能含有 /"),
        ("password", "x" * 129, "128"),
    ],
)
def test_wrong_cells_say_why(name: str, cell: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        BY_NAME[name].parse(cell)


def test_every_field_of_a_channel_has_a_column() -> None:
    assert {field.name for field in FIELDS} - set(LOGINS) == set(CHANNEL_FIELDS) - OWN_FIELDS


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("通道编号", "id"),
        ("* 通道名称（必填）", "name"),
        ("GB_Code", "gb_code"),
        ("Sub URL", "sub_url"),
        ("经度 (WGS-84)", "longitude"),
        ("ＩＰ地址", "address"),
        ("监控点位类型*", "point_class"),
    ],
)
def test_titles_are_known_as_people_write_them(title: str, name: str) -> None:
    assert HEADERS[header_key(title)].name == name


def test_no_title_means_two_fields() -> None:
    titles = [
        (header_key(title), field.name)
        for field in FIELDS
        for title in (field.name, field.title, *field.aliases)
    ]
    assert len({key for key, _ in titles}) == len(set(titles))


def test_plain_numbers_have_no_tail() -> None:
    assert [plain(cell) for cell in (1.0, 1.5, True, None, 1e20)] == [
        "1",
        "1.5",
        "true",
        "",
        "1e+20",
    ]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"longitude": 112.0}, "longitude"),
        ({"longitude": 0.0, "latitude": 0.0}, "longitude"),
        ({"url": ""}, "url"),
        ({"url": "", "lifecycle": Lifecycle.PLANNED, "sub_url": "rtsp://h/"}, "sub_url"),
    ],
)
def test_contradictions_are_found(changes: dict[str, Any], field: str) -> None:
    channel = Channel(**{"id": "a", "name": "a", "url": "rtsp://h/"} | changes)
    assert [name for name, _ in problems(channel)] == [field]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"url": "", "lifecycle": Lifecycle.PLANNED},
        {"url": "", "address": "10.0.0.1"},
        {"url": "", "kind": Kind.PUSH},
        {"longitude": 112.0, "latitude": 26.0},
    ],
)
def test_what_agrees_is_fine(changes: dict[str, Any]) -> None:
    assert problems(Channel(**{"id": "a", "name": "a", "url": "rtsp://h/"} | changes)) == []


@pytest.mark.parametrize(
    "text", ["10.1.2.300", "256.1.1.1", "10.1.2", "12345", "010.001.002.005", "1.2.3.4.5"]
)
def test_digits_and_dots_must_be_an_address(text: str) -> None:
    with pytest.raises(ValueError, match="IPv4"):
        host(text)


def test_addresses_and_names_pass() -> None:
    assert [host(text) for text in ("10.1.2.3", "nvr-1.local", "")] == [
        "10.1.2.3",
        "nvr-1.local",
        "",
    ]


@pytest.mark.parametrize(
    ("word", "step"),
    [("在用", "accepted"), ("已验收", "accepted"), ("待建", "planned"), ("暂停", "suspended"),
     ("停用", "suspended"), ("退役", "retired"), ("Accepted", "accepted")],
)  # fmt: skip
def test_each_word_for_a_step_of_life_is_read(word: str, step: str) -> None:
    assert BY_NAME["lifecycle"].parse(word) == step


def test_only_one_word_for_a_step_is_offered() -> None:
    with pytest.raises(ValueError, match="规划 / 调试 / 在用 / 停用 / 报废") as caught:
        BY_NAME["lifecycle"].parse("好")
    assert "已验收" not in str(caught.value)
