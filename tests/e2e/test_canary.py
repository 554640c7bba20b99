"""A password that no one may ever see again: through everything that touches one, for real.

The service, the fleet and the command line run as programs of their own. Afterwards the canaries
are looked for in everything that they printed, stored, answered or showed to others.
"""

import asyncio
import json
import sqlite3
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zipfile import ZipFile

import aiohttp
import psutil
import pytest

from tests.programs import Service, running_service
from tests.rtsp.camera import run_camera
from tests.rtsp.indiscreet import login, says_back, status
from tests.simulator.conftest import id_of
from tests.waiting import until
from vidgate.model.channel import Login
from vidgate.simulator.fleet import Fleet, FleetSettings
from vidgate.simulator.register import generate
from vidgate.wire.uri import Uri

# Marks that percent-encoding, JSON and base64 leave in one piece.
CAMERA = "canaryCAMERAq7Zx"
WRONG = "canaryWRONGk2Vb"
PLATFORM = "canaryPLATFORMw9"
CANARIES = (CAMERA, WRONG, PLATFORM)
OFFER = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"


@dataclass
class Witness:
    """Everything that anybody could see."""

    seen: list[tuple[str, bytes]] = field(default_factory=list)

    def note(self, where: str, what: str | bytes) -> None:
        """Keep it to be searched."""
        self.seen.append((where, what.encode() if isinstance(what, str) else what))

    def leaks(self, words: tuple[str, ...]) -> list[str]:
        """Where one of the words stands, in any case and also in base64."""
        return [
            f"{word} in {where}"
            for where, data in self.seen
            for word in words
            if word.lower().encode() in data.lower() or any(b in data for b in in_base64(word))
        ]


def in_base64(word: str) -> list[bytes]:
    """What of a word stays the same in base64, for each place in which it may begin."""
    texts = [b64encode(b" " * before + word.encode()) for before in range(3)]
    return [text[4:-4] for text in texts]


def unpacked(data: bytes) -> bytes:
    """The parts of a zipped file; any other file as it is."""
    if data[:2] != b"PK":
        return data
    with ZipFile(BytesIO(data)) as archive:
        return b"\n".join(archive.read(name) for name in archive.namelist())


def rows() -> list[dict[str, str]]:
    """Six cameras whose password is the canary."""
    made = generate(6)
    for row in made:
        for name in ("url", "sub_url"):
            if row.get(name):
                uri = Uri.parse(row[name])
                row[name] = f"rtsp://viewer:{quote(CAMERA)}@{uri.authority}{uri.path}"
    return made


@pytest.fixture
async def fleet() -> AsyncIterator[Fleet]:
    settings = FleetSettings(platform_login=Login("asker", PLATFORM))
    async with Fleet(rows(), settings) as fleet:
        yield fleet


class Run:
    """The command line and the API of one service, all of whose words are kept."""

    def __init__(self, service: Service, witness: Witness, client: aiohttp.ClientSession) -> None:
        self.service, self.witness, self.client = service, witness, client

    async def cli(self, *words: str, given: str = "") -> str:
        """A command; its output is kept and its exit status is not asked for."""
        said = await self.service.cli(*words, status=None, given=given)
        self.witness.note(" ".join(words[:3]), said)
        return said

    async def call(self, method: str, path: str, **how: Any) -> Any:
        """A request; the whole answer is kept."""
        async with self.client.request(method, self.service.url + path, **how) as response:
            body = await response.read()
            self.witness.note(f"{method} {path}", f"{dict(response.headers)}".encode() + body)
            return json.loads(body) if body[:1] in (b"{", b"[") else body


@asynccontextmanager
async def running(folder: Path, witness: Witness) -> AsyncIterator[Run]:
    settings = {"VIDGATE__LOG__LEVEL": "debug", "VIDGATE__PROBE__DESCRIBE_PERIOD": "2"}
    async with running_service(folder, settings) as service:
        jar = aiohttp.CookieJar(unsafe=True)
        headers = {"Origin": service.url}
        async with aiohttp.ClientSession(cookie_jar=jar, headers=headers) as client:
            run = Run(service, witness, client)
            login = {"username": "admin", "password": service.password}
            await run.call("POST", "/api/v1/session", json=login)
            async with asyncio.TaskGroup() as group:
                hearing = group.create_task(hear(run))
                yield run
                hearing.cancel()
        witness.note("log", service.program.text.replace(service.password, ""))


async def hear(run: Run) -> None:
    """Keep every event."""
    url = run.service.url.replace("http", "ws") + "/api/v1/events"
    async with run.client.ws_connect(url) as socket:
        async for message in socket:
            run.witness.note("event", str(message.data))


async def register(run: Run, fleet: Fleet, folder: Path) -> None:
    """Files with canaries, good and bad; one channel by hand, one by form."""
    good, bad = folder / "good.csv", folder / "bad.csv"
    lines = [f"{row['id']},{row['name']},{row['url']}" for row in fleet.register_rows[:3]]
    head = "通道编号,通道名称,主码流地址"
    await asyncio.to_thread(good.write_text, "\n".join([head, *lines]), "utf-8")
    wrong = [
        f"x1,甲,rtsp://viewer:{CAMERA}@bad host/x",
        f"x2,乙,http://viewer:{CAMERA}@127.0.0.1/x",
        f"x3,丙,rtsp://127.0.0.1/?password={CAMERA}",
        f"x 4,丁,rtsp://viewer:{CAMERA}@127.0.0.1:99999/x",
    ]
    await asyncio.to_thread(bad.write_text, "\n".join([head, *wrong]), "utf-8")
    for options in ((), ("--dry-run",), ("--partial",)):
        await run.cli("channel", "import", str(bad), "--json", *options)
    await run.cli("channel", "import", str(good), "--json")
    await run.cli("channel", "import", str(good))
    uri = Uri.parse(fleet.register_rows[3]["url"])
    await run.cli(
        *("channel", "add", "by-hand", "--name", "手工", "--url", str(uri)),
        *("--username", "viewer", "--password-stdin"),
        given=CAMERA + "\n",
    )
    await run.cli(
        "channel", "add", "xm-1", *f"--name 雄迈 --vendor XM --address {uri.host}".split()
    )
    await run.cli("channel", "set", "xm-1", "--port", str(uri.port))


async def credentials(run: Run, fleet: Fleet) -> None:
    """By name, by pattern, wrong, tried, rotated."""
    stdin = ("--password-stdin",)
    await run.cli(
        *("credential", "set", "net", "--username", "viewer", "--host", "127.0.0.0/8", *stdin),
        given=CAMERA + "\n",
    )
    await run.cli("credential", "set", "wrong", "--username", "viewer", *stdin, given=WRONG + "\n")
    await run.cli("credential", "list", "--json")
    await run.cli("credential", "test", "net", "--json")
    await run.cli("credential", "test", "wrong", "--channel", "by-hand", "--json")
    await run.cli("channel", "test", "xm-1", "--json")
    await run.cli("channel", "set", id_of(fleet, 2), "--credential", "wrong", "--json")
    await run.cli("credential", "rotate")
    body = {"username": ["x", CAMERA], "password": CAMERA}
    await run.call("PUT", "/api/v1/credentials/bad", json=body)


async def platform(run: Run, fleet: Fleet) -> None:
    """A platform that is asked, with the right and with a wrong password."""
    given = ("credential", "set", "asker", "--username", "asker", "--password-stdin")
    await run.cli(*given, given=WRONG + "\n")
    endpoint = fleet.control_url + "/platform/streams/{id}?stream={stream}"
    await run.cli(
        *("platform", "set", "p", "--resolver", "http", "--endpoint", endpoint),
        *("--auth", "basic", "--credential", "asker", "--path", "data.url", "--json"),
    )
    id_ = id_of(fleet, 5)
    await run.cli("channel", "add", id_, "--name", "平台", "--platform", "p", "--json")
    await run.cli("channel", "test", id_, "--json")
    await run.cli(*given, given=PLATFORM + "\n")
    trial = json.loads(await run.cli("channel", "test", id_, "--json"))
    assert trial["is_good"], trial


async def indiscreet(run: Run) -> None:
    """A camera that says our password to whoever asks us for its picture."""
    async with run_camera(says_back(status(500), login)) as camera:
        where = ("--name", "多嘴", "--url", camera.url, "--credential", "net")
        await run.cli("channel", "add", "indiscreet", *where)
        trial = await run.cli("channel", "test", "indiscreet", "--json")
        assert "500): Error ***:***" in trial
        await run.cli("probe", "indiscreet", "--level", "media", "--json")
        await ask_for_picture(run, "indiscreet")
        await run.call("GET", "/api/v1/channels/indiscreet")
        await run.call("GET", "/api/v1/streams")


async def ask_for_picture(run: Run, channel: str) -> None:
    """A viewer who gets nothing."""
    headers = {"Content-Type": "application/sdp"}
    await run.call("POST", f"/whep/{channel}", data=OFFER, headers=headers)


async def look(run: Run, fleet: Fleet) -> None:
    """Probes of every outcome, and viewers who get nothing."""
    fleet.set_fault(id_of(fleet, 1), "down")
    fleet.set_fault(id_of(fleet, 3), "busy")
    await run.cli("probe", "--all", "--level", "media", "--json")
    for name in (id_of(fleet, 2), id_of(fleet, 5), "xm-1"):
        await ask_for_picture(run, name)


async def read_everything(run: Run, fleet: Fleet, folder: Path) -> None:
    """Every page and document that there is to read."""
    document = await run.call("GET", "/api/v1/openapi.json")
    for path, methods in document["paths"].items():
        if "get" in methods and "{" not in path and not path.endswith("/events"):
            await run.call("GET", path)
    for path in ("/metrics", "/metrics/channels", "/api/v1/changes?limit=100"):
        await run.call("GET", path)
    for change in (await run.call("GET", "/api/v1/changes"))["items"]:
        await run.call("GET", f"/api/v1/changes/{change['id']}")
    for name in (*(id_of(fleet, number) for number in (1, 2, 3, 5)), "by-hand", "xm-1"):
        await run.call("GET", f"/api/v1/channels/{name}")
    for form in ("csv", "xlsx"):
        out = folder / f"out.{form}"
        await run.cli("channel", "export", "-o", str(out))
        if await asyncio.to_thread(out.exists):
            content = unpacked(await asyncio.to_thread(out.read_bytes))
            assert id_of(fleet, 1).encode() in content
            run.witness.note(f"export {form}", content)


def processes(service: Service) -> str:
    """What `ps` shows of the service and its children, environment included."""
    parent = psutil.Process(service.program.process.pid)
    shown = []
    for process in (parent, *parent.children(recursive=True)):
        try:
            shown += [*process.cmdline(), json.dumps(process.environ())]
        except psutil.NoSuchProcess:
            continue
    return "\n".join(shown)


def stored(folder: Path) -> list[tuple[str, bytes]]:
    """Every file of the data folder but the key, and the database as SQL."""
    found = [
        (file.name, file.read_bytes())
        for file in folder.rglob("*")
        if file.is_file() and file.name != "secret.key"
    ]
    connection = sqlite3.connect(folder / "vidgate.db")
    try:
        found.append(("dump", "\n".join(connection.iterdump()).encode()))
    finally:
        connection.close()
    return found


@pytest.mark.timeout(120)
async def test_no_password_is_seen_anywhere(fleet: Fleet, tmp_path: Path) -> None:
    witness, data = Witness(), tmp_path / "data"
    async with running(data, witness) as run:
        await until(lambda: any(where == "event" for where, _ in witness.seen))
        await register(run, fleet, tmp_path)
        await credentials(run, fleet)
        await platform(run, fleet)
        await indiscreet(run)
        await look(run, fleet)
        await read_everything(run, fleet, tmp_path)
        witness.note("processes", await asyncio.to_thread(processes, run.service))
        for name, content in await asyncio.to_thread(stored, data):
            witness.note(f"running: {name}", content)
    for name, content in await asyncio.to_thread(stored, data):
        witness.note(f"stopped: {name}", content)
    told = fleet.truth()
    places = {where for where, data in witness.seen if data}
    for place in ("log", "processes", "export csv", "export xlsx", "GET /metrics/channels"):
        assert place in places
    assert {"running: dump", "stopped: dump", "running: vidgate.db"} <= places
    assert witness.leaks(("by-hand",))  # so what is there is found
    # It has truly been used: cameras were asked with it, and tickets were given for it.
    assert sum(camera["describes"] for camera in told["channels"].values()) >= 3
    assert told["platform"]["issued"] >= 1
    assert told["platform"]["refused"] >= 1
    assert witness.leaks(CANARIES) == []
    # Nor what the platform answered.
    assert witness.leaks(("/ticket/",)) == []
    events = [data for where, data in witness.seen if where == "event"]
    assert any(b"credential.changed" in event for event in events)
