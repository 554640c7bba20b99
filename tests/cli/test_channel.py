"""`vidgate channel`."""

import io
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.cli.conftest import FakeService, Vidgate

ITEM = {
    "id": "c1",
    "name": "城关镇路口",
    "state": "up",
    "reason": "ok",
    "since": 1_700_000_000.0,
    "platform": "公安回流",
    "department": "公安局",
    "area": "城关镇",
}


HEALTH = {"state": "up", "probed": 1_700_000_000.0, "last": {"t1": 0.034, "codec": "h264"}}


def _report(**told: Any) -> dict[str, Any]:
    return {
        "change": 7,
        "created": 2,
        "updated": 1,
        "unchanged": 0,
        "removed": 0,
        "rejected": 0,
        "errors": [],
        "warnings": [],
        "more": [],
    } | told


BAD_ROW = {"sheet": "通道", "row": 17, "column": "port", "value": "５５x", "message": "应为整数"}


async def test_list_as_a_table(service: FakeService, vidgate: Vidgate) -> None:
    service.answer("GET", "/channels", {"total": 1, "items": [ITEM]})
    ended = await vidgate("channel", "list", "-q", "cgz", "--state", "up", "--limit", "5")
    assert ended.status == 0
    assert "城关镇路口" in ended.out
    assert "在线" in ended.out
    assert "probe --all" in ended.err
    assert service.asked[0].query == {"q": "cgz", "state": "up", "limit": "5"}


async def test_list_as_json_is_the_document(service: FakeService, vidgate: Vidgate) -> None:
    document = {"total": 1, "items": [ITEM]}
    service.answer("GET", "/channels", document)
    ended = await vidgate("channel", "list", "--json")
    assert ended.document == document
    assert ended.err == ""


async def test_a_name_does_not_steer_the_terminal(service: FakeService, vidgate: Vidgate) -> None:
    service.answer("GET", "/channels", {"total": 1, "items": [ITEM | {"name": "a\x1b[2Jb"}]})
    assert "\x1b" not in (await vidgate("channel", "list")).out


async def test_show(service: FakeService, vidgate: Vidgate) -> None:
    channel = ITEM | {"lifecycle": "accepted", "url": "rtsp://10.0.0.1/1", "health": HEALTH}
    service.answer("GET", "/channels/c1", channel)
    ended = await vidgate("channel", "show", "c1")
    assert ended.status == 0
    assert "在用" in ended.out
    assert "rtsp://10.0.0.1/1" in ended.out
    assert "34 ms" in ended.out
    assert (await vidgate("channel", "show", "c1", "--json")).document == channel


async def test_show_says_what_was_measured_in_words(service: FakeService, vidgate: Vidgate) -> None:
    why = "TCP 没有数据 / nothing came by TCP"
    channel = ITEM | {
        "longitude": 112.934567,
        "level": "media",
        "health": HEALTH
        | {"measured": {"clock_offset": -0.012, "fps": 24.983345, "bitrate": 2_345_678.9}},
        "transports": [
            {"variant": "main", "transport": "udp", "reason": why},
            {"variant": "sub", "transport": "tcp", "reason": ""},
        ],
    }
    service.answer("GET", "/channels/c1", channel)
    shown = (await vidgate("channel", "show", "c1")).out
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert "{" not in shown
    for line in (
        f"实际传输 主码流 main UDP · {why}",
        "实际传输 子码流 sub TCP",
        "经度 longitude 112.934567",
        "探测深度 level 画面 media",
        "实测 时钟快 clock_offset +0.0 s",
        "实测 帧率 fps 24.98",
        "实测 码率 bit/s bitrate 2345679",
    ):
        assert line in lines


async def test_show_tells_of_each_level(service: FakeService, vidgate: Vidgate) -> None:
    told = {"outcome": "passed", "reason": "ok", "at": 1.7e9, "since": 1.6e9, "took": 0.012}
    never = {"outcome": "not_tested", "reason": "not_tested", "at": None, "since": None}
    levels = [
        told | {"level": "reach"},
        told | {"level": "describe", "outcome": "failed", "reason": "busy", "took": None},
        never | {"level": "media", "took": None},
    ]
    service.answer("GET", "/channels/c1", ITEM | {"health": HEALTH | {"levels": levels}})
    shown = (await vidgate("channel", "show", "c1")).out.splitlines()
    reach, describe, media = (line for line in shown if line.startswith("分级"))
    assert "连通 reach" in reach
    assert "通过 · 12 ms · 自 2020-09-1" in reach
    assert "未通过 · 会话已满" in describe
    assert media.endswith("未测")


async def test_show_puts_what_is_declared_beside_what_is_measured(
    service: FakeService, vidgate: Vidgate
) -> None:
    compared = [
        {"item": "status", "declared": "online", "measured": "down", "differs": True},
        {"item": "codec", "declared": "h265", "measured": "h265", "differs": False},
        {"item": "resolution", "declared": "4MP", "measured": None, "differs": None},
        {"item": "fps", "declared": None, "measured": 12.48, "differs": None},
    ]
    service.answer("GET", "/channels/c1", ITEM | {"health": HEALTH, "comparison": compared})
    ended = await vidgate("channel", "show", "c1")
    lines = [" ".join(line.split()) for line in ended.out.splitlines() if "对照" in line]
    assert lines == [
        "对照 状态 status 所报 在线 · 实测 离线 · 不符 differs",
        "对照 视频编码 codec 所报 H.265 · 实测 H.265 · 相符 agrees",
        "对照 分辨率 resolution 所报 4MP · 实测 -",
        "对照 帧率 fps 所报 - · 实测 12.5",
    ]


async def test_a_list_of_what_contradicts_says_in_what(
    service: FakeService, vidgate: Vidgate
) -> None:
    item = ITEM | {"state": "down", "differs": ["online_down", "codec"]}
    service.answer("GET", "/channels", {"total": 1, "items": [item]})
    ended = await vidgate("channel", "list", "--differs", "online_down")
    assert "平台报在线实际不可用, 编码" in ended.out
    assert service.asked[0].query == {"differs": "online_down"}


async def test_template_is_written_once(
    service: FakeService, vidgate: Vidgate, tmp_path: Path
) -> None:
    service.give("GET", "/channels/template", b"PK-template")
    file = tmp_path / "t.xlsx"
    assert (await vidgate("channel", "template", "-o", str(file))).status == 0
    assert file.read_bytes() == b"PK-template"
    file.write_bytes(b"filled in")
    ended = await vidgate("channel", "template", "-o", str(file))
    assert ended.status == 2
    assert "--force" in ended.err
    assert file.read_bytes() == b"filled in"
    assert (await vidgate("channel", "template", "-o", str(file), "--force")).status == 0
    assert file.read_bytes() == b"PK-template"


@pytest.mark.parametrize(
    ("flags", "report", "status"),
    [
        ((), _report(), 0),
        ((), _report(change=None, created=0, updated=0, unchanged=3), 0),
        (("--dry-run",), _report(change=None), 0),
        ((), _report(change=None, rejected=1, errors=[BAD_ROW]), 1),
        (("--dry-run",), _report(change=None, rejected=1, errors=[BAD_ROW]), 1),
        (("--dry-run", "--partial"), _report(change=None, rejected=1, errors=[BAD_ROW]), 1),
        (("--partial",), _report(rejected=1, errors=[BAD_ROW]), 3),
        (("--partial",), _report(), 0),
    ],
)
async def test_import(
    service: FakeService,
    vidgate: Vidgate,
    tmp_path: Path,
    flags: tuple[str, ...],
    report: dict[str, Any],
    status: int,
) -> None:
    file = tmp_path / "登记表.csv"
    file.write_bytes(b"id,name\n1,a\n")
    service.answer("POST", "/channels/import", report)
    ended = await vidgate("channel", "import", str(file), *flags, "--json")
    assert ended.status == status
    assert ended.document == report
    (asked,) = service.asked
    assert asked.data == b"id,name\n1,a\n"
    flagged = {flag[2:].replace("-", "_"): "true" for flag in flags}
    assert asked.query == {"filename": "登记表.csv"} | flagged
    ended = await vidgate("channel", "import", str(file), *flags)
    assert ended.status == status
    assert ("第" in ended.out or "17" in ended.out) == bool(report["errors"])
    assert "next: vidgate" in ended.err


async def test_import_writes_the_marked_sheet(
    service: FakeService, vidgate: Vidgate, tmp_path: Path
) -> None:
    file, marked = tmp_path / "a.csv", tmp_path / "改.xlsx"
    file.write_bytes(b"id,name\n1,\n")
    command = ("channel", "import", str(file), "--errors", str(marked))
    service.answer("POST", "/channels/import", _report(rejected=1, errors=[BAD_ROW]))
    lost = quote("没有保留格式")
    service.give("POST", "/channels/import/errors", b"PK marked", Vidgate_Lost=lost)
    ended = await vidgate(*command)
    assert ended.status == 1
    assert "没有保留格式" in ended.err
    assert marked.read_bytes() == b"PK marked"
    assert service.asked[1].data == file.read_bytes()
    assert service.asked[1].query == {"filename": "a.csv"}
    again = await vidgate(*command)
    assert again.status == 2
    assert "--force" in again.err
    other = await vidgate(*command[:-1], str(tmp_path / "错误.csv"))
    assert other.status == 2
    assert ".xlsx" in other.err
    assert len(service.asked) == 2  # it was refused before anything was imported
    service.answer("POST", "/channels/import", _report())
    assert (await vidgate(*command, "--force")).status == 0
    assert len(service.asked) == 3  # without mistakes there is nothing to mark


async def test_a_trial_names_the_import_that_does_the_same(
    service: FakeService, vidgate: Vidgate, tmp_path: Path
) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"id,name\n")
    service.answer("POST", "/channels/import", _report(change=None, removed=2))
    ended = await vidgate("channel", "import", str(file), "--dry-run", "--prune", "--partial")
    assert f"vidgate channel import {file} --partial --prune " in ended.err


async def test_a_change_names_the_steps_of_a_channels_life(
    service: FakeService, vidgate: Vidgate
) -> None:
    row = {"change": 1, "time": 1.0, "actor": "w", "cause": "set", "source": "c1",
           "undone_by": None, "kind": "channel", "id": "c1", "action": "updated",
           "before": {"lifecycle": None, "enabled": None, "area": None},
           "after": {"lifecycle": "commissioning", "enabled": False, "area": "城"}}  # fmt: skip
    service.answer("GET", "/channels/c1/history", {"items": [row]})
    out = (await vidgate("channel", "history", "c1")).out
    for said in ("在用 > 调试", "是 > 否", ":  > 城"):
        assert said in out


async def test_thousands_of_one_doubt_are_one_line(
    service: FakeService, vidgate: Vidgate, tmp_path: Path
) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"id,name\n")
    more = [{"column": "点位", "message": "与 a 同名\x1b[31m", "count": 19950}]
    service.answer("POST", "/channels/import", _report(warnings=[BAD_ROW] * 50, more=more))
    ended = await vidgate("channel", "import", str(file))
    assert ended.status == 0
    assert "另有 19950 处类似 more like this: 点位: 与 a 同名" in ended.err
    assert "--errors" in ended.err
    assert "\x1b" not in ended.err


async def test_import_prunes_when_told(
    service: FakeService, vidgate: Vidgate, tmp_path: Path
) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"id,name\n")
    warning = {"sheet": "", "row": 1, "column": "颜色", "value": "", "message": "没有读取"}
    service.answer("POST", "/channels/import", _report(removed=2, warnings=[warning]))
    ended = await vidgate("channel", "import", str(file), "--prune")
    assert service.asked[0].query == {"filename": "a.csv", "prune": "true"}
    assert "移除 2" in ended.out
    assert "颜色" in ended.out


async def test_export_writes_a_file(service: FakeService, vidgate: Vidgate, tmp_path: Path) -> None:
    service.give("GET", "/channels/export", b"id,name")
    out = tmp_path / "out.CSV"
    ended = await vidgate("channel", "export", "-o", str(out), "--platform", "公安", "-q", "cgz")
    assert ended.status == 0, ended.err
    assert out.read_bytes() == b"id,name"
    assert service.asked[0].query == {"format": "csv", "platform": "公安", "q": "cgz"}
    assert (await vidgate("channel", "export", "-o", str(out))).status == 2
    assert (await vidgate("channel", "export", "-o", "out.pdf")).status == 2
    assert (await vidgate("channel", "export", "-o", "--force.csv")).status == 2
    assert len(service.asked) == 1


async def test_export_says_that_addresses_let_somebody_in(
    service: FakeService, vidgate: Vidgate
) -> None:
    service.give("GET", "/channels/export", b"id,name", Vidgate_Tickets="3")
    ended = await vidgate("channel", "export", "-o", "-")
    assert "3 路的地址带有 token" in ended.err
    service.give("GET", "/channels/export", b"id,name", Vidgate_Tickets="0")
    assert "token" not in (await vidgate("channel", "export", "-o", "-")).err


@pytest.mark.parametrize("command", [("set", "c1", "--port", "8000"), ("show", "c1")])
async def test_what_is_doubtful_is_said(
    service: FakeService, vidgate: Vidgate, command: tuple[str, ...]
) -> None:
    told = ITEM | {"health": HEALTH, "warnings": [{"field": "port", "message": "8000 是 SDK 端口"}]}
    service.answer("PATCH", "/channels/c1", told)
    service.answer("GET", "/channels/c1", told)
    ended = await vidgate("channel", *command)
    assert ended.status == 0
    assert "提醒 warning: 端口 port: 8000 是 SDK 端口" in ended.err
    assert "8000" not in ended.out


async def test_history(service: FakeService, vidgate: Vidgate) -> None:
    rows = [
        {"change": 9, "cause": "set", "time": 1.0, "actor": "wang", "source": "c1",
         "kind": "channel", "id": "c1", "action": "updated",
         "before": {"name": "旧"}, "after": {"name": "新"}},
        {"change": 2, "cause": "import", "time": 1.0, "actor": "wang", "source": "a.csv",
         "kind": "channel", "id": "c1", "action": "created", "before": None, "after": {}},
    ]  # fmt: skip
    service.answer("GET", "/channels/c1/history", {"items": rows})
    ended = await vidgate("channel", "history", "c1", "--limit", "2")
    assert ended.status == 0, ended.err
    assert "旧 > 新" in ended.out
    assert "change undo 9" in ended.err
    assert service.asked[0].query == {"limit": "2"}
    assert (await vidgate("channel", "history", "c1", "--json")).document == {"items": rows}


async def test_set_sends_what_was_given(service: FakeService, vidgate: Vidgate) -> None:
    service.answer("PATCH", "/channels/c1", ITEM)
    ended = await vidgate(
        "channel", "set", "c1", "--name", "新名", "--gb_code", "1" * 20, "--channel-no", "3",
        "--port", "554", "--tags", "a，b", "--enabled", "否", "--department", "",
    )  # fmt: skip
    assert ended.status == 0, ended.err
    assert service.asked[0].body == {
        "name": "新名",
        "gb_code": "1" * 20,
        "channel_no": "3",
        "port": "554",
        "tags": "a，b",
        "enabled": "否",
        "department": "",
    }


async def test_add_without_an_id_or_with_one_by_name(
    service: FakeService, vidgate: Vidgate
) -> None:
    service.answer("POST", "/channels", ITEM, 201)
    assert (await vidgate("channel", "add", "--gb-code", "2" * 20)).status == 0
    assert (await vidgate("channel", "add", "--id", "c1", "--name", "x")).status == 0
    bodies = [asked.body for asked in service.asked]
    assert bodies == [{"gb_code": "2" * 20}, {"name": "x", "id": "c1"}]


async def test_add_asks_for_the_password(
    service: FakeService, vidgate: Vidgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.answer("POST", "/channels", ITEM)
    monkeypatch.setattr(sys, "stdin", io.StringIO("p@ss word\n"))
    ended = await vidgate(
        "channel", "add", "c1", "--url", "rtsp://10.0.0.1/1", "--username", "u", "--password-stdin"
    )
    assert ended.status == 0, ended.err
    assert service.asked[0].body == {
        "id": "c1",
        "url": "rtsp://10.0.0.1/1",
        "username": "u",
        "password": "p@ss word",
    }
    assert "p@ss" not in ended.out + ended.err


async def test_a_password_in_an_address_is_warned_of(
    service: FakeService, vidgate: Vidgate
) -> None:
    service.answer("POST", "/channels", ITEM)
    ended = await vidgate("channel", "add", "c1", "--url", "rtsp://u:secret@10.0.0.1/1")
    assert ended.status == 0
    assert "credential set" in ended.err
    assert "secret" not in ended.out + ended.err


async def test_remove_several(service: FakeService, vidgate: Vidgate) -> None:
    service.give("DELETE", "/channels/a", b"")
    service.give("DELETE", "/channels/b", b"")
    ended = await vidgate("channel", "remove", "a", "b")
    assert ended.status == 0
    assert [asked.path for asked in service.asked] == ["/api/v1/channels/a", "/api/v1/channels/b"]
    assert "undo" in ended.err
    assert (await vidgate("channel", "remove", "nosuch")).status == 1


async def test_approval_is_one_change(service: FakeService, vidgate: Vidgate) -> None:
    service.answer("PATCH", "/channels", {"change": 7, "updated": 2, "unchanged": 0, "rows": []})
    ended = await vidgate("channel", "approve", "a", "b")
    assert ended.status == 0, ended.err
    assert service.asked[0].body == {"ids": ["a", "b"], "fields": {"lifecycle": "accepted"}}
    assert (await vidgate("channel", "submit", "a")).status == 0
    assert service.asked[-1].body["fields"] == {"lifecycle": "commissioning"}
    assert (await vidgate("channel", "approve")).status == 2
