import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.registry.conftest import in_thread
from tests.registry.files import HEADER, row, text
from vidgate.aio.bus import Bus
from vidgate.aio.supervisor import cancel_and_wait
from vidgate.errors import ConflictError, InputError, NotFoundError, StorageError
from vidgate.media.worker import WorkerPool
from vidgate.model.channel import Kind, Login, Transport
from vidgate.model.media import Variant
from vidgate.registry.preconditions import Precondition
from vidgate.registry.registry import Registry
from vidgate.storage.audit import Audit
from vidgate.storage.database import Database
from vidgate.storage.secrets import SecretBox

T = TypeVar("T")

CAM = {"id": "Cam-1", "name": "城关镇", "url": "rtsp://admin:secret@10.0.0.1/main"}


def told(bus: Bus) -> list[tuple[str, str, dict[str, Any]]]:
    return [(event.type, event.object, dict(event.data)) for event in bus.since(0)[1]]


def everything_in(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.glob("vidgate.db*"))


async def test_a_channel_is_added_with_its_login_apart(registry: Registry) -> None:
    channel = await registry.add({**CAM, "tags": ["a"], "port": 554, "transport": "udp"}, "me")
    assert channel == registry.get("CAM-1") == registry.channels["cam-1"]
    assert (channel.id, channel.url) == ("Cam-1", "rtsp://10.0.0.1/main")
    assert (channel.tags, channel.port, channel.transport) == (("a",), 554, Transport.UDP)
    assert (channel.number, channel.revision, channel.pinyin) == (1, 1, "cgz chengguanzhen")
    assert registry.login(channel) == Login("admin", "secret")
    assert registry.address(channel, Variant.MAIN) == "rtsp://10.0.0.1/main"
    assert registry.address(channel, Variant.SUB) == ""
    assert "secret" not in repr(registry.credentials)


async def test_everything_is_there_after_a_restart(
    db: Database, box: SecretBox, bus: Bus, registry: Registry
) -> None:
    for number in range(3):
        await registry.add({**CAM, "id": f"c{2 - number}", "platform": "公安"}, "me")
    await registry.set_platform("公安", {"slots": 16}, "me")
    async with Registry(db, box, bus, in_thread) as again:
        assert list(again.channels.items()) == list(registry.channels.items())
        assert again.platforms == registry.platforms
        assert {name: one.login for name, one in again.credentials.items()} == {
            name: one.login for name, one in registry.credentials.items()
        }
        assert [channel.number for channel in again.channels.values()] == [1, 2, 3]


async def test_another_key_does_not_open_the_register(
    db: Database, tmp_path: Path, bus: Bus, registry: Registry
) -> None:
    await registry.add(CAM, "me")
    other = await asyncio.to_thread(SecretBox, tmp_path / "other")
    with pytest.raises(StorageError, match=r"secret\.key"):
        async with Registry(db, other, bus, in_thread):
            pass


async def test_ids_are_unique_ignoring_case(registry: Registry) -> None:
    await registry.add(CAM, "me")
    with pytest.raises(ConflictError, match="已登记"):
        await registry.add({**CAM, "id": "cAM-1"}, "me")


async def test_the_code_is_the_id_of_who_has_none(registry: Registry) -> None:
    code = "43042100001320000001"
    channel = await registry.add({"gb_code": code, "name": "a", "kind": "push"}, "me")
    assert (channel.id, channel.kind) == (code, Kind.PUSH)
    twin = await registry.add({"id": "x", "gb_code": code, "name": "a", "kind": "push"}, "me")
    assert twin.id == "x"


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"name": "a"}, "至少填一个"),
        ({"id": "a", "url": "rtsp://h/"}, "名称"),
        ({"id": "a", "name": "a"}, "主码流地址"),
        ({"id": "a/b", "name": "a", "url": "rtsp://h/"}, "字母"),
        ({"id": "a", "name": "a", "url": "http://h/"}, "不支持"),
        ({"id": "a", "name": "a", "url": "rtsp://h/", "colour": "red"}, "colour"),
        ({"id": "a", "name": "a", "url": "rtsp://h/", "number": 7}, "number"),
        ({"id": "a", "name": "a", "url": "rtsp://h/", "credential": "x"}, "没有名为 x"),
    ],
)
async def test_wrong_fields_are_refused_and_nothing_is_kept(
    registry: Registry, fields: dict[str, Any], why: str
) -> None:
    with pytest.raises(InputError, match=why):
        await registry.add(fields, "me")
    assert not registry.channels
    assert not registry.credentials
    assert await registry.changes() == []


async def test_fields_are_set_and_cleared(registry: Registry) -> None:
    await registry.add({**CAM, "area": "城关", "longitude": 112.5, "latitude": 26.5}, "me")
    changed = await registry.set("cam-1", {"name": "北门", "enabled": False, "area": ""}, "me")
    assert (changed.name, changed.enabled, changed.area) == ("北门", False, "")
    assert (changed.pinyin, changed.revision, changed.number) == ("bm beimen", 2, 1)
    moved = await registry.set("cam-1", {"longitude": None, "latitude": None}, "me")
    assert (moved.longitude, moved.revision) == (None, 3)


async def test_setting_the_same_changes_nothing(registry: Registry, bus: Bus) -> None:
    before = await registry.add(CAM, "me")
    seq = bus.seq
    assert await registry.set("cam-1", {"name": "城关镇", "url": CAM["url"]}, "me") is before
    assert bus.seq == seq
    assert len(await registry.changes()) == 1


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"id": "x"}, "id"),
        ({"name": ""}, "名称"),
        ({"name": None}, "名称"),
        ({"port": "x"}, "port"),
        ({"longitude": 1.0}, "经度"),
        ({"password": "x"}, "用户名"),
    ],
)
async def test_a_wrong_change_is_refused(
    registry: Registry, fields: dict[str, Any], why: str
) -> None:
    before = await registry.add(CAM, "me")
    with pytest.raises(InputError, match=why):
        await registry.set("cam-1", fields, "me")
    assert registry.get("cam-1") is before


async def test_a_change_of_something_older_is_a_conflict(registry: Registry) -> None:
    await registry.add(CAM, "me")
    await registry.set("cam-1", {"area": "a"}, "me", given=Precondition({1}))
    with pytest.raises(ConflictError, match="他人修改"):
        await registry.set("cam-1", {"area": "b"}, "me", given=Precondition({1}))


async def test_what_is_not_there_is_not_found(registry: Registry) -> None:
    for attempt in (registry.set("x", {"name": "a"}, "me"), registry.remove("x", "me")):
        with pytest.raises(NotFoundError):
            await attempt
    with pytest.raises(NotFoundError):
        registry.get("x")
    with pytest.raises(NotFoundError):
        registry.platform("x")


async def test_a_removed_channel_is_gone_and_its_number_free_for_none_but_the_next(
    registry: Registry,
) -> None:
    for name in ("a", "b", "c"):
        await registry.add({**CAM, "id": name}, "me")
    await registry.remove("A", "me")
    assert list(registry.channels) == ["b", "c"]
    assert (await registry.add({**CAM, "id": "d"}, "me")).number == 4


async def test_one_login_is_one_credential(registry: Registry) -> None:
    one = await registry.add(CAM, "me")
    two = await registry.add({**CAM, "id": "c2", "url": "rtsp://admin:secret@10.0.0.2/"}, "me")
    other = await registry.add({**CAM, "id": "c3", "url": "rtsp://admin:other@10.0.0.2/"}, "me")
    assert one.credential == two.credential != other.credential
    assert registry.uses() == {one.credential: 2, other.credential: 1}
    assert "secret" not in one.credential


async def test_a_named_credential_serves_the_same_login(registry: Registry) -> None:
    await registry.set_credential("站点", "admin", "secret", "me")
    assert (await registry.add(CAM, "me")).credential == "站点"
    named = await registry.add(
        {"id": "b", "name": "b", "url": "rtsp://h/", "credential": "站点"}, "me"
    )
    assert registry.login(named) == Login("admin", "secret")
    with pytest.raises(InputError, match="只填一处"):
        await registry.set("b", {"url": "rtsp://admin:x@h/", "credential": "站点"}, "me")


async def test_a_credential_changes_for_all_and_tells(registry: Registry, bus: Bus) -> None:
    channel = await registry.add(CAM, "me")
    seq = bus.seq
    await registry.set_credential(channel.credential, "admin", "new", "me")
    assert registry.login(channel) == Login("admin", "new")
    assert [event.type for event in bus.since(seq)[1]] == ["credential.changed", "register.changed"]
    await registry.set_credential(channel.credential, "admin", "new", "me")
    assert bus.seq == seq + 3  # said again: to be tried again
    # The old login in an address is another credential now, and does not undo the new one.
    again = await registry.set("cam-1", {"url": CAM["url"]}, "me")
    assert again.credential != channel.credential
    assert registry.credentials[channel.credential].login.password == "new"


@pytest.mark.parametrize(
    ("name", "username", "password"),
    [("", "u", "p"), ("a/b", "u", "p"), ("a", "", "p"), ("a", " u", "p"), ("a", "u", "\n")],
)
async def test_wrong_credentials_are_refused(
    registry: Registry, name: str, username: str, password: str
) -> None:
    with pytest.raises(InputError):
        await registry.set_credential(name, username, password, "me")
    assert not registry.credentials


async def test_an_empty_password_is_a_password(registry: Registry) -> None:
    await registry.set_credential("a", "admin", "", "me")
    assert registry.credentials["a"].login == Login("admin", "")


async def test_platforms_are_made_and_set(registry: Registry, bus: Bus) -> None:
    await registry.add({**CAM, "platform": "应急"}, "me")
    made = registry.platform("应急")
    assert (made.name, made.slots) == ("应急", 0)
    set_ = await registry.set_platform(
        "应急", {"name": "应急平台", "slots": "16", "describe_proves": True}, "me"
    )
    assert (set_.name, set_.slots, set_.describe_proves) == ("应急平台", 16, True)
    assert (await registry.set_platform("应急", {"slots": ""}, "me")).slots == 0
    by_name = await registry.add({**CAM, "id": "b", "platform": "应急平台"}, "me")
    assert by_name.platform == "应急"
    assert ("platform.changed", "应急", {"change": 2}) in told(bus)


@pytest.mark.parametrize(
    ("id_", "fields", "why"),
    [
        ("", {}, "id"),
        ("a/b", {}, "不能含有"),
        ("a", {"slots": -1}, "slots"),
        ("a", {"resolver": "shell"}, "static"),
        ("a", {"colour": 1}, "colour"),
        ("a", {"describe_parallel": 0}, "describe_parallel"),
    ],
)
async def test_wrong_platforms_are_refused(
    registry: Registry, id_: str, fields: dict[str, Any], why: str
) -> None:
    with pytest.raises(InputError, match=why):
        await registry.set_platform(id_, fields, "me")
    assert not registry.platforms


async def test_changes_are_told_one_by_one_when_few(registry: Registry, bus: Bus) -> None:
    await registry.add(CAM, "me")
    await registry.set("cam-1", {"area": "a"}, "me")
    await registry.remove("cam-1", "me")
    assert [event for event in told(bus) if event[0] == "channel.changed"] == [
        ("channel.changed", "Cam-1", {"kind": kind}) for kind in ("added", "changed", "removed")
    ]
    assert told(bus)[-1] == (
        "register.changed",
        "",
        {"change": 3, "created": 0, "updated": 0, "removed": 1},
    )


async def test_changes_are_told_once_when_many(registry: Registry, bus: Bus) -> None:
    data = text(HEADER, *map(row, range(51)))
    await registry.import_file("r.csv", data, actor="me")
    assert "channel.changed" not in {type_ for type_, _, _ in told(bus)}
    assert told(bus)[-1][2] == {"change": 1, "created": 51, "updated": 0, "removed": 0}


async def test_who_holds_the_mapping_sees_no_change(registry: Registry) -> None:
    before = registry.channels
    await registry.add(CAM, "me")
    assert len(before) == 0
    assert len(registry.channels) == 1


async def test_a_caller_that_goes_away_does_not_stop_an_edit(
    db: Database, box: SecretBox, bus: Bus
) -> None:
    go = asyncio.Event()
    asked = asyncio.Event()

    async def slow(function: Callable[..., T], /, *args: Any) -> T:
        asked.set()
        await go.wait()
        return await in_thread(function, *args)

    async with Registry(db, box, bus, slow) as registry, asyncio.TaskGroup() as tasks:
        caller = tasks.create_task(registry.add(CAM, "me"))
        await asked.wait()
        await cancel_and_wait(caller)
        go.set()
        async with bus.subscribe(["register.changed"]) as events:
            await events.get()
        assert "cam-1" in registry.channels


async def test_an_edit_that_cannot_be_written_changes_nothing_in_memory(
    db: Database, registry: Registry, bus: Bus
) -> None:
    await registry.add(CAM, "me")
    async with db.write() as session:
        pages = (await session.exec_driver_sql("PRAGMA page_count")).scalar_one()
        await session.exec_driver_sql(f"PRAGMA max_page_count={pages}")
    before, seq = registry.channels, bus.seq
    data = text(HEADER, *map(row, range(2000)))
    with pytest.raises(StorageError):
        await registry.import_file("r.csv", data, actor="me")
    assert registry.channels is before
    assert bus.seq == seq


async def test_every_edit_is_audited_without_secrets(db: Database, registry: Registry) -> None:
    channel = await registry.add(CAM, "张三")
    await registry.set("cam-1", {"area": "a"}, "me")
    await registry.set_credential(channel.credential, "admin", "CANARY", "me")
    await registry.set_platform("公安", {}, "me")
    await registry.remove("cam-1", "me")
    await registry.undo(5, "me")
    audit = Audit(db)
    rows = list(reversed(await audit.rows()))
    assert [row.action for row in rows] == [
        f"register.{action}"
        for action in ("add", "set", "credential", "platform", "remove", "undo")
    ]
    assert rows[0].actor == "张三"
    assert (await audit.verify()).broken is None


async def test_no_password_is_in_the_database_file(
    db: Database, registry: Registry, tmp_path: Path
) -> None:
    channel = await registry.add({**CAM, "url": "rtsp://admin:CANARY1@10.0.0.1/"}, "me")
    await registry.set_credential(channel.credential, "admin", "CANARY2", "me")
    data = text(HEADER, row(1, url="rtsp://admin:CANARY3@10.0.0.1/"))
    await registry.import_file("r.csv", data, actor="me")
    content = await asyncio.to_thread(everything_in, tmp_path)
    assert len(content) > 10_000
    assert b"CANARY" not in content
    change, rows, _ = await registry.change(2)
    assert change.action == "credential"
    assert rows[0].as_json()["fields"] == {"password": ["***", "***"]}


async def test_the_worker_process_does_the_reading(db: Database, box: SecretBox, bus: Bus) -> None:
    async with WorkerPool("test") as pool, Registry(db, box, bus, pool.run) as registry:
        report = await registry.import_file("r.csv", text(HEADER, row(1)), actor="me")
        assert report.created == 1
        with pytest.raises(InputError, match="表头") as caught:
            await registry.import_file("r.csv", b"", actor="me")
        assert "template" in caught.value.hint
        assert pool.starts == 1


async def test_the_service_process_loads_no_spreadsheet_library(registry: Registry) -> None:
    program = (
        "import sys, vidgate.registry.registry;"
        "print([n for n in ('python_calamine', 'openpyxl', 'pypinyin', 'alembic', 'cv2')"
        " if n in sys.modules])"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert out.strip() == b"[]"
