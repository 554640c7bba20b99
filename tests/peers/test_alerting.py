"""Killed cameras through a real Prometheus and a real Alertmanager to whoever is on duty.

The dashboards' queries are asked of the same Prometheus.
"""

import asyncio
import csv
import io
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any

import aiohttp
import pytest
import yaml
from aiohttp import web

from scripts import dashboards
from tests.e2e.attacks import watch
from tests.e2e.stage import eventually
from tests.peers.prometheus import CONFIGS, Prometheus, configured, installed, prometheus
from tests.programs import (
    RunningFleet,
    Service,
    free_port,
    running,
    running_fleet,
    running_service,
)
from vidgate.model.health import State
from vidgate.simulator.viewers import LightViewer
from vidgate.webrtc.dtls import Certificate

pytestmark = [pytest.mark.peer, pytest.mark.usefixtures(installed.__name__)]

PLATFORM, DEPARTMENT = "公安回流01", "公安局"
MANY = 60.0  # seconds, more than a busy machine takes
CHANNELS = 48
CHANNELS_WITH_AREAS = 60  # two areas have five of them or more


@dataclass
class Duty:
    """The duty room's webhook and what it was told."""

    told: list[dict[str, Any]] = field(default_factory=list)

    async def hear(self, request: web.Request) -> web.Response:
        """One notification."""
        self.told.append(await request.json())
        return web.Response()

    def firing(self) -> list[tuple[str, int]]:
        """Name and number of alerts of each notification of something that is wrong."""
        return [
            (one["groupLabels"]["alertname"], len(one["alerts"]))
            for one in self.told
            if one["status"] == "firing"
        ]


@asynccontextmanager
async def duty_room() -> AsyncIterator[tuple[Duty, str]]:
    """The room and its address."""
    duty, app = Duty(), web.Application()
    app.router.add_post("/alerts", duty.hear)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield duty, f"http://127.0.0.1:{runner.addresses[0][1]}/alerts"
    finally:
        await runner.cleanup()


def prepare(folder: Path, room: str) -> None:
    """Our configuration with the room's address, in a hurry."""
    text = (CONFIGS.parent / "alertmanager" / "alertmanager.yml").read_text(encoding="utf-8")
    assert "http://127.0.0.1:9099/alerts" in text
    text = text.replace("http://127.0.0.1:9099/alerts", room)
    folder.mkdir()
    (folder / "alertmanager.yml").write_text(
        re.sub(r"group_wait: \w+", "group_wait: 1s", text), encoding="utf-8"
    )


@asynccontextmanager
async def alertmanager(folder: Path, room: str) -> AsyncIterator[int]:
    """A real one with our configuration, in a hurry; its port."""
    await asyncio.to_thread(prepare, folder, room)
    port = free_port()
    command = (
        "prometheus-alertmanager",
        f"--config.file={folder / 'alertmanager.yml'}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    )
    async with running(*command) as program:
        await program.says("Listening")
        yield port


def hurry(folder: Path) -> None:
    """Five minutes are a second: platforms, then areas, then channels, as the rules have it.

    Not for what is said of the service: a busy machine is late for a second, not for minutes.
    """
    file = folder / "rules" / "alerts.yml"
    rules = yaml.safe_load(file.read_text(encoding="utf-8"))
    for group in rules["groups"]:
        for rule in group["rules"] if group["name"] != "vidgate-service" else ():
            if minutes := re.fullmatch(r"(\d+)m", rule.get("for", "")):
                rule["for"] = f"{int(minutes[1]) * 200}ms"
    file.write_text(yaml.safe_dump(rules, allow_unicode=True), encoding="utf-8")


async def rows(fleet: RunningFleet) -> list[dict[str, str]]:
    """The accepted rows of the register."""
    text = await asyncio.to_thread(fleet.register.read_text, "utf-8-sig")
    found = csv.DictReader(io.StringIO(text))
    return [row for row in found if row["lifecycle"] == "accepted"]


async def kill(fleet: RunningFleet, ids: list[str]) -> None:
    """Break these cameras."""
    plan = [{"channel": id_, "fault": "down"} for id_ in ids]
    async with (
        aiohttp.ClientSession() as session,
        session.post(fleet.control + "/faults", json=plan) as response,
    ):
        assert response.status < 300, await response.text()


@asynccontextmanager
async def somebody_watches(service: Service, token: str, channel: str) -> AsyncIterator[None]:
    """One viewer of one channel."""
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession(service.url, headers=headers) as http,
        LightViewer(Certificate.generateCertificate()) as viewer,
    ):
        assert await watch(http, viewer, channel) is not None
        yield


async def a_page_tells(service: Service, token: str) -> None:
    """What the console's players would tell of some tiles."""
    part = {"first_frames": [0.2], "buffers": [0.03], "playing": 9.0, "stalls": 1, "stalled": 1.0}
    part |= {"freezes": 1, "frozen": 0.3, "decoded": 220, "dropped": 2, "received": 900, "lost": 3}
    report = {"parts": [{"variant": variant, **part} for variant in ("main", "sub")]}
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as http,
        http.post(service.url + "/api/v1/playback", json=report) as response,
    ):
        assert response.status == 204, await response.text()


def queries(values: dict[str, str]) -> dict[str, str]:
    """Every panel's expression, with the variables filled in."""
    found = {}
    for dashboard in dashboards.table()["dashboards"]:
        for panel in dashboard["panels"]:
            for legend, expression in panel.get("queries", {}).items():
                asked = Template(expression).substitute(values)
                found[f"{dashboard['uid']}: {panel['title']} {legend}"] = asked
    return found


async def all_have_samples(server: Prometheus, asked: dict[str, str]) -> None:
    """Wait until every query gives something."""
    silent = dict(asked)

    async def missing() -> list[str]:
        for title, expression in list(silent.items()):
            if await server.samples(expression):
                del silent[title]
        return list(silent)

    assert await eventually(missing, lambda titles: not titles, timeout=MANY) == []


@dataclass(frozen=True)
class Known:
    """What Alertmanager knows of one alert: its state, and the names of what holds it back."""

    name: str
    state: str
    held_by: frozenset[str]


async def known_to(port: int) -> set[Known]:
    """Every alert that is firing, notified or not; those of one name and fate are one."""
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"http://127.0.0.1:{port}/api/v2/alerts") as response,
    ):
        alerts = await response.json()
    names = {one["fingerprint"]: one["labels"]["alertname"] for one in alerts}
    return {
        Known(
            names[one["fingerprint"]],
            one["status"]["state"],
            frozenset(names[other] for other in one["status"]["inhibitedBy"]),
        )
        for one in alerts
    }


@dataclass
class Site:
    """All that an alarm goes through, from the cameras to whoever is on duty."""

    folder: Path
    fleet: RunningFleet
    service: Service
    duty: Duty
    alertmanager: int
    token: str

    def hurried(self) -> Path:
        """Prometheus's configuration."""
        file = configured(self.folder / "prometheus", self.service, self.token, self.alertmanager)
        hurry(file.parent)
        return file

    async def lose(self, ids: list[str]) -> None:
        """These cameras break, and three bad looks find it."""
        await kill(self.fleet, ids)
        for _ in range(3):
            await self.service.cli("probe", "--all", status=3)

    async def known(self) -> set[Known]:
        """What Alertmanager knows."""
        return await known_to(self.alertmanager)

    async def told(self) -> list[tuple[str, int]]:
        """What the duty room was told."""
        return self.duty.firing()


@asynccontextmanager
async def site(
    folder: Path,
    channels: int,
    *platform: str,
    edit: Callable[[dict[str, str], int], None] = lambda row, number: None,
) -> AsyncIterator[Site]:
    """A fleet that was registered and looked at once; `platform`: how one of it is set.

    `edit`: what is changed in each row of its register, by the row's number.
    """
    async with (
        running_fleet(folder, channels) as fleet,
        running_service(folder / "data", {"VIDGATE__PROBE__ENABLED": "false"}) as service,
        duty_room() as (duty, room),
        alertmanager(folder / "alertmanager", room) as port,
    ):
        await asyncio.to_thread(rewrite, fleet.register, edit)
        await service.cli("channel", "import", str(fleet.register))
        if platform:
            await service.cli("platform", "set", *platform)
        token = (await service.cli_json("token", "create", "--role", "viewer"))["token"]
        await service.cli("probe", "--all")
        yield Site(folder, fleet, service, duty, port, token)


def rewrite(register: Path, edit: Callable[[dict[str, str], int], None]) -> None:
    """Edit every row of a register."""
    with register.open(encoding="utf-8-sig", newline="") as file:
        found = list(csv.DictReader(file))
    for number, row in enumerate(found):
        edit(row, number)
    with register.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(found[0]))
        writer.writeheader()
        writer.writerows(found)


def held_back(by: str, *names: str) -> set[Known]:
    """One alert that is told, and those that it holds back."""
    held = {Known(name, "suppressed", frozenset({by})) for name in names}
    return held | {Known(by, "active", frozenset())}


async def runbook(alert: dict[str, Any]) -> str:
    """The page to which an alert leads."""
    async with (
        aiohttp.ClientSession() as http,
        http.get(alert["annotations"]["runbook_url"]) as page,
    ):
        assert page.status == 200
        return await page.text()


@pytest.mark.timeout(180)
async def test_an_outage_is_one_notification_and_every_panel_has_something_to_show(
    tmp_path: Path,
) -> None:
    async with site(tmp_path, CHANNELS, PLATFORM, "--quota", "4", "--slots", "2") as here:
        known = await rows(here.fleet)
        lost = [row["id"] for row in known if row["platform"] == PLATFORM]
        alone = next(row for row in known if not row["platform"])
        watched = next(row for row in known if row["platform"] not in ("", PLATFORM))
        async with (
            prometheus(here.hurried()) as server,
            somebody_watches(here.service, here.token, watched["id"]),
        ):
            await server.becomes("sum(channel:vidgate_channel_down:bool)", 0.0)
            await a_page_tells(here.service, here.token)
            assert len(lost) == 4
            await here.lose([*lost, alone["id"]])
            held = Known("ChannelDown", "suppressed", frozenset({"PlatformDown"}))
            assert await eventually(here.told, lambda told: len(told) >= 2, timeout=MANY)
            # Alertmanager's own word is that it will not be sent.
            assert held in await eventually(here.known, lambda found: held in found, timeout=MANY)
            assert sorted(await here.told()) == [("ChannelDown", 1), ("PlatformDown", 1)]
            told = {one["groupLabels"]["alertname"]: one["alerts"][0] for one in here.duty.told}
            assert told["ChannelDown"]["labels"]["channel"] == alone["id"]
            assert alone["name"] in told["ChannelDown"]["annotations"]["summary"]
            assert told["PlatformDown"]["labels"]["platform"] == PLATFORM
            assert "平台" in await runbook(told["PlatformDown"])
            values = {"channel": watched["id"], "department": DEPARTMENT}
            await all_have_samples(server, queries(values))
            await server.becomes("sum(vidgate_player_playing_seconds_total)", 18.0)


@pytest.mark.timeout(180)
async def test_our_own_network_cut_is_one_notification(tmp_path: Path) -> None:
    expected = held_back("UplinkDown", "PlatformDown", "HostDown", "ChannelDown")
    async with site(tmp_path, CHANNELS_WITH_AREAS) as here:
        await here.lose([row["id"] for row in await rows(here.fleet)])
        async with prometheus(here.hurried()) as server:
            await server.becomes('vidgate_incidents{cause="uplink"}', 1.0)
            await server.becomes("sum(vidgate_channel_up)", 0.0)
            found = await eventually(here.known, lambda found: found >= expected, timeout=MANY)
            assert found >= expected
            held = {Known(one.name, "suppressed", frozenset({"UplinkDown"})) for one in found}
            assert found - held == {Known("UplinkDown", "active", frozenset())}
            told = await eventually(here.told, bool, timeout=MANY)
            assert told == [("UplinkDown", 1)]  # none of what came to be held back
            assert "自身的网络断了" in await runbook(here.duty.told[0]["alerts"][0])


@pytest.mark.timeout(180)
async def test_a_platform_that_bears_most_of_all_areas_is_one_page(tmp_path: Path) -> None:
    """Forty of forty-eight channels, twenty of the twenty-four of each area."""

    def edit(row: dict[str, str], number: int) -> None:
        row["area"] = ("东片", "西片")[number % 2]
        if row["department"] == DEPARTMENT:
            row["platform"] = PLATFORM

    expected = held_back("PlatformDown", "HostDown", "ChannelDown")
    async with site(tmp_path, CHANNELS, edit=edit) as here:
        # They are dead as Prometheus begins: what it averages over time has known nothing else.
        await here.lose(
            [row["id"] for row in await rows(here.fleet) if row["platform"] == PLATFORM]
        )
        async with prometheus(here.hurried()) as server:
            await server.becomes("sum(channel:vidgate_channel_down:bool)", 40.0)
            assert await server.value("min(count by (area) (vidgate_channel_info))") == 24.0
            found = await eventually(here.known, lambda found: found >= expected, timeout=MANY)
            assert found == expected
            assert await eventually(here.told, bool, timeout=MANY) == [("PlatformDown", 1)]


def test_the_dashboards_are_what_the_table_says() -> None:
    committed = {
        file.name: file.read_text(encoding="utf-8") for file in dashboards.FOLDER.glob("*.json")
    }
    assert committed == dashboards.files(), "python -m scripts.dashboards writes them"


def test_a_panel_of_what_is_dark_counts_what_is_reachable_or_unknown_too() -> None:
    asked = queries({"channel": "a", "department": DEPARTMENT})
    dark = [expression for title, expression in asked.items() if "看不见" in title]
    assert len(dark) == 2
    assert all("channel:vidgate_channel_dark:bool" in expression for expression in dark)


def test_every_state_has_its_word() -> None:
    assert len(dashboards.STATES) == len(State)
