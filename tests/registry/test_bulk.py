import pytest

from vidgate.aio.bus import Bus
from vidgate.errors import InputError, NotFoundError
from vidgate.registry.bulk import Wish
from vidgate.registry.registry import Registry


@pytest.fixture
async def registry(registry: Registry) -> Registry:
    """Three channels: c1 and c2 of one department, c3 not delivered yet and without an address."""
    for number in (1, 2):
        await registry.add(
            {
                "id": f"c{number}",
                "name": f"河堤{number}",
                "url": f"rtsp://10.0.0.{number}/a",
                "department": "公安",
                "tags": "河道,重点",
            },
            "wang",
        )
    await registry.add({"id": "c3", "name": "规划", "lifecycle": "planned"}, "wang")
    return registry


async def test_many_channels_change_as_one_and_go_back_as_one(registry: Registry) -> None:
    wish = Wish({"department": "应急", "enabled": False}, ["防汛"], ["重点"])
    report = await registry.set_many(["C1", "c2", "c1"], wish, "wang")
    assert [row.object for row in report.rows] == ["c1", "c2"]
    assert registry.get("c1").department == "应急"
    assert registry.get("c2").tags == ("河道", "防汛")
    assert not registry.get("c2").enabled
    assert registry.get("c3").department == ""

    assert report.change is not None
    change, rows, total = await registry.change(report.change)
    assert (change.action, change.source, change.updated, total) == ("bulk", "c1 c2", 2, 2)
    assert rows == report.rows
    await registry.undo(report.change, "wang")
    assert registry.get("c1").department == "公安"
    assert registry.get("c2").tags == ("河道", "重点")


async def test_a_dry_run_tells_the_same_and_changes_nothing(registry: Registry, bus: Bus) -> None:
    wish = Wish({"area": "城关镇"})
    told = await registry.set_many(["c1", "c2", "c3"], wish, "wang", dry_run=True)
    assert told.change is None
    assert registry.get("c1").area == ""
    done = await registry.set_many(["c1", "c2", "c3"], wish, "wang")
    assert done.rows == told.rows
    again = await registry.set_many(["c1", "c2", "c3"], wish, "wang")
    assert (again.change, again.unchanged, again.rows) == (None, 3, [])


async def test_one_that_cannot_take_it_stops_all_of_them(registry: Registry) -> None:
    with pytest.raises(InputError, match="c3: url: "):
        await registry.set_many(["c1", "c3"], Wish({"lifecycle": "accepted", "area": "x"}), "wang")
    assert registry.get("c1").area == ""


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        (Wish(), "没有要修改的字段"),
        (Wish({"name": "同名"}), "不能批量设置: name"),
        (Wish({"nonsense": "x"}), "不能批量设置: nonsense"),
        (Wish({"enabled": "也许"}), "enabled: 应为"),
        (Wish({"credential": "none"}), "c1: credential: 没有名为 none 的凭据"),
        (Wish({}, ["x" * 40]), "tags: 最多 20 个标签"),
        (Wish({}, [f"t{number}" for number in range(19)]), "c1: tags: 最多 20 个标签"),
    ],
)
async def test_a_wrong_wish_is_explained(registry: Registry, wish: Wish, message: str) -> None:
    with pytest.raises(InputError, match=message):
        await registry.set_many(["c1"], wish, "wang")
    assert len(await registry.changes()) == 3


async def test_an_unknown_channel_is_named(registry: Registry) -> None:
    with pytest.raises(NotFoundError, match="没有通道 c9"):
        await registry.set_many(["c1", "c9"], Wish({"area": "x"}), "wang")
