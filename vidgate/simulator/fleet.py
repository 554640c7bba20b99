"""The fleet: all cameras of a register in one process, on one RTSP port of 127.0.0.0/8."""

import asyncio
import resource
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from vidgate.aio.clock import Clock, SystemClock
from vidgate.errors import ConflictError, InputError, LimitError, NotFoundError
from vidgate.model.media import Variant
from vidgate.simulator import register
from vidgate.simulator.camera import Camera, LiveStream
from vidgate.simulator.census import Census, FleetSettings
from vidgate.simulator.control import Control
from vidgate.simulator.faults import PlannedFault, Trouble, parse_fault
from vidgate.simulator.footage import Footage
from vidgate.simulator.manner import Replay, Sound
from vidgate.simulator.pictures import FPS, Recipe
from vidgate.simulator.platform import TicketPlatform
from vidgate.simulator.players import UdpPair
from vidgate.simulator.replay import Recording, Wanted
from vidgate.simulator.schedule import FaultSchedule, Flapping
from vidgate.simulator.server import LOOPBACK_IPV6, Connection
from vidgate.simulator.sound import Tone, g711_tone
from vidgate.simulator.studio import Studio, recipe_for
from vidgate.simulator.ticker import Ticker
from vidgate.wire.clock import ClockRange
from vidgate.wire.uri import Uri, place_of

__all__ = ["Fleet", "FleetSettings"]

BACKLOG = 4096
EVERY_IPV4 = "0.0.0.0"
SPARE_DESCRIPTORS = 512
SWEEP_INTERVAL = 5.0  # seconds between two looks for sessions that fell silent
FOOTAGE_TIMEOUT = 1.5  # seconds; on a busy machine the first requests wait for the rest
PROFILES = ("coded", "load")


class Fleet:
    """`async with Fleet(rows) as fleet:` serves them; `rows` may be a register's path.

    Port 0 picks a free one, None takes the one that the rows name; `register_rows` are the rows
    with the real port in their addresses.
    """

    def __init__(
        self,
        rows: Sequence[Mapping[str, str]] | Path,
        settings: FleetSettings | None = None,
        *,
        port: int | None = 0,
        control_port: int = 0,
        clock: Clock | None = None,
    ) -> None:
        self.settings = settings or FleetSettings()
        if self.settings.profile not in PROFILES:
            raise InputError(f"no profile is called {self.settings.profile!r}: coded or load")
        self.port = port or 0
        self._is_port_given = port is not None
        self.control_url = ""
        self._census = Census(self.settings)
        self.cameras = self._census.cameras
        self.hosts = self._census.hosts
        self.register_rows = self._census.rows
        self.connections: set[Connection] = set()
        self.connects: list[int] = []  # in each second since the start
        self._rows = rows
        self._control_port = control_port
        self._clock = clock or SystemClock()
        self.platform = TicketPlatform(
            self.settings.ticket_seconds, self.settings.platform_login, self._clock.now
        )
        self._sweep: asyncio.TimerHandle | None = None
        self._udp: UdpPair | None = None
        self._studio = Studio()
        self._stack = AsyncExitStack()

    # -- life ------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._studio)
            self._studio.prepare(self._recipes(first=True))
            rows = self._rows
            if isinstance(rows, Path):
                rows = await asyncio.to_thread(register.read, rows)
            if not self._is_port_given:
                self.port = _port_of(rows)
            _raise_limit(len(rows))
            self._ticker = Ticker()
            self._flapping = Flapping()
            self._schedule = FaultSchedule(self._ticker, self._break, self._mend)
            self._epoch_wall = self._clock.wall()
            stack.callback(self._stop)
            server = await self._listen(EVERY_IPV4)
            stack.push_async_callback(_close_server, server)
            stack.callback(self._cut_all)
            self._census.take(rows, self.port)
            if LOOPBACK_IPV6 in self.hosts:
                stack.push_async_callback(_close_server, await self._listen(LOOPBACK_IPV6))
            control = await stack.enter_async_context(Control(self, self._control_port))
            self.control_url = control.url
            first = [self._studio.want(recipe) for recipe in self._recipes(first=True)]
            await asyncio.wait(first, timeout=FOOTAGE_TIMEOUT)
            self._studio.prepare(self._recipes(first=False))
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def _listen(self, host: str) -> asyncio.Server:
        """All of 127.0.0.0/8 by one socket; connections to other addresses are turned away."""
        loop = asyncio.get_running_loop()
        try:
            server = await loop.create_server(
                lambda: Connection(self), host, self.port, backlog=BACKLOG
            )
        except OSError as error:
            raise ConflictError(
                f"{place_of(host, self.port)} cannot be listened on: {error.strerror}",
                hint="simulate register --port writes another one into the addresses",
            ) from error
        self.port = server.sockets[0].getsockname()[1]
        return server

    def _stop(self) -> None:
        self._schedule.stop()
        self._flapping.stop()
        if self._sweep is not None:
            self._sweep.cancel()
        self._ticker.stop()
        if self._udp is not None:
            self._udp.close()

    def _cut_all(self) -> None:
        for connection in list(self.connections):
            connection.reset()

    # -- cameras ---------------------------------------------------------------------------------

    def camera(self, id_: str) -> Camera:
        """A camera by channel id; raises NotFoundError."""
        try:
            return self.cameras[id_]
        except KeyError:
            raise NotFoundError(f"no simulated camera has the id {id_!r}") from None

    def set_fault(
        self, id_: str, name: str, start: float | None = None, until: float | None = None
    ) -> None:
        """Break a camera, now or from and until so many seconds after the fleet's start."""
        self.plan(PlannedFault(id_, parse_fault(name), start, until))

    def clear_fault(self, id_: str) -> None:
        """Mend a camera and forget what is planned for it."""
        self._schedule.clear(self.camera(id_))

    def plan(self, entry: PlannedFault) -> None:
        """Let a fault come and go as planned; raises NotFoundError for an unknown channel."""
        self._schedule.add(self.camera(entry.channel), entry)

    @property
    def planned(self) -> list[PlannedFault]:
        """The faults in force and to come."""
        return self._schedule.entries

    def _break(self, camera: Camera, trouble: Trouble) -> None:
        camera.set_fault(trouble, int(self._ticker.seconds * FPS))
        self._follow(camera)

    def _mend(self, camera: Camera, trouble: Trouble | None) -> None:
        camera.mend(trouble)
        self._follow(camera)

    def _follow(self, camera: Camera) -> None:
        """Let it flap, and let its running streams show what its manner has them show now."""
        self._flapping.follow(camera)
        for variant, stream in camera.streams.items():
            if stream.players:
                footage = self.footage(camera, variant)
                footage.add_done_callback(partial(_show, stream))

    def truth(self) -> dict[str, Any]:
        """What is true: each camera's condition and what was asked of it, sessions by host.

        `epoch` is the wall-clock second of frame counter 0, of which there are `fps` a second.
        """
        cameras = self.cameras.values()
        return self.load() | {
            "epoch": self._epoch_wall,
            "fps": FPS,
            "profile": self.settings.profile,
            "sessions": sum(camera.usage.sessions for camera in cameras),
            "streams": len(self._ticker),
            "connections": len(self.connections),
            "skipped": self._ticker.skipped,
            "platform": self.platform.as_json(),
            "channels": {camera.id: camera.as_json() for camera in cameras},
        }

    def load(self) -> dict[str, Any]:
        """How hard it is asked: connections taken and sessions by host. Cheap, unlike the truth."""
        return {
            "uptime": round(self._ticker.seconds, 3),
            "connects": sum(self.connects),
            "peak_connects": max(self.connects, default=0),  # in one second
            "hosts": {host: usage.as_json() for host, usage in self.hosts.items()},
        }

    def count_anew(self) -> None:
        """Let `load` tell of what comes from now on."""
        self.connects = [0] * len(self.connects)
        for usage in self.hosts.values():
            usage.count_anew()

    # -- for connections -------------------------------------------------------------------------

    @property
    def realm(self) -> str:
        """The realm of every challenge."""
        return self.settings.realm

    @property
    def session_timeout(self) -> float:
        """Seconds of silence after which a session ends."""
        return self.settings.session_timeout

    def find(self, host: str, uri: str) -> tuple[Camera, Variant] | None:
        """The camera and stream that a request to one of our addresses means."""
        return self._census.find(host, uri)

    def connected(self, connection: Connection) -> None:
        """A client is there."""
        self.connections.add(connection)
        second = int(self._ticker.seconds)
        self.connects += [0] * (second + 1 - len(self.connects))
        self.connects[second] += 1
        if self._sweep is None:
            self._sweep_later()

    def disconnected(self, connection: Connection) -> None:
        """A client is gone."""
        self.connections.discard(connection)

    def _sweep_later(self) -> None:
        interval = min(SWEEP_INTERVAL, self.session_timeout / 4)
        self._sweep = asyncio.get_running_loop().call_later(interval, self._sweep_silent)

    def _sweep_silent(self) -> None:
        self._sweep = None
        deadline = asyncio.get_running_loop().time() - self.session_timeout
        for connection in list(self.connections):
            if connection.heard < deadline:
                connection.reset()
        if self.connections:
            self._sweep_later()

    def footage(self, camera: Camera, variant: Variant) -> "asyncio.Future[Footage]":
        """What a camera shows; encoded at the first demand."""
        scene = camera.number % self.settings.scenes
        recipe = self._recipe(variant, camera.codec_of(variant), scene)
        manner = camera.manner
        if manner.look is not recipe.look or manner.interval * FPS != recipe.length:
            recipe = replace(recipe, look=manner.look, length=int(manner.interval) // 2 * 2 * FPS)
        return self._studio.want(recipe)

    def make_stream(self, camera: Camera, footage: Footage) -> LiveStream:
        """A stream of a camera on the fleet's time."""
        return LiveStream(camera, footage, self._ticker, self._epoch_wall, self._tone)

    def record(
        self, camera: Camera, footage: Footage, moments: ClockRange, cseq: int
    ) -> Recording | None:
        """The recording of a camera on the fleet's time; None where it keeps none."""
        wanted = Wanted(moments, self._epoch_wall, cseq)
        if camera.manner.replay is Replay.EMPTY or not wanted.is_kept(self.wall()):
            return None
        return Recording(camera, footage, self._ticker, wanted, self._tone)

    def _tone(self, camera: Camera) -> Tone | None:
        """A camera's sound; None for none, and while it is being encoded."""
        sound = camera.manner.sound
        if sound is Sound.AAC:
            return self._studio.want_tone(camera.number)
        return None if sound is Sound.NONE else g711_tone(camera.number, sound)

    def wall(self) -> float:
        """Wall-clock seconds."""
        return self._clock.wall()

    def udp_pair(self) -> UdpPair:
        """The UDP ports, opened when the first client asks for them."""
        if self._udp is None:
            self._udp = UdpPair()
        return self._udp

    def _recipe(self, variant: Variant, codec: str, scene: int) -> Recipe:
        return recipe_for(variant, codec, scene, self.settings.profile, self.settings.bitrate)

    def _recipes(self, *, first: bool) -> list[Recipe]:
        """What must be there before the fleet is ready, or what is made right after."""
        scenes = range(1) if first else range(1, self.settings.scenes)
        recipes = [self._recipe(variant, "h264", at) for at in scenes for variant in Variant]
        if not first and any(camera.codec == "h265" for camera in self.cameras.values()):
            recipes.insert(0, self._recipe(Variant.MAIN, "h265", 0))
        return recipes


def _show(stream: LiveStream, footage: "asyncio.Future[Footage]") -> None:
    if not footage.cancelled():
        stream.show(footage.result())


async def _close_server(server: asyncio.Server) -> None:
    server.close()
    await server.wait_closed()


def _port_of(rows: Iterable[Mapping[str, str]]) -> int:
    """The one port that the addresses of a register name; raises InputError for several."""
    ports = {Uri.parse(row["url"]).effective_port for row in rows if row.get("url")}
    if len(ports) != 1:
        raise InputError(
            f"the register names {len(ports)} ports, one is needed: {sorted(ports)[:8]}",
            hint="--port serves all cameras on one port",
        )
    return ports.pop()


def _raise_limit(channels: int) -> None:
    """Allow a descriptor for main and sub stream of each channel, or refuse what cannot work."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    least, wanted = channels + SPARE_DESCRIPTORS, 2 * channels + SPARE_DESCRIPTORS
    unlimited = hard == resource.RLIM_INFINITY
    if not unlimited and hard < least:
        raise LimitError(
            f"{channels} cameras need {least} open files, {hard} are allowed",
            hint=f"ulimit -Hn {wanted}, or fewer channels",
        )
    if soft != resource.RLIM_INFINITY and soft < wanted:
        limit = wanted if unlimited else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, limit), hard))
