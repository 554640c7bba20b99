"""The composition root: the only place that knows all parts.

It enters them on one AsyncExitStack, which leaves them in reverse: the web stops taking requests
first, the database closes last.
"""

import asyncio
import gc
import os
import signal
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import structlog
import uvloop

from vidgate import log as logs
from vidgate.aio.bus import Bus
from vidgate.aio.clock import Clock, SystemClock
from vidgate.aio.supervisor import Supervisor
from vidgate.errors import NotFoundError, SettingsError
from vidgate.health.limits import PlatformSlots
from vidgate.health.prober import Prober
from vidgate.health.service import HealthService
from vidgate.media.hub import Hub, HubSettings
from vidgate.media.source import Source
from vidgate.media.stream import StreamLimits
from vidgate.media.worker import WorkerLimits, WorkerPool
from vidgate.metrics import Metrics
from vidgate.model.channel import Channel, Kind, Login, Transport
from vidgate.model.media import StreamKey, Variant
from vidgate.registry.registry import Registry
from vidgate.rtsp.source import RtspAddress, RtspSource
from vidgate.settings import Settings, data_folder, load_settings
from vidgate.storage.accounts import Accounts
from vidgate.storage.audit import Audit
from vidgate.storage.database import Database
from vidgate.storage.secrets import SecretBox
from vidgate.storage.states import States
from vidgate.web.parts import WebParts
from vidgate.web.server import SOCKET_NAME, WebServer
from vidgate.web.sessions import ensure_admin
from vidgate.webrtc.whep import WhepService
from vidgate.wire.guard import AddressGuard
from vidgate.wire.uri import Uri

log = structlog.get_logger(__name__)

RTSP_PORT = 554
DRAIN = 10.0  # seconds from SIGTERM until the process goes whatever still runs


def main(config: Path | None = None) -> int:
    """Run the service until SIGTERM or SIGINT; returns the exit status.

    Raises SettingsError before anything is started when the settings are wrong.
    """
    settings = load_settings(config)
    logs.configure(settings.log.level, settings.log.format)
    return uvloop.run(serve(settings, data_folder()))


async def serve(settings: Settings, folder: Path) -> int:
    """Run all parts with their data in `folder`; 0 after a signal, 1 after a crash of ours."""
    stopping = _Stopping()
    async with AsyncExitStack() as stack:
        service = await _start(stack, settings, folder)
        gc.freeze()  # what stands now stands for good: no collection need walk it again
        service.announce()
        await stopping.wait()
        log.info("stopping", status=stopping.status)
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
    """What the ready line tells."""

    web: WebServer
    whep: WhepService
    password: str | None

    def announce(self) -> None:
        """Say on stderr that we are ready, and once the first account's password."""
        if self.password is not None:
            print(f"admin password: {self.password}", file=sys.stderr)  # noqa: T201
        http = f"{self.web.host}:{self.web.port}"
        webrtc = f"{self.web.host}:{self.whep.port}"
        print(f"vidgate ready http={http} webrtc={webrtc}", file=sys.stderr, flush=True)  # noqa: T201


async def _start(stack: AsyncExitStack, settings: Settings, folder: Path) -> _Service:
    clock = SystemClock()
    bus = Bus(clock=clock, first=int(clock.wall() * 1000))
    _prepare(folder)
    db = await stack.enter_async_context(
        Database(settings.database.url or folder / "vidgate.db", clock=clock)
    )
    accounts = Accounts(db, settings.auth, clock=clock)
    password = await ensure_admin(accounts)
    texts = await stack.enter_async_context(
        WorkerPool("text", WorkerLimits(processes=1, memory=1 << 30))
    )
    registry = await stack.enter_async_context(Registry(db, SecretBox(folder), bus, texts.run))
    listening: list[tuple[str, int]] = []
    slots = PlatformSlots(registry)
    sources = Sources(registry, settings, slots, listening, clock)
    hub = await stack.enter_async_context(Hub(sources, bus, _hub_settings(settings), clock))
    await stack.enter_async_context(Renewal(sources, hub, bus))
    prober = Prober(registry, sources.address, slots, settings.probe, clock)
    health = await stack.enter_async_context(
        HealthService(registry, hub, bus, prober, States(db), settings.probe, clock=clock)
    )
    whep = await stack.enter_async_context(WhepService(hub, bus, settings.webrtc, clock))
    gc.collect()  # now, before anybody looks at how long the loop is held
    metrics = await stack.enter_async_context(Metrics(registry, health, hub, whep))
    health.on_probe = metrics.observe_probe
    parts = WebParts(
        registry=registry,
        health=health,
        hub=hub,
        whep=whep,
        bus=bus,
        accounts=accounts,
        audit=Audit(db),
        metrics=metrics.render,
        channel_metrics=metrics.render_channels,
        is_ready=db.is_ready,
    )
    web = await stack.enter_async_context(
        WebServer(
            parts,
            settings,
            socket=folder / SOCKET_NAME,
            clock=clock,
            is_demo=bool(os.environ.get("VIDGATE_DEMO")),
        )
    )
    listening += [(web.host, web.port), ("0.0.0.0", whep.port)]
    return _Service(web, whep, password)


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


class Sources:
    """Makes the source of a stream: the one table from kinds of channels to protocols."""

    def __init__(
        self,
        registry: Registry,
        settings: Settings,
        slots: PlatformSlots,
        own: list[tuple[str, int]],
        clock: Clock,
    ) -> None:
        self._registry = registry
        self._media = settings.media
        self._ports = settings.rtp
        self._slots = slots
        self._clock = clock
        self._guard = AddressGuard(settings.media.allow, settings.media.deny, lambda: own)
        self._makers = {Kind.RTSP: self._rtsp}
        self._used: dict[StreamKey, tuple[str, Login | None, Transport]] = {}

    def __call__(self, key: StreamKey) -> Source:
        """The source of a stream. Raises NotFoundError where there can be none."""
        channel = self._registry.get(key.name)
        maker = self._makers.get(channel.kind)
        if maker is None:
            raise NotFoundError(
                f"{channel.id}: 不支持的接入方式 / kind {channel.kind} is not served"
            )
        return self._slots.source(channel, maker(channel, key.variant))

    def address(self, channel: Channel, variant: Variant = Variant.MAIN) -> RtspAddress:
        """Where and how to reach a channel. Raises NotFoundError where it has no address."""
        url = self._registry.address(channel, variant)
        if not url:
            raise NotFoundError(f"{channel.id}: 没有 {variant} 码流地址 / no {variant} address")
        return RtspAddress(
            url=url,
            login=self._registry.login(channel),
            transport=channel.transport,
            connect_timeout=self._media.connect_timeout,
            request_timeout=self._media.request_timeout,
            stall_timeout=self._media.stall_timeout,
            udp_ports=(self._ports.first, self._ports.last),
            allowed=partial(self._permits, Uri.parse(url).port or RTSP_PORT),
        )

    def is_outdated(self, key: StreamKey) -> bool:
        """Whether the stream's last source was made of an address or login that changed since."""
        try:
            now = self._made_of(self._registry.get(key.name), key.variant)
        except NotFoundError:
            return True
        return self._used.get(key, now) != now

    def _made_of(self, channel: Channel, variant: Variant) -> tuple[str, Login | None, Transport]:
        url = self._registry.address(channel, variant)
        return url, self._registry.login(channel), channel.transport

    def _permits(self, port: int, address: str) -> bool:
        return self._guard.permits(address, port)

    def _rtsp(self, channel: Channel, variant: Variant) -> Source:
        self._used[StreamKey(channel.id, variant)] = self._made_of(channel, variant)
        return RtspSource(self.address(channel, variant), clock=self._clock)


class Renewal:
    """Restarts the streams whose channel or credential changed, and none other.

    A stream blocked by a refused password tries again only through this.
    """

    def __init__(self, sources: Sources, hub: Hub, bus: Bus) -> None:
        self._sources = sources
        self._hub = hub
        self._bus = bus
        self._tasks = Supervisor("renewal")

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._tasks.keep(self._follow, "follow")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._tasks.__aexit__(kind, error, trace)

    async def _follow(self) -> None:
        async with self._bus.subscribe(["register.changed", "credential.changed"]) as events:
            async for _ in events:
                for key in [key for key in self._hub.streams if self._sources.is_outdated(key)]:
                    await self._hub.forget(key.name)
