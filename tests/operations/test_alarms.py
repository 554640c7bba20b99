"""Alarms over a real database: what fails is told, kept, and seen to by people."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.health.fakes import Known
from tests.waiting import until
from vidgate.aio.bus import Bus
from vidgate.aio.clock import ManualClock
from vidgate.errors import ConflictError, InputError, NotFoundError, StorageError
from vidgate.health.causes import Condition, Rules
from vidgate.health.incidents import Fold
from vidgate.model.channel import Channel, Kind
from vidgate.model.health import Health, Level, Reason, State
from vidgate.model.incident import Attention, Cause, Departure, Incident, Selection
from vidgate.operations.alarms import Alarms
from vidgate.storage.audit import Audit
from vidgate.storage.database import Database
from vidgate.storage.incidents import IncidentStore

OPEN = (Attention.OPEN, Attention.ACKNOWLEDGED)


class Site(Known):
    """Twelve cameras of a platform, three alone; health as the test says."""

    def __init__(self, db: Database, clock: ManualClock) -> None:
        self.db, self.clock, self.bus = db, clock, Bus()
        self.channels = {
            f"c{number}": Channel(
                id=f"c{number}",
                name=f"c{number}",
                platform="p" if number < 12 else "",
                number=number,
            )
            for number in range(15)
        }
        self.health = {
            id_: Health(channel=id_, state=State.UP, level=Level.MEDIA, probed=clock.wall())
            for id_ in self.channels
        }

    def alarms(self) -> Alarms:
        store = IncidentStore(self.db, Audit(self.db))
        rules = Rules(patience=0.0)
        return Alarms(self, self, self.bus, store, lambda one: "", self.clock, rules=rules)

    def set(self, state: State, *ids: str) -> None:
        now = self.clock.wall()
        for id_ in ids:
            self.health[id_] = replace(
                self.health[id_], state=state, reason=Reason.TIMEOUT, since=now, probed=now
            )
        self.bus.publish("channel.state", ids[0], {})


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    clock = ManualClock()
    async with Database(tmp_path / "vidgate.db", clock=clock) as db:
        yield Site(db, clock)


async def opened(alarms: Alarms, number: int = 1) -> list[Incident]:
    await until(lambda: len(alarms.open) == number)
    return alarms.open


async def test_a_platform_is_one_alarm_and_a_camera_another(site: Site) -> None:
    async with site.alarms() as alarms, site.bus.subscribe(["alarm.changed"]) as events:
        site.set(State.DOWN, *(f"c{number}" for number in range(12)), "c14")
        platform, single = sorted(await opened(alarms, 2), key=lambda one: one.cause)
        assert (platform.cause, platform.subject, len(platform.failing)) == ("platform", "p", 12)
        assert (single.cause, single.subject) == ("single", "c14")
        assert {(await events.get()).data["cause"] for _ in range(2)} == {"platform", "single"}
        site.clock.advance(5.0)
        site.set(State.UP, *site.channels)
        await opened(alarms, 0)
        told = await events.get()
        assert (told.data["attention"], told.data["failing"]) == ("closed", 0)
    closed = Selection(attention=[Attention.CLOSED])
    for limit, newest in ((10, [2, 1]), (1, [2])):
        total, listed = await alarms.list_(closed, limit)
        assert (total, [one.id for one in listed]) == (2, newest)
    assert await alarms.list_(Selection(attention=OPEN), 10) == (0, [])


async def test_lists_what_is_asked_for(site: Site) -> None:
    site.channels["c14"] = replace(site.channels["c14"], area="北门街道")
    async with site.alarms() as alarms:
        site.set(State.DOWN, *(f"c{number}" for number in range(12)), "c14")
        await opened(alarms, 2)

        async def found(since: str = "", until: str = "", **wanted: Any) -> list[str]:
            total, listed = await alarms.list_(Selection(**wanted), 10, since=since, until=until)
            assert total == len(listed)
            return sorted(one.cause.value for one in listed)

        assert await found() == ["platform", "single"]
        assert await found(cause=Cause.SINGLE) == ["single"]
        assert await found(platform="p") == ["platform"]
        assert await found(area="北门街道") == ["single"]
        assert await found(platform="p", area="北门街道") == []
        site.clock.advance(3600.0)
        assert await found(since="10m") == ["platform", "single"]  # they stand still
        assert await found(until="2h") == []
        site.set(State.UP, *site.channels)
        await opened(alarms, 0)
        site.clock.advance(7200.0)
        assert await found(since="1h") == []
        assert await found(since="3h", until="1h", cause=Cause.PLATFORM) == ["platform"]
        for nonsense in (("1h", "2h"), ("soon", ""), ("", "-")):
            with pytest.raises(InputError):
                await found(*nonsense)


async def test_what_people_do_is_kept_over_a_restart(site: Site) -> None:
    async with site.alarms() as alarms:
        site.set(State.DOWN, "c14")
        (one,) = await opened(alarms)
        await alarms.acknowledge(one.id, "li", "  on my way ")
        with pytest.raises(ConflictError, match="li"):
            await alarms.acknowledge(one.id, "wang")
        await alarms.note(one.id, "li", "no power")
    async with site.alarms() as alarms:
        (again,) = await opened(alarms)
        assert again.attention is Attention.ACKNOWLEDGED
        with pytest.raises(InputError):
            await alarms.close(again.id, "li", " ")
        await alarms.close(again.id, "li", "the pole was moved")
        with pytest.raises(ConflictError, match="li"):
            await alarms.close(again.id, "wang", "me too")
        incident, notes = await alarms.get(again.id)
        assert incident.attention is Attention.CLOSED
        assert [(note.action, note.text) for note in notes] == [
            ("acknowledge", "on my way"),
            ("note", "no power"),
            ("close", "the pole was moved"),
        ]
        assert await alarms.list_(Selection(attention=OPEN), 10) == (0, [])
        assert len(alarms.open) == 1  # it still fails, whatever was said


async def test_a_number_that_is_none_is_an_error_and_so_is_a_long_text(site: Site) -> None:
    async with site.alarms() as alarms:
        with pytest.raises(NotFoundError):
            await alarms.get(7)
        site.set(State.DOWN, "c14")
        (one,) = await opened(alarms)
        with pytest.raises(InputError):
            await alarms.note(one.id, "li", "x" * 501)
        assert one.attention is Attention.OPEN


async def test_a_full_disk_loses_no_incident(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = 0

    async def refuse(self: IncidentStore, changed: object) -> None:
        nonlocal tries
        tries += 1
        raise StorageError("full")

    async with site.alarms() as alarms:
        with monkeypatch.context() as patched:
            patched.setattr(IncidentStore, "save", refuse)
            site.set(State.DOWN, "c14")
            (one,) = await opened(alarms)
            await until(lambda: tries > 0)
            assert not alarms.is_settled()
    assert alarms.is_settled()
    store = IncidentStore(site.db, Audit(site.db))
    assert await store.find(one.id) is not None


async def test_an_outage_longer_than_the_fold_remembers_loses_no_incident(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(self: IncidentStore, changed: object) -> None:
        raise StorageError("full")

    async with site.alarms() as alarms:
        with monkeypatch.context() as patched:
            patched.setattr(IncidentStore, "save", refuse)
            site.set(State.DOWN, "c14")
            (one,) = await opened(alarms)
            site.clock.advance(5.0)
            site.set(State.UP, "c14")
            await opened(alarms, 0)
            site.clock.advance(700.0)
            site.set(State.DOWN, "c13")
            await opened(alarms)
    found = await IncidentStore(site.db, Audit(site.db)).find(one.id)
    assert found is not None
    assert found.ended is not None


async def test_of_two_people_at_once_the_second_is_told_of_the_first(site: Site) -> None:
    async with site.alarms() as alarms:
        site.set(State.DOWN, "c14")
        (one,) = await opened(alarms)
        for act in (alarms.acknowledge, alarms.close):
            both = [act(one.id, by, "mine") for by in ("li", "wang")]
            ended = await asyncio.gather(*both, return_exceptions=True)
            assert [type(it) for it in ended].count(ConflictError) == 1
        assert one.dismissed is not None


async def test_what_comes_back_asks_again_and_still_does_after_a_restart(site: Site) -> None:
    async with site.alarms() as alarms:
        site.set(State.DOWN, "c14")
        (one,) = await opened(alarms)
        await alarms.acknowledge(one.id, "li", "on my way")
        site.clock.advance(5.0)
        site.set(State.UP, "c14")
        await opened(alarms, 0)
        site.clock.advance(5.0)
        site.set(State.DOWN, "c14")
        (again,) = await opened(alarms)
        assert again.id == one.id
        assert again.attention is Attention.OPEN
        await until(lambda: not alarms._unsaved)
    async with site.alarms() as alarms:
        (again,) = await opened(alarms)
        assert again.attention is Attention.OPEN
        await alarms.acknowledge(one.id, "wang")
        _, notes = await alarms.get(one.id)
        assert [note.actor for note in notes] == ["li", "wang"]


async def test_a_fold_that_is_cut_off_loses_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = Fold.steps

    def stuck(self: Fold, fleet: Mapping[str, Condition], now: float) -> Iterator[None]:
        yield from steps(self, fleet, now)
        while True:
            yield

    monkeypatch.setattr(Fold, "steps", stuck)
    async with site.alarms() as alarms:
        site.set(State.DOWN, "c14")
        (one,) = await opened(alarms)
    assert await IncidentStore(site.db, Audit(site.db)).find(one.id) == one


async def test_who_leaves_the_register_leaves_no_alarm(site: Site) -> None:
    async with site.alarms() as alarms:
        site.set(State.DOWN, "c14")
        await opened(alarms)
        del site.channels["c14"]
        site.bus.publish("register.changed", "", {})
        assert await opened(alarms, 0) == []


async def test_who_is_left_with_nowhere_to_look_leaves_no_alarm(site: Site) -> None:
    """One pushes from now on and does not; the address of the other is gone."""
    async with site.alarms() as alarms:
        site.set(State.DOWN, "c13", "c14")
        c13, c14 = sorted(await opened(alarms, 2), key=lambda one: one.subject)
        site.channels["c13"] = replace(site.channels["c13"], kind=Kind.PUSH)
        site.health["c13"] = Health(channel="c13")
        site.health["c14"] = Health(channel="c14", reason=Reason.NO_ADDRESS)
        site.bus.publish("register.changed", "", {})
        assert await opened(alarms, 0) == []
        assert c13.members["c13"].departure is Departure.WITHDRAWN
        assert c14.members["c14"].departure is Departure.WITHDRAWN
