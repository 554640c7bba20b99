"""The service as a whole: follows the register, looks, judges, tells, keeps."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from math import inf

import pytest

from tests.health.fakes import FakeProber, FakeRegister, FakeStore
from tests.media.fakes import Camera, picture
from tests.waiting import until
from vidgate.aio.bus import Bus
from vidgate.aio.clock import ManualClock
from vidgate.errors import BusyError, NotFoundError, UnauthorizedError, UnreachableError
from vidgate.health.live import GRACE
from vidgate.health.measure import Wish
from vidgate.health.service import DOUBT, HealthService
from vidgate.media.hub import Hub, HubSettings
from vidgate.model.channel import Channel, Lifecycle, Login, Platform
from vidgate.model.health import Health, Level, Reason, State
from vidgate.model.media import StreamKey, StreamState
from vidgate.settings.tree import ProbeSettings
from vidgate.wire.allowance import HOUR, Account, Allowance, Allowances


def channel(id_: str, **fields: object) -> Channel:
    """A channel of its own."""
    return Channel(id=id_, name=id_, url=f"rtsp://127.0.0.9/{id_}", **fields)  # type: ignore[arg-type]


class Asked(set[str]):
    """Remembers who was asked for."""

    def __init__(self) -> None:
        self.asked: list[object] = []

    def __contains__(self, id_: object) -> bool:
        self.asked.append(id_)
        return super().__contains__(id_)


class World:
    """Everything around the service."""

    def __init__(self, *channels: Channel, enabled: bool = False) -> None:
        self.register = FakeRegister(channels, [Platform(id="p")])
        self.clock = ManualClock()
        self.bus = Bus(clock=self.clock)
        self.prober, self.store, self.camera = FakeProber(clock=self.clock), FakeStore(), Camera()
        self.settings = ProbeSettings(enabled=enabled)
        self.maintained: set[str] = set()
        self.hub: Hub
        self.service: HealthService

    @asynccontextmanager
    async def running(self) -> AsyncIterator["World"]:
        """The service at work; a second time is a restart."""
        settings = HubSettings(idle_stop=0.0, retry_first=100.0, retry_cap=100.0)
        self.hub = Hub(self.camera, self.bus, settings, self.clock)
        self.service = HealthService(
            self.register,
            self.hub,
            self.bus,
            self.prober,
            self.store,
            self.settings,
            lambda channel, now: channel.id in self.maintained,
            clock=self.clock,
            rng=random.Random(1),
        )
        async with self.hub, self.service:
            yield self

    def state(self, id_: str = "a") -> State:
        """What is claimed now."""
        return self.service.of(id_).state

    async def probe(self, *ids: str, level: Level = Level.MEDIA) -> None:
        """A person's run."""
        async for _ in self.service.run(ids or ("a",), level):
            pass

    async def told(self, id_: str = "a", kind: str = "changed") -> None:
        """The register says that it changed, and the service has heard it."""
        self.bus.publish("channel.changed", id_, {"kind": kind})
        self.bus.publish("register.changed", "", {})
        for _ in range(20):
            await asyncio.sleep(0)

    async def passes(self, seconds: float, until_: Callable[[], object]) -> None:
        """Let up to `seconds` pass, one at a time, until a condition holds."""
        for _ in range(int(seconds)):
            if until_():
                return
            self.clock.advance(1.0)
            self.service._scheduler.wake()
            for _ in range(8):
                await asyncio.sleep(0)
        assert until_()

    def states_told(self, id_: str = "a") -> list[str]:
        """What the bus said of a channel."""
        events = self.bus.since(0)[1]
        return [e.data["state"] for e in events if e.type == "channel.state" and e.object == id_]


async def test_a_group_is_measured_by_who_names_the_channel_and_by_an_idle_background() -> None:
    world = World(channel("a"), enabled=True)
    async with world.running():
        await world.passes(2000, lambda: ("a", Level.MEDIA) in world.prober.asked)
        assert world.prober.wishes[-1] is Wish.IF_IDLE
    many = World(*(channel(f"c{n}") for n in range(5)))
    async with many.running():
        await many.probe(*(f"c{n}" for n in range(5)))
        assert set(many.prober.wishes) == {Wish.NOTHING}  # a sweep does not wait for that
        await many.probe("c1")
        await many.probe("c1", level=Level.DESCRIBE)
        assert many.prober.wishes[-2:] == [Wish.GROUP, Wish.NOTHING]


async def test_the_background_finds_every_picture_and_spreads_the_looks() -> None:
    world = World(*(channel(f"c{n}") for n in range(60)), enabled=True)
    async with world.running():
        assert all(health.state is State.UNKNOWN for health in world.service.health.values())
        await world.passes(5, lambda: len(world.prober.asked) > 0)
        assert len(world.prober.asked) < 40
        everybody = world.service.health.values
        await world.passes(70, lambda: all(h.state is State.UP for h in everybody()))
        assert all(states == ["reachable", "up"] for states in map(world.states_told, ["c1", "c9"]))
    assert {health.state for health in world.store.stored.values()} == {State.UP}
    assert len(world.store.transitions) == 180  # registered, reachable, up


async def test_in_maintenance_nobody_asks_and_afterwards_the_truth_comes_at_once() -> None:
    world = World(channel("a"), channel("b"), enabled=True)
    async with world.running():
        await world.passes(70, lambda: world.state("a") is world.state("b") is State.UP)
        world.maintained.add("a")
        world.bus.publish("maintenance.changed", "1", {"scope": "channel", "subject": "A"})
        await world.passes(2, lambda: world.state() is State.MAINTENANCE)
        world.prober.answers["a"] = Reason.UNREACHABLE
        asked = world.prober.asked.count(("a", Level.DESCRIBE))
        await world.passes(400, lambda: world.prober.asked.count(("b", Level.DESCRIBE)) > 4)
        assert world.prober.asked.count(("a", Level.DESCRIBE)) == asked
        await world.probe("a")  # a person may look, and what they see is told, not counted
        assert world.state() is State.MAINTENANCE
        assert world.service.of("a").last is not None
        world.maintained.clear()
        world.bus.publish("maintenance.changed", "1", {"scope": "channel", "subject": "A"})
        await world.passes(5, lambda: world.state() is State.DOWN)
        assert world.state("b") is State.UP
    assert world.states_told()[2:] == ["maintenance", "unknown", "down"]


async def test_after_an_edit_only_whom_the_window_is_for_are_asked_for() -> None:
    world = World(channel("a", platform="p"), channel("B"), channel("c"))
    world.maintained = asked = Asked()
    async with world.running():
        for told, meant in (({"scope": "channel", "subject": "b"}, ["B"]),
                            ({"scope": "platform", "subject": "p"}, ["a"])):  # fmt: skip
            await world.told()
            asked.asked.clear()
            world.bus.publish("maintenance.changed", "1", told)
            await until(lambda: asked.asked)
            for _ in range(20):
                await asyncio.sleep(0)
            assert asked.asked == meant


async def test_a_window_says_nothing_of_the_register(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(channel("a"))
    async with world.running():
        await world.told()
        compared: list[Channel] = []
        monkeypatch.setattr(world.register, "place", compared.append)
        world.maintained.add("a")
        world.bus.publish("maintenance.changed", "1", {"scope": "channel", "subject": "a"})
        await until(lambda: world.state() is State.MAINTENANCE)
        assert compared == []


async def test_a_window_that_ends_by_itself_is_noticed_and_survives_a_restart() -> None:
    world = World(channel("a"), enabled=True)
    world.maintained.add("a")
    async with world.running():
        await world.passes(12, lambda: world.state() is State.MAINTENANCE)
        since = world.service.of("a").since
    world.clock.advance(3600.0)
    async with world.running():
        assert world.state() is State.MAINTENANCE
        assert world.service.of("a").since == since
        world.maintained.clear()
        await world.service.age()
        assert world.state() is State.UNKNOWN
        await world.passes(5, lambda: world.state() is not State.UNKNOWN)


async def test_a_dead_camera_is_told_within_75_seconds_and_back_within_70() -> None:
    world = World(channel("a"), enabled=True)
    async with world.running():
        await world.passes(70, lambda: world.state() is State.UP)
        world.prober.answers["a"] = Reason.UNREACHABLE
        await world.passes(75, lambda: world.state() is State.DOWN)
        assert world.prober.asked[-3:] == [("a", Level.DESCRIBE)] * 3
        world.prober.answers["a"] = Reason.OK
        await world.passes(70, lambda: world.state() is State.UP)
    assert world.states_told() == ["reachable", "up", "down", "up"]


async def test_a_refused_login_is_not_shown_again_until_the_credential_changes() -> None:
    world = World(channel("a", credential="cred"), channel("b"), enabled=True)
    world.prober.answers["a"] = Reason.UNAUTHORIZED
    async with world.running():
        await world.passes(70, lambda: world.state() is State.UNAUTHORIZED)
        asked = world.prober.asked.count(("a", Level.DESCRIBE))
        assert asked == 1
        for _ in range(600):
            world.clock.advance(10)
            world.service._scheduler.wake()
            await asyncio.sleep(0)
        assert world.prober.asked.count(("a", Level.DESCRIBE)) == 1
        assert world.prober.unsigned.count("a") > 90, "whether it lives is asked on"
        world.prober.answers["a"] = Reason.OK
        world.bus.publish("credential.changed", "cred")
        await until(lambda: world.state() is State.UNKNOWN)
        await world.passes(5, lambda: world.state() is State.UP)


async def test_a_denied_address_named_once_does_not_end_the_looks() -> None:
    world = World(channel("a"), enabled=True)
    async with world.running():
        await world.passes(70, lambda: world.state() is State.UP)
        world.prober.answers["a"] = Reason.DENIED_ADDRESS
        await world.passes(70, lambda: world.state() is State.UNKNOWN)
        world.prober.answers.clear()
        await world.passes(70, lambda: world.state() is State.UP)
    assert world.states_told() == ["reachable", "up", "unknown", "reachable", "up"]


async def test_another_login_is_tried_whichever_way_it_came() -> None:
    world = World(channel("a"), channel("b"))
    world.prober.answers |= {"a": Reason.UNAUTHORIZED, "b": Reason.UNAUTHORIZED}
    async with world.running():
        await world.probe("a", "b")
        world.register.known["a"] = Login("operator", "new")  # by a pattern, say
        await world.told("", "changed")
        assert (world.state("a"), world.state("b")) == (State.UNKNOWN, State.UNAUTHORIZED)


async def test_a_burst_of_changes_is_followed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(*(channel(f"c{n}", credential=f"k{n}") for n in range(300)))
    async with world.running():
        await until(lambda: not world.service._stale.is_set())
        calls = 0
        login = world.register.logins

        def counting(one: Channel) -> Login | None:
            nonlocal calls
            calls += 1
            return login(one)

        monkeypatch.setattr(world.register, "logins", counting)
        for number in range(300):
            world.bus.publish("credential.changed", f"k{number}")
        await world.told()
        await until(lambda: calls >= 300)
        assert calls <= 900


async def test_sweeps_do_not_lock_a_refused_camera_out() -> None:
    everybody = ["a", "b", "c", "d", "e"]
    world = World(*(channel(id_, credential="cred") for id_ in everybody))
    world.prober.answers["a"] = Reason.UNAUTHORIZED

    def asked() -> int:
        return sum(id_ == "a" for id_, _ in world.prober.asked)

    async with world.running():
        for _ in range(5):
            await world.probe(*everybody)
        assert asked() == 1
        assert world.state() is State.UNAUTHORIZED
        world.clock.advance(HOUR)
        await world.probe(*everybody)
        assert asked() == 2
        world.bus.publish("credential.changed", "cred")
        await until(lambda: world.state() is State.UNKNOWN)
        await world.probe(*everybody)
        assert asked() == 3


async def test_who_names_a_refused_camera_has_it_asked_once_more() -> None:
    world = World(channel("a"), channel("b"))
    world.prober.answers |= {"a": Reason.UNAUTHORIZED, "b": Reason.UNAUTHORIZED}
    async with world.running():
        await world.probe("a", "b")
        del world.prober.answers["a"]  # its password was set to what we have
        for _ in range(3):  # and of the other one it was not
            await world.probe("a")
            await world.probe("b")
        assert world.state("a") is State.UP
        assert (world.state("b"), sum(id_ == "b" for id_, _ in world.prober.asked)) == (
            State.UNAUTHORIZED,
            2,
        )
        world.clock.advance(HOUR)
        await world.probe("b")
        assert sum(id_ == "b" for id_, _ in world.prober.asked) == 3


async def test_a_refusal_outlives_a_restart() -> None:
    world = World(*(channel(id_) for id_ in "abcde"), enabled=True)
    world.prober.answers["a"] = Reason.UNAUTHORIZED
    async with world.running():
        await world.probe()
    world.clock.advance(HOUR / 2)
    world.prober.allowances = Allowances()
    async with world.running():
        assert world.state() is State.UNAUTHORIZED
        assert (opens := world.prober.allowance(channel("a")).opens_at(world.clock.now()))
        assert opens - world.clock.now() == pytest.approx(HOUR / 2, abs=1.0)
        await world.probe(*"abcde")
        assert sum(id_ == "a" for id_, _ in world.prober.asked) == 1


@pytest.mark.parametrize("later", [True, False])
@pytest.mark.parametrize("level", [Level.DESCRIBE, Level.MEDIA])
async def test_what_a_recorder_refused_outlives_a_restart_for_all_its_channels(
    monkeypatch: pytest.MonkeyPatch, *, later: bool, level: Level
) -> None:
    """Unless one was let in after that: then the login is good, and two channels are forbidden."""
    account = Account()
    monkeypatch.setattr(FakeProber, "allowance", lambda _, one: Allowance(account, one.id))
    world = World(*map(channel, "abc"))
    world.prober.answers |= {"a": Reason.UNAUTHORIZED, "b": Reason.UNAUTHORIZED}
    async with world.running():
        for ids in ("c", "a", "c", "b", "c") if later else ("c", "ab"):
            await world.probe(*ids, level=level)
            world.clock.advance(1)
    account = Account()
    async with world.running():
        assert (account.closed_until(world.clock.now()) is None) is later


async def test_a_new_address_is_another_camera() -> None:
    world = World(channel("a"))
    async with world.running():
        await world.probe()
        assert world.state() is State.UP
        world.register.edit("a", name="renamed")
        await world.told()
        assert world.state() is State.UP
        world.register.edit("a", url="rtsp://127.0.0.10/other")
        await world.told()
        assert world.service.of("a").media_seen is None
        assert world.state() is State.UNKNOWN


async def test_a_result_of_the_old_address_is_not_believed() -> None:
    world = World(channel("a"))
    world.prober.gate = asyncio.Event()
    async with world.running():
        probing = asyncio.ensure_future(world.probe())
        await until(lambda: world.service.in_flight == 1)
        world.register.edit("a", url="rtsp://127.0.0.10/other")
        await world.told()
        world.prober.gate.set()
        await probing
        assert world.state() is State.UNKNOWN


async def test_only_counted_channels_are_looked_at() -> None:
    world = World(
        channel("on"),
        channel("off", enabled=False),
        channel("planned", lifecycle=Lifecycle.PLANNED),
        enabled=True,
    )
    async with world.running():
        assert world.state("off") is State.DISABLED
        await world.passes(130, lambda: world.state("on") is State.UP)
        for _ in range(200):
            await world.passes(1, lambda: True)
        assert {id_ for id_, _ in world.prober.asked} == {"on"}
        assert world.state("planned") is State.UNKNOWN
        await world.probe("off", "planned")  # asked for by name: told, and what is off stays off
        assert world.state("off") is State.DISABLED
        assert world.state("planned") is State.UP


async def test_channels_come_go_and_are_switched() -> None:
    world = World(channel("a"))
    async with world.running():
        await world.probe()
        world.register.edit("a", enabled=False)
        world.register.add(channel("B"))
        await world.told()
        assert world.state() is State.DISABLED
        assert world.service.of("b").channel == "B"
        world.register.edit("a", enabled=True)
        world.register.remove("b")
        await world.told()
        assert world.state() is State.UNKNOWN
        assert set(world.service.health) == {"a"}
        with pytest.raises(NotFoundError):
            await world.probe("B")


async def test_states_come_back_after_a_restart_while_they_hold() -> None:
    world = World(channel("a"), channel("b"))
    world.prober.answers["b"] = Reason.TIMEOUT
    async with world.running():
        await world.probe("a", "b")
    world.clock.advance(600)
    async with world.running():
        assert (world.state("a"), world.state("b")) == (State.UP, State.UNKNOWN)
        assert world.service.of("a").last is not None


async def test_a_proof_lapses_while_nobody_looks() -> None:
    world = World(channel("a"))
    async with world.running():
        await world.probe()
        world.clock.advance(1801)
        await world.service.age()
        assert world.state() is State.UNKNOWN


async def test_a_stepped_clock_is_no_outage() -> None:
    world = World(channel("a"))
    async with world.running():
        await world.probe()
        world.clock.jump_wall(36_000)
        await world.probe(level=Level.DESCRIBE)
        await world.service.age()
        assert world.state() is State.UP
    assert world.states_told() == ["up"]


async def test_a_full_disk_does_not_stop_the_judging() -> None:
    world = World(channel("a"))
    world.store.broken = True
    async with world.running():
        await world.probe()
        assert world.state() is State.UP


async def test_the_platform_may_count_a_describe() -> None:
    world = World(channel("a", platform="p"))
    async with world.running():
        await world.probe(level=Level.DESCRIBE)
        assert world.state() is State.REACHABLE
        world.register.platforms["p"] = Platform(id="p", describe_proves=True)
        await world.probe(level=Level.DESCRIBE)
        assert world.state() is State.UP


async def test_what_a_single_result_says() -> None:
    world = World(channel("a"))
    async with world.running():
        results = [r async for r in world.service.run(["a"], Level.MEDIA)]
        world.prober.answers["a"] = Reason.UNREACHABLE
        dead = [r async for r in world.service.run(["a"], Level.DESCRIBE)]
        assert world.service.judge(results[0]) is State.UP
        assert world.service.judge(dead[0]) is State.DOWN
        assert world.state() is State.UP  # one failure is forgiven


# -- watched channels --------------------------------------------------------------------


@asynccontextmanager
async def watched(world: World) -> AsyncIterator[World]:
    """Somebody watches the channel `a`; its source runs."""
    key, sources = StreamKey("a"), world.camera.sources
    async with world.running(), world.hub.read(key):
        await until(lambda: key in sources and sources[key].running)
        yield world


async def comes(world: World, item: object, state: StreamState) -> None:
    """The source shows a frame or fails, and the service has looked."""
    key = StreamKey("a")
    world.camera.sources[key].script.put_nowait(item)  # type: ignore[arg-type]
    await until(lambda: world.hub.streams[key].state is state)
    world.service.look_at_streams()


def key_frame(world: World) -> object:
    """A key frame of now."""
    return picture(0, key=True, received=world.clock.now())


async def test_a_watched_channel_is_up_and_nobody_probes_it() -> None:
    world = World(channel("a"), enabled=True)
    async with watched(world):
        await comes(world, key_frame(world), StreamState.LIVE)
        health = world.service.of("a")
        assert (health.state, health.level) == (State.UP, Level.MEDIA)
        for _ in range(200):
            await world.passes(1, lambda: True)
            await comes(world, key_frame(world), StreamState.LIVE)
            world.clock.advance(1)
            world.service._scheduler.wake()
            await asyncio.sleep(0)
        assert world.prober.asked == []
        await world.probe()  # even a person's run looks at the living picture
        assert world.prober.asked == []
        assert health.last is None
        assert world.states_told() == ["up"]


async def test_a_watched_channel_that_dies_is_down_after_the_grace() -> None:
    world = World(channel("a"), enabled=True)
    async with watched(world):
        await comes(world, key_frame(world), StreamState.LIVE)
        await comes(world, UnreachableError("gone"), StreamState.RETRYING)
        assert world.state() is State.UP
        world.clock.advance(GRACE)
        world.service.look_at_streams()
        assert world.state() is State.DOWN
        assert world.service.of("a").reason is Reason.UNREACHABLE
        assert world.prober.asked == []


async def test_a_watched_sub_stream_that_stalls_is_looked_into() -> None:
    world = World(channel("a"), enabled=True)
    async with world.running():
        await world.passes(70, lambda: world.state() is State.UP)
        world.prober.answers["a"] = Reason.NO_MEDIA
        for _ in range(3):  # it goes on failing; the camera is not hammered for that
            world.bus.publish("stream.state", "a", {"variant": "sub", "state": "stalled"})
        await world.passes(DOUBT + 20, lambda: world.state() is State.DOWN)
        assert len(world.prober.asked) < 8


async def test_a_refused_viewer_ends_the_looks_for_pictures_and_one_that_comes_resumes_them() -> (
    None
):
    world = World(channel("a"), enabled=True)
    async with watched(world):
        await comes(world, UnauthorizedError("401"), StreamState.BLOCKED)
        assert world.state() is State.UNAUTHORIZED
        assert world.service._scheduler.plans["a"].media_at == inf
        await world.hub.forget("a")
        await comes(world, key_frame(world), StreamState.LIVE)
        assert world.state() is State.UP
        assert world.service._scheduler.plans["a"].media_at < inf


async def test_a_camera_too_busy_for_a_viewer_is_busy() -> None:
    world = World(channel("a"))
    async with watched(world):
        await comes(world, BusyError("453"), StreamState.RETRYING)
        assert world.state() is State.BUSY


async def test_the_last_measurement_survives_the_watching() -> None:
    world = World(channel("a"))
    async with world.running():
        await world.probe()
        measured = world.service.of("a").last
    async with watched(world):
        await comes(world, key_frame(world), StreamState.LIVE)
        await world.probe()
        assert world.service.of("a").last == measured


async def test_unknown_ids_have_an_unknown_health() -> None:
    world = World()
    async with world.running():
        assert world.service.of("nobody") == Health(channel="nobody")


async def test_results_are_observed() -> None:
    world = World(channel("a"))
    seen: list[Reason] = []
    async with world.running():
        world.service.on_probe = lambda result, seconds: seen.append(result.reason)
        await world.probe()
    assert seen == [Reason.OK]


async def test_a_changed_platform_keeps_the_state() -> None:
    world = World(channel("a"))
    async with world.running():
        await world.probe()
        world.register.add(replace(channel("a"), platform="p"))
        await world.told()
        assert world.state() is State.UP
