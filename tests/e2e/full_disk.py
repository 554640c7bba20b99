"""A service with viewers on a disk that fills up; run by test_full_disk in a namespace of its own.

    unshare --mount --map-root-user python -m tests.e2e.full_disk FOLDER

mounts a small tmpfs as the data folder, and prints what happened as one JSON document.
"""

import asyncio
import json
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from tests.e2e.stage import eventually
from tests.programs import RunningFleet, Service, running_fleet, running_service
from tests.registry.files import HEADER, row, text
from tests.registry.full_disk import fill
from vidgate.aio.supervisor import cancel_and_wait
from vidgate.simulator.coded import read_strip
from vidgate.storage.audit import Audit
from vidgate.storage.database import Database

SIZE = 8 << 20
CHANNELS = 8
SETTINGS = {"VIDGATE__PROBE__DESCRIBE_PERIOD": "1", "VIDGATE__PROBE__MEDIA_PERIOD": "5"}


class Viewer:
    """Reads the number and the counter of every picture; `gap` is the longest wait between two."""

    def __init__(self) -> None:
        self.numbers: set[int] = set()
        self.pictures = 0
        self.gap = 0.0
        self._counter = -1
        self._seen = 0.0
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._task: asyncio.Task[None] | None = None

    async def connect(self, http: aiohttp.ClientSession, url: str) -> None:
        """Offer by WHEP and take the answer."""
        peer = self._connection
        peer.addTransceiver("video", direction="recvonly")
        peer.on("track", self._start)
        await peer.setLocalDescription(await peer.createOffer())
        origin = url.partition("/whep")[0]
        headers = {"Content-Type": "application/sdp", "Origin": origin}
        async with http.post(url, data=peer.localDescription.sdp, headers=headers) as answer:
            assert answer.status == 201, await answer.text()
            sdp = await answer.text()
        await peer.setRemoteDescription(RTCSessionDescription(sdp, "answer"))

    async def close(self) -> None:
        await self._connection.close()
        await cancel_and_wait(self._task)

    def _start(self, track: MediaStreamTrack) -> None:
        self._task = asyncio.get_running_loop().create_task(self._watch(track))

    async def _watch(self, track: MediaStreamTrack) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                frame: Any = await track.recv()
            except MediaStreamError:
                return
            strip = read_strip(np.asarray(frame.to_ndarray(format="rgb24"))[:16])
            if strip is None or strip.counter <= self._counter:
                continue
            if self.pictures:
                self.gap = max(self.gap, loop.time() - self._seen)
            self._seen, self._counter = loop.time(), strip.counter
            self.numbers.add(strip.number)
            self.pictures += 1


class Story:
    """What one person does while the disk fills and is freed."""

    def __init__(self, service: Service, fleet: RunningFleet, http: aiohttp.ClientSession) -> None:
        self.service = service
        self.fleet = fleet
        self.http = http
        self.told: dict[str, Any] = {}

    async def ask(self, method: str, path: str, **more: Any) -> tuple[int, str]:
        headers = {"Origin": self.service.url}
        url = self.service.url + path
        async with self.http.request(method, url, headers=headers, **more) as answer:
            return answer.status, await answer.text()

    async def sign_in(self) -> int:
        form = {"username": "admin", "password": self.service.password}
        return (await self.ask("POST", "/api/v1/session", json=form))[0]

    async def ready(self) -> str:
        return (await self.ask("GET", "/readyz"))[1]

    async def state(self, channel: str) -> str:
        status, text_ = await self.ask("GET", f"/api/v1/channels/{channel}")
        return str(json.loads(text_)["health"]["state"]) if status == 200 else text_

    async def metric(self, name: str) -> float:
        page = (await self.ask("GET", "/metrics"))[1]
        return float(next(x.split()[1] for x in page.splitlines() if x.startswith(name + " ")))

    async def listen(self, token: str, into: list[str]) -> None:
        """Collect what is told of the storage until cancelled; a new sign-in ends cookies."""
        headers = {"Authorization": f"Bearer {token}"}
        url = self.service.url + "/api/v1/events"
        async with self.http.ws_connect(url, headers=headers) as socket:
            async for message in socket:
                event = json.loads(message.data)
                if event["type"] == "storage.state":
                    into.append(event["data"]["state"])

    async def run(self, folder: Path, viewer: Viewer, second: Viewer) -> None:
        channels = json.loads((await self.ask("GET", "/api/v1/channels?limit=8"))[1])["items"]
        watched, lost, other = (one["id"] for one in channels[:3])
        self.told["number"] = channels[0]["number"]
        await viewer.connect(self.http, f"{self.service.url}/whep/{watched}")
        await eventually(self._pictures(viewer, 10), bool)
        ballast = fill(folder)
        large = text(HEADER, *(row(n) for n in range(600)))
        status, said = await self.ask("POST", "/api/v1/channels/import?filename=r.csv", data=large)
        self.told["import"] = [status, said]
        self.told["change"] = await self._change_until_refused(watched)
        self.told["full"] = await eventually(self.ready, lambda told: "full" in told)
        self.told["writable"] = await self.metric("vidgate_storage_writable")
        self.told["sign in"] = await self.sign_in()
        self.told["session"] = (await self.ask("GET", "/api/v1/session"))[1]
        wish = [{"channel": lost, "fault": "401"}]
        async with self.http.post(f"{self.fleet.control}/faults", json=wish) as answer:
            assert answer.status == 201
        self.told["lost"] = await eventually(
            lambda: self.state(lost), lambda s: s == "unauthorized"
        )
        await second.connect(self.http, f"{self.service.url}/whep/{other}")
        await eventually(self._pictures(second, 5), bool)
        self.told["waiting"] = await self.metric("vidgate_storage_waiting_writes")
        before = viewer.pictures
        ballast.unlink()
        self.told["ready"] = await eventually(self.ready, lambda told: told == "ready\n")
        self.told["waiting after"] = await self.metric("vidgate_storage_waiting_writes")
        self.told["audit lost"] = await self.metric("vidgate_audit_lost_total")
        self.told["after"] = (await self._change(watched, "好了"))[0]
        await eventually(self._pictures(viewer, before + 10), bool)
        self.told["stored"] = await eventually(
            lambda: asyncio.to_thread(stored, folder, lost), lambda state: state == 5
        )

    def _pictures(self, viewer: Viewer, count: int) -> Callable[[], Awaitable[bool]]:
        async def there() -> bool:
            return viewer.pictures >= count

        return there

    async def _change(self, channel: str, name: str) -> tuple[int, str]:
        return await self.ask("PATCH", f"/api/v1/channels/{channel}", json={"name": name})

    async def _change_until_refused(self, channel: str) -> tuple[int, str]:
        """A refused import leaves room in the log that small changes use up first."""
        answer = (0, "")
        for number in range(500):
            answer = await self._change(channel, f"{number} " + "满" * 100)
            if answer[0] != 200:
                break
        return answer


def stored(folder: Path, channel: str) -> int:
    """The state of a channel in the file."""
    connection = sqlite3.connect(folder / "vidgate.db")
    try:
        query = "SELECT state FROM health_now WHERE channel = ?"
        return int((connection.execute(query, [channel]).fetchone() or [0])[0])
    finally:
        connection.close()


async def run(folder: Path, outside: Path) -> dict[str, Any]:
    async with AsyncExitStack() as stack:
        fleet = await stack.enter_async_context(running_fleet(outside, CHANNELS))
        service = await stack.enter_async_context(running_service(folder, SETTINGS))
        report = await service.cli_json("channel", "import", str(fleet.register))
        assert report["rejected"] == 0
        jar = aiohttp.CookieJar(unsafe=True)
        http = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=jar))
        viewers = Viewer(), Viewer()
        for viewer in viewers:
            stack.push_async_callback(viewer.close)
        story = Story(service, fleet, http)
        assert await story.sign_in() == 200
        events: list[str] = []
        token = (await service.cli_json("token", "create", "--role", "viewer"))["token"]
        listening = asyncio.get_running_loop().create_task(story.listen(token, events))
        try:
            await story.run(folder, *viewers)
        finally:
            await cancel_and_wait(listening)
        story.told["events"] = events
        story.told |= {
            "pictures": viewers[0].pictures,
            "numbers": sorted(viewers[0].numbers),
            "gap": viewers[0].gap,
        }
        told = story.told
        told["exit"] = await service.program.stop()
    async with Database(folder / "vidgate.db") as db:
        rows = await Audit(db).rows(limit=500)
        told["audit"] = (await Audit(db).verify()).broken
        told["actions"] = [row.action for row in rows]
    connection = sqlite3.connect(folder / "vidgate.db")
    told["integrity"] = connection.execute("PRAGMA integrity_check").fetchone()[0]
    told["sessions"] = connection.execute("SELECT count(*) FROM sessions").fetchone()[0]
    connection.close()
    return told


def main() -> None:
    root = Path(sys.argv[1])
    folder, outside = root / "data", root / "outside"
    folder.mkdir()
    outside.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    subprocess.run(mount, check=True)
    print(json.dumps(asyncio.run(run(folder, outside)), ensure_ascii=False))


if __name__ == "__main__":
    main()
