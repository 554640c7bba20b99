"""Who may do what: one table for roles, one for the events on the bus. Anything else is denied."""

from collections.abc import Mapping

from vidgate.errors import NotPermittedError
from vidgate.model.user import Permission, Principal, Role

_WATCHING = frozenset(
    {
        Permission.SESSION_OWN,
        Permission.CHANNEL_READ,
        Permission.STREAM_WATCH,
        Permission.METRICS_READ,
        Permission.REPORT_READ,
        Permission.ALARM_READ,
    }
)

ROLES: Mapping[Role, frozenset[Permission]] = {
    Role.VIEWER: _WATCHING,
    Role.OPERATOR: _WATCHING | {Permission.PROBE_RUN, Permission.ALARM_HANDLE},
    Role.ENGINEER: _WATCHING
    | {
        Permission.PROBE_RUN,
        Permission.ALARM_HANDLE,
        Permission.CHANNEL_WRITE,
        Permission.CREDENTIAL_READ,
        Permission.CREDENTIAL_WRITE,
        Permission.PLATFORM_WRITE,
    },
    Role.ADMINISTRATOR: frozenset(Permission),
    # An auditor sees what was done, not what the cameras see.
    Role.AUDITOR: frozenset(
        {
            Permission.SESSION_OWN,
            Permission.CHANNEL_READ,
            Permission.METRICS_READ,
            Permission.REPORT_READ,
            Permission.ALARM_READ,
            Permission.AUDIT_READ,
        }
    ),
}

EVENTS: Mapping[str, Permission] = {
    "stream.state": Permission.CHANNEL_READ,
    "stream.source": Permission.CHANNEL_READ,
    "channel.state": Permission.CHANNEL_READ,
    "alarm.changed": Permission.ALARM_READ,
    "maintenance.changed": Permission.CHANNEL_READ,
    "channel.changed": Permission.CHANNEL_READ,
    "platform.changed": Permission.CHANNEL_READ,
    "register.changed": Permission.CHANNEL_READ,
    "credential.changed": Permission.CREDENTIAL_READ,
    "secret.rotation": Permission.SECRET_ROTATE,
    "storage.state": Permission.CHANNEL_READ,
}

# A ticket travels through pages and plugins: good for watching its one stream, nothing else.
_TICKET = frozenset({Permission.STREAM_WATCH})


def permissions_of(principal: Principal) -> frozenset[Permission]:
    """All that the principal may do."""
    granted = ROLES[principal.role]
    return granted & _TICKET if principal.via == "ticket" else granted


def require(principal: Principal, permission: Permission) -> None:
    """Raise NotPermittedError unless the principal holds the permission."""
    if permission not in permissions_of(principal):
        raise NotPermittedError(
            f"{principal.name} ({principal.role.value}) 没有权限 / lacks the permission "
            f"{permission.value}"
        )


def require_stream(principal: Principal, name: str) -> None:
    """Raise NotPermittedError unless the principal may watch this very stream."""
    require(principal, Permission.STREAM_WATCH)
    if principal.stream is not None and principal.stream.lower() != name.lower():
        raise NotPermittedError("票据只用于另一路画面 / the ticket is for another stream")


def may_hear(principal: Principal, event_type: str) -> bool:
    """Whether events of this type may be told to the principal."""
    permission = EVENTS.get(event_type)
    return permission is not None and permission in permissions_of(principal)
