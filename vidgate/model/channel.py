"""Channels and the platforms they come through (design.md 5)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from vidgate.model.declared import DeclaredCodec, DeclaredStatus


class Kind(StrEnum):
    """How a channel's pictures reach us."""

    RTSP = "rtsp"
    ONVIF = "onvif"
    PUSH = "push"


class Lifecycle(StrEnum):
    """From plan to retirement; every KPI names the steps it counts."""

    PLANNED = "planned"
    COMMISSIONING = "commissioning"
    ACCEPTED = "accepted"
    SUSPENDED = "suspended"
    RETIRED = "retired"

    @property
    def is_delivered(self) -> bool:
        """Whether it was handed over to us: accepted, also if it is suspended since."""
        return self in (Lifecycle.ACCEPTED, Lifecycle.SUSPENDED)

    def may_become(self, step: "Lifecycle") -> bool:
        """Whether a channel may go from this step to that one."""
        return step is self or step in TRANSITIONS[self]


# planned > commissioning > accepted > suspended > retired; back to work by commissioning alone, and
# what was delivered is never planned again.
TRANSITIONS: Mapping[Lifecycle, frozenset[Lifecycle]] = {
    Lifecycle.PLANNED: frozenset({Lifecycle.COMMISSIONING, Lifecycle.ACCEPTED, Lifecycle.RETIRED}),
    Lifecycle.COMMISSIONING: frozenset(
        {Lifecycle.PLANNED, Lifecycle.ACCEPTED, Lifecycle.SUSPENDED, Lifecycle.RETIRED}
    ),
    Lifecycle.ACCEPTED: frozenset(
        {Lifecycle.COMMISSIONING, Lifecycle.SUSPENDED, Lifecycle.RETIRED}
    ),
    Lifecycle.SUSPENDED: frozenset(
        {Lifecycle.COMMISSIONING, Lifecycle.ACCEPTED, Lifecycle.RETIRED}
    ),
    Lifecycle.RETIRED: frozenset({Lifecycle.COMMISSIONING}),
}


# How people call the steps, everywhere: files, messages, command line, reports, console.
LIFECYCLE_WORDS: Mapping[str, str] = {
    Lifecycle.PLANNED: "规划",
    Lifecycle.COMMISSIONING: "调试",
    Lifecycle.ACCEPTED: "在用",
    Lifecycle.SUSPENDED: "停用",
    Lifecycle.RETIRED: "报废",
}


class PointClass(StrEnum):
    """监控点位类型 (GB/T 28181-2022): class 1, 2, 3, other."""

    ONE = "1"
    TWO = "2"
    THREE = "3"
    OTHER = "9"


class Transport(StrEnum):
    """How RTP travels; `auto` is TCP first."""

    AUTO = "auto"
    TCP = "tcp"
    UDP = "udp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One registered video channel. Addresses never hold a password: that is in the credential.

    `declared_resolution` is `1920x1080`, or `4MP` where only megapixels are named;
    `declared_fps` pictures a second.
    """

    id: str
    name: str
    gb_code: str = ""
    kind: Kind = Kind.RTSP
    url: str = ""
    sub_url: str = ""
    vendor: str = ""
    address: str = ""
    port: int | None = None
    channel_no: str = ""
    credential: str = ""
    platform: str = ""
    department: str = ""
    area: str = ""
    point: str = ""
    point_class: PointClass = PointClass.OTHER
    industry: str = ""
    longitude: float | None = None
    latitude: float | None = None
    lifecycle: Lifecycle = Lifecycle.ACCEPTED
    tags: tuple[str, ...] = ()
    enabled: bool = True
    transport: Transport = Transport.AUTO
    declared_status: DeclaredStatus | None = None
    declared_codec: DeclaredCodec | None = None
    declared_resolution: str = ""
    declared_fps: float | None = None
    pinyin: str = ""  # search keys made from the name, e.g. "cgz chengguanzhen"
    number: int = 0  # register order, from 1; stable for a channel's life
    revision: int = 1  # raised by every change

    @property
    def is_watchable(self) -> bool:
        """Whether people may watch it: switched on, and not taken out of service."""
        is_out = self.lifecycle in (Lifecycle.SUSPENDED, Lifecycle.RETIRED)
        return self.enabled and not is_out

    @property
    def is_accepted(self) -> bool:
        """Whether it was accepted and works."""
        return self.lifecycle is Lifecycle.ACCEPTED

    @property
    def is_counted(self) -> bool:
        """Whether uptime and probing apply: delivered, accepted and switched on."""
        return self.enabled and self.is_accepted


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """Where channels come from, and how much it can bear.

    `slots`: concurrent PLAY sessions it allows (0: not limited here); `describe_parallel`:
    concurrent DESCRIBEs; `quota`: channels it owes us; `describe_proves`: a successful DESCRIBE
    counts as `up`.
    """

    id: str
    name: str = ""
    slots: int = 0
    describe_parallel: int = 16
    quota: int = 0
    describe_proves: bool = False
    resolver: str = "static"
    options: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Login:
    """A user name and password in clear, only ever in memory; never printed."""

    username: str
    password: str = field(repr=False)
