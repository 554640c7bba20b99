"""The sources of the hub's streams: the one table from kinds of channels to protocols."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Hashable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple, Protocol, Self

import structlog

from vidgate.aio.clock import Clock
from vidgate.aio.limits import Priority
from vidgate.aio.names import Names
from vidgate.errors import (
    BusyError,
    ChannelDisabledError,
    InputError,
    KindNotServedError,
    NoAddressError,
    NotFoundError,
)
from vidgate.health.limits import PlatformSlots
from vidgate.media.hub import Hub
from vidgate.media.source import Publisher, Source
from vidgate.model.channel import LIFECYCLE_WORDS, Channel, Kind, Transport
from vidgate.model.health import Level, ProbeResult, Reason
from vidgate.model.media import StreamKey, Variant
from vidgate.operations.choices import Choices
from vidgate.operations.failover import Failover, Look
from vidgate.operations.refusals import Pull, Refusals
from vidgate.registry import placeholders
from vidgate.registry.resolvers import Located
from vidgate.registry.routes import Route
from vidgate.rtsp.address import RtspAddress
from vidgate.rtsp.choice import Choice
from vidgate.rtsp.player import Admit
from vidgate.rtsp.source import RtspSource
from vidgate.rtsp.tls import client_context
from vidgate.settings.tree import MediaSettings, RtpSettings
from vidgate.wire.allowance import Allowance, Allowances
from vidgate.wire.clock import ClockRange
from vidgate.wire.guard import AddressGuard
from vidgate.wire.uri import Uri

log = structlog.get_logger(__name__)

# Seconds for which a pull may wait to sign in: all channels of a recorder are opened at once, two
# of them sign in at a time, and a viewer waits ten seconds in all.
TURN_TIMEOUT = 5.0


class Register(Protocol):
    """Who knows the channels; see `vidgate.registry.registry`."""

    @property
    def channels(self) -> Mapping[str, Channel]:
        """All channels."""
        ...

    def get(self, id_: str) -> Channel:
        """The channel of an id; raises NotFoundError."""
        ...

    def route(self, channel: Channel, variant: Variant = Variant.MAIN) -> Route | None:
        """How the address of a stream is found."""
        ...


class Locator(Protocol):
    """Who turns a route into an address; see `vidgate.registry.resolvers`."""

    async def locate(self, route: Route) -> Located:
        """The address to call now."""
        ...

    def reopen(self, route: Route) -> None:
        """Whoever must be asked for it may be shown its login once more."""
        ...

    def owed_at(self, route: Route) -> float | None:
        """When that is in order, where it is too early yet."""
        ...


@dataclass(frozen=True, slots=True)
class Cameras:
    """How cameras are called, whoever asks.

    `locate` finds the way anew each time: an address that a platform gives is good for one call.
    """

    register: Register
    locator: Locator
    guard: AddressGuard
    media: MediaSettings
    ports: RtpSettings
    names: Names | None = None
    choices: Choices = field(default_factory=Choices)
    allowances: Allowances = field(default_factory=Allowances)

    def __post_init__(self) -> None:
        if self.media.tls_ca:
            client_context(self.media.tls_ca)  # a file that cannot be used ends the start

    async def locate(self, channel: Channel, variant: Variant = Variant.MAIN) -> RtspAddress:
        """Where and how to reach a stream now.

        Raises NotFoundError where there is no way, a RemoteError of a platform that gives none.
        """
        route = self.register.route(channel, variant)
        return await self.follow(channel, route, variant, self.choices.of(channel, variant, route))

    async def follow(
        self,
        channel: Channel,
        route: Route | None,
        variant: Variant = Variant.MAIN,
        choice: Choice | None = None,
    ) -> RtspAddress:
        """The same along a route that is not the registered one."""
        if route is None:
            raise _no_address(channel, variant)
        located = await self.locator.locate(route)
        port = Uri.parse(located.url).effective_port
        return RtspAddress(
            url=located.url,
            login=located.login,
            transport=channel.transport,
            connect_timeout=self.media.connect_timeout,
            request_timeout=self.media.request_timeout,
            turn_timeout=TURN_TIMEOUT,
            stall_timeout=self.media.stall_timeout,
            udp_ports=(self.ports.first, self.ports.last),
            resolve=None if self.names is None else self.names.resolve,
            allowed=partial(self._permits, port),
            tls_ca=self.media.tls_ca,
            choice=choice or Choice(),
            allowance=self._allowance(channel, route),
        )

    def allowance(self, channel: Channel) -> Allowance:
        """How often the channel's own login was refused, by whichever stream or probe."""
        return self._allowance(channel, self.register.route(channel))

    def can_withhold(self, channel: Channel) -> bool:
        """Whether it can be asked without its login, or one of its platform's endpoint."""
        route = self.register.route(channel)
        if route is None:
            return True
        asked = route.question
        is_shown = asked is not None and asked.login is not None and asked.auth != "none"
        is_filled_in = bool(placeholders.names(route.url) & set(placeholders.SECRETS))
        is_inside = RtspAddress(url=route.url, login=route.login).has_password_inside
        return not (is_shown or is_filled_in or is_inside)

    def reopen(self, channel: Channel, route: Route | None) -> None:
        """A person has seen to a login along that route: each may be tried once more."""
        self._allowance(channel, route).reopen()
        if route is not None:
            self.locator.reopen(route)

    def renewed(self, channel: Channel) -> None:
        """The same for each of its streams: the login was said again."""
        for variant in Variant:
            self.reopen(channel, self.register.route(channel, variant))

    def owed_at(self, channel: Channel) -> float | None:
        """When its platform may be shown the login that a person has seen to; None: it may be now,
        or was, or nobody has.
        """
        route = self.register.route(channel)
        return None if route is None else self.locator.owed_at(route)

    def _allowance(self, channel: Channel, route: Route | None) -> Allowance:
        if route is None:
            return self.allowances.of(channel, None)
        return self.allowances.of(channel, route.login, device_of(route))

    def _permits(self, port: int, address: str) -> bool:
        return self.guard.permits(address, port)


def device_of(route: Route) -> tuple[str, int] | None:
    """Host and port of the device that a login is shown to; None where a platform tells each time.

    Behind one address with several ports there may be several devices.
    """
    try:
        uri = Uri.parse(route.url)
    except InputError:
        return None
    return uri.host.lower(), uri.effective_port


def _no_address(channel: Channel, variant: Variant) -> NoAddressError:
    return NoAddressError(f"{channel.id}: 没有 {variant} 码流地址 / no {variant} address")


class Made(NamedTuple):
    """What a source was made of; of something else it is another source."""

    route: Route | None
    transport: Transport
    platform: str  # whose sessions it takes
    may_feed: bool

    @classmethod
    def of(cls, register: Register, channel: Channel, key: StreamKey) -> Self:
        """What a source of that stream is made of when this channel feeds it."""
        is_own = channel.id == key.name
        may_feed = channel.is_watchable if is_own else channel.is_counted
        route = register.route(channel, key.variant)
        return cls(route, channel.transport, channel.platform, may_feed)


def place_of(register: Register, channel: Channel) -> Hashable:
    """What counts the sessions of the channel: its platform, else its device."""
    route = register.route(channel)
    return channel.platform or (device_of(route) if route is not None else None)


def require_watchable(channel: Channel) -> None:
    """Raises ChannelDisabledError of a channel that nobody is to watch."""
    if not channel.enabled:
        raise ChannelDisabledError(
            f"{channel.id} 已停用 / the channel is disabled", hint="启用后再看 / enable it first"
        )
    if not channel.is_watchable:
        step = channel.lifecycle
        raise ChannelDisabledError(
            f"{channel.id} 已{LIFECYCLE_WORDS[step]} / the channel is {step}",
            hint="建设阶段改回调试或在用后再看 / put it back into service first",
        )


class Standby(NamedTuple):
    """Who remembers what stands in for what, and who looks whether it is back."""

    book: Failover
    look: Look


class Sources:
    """Makes the source of a stream."""

    def __init__(
        self,
        register: Register,
        cameras: Cameras,
        slots: PlatformSlots,
        standby: Standby,
        refusals: Refusals,
        clock: Clock,
    ) -> None:
        self._standby = standby
        self._register = register
        self._cameras = cameras
        self._slots = slots
        self._clock = clock
        self._give_up: Callable[[StreamKey], bool] = lambda key: False
        self._hurry: Callable[[StreamKey], None] = lambda key: None
        self._makers = {Kind.RTSP: self._rtsp}
        self._refusals = refusals
        self._used: dict[StreamKey, dict[str, Made]] = {}  # by the channels that may feed it

    def __call__(self, key: StreamKey) -> Source:
        """The source of a stream.

        Raises NotFoundError where there can be none, ChannelDisabledError where there may be none.
        """
        channel = self._register.get(key.name)
        others = self._stand_ins(channel, key.variant)
        made = {one.id: Made.of(self._register, one, key) for one in (channel, *others)}
        self._used[key] = made
        require_watchable(channel)
        maker = self._makers.get(channel.kind)
        if maker is None:
            raise KindNotServedError(
                f"{channel.id}: 不支持的接入方式 / kind {channel.kind} is not served"
            )
        if not others and made[channel.id].route is None:
            raise _no_address(channel, key.variant)

        def make(one: Channel) -> Source:
            return maker(one, key)

        if not others:
            return make(channel)
        look = partial(self._look, key)
        return self._standby.book.source(key, [channel, *others], make, look)

    def serve(self, hub: Hub) -> None:
        """Who waits for a session of a platform may have that of a stream which nobody reads."""
        self._give_up, self._hurry = hub.give_up, hub.hurry
        hub.on_unwatched = self._slots.make_room
        hub.is_outdated = self.is_outdated
        self._slots.on_freed = self._freed

    def _stand_ins(self, channel: Channel, variant: Variant) -> list[Channel]:
        """The other channels of the same point that could show the same place."""
        if not channel.point:
            return []
        return [
            one
            for one in self._register.channels.values()
            if one.point == channel.point
            and one.id != channel.id
            and one.is_counted
            and one.kind in self._makers
            and self._register.route(one, variant) is not None
        ]

    def is_outdated(self, key: StreamKey) -> bool:
        """Whether the stream's last source was made of what has changed since.

        That is an address, a login, a platform or that it may feed the stream at all: its own, or
        that of who stands in for it now.
        """
        used = self._used.get(key)
        for id_ in {key.name, self._standby.book.feeding(key)}:
            try:
                now = Made.of(self._register, self._register.get(id_), key)
            except NotFoundError:
                return True
            if used is not None and used.get(id_, now) != now:
                return True
        return False

    def may_use(self, key: StreamKey, credential: str) -> bool:
        """Whether the stream may sign in with that credential: by name, by a pattern, or to its
        platform, which is asked for the address.
        """
        try:
            channel = self._register.get(key.name)
        except NotFoundError:
            return False
        route = self._register.route(channel, key.variant)
        if route is not None and route.question is not None and route.question.login is not None:
            return True
        return channel.credential in ("", credential)

    def reopen(self, name: str) -> None:
        """A person has seen to the channel's login: it may be tried once more."""
        self._cameras.renewed(self._register.get(name))

    def keep_only(self, keys: Collection[StreamKey]) -> None:
        """Forget what the sources of other streams were made of."""
        for key in self._used.keys() - keys:
            del self._used[key]

    def _rtsp(self, channel: Channel, key: StreamKey) -> Source:
        """A source of the stream, from its own channel or from one that stands in for it."""
        return LocatedSource(
            lambda: self._cameras.locate(channel, key.variant),
            lambda: self._session(channel, key),
            self._clock,
        )

    @asynccontextmanager
    async def _session(self, channel: Channel, key: StreamKey) -> AsyncIterator[Admit]:
        """A session of the platform, for a camera that was not busy just now."""
        with self._refusals.heed(self._pull(channel, key)):
            async with self._slots.pull(channel, lambda: self._give_up(key)) as admit:
                yield admit

    async def _look(self, key: StreamKey, channel: Channel, level: Level) -> ProbeResult:
        """Look whether it would feed the stream; raises BusyError where a pull would."""
        with self._refusals.heed(self._pull(channel, key)):
            result = await self._standby.look(channel, level)
            if result.reason is Reason.BUSY:
                raise BusyError(result.detail)
        return result

    def _pull(self, channel: Channel, key: StreamKey) -> Pull:
        made = Made.of(self._register, channel, key)
        return Pull(channel.id, key, made, place_of(self._register, channel))

    def _freed(self, channel: Channel, by: Priority) -> None:
        """A session was given back: who was refused for want of one may ask again.

        What a person leaves may be any at that place. A look's may be the camera's own alone, or a
        busy one behind a platform would be called again with each look at the others.
        """
        place = place_of(self._register, channel) if by is Priority.OPERATOR else None
        for key in self._refusals.freed(channel.id, place):
            if not self._give_up(key):  # somebody waits for it
                self._hurry(key)


class LocatedSource:
    """A camera whose address is found when it is pulled, at each pull anew.

    `session` is the pull's way to one of its platform's. With `replay` what it recorded is pulled.
    """

    def __init__(
        self,
        locate: Callable[[], Awaitable[RtspAddress]],
        session: Callable[[], AbstractAsyncContextManager[Admit]],
        clock: Clock,
        replay: ClockRange | None = None,
    ) -> None:
        self._replay = replay
        self._locate = locate
        self._session = session
        self._clock = clock
        self._source: RtspSource | None = None

    async def run(self, publisher: Publisher) -> None:
        """Find the address, connect and publish; see `media.source.Source`."""
        async with self._session() as admit:
            self._source = RtspSource(await self._locate(), self._clock, admit, self._replay)
            await self._source.run(publisher)

    def request_key_frame(self) -> None:
        """Ask the camera, where there is one yet."""
        if self._source is not None:
            self._source.request_key_frame()
