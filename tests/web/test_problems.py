"""Every error of ours has a status and a title; nothing of the inside gets out."""

import importlib
import pkgutil
from collections.abc import Iterator

import pytest

import vidgate
from tests.web.conftest import Site
from vidgate.errors import StorageError, VidgateError
from vidgate.model.user import Role
from vidgate.web.problems import PROBLEMS

# The contract's own table: clients decide by these.
STATUSES = {
    "bad_input": 400,
    "not_authenticated": 401,
    "not_permitted": 403,
    "not_found": 404,
    "no_address": 404,
    "kind_not_served": 404,
    "not_acceptable": 406,
    "conflict": 409,
    "channel_disabled": 409,
    "unreachable": 502,
    "protocol_error": 502,
    "refused": 502,
    "redirected": 502,
    "stream_not_found": 502,
    "no_media": 502,
    "no_key_frame": 502,
    "camera_unauthorized": 502,
    "limit_reached": 503,
    "camera_busy": 503,
    "platform_full": 503,
    "unavailable": 503,
    "timeout": 504,
    "storage": 507,
}


def below(kind: type[VidgateError]) -> Iterator[type[VidgateError]]:
    yield kind
    for sub in kind.__subclasses__():
        yield from below(sub)


def test_every_error_of_the_service_has_a_problem() -> None:
    for package in ("registry", "storage", "media", "health", "webrtc", "rtsp", "web", "wire"):
        path = f"{vidgate.__path__[0]}/{package}"
        for module in pkgutil.iter_modules([path]):
            if not module.name.startswith("__") and module.name != "migrations":
                importlib.import_module(f"vidgate.{package}.{module.name}")
    codes = {
        kind.code
        for kind in below(VidgateError)
        # The command line has errors of its own, which never meet a request.
        if kind.__module__.startswith("vidgate") and ".cli." not in kind.__module__
    }
    assert codes <= set(PROBLEMS)


def test_the_statuses_are_the_contract() -> None:
    assert {code: PROBLEMS[code][0] for code in STATUSES} == STATUSES


async def test_a_full_disk_is_507(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(number: int, actor: str) -> None:
        raise StorageError("数据库暂不可用 / disk full", hint="free some space")

    monkeypatch.setattr(site.fakes.registry, "undo", full)
    response = await site.call("POST", "/api/v1/changes/1/undo", role=Role.ENGINEER)
    assert response.status == 507
    told = await response.json()
    assert told == {
        "type": "urn:vidgate:problem:storage",
        "title": "数据库无法写入",
        "status": 507,
        "detail": "数据库暂不可用 / disk full",
        "code": "storage",
        "hint": "free some space",
    }


async def test_a_bug_of_ours_tells_nothing_of_the_inside(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*, limit: int) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(site.fakes.registry, "changes", broken)
    response = await site.call("GET", "/api/v1/changes", role=Role.ENGINEER)
    assert response.status == 500
    assert "secret" not in await response.text()
    assert (await response.json())["code"] == "error"


async def test_the_title_is_in_the_language_of_the_caller(site: Site) -> None:
    chinese = await site.call("GET", "/api/v1/session")
    english = await site.call("GET", "/api/v1/session", headers={"Accept-Language": "en-US,en"})
    assert (await chinese.json())["title"] == "请先登录"
    assert (await english.json())["title"] == "Not signed in"
