"""The table of routes against the table of roles: every route, every role."""

import re
from collections.abc import Iterator

import pytest

from tests.web.conftest import Site
from vidgate.auth.permissions import ROLES as ROLE_TABLE
from vidgate.model.user import Permission, Role
from vidgate.web.route import API, Access, Route
from vidgate.web.routes import ROUTES

OPEN = {
    ("POST", f"{API}/session"),
    ("OPTIONS", "/whep/{name:.+}"),
    ("OPTIONS", "/whep-sessions/{id}"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/ca"),
    ("GET", "/ca.crt"),
    ("GET", "/help/alerts"),
    ("GET", "/help/alerts/{name}"),
    ("GET", "/{path:(?!api/|whep|whip|metrics).*}"),
}

# What the contract promises, by hand: a wrong permission in the table is found here.
CONTRACT = {
    ("GET", f"{API}/session"): Permission.SESSION_OWN,
    ("DELETE", f"{API}/session"): Permission.SESSION_OWN,
    ("GET", f"{API}/channels"): Permission.CHANNEL_READ,
    ("POST", f"{API}/channels"): Permission.CHANNEL_WRITE,
    ("PATCH", f"{API}/channels"): Permission.CHANNEL_WRITE,
    ("POST", f"{API}/channels/import"): Permission.CHANNEL_WRITE,
    ("POST", f"{API}/channels/import/errors"): Permission.CHANNEL_WRITE,
    ("GET", f"{API}/channels/export"): Permission.CHANNEL_WRITE,
    ("GET", f"{API}/channels/{{id}}/history"): Permission.CHANNEL_WRITE,
    ("GET", f"{API}/channels/{{id}}/snapshot"): Permission.STREAM_WATCH,
    ("GET", f"{API}/channels/{{id}}/timeline"): Permission.CHANNEL_READ,
    ("GET", f"{API}/channels/{{id}}/looks"): Permission.CHANNEL_READ,
    ("GET", f"{API}/channels/{{id}}/days"): Permission.CHANNEL_READ,
    ("GET", f"{API}/channels/template"): Permission.CHANNEL_READ,
    ("GET", f"{API}/channels/{{id}}"): Permission.CHANNEL_READ,
    ("PATCH", f"{API}/channels/{{id}}"): Permission.CHANNEL_WRITE,
    ("DELETE", f"{API}/channels/{{id}}"): Permission.CHANNEL_WRITE,
    ("GET", f"{API}/changes"): Permission.CHANNEL_READ,
    ("GET", f"{API}/changes/{{number}}"): Permission.CHANNEL_WRITE,
    ("POST", f"{API}/changes/{{number}}/undo"): Permission.CHANNEL_WRITE,
    ("GET", f"{API}/approvals"): Permission.CHANNEL_WRITE,
    ("POST", f"{API}/approvals"): Permission.CHANNEL_ACCEPT,
    ("GET", f"{API}/credentials/{{name}}/channels"): Permission.CREDENTIAL_READ,
    ("GET", f"{API}/platforms"): Permission.CHANNEL_READ,
    ("PUT", f"{API}/platforms/{{id}}"): Permission.PLATFORM_WRITE,
    ("PATCH", f"{API}/platforms/{{id}}"): Permission.PLATFORM_WRITE,
    ("GET", f"{API}/credentials"): Permission.CREDENTIAL_READ,
    ("PUT", f"{API}/credentials/{{name}}"): Permission.CREDENTIAL_WRITE,
    ("POST", f"{API}/credentials/{{name}}/test"): Permission.CREDENTIAL_WRITE,
    ("POST", f"{API}/channels/{{id}}/test"): Permission.CHANNEL_WRITE,
    ("POST", f"{API}/secret-key/rotation"): Permission.SECRET_ROTATE,
    ("GET", f"{API}/tokens"): Permission.TOKEN_MANAGE,
    ("POST", f"{API}/tokens"): Permission.TOKEN_MANAGE,
    ("DELETE", f"{API}/tokens/{{id}}"): Permission.TOKEN_MANAGE,
    ("POST", f"{API}/users/{{name}}/password"): Permission.USER_MANAGE,
    ("POST", f"{API}/tickets"): Permission.STREAM_WATCH,
    ("POST", f"{API}/probes"): Permission.PROBE_RUN,
    ("GET", f"{API}/overview"): Permission.CHANNEL_READ,
    ("GET", f"{API}/reports/uptime"): Permission.REPORT_READ,
    ("GET", f"{API}/maintenance"): Permission.CHANNEL_READ,
    ("POST", f"{API}/maintenance"): Permission.CHANNEL_WRITE,
    ("POST", f"{API}/maintenance/{{id}}/end"): Permission.CHANNEL_WRITE,
    ("GET", f"{API}/alarms"): Permission.ALARM_READ,
    ("GET", f"{API}/alarms/{{id}}"): Permission.ALARM_READ,
    ("POST", f"{API}/alarms/{{id}}/acknowledge"): Permission.ALARM_HANDLE,
    ("POST", f"{API}/alarms/{{id}}/note"): Permission.ALARM_HANDLE,
    ("POST", f"{API}/alarms/{{id}}/close"): Permission.ALARM_HANDLE,
    ("GET", f"{API}/streams"): Permission.CHANNEL_READ,
    ("GET", f"{API}/events"): Permission.CHANNEL_READ,
    ("GET", f"{API}/openapi.json"): Permission.SESSION_OWN,
    ("POST", "/whep/{name:.+}"): Permission.STREAM_WATCH,
    ("GET", "/whep-sessions/{id}"): Permission.STREAM_WATCH,
    ("DELETE", "/whep-sessions/{id}"): Permission.STREAM_WATCH,
    ("PATCH", "/whep-sessions/{id}"): Permission.STREAM_WATCH,
    ("POST", f"{API}/playback"): Permission.STREAM_WATCH,
    ("GET", "/metrics"): Permission.METRICS_READ,
    ("GET", "/metrics/channels"): Permission.METRICS_READ,
}

FILLED = {"id": "camera-1", "name": "camera-1", "number": "1", "path": "live"}


def guarded() -> Iterator[Route]:
    return (route for route in ROUTES if route.access is not Access.OPEN)


def path_of(route: Route) -> str:
    return re.sub(r"\{(\w+)[^{}]*\}", lambda found: FILLED[found[1]], route.path)


def test_the_table_is_what_the_contract_says() -> None:
    table = {(route.method, route.path): route.permission for route in guarded()}
    assert table == CONTRACT
    assert {(r.method, r.path) for r in ROUTES if r.access is Access.OPEN} == OPEN


def test_no_route_stands_twice() -> None:
    names = [(route.method, route.path) for route in ROUTES]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("role", [None, *Role], ids=lambda role: role or "nobody")
async def test_every_route_lets_in_exactly_the_roles_of_its_permission(
    site: Site, role: Role | None
) -> None:
    for route in guarded():
        response = await site.call(route.method, path_of(route), role=role)
        told = await response.json() if response.status in (401, 403) else {}
        where = f"{route.method} {route.path}"
        if role is None:
            assert response.status == 401, where
        elif route.permission in ROLE_TABLE[role]:
            assert response.status not in (401, 403), where
        else:
            assert response.status == 403, where
            assert told["code"] == "not_permitted", where
            assert not site.fakes.registry.calls or role is not Role.VIEWER, where


async def test_a_refused_caller_changes_nothing(site: Site) -> None:
    for route in guarded():
        if route.method != "GET":
            await site.call(route.method, path_of(route), role=Role.AUDITOR, json={})
    assert site.fakes.registry.calls == []
    assert site.fakes.whep.asked == []


async def test_a_ticket_opens_nothing_but_its_stream(site: Site) -> None:
    body = {"stream": "camera-1"}
    response = await site.call("POST", f"{API}/tickets", role=Role.ADMINISTRATOR, json=body)
    headers = {"Authorization": f"Bearer {(await response.json())['ticket']}"}
    for route in guarded():
        if route.permission is Permission.STREAM_WATCH:
            continue
        response = await site.call(route.method, path_of(route), headers=headers)
        assert response.status == 403, route.path


async def test_an_unknown_path_of_the_api_is_a_problem_document(site: Site) -> None:
    for path in (f"{API}/nonsense", "/api/v2/channels", "/whip/x", "/metrics/x"):
        response = await site.call("GET", path, headers={"Accept": "text/html"})
        assert response.status == 404
        assert response.content_type == "application/problem+json"


async def test_an_unknown_method_is_told_which_are_known(site: Site) -> None:
    response = await site.call("PUT", f"{API}/session")
    assert response.status == 405
    assert response.headers["Allow"] == "DELETE,GET,POST"
    assert (await response.json())["code"] == "method_not_allowed"
