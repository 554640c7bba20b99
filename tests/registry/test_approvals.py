"""Submitted channels and what is decided about them."""

import pytest

from vidgate.errors import ConflictError, NotFoundError, NotPermittedError
from vidgate.model.channel import Lifecycle
from vidgate.model.user import Actor
from vidgate.registry.approvals import Decision
from vidgate.registry.bulk import Wish
from vidgate.registry.registry import Registry
from vidgate.storage.audit import Audit
from vidgate.storage.database import Database

ENGINEER = Actor("engineer", may_accept=False)
ADMIN = Actor("admin", may_accept=True)
SUBMIT = Wish({"lifecycle": "commissioning"})


async def submitted(registry: Registry, *ids: str) -> None:
    for id_ in ids:
        fields = {"id": id_, "name": id_, "url": "rtsp://10.0.0.1/main", "lifecycle": "planned"}
        await registry.add(fields, ENGINEER)
    await registry.set_many(ids, SUBMIT, ENGINEER)


def step(registry: Registry, id_: str) -> Lifecycle:
    return registry.get(id_).lifecycle


async def test_who_submitted_last_is_known(registry: Registry) -> None:
    await submitted(registry, "a", "b")
    await registry.set("a", {"name": "甲"}, "later")
    first, second = await registry.submitted()
    assert [found.id for found, _ in (first, second)] == ["a", "b"]
    assert first[1] is not None
    assert (first[1].actor, first[1].action) == ("engineer", "bulk")
    await registry.decide(Decision("reject", ["a"], "画面不清"), ADMIN)
    assert [found.id for found, _ in await registry.submitted()] == ["b"]
    await registry.set_many(["a"], SUBMIT, "again")
    assert [change and change.actor for _, change in await registry.submitted()] == [
        "again",
        "engineer",
    ]


async def test_many_are_accepted_as_one_change_that_can_be_undone(registry: Registry) -> None:
    await submitted(registry, "a", "b", "c")
    report = await registry.decide(Decision("approve", ["a", "B", "a"], "现场已看"), ADMIN)
    assert len(report.rows) == 2
    assert registry.get("b").is_counted
    assert step(registry, "c") is Lifecycle.COMMISSIONING
    change = (await registry.changes())[0]
    assert (change.action, change.source, change.updated) == ("approve", "现场已看", 2)
    await registry.undo(change.id, ADMIN)
    assert step(registry, "a") is Lifecycle.COMMISSIONING
    assert len(await registry.submitted()) == 3


async def test_the_reason_stands_in_the_history_and_the_audit(
    registry: Registry, db: Database
) -> None:
    await submitted(registry, "a")
    await registry.decide(Decision("reject", ["a"], "镜头被树挡住"), ADMIN)
    assert step(registry, "a") is Lifecycle.PLANNED
    change, row = (await registry.history("a"))[0]
    assert (change.actor, change.action, change.source) == ("admin", "reject", "镜头被树挡住")
    assert row.as_json()["fields"]["lifecycle"] == ["commissioning", "planned"]
    entry = (await Audit(db).rows(limit=1))[0]
    assert (entry.actor, entry.action, entry.object) == ("admin", "register.reject", "镜头被树挡住")


async def test_what_does_not_wait_is_not_decided(registry: Registry) -> None:
    await submitted(registry, "a", "b")
    await registry.decide(Decision("approve", ["a"], ""), ADMIN)
    with pytest.raises(ConflictError, match="a"):
        await registry.decide(Decision("reject", ["b", "a"], "迟了"), ADMIN)
    assert step(registry, "b") is Lifecycle.COMMISSIONING
    with pytest.raises(NotFoundError):
        await registry.decide(Decision("approve", ["none"], ""), ADMIN)


async def test_who_may_not_accept_may_not_send_back_either(registry: Registry) -> None:
    await submitted(registry, "a")
    for verdict in ("approve", "reject"):
        with pytest.raises(NotPermittedError):
            await registry.decide(Decision(verdict, ["a"], "x"), ENGINEER)
    assert step(registry, "a") is Lifecycle.COMMISSIONING
