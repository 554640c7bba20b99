"""Acceptance cannot be got round by leaving the register and coming back, nor by undoing."""

import pytest

from tests.registry.conftest import in_thread
from vidgate.aio.bus import Bus
from vidgate.errors import InputError, NotPermittedError
from vidgate.model.channel import Lifecycle
from vidgate.model.user import Actor
from vidgate.registry.bulk import Wish
from vidgate.registry.registry import Registry
from vidgate.storage.database import Database
from vidgate.storage.secrets import SecretBox

ENGINEER = Actor("engineer", may_accept=False)
ADMIN = Actor("admin", may_accept=True)
CODE = "43048900001320000001"
HEAD = "通道编号,通道名称,国标编码,主码流地址,建设阶段"
SUBMITTED = {"id": "Cam", "name": "甲", "gb_code": CODE, "url": "rtsp://h/1"}


async def imported(registry: Registry, *rows: str, actor: str = ENGINEER) -> list[str]:
    data = "\n".join((HEAD, *rows)).encode()
    report = await registry.import_file("r.csv", data, actor=actor)
    return [error.message for error in report.errors]


async def submitted(registry: Registry) -> None:
    await registry.add(SUBMITTED | {"lifecycle": "commissioning"}, ENGINEER)


@pytest.mark.parametrize("step", ["", "在用"])
@pytest.mark.parametrize("id_", ["Cam", "CAM", "", "other"])
async def test_a_submitted_channel_does_not_come_back_accepted(
    registry: Registry, id_: str, step: str
) -> None:
    await submitted(registry)
    await registry.remove("Cam", ENGINEER)
    (message,) = await imported(registry, f"{id_},甲,{CODE},rtsp://h/1,{step}")
    assert "曾是“调试”" in message
    assert "验收权限" in message
    fields = SUBMITTED | {"lifecycle": step, "id": id_ or CODE}
    with pytest.raises(NotPermittedError, match="验收权限"):
        await registry.add(fields, ENGINEER)
    assert not registry.channels
    # As it was it may come back, and who may accept may accept it.
    assert await imported(registry, f"{id_},甲,{CODE},rtsp://h/1,调试") == []
    (channel,) = registry.channels.values()
    await registry.set(channel.id, {"lifecycle": "accepted"}, ADMIN)


async def test_who_may_accept_may_bring_it_back_accepted(registry: Registry) -> None:
    await submitted(registry)
    await registry.remove("Cam", ENGINEER)
    await registry.add(SUBMITTED, ADMIN)
    # It was accepted when it left: nothing is to be approved again.
    await registry.remove("Cam", ENGINEER)
    assert await imported(registry, f"cam,甲,{CODE},rtsp://h/1,在用") == []


async def test_a_code_that_was_accepted_since_is_free(registry: Registry) -> None:
    await submitted(registry)
    await registry.remove("Cam", ENGINEER)
    await registry.add(SUBMITTED | {"id": "new"}, ADMIN)
    await registry.remove("new", ENGINEER)
    assert await imported(registry, f"new,甲,{CODE},rtsp://h/1,在用") == []


async def test_undoing_the_import_is_leaving_too(registry: Registry) -> None:
    assert await imported(registry, f"a,甲,{CODE},rtsp://h/1,规划") == []
    await registry.undo(1, ENGINEER)
    (message,) = await imported(registry, f"a,甲,{CODE},rtsp://h/1,在用")
    assert "曾是“规划”" in message


async def test_pruning_is_leaving_too(registry: Registry) -> None:
    await submitted(registry)
    data = f"{HEAD}\nb,乙,,rtsp://h/2,\n".encode()
    await registry.import_file("r.csv", data, prune=True, actor=ENGINEER)
    assert await imported(registry, f"Cam,甲,{CODE},rtsp://h/1,在用")


async def test_it_is_remembered_over_a_restart(db: Database, box: SecretBox, bus: Bus) -> None:
    async with Registry(db, box, bus, in_thread) as registry:
        await submitted(registry)
        await registry.remove("Cam", ENGINEER)
    async with Registry(db, box, bus, in_thread) as registry:
        with pytest.raises(NotPermittedError):
            await registry.add(SUBMITTED, ENGINEER)
        await registry.add(SUBMITTED, ADMIN)
        await registry.remove("Cam", ENGINEER)
    async with Registry(db, box, bus, in_thread) as registry:
        await registry.add(SUBMITTED, ENGINEER)


async def test_a_submitted_code_has_no_second_channel_on_its_platform(registry: Registry) -> None:
    await registry.add(SUBMITTED | {"lifecycle": "commissioning", "platform": "公安"}, ENGINEER)
    fields = SUBMITTED | {"id": "b", "platform": "公安"}
    with pytest.raises(NotPermittedError, match="Cam"):
        await registry.add(fields, ENGINEER)
    # Through another platform, by its address there, it is a second channel of the point.
    await registry.add(fields | {"platform": "校园", "url": "rtsp://h2/1"}, ENGINEER)


async def approved(registry: Registry) -> int:
    """A submitted channel with its approval; the number of that change."""
    await submitted(registry)
    report = await registry.set_many(["Cam"], Wish({"lifecycle": "accepted"}), ADMIN)
    return report.change or 0


async def test_an_approval_taken_back_is_not_redone_by_an_engineer(registry: Registry) -> None:
    change = await approved(registry)
    back = await registry.undo(change, ENGINEER)
    assert registry.get("cam").lifecycle is Lifecycle.COMMISSIONING
    with pytest.raises(NotPermittedError, match="Cam"):
        await registry.undo(back.id, ENGINEER)
    assert registry.get("cam").lifecycle is Lifecycle.COMMISSIONING
    await registry.undo(back.id, ADMIN)
    assert registry.get("cam").is_counted


async def test_a_removal_is_undone_as_it_was(registry: Registry) -> None:
    await approved(registry)
    await registry.remove("Cam", ENGINEER)
    await registry.undo(3, ENGINEER)
    assert registry.get("cam").is_counted
    await registry.set("Cam", {"lifecycle": "suspended"}, ENGINEER)
    await registry.remove("Cam", ENGINEER)
    await registry.undo(6, ENGINEER)
    assert registry.get("cam").lifecycle is Lifecycle.SUSPENDED


async def test_what_is_no_acceptance_is_undone_by_an_engineer(registry: Registry) -> None:
    await approved(registry)
    await registry.set("Cam", {"name": "乙"}, ENGINEER)
    await registry.undo(3, ENGINEER)
    assert registry.get("cam").name == "甲"


async def test_approving_many_without_the_permission_is_not_permitted(registry: Registry) -> None:
    await submitted(registry)
    with pytest.raises(NotPermittedError, match="验收权限"):
        await registry.set_many(["Cam"], Wish({"lifecycle": "accepted"}), ENGINEER)
    with pytest.raises(InputError):
        await registry.set_many(["Cam"], Wish({"lifecycle": "sleeping"}), ENGINEER)


NVR = {"name": "甲", "vendor": "海康", "address": "10.1.2.3", "channel_no": "3"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"url": "rtsp://h/1"}, {"url": "rtsp://H:554/1"}),
        (NVR, NVR | {"channel_no": "03", "port": "554"}),
        (NVR, NVR | {"vendor": "hikvision", "port": "8000"}),
        (NVR, {"url": "rtsp://10.1.2.3/Streaming/Channels/301"}),
        ({"url": "rtsp://10.1.2.3:554/Streaming/Channels/301"}, NVR),
    ],
)
@pytest.mark.parametrize("is_removed", [True, False])
async def test_a_submitted_camera_under_another_id_needs_the_permission(
    registry: Registry, before: dict[str, str], after: dict[str, str], is_removed: bool
) -> None:
    step = {"lifecycle": "commissioning"}
    await registry.add({"id": "cm", "name": "甲"} | before | step, ENGINEER)
    if is_removed:
        await registry.remove("cm", ENGINEER)
    other = {"id": "cm2", "name": "乙"} | after
    with pytest.raises(NotPermittedError, match="cm"):
        await registry.add(other, ENGINEER)
    cells = ("id", "name", "vendor", "address", "port", "channel_no", "url")
    file = ",".join(cells) + "\n" + ",".join(other.get(name, "") for name in cells)
    report = await registry.import_file("r.csv", file.encode(), actor=ENGINEER)
    assert ["验收权限" in error.message for error in report.errors] == [True]
    assert "cm2" not in registry.channels
    await registry.add(other | step, ENGINEER)  # put up for acceptance it may be
    await registry.set("cm2", {"lifecycle": "accepted"}, ADMIN)
    await registry.remove("cm2", ENGINEER)
    if is_removed:
        await registry.add(other, ENGINEER)  # it was accepted since


@pytest.mark.parametrize("change", [{"channel_no": "4"}, {"address": "10.1.2.4"}, {"port": "8554"}])
async def test_another_input_of_a_device_is_another_camera(
    registry: Registry, change: dict[str, str]
) -> None:
    await registry.add({"id": "cm", "lifecycle": "commissioning"} | NVR, ENGINEER)
    await registry.remove("cm", ENGINEER)
    await registry.add({"id": "cm2"} | NVR | change, ENGINEER)
    assert list(registry.channels) == ["cm2"]


async def test_a_camera_is_remembered_over_a_restart(
    db: Database, box: SecretBox, bus: Bus
) -> None:
    async with Registry(db, box, bus, in_thread) as registry:
        await registry.add({"id": "cm", "lifecycle": "planned"} | NVR, ENGINEER)
        await registry.remove("cm", ENGINEER)
    async with Registry(db, box, bus, in_thread) as registry:
        with pytest.raises(NotPermittedError, match="cm"):
            await registry.add({"id": "cm2"} | NVR, ENGINEER)


async def test_pointing_an_accepted_channel_at_it_frees_no_camera(registry: Registry) -> None:
    await registry.add({"id": "cm", "lifecycle": "planned"} | NVR, ENGINEER)
    await registry.remove("cm", ENGINEER)
    await registry.add({"id": "other", "name": "丙", "url": "rtsp://h/1"}, ENGINEER)
    await registry.set("other", {"url": "rtsp://10.1.2.3/Streaming/Channels/301"}, ENGINEER)
    await registry.set("other", {"gb_code": CODE}, ENGINEER)
    with pytest.raises(NotPermittedError, match="cm"):
        await registry.add({"id": "cm2"} | NVR, ENGINEER)
