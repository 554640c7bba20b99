"""What a device recorded, asked for by WHEP with a moment and read from decoded pixels."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.e2e.viewing import told, viewing
from tests.programs import RunningFleet, Service, running_fleet, running_service
from tests.waiting import until
from vidgate.simulator.coded import COUNTER_MASK
from vidgate.simulator.pictures import FPS

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(90)]


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[tuple[Service, RunningFleet, str]]:
    async with (
        running_fleet(tmp_path, 20) as fleet,
        running_service(tmp_path / "data") as service,
    ):
        await service.cli("channel", "import", str(fleet.register))
        token = (await service.cli_json("token", "create", "--role", "operator"))["token"]
        yield service, fleet, token


async def truth(fleet: RunningFleet) -> dict[str, Any]:
    async with aiohttp.ClientSession() as http, http.get(f"{fleet.control}/truth") as answer:
        found: dict[str, Any] = await answer.json()
        return found


async def test_the_recording_of_a_moment_is_shown_and_ends(
    place: tuple[Service, RunningFleet, str],
) -> None:
    service, fleet, token = place
    epoch = float((await truth(fleet))["epoch"])
    channel = (await service.cli_json("channel", "list"))["items"][0]
    start = time.time() - 600
    async with viewing(service, token) as viewer, viewing(service, token) as live:
        window = {"stream": "main", "from": told(start), "to": told(start + 4)}
        assert await viewer.offer(channel["id"], **window) == (201, "")
        await until(lambda: len(viewer.strips) >= 10, timeout=20)
        seen = [strip for strip in viewer.strips if strip is not None]
        assert seen
        for strip in seen:  # not what is live: what was there ten minutes ago
            since = strip.counter - round((start - epoch) * FPS) + FPS  # it may begin a bit early
            assert since & COUNTER_MASK <= 7 * FPS
        view = await viewer.view()
        assert view["replay_from"] == pytest.approx(start, abs=0.001)
        assert start - 3 <= view["recorded"] <= start + 5
        assert await live.offer(channel["id"], stream="main") == (201, "")
        await until(lambda: len(live.strips) >= 5, timeout=20)
        view = await live.view()
        assert (view["replay_from"], view["recorded"]) == (None, None)
        assert await viewer.is_over()  # its end ends the session, and nobody else's
        assert (await live.view())["status"] == 200
    audit = [item for item in await _audited(service) if item["action"] == "stream.watch"]
    assert any("recording" in item["detail"] for item in audit)


async def test_what_is_switched_off_ends_for_all_who_watch_or_replay_it(
    place: tuple[Service, RunningFleet, str],
) -> None:
    service, _, token = place
    channel = (await service.cli_json("channel", "list"))["items"][0]["id"]
    moments = {"stream": "main", "from": told(time.time() - 600)}
    async with (
        viewing(service, token) as viewer,
        viewing(service, token) as live,
        viewing(service, token) as late,
        viewing(service, token) as late_viewer,
    ):
        assert await viewer.offer(channel, **moments) == (201, "")
        assert await live.offer(channel, stream="main") == (201, "")
        await until(lambda: min(len(viewer.strips), len(live.strips)) >= 5, timeout=20)
        await service.cli("channel", "set", channel, "--enabled", "no")
        assert await viewer.is_over()
        assert await live.is_over()
        assert await late.offer(channel, stream="main") == (409, "channel_disabled")
        assert await late_viewer.offer(channel, **moments) == (409, "channel_disabled")


async def _audited(service: Service) -> list[dict[str, Any]]:
    import sqlite3

    path = Path(service.env["VIDGATE_DATA"]) / "vidgate.db"

    def read() -> list[dict[str, Any]]:
        with sqlite3.connect(path) as db:
            rows = db.execute("select action, detail from audit").fetchall()
        return [{"action": action, "detail": str(detail)} for action, detail in rows]

    return await asyncio.to_thread(read)


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [("no-replay", 502, "no_replay"), ("no-recording", 404, "no_recording")],
)
async def test_a_device_without_says_so(
    place: tuple[Service, RunningFleet, str], fault: str, status: int, code: str
) -> None:
    service, fleet, token = place
    channel = (await service.cli_json("channel", "list"))["items"][0]
    async with aiohttp.ClientSession() as http:
        wish = [{"channel": channel["id"], "fault": fault}]
        async with http.post(f"{fleet.control}/faults", json=wish) as answer:
            assert answer.status < 300
    async with viewing(service, token) as viewer:
        window = {"stream": "main", "from": told(time.time() - 60)}
        assert await viewer.offer(channel["id"], **window) == (status, code)
