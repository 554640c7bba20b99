"""The whole register against the simulated fleet: the state table equals the truth."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.health.fakes import FakeRegister, FakeStore, no_sources
from tests.programs import RunningFleet, running_fleet
from vidgate.aio.bus import Bus
from vidgate.health.limits import PlatformSlots
from vidgate.health.prober import Prober
from vidgate.health.service import HealthService
from vidgate.media.hub import Hub
from vidgate.model.health import Level, Reason, State
from vidgate.settings.tree import ProbeSettings
from vidgate.simulator import register as sample

CHANNELS = 2743
FAULTS = ("down", "401", "busy", "stalled", "missing")
SEED = 20


def break_some(rows: list[dict[str, str]], share: float) -> dict[str, str]:
    """Fault by channel id: a share of the delivered channels, the same for the same seed."""
    rng = random.Random(SEED)
    delivered = [row["id"] for row in rows if row["url"]]
    return {id_: rng.choice(FAULTS) for id_ in rng.sample(delivered, int(share * len(delivered)))}


@asynccontextmanager
async def watching(fleet: RunningFleet, **limits: int) -> AsyncIterator[HealthService]:
    """The health service over the fleet's register; nothing runs by itself."""
    rows = await asyncio.to_thread(sample.read, fleet.register)
    register = FakeRegister.of_rows(rows, **limits)
    settings = ProbeSettings(enabled=False)
    prober = Prober(register, register.address, PlatformSlots(register), settings)
    bus = Bus()
    async with (
        Hub(no_sources, bus) as hub,
        HealthService(register, hub, bus, prober, FakeStore(), settings) as service,
    ):
        yield service


async def control(fleet: RunningFleet, method: str, path: str, body: object = None) -> Any:
    """Ask the fleet's control endpoint."""
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, fleet.control + path, json=body) as response,
    ):
        assert response.status < 300, await response.text()
        return await response.json(content_type=None) if response.status != 204 else None


async def sweep(service: HealthService, level: Level) -> Counter[Reason]:
    """One run over everything that is counted."""
    ids = [id_ for id_ in service.health if is_counted(service, id_)]
    return Counter([result.reason async for result in service.run(ids, level)])


def is_counted(service: HealthService, id_: str) -> bool:
    """Whether the channel was delivered."""
    return service._roster.channels[id_].is_counted


def table(service: HealthService) -> dict[str, str]:
    """The state table of what is counted."""
    return {id_: service.of(id_).state.label for id_ in service.health if is_counted(service, id_)}


def expected(truth: Mapping[str, Any], level: Level) -> dict[str, str]:
    """What the fleet says must be found."""
    return {id_: camera["expect"][level.label] for id_, camera in truth["channels"].items()}


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_after_a_sweep_the_state_table_equals_the_truth(tmp_path: Path) -> None:
    async with running_fleet(tmp_path, CHANNELS, seed=SEED) as fleet:
        rows = await asyncio.to_thread(sample.read, fleet.register)
        broken = break_some(rows, 0.05)
        plan = [{"channel": id_, "fault": fault} for id_, fault in broken.items()]
        await control(fleet, "POST", "/faults", plan)
        async with watching(fleet) as service:
            await sweep(service, Level.MEDIA)
            truth = await control(fleet, "GET", "/truth")
            right = expected(truth, Level.MEDIA)
            found = table(service)
            assert {id_: service.of(id_).last for id_ in right if found[id_] != right[id_]} == {}
            assert found == right
            states = Counter(found.values())
            assert states["up"] == CHANNELS - len(broken) == 2606
            describes = {
                id_: camera["describes"]
                for id_, camera in truth["channels"].items()
                if broken.get(id_) != "down"  # its connections are reset before it hears anything
            }
            assert all(1 <= count <= 3 for count in describes.values()), describes
            # Who was not delivered was not asked, and nobody was left playing.
            assert len(service.health) > CHANNELS
            assert truth["sessions"] == 0


async def test_a_describe_sweep_claims_no_picture(tmp_path: Path) -> None:
    async with running_fleet(tmp_path, 60, seed=SEED) as fleet:
        rows = await asyncio.to_thread(sample.read, fleet.register)
        ids = [row["id"] for row in rows if row["url"]]
        plan = [{"channel": id_, "fault": name} for id_, name in zip(ids, FAULTS, strict=False)]
        await control(fleet, "POST", "/faults", plan)
        async with watching(fleet) as service:
            await sweep(service, Level.DESCRIBE)
            truth = await control(fleet, "GET", "/truth")
            assert table(service) == expected(truth, Level.DESCRIBE)
            assert State.UP.label not in table(service).values()
            # A stalled camera still describes itself; the look for its picture is not fooled,
            # and no later describe brings it back.
            await sweep(service, Level.MEDIA)
            await sweep(service, Level.DESCRIBE)
            await sweep(service, Level.DESCRIBE)
            truth = await control(fleet, "GET", "/truth")
            assert table(service) == expected(truth, Level.MEDIA)
            # Four sweeps, and one wrong password: cameras lock accounts.
            assert truth["channels"][ids[FAULTS.index("401")]]["unauthorized"] == 1


async def test_a_platforms_slots_are_never_exceeded(tmp_path: Path) -> None:
    async with running_fleet(tmp_path, 60, seed=SEED) as fleet:
        async with watching(fleet, slots=2) as service:
            reasons = await sweep(service, Level.MEDIA)
        truth = await control(fleet, "GET", "/truth")
    assert reasons == {Reason.OK: 60}
    behind = {c["host"] for c in truth["channels"].values() if c["platform"]}
    assert max(truth["hosts"][host]["max_sessions"] for host in behind) <= 2
