"""One edit of the register: what each thing was before and is after; and both as JSON."""

from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any, Generic, TypeVar

from vidgate.model.channel import (
    Channel,
    Kind,
    Lifecycle,
    Login,
    Platform,
    PointClass,
    Transport,
)
from vidgate.model.declared import DeclaredCodec, DeclaredStatus
from vidgate.registry.inputs import Input

T = TypeVar("T")
Snapshot = dict[str, Any]

_TYPES: dict[str, Any] = {
    "kind": Kind,
    "point_class": PointClass,
    "lifecycle": Lifecycle,
    "transport": Transport,
    "declared_status": DeclaredStatus,
    "declared_codec": DeclaredCodec,
    "tags": tuple,
}
CHANNEL_FIELDS = tuple(f.name for f in fields(Channel))
DEFAULTS: dict[str, Any] = {f.name: f.default for f in fields(Channel) if f.default is not MISSING}
# Given by the register itself: not for anybody to set, and not compared by an undo.
PATTERNS = ("platform", "host", "vendor")  # of a credential
OWN_FIELDS = frozenset({"number", "revision", "pinyin"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A login under a name, as it is in memory; `sealed` is what the database holds.

    `platform`, `host` and `vendor` say which channels it is for that name no credential; see
    `registry.access`. All empty: for those only that name it.
    """

    name: str
    login: Login
    sealed: bytes = field(repr=False)
    changed: float = 0.0
    platform: str = ""
    host: str = ""
    vendor: str = ""


@dataclass(frozen=True, slots=True)
class Pair(Generic[T]):
    """One thing before (None: it is new) and after (None: it goes)."""

    before: T | None
    after: T | None


@dataclass(frozen=True, slots=True)
class Departed:
    """A channel that is gone and was not accepted when it went; see `registry.departed`."""

    key: str
    lifecycle: Lifecycle
    gb_code: str
    inputs: tuple[Input, ...] = ()


@dataclass(slots=True)
class Edit:
    """Everything that one transaction changes; `departed` follows from `channels`."""

    channels: list[Pair[Channel]] = field(default_factory=list)
    platforms: list[Pair[Platform]] = field(default_factory=list)
    credentials: list[Pair[Credential]] = field(default_factory=list)
    departed: list[Pair[Departed]] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.channels or self.platforms or self.credentials)

    def counts(self) -> tuple[int, int, int]:
        """Channels created, updated and removed."""
        created = sum(pair.before is None for pair in self.channels)
        removed = sum(pair.after is None for pair in self.channels)
        return created, len(self.channels) - created - removed, removed

    def lifecycles(self) -> dict[str, int]:
        """The enabled channels that are created or updated, by the step that they come to."""
        after = (pair.after for pair in self.channels if pair.after is not None)
        return dict(Counter(channel.lifecycle.value for channel in after if channel.enabled))


def key(id_: str) -> str:
    """Ids are unique ignoring case."""
    return id_.lower()


def typed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as parsed (JSON-ready) in the types of Channel; None becomes the default."""
    result = {}
    for name, value in values.items():
        if value is None:
            value = DEFAULTS.get(name)
        elif name in _TYPES:
            value = _TYPES[name](value)
        result[name] = value
    return result


def snapshot(channel: Channel) -> Snapshot:
    """What is not the default, JSON-ready."""
    result = {}
    for name in CHANNEL_FIELDS:
        value = getattr(channel, name)
        if name not in DEFAULTS or value != DEFAULTS[name]:
            result[name] = list(value) if name == "tags" else value
    return result


def channel_of(saved: Snapshot) -> Channel:
    """The channel of a snapshot."""
    return Channel(**typed(saved))


def platform_snapshot(platform: Platform) -> Snapshot:
    """A platform, JSON-ready."""
    return asdict(platform)


def platform_of(saved: Snapshot) -> Platform:
    """The platform of a snapshot."""
    return Platform(**saved)


def credential_snapshot(credential: Credential) -> Snapshot:
    """A credential with its login sealed, JSON-ready; patterns that say nothing left out."""
    patterns = {name: getattr(credential, name) for name in PATTERNS}
    return {
        "name": credential.name,
        "username": credential.login.username,
        "sealed": b64encode(credential.sealed).decode(),
        **{name: pattern for name, pattern in patterns.items() if pattern},
    }


def sealed_of(saved: Snapshot) -> bytes:
    """The sealed login of a credential's snapshot."""
    return b64decode(saved["sealed"])


def same(one: Snapshot | None, other: Snapshot | None) -> bool:
    """Whether two snapshots of one thing agree in everything that people can set."""
    if one is None or other is None:
        return one is other
    names = (one.keys() | other.keys()) - OWN_FIELDS
    return all(one.get(name) == other.get(name) for name in names)
