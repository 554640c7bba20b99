"""One look at one channel, within its platform's limits; every outcome becomes a result."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from vidgate.aio.clock import Clock, SystemClock
from vidgate.aio.limits import Preempted, SlotsTaken
from vidgate.errors import (
    HeldBackError,
    NotFoundError,
    RemoteError,
    VerdictPendingError,
    VidgateError,
    is_ours,
)
from vidgate.health.limits import PlatformBook, PlatformSlots, ahead
from vidgate.health.measure import Wish
from vidgate.media.stream import Picture
from vidgate.model.channel import Channel, Kind
from vidgate.model.health import Level, ProbeResult, Reason
from vidgate.model.media import Reception
from vidgate.registry.access import host_of
from vidgate.rtsp import probe as rtsp_probe
from vidgate.rtsp.address import RtspAddress, nothing
from vidgate.rtsp.player import Admit
from vidgate.rtsp.probe import ProbeTimes, Stay
from vidgate.settings.tree import ProbeSettings
from vidgate.wire.allowance import Allowance, Allowances

# What had been reached when a camera failed us with that reason, where the instants do not say.
REACHED: Mapping[Reason, Level] = {
    Reason.UNAUTHORIZED: Level.REACH,
    Reason.NO_CREDENTIAL: Level.REACH,
    Reason.TLS: Level.REACH,
    Reason.PROTOCOL_ERROR: Level.REACH,
    Reason.NOT_FOUND: Level.REACH,
    Reason.REFUSED: Level.REACH,
    Reason.BUSY: Level.REACH,
    Reason.NO_MEDIA: Level.DESCRIBE,
    Reason.NO_KEY_FRAME: Level.DESCRIBE,
    Reason.UNSUPPORTED: Level.DESCRIBE,
    Reason.FROZEN: Level.MEDIA,
}

# Packets must begin in a third of the time that the first key frame may take.
PATIENCE = 3
CLOSING = 3.0  # seconds for TEARDOWN and the close


class Probing(Protocol):
    """`vidgate.rtsp.probe`, or a test's own."""

    async def describe(self, address: RtspAddress, clock: Clock, times: ProbeTimes) -> object:
        """DESCRIBE; fills in `times` as it goes and raises the RemoteError of what failed."""
        ...

    async def media(
        self, address: RtspAddress, clock: Clock, times: ProbeTimes, admit: Admit, stay: Stay
    ) -> object:
        """PLAY until the first key frame, and on while `stay` says so; fills in `times`.

        Raises RemoteError.
        """
        ...


class Logins(Protocol):
    """Who knows of each login how often it may be tried still; see `operations.sources.Cameras`."""

    def allowance(self, channel: Channel) -> Allowance:
        """How often the channel's own may be."""
        ...

    def can_withhold(self, channel: Channel) -> bool:
        """Whether the channel can be asked without showing any."""
        ...

    def renewed(self, channel: Channel) -> None:
        """A person has seen to its logins: each may be tried once more."""
        ...

    def owed_at(self, channel: Channel) -> float | None:
        """When its platform's may be, where that is too early yet."""
        ...


class _Rtsp:
    """Real cameras."""

    async def describe(self, address: RtspAddress, clock: Clock, times: ProbeTimes) -> object:
        return await rtsp_probe.describe(address, clock, times)

    async def media(
        self, address: RtspAddress, clock: Clock, times: ProbeTimes, admit: Admit, stay: Stay
    ) -> object:
        return await rtsp_probe.media(address, clock, times, admit, stay)


class Prober:
    """`await prober.probe(channel, level)`: never raises for a camera's sake.

    `address_of` says where a channel is and with which login; it raises NotFoundError where it has
    no address, and the RemoteError of a platform that was asked for it in vain. May be set:
    `allowance`, how often a channel's login may be tried still, `can_withhold`, whether the channel
    can be asked without showing it, `reopen` and `owed_at`, of one more try; `follow` sets them
    all. `on_further` hears of each connect of a look but its first.
    """

    deepest = Level.MEDIA  # nothing here judges a picture

    def __init__(
        self,
        register: PlatformBook,
        address_of: Callable[[Channel], Awaitable[RtspAddress]],
        slots: PlatformSlots,
        settings: ProbeSettings,
        clock: Clock | None = None,
        probing: Probing | None = None,
    ) -> None:
        self._register = register
        self._address_of = address_of
        self._slots = slots
        self._settings = settings
        self._clock = clock or SystemClock()
        self._probing = probing or _Rtsp()
        allowances = Allowances()
        self.allowance: Callable[[Channel], Allowance] = lambda one: allowances.of(one, None)
        self.can_withhold: Callable[[Channel], bool] = lambda one: True
        self.reopen: Callable[[Channel], None] = lambda one: self.allowance(one).reopen()
        self.owed_at: Callable[[Channel], float | None] = lambda one: None
        self.on_picture: Callable[[Picture], None] = lambda picture: None
        self.on_further: Callable[[], None] = nothing

    def follow(self, logins: Logins) -> None:
        """Go by what they know."""
        self.allowance, self.can_withhold = logins.allowance, logins.can_withhold
        self.reopen, self.owed_at = logins.renewed, logins.owed_at

    def lane(self, channel: Channel, level: Level) -> tuple[Hashable, int]:
        """Which limit holds for a look at the channel, and how many it lets through at once.

        A platform bears as many describes as it says and as many pictures as it has slots, with a
        few looks that wait for theirs; a direct host bears a few of either.
        """
        platform = self._register.platforms.get(channel.platform)
        if platform is None:
            return ("host", host_of(channel)), self._settings.per_host
        if level >= Level.MEDIA and platform.slots > 0:
            return ("slots", platform.id), platform.slots + ahead(platform.slots)
        return ("describe", platform.id), platform.describe_parallel

    def room(self, lane: Hashable) -> int | None:
        """How many may be at work in a lane for a look that nobody waits for to begin: none while
        people hold all sessions of a platform. None: as many as `lane` says.
        """
        match lane:
            case ("slots", str(id_)) if id_ in self._register.platforms:
                slots = self._register.platforms[id_].slots
                free = slots - self.held(id_)
                if slots > 0:  # or it was limited once, and what waits may all go
                    return free + ahead(free) if free > 0 else 0
        return None

    def held(self, platform: str) -> int:
        """The sessions of a platform that people hold."""
        return self._slots.held(platform)

    async def probe(self, channel: Channel, level: Level, wish: Wish = Wish.NOTHING) -> ProbeResult:
        """Look at the channel as deep as `level` (`describe` or `media`).

        By `wish` it goes on after the first key frame, so that the length of a group of pictures
        is measured: whatever it holds up, or only while it holds nobody up.
        """
        return await self.probe_at(channel, level, self._address_of, wish)

    async def probe_unsigned(self, channel: Channel) -> ProbeResult:
        """Ask without the login whether it lives. That it wants one is an answer: UNAUTHORIZED.

        `asked` NONE: it cannot be asked without.
        """

        async def address_of(channel: Channel) -> RtspAddress:
            address = await self._address_of(channel)
            if address.has_password_inside:
                raise HeldBackError("口令在取流地址里 / the password is in the address")
            return replace(address, login=None)

        result = await self.probe_at(channel, Level.REACH, address_of)
        if result.reason is Reason.UNAUTHORIZED:  # nobody asked the camera
            return replace(result, asked=Level.NONE, level=Level.NONE, reason=Reason.NOT_TESTED)
        if result.reason is Reason.NO_CREDENTIAL:
            return replace(result, reason=Reason.UNAUTHORIZED)
        return result

    async def probe_at(
        self,
        channel: Channel,
        level: Level,
        address_of: Callable[[Channel], Awaitable[RtspAddress]],
        wish: Wish = Wish.NOTHING,
    ) -> ProbeResult:
        """The same at another address, or with another login, than the channel's own."""
        times = ProbeTimes(t0=self._clock.wall())
        if channel.kind is Kind.PUSH:
            return _result(
                channel,
                level,
                times,
                Reason.NOT_TESTED,
                "它自己推流过来 / it comes to us by itself",
            )
        try:
            address = await address_of(channel)
        except VerdictPendingError as error:
            return _result(channel, level, times, Reason.NOT_TESTED, error.message)
        except VidgateError as error:
            return _result(channel, level, times, reason_of(error), error.message)
        try:
            await self._look(channel, level, address, times, self._stay(channel, wish))
        except (Preempted, SlotsTaken):
            if times.t3 is not None:  # taken from it while it stayed: what it was for was seen
                return self._seen(channel, level, times)
            unknown = ProbeTimes(t0=times.t0)
            return _result(
                channel,
                level,
                unknown,
                Reason.NOT_TESTED,
                "会话都由值班员使用 / operators hold the sessions",
            )
        except TimeoutError:
            if times.t3 is not None:  # late with saying goodbye
                return self._seen(channel, level, times)
            return _result(
                channel, level, times, _overdue(times), "没有按时完成 / not done in time"
            )
        except VidgateError as error:
            reason = reason_of(error)
            is_unasked = reason is Reason.UNSUPPORTED and times.t1 is None  # ours to learn
            if is_unasked or isinstance(error, (HeldBackError, VerdictPendingError)):
                reason = Reason.NOT_TESTED
            return _result(channel, level, times, reason, error.message)
        return self._seen(channel, level, times)

    def _seen(self, channel: Channel, level: Level, times: ProbeTimes) -> ProbeResult:
        if times.key_frame is not None and times.codec is not None:
            self.on_picture(Picture(channel.id, times.codec, times.key_frame))
        return _result(channel, level, times, Reason.OK)

    def _stay(self, channel: Channel, wish: Wish) -> Stay:
        if wish is Wish.NOTHING:
            return rtsp_probe.not_at_all
        slots = self._slots.of(channel)
        if wish is Wish.GROUP or slots is None:
            return lambda: True
        return lambda: slots.used <= max(1, slots.capacity // 2)

    async def _look(
        self,
        channel: Channel,
        level: Level,
        address: RtspAddress,
        times: ProbeTimes,
        stay: Stay,
    ) -> None:
        settings = self._settings
        timed = replace(
            address,
            connect_timeout=settings.timeout,
            request_timeout=settings.timeout,
            turn_timeout=settings.timeout / 2,  # ours must not look like the camera's
            further=self.on_further,
        )
        if level < Level.MEDIA:
            # One deadline over all steps: a camera that drips a byte a second is cut as well.
            async with asyncio.timeout(settings.timeout):
                await self._probing.describe(timed, self._clock, times)
            return
        timed = replace(timed, stall_timeout=settings.media_timeout / PATIENCE)
        limit = settings.timeout + settings.media_timeout + rtsp_probe.LONGEST_STAY + CLOSING
        async with self._slots.look(channel) as session, asyncio.timeout(limit) as deadline:

            async def admit() -> None:
                deadline.reschedule(None)
                await session()
                deadline.reschedule(asyncio.get_running_loop().time() + limit)

            await self._probing.media(timed, self._clock, times, admit, stay)


def reason_of(error: BaseException) -> Reason:
    """The reason code of what a camera, or our own side, raised."""
    if is_ours(error.__cause__):
        return Reason.ERROR
    if isinstance(error, RemoteError):
        return Reason(error.reason)
    return Reason.NO_ADDRESS if isinstance(error, NotFoundError) else Reason.ERROR


def _overdue(times: ProbeTimes) -> Reason:
    if times.t2 is not None:
        return Reason.NO_KEY_FRAME
    return Reason.TIMEOUT


def _result(
    channel: Channel, asked: Level, times: ProbeTimes, reason: Reason, detail: str = ""
) -> ProbeResult:
    return ProbeResult(
        channel=channel.id,
        asked=asked,
        level=_reached(times, reason),
        reason=reason,
        t0=times.t0,
        connected=times.connected,
        t1=times.t1,
        t2=times.t2,
        t3=times.t3,
        codec=times.codec,
        width=times.width,
        height=times.height,
        fps=times.fps,
        bitrate=times.bitrate,
        **_arrival(times),
        **_counted(times),
        stayed=times.stayed,
        detail=detail[:300],
    )


def _arrival(times: ProbeTimes) -> dict[str, Any]:
    """How the picture came, and how the camera's clock stands.

    The time in a packet comes last: the key frame with which a camera begins may be seconds old.
    """
    reception = times.reception or Reception()
    offset, by = reception.clock_offset, reception.clock_by
    if by != "sr" and times.date is not None:
        offset, by = times.date, "date"
    jitter = None if times.reception is None else reception.jitter
    return {"jitter": jitter, "clock_offset": offset, "clock_by": by}


def _counted(times: ProbeTimes) -> dict[str, Any]:
    """What was counted while it played."""
    count, reception = times.count, times.reception
    return {
        "measured_fps": count.fps,
        "measured_bitrate": count.bitrate,
        "group_frames": count.group_frames,
        "group_seconds": count.group_seconds,
        "expected": None if reception is None else reception.expected,
        "lost": None if reception is None else reception.lost,
    }


def _reached(times: ProbeTimes, reason: Reason) -> Level:
    if times.t3 is not None:
        return Level.MEDIA
    if times.t1 is not None:
        return Level.DESCRIBE
    by_reason = REACHED.get(reason, Level.NONE)
    return by_reason if times.connected is None else max(by_reason, Level.REACH)
