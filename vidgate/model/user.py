"""Who may do what: roles and permissions."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """The five roles of design.md 8."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ENGINEER = "engineer"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"


class Permission(StrEnum):
    """What a route or an event asks for."""

    SESSION_OWN = "session.own"
    CHANNEL_READ = "channel.read"
    CHANNEL_WRITE = "channel.write"
    CREDENTIAL_READ = "credential.read"
    CREDENTIAL_WRITE = "credential.write"
    SECRET_ROTATE = "secret.rotate"
    CHANNEL_ACCEPT = "channel.accept"
    PLATFORM_WRITE = "platform.write"
    PROBE_RUN = "probe.run"
    STREAM_WATCH = "stream.watch"
    METRICS_READ = "metrics.read"
    REPORT_READ = "report.read"
    ALARM_READ = "alarm.read"
    ALARM_HANDLE = "alarm.handle"
    TOKEN_MANAGE = "token.manage"
    USER_MANAGE = "user.manage"
    AUDIT_READ = "audit.read"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking: a user's session, a token, a ticket or the local socket.

    `via` is `session`, `token`, `ticket` or `socket`; a ticket is good for `stream` only.
    """

    name: str
    role: Role
    via: str
    stream: str | None = None


class Actor(str):
    """Who does it, by the name that changes and the audit table keep.

    `may_accept`: whether they may move registered channels to `accepted`. A plain name is the
    service itself, which may.
    """

    may_accept: bool

    def __new__(cls, name: str, *, may_accept: bool) -> "Actor":
        """The name, and what its role allows."""
        actor = super().__new__(cls, name)
        actor.may_accept = may_accept
        return actor
