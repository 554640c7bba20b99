"""The web layer over the service's real parts: what the fakes promise is what there is."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.web.fakes import FakeAlarms, FakeMaintenance, FakeReports, FakeTrials
from vidgate.aio.bus import Bus
from vidgate.errors import UnreachableError
from vidgate.health.measure import Wish
from vidgate.health.service import HealthService
from vidgate.media.hub import Hub
from vidgate.media.source import Publisher, Source
from vidgate.media.worker import WorkerLimits, WorkerPool
from vidgate.model.channel import Channel
from vidgate.model.health import Level, ProbeResult, Reason
from vidgate.operations.texts import Texts
from vidgate.registry.registry import Registry
from vidgate.settings.tree import HttpSettings, ProbeSettings, Settings, WebrtcSettings
from vidgate.storage.accounts import Accounts
from vidgate.storage.audit import Audit
from vidgate.storage.backlog import Backlog
from vidgate.storage.database import Database
from vidgate.storage.secrets import SecretBox
from vidgate.storage.snapshots import SnapshotShelf
from vidgate.storage.states import States
from vidgate.storage.switches import Switches
from vidgate.web.parts import WebParts
from vidgate.web.server import WebServer
from vidgate.web.users import ensure_admin
from vidgate.webrtc.whep import WhepService
from vidgate.wire.allowance import Allowance

SETTINGS = Settings(
    http=HttpSettings(host="127.0.0.1", port=0),
    webrtc=WebrtcSettings(port=0),
    probe=ProbeSettings(enabled=False),
)

REGISTER = "id,name,url,department\n" + "".join(
    f"cam-{number},城关镇{number},rtsp://admin:canary-password@10.9.9.9/{number},公安\n"
    for number in range(1, 31)
)


class DeadCamera(Source):
    async def run(self, publisher: Publisher) -> None:
        raise UnreachableError("nobody is there")

    def request_key_frame(self) -> None:
        pass


async def _no_page() -> bytes:
    return b""


class OneLook:
    """Every camera but the first has been seen."""

    deepest = Level.MEDIA

    def allowance(self, channel: Channel) -> Allowance:
        return Allowance()

    def lane(self, channel: Channel, level: Level) -> tuple[str, int]:
        return channel.id, 4

    def room(self, lane: object) -> None:
        return None

    def held(self, platform: str) -> int:
        return 0

    def can_withhold(self, channel: Channel) -> bool:
        return True

    def reopen(self, channel: Channel) -> None:
        """One more try."""
        self.allowance(channel).reopen()

    def owed_at(self, channel: Channel) -> None:
        """No platform is asked."""

    async def probe_unsigned(self, channel: Channel) -> ProbeResult:
        return await self.probe(channel, Level.REACH)

    async def probe(self, channel: Channel, level: Level, wish: Wish = Wish.NOTHING) -> ProbeResult:
        reason = Reason.UNREACHABLE if channel.id == "cam-1" else Reason.OK
        reached = Level.NONE if channel.id == "cam-1" else level
        return ProbeResult(channel=channel.id, asked=level, level=reached, reason=reason, t0=1.0)


@dataclass
class Service:
    url: str
    client: aiohttp.ClientSession
    audit: Audit
    password: str

    async def call(self, method: str, path: str, **more: Any) -> tuple[int, str]:
        headers = {"Origin": self.url} | dict(more.pop("headers", {}))
        async with self.client.request(
            method, self.url + path, headers=headers, **more
        ) as response:
            return response.status, await response.text()

    async def read(self, path: str) -> Any:
        status, text = await self.call("GET", path)
        assert status == 200, text
        return json.loads(text)


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        bus = Bus()
        db = await enter(Database(tmp_path / "vidgate.db"))
        backlog = await enter(Backlog(db, bus))
        accounts = Accounts(db, SETTINGS.auth)
        told: list[str] = []
        await ensure_admin(accounts, told.append)
        pool = await enter(WorkerPool("text", WorkerLimits(processes=1)))
        box = await asyncio.to_thread(SecretBox, tmp_path)
        registry = await enter(Registry(db, box, bus, pool.run))
        hub = await enter(Hub(lambda key: DeadCamera(), bus))
        health = await enter(
            HealthService(registry, hub, bus, OneLook(), States(db), SETTINGS.probe)
        )
        whep = await enter(WhepService(hub, bus, SETTINGS.webrtc))
        parts = WebParts(
            registry=registry,
            health=health,
            states=States(db),
            alarms=FakeAlarms(),
            maintenance=FakeMaintenance(),
            switches=Switches(db),
            snapshots=SnapshotShelf(tmp_path / "snapshots"),
            trials=FakeTrials(),
            reports=FakeReports(),
            texts=Texts(pool),
            hub=hub,
            whep=whep,
            bus=bus,
            accounts=accounts,
            audit=Audit(db, backlog),
            storage=backlog,
            metrics=_no_page,
            channel_metrics=_no_page,
            on_playback=lambda _: None,
            is_ready=db.is_ready,
        )
        server = await enter(WebServer(parts, SETTINGS, socket=tmp_path / "vidgate.sock"))
        jar = aiohttp.CookieJar(unsafe=True)
        client = await enter(aiohttp.ClientSession(cookie_jar=jar))
        service = Service(f"http://127.0.0.1:{server.port}", client, Audit(db), told[0])
        form = {"username": "admin", "password": service.password}
        status, text = await service.call("POST", "/api/v1/session", json=form)
        assert status == 200, text
        yield service


async def import_register(service: Service) -> dict[str, Any]:
    status, text = await service.call(
        "POST", "/api/v1/channels/import?filename=通道.csv", data=REGISTER.encode()
    )
    assert status == 200, text
    report: dict[str, Any] = json.loads(text)
    return report


async def test_a_register_is_imported_listed_probed_and_undone(service: Service) -> None:
    report = await import_register(service)
    assert (report["created"], report["rejected"], report["change"]) == (30, 0, 1)
    again = await import_register(service)
    assert (again["unchanged"], again["change"]) == (30, None)

    listed = await service.read("/api/v1/channels?q=cgz")
    assert listed["total"] == 30
    assert listed["items"][0]["state"] == "unknown"

    body = {"all": True, "level": "media"}
    status, text = await service.call("POST", "/api/v1/probes", json=body)
    document = json.loads(text.splitlines()[-1])
    assert document["total"] == 30
    assert document["states"] == {"down": 1, "up": 29}
    overview = await service.read("/api/v1/overview")
    assert (overview["up"], overview["counted"]) == (29, 30)

    change = await service.read("/api/v1/changes/1")
    assert len([row for row in change["rows"] if row["kind"] == "channel"]) == 30
    status, text = await service.call("POST", "/api/v1/changes/1/undo")
    assert status == 200, text
    assert (await service.read("/api/v1/channels"))["total"] == 0
    actions = [row.action for row in await service.audit.rows()]
    assert {"user.create", "session.open", "register.import", "register.undo"} <= set(actions)
    assert (await service.audit.verify()).broken is None


async def test_a_camera_password_is_nowhere(service: Service) -> None:
    await import_register(service)
    for path in ("channels", "channels/cam-1", "changes", "changes/1", "credentials", "streams"):
        status, text = await service.call("GET", f"/api/v1/{path}")
        assert status == 200
        assert "canary-password" not in text, path


async def test_a_channel_is_changed_and_events_tell(service: Service) -> None:
    await import_register(service)
    headers = {"Origin": service.url}
    url = service.url + "/api/v1/events"
    async with service.client.ws_connect(url, headers=headers) as socket:
        await socket.receive()
        body = {"name": "新名字", "tags": ["a", "b"]}
        status, text = await service.call("PATCH", "/api/v1/channels/cam-7", json=body)
        assert status == 200, text
        changed = json.loads(text)
        assert (changed["name"], changed["tags"]) == ("新名字", ["a", "b"])
        async with asyncio.timeout(10):
            told = json.loads((await socket.receive()).data)
            while told["type"] != "channel.changed":
                told = json.loads((await socket.receive()).data)
        assert told["object"] == "cam-7"


REFUSED: list[tuple[str, str, Any, int]] = [
    ("POST", "channels", {"id": "cam-1", "name": "x"}, 409),
    ("POST", "channels", {"name": "x"}, 400),
    ("PATCH", "channels/cam-1", {"port": "９９９９９９"}, 400),
    ("PATCH", "channels/none", {"name": "x"}, 404),
    ("DELETE", "channels/none", None, 404),
    ("PUT", "credentials/a%2Fb", {"username": "u", "password": "p"}, 400),
    ("GET", "changes/77", None, 404),
    ("POST", "changes/77/undo", None, 404),
    ("DELETE", "tokens/77", None, 404),
]


async def test_what_cannot_be_done_is_refused(service: Service) -> None:
    await import_register(service)
    for method, path, body, status in REFUSED:
        given, text = await service.call(method, f"/api/v1/{path}", json=body)
        assert given == status, text
        assert json.loads(text)["code"] in ("bad_input", "not_found", "conflict")


async def test_platforms_credentials_and_tokens(service: Service) -> None:
    status, text = await service.call("PUT", "/api/v1/platforms/fire", json={"slots": 16})
    assert (status, json.loads(text)["slots"]) == (200, 16)
    body = {"username": "root", "password": "canary"}
    status, text = await service.call("PUT", "/api/v1/credentials/nvr", json=body)
    assert status == 200, text
    assert (await service.read("/api/v1/credentials"))["items"][0]["username"] == "root"
    status, text = await service.call("POST", "/api/v1/tokens", json={"role": "viewer"})
    assert status == 201
    secret = {"Authorization": f"Bearer {json.loads(text)['token']}"}
    assert (await service.call("GET", "/metrics", headers=secret))[0] == 200
    token = (await service.read("/api/v1/tokens"))["items"][0]
    status, _ = await service.call("DELETE", f"/api/v1/tokens/{token['id']}")
    assert status == 204
    assert (await service.call("GET", "/metrics", headers=secret))[0] == 401
    assert (await service.call("GET", "/readyz"))[0] == 200


async def test_a_new_password_is_audited_and_ends_the_session(service: Service) -> None:
    status, text = await service.call("POST", "/api/v1/users/Admin/password")
    assert status == 200
    assert (await service.call("GET", "/api/v1/session"))[0] == 401
    (row,) = [row for row in await service.audit.rows() if row.action == "user.password"]
    assert (row.actor, row.object) == ("admin", "admin")
    form = json.loads(text)
    form["username"] = form.pop("name")
    assert (await service.call("POST", "/api/v1/session", json=form))[0] == 200


async def test_a_bad_offer_is_refused_by_the_real_service(service: Service) -> None:
    await import_register(service)
    headers = {"Content-Type": "application/sdp"}
    status, text = await service.call("POST", "/whep/cam-2", data=b"not an offer", headers=headers)
    assert (status, json.loads(text)["code"]) == (400, "bad_input")


async def test_the_last_session_ends_with_signing_out(service: Service) -> None:
    assert (await service.call("DELETE", "/api/v1/session"))[0] == 204
    assert (await service.call("GET", "/api/v1/session"))[0] == 401
