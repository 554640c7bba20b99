"""A real Prometheus scrapes the service with our own configuration."""

import asyncio
import csv
import io
import shutil
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.e2e.stage import eventually
from tests.peers.prometheus import CONFIGS, configured, installed, prometheus
from tests.programs import RunningFleet, Service, running_fleet, running_service

pytestmark = [pytest.mark.peer, pytest.mark.usefixtures(installed.__name__)]

DEPARTMENT = "公安局"
CHANNELS = 48  # forty of them are the department's
KILLED = 10
PAGES = ("/metrics", "/metrics/channels")


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

            def is_refused(jobs: dict[str, tuple[str, str]]) -> bool:
                return len(jobs) == 2 and all("401" in error for _, error in jobs.values())

            jobs = await eventually(server.targets, is_refused, timeout=30.0)
            assert is_refused(jobs)
            assert {health for health, _ in jobs.values()} == {"down"}


@pytest.mark.timeout(180)  # the longest lives through three days, minute by minute
@pytest.mark.parametrize(
    "cases", sorted((CONFIGS / "tests").glob("*.yml")), ids=lambda file: file.stem
)
def test_the_rules_say_what_they_claim(cases: Path) -> None:
    promtool("test", "rules", str(cases))


def test_the_configuration_is_one(tmp_path: Path) -> None:
    folder = tmp_path / "prometheus"
    shutil.copytree(CONFIGS, folder)
    (folder / "vidgate.token").touch()
    promtool("check", "config", str(folder / "prometheus.yml"))


def promtool(*words: str) -> None:
    """It finds nothing to say."""
    done = subprocess.run(["promtool", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
