import pytest

from vidgate.auth import permissions
from vidgate.errors import NotPermittedError
from vidgate.model.user import Permission, Principal, Role


def principal(role: Role, via: str = "session", stream: str | None = None) -> Principal:
    return Principal("wang", role, via, stream)


def test_every_role_has_a_row() -> None:
    assert set(permissions.ROLES) == set(Role)


def test_the_administrator_may_do_everything_and_nobody_else() -> None:
    assert permissions.ROLES[Role.ADMINISTRATOR] == set(Permission)
    for role in set(Role) - {Role.ADMINISTRATOR}:
        assert not permissions.ROLES[role] & {Permission.TOKEN_MANAGE, Permission.USER_MANAGE}


def test_only_engineers_change_the_register() -> None:
    writing = {
        Permission.CHANNEL_WRITE,
        Permission.CREDENTIAL_WRITE,
        Permission.PLATFORM_WRITE,
    }
    for role in (Role.VIEWER, Role.OPERATOR, Role.AUDITOR):
        assert not permissions.ROLES[role] & writing
    assert writing <= permissions.ROLES[Role.ENGINEER]


def test_an_auditor_sees_the_books_and_not_the_pictures() -> None:
    assert Permission.AUDIT_READ in permissions.ROLES[Role.AUDITOR]
    assert Permission.STREAM_WATCH not in permissions.ROLES[Role.AUDITOR]


def test_a_ticket_is_good_for_its_stream_only() -> None:
    ticket = principal(Role.ADMINISTRATOR, "ticket", "camera-1")
    assert permissions.permissions_of(ticket) == {Permission.STREAM_WATCH}
    permissions.require_stream(ticket, "Camera-1")
    with pytest.raises(NotPermittedError):
        permissions.require_stream(ticket, "camera-2")
    with pytest.raises(NotPermittedError):
        permissions.require(ticket, Permission.CHANNEL_READ)


def test_an_auditor_gets_no_more_by_a_ticket() -> None:
    ticket = principal(Role.AUDITOR, "ticket", "camera-1")
    with pytest.raises(NotPermittedError):
        permissions.require_stream(ticket, "camera-1")


def test_an_event_in_no_table_is_told_to_nobody() -> None:
    administrator = principal(Role.ADMINISTRATOR)
    assert permissions.may_hear(administrator, "channel.state")
    assert not permissions.may_hear(administrator, "user.secret")
    assert not permissions.may_hear(principal(Role.VIEWER), "credential.changed")
