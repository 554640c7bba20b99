"""What the web layer needs of the rest of the service, part by part.

Small protocols instead of the classes themselves: each test gives the few methods that it needs.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from vidgate.aio.bus import Bus
from vidgate.health.days import Day
from vidgate.health.demand import Demand
from vidgate.health.looks import Look
from vidgate.health.maintenance import Booking
from vidgate.media.replay import ReplayKey
from vidgate.media.stream import Stream
from vidgate.model.channel import Channel, Platform
from vidgate.model.health import Health, Level, ProbeResult, State
from vidgate.model.incident import Incident, Note, Outline, Selection
from vidgate.model.maintenance import Window
from vidgate.model.media import StreamKey, Variant
from vidgate.model.playback import Playback
from vidgate.model.user import Principal, Role
from vidgate.operations.reports import By
from vidgate.operations.reports import Window as ReportWindow
from vidgate.operations.trials import Trial
from vidgate.registry.approvals import Decision
from vidgate.registry.bulk import BulkReport, Wish
from vidgate.registry.changesets import Change, ChangeRow
from vidgate.registry.edits import Credential
from vidgate.registry.export import Form
from vidgate.registry.importer import ImportReport
from vidgate.registry.marks import Marked
from vidgate.registry.preconditions import Precondition
from vidgate.rtsp.choice import Choice
from vidgate.storage.accounts import Token, User
from vidgate.storage.snapshots import Snapshot
from vidgate.storage.states import Transition
from vidgate.storage.switches import Switch
from vidgate.wire.clock import ClockRange

T = TypeVar("T")


class Registry(Protocol):
    """The register of channels; see `vidgate.registry.registry`, which says what each raises."""

    @property
    def channels(self) -> Mapping[str, Channel]: ...

    @property
    def platforms(self) -> Mapping[str, Platform]: ...

    @property
    def credentials(self) -> Mapping[str, Credential]: ...

    def get(self, id_: str) -> Channel: ...

    def uses(self) -> dict[str, int]: ...

    def users(self, name: str) -> list[Channel]: ...

    def has_sub(self, channel: Channel) -> bool: ...

    def doubts(self, channel: Channel) -> list[tuple[str, str]]: ...

    async def without_address(self, platform: str) -> int: ...

    async def add(self, fields: Mapping[str, Any], actor: str) -> Channel: ...

    async def set(
        self, id_: str, fields: Mapping[str, Any], actor: str, *, given: Precondition
    ) -> Channel: ...

    async def set_many(
        self, ids: Iterable[str], wish: Wish, actor: str, *, dry_run: bool, given: Precondition
    ) -> BulkReport: ...

    async def submitted(self) -> list[tuple[Channel, Change | None]]: ...

    async def decide(self, decision: Decision, actor: str) -> BulkReport: ...

    async def remove(self, id_: str, actor: str, *, given: Precondition) -> None: ...

    async def import_file(
        self, name: str, data: bytes, *, dry_run: bool, partial: bool, prune: bool, actor: str
    ) -> ImportReport: ...

    async def template(self) -> bytes: ...

    async def export(self, channels: Iterable[Channel], form: Form) -> bytes: ...

    async def mark(self, name: str, data: bytes) -> Marked: ...

    async def history(self, id_: str, *, limit: int) -> list[tuple[Change, ChangeRow]]: ...

    async def changes(self, *, limit: int) -> list[Change]: ...

    async def change(
        self, number: int, *, offset: int, limit: int
    ) -> tuple[Change, list[ChangeRow], int]: ...

    async def undo(self, number: int, actor: str) -> Change: ...

    async def set_platform(self, id_: str, fields: Mapping[str, Any], actor: str) -> Platform: ...

    async def set_credential(
        self,
        name: str,
        username: str | None,
        password: str | None,
        actor: str,
        *,
        patterns: Mapping[str, str] | None = None,
    ) -> Credential: ...

    async def rotate_key(self, actor: str) -> int: ...


class Demands(Protocol):
    """What looking asks of platforms; see `vidgate.health.demand`."""

    @property
    def by_platform(self) -> Mapping[str, Demand]: ...


class HealthBook(Protocol):
    """What is known of every channel, and probing now; see `vidgate.health`."""

    @property
    def demands(self) -> Demands: ...

    def of(self, id_: str) -> Health: ...

    def judge(self, result: ProbeResult) -> State:
        """What this one result says, without hysteresis."""
        ...

    def run(
        self, ids: Iterable[str], level: Level, *, unspread: bool = True
    ) -> AsyncGenerator[ProbeResult, None]: ...


class Trials(Protocol):
    """Trying channels and credentials; see `vidgate.operations.trials`."""

    async def channel(
        self, id_: str, *, variant: Variant = Variant.MAIN, credential: str = ""
    ) -> Trial: ...

    async def credential(self, name: str) -> list[Trial]: ...


class States(Protocol):
    """The past of channels' states; see `vidgate.storage.states`."""

    async def transitions(
        self, channel: str, *, limit: int, since: float, until: float
    ) -> list[Transition]: ...


class Alarms(Protocol):
    """Alarms and what people do about them; see `vidgate.operations.alarms`."""

    async def list_(
        self, wanted: Selection, limit: int, *, since: str = "", until: str = ""
    ) -> tuple[int, list[Outline]]: ...

    async def get(self, id_: int) -> tuple[Incident, list[Note]]: ...

    async def acknowledge(self, id_: int, actor: str, text: str = "") -> Incident: ...

    async def note(self, id_: int, actor: str, text: str) -> Incident: ...

    async def close(self, id_: int, actor: str, text: str) -> Incident: ...


class Maintenance(Protocol):
    """Maintenance windows; see `vidgate.health.maintenance`."""

    def windows(self, *, past: bool = False, channel: Channel | None = None) -> list[Window]: ...

    async def add(self, booking: Booking, actor: str, *, may_excuse: bool) -> Window: ...

    async def end(self, id_: int, actor: str, *, may_excuse: bool) -> Window | None: ...


class Snapshots(Protocol):
    """The last pictures; see `vidgate.operations.snapshots`."""

    async def get(self, channel: str) -> Snapshot | None: ...


class Switches(Protocol):
    """The past of failover; see `vidgate.storage.switches`."""

    async def of(self, channel: str, *, limit: int) -> list[Switch]: ...


class Reports(Protocol):
    """Reports of the past; see `vidgate.operations.reports`."""

    async def uptime(self, by: By, window: ReportWindow, *, worst: int = 20) -> dict[str, Any]: ...

    async def days(self, id_: str, number: int) -> list[Day]: ...

    async def looks(self, id_: str, window: ReportWindow) -> list[Look]: ...


class Texts(Protocol):
    """Runs a function in the worker of texts; see `vidgate.operations.texts`."""

    async def __call__(self, function: Callable[..., T], /, *args: Any) -> T: ...


class Streams(Protocol):
    """The live streams; see `vidgate.media.hub`."""

    @property
    def streams(self) -> Mapping[StreamKey, Stream]: ...


class Watching(Protocol):
    """One viewer's session."""

    @property
    def id(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def variant(self) -> Variant: ...

    @property
    def answer_sdp(self) -> str: ...

    @property
    def replay(self) -> ClockRange | None: ...

    @property
    def recorded(self) -> float | None: ...

    @property
    def principal(self) -> Principal: ...


class Whep(Protocol):
    """Viewers' sessions; see `vidgate.webrtc.whep`."""

    @property
    def sessions(self) -> Mapping[str, Watching]: ...

    def find(self, session_id: str) -> Watching: ...

    async def open(
        self,
        name: str,
        offer_sdp: str,
        *,
        stream: str,
        has_sub: bool,
        local_address: str,
        principal: Principal,
    ) -> Watching: ...

    async def replay(
        self,
        keys: Sequence[ReplayKey],
        offer_sdp: str,
        *,
        local_address: str,
        principal: Principal,
    ) -> Watching: ...

    async def close(self, session_id: str) -> None: ...


class Accounts(Protocol):
    """Users, sessions and tokens; see `vidgate.storage.accounts`.

    `hash_` is the SHA-256 of a secret; what is over, disabled or revoked is not found.
    """

    async def has_users(self) -> bool: ...

    async def user(self, name: str) -> User | None: ...

    async def add_user(self, name: str, role: Role, password: str, actor: str) -> User: ...

    async def set_password(self, name: str, password: str, actor: str) -> list[str]: ...

    async def open_session(self, hash_: str, user: str, address: str) -> None: ...

    async def session(self, hash_: str) -> User | None: ...

    async def close_session(self, hash_: str) -> None: ...

    async def tokens(self) -> list[Token]: ...

    async def add_token(self, hash_: str, name: str, role: Role, actor: str) -> Token: ...

    async def token(self, hash_: str) -> Token | None: ...

    async def token_by_id(self, id_: int) -> Token | None: ...

    async def revoke_token(self, id_: int, actor: str) -> Token: ...


class Trail(Protocol):
    """The audit table; see `vidgate.storage.audit`."""

    def note(
        self, actor: str, action: str, object_: str, detail: Mapping[str, Any] | None = None
    ) -> None:
        """Add a row soon; never raises and never waits."""
        ...


class Storage(Protocol):
    """Whether the database can be written; see `vidgate.storage.backlog`."""

    @property
    def state(self) -> str:
        """`ok`, or what is the matter: full, readonly, busy, io, corrupt, other."""
        ...


Page = Callable[[], Awaitable[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebParts:
    """Everything that the routes talk to, handed over by `app`."""

    registry: Registry
    health: HealthBook
    states: States
    alarms: Alarms
    maintenance: Maintenance
    switches: Switches
    snapshots: Snapshots
    trials: Trials
    reports: Reports
    texts: Texts
    hub: Streams
    whep: Whep
    bus: Bus
    accounts: Accounts
    audit: Trail
    storage: Storage
    metrics: Page
    channel_metrics: Page
    on_playback: Callable[[Playback], None]  # what viewers saw
    is_ready: Callable[[], Awaitable[bool]]
    transports: Callable[[str], Mapping[Variant, Choice]] = (
        lambda _: {}
    )  # how a channel was reached
