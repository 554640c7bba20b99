"""Slow clients and too many of them, shortened; `scripts/soak siege` does the same in full."""

import json
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import aiohttp
import psutil
import pytest

from tests.e2e import lossy
from tests.e2e.attacks import AS_SDP, attacked, watch
from tests.e2e.cycles import delivered
from tests.e2e.siege import PAGES, WHOLE, Door, besiege, besiegeable, confined, crowd, silent_crowd
from tests.e2e.stage import eventually
from tests.programs import running_fleet, running_service, tls_settings
from tests.waiting import until
from vidgate.simulator.viewers import LightViewer
from vidgate.webrtc.dtls import Certificate

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(90)]


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_slow_clients_are_cut_and_others_are_served(tmp_path: Path, scheme: str) -> None:
    async with besiegeable(tmp_path, 300) as (service, token):
        door = await Door.https(service) if scheme == "https" else None
        found = await besiege(service, token, 60, door=door)
        assert len(found.cut) == 60
        assert max(found.cut) <= 20
        assert found.refused == 0
        assert len(found.waits[WHOLE]) > 2
        assert all(len(found.waits[path]) > 20 for path in PAGES)


async def test_a_service_without_descriptors_refuses_and_keeps_what_it_has(tmp_path: Path) -> None:
    async with (
        running_fleet(tmp_path, 4) as fleet,
        confined(tmp_path / "data", 256) as service,
    ):
        await service.cli("channel", "import", str(fleet.register))
        token = (await service.cli_json("token", "create", "--role", "viewer"))["token"]
        channels = await delivered(fleet)
        headers = {"Authorization": f"Bearer {token}"}
        certificate = Certificate.generateCertificate()
        async with (
            aiohttp.ClientSession(service.url, headers=headers) as http,
            LightViewer(certificate) as viewer,
            LightViewer(certificate) as late,
        ):
            assert await watch(http, viewer, channels[0]) is not None
            async with crowd(service, 200) as told:
                assert told["503"] >= 200 - 64
                assert told["200"] > 32
                assert set(told) == {"200", "503"}
                packets = viewer.counts.packets
                # Who is connected is served on, and cameras are still called.
                assert await watch(http, late, channels[1]) is not None
                await until(lambda: viewer.counts.packets > packets + 20)
                assert viewer.counts.lost == 0
            for _ in range(50):  # as soon as it has heard that they are gone
                async with crowd(service, 20) as told:
                    if told["200"] == 20:
                        break
            assert told["200"] == 20


async def test_handshakes_that_never_begin_take_no_more_than_their_share(tmp_path: Path) -> None:
    settings = await tls_settings(tmp_path / "data")
    async with (
        running_fleet(tmp_path, 4) as fleet,
        confined(tmp_path / "data", 256, settings) as service,
    ):
        await service.cli("channel", "import", str(fleet.register))
        token = (await service.cli_json("token", "create", "--role", "viewer"))["token"]
        channels = await delivered(fleet)
        headers = {"Authorization": f"Bearer {token}"}
        certificate = Certificate.generateCertificate()
        process = psutil.Process(service.program.process.pid)
        async with (
            aiohttp.ClientSession(service.url, headers=headers) as http,
            LightViewer(certificate) as viewer,
            LightViewer(certificate) as late,
        ):
            assert await watch(http, viewer, channels[0]) is not None
            before = process.num_fds()
            async with silent_crowd(await service.https(), 200) as ended:
                await until(lambda: ended() >= 200 - 64)
                assert process.num_fds() <= before + 64
                packets = viewer.counts.packets
                assert await watch(http, late, channels[1]) is not None
                await until(lambda: viewer.counts.packets > packets + 20)
                assert viewer.counts.lost == 0
                await until(lambda: ended() == 200, timeout=20)


@contextmanager
def no_descriptor_left(pid: int) -> Iterator[None]:
    """Inside the block that process can open nothing more; what it has open stays."""
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    held = {int(name) for name in os.listdir(f"/proc/{pid}/fd")}
    free = next(number for number in count() if number not in held)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (free, limits[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)


async def probed(http: aiohttp.ClientSession, ids: list[str]) -> dict[str, str]:
    """The reasons that a probe of these by name gives."""
    wish = {"ids": ids, "level": "describe"}
    async with http.post("/api/v1/probes", json=wish) as response:
        last = (await response.text()).splitlines()[-1]
    return {item["id"]: item["reason"] for item in json.loads(last)["items"]}


async def states(http: aiohttp.ClientSession) -> dict[str, tuple[str, str]]:
    """State of each channel, and since when."""
    async with http.get("/api/v1/channels") as response:
        listed = await response.json()
    return {item["id"]: (item["state"], item["since"]) for item in listed["items"]}


async def test_a_pull_without_descriptors_is_our_503_and_no_camera_s_fault(tmp_path: Path) -> None:
    settings = {"VIDGATE__PROBE__ENABLED": "false"}  # whose looks would give descriptors back
    async with (
        running_fleet(tmp_path, 4) as fleet,
        running_service(tmp_path / "data", settings) as service,
    ):
        await service.cli("channel", "import", str(fleet.register))
        token = (await service.cli_json("token", "create", "--role", "engineer"))["token"]
        watched, cold, *others = await delivered(fleet)
        certificate = Certificate.generateCertificate()
        async with (
            # One connection that is kept: a new one would need a descriptor itself.
            aiohttp.ClientSession(
                service.url,
                headers={"Authorization": f"Bearer {token}"},
                connector=aiohttp.TCPConnector(limit=1),
            ) as http,
            LightViewer(certificate) as viewer,
            LightViewer(certificate) as late,
        ):
            assert await watch(http, viewer, watched) is not None
            assert set((await probed(http, [cold, *others])).values()) == {"ok"}
            # What is watched is found up by its stream, within a second or so.
            before = await eventually(lambda: states(http), lambda known: known[watched][0] == "up")
            with no_descriptor_left(service.program.process.pid):
                async with http.post(f"/whep/{cold}", data=late.offer, headers=AS_SDP) as refused:
                    problem = await refused.json()
                assert (refused.status, problem["code"]) == (503, "limit_reached")
                assert "本机资源不足" in problem["detail"]
                for _ in range(4):  # one more than what makes a camera down
                    assert set((await probed(http, others)).values()) == {"error"}
                packets = viewer.counts.packets
                await until(lambda: viewer.counts.packets > packets + 20)
                assert await states(http) == before
            assert await eventually(lambda: watch(http, late, cold), bool), "by itself"
            assert set((await probed(http, [cold, *others])).values()) == {"ok"}


async def test_viewers_connect_through_loss_and_see_on_after_a_burst(tmp_path: Path) -> None:
    async with attacked(tmp_path) as target:
        assert await lossy.connects(target, 0.1, 20) >= 18  # a busy machine loses some by itself
        assert max(await lossy.resumes(target, 0.1, 2)) <= 3
