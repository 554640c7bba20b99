import asyncio
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal

import pytest
from openpyxl import load_workbook

from tests.registry.conftest import in_thread
from tests.registry.files import HEADER, book, row, text, xlsx
from vidgate.aio.bus import Bus
from vidgate.errors import InputError
from vidgate.model.channel import Lifecycle, Login
from vidgate.registry.importer import ImportReport
from vidgate.registry.places import Place
from vidgate.registry.registry import Registry
from vidgate.storage.database import Database
from vidgate.storage.secrets import SecretBox


async def imported(registry: Registry, *rows: Sequence[Any], **flags: bool) -> ImportReport:
    return await registry.import_file("r.xlsx", xlsx(*rows), actor="me", **flags)


def counts(report: ImportReport) -> tuple[int | None, int, int, int, int]:
    return (
        report.change,
        report.created,
        report.updated,
        report.unchanged,
        report.rejected,
    )


async def test_rows_become_channels_in_their_order(registry: Registry) -> None:
    report = await imported(registry, HEADER, *map(row, (3, 1, 2)))
    assert counts(report) == (1, 3, 0, 0, 0)
    assert [(c.id, c.number) for c in registry.channels.values()] == [
        ("cam-0003", 1),
        ("cam-0001", 2),
        ("cam-0002", 3),
    ]
    assert [platform.id for platform in registry.platforms.values()] == ["公安"]
    assert registry.login(registry.get("cam-0001")) == Login("admin", "secret1")


async def test_a_second_import_finds_all_unchanged(registry: Registry) -> None:
    rows = [row(number) for number in range(20)]
    await imported(registry, HEADER, *rows)
    before = registry.channels
    assert counts(await imported(registry, HEADER, *rows)) == (None, 0, 0, 20, 0)
    assert registry.channels == before
    data = text(HEADER, *rows, encoding="gb18030")
    report = await registry.import_file("r.csv", data, actor="me")
    assert counts(report) == (None, 0, 0, 20, 0)
    assert len(await registry.changes()) == 1


async def test_only_what_differs_is_updated(registry: Registry) -> None:
    await imported(registry, HEADER, row(1), row(2))
    report = await imported(registry, HEADER, row(1), row(2, name="北门"), row(3))
    assert counts(report) == (2, 1, 1, 1, 0)
    assert registry.get("cam-0002").pinyin == "bm beimen"
    assert registry.get("cam-0002").number == 2
    _, rows, total = await registry.change(2)
    assert [one.kind for one in rows] == ["credential", "channel", "channel"]
    assert total == 3
    assert rows[1].as_json() == {
        "kind": "channel",
        "object": "cam-0002",
        "action": "updated",
        "fields": {"name": ["城关镇第2路", "北门"]},
    }


async def test_columns_that_are_not_there_and_blank_cells_change_nothing(
    registry: Registry,
) -> None:
    await imported(registry, HEADER, row(1))
    before = registry.get("cam-0001")
    assert counts(await imported(registry, ("id", "name"), ("cam-0001", ""))) == (None, 0, 0, 1, 0)
    report = await imported(registry, ("id", "area"), ("CAM-0001", "城关镇"))
    assert counts(report) == (2, 0, 1, 0, 0)
    after = registry.get("cam-0001")
    assert (after.id, after.url, after.credential) == (before.id, before.url, before.credential)


async def test_a_new_password_in_an_address_is_an_update(registry: Registry) -> None:
    await imported(registry, HEADER, row(1))
    url = row(1)[2].replace("secret1", "new")
    assert counts(await imported(registry, HEADER, row(1, url=url))) == (2, 0, 1, 0, 0)
    assert registry.login(registry.get("cam-0001")) == Login("admin", "new")


async def test_all_mistakes_are_told_and_nothing_is_written(registry: Registry) -> None:
    report = await imported(
        registry,
        ("通道编号", "通道名称", "主码流地址", "端口", "经度"),
        ("a", "好的", "rtsp://h/", "", ""),
        ("b", "", "rtsp://u:CANARY@h:0/", "５５４x", ""),
        ("A", "重复", "rtsp://h/", "", ""),
        ("", "没有编号", "rtsp://h/", "", ""),
        ("c", "一半坐标", "rtsp://h/", "", "112"),
    )
    assert counts(report) == (None, 0, 0, 0, 4)
    assert [asdict(error) for error in report.errors] == [
        {"sheet": "通道", "row": 3, "column": "主码流地址", "value": "rtsp://***@h:0/",
         "message": "端口应在 1 到 65535 之间"},
        {"sheet": "通道", "row": 3, "column": "端口", "value": "５５４x",
         "message": "应为 1 到 65535 的整数"},
        {"sheet": "通道", "row": 3, "column": "通道名称", "value": "", "message": "通道要有名称"},
        {"sheet": "通道", "row": 4, "column": "通道编号", "value": "A",
         "message": "与第 2 行的通道编号重复"},
        {"sheet": "通道", "row": 5, "column": "通道编号", "value": "",
         "message": "通道编号和国标编码至少填一个"},
        {"sheet": "通道", "row": 6, "column": "经度", "value": "112",
         "message": "经度和纬度要么都填，要么都不填"},
    ]  # fmt: skip
    assert not registry.channels
    assert not registry.platforms
    assert await registry.changes() == []


async def test_good_rows_are_kept_when_partial(registry: Registry) -> None:
    bad = row(2, platform="x/y", url="rtsp://new:login@h/")
    report = await imported(registry, HEADER, row(1), bad, row(3), partial=True)
    assert counts(report) == (1, 2, 0, 0, 1)
    assert list(registry.channels) == ["cam-0001", "cam-0003"]
    assert [c.number for c in registry.channels.values()] == [1, 2]
    assert all(one.login.username == "admin" for one in registry.credentials.values())


async def test_a_dry_run_counts_and_writes_nothing(registry: Registry) -> None:
    await imported(registry, HEADER, row(1), row(2))
    report = await imported(
        registry, HEADER, row(1), row(2, name="x"), row(3), row(4, name=""), dry_run=True
    )
    assert counts(report) == (None, 1, 1, 1, 1)
    assert list(registry.channels) == ["cam-0001", "cam-0002"]
    assert len(await registry.changes()) == 1


async def test_pruning_removes_what_the_file_has_not(registry: Registry) -> None:
    await imported(registry, HEADER, row(1), row(2))
    report = await imported(registry, HEADER, row(2), row(3), prune=True)
    assert counts(report) == (2, 1, 0, 1, 0)
    assert list(registry.channels) == ["cam-0002", "cam-0003"]
    assert (await registry.changes())[0].removed == 1
    partly = await imported(registry, HEADER, row(9, name=""), partial=True, prune=True)
    assert partly.rejected == 1
    assert list(registry.channels) == ["cam-0002", "cam-0003"]


async def test_the_code_is_the_key_where_there_is_no_id(registry: Registry) -> None:
    head = ("国标编码", "名称", "主码流")
    code = "43042100001320000001"
    await imported(registry, head, (code, "a", "rtsp://h/"))
    assert list(registry.channels) == [code]
    assert counts(await imported(registry, head, (code, "b", "rtsp://h/"))) == (2, 0, 1, 0, 0)
    await imported(registry, ("id", *head), ("x", code, "x", "rtsp://h/"))
    report = await imported(registry, head, (code, "c", "rtsp://h/"))
    assert report.rejected == 1
    assert "2 个通道用此编码" in report.errors[0].message


async def test_planned_channels_need_no_address(registry: Registry) -> None:
    report = await imported(
        registry, ("id", "name", "lifecycle"), ("a", "a", "规划"), ("b", "b", "在用")
    )
    assert report.rejected == 1
    assert report.errors[0].column == "主码流地址"
    await imported(registry, ("id", "name", "lifecycle"), ("a", "a", "规划"))
    assert registry.get("a").lifecycle is Lifecycle.PLANNED


async def test_rows_of_several_sheets_are_one_import(registry: Registry) -> None:
    data = book({"公安": [HEADER, row(1)], "校园": [HEADER, row(2), row(1)]})
    report = await registry.import_file("r.xlsx", data, actor="me")
    assert report.rejected == 1
    assert report.errors[0].sheet == "校园"
    assert report.errors[0].message == "与公安 第 2 行的通道编号重复"


async def test_an_unreadable_file_is_an_error_of_its_own(registry: Registry) -> None:
    with pytest.raises(InputError, match="xlsx"):
        await registry.import_file("r.xlsx", b"PK\x03\x04", actor="me")
    assert not registry.channels


async def test_who_imported_what_is_kept(registry: Registry) -> None:
    await imported(registry, HEADER, row(1))
    change = (await registry.changes())[0]
    assert (change.id, change.actor, change.action, change.source) == (1, "me", "import", "r.xlsx")
    assert (change.created, change.updated, change.removed) == (1, 0, 0)


async def test_two_imports_at_once_do_not_mix(registry: Registry) -> None:
    one = text(HEADER, *(row(n, name=f"甲{n}") for n in range(450)))
    two = text(HEADER, *(row(n, name=f"乙{n}") for n in range(300, 700)))
    async with asyncio.TaskGroup() as tasks:
        made = [
            tasks.create_task(registry.import_file(f"{who}.csv", data, actor=who))
            for who, data in (("wang", one), ("li", two))
        ]
    first, second = sorted((task.result() for task in made), key=lambda report: report.change or 0)
    assert (first.change, second.change) == (1, 2)
    assert first.created + second.created == 700
    assert second.updated == 150
    winner = (await registry.changes(limit=1))[0].actor
    last = "甲" if winner == "wang" else "乙"
    assert {c.name[0] for c in list(registry.channels.values()) if 300 <= int(c.id[4:]) < 450} == {
        last
    }
    assert [change.updated for change in await registry.changes()] == [150, 0]


async def test_a_file_without_channels_prunes_nothing(registry: Registry) -> None:
    await imported(registry, HEADER, row(1))
    with pytest.raises(InputError, match="移除全部"):
        await imported(registry, HEADER, prune=True)
    assert list(registry.channels) == ["cam-0001"]


Hidden = Literal["hidden", "veryHidden"]


def hidden(sheets: Mapping[str, Sequence[Sequence[Any]]], name: str, state: Hidden) -> bytes:
    made = load_workbook(io.BytesIO(book(dict(sheets))))
    made[name].sheet_state = state
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


@pytest.mark.parametrize("state", ["hidden", "veryHidden"])
@pytest.mark.parametrize("dry_run", [False, True])
async def test_a_hidden_sheet_prunes_nothing(
    registry: Registry, state: Hidden, dry_run: bool
) -> None:
    await imported(registry, HEADER, row(1), row(2))
    data = hidden({"一": [HEADER, row(1)], "二": [HEADER, row(2)]}, "二", state)
    with pytest.raises(InputError, match="“二”：隐藏的工作表"):
        await registry.import_file("r.xlsx", data, prune=True, dry_run=dry_run, actor="me")
    assert len(registry.channels) == 2
    report = await registry.import_file("r.xlsx", data, actor="me")
    assert (report.unchanged, len(report.warnings)) == (1, 1)


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([row(2), row(3)], "没有找到表头"),
        ([("名称", "主码流", "平台"), row(2)[1:]], "没有“通道编号”"),
    ],
)
async def test_a_sheet_that_cannot_be_read_prunes_nothing(
    registry: Registry, rows: list[tuple[str, ...]], why: str
) -> None:
    await imported(registry, HEADER, row(1), row(2))
    data = book({"一": [HEADER, row(1)], "续": rows})
    with pytest.raises(InputError, match=f"“续”：{why}"):
        await registry.import_file("r.xlsx", data, prune=True, actor="me")
    assert len(registry.channels) == 2
    report = await registry.import_file("r.xlsx", data, actor="me")
    assert [(one.sheet, why in one.message) for one in report.warnings] == [("续", True)]


async def test_lists_and_notes_are_no_rows_to_miss(registry: Registry) -> None:
    await imported(registry, HEADER, row(1), row(2))
    lists = [("在用", "一类", "是"), ("规划", "二类", "否")]
    sheets: dict[str, Sequence[Sequence[Any]]] = {
        "说明": [("请填",), ("空白不改",)],
        "一": [HEADER, row(1)],
        "选项": lists,
    }
    data = hidden(sheets, "选项", "hidden")
    report = await registry.import_file("r.xlsx", data, prune=True, actor="me")
    assert (report.removed, report.warnings) == (1, [])


async def test_the_template_prunes(registry: Registry) -> None:
    await imported(registry, HEADER, row(1), row(2))
    made = load_workbook(io.BytesIO(await registry.template()))
    made.worksheets[0].append(["cam-0001"])
    out = io.BytesIO()
    made.save(out)
    report = await registry.import_file("r.xlsx", out.getvalue(), prune=True, actor="me")
    assert (report.removed, report.unchanged, report.warnings) == (1, 1, [])


async def test_rejected_rows_prune_nothing_and_it_is_said(registry: Registry) -> None:
    await imported(registry, HEADER, row(1), row(2))
    for partial, dry_run in ((True, False), (True, True), (False, True)):
        report = await imported(
            registry, HEADER, row(1), row(3, name=""), prune=True, partial=partial, dry_run=dry_run
        )
        assert (report.removed, report.rejected) == (0, 1)
        assert [one.message for one in report.warnings] == ["有错误的行，没有移除文件里没有的通道"]
    assert len(registry.channels) == 2


async def test_thousands_of_one_doubt_are_counted(registry: Registry) -> None:
    head = (*HEADER[:3], "国标编码", "所属平台")
    code = "430489000011800{:05}"
    rows = [
        (f"c{n}", "路口", f"rtsp://h/{n}", code.format(n + 1), f"平台{n % 2}") for n in range(300)
    ]
    report = await imported(registry, head, *rows, ("x", "x", "rtsp://h/7", "", ""))
    told = Counter(one.column for one in report.warnings)
    assert told == {"国标编码": 50, "点位编号": 50, "url": 1}
    assert {one.column: one.count for one in report.more} == {"国标编码": 250, "点位编号": 249}
    places = next(one.message for one in report.more if one.column == "点位编号")
    assert "同名而来自不同平台" in places
    # The marked sheet has them all.
    made = load_workbook(io.BytesIO((await registry.mark("r.xlsx", xlsx(head, *rows))).content))
    said = [cell.value for cell in made.worksheets[0]["F"]]
    assert sum("类型编码" in str(one) for one in said) == 300


async def test_what_would_be_removed_is_counted(registry: Registry) -> None:
    await imported(registry, HEADER, row(1), row(2))
    report = await imported(registry, HEADER, row(2), prune=True, dry_run=True)
    assert (report.change, report.removed, report.unchanged) == (None, 1, 1)
    assert len(registry.channels) == 2


async def test_a_box_is_about_new_places_only(db: Database, box: SecretBox, bus: Bus) -> None:
    head, beijing = ("id", "name", "url", "经度", "纬度"), ("a", "a", "rtsp://h/", 116.4, 39.9)
    async with Registry(db, box, bus, in_thread) as registry:
        await imported(registry, head, beijing)
    async with Registry(db, box, bus, in_thread, place=Place(108, 24, 115, 31)) as registry:
        assert (await imported(registry, head, beijing)).unchanged == 1
        await registry.set("a", {"name": "b"}, "me")
        with pytest.raises(InputError, match="范围"):
            await registry.set("a", {"longitude": "117", "latitude": "39.9"}, "me")
