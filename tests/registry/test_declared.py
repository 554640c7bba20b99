from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.registry.conftest import in_thread
from tests.registry.files import text
from vidgate.aio.bus import Bus
from vidgate.errors import InputError
from vidgate.model.declared import DeclaredCodec, DeclaredStatus
from vidgate.registry.declared import codec, frame_rate, resolution, status
from vidgate.registry.export import Form
from vidgate.registry.fields import BY_NAME, DECLARED
from vidgate.registry.registry import Registry
from vidgate.storage.database import Database
from vidgate.storage.secrets import SecretBox

HEAD = ("通道编号", "通道名称", "主码流地址", "平台状态", "视频编码", "分辨率", "帧率")
LINE = ("cam-1", "北门", "rtsp://10.0.0.1/main", "在线", "H.265", "1080P", "25")


@pytest.mark.parametrize(
    ("parse", "texts", "value"),
    [
        (status, ("在线", "ON", "online", "1", "是", "正常", "True"), "online"),
        (status, ("离线", "OFF", "Offline", "0", "否", "掉线", "故障"), "offline"),
        (status, ("", "-", "未知", "N/A"), None),
        (codec, ("H.264", "h264", "264", "AVC", "H.264+", "Smart264", "MPEG-4 AVC"), "h264"),
        (codec, ("H.265", "H.265/HEVC", "hevc", "H265编码", "H.265 (HEVC)", "H.265+"), "h265"),
        (codec, ("MPEG4", "mpeg-4"), "mpeg4"),
        (codec, ("SVAC", "SVAC 2.0"), "svac"),
        (codec, ("无",), None),
        (
            resolution,
            (
                "1080P",
                "1920*1080",
                "1920×1080",
                "1920 X 1080",
                "1080p(全高清)",
                "1920x1080/1080P",
                "(1920*1080)",
            ),
            "1920x1080",
        ),
        (resolution, ("D1", "4CIF", "704*576"), "704x576"),
        (resolution, ("4K", "3840x2160"), "3840x2160"),
        (resolution, ("400万", "400W像素", "4MP", "400万像素", "4.0mp"), "4MP"),
        (resolution, ("200万/1920x1080",), "1920x1080"),
        (resolution, ("不详",), None),
        (frame_rate, ("25", "25fps", "25 帧/秒", "25帧", "25.0"), 25.0),
        (frame_rate, ("12.5",), 12.5),
        (frame_rate, ("/",), None),
    ],
)
def test_what_registers_write_is_read_as_meant(
    parse: Callable[[str], Any], texts: tuple[str, ...], value: Any
) -> None:
    assert {text: parse(text) for text in texts} == dict.fromkeys(texts, value)


@pytest.mark.parametrize(
    ("parse", "text", "why"),
    [
        (status, "在用", "在线 / 离线"),
        (codec, "H.264/H.265", "几种编码"),
        (codec, "4", "之一"),
        (resolution, "1080P/720P", "几种分辨率"),
        (resolution, "高清", "1920x1080"),
        (resolution, "0MP", "1920x1080"),
        (frame_rate, "0", "大于 0"),
        (frame_rate, "1500", "最大 240"),
        (frame_rate, "25/30", "每秒帧数"),
    ],
)
def test_what_cannot_be_read_says_why(parse: Callable[[str], Any], text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse(text)


@example("123万")
@example("9999W像素")
@settings(max_examples=300)
@given(
    st.text(alphabet="0123456789.xX×*/,、;()（）hHpPmM万wfps帧 -265在线", max_size=12)
    | st.text(max_size=12)
)
def test_any_text_is_read_or_refused_and_read_again_alike(text: str) -> None:
    for name in DECLARED:
        try:
            value = BY_NAME[name].parse(text)
        except ValueError:
            continue
        assert BY_NAME[name].parse(value) == value


@pytest.mark.parametrize("text", ["//", "、", " , ", "()", "/(主)"])
def test_nothing_but_signs_says_nothing(text: str) -> None:
    assert (codec(text), resolution(text)) == (None, None)


async def test_a_list_of_ids_and_states_alone_is_a_register(registry: Registry) -> None:
    await registry.import_file("r.csv", text(HEAD, LINE), actor="me")
    report = await registry.import_file(
        "s.csv", text(("通道编号", "状态"), ("cam-1", "OFF")), actor="me"
    )
    assert (report.updated, report.rejected, report.warnings) == (1, 0, [])
    channel = registry.get("cam-1")
    assert (channel.declared_status, channel.name) == (DeclaredStatus.OFFLINE, "北门")


def test_numbers_and_truths_of_a_spreadsheet_are_read() -> None:
    cells = {
        "declared_status": True,
        "declared_codec": 265.0,
        "declared_resolution": "１９２０＊１０８０",
        "declared_fps": 25.0,
    }
    assert [BY_NAME[name].parse(cell) for name, cell in cells.items()] == [
        "online",
        "h265",
        "1920x1080",
        25.0,
    ]


async def test_what_is_declared_is_imported_exported_and_undone(registry: Registry) -> None:
    report = await registry.import_file("r.csv", text(HEAD, LINE), actor="me")
    channel = registry.get("cam-1")
    assert channel.declared_status is DeclaredStatus.ONLINE
    assert channel.declared_codec is DeclaredCodec.H265
    assert (channel.declared_resolution, channel.declared_fps) == ("1920x1080", 25.0)
    for form in Form:
        exported = await registry.export([channel], form)
        again = await registry.import_file(f"x.{form}", exported, actor="me")
        assert (again.change, again.unchanged, again.warnings) == (None, 1, [])
    changed = (*LINE[:3], "离线", "H.264", "400万", "12.5")
    second = await registry.import_file("r.csv", text(HEAD, changed), actor="me")
    assert registry.get("cam-1").declared_status is DeclaredStatus.OFFLINE
    assert report.change is not None
    assert second.change is not None
    await registry.undo(second.change, "me")
    back = registry.get("cam-1")
    assert (back.declared_status, back.declared_codec, back.declared_resolution) == (
        DeclaredStatus.ONLINE,
        DeclaredCodec.H265,
        "1920x1080",
    )


async def test_a_declared_value_that_cannot_be_read_costs_nothing_else(registry: Registry) -> None:
    await registry.import_file("r.csv", text(HEAD, LINE), actor="me")
    wrong = ("cam-1", "北门新", "rtsp://10.0.0.1/main", "在用", "H.264/H.265", "720P", "快")
    report = await registry.import_file("r.csv", text(HEAD, wrong), actor="me")
    assert (report.rejected, report.errors, report.updated) == (0, [], 1)
    assert [(one.row, one.column, one.value) for one in report.warnings] == [
        (2, "平台状态", "在用"),
        (2, "视频编码", "H.264/H.265"),
        (2, "帧率", "快"),
    ]
    assert all("没有读取" in one.message for one in report.warnings)
    channel = registry.get("cam-1")
    assert (channel.name, channel.declared_resolution) == ("北门新", "1280x720")
    # What was declared before stays.
    assert channel.declared_status is DeclaredStatus.ONLINE
    assert channel.declared_fps == 25.0


async def test_who_sets_a_declared_value_by_hand_is_told_that_it_is_wrong(
    registry: Registry,
) -> None:
    await registry.import_file("r.csv", text(HEAD, LINE), actor="me")
    with pytest.raises(InputError, match="在线 / 离线"):
        await registry.set("cam-1", {"declared_status": "maybe"}, "me")
    await registry.set("cam-1", {"declared_status": "", "declared_fps": ""}, "me")
    channel = registry.get("cam-1")
    assert (channel.declared_status, channel.declared_fps) == (None, None)
    assert channel.declared_codec is DeclaredCodec.H265


async def test_of_two_columns_that_declare_the_same_the_better_is_read(registry: Registry) -> None:
    head = ("通道编号", "通道名称", "设备状态", "在线状态", "状态")
    line = ("cam-1", "北门", "正常", "离线", "在用")
    data = text((*head, "建设阶段"), (*line, "规划"))
    report = await registry.import_file("r.csv", data, actor="me")
    assert registry.get("cam-1").declared_status is DeclaredStatus.OFFLINE
    assert [(one.column, one.message) for one in report.warnings] == [
        ("设备状态", "与另一列说的是同一项，没有读取"),
        ("状态", "与另一列说的是同一项，没有读取"),
    ]


async def test_what_is_declared_survives_a_restart(
    registry: Registry, db: Database, box: SecretBox, bus: Bus
) -> None:
    await registry.import_file("r.csv", text(HEAD, LINE), actor="me")
    async with Registry(db, box, bus, in_thread) as again:
        assert again.get("cam-1") == registry.get("cam-1")
