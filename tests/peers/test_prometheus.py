"""A real Prometheus scrapes the service with our own configuration."""

import asyncio
import csv
import io
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.programs import (
    RunningFleet,
    Service,
    free_port,
    running,
    running_fleet,
    running_service,
)

pytestmark = pytest.mark.peer

CONFIGS = Path(__file__).resolve().parents[2] / "configs" / "prometheus"
DEPARTMENT = "公安局"
CHANNELS = 48  # forty of them are the department's
KILLED = 10
PAGES = ("/metrics", "/metrics/channels")


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    """Skip where the package is missing; fail under CI, which installs it."""
    found = shutil.which("prometheus") and shutil.which("promtool")
    if not found and os.environ.get("CI") == "true":
        pytest.fail("Prometheus is not installed")
    if not found:
        pytest.skip("needs the package prometheus")


def configured(folder: Path, service: Service, token: str) -> Path:
    """Our configuration with this service's address and token, scraping every second."""
    shutil.copytree(CONFIGS, folder)
    (folder / "vidgate.token").write_text(token, encoding="utf-8")
    file = folder / "prometheus.yml"
    text = file.read_text(encoding="utf-8")
    assert text.count("127.0.0.1:8080") == 4  # targets, the runbooks' address, and the comment
    text = text.replace("127.0.0.1:8080", service.url.removeprefix("http://"))
    for interval in ("15s", "60s"):
        text = text.replace(f"interval: {interval}", "interval: 1s")
    text = text.replace("scrape_timeout: 10s", "scrape_timeout: 1s")
    text = text.replace("scrape_timeout: 20s", "scrape_timeout: 1s")
    file.write_text(text, encoding="utf-8")
    rules = folder / "rules" / "vidgate.yml"
    slow = rules.read_text(encoding="utf-8")
    rules.write_text(slow.replace("interval: 60s", "interval: 1s"), encoding="utf-8")
    return file


class Prometheus:
    """The running server's API."""

    def __init__(self, url: str) -> None:
        self.url = url

    async def _get(self, path: str, **query: str) -> Any:
        async with (
            aiohttp.ClientSession() as session,
            session.get(self.url + path, params=query) as response,
        ):
            answer = await response.json()
            assert answer["status"] == "success", answer
            return answer["data"]

    async def value(self, expression: str) -> float | None:
        """The one value of an expression; None while there is none."""
        found = (await self._get("/api/v1/query", query=expression))["result"]
        return float(found[0]["value"][1]) if found else None

    async def targets(self) -> dict[str, tuple[str, str]]:
        """Health and last error of each job."""
        active = (await self._get("/api/v1/targets"))["activeTargets"]
        return {one["labels"]["job"]: (one["health"], one["lastError"]) for one in active}

    async def becomes(self, expression: str, value: float) -> None:
        """Wait until the expression has the value."""
        seen: list[float | None] = [await self.value(expression)]
        for _ in range(100):
            if seen[-1] == value:
                return
            await asyncio.sleep(0.2)
            seen.append(await self.value(expression))
        pytest.fail(f"{expression} was never {value}: {dict.fromkeys(seen)}")


@asynccontextmanager
async def prometheus(file: Path) -> AsyncIterator[Prometheus]:
    """The server with this configuration."""
    listen = f"127.0.0.1:{free_port()}"
    command = (
        "prometheus",
        f"--config.file={file}",
        f"--storage.tsdb.path={file.parent / 'data'}",
        f"--web.listen-address={listen}",
    )
    async with running(*command) as program:
        await program.says("Server is ready to receive web requests")
        yield Prometheus(f"http://{listen}")


async def kill(fleet: RunningFleet, count: int) -> None:
    """Break so many of the department's cameras."""
    text = await asyncio.to_thread(fleet.register.read_text, "utf-8-sig")
    rows = [row for row in csv.DictReader(io.StringIO(text)) if row["department"] == DEPARTMENT]
    assert len(rows) == 40
    plan = [{"channel": row["id"], "fault": "down"} for row in rows[:count]]
    async with (
        aiohttp.ClientSession() as session,
        session.post(fleet.control + "/faults", json=plan) as response,
    ):
        assert response.status < 300, await response.text()


async def answers(service: Service, headers: Mapping[str, str]) -> list[int]:
    """The status of each metrics page."""
    async with aiohttp.ClientSession(headers=headers) as session:
        found = []
        for page in PAGES:
            async with session.get(service.url + page) as response:
                found.append(response.status)
        return found


@asynccontextmanager
async def fleet_and_service(folder: Path) -> AsyncIterator[tuple[RunningFleet, Service]]:
    """Forty-eight cameras, registered; nothing is probed by itself."""
    async with (
        running_fleet(folder, CHANNELS) as fleet,
        running_service(folder / "data", {"VIDGATE__PROBE__ENABLED": "false"}) as service,
    ):
        await service.cli("channel", "import", str(fleet.register))
        yield fleet, service


@pytest.mark.timeout(120)
async def test_ten_of_forty_killed_is_three_quarters(tmp_path: Path) -> None:
    online = f'department:vidgate_channel_up:avg{{department="{DEPARTMENT}"}}'
    up, all_ = (
        f'sum(vidgate_channels{{department="{DEPARTMENT}"{state}}})'
        for state in (',state="up"', "")
    )
    async with fleet_and_service(tmp_path) as (fleet, service):
        token = (await service.cli_json("token", "create", "--role", "viewer"))["token"]
        assert await answers(service, {"Authorization": f"Bearer {token}"}) == [200, 200]
        async with prometheus(configured(tmp_path / "prometheus", service, token)) as server:
            await service.cli("probe", "--all")
            await server.becomes(online, 1.0)
            await kill(fleet, KILLED)
            await service.cli("probe", "--department", DEPARTMENT, status=3)
            assert await server.value(online) == 1.0  # one failure is forgiven, and so are two
            await service.cli("probe", "--department", DEPARTMENT, status=3)
            await service.cli("probe", "--department", DEPARTMENT, status=3)
            await server.becomes(online, 0.75)
            await server.becomes(f"{up} / {all_}", 0.75)
            assert await server.value("count(vidgate_channel_up)") == CHANNELS  # planned: none
            assert await server.value("vidgate_build_info") == 1.0
            assert {health for health, _ in (await server.targets()).values()} == {"up"}


@pytest.mark.timeout(120)
async def test_no_token_no_metrics(tmp_path: Path) -> None:
    async with running_service(tmp_path / "data") as service:
        assert await answers(service, {}) == [401, 401]
        assert await answers(service, {"Authorization": "Bearer wrong"}) == [401, 401]
        async with prometheus(configured(tmp_path / "prometheus", service, "wrong")) as server:
            jobs: dict[str, tuple[str, str]] = {}
            for _ in range(100):
                jobs = await server.targets()
                if len(jobs) == 2 and all("401" in error for _, error in jobs.values()):
                    break
                await asyncio.sleep(0.2)
            assert {health for health, _ in jobs.values()} == {"down"}


def test_the_rules_say_what_they_claim(tmp_path: Path) -> None:
    folder = tmp_path / "prometheus"
    shutil.copytree(CONFIGS, folder)
    (folder / "vidgate.token").touch()
    cases = sorted(str(file.relative_to(folder)) for file in (folder / "tests").glob("*.yml"))
    for words in (["check", "config", "prometheus.yml"], ["test", "rules", *cases]):
        done = subprocess.run(
            ["promtool", *words], cwd=folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
