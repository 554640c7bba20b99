"""Each fault of the simulator ends in its state and reason, in time, and its neighbours stay up."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager

import pytest

from tests.health.fakes import FakeRegister, FakeStore, no_sources
from tests.waiting import until
from vidgate.aio.bus import Bus
from vidgate.health.limits import PlatformSlots
from vidgate.health.prober import CLOSING, Prober
from vidgate.health.service import HealthService
from vidgate.media.hub import Hub
from vidgate.model.channel import Login
from vidgate.model.health import Level, ProbeResult, Reason, State
from vidgate.model.media import Codec, Variant
from vidgate.settings.tree import ProbeSettings
from vidgate.simulator.faults import FAULTS
from vidgate.simulator.fleet import Fleet, FleetSettings
from vidgate.simulator.register import generate

TIMEOUT, MEDIA_TIMEOUT = 3.0, 4.5
SLACK = 1.5  # seconds that a crowded machine may add to a deadline
BY_HAND = {"flapping"}  # there and away by turns: see the soak
# A camera without its first key frame for longer than the test waits for one is tested by itself.
VALUES = {"idr": "idr=2", "drip": "drip=2"}


class Bench:
    """A fleet and the health service over it; nothing runs by itself."""

    def __init__(self, fleet: Fleet, register: FakeRegister, bus: Bus) -> None:
        self.fleet = fleet
        self.register = register
        self.bus = bus
        self.seconds: dict[str, float] = {}
        self.health: HealthService

    def timed(self, result: ProbeResult, seconds: float) -> None:
        self.seconds[result.channel] = seconds

    async def break_all(self, broken: Mapping[str, str]) -> None:
        """Break the cameras, and wait until what they show is encoded."""
        for id_, name in broken.items():
            self.fleet.set_fault(id_, VALUES.get(name, name))
        cameras = [self.fleet.camera(id_) for id_ in broken]
        await asyncio.gather(*(self.fleet.footage(one, Variant.MAIN) for one in cameras))

    async def look(self, ids: Iterable[str], level: Level = Level.MEDIA) -> dict[str, ProbeResult]:
        return {one.channel: one async for one in self.health.run(list(ids), level)}

    def found(self, id_: str) -> tuple[State, Reason]:
        health = self.health.of(id_)
        return health.state, health.reason

    async def renew_logins(self, ids: Iterable[str]) -> None:
        """Somebody enters another password, and then the right one again."""
        for change in ("-not", ""):
            for id_ in ids:
                login = self.right[id_]
                self.register.known[id_.lower()] = Login(login.username, login.password + change)
            self.bus.publish("register.changed", "", {})
            await until(lambda: all(self.health.of(id_).state is State.UNKNOWN for id_ in ids))
            await self.health._follow()

    @property
    def right(self) -> dict[str, Login]:
        return {id_: one.login for id_, one in self.fleet.cameras.items() if one.login}


@asynccontextmanager
async def bench(channels: int) -> AsyncIterator[Bench]:
    fleet = Fleet(generate(channels), FleetSettings(camera_sessions=0))
    async with fleet:
        register, bus = FakeRegister.of_rows(fleet.register_rows), Bus()
        settings = ProbeSettings(enabled=False, timeout=TIMEOUT, media_timeout=MEDIA_TIMEOUT)
        prober = Prober(register, register.address, PlatformSlots(register), settings)
        made = Bench(fleet, register, bus)
        async with (
            Hub(no_sources, bus) as hub,
            HealthService(register, hub, bus, prober, FakeStore(), settings) as made.health,
        ):
            made.health.on_probe = made.timed
            yield made


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_every_fault_ends_in_its_state_and_reason_and_comes_back(
    no_descriptor_left: None,
) -> None:
    names = [name for name in FAULTS if name not in BY_HAND]
    async with bench(2 * len(names)) as made:
        ids = list(made.fleet.cameras)
        broken = dict(zip(ids[::2], names, strict=False))  # every second one is a neighbour
        healthy = set(ids) - broken.keys()
        await made.look(ids)
        assert {made.found(id_) for id_ in ids} == {(State.UP, Reason.OK)}

        await made.break_all(broken)
        for level in (Level.DESCRIBE, Level.MEDIA, Level.MEDIA, Level.MEDIA):
            await made.look(ids, level)
            deadline = TIMEOUT + (MEDIA_TIMEOUT + CLOSING if level is Level.MEDIA else 0) + SLACK
            late = {broken.get(i, i): s for i, s in made.seconds.items() if s > deadline}
            assert not late, f"{level.label}: later than {deadline} s"
            assert {made.found(id_) for id_ in healthy} == {(State.UP, Reason.OK)}
        for id_, name in broken.items():
            expected = FAULTS[name].media
            assert made.found(id_) == (expected.state, expected.reason), name

        for id_ in broken:
            made.fleet.clear_fault(id_)
        refused = [id_ for id_ in broken if made.found(id_)[0] is State.UNAUTHORIZED]
        await made.renew_logins(refused)
        for _ in range(2):
            await made.look(ids)
        wrong = {broken[id_]: made.found(id_) for id_ in broken}
        assert {n: f for n, f in wrong.items() if f != (State.UP, Reason.OK)} == {}
        assert {made.found(id_) for id_ in healthy} == {(State.UP, Reason.OK)}


@pytest.mark.timeout(60)
async def test_a_describe_finds_what_a_describe_can_find() -> None:
    names = [name for name in FAULTS if name not in BY_HAND]
    async with bench(len(names)) as made:
        broken = dict(zip(made.fleet.cameras, names, strict=True))
        await made.break_all(broken)
        found = await made.look(broken, Level.DESCRIBE)
        for id_, name in broken.items():
            expected = FAULTS[name].describe
            assert (made.health.of(id_).state, found[id_].reason) == (
                expected.state,
                expected.reason,
            ), f"{name}: {found[id_].detail}"
            assert made.seconds[id_] <= TIMEOUT + SLACK, name


@pytest.mark.timeout(60)
async def test_a_clock_that_is_off_is_found_with_its_number() -> None:
    async with bench(3) as made:
        right, late, early = made.fleet.cameras
        made.fleet.set_fault(late, "clock=-86400")
        made.fleet.set_fault(early, "clock=30")
        await made.look(made.fleet.cameras, Level.DESCRIBE)
        for id_, seconds in ((right, 0.0), (late, -86_400.0), (early, 30.0)):
            found = made.health.of(id_).measured
            assert found is not None
            assert found.clock_offset == pytest.approx(seconds, abs=1.0), id_
            assert found.clock_by == "date"
        await made.look(made.fleet.cameras)
        measured = made.health.of(early).measured
        assert measured is not None
        assert measured.clock_offset == pytest.approx(30.0, abs=1.0)
        assert measured.first_frame is not None
        size = measured.width, measured.height
        assert (measured.codec, *size, measured.fps_by) == (Codec.H264, 704, 576, "counted")
