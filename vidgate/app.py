"""The composition root: the only place that knows all parts.

It enters them on one AsyncExitStack, which leaves them in reverse: the web stops taking requests
first, the database closes last.
"""

import asyncio
import gc
import os
import resource
import signal
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import structlog
import uvloop

from vidgate import log as logs
from vidgate.aio import collector
from vidgate.aio.bus import Bus
from vidgate.aio.clock import Clock, SystemClock
from vidgate.aio.names import Names
from vidgate.aio.supervisor import Supervisor
from vidgate.aio.systemd import ServiceManager
from vidgate.errors import SettingsError
from vidgate.health.attribution import Attribution
from vidgate.health.calendar import zone_of
from vidgate.health.history import History
from vidgate.health.kpi import load_definitions
from vidgate.health.limits import PlatformSlots
from vidgate.health.maintenance import Maintenance
from vidgate.health.prober import Prober
from vidgate.health.service import HealthService
from vidgate.health.trust import Trust
from vidgate.media.hub import Hub, HubSettings
from vidgate.media.opus import OpusWorks
from vidgate.media.stream import StreamLimits
from vidgate.media.worker import WorkerLimits, WorkerPool
from vidgate.metrics import Metrics
from vidgate.model.channel import Channel
from vidgate.model.health import ProbeResult
from vidgate.model.standing import SECOND
from vidgate.operations.alarms import Alarms
from vidgate.operations.failover import Failover
from vidgate.operations.refusals import Refusals
from vidgate.operations.renewal import Renewal
from vidgate.operations.replays import Replays
from vidgate.operations.reports import Reports
from vidgate.operations.snapshots import Snapshots
from vidgate.operations.sources import Cameras, Sources, Standby
from vidgate.operations.switchbook import SwitchBook
from vidgate.operations.texts import Texts
from vidgate.operations.trials import Trials
from vidgate.registry.access import host_of
from vidgate.registry.places import Place
from vidgate.registry.registry import Registry
from vidgate.registry.resolvers import Resolver
from vidgate.settings import Settings, data_folder, load_settings
from vidgate.storage.accounts import Accounts
from vidgate.storage.audit import Audit
from vidgate.storage.backlog import Backlog
from vidgate.storage.database import Database
from vidgate.storage.history import HistoryStore
from vidgate.storage.incidents import IncidentStore
from vidgate.storage.maintenance import MaintenanceStore
from vidgate.storage.secrets import SecretBox
from vidgate.storage.snapshots import SnapshotShelf
from vidgate.storage.states import States
from vidgate.storage.switches import Switches
from vidgate.web.listener import is_local
from vidgate.web.parts import WebParts
from vidgate.web.server import SOCKET_NAME, WebServer
from vidgate.web.users import ensure_admin
from vidgate.webrtc.whep import WhepService
from vidgate.wire.guard import AddressGuard
from vidgate.wire.uri import place_of

log = structlog.get_logger(__name__)

DESCRIPTORS = 1 << 20  # nobody needs more, and some libraries walk through all of them
DRAIN = 10.0  # seconds from SIGTERM until the process goes whatever still runs


def main(config: Path | None = None) -> int:
    """Run the service until SIGTERM or SIGINT; returns the exit status.

    Raises SettingsError before anything is started when the settings are wrong.
    """
    settings = load_settings(config)
    errors = logs.ErrorCount()
    logs.configure(settings.log.level, settings.log.format, errors=errors)
    _allow_descriptors()
    return uvloop.run(serve(settings, data_folder(), errors))


def _allow_descriptors() -> None:
    """As many open files as we may have: a shell's usual 1,024 end with a thousand streams."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


async def serve(settings: Settings, folder: Path, errors: logs.ErrorCount) -> int:
    """Run all parts with their data in `folder`; 0 after a signal, 1 after a crash of ours."""
    stopping = _Stopping()
    _forewarn(settings)
    manager = ServiceManager.from_environment()
    async with AsyncExitStack() as stack:
        # Entered first, left last: signs of life are given while the parts stop.
        alive = await stack.enter_async_context(Supervisor("systemd"))
        service = await _start(stack, settings, folder)
        service.metrics.watch_web(service.web)
        service.metrics.watch_errors(errors.counts)
        collector.settle()
        alive.keep(collector.run, "collector")
        await ensure_admin(service.accounts, _tell_password)  # last: only the disk can stop us now
        service.announce()
        manager.ready(service.standing())
        alive.keep(partial(manager.watch, service.standing), "watch")
        await stopping.wait()
        log.info("stopping", status=stopping.status)
        manager.stopping("正在停止 stopping")
        stopping.hurry()
    return stopping.status


class _Stopping:
    """Waits for a signal or a crash; counts what nobody owned."""

    def __init__(self) -> None:
        self.status = 0
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()
        self._loop.set_exception_handler(self._unowned)
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._event.set)

    async def wait(self) -> None:
        """Wait until the service is to end."""
        await self._event.wait()

    def hurry(self) -> None:
        """Leave within the drain time whatever hangs."""
        self._loop.call_later(DRAIN, self._abandon)

    def _abandon(self) -> None:
        log.error("not stopped in time", seconds=DRAIN)
        os._exit(self.status)

    def _unowned(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        log.error(context["message"], exc_info=context.get("exception"))
        if "supervisor" in context:  # a part of the service is gone: let systemd start it anew
            self.status = 1
            self._event.set()


@dataclass(frozen=True, slots=True)
class _Service:
    """What the ready line and the service manager tell, and the accounts of a first start."""

    web: WebServer
    whep: WhepService
    health: HealthService
    metrics: Metrics
    accounts: Accounts

    def standing(self) -> str:
        """Channels by state and viewers, for `systemctl status`."""
        states = Counter(one.state.label for one in self.health.health.values())
        told = " · ".join(f"{number} {state}" for state, number in states.most_common())
        return f"通道 channels: {told or 0} | 观看 viewers: {len(self.whep.sessions)}"

    def announce(self) -> None:
        """Say on stderr that we are ready."""
        http, webrtc, https = (
            place_of(self.web.host, port)
            for port in (self.web.port, self.whep.port, self.web.tls_port)
        )
        ready = f"vidgate ready http={http} webrtc={webrtc}"
        ready += f" https={https}" if self.web.tls_port else ""
        print(ready, file=sys.stderr, flush=True)  # noqa: T201


async def _start(stack: AsyncExitStack, settings: Settings, folder: Path) -> _Service:
    clock = SystemClock()
    bus = Bus(clock=clock, first=int(clock.wall() * 1000))
    _prepare(folder)
    db, backlog = await _storage(stack, settings.database.url or folder / "vidgate.db", bus, clock)
    audit = Audit(db, backlog)
    accounts = Accounts(db, settings.auth, clock=clock, backlog=backlog)
    texts = await _texts(stack)
    box = SecretBox(folder)
    registry = await _registry(stack, db, box, bus, texts, settings)
    listening: list[tuple[str, int]] = []
    guard = AddressGuard(settings.media.allow, settings.media.deny, lambda: listening, is_local)
    cameras, prober, sources, replays = await _cameras(stack, registry, guard, settings, bus, clock)
    states, switches, trust = await _past(stack, db, bus, clock)
    hub = await _hub(stack, sources, bus, settings, clock)
    windows, incidents = MaintenanceStore(db, audit), IncidentStore(db, audit)
    maintenance = await _maintenance(stack, registry, windows, bus, settings, trust)
    explained = Attribution(maintenance, incidents)
    history, reports = await _history(stack, db, registry, explained, settings, trust)
    judged_by = (registry, hub, bus, prober, states, settings.probe, maintenance.covers)
    health = await stack.enter_async_context(HealthService(*judged_by, clock=clock, trust=trust))
    prober.on_further = lambda: health.pace.note(clock.now())
    snapshots = await _snapshots(stack, registry, folder, bus, clock)
    if settings.media.snapshots:
        hub.on_picture, prober.on_picture = snapshots.take, snapshots.see
    whep = await _whep(stack, hub, replays, bus, settings)
    device = partial(_device, box)
    told = (registry, health, bus, incidents, device, clock)
    alarms = await stack.enter_async_context(Alarms(*told, zone=zone_of(settings.history.zone)))
    history.is_settled = lambda: health.is_settled() and alarms.is_settled()
    gc.collect()  # now, before anybody looks at how long the loop is held
    pages = Metrics(registry, health, hub, whep, device, alarms)
    metrics = await _metrics(stack, pages, backlog, audit)
    health.on_probe = _told(metrics.observe_probe, history.observe)
    parts = WebParts(
        registry=registry,
        health=health,
        states=states,
        alarms=alarms,
        maintenance=maintenance,
        switches=switches,
        snapshots=snapshots,
        trials=Trials(registry, cameras, prober),
        transports=cameras.choices.used,
        reports=reports,
        texts=texts,
        hub=hub,
        whep=whep,
        bus=bus,
        accounts=accounts,
        audit=audit,
        storage=backlog,
        metrics=metrics.render,
        channel_metrics=metrics.render_channels,
        on_playback=metrics.observe_playback,
        is_ready=db.is_ready,
    )
    web = await _open_web(stack, parts, settings, folder, clock)
    listening += [(web.host, web.port), (web.host, web.tls_port), ("0.0.0.0", whep.port)]
    return _Service(web, whep, health, metrics, accounts)


def _tell_password(password: str) -> None:
    print(f"admin password: {password}", file=sys.stderr, flush=True)  # noqa: T201


async def _metrics(
    stack: AsyncExitStack, pages: Metrics, backlog: Backlog, audit: Audit
) -> Metrics:
    pages.watch_storage(backlog, audit)
    return await stack.enter_async_context(pages)


def _device(box: SecretBox, channel: Channel) -> str:
    """The name of a channel's device: the same for the same address, and it does not tell it."""
    host = host_of(channel)
    return f"h-{box.fingerprint('host', host)[:8]}" if host else ""


async def _storage(
    stack: AsyncExitStack, url: str | Path, bus: Bus, clock: Clock
) -> tuple[Database, Backlog]:
    db = await stack.enter_async_context(Database(url, clock=clock))
    return db, await stack.enter_async_context(Backlog(db, bus))


async def _cameras(
    stack: AsyncExitStack,
    registry: Registry,
    guard: AddressGuard,
    settings: Settings,
    bus: Bus,
    clock: Clock,
) -> tuple[Cameras, Prober, Sources, Replays]:
    """What reaches cameras: to find them, to look at them, to show them and their recordings."""
    registry.permits = guard.permits
    slots = PlatformSlots(registry)
    names = await stack.enter_async_context(Names(clock))
    resolver = await stack.enter_async_context(Resolver(guard.permits, clock=clock, names=names))
    cameras = Cameras(registry, resolver, guard, settings.media, settings.rtp, names)
    prober = Prober(registry, cameras.locate, slots, settings.probe, clock)
    prober.follow(cameras)
    failover = Failover(bus, check=settings.media.return_check)
    standby = Standby(failover, prober.probe)
    refusals = Refusals(clock)
    sources = Sources(registry, cameras, slots, standby, refusals, clock)
    return cameras, prober, sources, Replays(cameras, slots, refusals, clock)


async def _hub(
    stack: AsyncExitStack, sources: Sources, bus: Bus, settings: Settings, clock: Clock
) -> Hub:
    hub = await stack.enter_async_context(Hub(sources, bus, _hub_settings(settings), clock))
    sources.serve(hub)
    await stack.enter_async_context(Renewal(sources, hub, bus))
    return hub


async def _registry(
    stack: AsyncExitStack,
    db: Database,
    box: SecretBox,
    bus: Bus,
    texts: Texts,
    settings: Settings,
) -> Registry:
    site = settings.registry
    registry = Registry(db, box, bus, texts, site.url_forms, Place(*site.box))
    return await stack.enter_async_context(registry)


async def _texts(stack: AsyncExitStack) -> Texts:
    """What reads and writes sheets, in a worker of its own."""
    pool = WorkerPool("text", WorkerLimits(processes=1, memory=1 << 30))
    return Texts(await stack.enter_async_context(pool))


async def _maintenance(
    stack: AsyncExitStack,
    registry: Registry,
    store: MaintenanceStore,
    bus: Bus,
    settings: Settings,
    trust: Trust,
) -> Maintenance:
    zone = zone_of(settings.history.zone)
    days = settings.history.transition_days
    maintenance = Maintenance(
        registry, store, bus, zone, SystemClock(), past_days=days, trust=trust
    )
    return await stack.enter_async_context(maintenance)


async def _history(
    stack: AsyncExitStack,
    db: Database,
    registry: Registry,
    explained: Attribution,
    settings: Settings,
    trust: Trust,
) -> tuple[History, Reports]:
    store, clock = HistoryStore(db), SystemClock()
    history = await stack.enter_async_context(
        History(store, settings.history, clock, explained, trust)
    )
    definitions = await asyncio.to_thread(load_definitions, settings.history.kpis)
    zone = zone_of(settings.history.zone)
    reports = Reports(
        registry, store, history, explained, definitions, zone, clock, settings.history
    )
    return history, reports


async def _open_web(
    stack: AsyncExitStack, parts: WebParts, settings: Settings, folder: Path, clock: Clock
) -> WebServer:
    return await stack.enter_async_context(
        WebServer(
            parts,
            settings,
            socket=folder / SOCKET_NAME,
            clock=clock,
            is_demo=bool(os.environ.get("VIDGATE_DEMO")),
        )
    )


async def _snapshots(
    stack: AsyncExitStack, registry: Registry, folder: Path, bus: Bus, clock: Clock
) -> Snapshots:
    """Entered after the hub and left before it: streams that end then make no pictures."""
    pool = WorkerPool("picture", WorkerLimits(processes=1, memory=1 << 30, idle=5.0))
    await stack.enter_async_context(pool)
    shelf = SnapshotShelf(folder / "snapshots")
    return await stack.enter_async_context(Snapshots(registry, shelf, pool, bus, clock))


async def _past(
    stack: AsyncExitStack, db: Database, bus: Bus, clock: Clock
) -> tuple[States, Switches, Trust]:
    switches = Switches(db)
    await stack.enter_async_context(SwitchBook(switches, bus))
    newest = await HistoryStore(db).last_run()
    return States(db), switches, Trust(clock, None if newest is None else newest / SECOND)


def _told(*listeners: Callable[[ProbeResult, float], None]) -> Callable[[ProbeResult, float], None]:
    """Tell every listener of a look."""

    def tell(result: ProbeResult, seconds: float) -> None:
        for listener in listeners:
            listener(result, seconds)

    return tell


async def _whep(
    stack: AsyncExitStack, hub: Hub, replays: Replays, bus: Bus, settings: Settings
) -> WhepService:
    """Viewers, the worker that makes sound fit for them, and a hub of recordings.

    That one has a bus of its own: what befalls a recording says nothing of what is live.
    """
    clock = SystemClock()
    apart = replace(_hub_settings(settings), idle_stop=0.0, tries_again=False)
    past = await stack.enter_async_context(Hub(replays, Bus(clock=clock), apart, clock))
    await stack.enter_async_context(Renewal(replays, past, bus))
    limits = WorkerLimits(processes=1, memory=1 << 30)
    opus = OpusWorks(await stack.enter_async_context(WorkerPool("sound", limits)))
    return await stack.enter_async_context(
        WhepService(hub, bus, settings.webrtc, clock, opus, past)
    )


def _forewarn(settings: Settings) -> None:
    """Say at the start what will be missed later, when nobody thinks of the settings."""
    if settings.is_media_behind_proxy:
        log.warning(
            "反向代理之后须写 webrtc.hosts, 否则看不到画面 / "
            "behind a reverse proxy nobody sees a picture without webrtc.hosts",
            fix="webrtc.hosts: [用户能到达的本机地址 an address of this machine that users reach]",
        )


def _prepare(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise SettingsError(
            f"数据目录不能用 / the data folder cannot be used: {folder}: {error.strerror}",
            hint="VIDGATE_DATA",
        ) from None


def _hub_settings(settings: Settings) -> HubSettings:
    media = settings.media
    return HubSettings(
        idle_stop=media.idle_stop,
        retry_cap=media.retry_cap,
        limits=StreamLimits(gop_bytes=media.gop_bytes),
    )
