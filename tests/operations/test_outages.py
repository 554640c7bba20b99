"""A city's bad day as its alarms tell it: the sample register at the true pace of looks.

One platform, one recorder and three single cameras fail at once, in virtual time. Whatever was told
at any moment counts, not only what stands at the end.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.health.fakes import FakeRegister
from tests.health.storms import Condition, Model, unhurried, watching
from tests.virtual import VirtualClock, VirtualTime
from vidgate.health.service import HealthService
from vidgate.model.channel import Channel
from vidgate.model.health import Level, Reason, State
from vidgate.model.incident import Cause, Incident
from vidgate.operations.alarms import Alarms
from vidgate.simulator import register as sample
from vidgate.storage.incidents import IncidentStore, Recalled
from vidgate.wire.uri import Uri

RECORDER = 8  # channels of the recorder that fails


class Shelf(IncidentStore):
    """Keeps nothing: no thread of a database runs in virtual time."""

    def __init__(self) -> None:
        pass

    async def recall(self, since: float) -> Recalled:
        """There was nothing before."""
        return Recalled([], 1)

    async def save(self, changed: Collection[tuple[Incident, Collection[str]]]) -> None:
        """Nothing is kept."""

    async def forget(self, before: float) -> None:
        """Nothing was kept."""


@dataclass
class Town:
    """The sample register with a recorder among its campus cameras; `failing` says how each
    channel fails now, `platform` how the one that falls does.
    """

    rows: list[sample.Row]
    name: str
    platform: Reason = Reason.OK
    failing: dict[str, Reason] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.register = FakeRegister.of_rows(self.rows, slots=16)
        self.hosts = {row["id"]: Uri.parse(row["url"]).host for row in self.rows if row["url"]}
        self.members = {row["id"] for row in self.rows if row["platform"] == self.name}
        campus = [id_ for id_ in self.hosts if not self.register.channels[id_].platform]
        self.recorder = campus[:RECORDER]
        self.hosts |= dict.fromkeys(self.recorder, "recorder")
        others = [id_ for id_ in self.hosts if id_ not in self.members | {*self.recorder}]
        self.alone = [others[5], others[len(others) // 2], others[-7]]

    def fail(self, platform: Reason) -> None:
        """All of it at once."""
        self.platform = platform
        self.failing = dict.fromkeys([*self.recorder, *self.alone], Reason.UNREACHABLE)

    def mend(self) -> None:
        """All of it at once."""
        self.platform = Reason.OK
        self.failing.clear()

    def condition(self, id_: str, _: float, level: Level) -> Reason:
        """How a camera answers."""
        if id_ not in self.members:
            return self.failing.get(id_, Reason.OK)
        if self.platform is Reason.NO_MEDIA and level < Level.MEDIA:
            return Reason.OK
        return self.platform

    def host(self, channel: Channel) -> str:
        """The name made for its device."""
        return self.hosts.get(channel.id, "")


@asynccontextmanager
async def alarmed(
    clock: VirtualClock, town: Town, condition: Condition, **settings: float
) -> AsyncIterator[tuple[Model, HealthService, Alarms]]:
    """The service and its alarms over the town, whose cameras answer so."""
    async with (
        watching(clock, town.register, condition, **settings) as (model, health),
        Alarms(town.register, health, model.bus, Shelf(), town.host, clock) as alarms,
    ):
        yield model, health, alarms


def told(model: Model) -> list[tuple[str, str]]:
    """Cause and subject of every alarm that was ever told of; their numbers have no gaps."""
    is_complete, events = model.bus.since(0)
    assert is_complete
    found: dict[int, dict[str, Any]] = {}
    for event in events:
        if event.type == "alarm.changed":
            found[int(event.object)] = dict(event.data)
    assert sorted(found) == list(range(1, len(found) + 1))
    return sorted((one["cause"], one["subject"]) for one in found.values())


def standing(alarms: Alarms) -> list[tuple[str, str, int]]:
    """Cause, subject and how many fail, of what is open."""
    return sorted((one.cause.value, one.subject, len(one.failing)) for one in alarms.open)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Iterator[VirtualTime]:
    """Hours in seconds."""
    with unhurried(monkeypatch) as found:
        yield found


async def whole(town: Town, health: HealthService, seconds: float) -> None:
    """Wait, so long at most, until every camera's picture was seen."""
    for _ in range(int(seconds / 5)):
        await asyncio.sleep(5)
        if all(health.of(id_).state is State.UP for id_ in town.hosts):
            return
    raise AssertionError({health.of(id_).state for id_ in town.hosts})


async def bad_day(clock: VirtualClock, town: Town, how: Reason, **settings: float) -> None:
    """It fails, is found in two rounds of the looks that show it, and comes back."""
    wanted = [("host", "recorder"), *(("single", id_) for id_ in sorted(town.alone))]
    if how is not Reason.BUSY:
        wanted.insert(1, ("platform", town.name))
    rounds = 120 + (2 * settings["media_period_platform"] if how is Reason.NO_MEDIA else 0.0)
    async with alarmed(clock, town, town.condition, **settings) as (model, health, alarms):
        await whole(town, health, 420)
        town.fail(how)
        await asyncio.sleep(rounds)
        sizes = {"host": RECORDER, "platform": len(town.members), "single": 1}
        assert standing(alarms) == [(*one, sizes[one[0]]) for one in wanted]
        town.mend()
        await whole(town, health, rounds)
        await asyncio.sleep(120)  # longer than what is left over may stand
        assert not alarms.open
        assert told(model) == wanted  # and nothing else, at any moment


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_platform_a_recorder_and_three_cameras_of_2743(time: VirtualTime) -> None:
    town = Town(sample.generate(), "公安回流01")
    assert (len(town.hosts), len(town.members)) == (2743, 189)
    time.run(bad_day(time.clock, town, Reason.UNREACHABLE))


@pytest.mark.parametrize("how", [Reason.TIMEOUT, Reason.BUSY, Reason.NO_MEDIA])
@pytest.mark.timeout(120)
def test_whichever_way_a_platform_fails(time: VirtualTime, how: Reason) -> None:
    town = Town(sample.generate(300), "公安回流03")
    assert len(town.members) == 21
    time.run(bad_day(time.clock, town, how, media_period=300.0, media_period_platform=300.0))


@pytest.mark.timeout(120)
def test_a_fifth_of_the_fleet_that_flaps_is_no_storm(time: VirtualTime) -> None:
    town = Town(sample.generate(300), "公安回流03")
    flapping = {id_: 29.0 * at % 90 for at, id_ in enumerate(list(town.hosts)[::5])}
    is_flapping = False

    def condition(id_: str, now: float, _: Level) -> Reason:
        is_away = is_flapping and id_ in flapping and (now + flapping[id_]) % 90 < 45
        return Reason.UNREACHABLE if is_away else Reason.OK

    async def main() -> None:
        nonlocal is_flapping
        async with alarmed(time.clock, town, condition) as (model, health, alarms):
            await whole(town, health, 420)
            is_flapping = True
            for minute in range(10):
                await asyncio.sleep(60)
                if minute >= 2:
                    assert sum(one.cause is not Cause.HOST for one in alarms.open) == 1
                    assert len(alarms.open) <= 4  # two of a small device fall by chance
            of = {member for one in alarms.open for member in one.members}
            assert of <= flapping.keys()
            is_flapping = False
            await asyncio.sleep(600)
            assert not alarms.open
            causes = Counter(cause for cause, _ in told(model))
            assert causes["scattered"] == 1
            assert causes["single"] < 30  # of the first minutes, until they are seen to be many

    time.run(main())
