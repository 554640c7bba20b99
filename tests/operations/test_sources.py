"""Real simulated cameras by every way that an address can be found."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.registry.conftest import in_thread
from tests.waiting import until
from vidgate.aio.bus import Bus
from vidgate.aio.clock import SystemClock
from vidgate.errors import KindNotServedError, NoAddressError, NotFoundError
from vidgate.health.limits import PlatformSlots
from vidgate.health.prober import Prober
from vidgate.media.hub import Hub, HubSettings
from vidgate.model.channel import Channel, Lifecycle, Login
from vidgate.model.health import Level, Reason
from vidgate.model.media import StreamKey, StreamState, Variant
from vidgate.operations.failover import Failover
from vidgate.operations.refusals import Refusals
from vidgate.operations.renewal import Renewal
from vidgate.operations.replays import Replays
from vidgate.operations.sources import Cameras, Sources, Standby, device_of
from vidgate.operations.trials import Trials
from vidgate.registry.registry import Registry
from vidgate.registry.resolvers import Resolver
from vidgate.registry.routes import Question, Route, Way
from vidgate.settings import Settings
from vidgate.simulator.fleet import Fleet, FleetSettings
from vidgate.simulator.register import generate
from vidgate.storage.database import Database
from vidgate.storage.secrets import SecretBox
from vidgate.wire.guard import AddressGuard
from vidgate.wire.uri import Uri

CLOCK = SystemClock()
LOGIN = Login("asker", "platform-secret")
SETTINGS = Settings()


class Bench:
    """A register, a hub and a prober over a fleet."""

    def __init__(self, fleet: Fleet, registry: Registry, bus: Bus, resolver: Resolver) -> None:
        self.fleet, self.registry, self.bus = fleet, registry, bus
        guard = AddressGuard(SETTINGS.media.allow, SETTINGS.media.deny)
        cameras = Cameras(registry, resolver, guard, SETTINGS.media, SETTINGS.rtp)
        slots = PlatformSlots(registry)
        self.prober = Prober(registry, cameras.locate, slots, SETTINGS.probe, CLOCK)
        standby = Standby(Failover(bus, check=0.2), self.prober.probe)
        refusals = Refusals(CLOCK)
        self.sources = Sources(registry, cameras, slots, standby, refusals, CLOCK)
        self.hub = Hub(self.sources, bus, clock=CLOCK)
        self.replays = Replays(cameras, slots, refusals, CLOCK)
        apart = HubSettings(idle_stop=0.0, tries_again=False)
        self.past = Hub(self.replays, Bus(clock=CLOCK), apart, CLOCK)
        self.trials = Trials(registry, cameras, self.prober)

    async def add(self, number: int, **fields: Any) -> Channel:
        """Register a camera of the fleet with these fields."""
        row = self.fleet.register_rows[number - 1]
        return await self.registry.add({"id": row["id"], "name": row["name"], **fields}, "test")

    async def look(self, channel: Channel, level: Level = Level.MEDIA) -> Reason:
        """What a probe says."""
        return (await self.prober.probe(channel, level)).reason

    async def show(self, channel: Channel, variant: Variant = Variant.MAIN) -> None:
        """Wait for a picture in the hub."""
        async with self.hub.read(StreamKey(channel.id, variant)) as reader:
            await reader.tracks()
            await reader.get()


@asynccontextmanager
async def running(tmp_path: Path, *, seconds: float = 60.0) -> AsyncIterator[Bench]:
    bus = Bus(clock=CLOCK)
    box = await asyncio.to_thread(SecretBox, tmp_path)
    forms = tmp_path / "forms.yaml"
    await asyncio.to_thread(
        forms.write_text,
        "forms: [{vendor: sim, names: [sim], main: '/h264/{channel}/main',"
        " sub: '/h264/{channel}/sub', numbers: text}]",
    )
    settings = FleetSettings(platform_login=LOGIN, ticket_seconds=seconds)
    async with (
        Fleet(generate(6), settings) as fleet,
        Database(tmp_path / "vidgate.db", clock=CLOCK) as db,
        Registry(db, box, bus, in_thread, str(forms)) as registry,
        Resolver(lambda address, port: True) as resolver,
    ):
        bench = Bench(fleet, registry, bus, resolver)
        async with (
            bench.hub,
            bench.past,
            Renewal(bench.sources, bench.hub, bus),
            Renewal(bench.replays, bench.past, bus),
        ):
            yield bench


async def with_platform(bench: Bench, **options: str) -> None:
    await bench.registry.set_credential("asker", LOGIN.username, LOGIN.password, "test")
    told = {
        "endpoint": bench.fleet.control_url + "/platform/streams/{id}?stream={stream}",
        "auth": "basic",
        "credential": "asker",
        "path": "data.url",
    }
    fields = {"resolver": "http", "options": told | options}
    await bench.registry.set_platform("p", fields, "test")


async def test_make_address_and_channel_number_are_enough(tmp_path: Path) -> None:
    async with running(tmp_path) as bench:
        row = bench.fleet.register_rows[0]
        uri = Uri.parse(row["url"])
        channel = await bench.add(
            1,
            vendor="Sim",
            address=uri.host,
            port=uri.port,
            channel_no=row["id"],
            username=uri.username,
            password=uri.password,
        )
        route = bench.registry.route(channel)
        assert route is not None
        assert route.form == "sim /h264/{channel}/main"
        assert bench.registry.has_sub(channel)
        assert await bench.look(channel) is Reason.OK
        await bench.show(channel, Variant.SUB)


async def test_a_platform_s_template_makes_addresses(tmp_path: Path) -> None:
    async with running(tmp_path) as bench:
        uri = Uri.parse(bench.fleet.register_rows[0]["url"])
        template = f"rtsp://{uri.authority}/h264/{{gb_code}}/{{variant}}"
        fields = {"resolver": "template", "options": {"main": template, "sub": template}}
        await bench.registry.set_platform("p", fields, "test")
        channel = await bench.add(1, platform="p", username=uri.username, password=uri.password)
        assert await bench.look(channel) is Reason.OK
        await bench.show(channel, Variant.SUB)


async def test_a_platform_gives_a_fresh_address_at_each_pull_and_probe(tmp_path: Path) -> None:
    async with running(tmp_path) as bench:
        await with_platform(bench)
        channel = await bench.add(1, platform="p")
        for asked in (1, 2):
            assert await bench.look(channel) is Reason.OK
            assert bench.fleet.truth()["platform"]["issued"] == asked
        await bench.show(channel)
        await bench.show(channel, Variant.SUB)
        assert bench.fleet.truth()["platform"]["issued"] == 4
        assert bench.registry.address(channel, Variant.MAIN) == ""


async def test_a_stream_that_breaks_is_pulled_with_another_address(tmp_path: Path) -> None:
    async with running(tmp_path) as bench:
        await with_platform(bench)
        channel = await bench.add(1, platform="p")
        async with bench.hub.read(StreamKey(channel.id)) as reader:
            await reader.get()
            bench.fleet.set_fault(channel.id, "down")
            await until(lambda: reader.stream.state is StreamState.RETRYING)
            bench.fleet.clear_fault(channel.id)
            await until(lambda: reader.stream.state is StreamState.LIVE)
        assert bench.fleet.truth()["platform"]["issued"] >= 2


async def test_an_address_that_expired_is_not_found(tmp_path: Path) -> None:
    async with running(tmp_path, seconds=-1.0) as bench:
        await with_platform(bench)
        channel = await bench.add(1, platform="p")
        assert await bench.look(channel, Level.DESCRIBE) is Reason.NOT_FOUND


async def test_a_platform_that_refuses_us_is_asked_again_with_a_new_login(tmp_path: Path) -> None:
    async with running(tmp_path) as bench:
        await with_platform(bench)
        await bench.registry.set_credential("asker", LOGIN.username, "wrong", "test")
        channel = await bench.add(1, platform="p")
        assert await bench.look(channel, Level.DESCRIBE) is Reason.UNAUTHORIZED
        async with bench.hub.read(StreamKey(channel.id)) as reader:
            await until(lambda: reader.stream.state is StreamState.BLOCKED)
            await bench.registry.set_credential("asker", LOGIN.username, LOGIN.password, "test")
            await until(lambda: reader.stream.state is StreamState.LIVE)


async def test_an_answer_must_lie_where_cameras_may(tmp_path: Path) -> None:
    async with running(tmp_path) as bench:
        await with_platform(bench, path="msg")
        channel = await bench.add(1, platform="p")
        assert await bench.look(channel, Level.DESCRIBE) is Reason.PROTOCOL_ERROR


async def test_a_channel_s_own_address_goes_first(tmp_path: Path) -> None:
    async with running(tmp_path) as bench:
        await with_platform(bench)
        channel = await bench.add(1, platform="p", url=bench.fleet.register_rows[0]["url"])
        assert await bench.look(channel, Level.DESCRIBE) is Reason.OK
        assert bench.fleet.truth()["platform"]["issued"] == 0


async def test_no_way_is_told(tmp_path: Path) -> None:
    async with running(tmp_path) as bench:
        channel = await bench.add(1, lifecycle="planned")
        assert channel.lifecycle is Lifecycle.PLANNED
        assert await bench.look(channel) is Reason.NO_ADDRESS
        with pytest.raises(NoAddressError, match=channel.id):
            bench.sources(StreamKey(channel.id))
        with pytest.raises(NotFoundError) as nobody:
            bench.sources(StreamKey("nobody"))
        assert nobody.value.code == "not_found"


@pytest.mark.parametrize("kind", ["onvif", "push"])
async def test_a_kind_that_is_not_served_is_not_called_missing(tmp_path: Path, kind: str) -> None:
    async with running(tmp_path) as bench:
        channel = await bench.add(1, kind=kind, address="127.0.0.1")
        with pytest.raises(KindNotServedError, match=kind):
            bench.sources(StreamKey(channel.id))


async def test_who_watches_is_told_that_the_platform_lost_its_address(tmp_path: Path) -> None:
    async with running(tmp_path) as bench:
        uri = Uri.parse(bench.fleet.register_rows[0]["url"])
        main = f"rtsp://{uri.authority}/h264/{{gb_code}}/{{variant}}"
        fields: dict[str, Any] = {"resolver": "template", "options": {"main": main}}
        await bench.registry.set_platform("p", fields, "test")
        channel = await bench.add(1, platform="p", username=uri.username, password=uri.password)
        async with bench.hub.read(StreamKey(channel.id)) as reader:
            await reader.get()
            fields["resolver"], fields["options"] = "static", {}
            await bench.registry.set_platform("p", fields, "test")
            await until(lambda: isinstance(reader.stream.error, NoAddressError))


async def test_who_watches_is_shown_what_the_platform_s_new_address_leads_to(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as bench:
        bench.sources.serve(bench.hub)
        uri = Uri.parse(bench.fleet.register_rows[0]["url"])
        options = {"main": f"rtsp://{uri.authority}/h264/{{gb_code}}/main"}
        fields: dict[str, Any] = {"resolver": "template", "options": options}
        await bench.registry.set_platform("p", fields, "test")
        channel = await bench.add(1, platform="p", username=uri.username, password=uri.password)
        key = StreamKey(channel.id)
        async with bench.hub.read(key) as reader:
            await reader.get()
            assert not bench.hub.is_outdated(key)
            options["main"] = options["main"].replace("main", "sub")
            await bench.registry.set_platform("p", fields, "test")
            await until(lambda: reader.stream.stats.reconnects)
            assert not bench.hub.is_outdated(key)
            bench.sources.keep_only([])
            bench.sources(key)
            await bench.registry.remove(channel.id, "test")
            assert bench.hub.is_outdated(key)


async def test_a_trial_tells_the_rule_and_no_password(tmp_path: Path) -> None:
    async with running(tmp_path) as bench:
        uri = Uri.parse(bench.fleet.register_rows[0]["url"])
        await bench.registry.set_credential("wrong", "viewer", "canary-wrong", "test")
        await bench.registry.set_credential(
            "net", str(uri.username), str(uri.password), "test", patterns={"host": "127.0.0.0/8"}
        )
        row = bench.fleet.register_rows[0]
        channel = await bench.add(
            1, vendor="sim", address=uri.host, port=uri.port, channel_no=row["id"]
        )
        trial = await bench.trials.channel(channel.id)
        assert trial.result.reason is Reason.OK
        assert (trial.way, trial.form) == ("form", "sim /h264/{channel}/main")
        assert (trial.credential, trial.is_named) == ("net", False)
        assert str(uri.password) not in repr(trial)
        ticketed = await bench.add(2, url=f"rtsp://{uri.host}:{uri.port}/x?token=canary-ticket")
        shown = (await bench.trials.channel(ticketed.id)).url
        assert shown == f"rtsp://{uri.host}:{uri.port}/x?token=***"
        refused = await bench.trials.channel(channel.id, credential="wrong")
        assert refused.result.reason is Reason.UNAUTHORIZED
        assert "canary-wrong" not in repr(refused)
        assert [one.channel for one in await bench.trials.credential("net")] == [channel.id]
        assert await bench.trials.credential("wrong") == []
        with pytest.raises(NotFoundError):
            await bench.trials.credential("none")


async def test_a_trial_of_a_platform_shows_whom_we_ask_and_not_the_answer(tmp_path: Path) -> None:
    async with running(tmp_path) as bench:
        await with_platform(bench)
        channel = await bench.add(1, platform="p")
        trial = await bench.trials.channel(channel.id, variant=Variant.SUB)
        assert trial.result.reason is Reason.OK
        assert trial.url.startswith(bench.fleet.control_url)
        assert "ticket" not in repr(trial)


@pytest.mark.parametrize(
    ("url", "device"),
    [
        ("rtsp://Cam.Lan/1", ("cam.lan", 554)),
        ("rtsps://10.0.0.9/1", ("10.0.0.9", 322)),
        ("rtsp://[fd00::1]:8554/1", ("fd00::1", 8554)),
        ("rtsp://10.0.0.9:554/user={username}_password={password}_1", ("10.0.0.9", 554)),
        ("", None),  # asked of its platform each time
    ],
)
def test_the_device_that_a_login_is_shown_to(url: str, device: tuple[str, int] | None) -> None:
    assert device_of(Route(Way.OWN, "", url)) == device


CAMERA = Login("admin", "secret")


@pytest.mark.parametrize(
    ("route", "can"),
    [
        (None, True),
        (Route(Way.OWN, "", "rtsp://10.0.0.9/1", login=CAMERA), True),
        (Route(Way.OWN, "", "rtsp://10.0.0.9/secret/1", login=CAMERA), False),
        (Route(Way.FORM, "", "rtsp://10.0.0.9/?p={password}", login=CAMERA), False),
        (Route(Way.HTTP, "", "", Question("http://p/1"), CAMERA), True),
        (Route(Way.HTTP, "", "", Question("http://p/1", auth="basic", login=LOGIN)), False),
    ],
)
def test_which_channels_can_be_asked_without_showing_a_login(
    route: Route | None, *, can: bool
) -> None:
    class Register:
        def route(self, channel: Channel) -> Route | None:
            return route

    guard = AddressGuard(SETTINGS.media.allow, SETTINGS.media.deny)
    cameras = Cameras(Register(), None, guard, SETTINGS.media, SETTINGS.rtp)  # type: ignore[arg-type]
    assert cameras.can_withhold(Channel(id="c", name="c")) is can
