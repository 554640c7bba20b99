"""A register, a store and a prober in memory."""

import asyncio
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from vidgate.aio.clock import Clock
from vidgate.errors import NotFoundError, StorageError
from vidgate.health.checks import Cadence
from vidgate.health.measure import Wish
from vidgate.media.source import Source
from vidgate.model.channel import Channel, Lifecycle, Login, Platform
from vidgate.model.health import Health, Level, ProbeResult, Reason
from vidgate.model.media import StreamKey
from vidgate.registry import routes
from vidgate.registry.url_forms import UrlForms
from vidgate.rtsp.address import RtspAddress
from vidgate.storage.states import Transition
from vidgate.wire.allowance import Allowance, Allowances
from vidgate.wire.uri import Uri

FORMS = UrlForms()


class Known:
    """What is known of channels; whoever derives from it sets `health`, and `media` seconds."""

    health: dict[str, Health]
    media: float = 900.0

    def of(self, id_: str) -> Health:
        """What is known of one."""
        return self.health[id_]

    @property
    def demands(self) -> Self:
        """How often they are looked at."""
        return self

    def cadence(self, channel: Channel) -> Cadence:
        """The same for all."""
        return Cadence(60.0, self.media)


class FakeRegister:
    """Channels by lower-cased id, as the real one keeps them."""

    def __init__(
        self, channels: Iterable[Channel] = (), platforms: Iterable[Platform] = ()
    ) -> None:
        self.channels: dict[str, Channel] = {one.id.lower(): one for one in channels}
        self.platforms: dict[str, Platform] = {one.id: one for one in platforms}
        self.known: dict[str, Login] = {}
        self.fitting: dict[str, str] = {}  # credentials by the id of who gets one by its pattern

    @classmethod
    def of_rows(cls, rows: Sequence[Mapping[str, str]], **limits: int) -> "FakeRegister":
        """The channels of a sample register; `limits` are fields of every platform."""
        register = cls()
        for number, row in enumerate(rows, 1):
            register.add(_channel(number, row))
            if row["platform"]:
                platform = Platform(id=row["platform"], **limits)  # type: ignore[arg-type]
                register.platforms[platform.id] = platform
            if row["url"]:
                uri = Uri.parse(row["url"])
                login = Login(uri.username or "", uri.password or "")
                register.known[row["id"].lower()] = login
        return register

    def add(self, channel: Channel) -> None:
        """Register or replace."""
        self.channels = self.channels | {channel.id.lower(): channel}

    def edit(self, id_: str, **fields: object) -> Channel:
        """Change fields of one channel."""
        changed = replace(self.channels[id_.lower()], **fields)  # type: ignore[arg-type]
        self.add(changed)
        return changed

    def remove(self, id_: str) -> None:
        """Take one out."""
        self.channels = {key: one for key, one in self.channels.items() if key != id_.lower()}

    def logins(self, channel: Channel) -> Login | None:
        """What it signs in with."""
        return self.known.get(channel.id.lower())

    def place(self, channel: Channel) -> Hashable:
        """Where it is, as the real one says it."""
        return routes.place(channel, self.platforms.get(channel.platform), FORMS)

    def shows(self, channel: Channel, credentials: Collection[str]) -> bool:
        """One that it names, or gets by a pattern."""
        return (channel.credential or self.fitting.get(channel.id)) in credentials

    async def address(self, channel: Channel) -> RtspAddress:
        """Where it is."""
        if not channel.url:
            raise NotFoundError("no address")
        return RtspAddress(url=channel.url, login=self.known.get(channel.id.lower()))


def _channel(number: int, row: Mapping[str, str]) -> Channel:
    return Channel(
        id=row["id"],
        name=row["name"],
        number=number,
        url=str(Uri.parse(row["url"])) if row["url"] else "",
        platform=row["platform"],
        department=row["department"],
        area=row["area"],
        lifecycle=Lifecycle(row["lifecycle"]),
    )


@dataclass
class FakeStore:
    """Keeps what it is given; `broken` refuses like a full disk."""

    stored: dict[str, Health] = field(default_factory=dict)
    transitions: list[Transition] = field(default_factory=list)
    saves: int = 0
    broken: bool = False

    def refuse(self) -> None:
        """From now on the disk is full."""
        self.broken = True

    def mend(self) -> None:
        """There is room again."""
        self.broken = False

    async def load(self) -> dict[str, Health]:
        """What was stored."""
        if self.broken:
            raise StorageError("the disk is full")
        return dict(self.stored)

    async def latest(self) -> dict[str, Transition]:
        """The last of each channel."""
        return {one.channel: one for one in self.transitions}

    async def save(
        self,
        healths: Iterable[Health],
        transitions: Iterable[Transition] = (),
        *,
        forget_after: float | None = None,
    ) -> None:
        """Store."""
        if self.broken:
            raise StorageError("the disk is full")
        self.saves += 1
        self.stored |= {health.channel: health for health in healths}
        if forget_after is not None:
            self.transitions = [one for one in self.transitions if one.time <= forget_after]
        self.transitions += transitions


@dataclass
class FakeProber:
    """Answers as told; `gate` holds every look until it is set."""

    answers: dict[str, Reason] = field(default_factory=dict)
    reached: dict[str, Level] = field(default_factory=dict)
    asked: list[tuple[str, Level]] = field(default_factory=list)
    wishes: list[Wish] = field(default_factory=list)
    unsigned: list[str] = field(default_factory=list)  # asked without a login
    gate: asyncio.Event | None = None
    limit: int = 0
    active: int = 0
    most: int = 0
    deepest: Level = Level.MEDIA
    allowances: Allowances = field(default_factory=Allowances)
    clock: Clock | None = None  # where refusals are to be counted, as connections do it

    def allowance(self, channel: Channel) -> Allowance:
        """One for each channel."""
        return self.allowances.of(channel, None)

    def lane(self, channel: Channel, level: Level) -> tuple[Hashable, int]:
        """One lane for each platform, or channel."""
        return channel.platform or channel.id, self.limit

    def room(self, lane: Hashable) -> int | None:
        """As much as its limit says."""
        return None

    def held(self, platform: str) -> int:
        """Nobody watches."""
        return 0

    def can_withhold(self, channel: Channel) -> bool:
        """Every one."""
        return True

    def reopen(self, channel: Channel) -> None:
        """One more try."""
        self.allowance(channel).reopen()

    def owed_at(self, channel: Channel) -> None:
        """No platform is asked."""

    async def probe_unsigned(self, channel: Channel) -> ProbeResult:
        """Whoever lives wants a login."""
        self.unsigned.append(channel.id)
        reason = self.answers.get(channel.id, Reason.OK)
        if reason in (Reason.OK, Reason.UNAUTHORIZED):
            reason, reached = Reason.UNAUTHORIZED, Level.REACH
        else:
            reached = self.reached.get(channel.id, Level.NONE)
        return result(channel.id, reason, asked=Level.REACH, level=reached)

    async def probe(self, channel: Channel, level: Level, wish: Wish = Wish.NOTHING) -> ProbeResult:
        """One look."""
        self.asked.append((channel.id, level))
        self.wishes.append(wish)
        self.active += 1
        self.most = max(self.most, self.active)
        try:
            await (self.gate.wait() if self.gate else asyncio.sleep(0))
        finally:
            self.active -= 1
        reason = self.answers.get(channel.id, Reason.OK)
        if reason is Reason.UNAUTHORIZED and self.clock is not None:
            self.allowance(channel).count(1, self.clock.now(), is_of_login=True)
            self.allowance(channel).refused(self.clock.now())
        elif reason is Reason.OK:
            self.allowance(channel).accepted(None)
        reached = Level.REACH if reason is Reason.UNAUTHORIZED else None
        return result(
            channel.id,
            reason,
            asked=level,
            level=self.reached.get(channel.id, reached),
        )


def result(
    id_: str,
    reason: Reason = Reason.OK,
    *,
    asked: Level = Level.DESCRIBE,
    level: Level | None = None,
    t0: float = 1_700_000_000.0,
) -> ProbeResult:
    """A result; a good one reached what was asked, a bad one nothing unless told."""
    if level is None:
        level = asked if reason is Reason.OK else Level.NONE
    return ProbeResult(channel=id_, asked=asked, level=level, reason=reason, t0=t0, t1=0.01)


def no_sources(key: StreamKey) -> Source:
    """A hub's factory that makes nothing."""
    raise NotFoundError(key.name)
