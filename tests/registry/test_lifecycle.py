"""The steps of a channel's life, and who may let it count."""

from collections.abc import Mapping

import pytest

from vidgate.errors import InputError, NotPermittedError
from vidgate.model.channel import TRANSITIONS, Lifecycle
from vidgate.model.user import Actor
from vidgate.registry.bulk import Wish
from vidgate.registry.registry import Registry

URL = "rtsp://10.0.0.1/main"
ENGINEER = Actor("engineer", may_accept=False)
ADMIN = Actor("admin", may_accept=True)


async def at(registry: Registry, step: Lifecycle) -> None:
    fields: Mapping[str, str] = {"id": "a", "name": "甲", "url": URL, "lifecycle": step.value}
    await registry.add(fields, ENGINEER)


@pytest.mark.parametrize("before", Lifecycle)
@pytest.mark.parametrize("after", Lifecycle)
async def test_only_the_steps_of_the_table(
    registry: Registry, before: Lifecycle, after: Lifecycle
) -> None:
    await at(registry, before)
    if after is before or after in TRANSITIONS[before]:
        channel = await registry.set("a", {"lifecycle": after.value}, ADMIN)
        assert channel.lifecycle is after
    else:
        with pytest.raises(InputError, match="lifecycle"):
            await registry.set("a", {"lifecycle": after.value}, ADMIN)


async def test_a_registered_channel_is_accepted_by_who_may(registry: Registry) -> None:
    await at(registry, Lifecycle.COMMISSIONING)
    with pytest.raises(NotPermittedError, match="验收权限"):
        await registry.set("a", {"lifecycle": "在用"}, ENGINEER)
    wish = Wish({"lifecycle": "accepted"})
    with pytest.raises(NotPermittedError, match="验收权限"):
        await registry.set_many(["a"], wish, ENGINEER)
    file = "通道编号,建设阶段\na,在用\n".encode()
    report = await registry.import_file("a.csv", file, actor=ENGINEER)
    assert (report.rejected, report.errors[0].column) == (1, "建设阶段")
    await registry.set_many(["a"], wish, ADMIN)
    assert registry.get("a").is_counted
    # What is accepted can be changed by an engineer, and be taken out of work.
    await registry.set("a", {"name": "乙"}, ENGINEER)
    await registry.set("a", {"lifecycle": "suspended"}, ENGINEER)
    changes = await registry.changes()
    assert {change.actor for change in changes} == {"engineer", "admin"}
