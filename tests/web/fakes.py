"""Light stand-ins for the parts of the service that the web layer talks to."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from argon2 import PasswordHasher

from vidgate.aio.bus import Bus
from vidgate.auth.opaque import fingerprint
from vidgate.errors import ConflictError, NotFoundError, RemoteError, VidgateError
from vidgate.health.days import Day
from vidgate.health.demand import Demand
from vidgate.health.looks import Look
from vidgate.health.maintenance import Booking
from vidgate.media.replay import ReplayKey
from vidgate.media.stream import Stream
from vidgate.model.channel import Channel, Login, Platform, PointClass, Transport
from vidgate.model.health import Health, Level, Measured, ProbeResult, Reason, State
from vidgate.model.incident import Incident, Note, Outline, Selection
from vidgate.model.maintenance import Window, place, places
from vidgate.model.media import StreamKey, Variant
from vidgate.model.playback import Playback
from vidgate.model.user import Principal, Role
from vidgate.operations.reports import By, Reports
from vidgate.operations.reports import Window as ReportWindow
from vidgate.operations.trials import Trial
from vidgate.registry.approvals import Decision
from vidgate.registry.bulk import BulkReport, Wish
from vidgate.registry.changesets import Change, ChangeRow
from vidgate.registry.edits import Credential
from vidgate.registry.export import Form
from vidgate.registry.importer import Folded, ImportReport, RowError
from vidgate.registry.marks import Marked
from vidgate.registry.preconditions import Precondition
from vidgate.rtsp.choice import Choice
from vidgate.storage.accounts import Token, User
from vidgate.storage.snapshots import Snapshot
from vidgate.storage.states import Transition
from vidgate.storage.switches import Switch
from vidgate.web.parts import WebParts
from vidgate.wire.clock import ClockRange

PASSWORD = "river bank lantern seven"
HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)  # quick

CARRIED = Choice(Transport.UDP, "TCP was refused: 461", Transport.UDP)
CHANGE = Change(
    id=1, time=1.0, actor="wang", action="import", source="a.csv", created=2, updated=0, removed=0
)


def credential(name: str, login: Login) -> Credential:
    """A credential as the register keeps it in memory."""
    return Credential(name=name, login=login, sealed=b"sealed", changed=1.0)


class FakeRegistry:
    """Keeps what it is told, and who told it."""

    def __init__(self, channels: Iterable[Channel]) -> None:
        self.channels: dict[str, Channel] = {one.id.lower(): one for one in channels}
        self.platforms = {"fire": Platform(id="fire", name="应急", slots=16)}
        self.credentials = {"nvr": credential("nvr", Login("admin", "hunter2hunter2"))}
        self.calls: list[tuple[Any, ...]] = []
        self.report = ImportReport(
            rejected=1,
            errors=[RowError("通道", 17, "端口", "５５４", "应为 1 到 65535 的整数")],
            more=[Folded("点位", "可能是同一点位", 19_950)],
        )

    def get(self, id_: str) -> Channel:
        if id_.lower() not in self.channels:
            raise NotFoundError(f"没有通道 {id_}")
        return self.channels[id_.lower()]

    def has_sub(self, channel: Channel) -> bool:
        return bool(channel.sub_url)

    def doubts(self, channel: Channel) -> list[tuple[str, str]]:
        return [("port", "8000 是 SDK 端口")] if channel.port == 8000 else []

    async def without_address(self, platform: str) -> int:
        return sum(one.platform == platform for one in self.channels.values())

    def users(self, name: str) -> list[Channel]:
        if name not in self.credentials:
            raise NotFoundError(f"没有凭据 {name}")
        return list(self.channels.values())[:2]

    async def submitted(self) -> list[tuple[Channel, Change | None]]:
        first, second, _ = self.channels.values()
        return [(first, CHANGE), (second, None)]

    async def decide(self, decision: Decision, actor: str) -> BulkReport:
        self.calls.append(("decide", decision, actor))
        row = ChangeRow("channel", decision.ids[0], {"lifecycle": "commissioning"}, {})
        return BulkReport(8, 0, [row])

    def uses(self) -> dict[str, int]:
        return dict.fromkeys(self.credentials, 3)

    async def add(self, fields: Mapping[str, Any], actor: str) -> Channel:
        self.calls.append(("add", dict(fields), actor))
        if str(fields["id"]).lower() in self.channels:
            raise ConflictError("exists")
        channel = Channel(id=str(fields["id"]), name=str(fields.get("name", "")))
        self.channels[channel.id.lower()] = channel
        return channel

    async def set(
        self, id_: str, fields: Mapping[str, Any], actor: str, *, given: Precondition
    ) -> Channel:
        self.calls.append(("set", id_, dict(fields), actor))
        given.check([self.get(id_)])
        channel = replace(self.get(id_), name=str(fields.get("name", "?")))
        self.channels[id_.lower()] = channel
        return channel

    async def set_many(
        self, ids: Iterable[str], wish: Wish, actor: str, *, dry_run: bool, given: Precondition
    ) -> BulkReport:
        named = list(ids)
        self.calls.append(("set_many", named, wish, actor, dry_run))
        given.check(one for one in self.channels.values() if one.id in named)
        row = ChangeRow("channel", "Camera-1", {"area": "旧"}, {"area": "新"})
        return BulkReport(None if dry_run else 7, 1, [row], {"Camera-1": 1})

    async def remove(self, id_: str, actor: str, *, given: Precondition) -> None:
        self.calls.append(("remove", id_, actor))
        given.check([self.get(id_)])
        del self.channels[self.get(id_).id.lower()]

    async def import_file(
        self, name: str, data: bytes, *, dry_run: bool, partial: bool, prune: bool, actor: str
    ) -> ImportReport:
        self.calls.append(("import", name, data, dry_run, partial, prune, actor))
        return self.report

    async def mark(self, name: str, data: bytes) -> Marked:
        self.calls.append(("mark", name, data))
        return Marked(b"PK marked", "没有保留格式" if name.endswith(".csv") else "")

    async def export(self, channels: Iterable[Channel], form: Form) -> bytes:
        self.calls.append(("export", [channel.id for channel in channels], form))
        return b"exported"

    async def history(self, id_: str, *, limit: int) -> list[tuple[Change, ChangeRow]]:
        row = ChangeRow("channel", self.get(id_).id, {"name": "旧"}, {"name": "新"})
        return [(CHANGE, row)] * min(limit, 3)

    async def template(self) -> bytes:
        return b"PK template"

    async def changes(self, *, limit: int) -> list[Change]:
        return [CHANGE][:limit]

    async def change(
        self, number: int, *, offset: int, limit: int
    ) -> tuple[Change, list[ChangeRow], int]:
        if number != CHANGE.id:
            raise NotFoundError("no such change")
        rows = [
            ChangeRow("channel", f"c{index}", {"name": "旧"} if index else None, {"name": "新"})
            for index in range(450)
        ]
        return CHANGE, rows[offset : offset + limit], len(rows)

    async def undo(self, number: int, actor: str) -> Change:
        self.calls.append(("undo", number, actor))
        raise ConflictError("touched since", hint="undo the later change first")

    async def set_platform(self, id_: str, fields: Mapping[str, Any], actor: str) -> Platform:
        self.calls.append(("platform", id_, dict(fields), actor))
        self.platforms[id_] = replace(self.platforms.get(id_, Platform(id=id_)), **fields)
        return self.platforms[id_]

    async def set_credential(
        self,
        name: str,
        username: str | None,
        password: str | None,
        actor: str,
        *,
        patterns: Mapping[str, str] | None = None,
    ) -> Credential:
        self.calls.append(("credential", name, username, password, dict(patterns or {}), actor))
        login = Login(username or "", password or "")
        kept = self.credentials.get(name) if username is None else None
        made = kept or credential(name, login)
        self.credentials[name] = replace(made, **dict(patterns or {}))  # type: ignore[arg-type]
        return self.credentials[name]

    async def rotate_key(self, actor: str) -> int:
        self.calls.append(("rotate", actor))
        return len(self.credentials)


class FakeDemands:
    """One platform asks for more than it allows."""

    def __init__(self) -> None:
        periods = {PointClass.ONE: 1800.0, PointClass.OTHER: 3600.0}
        demand = Demand(slots=4, needed=6.5, seconds=3.2, wished=1800.0, periods=periods)
        self.by_platform = {"fire": demand}


class FakeHealth:
    """Every channel is up; `run` answers at once, and fails after `breaks_after` results."""

    def __init__(self) -> None:
        self.states: dict[str, State] = {}
        self.measured: dict[str, Measured] = {}
        self.breaks_after: int | None = None
        self.demands = FakeDemands()
        self.asked: list[tuple[list[str], Level]] = []

    def of(self, id_: str) -> Health:
        state = self.states.get(id_, State.UP)
        return Health(
            channel=id_,
            state=state,
            reason=Reason.OK,
            since=5.0,
            level=Level.MEDIA,
            measured=self.measured.get(id_),
        )

    def judge(self, result: ProbeResult) -> State:
        return self.of(result.channel).state

    async def run(
        self, ids: Iterable[str], level: Level, *, unspread: bool = True
    ) -> AsyncGenerator[ProbeResult, None]:
        self.asked.append((list(ids), level))
        for number, id_ in enumerate(self.asked[-1][0]):
            if number == self.breaks_after:
                raise RemoteError("the platform is gone")
            yield ProbeResult(
                channel=id_, asked=level, level=level, reason=Reason.OK, t0=7.0, t1=0.01
            )


class FakePast:
    """The states that channels were in, and whose pictures their streams showed."""

    def __init__(self) -> None:
        self.changed: list[Transition] = []
        self.switched: list[Switch] = []

    async def transitions(
        self, channel: str, *, limit: int, since: float, until: float
    ) -> list[Transition]:
        found = [one for one in self.changed if one.channel == channel]
        return [one for one in found if since <= one.time < until][:limit]

    async def of(self, channel: str, *, limit: int) -> list[Switch]:
        return [one for one in self.switched if one.channel == channel][:limit]


class FakeAlarms:
    """Alarms in memory: the real ones are tried in tests/operations."""

    def __init__(self) -> None:
        self.incidents: dict[int, Incident] = {}
        self.asked: list[tuple[dict[str, str], str, str]] = []
        self.said: list[tuple[int, str, str, str]] = []

    async def list_(
        self, wanted: Selection, limit: int, *, since: str = "", until: str = ""
    ) -> tuple[int, list[Outline]]:
        self.asked.append((dict(wanted.place), since, until))
        found = [one for one in self.incidents.values() if wanted.fits(one)]
        return len(found), [one.outline for one in found][:limit]

    async def get(self, id_: int) -> tuple[Incident, list[Note]]:
        notes = [
            Note(time=5.0, actor=by, action=what, text=text) for _, by, what, text in self.said
        ]
        return self._find(id_), notes

    async def acknowledge(self, id_: int, actor: str, text: str = "") -> Incident:
        return self._say(id_, actor, "acknowledge", text)

    async def note(self, id_: int, actor: str, text: str) -> Incident:
        return self._say(id_, actor, "note", text)

    async def close(self, id_: int, actor: str, text: str) -> Incident:
        return self._say(id_, actor, "close", text)

    def _say(self, id_: int, actor: str, action: str, text: str) -> Incident:
        self.said.append((id_, actor, action, text))
        return self._find(id_)

    def _find(self, id_: int) -> Incident:
        if id_ not in self.incidents:
            raise NotFoundError("no such alarm")
        return self.incidents[id_]


class FakeMaintenance:
    """Windows in memory: the real ones are tried in tests/health."""

    def __init__(self) -> None:
        self.made: list[Window] = []
        self.asked: list[tuple[object, str, bool]] = []

    def windows(self, *, past: bool = False, channel: Channel | None = None) -> list[Window]:
        wanted = None if channel is None else places(channel)
        return [
            one for one in self.made if wanted is None or place(one.scope, one.subject) in wanted
        ]

    async def add(self, booking: Booking, actor: str, *, may_excuse: bool) -> Window:
        self.asked.append((booking, actor, may_excuse))
        window = Window(
            id=len(self.made) + 1,
            scope=booking.scope,
            subject=booking.subject,
            start=1.0,
            end=None,
            reason=booking.reason,
            actor=actor,
            created=1.0,
        )
        self.made.append(window)
        return window

    async def end(self, id_: int, actor: str, *, may_excuse: bool) -> Window | None:
        self.asked.append((id_, actor, may_excuse))
        found = [one for one in self.made if one.id == id_]
        if not found:
            raise NotFoundError("no such window")
        return found[0]


class FakeSnapshots:
    def __init__(self) -> None:
        self.kept: dict[str, Snapshot] = {}

    async def get(self, channel: str) -> Snapshot | None:
        return self.kept.get(channel)


class FakeTrials:
    """Every channel answers; `asked` keeps what was tried."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Variant, str]] = []

    async def channel(
        self, id_: str, *, variant: Variant = Variant.MAIN, credential: str = ""
    ) -> Trial:
        self.asked.append((id_, variant, credential))
        result = ProbeResult(
            channel=id_, asked=Level.DESCRIBE, level=Level.DESCRIBE, reason=Reason.OK, t0=7.0
        )
        return Trial(id_, variant, "form", "sim /{channel}", "rtsp://h/1", "nvr", True, result)

    async def credential(self, name: str) -> list[Trial]:
        return [await self.channel("camera-1")]


@dataclass
class FakeHub:
    streams: dict[StreamKey, Stream] = field(default_factory=dict)


@dataclass
class FakeSession:
    id: str
    name: str
    variant: Variant
    answer_sdp: str
    principal: Principal
    replay: ClockRange | None = None
    recorded: float | None = None


class FakeWhep:
    """Answers every offer, or raises `error`."""

    def __init__(self) -> None:
        self.sessions: dict[str, FakeSession] = {}
        self.error: VidgateError | None = None
        self.asked: list[dict[str, Any]] = []

    def find(self, session_id: str) -> FakeSession:
        if session_id not in self.sessions:
            raise NotFoundError("no such session")
        return self.sessions[session_id]

    async def open(
        self,
        name: str,
        offer_sdp: str,
        *,
        stream: str,
        has_sub: bool,
        local_address: str,
        principal: Principal,
    ) -> FakeSession:
        self.asked.append(
            {"name": name, "offer": offer_sdp, "stream": stream, "local": local_address}
        )
        if self.error is not None:
            raise self.error
        session = FakeSession(
            f"session-{len(self.asked)}", name, Variant.SUB, "v=0\r\nanswer", principal
        )
        self.sessions[session.id] = session
        return session

    async def replay(
        self,
        keys: Sequence[ReplayKey],
        offer_sdp: str,
        *,
        local_address: str,
        principal: Principal,
    ) -> FakeSession:
        self.asked.append({"keys": [(key.name, key.variant, key.moments) for key in keys]})
        if self.error is not None:
            raise self.error
        session = FakeSession(
            f"session-{len(self.asked)}", keys[0].name, keys[0].variant, "v=0\r\nanswer", principal,
            keys[0].moments, 1.5,
        )  # fmt: skip
        self.sessions[session.id] = session
        return session

    async def close(self, session_id: str) -> None:
        self.find(session_id)
        del self.sessions[session_id]


class FakeAccounts:
    """In memory; the user NAME of each role is called like the role, all with PASSWORD."""

    def __init__(self) -> None:
        self.all = {role.value: User(name=role.value, role=role, password=HASH) for role in Role}
        self.open: dict[str, tuple[str, str]] = {}
        self.kept: dict[str, Token] = {}
        self.lookups = 0

    def token_of(self, role: Role) -> str:
        """The secret of a token with this role."""
        secret = f"vg_{role.value}"
        self.kept.setdefault(
            fingerprint(secret),
            Token(id=len(self.kept) + 1, name="test", role=role, actor="test", created=1.0),
        )
        return secret

    async def has_users(self) -> bool:
        return bool(self.all)

    async def user(self, name: str) -> User | None:
        return self.all.get(name.lower())

    async def add_user(self, name: str, role: Role, password: str, actor: str) -> User:
        self.all[name] = User(name=name, role=role, password=password)
        return self.all[name]

    async def set_password(self, name: str, password: str, actor: str) -> list[str]:
        if name not in self.all:
            raise NotFoundError("no such user")
        self.all[name] = replace(self.all[name], password=password)
        ended = [hash_ for hash_, (user, _) in self.open.items() if user == name]
        for hash_ in ended:
            del self.open[hash_]
        return ended

    async def open_session(self, hash_: str, user: str, address: str) -> None:
        self.open[hash_] = (user, address)

    async def session(self, hash_: str) -> User | None:
        self.lookups += 1
        found = self.open.get(hash_)
        return self.all[found[0]] if found else None

    async def close_session(self, hash_: str) -> None:
        self.open.pop(hash_, None)

    async def tokens(self) -> list[Token]:
        return list(self.kept.values())

    async def add_token(self, hash_: str, name: str, role: Role, actor: str) -> Token:
        token = Token(id=len(self.kept) + 1, name=name, role=role, actor=actor, created=1.0)
        self.kept[hash_] = token
        return token

    async def token(self, hash_: str) -> Token | None:
        self.lookups += 1
        return self.kept.get(hash_)

    async def token_by_id(self, id_: int) -> Token | None:
        self.lookups += 1
        return next((token for token in self.kept.values() if token.id == id_), None)

    async def revoke_token(self, id_: int, actor: str) -> Token:
        for hash_, token in self.kept.items():
            if token.id == id_:
                return self.kept.pop(hash_)
        raise NotFoundError("no such token")


class FakeReports:
    """Hands questions on to `real`."""

    real: Reports

    async def uptime(self, by: By, window: ReportWindow, *, worst: int = 20) -> dict[str, Any]:
        return await self.real.uptime(by, window, worst=worst)

    async def days(self, id_: str, number: int) -> list[Day]:
        return await self.real.days(id_, number)

    async def looks(self, id_: str, window: ReportWindow) -> list[Look]:
        return await self.real.looks(id_, window)


@dataclass(frozen=True, slots=True)
class Deed:
    """One deed for the audit table."""

    actor: str
    action: str
    object: str
    detail: Mapping[str, Any]


@dataclass
class FakeStorage:
    state: str = "ok"


class FakeTrail:
    def __init__(self) -> None:
        self.notes: list[Deed] = []

    def note(
        self, actor: str, action: str, object_: str, detail: Mapping[str, Any] | None = None
    ) -> None:
        self.notes.append(Deed(actor, action, object_, detail or {}))


@dataclass
class Fakes:
    """All parts; `parts()` hands them to the server."""

    registry: FakeRegistry
    health: FakeHealth = field(default_factory=FakeHealth)
    past: FakePast = field(default_factory=FakePast)
    alarms: FakeAlarms = field(default_factory=FakeAlarms)
    maintenance: FakeMaintenance = field(default_factory=FakeMaintenance)
    snapshots: FakeSnapshots = field(default_factory=FakeSnapshots)
    trials: FakeTrials = field(default_factory=FakeTrials)
    reports: FakeReports = field(default_factory=FakeReports)
    hub: FakeHub = field(default_factory=FakeHub)
    whep: FakeWhep = field(default_factory=FakeWhep)
    bus: Bus = field(default_factory=lambda: Bus(history=100))
    accounts: FakeAccounts = field(default_factory=FakeAccounts)
    trail: FakeTrail = field(default_factory=FakeTrail)
    storage: FakeStorage = field(default_factory=FakeStorage)
    playbacks: list[Playback] = field(default_factory=list)
    ready: bool = True

    def parts(self) -> WebParts:
        return WebParts(
            registry=self.registry,
            health=self.health,
            states=self.past,
            alarms=self.alarms,
            maintenance=self.maintenance,
            switches=self.past,
            snapshots=self.snapshots,
            trials=self.trials,
            reports=self.reports,
            texts=self._texts,
            hub=self.hub,
            whep=self.whep,
            bus=self.bus,
            accounts=self.accounts,
            audit=self.trail,
            storage=self.storage,
            metrics=self._metrics,
            channel_metrics=self._channel_metrics,
            on_playback=self.playbacks.append,
            is_ready=self._is_ready,
            transports=lambda id_: {Variant.MAIN: CARRIED} if id_ == "Camera-1" else {},
        )

    async def _metrics(self) -> bytes:
        return b"# metrics\nvidgate_up 1\n"

    async def _channel_metrics(self) -> bytes:
        return b"vidgate_channel_up 1\n" * 1000

    async def _texts(self, function: Callable[..., Any], /, *args: Any) -> Any:
        return await asyncio.to_thread(function, *args)

    async def _is_ready(self) -> bool:
        return self.ready


def some_channels() -> list[Channel]:
    """Three channels of two departments; the second has no sub-stream and is disabled."""
    return [
        Channel(
            id="Camera-1",
            name="城关镇河堤",
            number=1,
            url="rtsp://10.1.2.3/main",
            sub_url="rtsp://10.1.2.3/sub",
            address="10.1.2.3",
            credential="nvr",
            department="公安",
            area="城关镇",
            pinyin="cgzhd chengguanzhenhedi",
            tags=("river",),
        ),
        Channel(id="camera-2", name="学校门口", number=2, url="rtsp://10.1.2.4/x", enabled=False),
        Channel(
            id="camera-3",
            name="塔哨兵",
            number=3,
            url="rtsp://10.1.2.5/x",
            sub_url="rtsp://10.1.2.5/y",
            department="应急",
            platform="fire",
        ),
    ]
