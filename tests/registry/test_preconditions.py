from contextlib import nullcontext
from dataclasses import replace

import pytest

from vidgate.errors import ConflictError, StaleError
from vidgate.model.channel import Channel
from vidgate.model.user import Actor
from vidgate.registry.bulk import Wish
from vidgate.registry.preconditions import NONE, Precondition
from vidgate.registry.registry import Registry

CHANNELS = [Channel(id="A", name="a", revision=3), Channel(id="b", name="b", revision=5)]
ME = Actor("me", may_accept=True)


@pytest.mark.parametrize(
    "given",
    [
        NONE,
        Precondition(any_of={3, 5}),
        Precondition(each={"a": 3}),
        Precondition(each={"A": 3, "B": 5, "c": 9}),
    ],
)
def test_what_was_seen_is_still_so(given: Precondition) -> None:
    given.check(CHANNELS)
    edited = [replace(channel, revision=channel.revision + 10) for channel in CHANNELS]
    with nullcontext() if given is NONE else pytest.raises(StaleError):
        given.check(edited)


@pytest.mark.parametrize(
    ("given", "stale"),
    [
        (Precondition(any_of={3}), "b"),
        (Precondition(any_of=()), "A、b"),
        (Precondition(each={"a": 2}), "A"),
        (Precondition(each={"A": 3, "b": 4}), "b"),
    ],
)
def test_what_changed_since_is_named(given: Precondition, stale: str) -> None:
    with pytest.raises(StaleError, match=f"通道 {stale} 已被他人修改"):
        given.check(CHANNELS)


def test_a_stale_writer_is_in_conflict() -> None:
    with pytest.raises(ConflictError, match="c4 等 9 个"):
        Precondition(any_of=()).check([Channel(id=f"c{n}", name="") for n in range(9)])


async def test_every_writer_of_the_register_may_have_one(registry: Registry) -> None:
    for id_ in ("a", "b"):
        await registry.add({"id": id_, "name": id_, "url": f"rtsp://h/{id_}"}, ME)
    await registry.set("a", {"area": "x"}, ME, given=Precondition(any_of={1}))
    stale = Precondition(any_of={1})
    with pytest.raises(StaleError):
        await registry.set("a", {"area": "y"}, ME, given=stale)
    with pytest.raises(StaleError):
        await registry.remove("a", ME, given=stale)
    with pytest.raises(StaleError):
        await registry.set_many(["a", "b"], Wish({"area": "y"}), ME, given=stale)
    with pytest.raises(StaleError):
        await registry.set_many(["a"], Wish({"area": "y"}), ME, given=stale, dry_run=True)
    assert [channel.area for channel in registry.channels.values()] == ["x", ""]
    report = await registry.set_many(["a", "b"], Wish({"area": "x"}), ME, dry_run=True)
    assert report.revisions == {"b": 1}
    given = Precondition(each=report.revisions)
    await registry.set_many(["a", "b"], Wish({"area": "x"}), ME, given=given)
    await registry.remove("a", ME, given=Precondition(any_of={2}))
