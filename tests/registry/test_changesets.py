from typing import Any

import pytest

from tests.registry.files import HEADER, row, text
from vidgate.errors import ConflictError, NotFoundError
from vidgate.model.channel import Login
from vidgate.registry.registry import Registry


async def imported(registry: Registry, *numbers: int, **changes: str) -> None:
    rows = [row(number, **changes) for number in numbers]
    await registry.import_file("r.csv", text(HEADER, *rows), actor="me")


def content(registry: Registry) -> dict[str, Any]:
    """The register without what changes with every edit."""
    return {
        name: (channel.name, channel.url, registry.login(channel), channel.platform, channel.pinyin)
        for name, channel in registry.channels.items()
    }


async def test_an_import_is_undone_with_all_that_it_made(registry: Registry) -> None:
    await imported(registry, 1, 2, 3)
    undo = await registry.undo(1, "she")
    assert (undo.id, undo.action, undo.undoes, undo.removed) == (2, "undo", 1, 3)
    assert not registry.channels
    assert not registry.platforms
    assert not registry.credentials
    assert (await registry.changes())[1].undone_by == 2


async def test_an_update_is_undone(registry: Registry) -> None:
    await imported(registry, 1, 2)
    before = content(registry)
    await imported(registry, 1, 2, name="北门")
    await registry.undo(2, "me")
    assert content(registry) == before
    assert registry.get("cam-0001").revision == 3


async def test_a_removal_is_undone_with_number_and_login(registry: Registry) -> None:
    await imported(registry, 1, 2, 3)
    before = list(content(registry).items())
    await registry.remove("cam-0001", "me")
    await registry.undo(2, "me")
    assert list(content(registry).items()) == before
    assert registry.get("cam-0001").number == 1


async def test_a_number_taken_since_is_not_given_twice(registry: Registry) -> None:
    await imported(registry, 1, 2)
    await registry.remove("cam-0002", "me")
    await imported(registry, 3)
    await registry.undo(2, "me")
    assert {name: c.number for name, c in registry.channels.items()} == {
        "cam-0001": 1,
        "cam-0003": 2,
        "cam-0002": 3,
    }


async def test_an_undo_is_undone(registry: Registry) -> None:
    await imported(registry, 1, 2, 3)
    before = content(registry)
    await registry.undo(1, "me")
    await registry.undo(2, "me")
    assert content(registry) == before


async def test_a_whole_history_is_undone_step_by_step(registry: Registry) -> None:
    states = [content(registry)]
    await imported(registry, 1, 2)
    states.append(content(registry))
    await imported(registry, 2, 3, name="x")
    states.append(content(registry))
    await registry.remove("cam-0001", "me")
    states.append(content(registry))
    await registry.set("cam-0002", {"url": "rtsp://new:pw@10.0.0.9/"}, "me")
    for number in (4, 3, 2, 1):
        await registry.undo(number, "me")
        assert content(registry) == states[number - 1]


async def test_what_changed_since_is_a_conflict_and_nothing_is_undone(registry: Registry) -> None:
    await imported(registry, 1, 2)
    await registry.set("cam-0002", {"area": "x"}, "me")
    before = registry.channels
    with pytest.raises(ConflictError, match="1 项.*cam-0002"):
        await registry.undo(1, "me")
    assert registry.channels is before
    await registry.undo(2, "me")
    await registry.undo(1, "me")
    assert not registry.channels


async def test_a_change_is_undone_once(registry: Registry) -> None:
    await imported(registry, 1)
    await registry.undo(1, "me")
    with pytest.raises(ConflictError, match="已由变更 2 撤销"):
        await registry.undo(1, "me")
    with pytest.raises(NotFoundError):
        await registry.undo(99, "me")


async def test_what_others_use_by_now_stays(registry: Registry) -> None:
    await imported(registry, 1)
    await imported(registry, 4)  # the same login and platform
    await registry.undo(1, "me")
    assert registry.login(registry.get("cam-0004")) == Login("admin", "secret1")
    assert list(registry.platforms) == ["公安"]


async def test_a_platform_that_was_set_up_since_stays(registry: Registry) -> None:
    await imported(registry, 1)
    await registry.set_platform("公安", {"slots": 8}, "me")
    await registry.undo(1, "me")
    assert registry.platform("公安").slots == 8


async def test_platforms_and_credentials_are_undone(registry: Registry) -> None:
    await registry.set_platform("a", {"slots": 1}, "me")
    await registry.set_platform("a", {"slots": 2}, "me")
    await registry.set_credential("c", "u", "old", "me")
    await registry.set_credential("c", "u", "new", "me")
    await registry.undo(4, "me")
    assert registry.credentials["c"].login.password == "old"
    await registry.undo(2, "me")
    assert registry.platform("a").slots == 1
    await registry.undo(5, "me")
    assert registry.credentials["c"].login.password == "new"
    await registry.set_platform("a", {"slots": 3}, "me")
    with pytest.raises(ConflictError):
        await registry.undo(6, "me")


async def test_what_would_refer_to_nothing_is_a_conflict(registry: Registry) -> None:
    await imported(registry, 1)
    await registry.set("cam-0001", {"platform": "", "url": "rtsp://h/", "credential": ""}, "me")
    await registry.remove("cam-0001", "me")
    await registry.undo(3, "me")
    assert registry.get("cam-0001").platform == ""
    await registry.undo(2, "me")
    assert registry.get("cam-0001").platform == "公安"


async def test_a_large_change_is_shown_in_pages(registry: Registry) -> None:
    await imported(registry, *range(450))
    found: list[str] = []
    while True:
        change, rows, total = await registry.change(1, offset=len(found), limit=200)
        if not rows:
            break
        found += [one.object for one in rows]
    assert total == len(found) == 450 + 1 + 3  # channels, platform, credentials
    assert change.created == 450
    with pytest.raises(NotFoundError):
        await registry.change(2)
